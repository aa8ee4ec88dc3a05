"""Fitting a taste: one scale for items and prior scores, the method chosen and fitted on it, likings turned into probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from ...errors import ItemsError
from .examples import Examples
from .folds import HeldOut
from .kernels import Frame
from .method_choice import Choice, choose
from .methods import METHODS, Model, learn

#: Pictures scored together, so that memory stays flat.
CHUNK = 4096


@dataclass(frozen=True)
class Scaling:
    """Puts items and prior scores on one scale; learnt from pictures without looking at likings."""

    frame: Frame
    prior_centre: np.ndarray
    prior_scale: np.ndarray

    @classmethod
    def of(cls, items: np.ndarray, priors: np.ndarray, names: tuple[str, ...]) -> Scaling:
        """Learn from (m, p) items and (m, k) prior scores of reference pictures; NaN counts as missing."""
        known = np.isfinite(priors)
        number = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, priors, 0.0).sum(axis=0) / number
        spread = np.sqrt((np.where(known, priors - centre, 0.0) ** 2).sum(axis=0) / number)
        return cls(Frame.of(items, names), centre, np.where(spread > 1e-12, spread, np.inf))

    def priors(self, priors: np.ndarray) -> np.ndarray:
        """(n, k) prior scores in standard deviations, cut at ±3; 0 where one is missing."""
        z: np.ndarray = np.clip(np.nan_to_num((priors - self.prior_centre) / self.prior_scale), -3, 3)
        return z


@dataclass(frozen=True)
class Fitted:
    """A method fitted on its scaling."""

    scaling: Scaling
    choice: Choice
    model: Model

    def __call__(self, items: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(n,) liking of (n, p) items and (n, k) prior scores."""
        parts = [
            self.model.predict(
                self.scaling.frame.deviations(items[i : i + CHUNK]), self.scaling.priors(priors[i : i + CHUNK])
            )
            for i in range(0, len(items), CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)


def fit(
    examples: Examples,
    names: tuple[str, ...],
    rng: np.random.Generator,
    scaling: Scaling | None = None,
    methods: Sequence[str] = METHODS,
    repeats: int = 1,
    *,
    every: bool = False,
) -> Fitted:
    """Choose a method among ``methods`` by grouped cross-validation, and fit it.

    Args:
        examples: what was said.
        names: (p,) names of the items.
        rng: source of the folds.
        scaling: of reference pictures; by default of the examples.
        methods: candidates, the usual one first.
        repeats: of the cross-validation that chooses.
        every: see ``choose``.
    """
    scaling = scaling or Scaling.of(examples.items, examples.priors, names)
    z, priors = scaling.frame.deviations(examples.items), scaling.priors(examples.priors)
    choice = choose(z, examples, priors, scaling.frame, rng, methods, repeats=repeats, every=every)
    model = learn(choice.method, z, examples, priors, scaling.frame)
    if model is None:
        choice = replace(choice, method="gp")
        model = learn("gp", z, examples, priors, scaling.frame)
    if model is None:
        raise ItemsError("Expected examples that a method can learn from.")
    return Fitted(scaling, choice, model)


def calibrate(held_out: HeldOut | None, examples: Examples) -> tuple[float, float]:
    """Slope and offset of the logistic curve from liking to probability, by held-out pictures, both sides weighing alike.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999), with his prior-corrected targets.
    """
    seen = np.isfinite(held_out.scores) if held_out is not None else np.zeros(len(examples), dtype=bool)
    middle = (examples.liking.min() + examples.liking.max()) / 2
    target = 0.5 + np.clip(examples.liking - middle, -1, 1) / 2
    up, down = target[seen].sum(), (1 - target[seen]).sum()
    if held_out is None or min(up, down) <= 0:
        return 1.0, 0.0
    scores = held_out.scores[seen]
    soft = target[seen] * (up + 1) / (up + 2) + (1 - target[seen]) / (down + 2)
    weights = target[seen] / up + (1 - target[seen]) / down

    def loss(x: np.ndarray) -> float:
        logit = x[0] * scores + x[1]
        return float(np.sum(weights * (np.logaddexp(0, logit) - soft * logit)))

    # A slope above zero keeps the order of pictures even where nothing was learnt.
    found = minimize(loss, np.array([1.0, 0.0]), bounds=[(0.05, 50.0), (-20.0, 20.0)], method="L-BFGS-B").x
    return float(found[0]), float(found[1])
