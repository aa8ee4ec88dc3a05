"""Fits a taste: scaling, fit, calibration, and the evidence that there is something to fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..damage.names import TECHNICAL
from ..items.frame import Frame
from ..items.nima import NIMA
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
from .model_effects import means_by_model

#: Number of pictures scored together, which limits memory.
CHUNK = 4096
#: How often the mean of a model's pictures counts in their prior scores, see docs/benchmarks/taste.md.
MODEL_WEIGHTS = {TECHNICAL: 4.0, NIMA: 2.0}


@dataclass(frozen=True)
class Scaling:
    """Scale of items and prior scores, learnt from reference pictures without their likings."""

    frame: Frame
    prior_centre: np.ndarray  # (k,)
    prior_scale: np.ndarray  # (k,); that of constant ones is infinite
    #: by number of the prior score, what a model adds to those of its pictures: ``MODEL_WEIGHTS`` times the mean over
    #: them
    of_models: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, items: np.ndarray, priors: np.ndarray, names: tuple[str, ...], prior_names: Sequence[str] = (),
        makings: Makings = None,
    ) -> Scaling:  # fmt: skip
        """Learn from (m, p) items, (m, k) prior scores and makings of reference pictures; NaN counts as missing."""
        models = [] if makings is None else ["" if making is None else making.model for making in makings]
        of_models = {
            number: added
            for number, name in enumerate(prior_names)
            if (added := means_by_model(MODEL_WEIGHTS.get(name, 0.0) * priors[:, number], models))
        }
        priors = _with_models(priors, of_models, makings)
        known = np.isfinite(priors)
        counts = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, priors, 0.0).sum(axis=0) / counts
        spread = np.sqrt((np.where(known, priors - centre, 0.0) ** 2).sum(axis=0) / counts)
        return cls(Frame.of(items, names), centre, np.where(spread > 1e-12, spread, np.inf), of_models)

    def priors(self, priors: np.ndarray, makings: Makings = None) -> np.ndarray:
        """(n, k) prior scores in standard deviations, cut at ±3; 0 for missing ones."""
        priors = _with_models(priors, self.of_models, makings)
        z: np.ndarray = np.clip(np.nan_to_num((priors - self.prior_centre) / self.prior_scale), -3, 3)
        return z


def _with_models(priors: np.ndarray, of_models: Mapping[int, Mapping[str, float]], makings: Makings) -> np.ndarray:
    """(n, k) prior scores with what the model of each picture adds."""
    if makings is None or not of_models:
        return priors
    priors = priors.copy()
    for column, added in of_models.items():
        priors[:, column] += [0.0 if making is None else added.get(making.model, 0.0) for making in makings]
    return priors


@dataclass(frozen=True)
class Fitted:
    """A fitted model with its scaling; a function of items, prior scores and how pictures were made."""

    scaling: Scaling
    model: Mixture

    def __call__(self, items: np.ndarray, priors: np.ndarray, makings: Makings = None) -> np.ndarray:
        """(n,) liking of (n, p) items and (n, k) prior scores, with how each picture was made, as far as it is known."""
        likings = []
        for some in (slice(start, start + CHUNK) for start in range(0, len(items), CHUNK)):
            made = None if makings is None else makings[some]
            z, known = self.scaling.frame.deviations(items[some]), self.scaling.priors(priors[some], made)
            likings.append(self.model.predict(z, known, made))
        return np.concatenate(likings) if likings else np.zeros(0)


def fit(examples: Examples, names: tuple[str, ...], scaling: Scaling | None = None) -> Fitted:
    """Fit the average of Gaussian processes to examples with (p,) names of items; by default by their own scaling."""
    scaling = scaling or Scaling.of(examples.items, examples.priors, names, examples.prior_names, examples.makings)
    z, priors = scaling.frame.deviations(examples.items), scaling.priors(examples.priors, examples.makings)
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
