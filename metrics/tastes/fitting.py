"""Fits a taste: scaling, fit, calibration, and the evidence that there is something to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..items.frame import Frame
from .examples import Examples
from .folds import HeldOut
from .item_kernels import ItemKernels
from .making_kernels import MakingKernels
from .mixture import (
    COMPARED_PICTURES,
    CONSTANT,
    Hypothesis,
    Makings,
    Mixture,
    beliefs_in_generated,
    fit_all,
    hypotheses,
    joined,
    learn_mixture,
)

#: Number of pictures scored together, which limits memory.
CHUNK = 4096


@dataclass(frozen=True)
class Scaling:
    """Scale of items and prior scores, learnt from reference pictures without their likings.

    Mean and deviation of the prior scores are (k,); the deviation of constant ones is infinite.
    """

    frame: Frame
    prior_centre: np.ndarray
    prior_scale: np.ndarray

    @classmethod
    def of(cls, items: np.ndarray, priors: np.ndarray, names: tuple[str, ...]) -> Scaling:
        """Learn from (m, p) items and (m, k) prior scores of reference pictures; NaN counts as missing."""
        known = np.isfinite(priors)
        counts = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, priors, 0.0).sum(axis=0) / counts
        spread = np.sqrt((np.where(known, priors - centre, 0.0) ** 2).sum(axis=0) / counts)
        return cls(Frame.of(items, names), centre, np.where(spread > 1e-12, spread, np.inf))

    def priors(self, priors: np.ndarray) -> np.ndarray:
        """(n, k) prior scores in standard deviations, cut at ±3; 0 for missing ones."""
        z: np.ndarray = np.clip(np.nan_to_num((priors - self.prior_centre) / self.prior_scale), -3, 3)
        return z


@dataclass(frozen=True)
class Fitted:
    """A fitted model with its scaling; a function of items, prior scores and how pictures were made."""

    scaling: Scaling
    model: Mixture

    def __call__(self, items: np.ndarray, priors: np.ndarray, makings: Makings = None) -> np.ndarray:
        """(n,) liking of (n, p) items and (n, k) prior scores, with how each picture was made, as far as it is known."""
        likings = [
            self.model.predict(
                self.scaling.frame.deviations(items[i : i + CHUNK]),
                self.scaling.priors(priors[i : i + CHUNK]),
                None if makings is None else makings[i : i + CHUNK],
            )
            for i in range(0, len(items), CHUNK)
        ]
        return np.concatenate(likings) if likings else np.zeros(0)


def fit(examples: Examples, names: tuple[str, ...], scaling: Scaling | None = None) -> Fitted:
    """Fit the average of Gaussian processes to examples with (p,) names of items; by default by their own scaling."""
    scaling = scaling or Scaling.of(examples.items, examples.priors, names)
    z, priors = scaling.frame.deviations(examples.items), scaling.priors(examples.priors)
    kernels = ItemKernels.of(z, scaling.frame.kinds, examples.modes)
    beliefs, makings = examples.prior_beliefs, MakingKernels.of(examples.makings)
    if examples.generated:
        beliefs = beliefs_in_generated(examples.prior_names, beliefs)
    return Fitted(
        scaling,
        learn_mixture(
            z,
            examples.liking,
            examples.weights,
            priors,
            kernels,
            examples.prior_names,
            beliefs,
            examples.levels,
            makings,
        ),
    )


def evidence_of(examples: Examples, scaling: Scaling) -> float:
    """Log evidence, in nats, that items and makings explain likings against that of a constant; without prior scores.

    One picture stands for its group, because pictures that are nearly alike are liked alike. Likings are standardised, as the
    beliefs are of likings of good and bad pictures. NaN if some are known from choices alone, or all are equal.
    """
    rows = np.unique(examples.groups, return_index=True)[1]
    some = examples.take(rows[np.linspace(0, len(rows) - 1, min(len(rows), COMPARED_PICTURES)).astype(int)])
    y = some.liking - some.liking.mean()
    if not some.rated.all() or np.ptp(y) == 0:
        return float("nan")
    z, y = scaling.frame.deviations(some.items), y / y.std()
    kernels, makings = ItemKernels.of(z, scaling.frame.kinds, some.modes), MakingKernels.of(some.makings)
    base, made = kernels.against(z), makings.gram()

    def shown(candidates: Sequence[Hypothesis]) -> np.ndarray:
        """(h, 2) log beliefs, and these with the log evidence."""
        beliefs = np.array([h.belief for h in candidates])
        evidence = fit_all(list(candidates), base, y, some.weights, np.zeros((len(y), 0)), makings=made)[0]
        return np.stack([beliefs, beliefs + evidence], axis=1)

    candidates = hypotheses(kernels.names, ())
    found = shown(candidates)
    if made:
        weights = np.exp(found[:, 1] - found[:, 1].max())
        found = np.concatenate([found, shown(joined(candidates, weights, kernels.names, makings.names))])
    (before, after), (usual, constant) = (np.logaddexp.reduce(one, axis=0) for one in (found, shown(CONSTANT)))
    return float(after - before - (constant - usual))


def calibrate(held_out: HeldOut | None, examples: Examples) -> tuple[float, float]:
    """Slope and offset of the logistic curve from liking to probability, fitted to held-out pictures.

    Liked and disliked pictures have equal weight in all.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999), with his prior-corrected targets.
    """
    if held_out is None:
        return 1.0, 0.0
    tested = np.isfinite(held_out.scores)
    scores = held_out.scores[tested]
    target = 0.5 + np.clip(examples.liking[tested] - examples.middle, -1, 1) / 2
    up, down = target.sum(), (1 - target).sum()
    if min(up, down) <= 0:
        return 1.0, 0.0
    from scipy.optimize import minimize

    soft = target * (up + 1) / (up + 2) + (1 - target) / (down + 2)
    weights = target / up + (1 - target) / down

    def loss(x: np.ndarray) -> float:
        logit = x[0] * scores + x[1]
        return float(np.sum(weights * (np.logaddexp(0, logit) - soft * logit)))

    # A slope above zero keeps the order of pictures even if nothing was learnt.
    slope, offset = minimize(loss, np.array([1.0, 0.0]), bounds=[(0.05, 50.0), (-20.0, 20.0)], method="L-BFGS-B").x
    return float(slope), float(offset)
