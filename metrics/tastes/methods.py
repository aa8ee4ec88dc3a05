"""Methods that learn a liking from items and prior scores.

``method_choice`` chooses between them.

| method           | description                                                                      | contributions |
|------------------|----------------------------------------------------------------------------------|---------------|
| ``mixture``      | Gaussian processes and version D, averaged by evidence; the usual method         | by masking    |
| ``gp+attention`` | weighted mean of the next and ``attention``; the usual one before                | by masking    |
| ``gp``           | average of Gaussian processes on top of the prior scores, ``gaussian_process``   | by masking    |
| ``ridge``        | as ``gp``, with the linear kernel only                                           | exact         |
| ``attention``    | version D over the modes, on principal components; it ignores prior scores       | by masking    |
| ``T2``           | Taguchi's T-method (2), with the unit space at the disliked end                  | exact         |
| ``prior``        | the prior scores alone                                                           | exact         |

In ``gp+attention`` version D has half the belief that the prior scores alone do not explain everything. ``mixture``
has version D as a kernel among others, so that prior scores and evidence apply to it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..attention.version_d import AttentionD
from ..items.frame import DEEP, Frame
from ..taguchi.tmethods import T2
from .examples import Examples
from .gaussian_process import Preference, learn_preference
from .item_kernels import ItemKernels
from .mixture import learn_mixture

MIXTURE, BOTH = "mixture", "gp+attention"
METHODS = (MIXTURE, BOTH, "gp", "ridge", "attention", "T2", "prior")
#: Most principal components of a head for version D, and of the items of a network.
COMPONENTS, NETWORK_COMPONENTS = 6, 12
#: Small grids, because cross-validation fits version D many times.
_TEMPERATURES, _RIDGES = (0.5, 2.0, 8.0), (0.01, 0.1, 1.0)


class Model(Protocol):
    """A fitted method."""

    def predict(self, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(i,) liking from (i, p) deviations and (i, k) standardised prior scores."""


@dataclass(frozen=True)
class Attention:
    """Version D over the modes of the examples, one head for each kind of items, on their principal components.

    Attributes:
        model: the fitted version.
        mean: (p,) mean of the examples' deviations.
        axes: (components, p) principal axes, those of each head in turn.
        worth: (g,) mean liking of each mode of ``model.classes_``.
    """

    model: AttentionD
    mean: np.ndarray
    axes: np.ndarray
    worth: np.ndarray

    def components(self, z: np.ndarray) -> np.ndarray:
        """(i, components) principal components of (i, p) deviations."""
        components: np.ndarray = (z - self.mean) @ self.axes.T
        return components

    def predict(self, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(i,) liking: outputs for the modes, weighted by the worth of the modes."""
        liking: np.ndarray = self.model.metric(self.components(z)) @ self.worth
        return liking

    def probabilities(self, z: np.ndarray) -> np.ndarray:
        """(i, g) probability of each mode."""
        return self.model.predict_proba(self.components(z))


def principal_axes(rows: np.ndarray, frame: Frame) -> tuple[np.ndarray, list[list[int]], list[float]]:
    """Principal axes of the heads.

    Only the components of a head are whitened, so no covariance of as many items as pictures needs to be estimated. A
    network's items are one head and count as much as all others together: content beside appearance.

    Args:
        rows: (n, p) centred deviations.
        frame: blocks and heads of the items.

    Returns:
        (components, p) axes, the numbers of the components of each head, and the weight of each head.
    """
    axes: list[np.ndarray] = []
    members: list[list[int]] = []
    of_network: list[bool] = []
    for head in map(list, frame.heads):
        _, lengths, head_axes = np.linalg.svd(rows[:, head], full_matrices=False)
        deep = bool(frame.blocks[head[0]] == DEEP)
        most = NETWORK_COMPONENTS if deep else COMPONENTS
        count = int(np.count_nonzero(lengths[:most] > 1e-6 * max(float(lengths[0]), 1e-12)))
        if lengths[0] > 0:
            members.append(list(range(len(axes), len(axes) + count)))
            of_network.append(deep)
            for axis in head_axes[:count]:
                axes.append(np.zeros(rows.shape[1]))
                axes[-1][head] = axis
    weights = [1 / of_network.count(deep) for deep in of_network]
    return np.stack(axes), members, weights


def learn_attention(z: np.ndarray, examples: Examples, frame: Frame) -> Attention | None:
    """Fit version D; None if there are fewer than two modes, no mode has two pictures, or no item varies."""
    modes = examples.modes
    names, counts = np.unique(modes, return_counts=True)
    mean = z.mean(axis=0)
    if len(names) < 2 or counts.max() < 2 or not np.ptp(z, axis=0).any():
        return None
    axes, members, weights = principal_axes(z - mean, frame)
    model = AttentionD(_TEMPERATURES, _RIDGES, members, weights).fit((z - mean) @ axes.T, modes, examples.groups)
    worth = np.array([examples.liking[modes == mode].mean() for mode in model.classes_])
    return Attention(model, mean, axes, worth)


@dataclass(frozen=True)
class Both:
    """Gaussian processes and version D together.

    Attributes:
        gp, attention: the two models.
        share: weight of version D: half the belief that the prior scores alone do not explain everything.
    """

    gp: Preference
    attention: Attention
    share: float

    def predict(self, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(i,) liking."""
        by_gp, by_attention = self.gp.predict(z, priors), self.attention.predict(z, priors)
        liking: np.ndarray = (1 - self.share) * by_gp + self.share * by_attention
        return liking


@dataclass(frozen=True)
class Linear:
    """A T-method over deviations and prior scores."""

    model: T2

    def predict(self, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(i,) liking."""
        liking: np.ndarray = self.model.predict(np.hstack([z, priors]))
        return liking


def learn_t2(z: np.ndarray, examples: Examples, priors: np.ndarray) -> Linear | None:
    """Fit T2 with the least liked pictures, at least three, as its unit space; None for fewer than six pictures."""
    if len(z) < 6:
        return None
    order = np.argsort(examples.liking, kind="stable")
    lowest = int((examples.liking == examples.liking.min()).sum())
    unit = np.zeros(len(z), dtype=bool)
    unit[order[: min(max(lowest, 3), len(z) - 2)]] = True
    return Linear(T2("low").fit(np.hstack([z, priors]), examples.liking, unit))


def learn_all(
    methods: Sequence[str], z: np.ndarray, examples: Examples, priors: np.ndarray, frame: Frame
) -> dict[str, Model]:
    """Fit several methods; a model that two of them share is fitted once.

    Args:
        methods: some of ``METHODS``.
        z: (n, p) deviations of the examples.
        examples: the judged pictures.
        priors: (n, k) standardised prior scores of the examples.
        frame: blocks of the items.

    Returns:
        models by method; those that cannot learn from these examples are left out.
    """
    models: dict[str, Model] = {}
    attention = learn_attention(z, examples, frame) if {"attention", BOTH} & set(methods) else None
    gp = None
    if {"gp", BOTH} & set(methods):
        gp = learn_preference(z, examples.liking, examples.weights, priors, frame)
    for method in methods:
        model: Model | None = None
        if method == MIXTURE:
            kernels = ItemKernels.of(z, frame.kinds, examples.modes)
            named = examples.prior_names, examples.prior_beliefs
            model = learn_mixture(z, examples.liking, examples.weights, priors, kernels, *named, examples.levels)
        elif method == "gp":
            model = gp
        elif method == "attention":
            model = attention
        elif method == BOTH and gp is not None:
            model = gp if attention is None else Both(gp, attention, (1 - gp.shares["prior"]) / 2)
        elif method == "T2":
            model = learn_t2(z, examples, priors)
        elif method == "ridge" or priors.shape[1]:
            model = learn_preference(z, examples.liking, examples.weights, priors, frame, kind=method)
        if model is not None:
            models[method] = model
    return models


def learn(method: str, z: np.ndarray, examples: Examples, priors: np.ndarray, frame: Frame) -> Model | None:
    """Fit one method; None if it cannot learn from these examples. See ``learn_all``."""
    return learn_all([method], z, examples, priors, frame).get(method)
