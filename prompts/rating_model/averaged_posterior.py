"""The posterior of the rating model averaged over hyper-parameters.

A dozen hyper-parameters learnt from a dozen ratings are uncertain, and one estimate of them makes the model too sure of
itself. So while data are few, they are drawn from Laplace's approximation of their posterior, around its maximum, and
means and covariances are those of the mixture (Rasmussen & Williams 2006, §5.2; Snoek, Larochelle & Adams 2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .choice_functions import Products, Tables
from .covariance import Covariance
from .hyperparameters import Evidence
from .kernel_posterior import KernelPosterior
from .kernels import Hyperparameters, Rows

#: Step of the finite differences of the gradient by log θ, which is exact to far more digits.
_STEP = 1e-3


def draw_hyperparameters(
    evidence: Evidence, best: Hyperparameters, count: int, rng: np.random.Generator
) -> list[Hyperparameters]:
    """``count`` hyper-parameters from Laplace's approximation around the ``best``; opposite pairs, so ``count`` is even."""
    centre = evidence.layout.pack(best, evidence.mean)
    size = len(centre)
    here = evidence(centre)[1]
    steps = _STEP * np.eye(size)
    curvature = np.array([evidence(centre + step)[1] - here for step in steps]) / _STEP
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    # The prior alone has at least this curvature.
    least = 0.5 / evidence.deviation.max() ** 2
    noise = rng.standard_normal((count // 2, size)) / np.sqrt(np.maximum(values, least))
    steps = np.concatenate([noise, -noise]) @ vectors.T
    bounds = evidence.bounds()
    return [evidence.layout.unpack(np.clip(centre + step, *bounds.T)) for step in steps]


class AveragedPosterior:
    """An equal mixture of posteriors; values in units of the noise of the first. See ``KernelPosterior`` for the methods."""

    def __init__(self, parts: Sequence[KernelPosterior]) -> None:
        self.parts = list(parts)
        self._units = [part.theta.noise / parts[0].theta.noise for part in parts]

    def predict(self, cells: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of m cells, (m,) each."""
        predicted = [part.predict(cells) for part in self.parts]
        means = np.array([unit * mean for unit, (mean, _) in zip(self._units, predicted, strict=True)])
        spread = np.array([unit**2 * variance for unit, (_, variance) in zip(self._units, predicted, strict=True)])
        return means.mean(axis=0), spread.mean(axis=0) + means.var(axis=0)

    def covariance(self, choices: np.ndarray, shares: Mapping[int, float]) -> Covariance:
        """Covariance between the goals Σ_r shares[r] f_r of (n, S) choices, without image effects."""
        within = [
            part.covariance(choices, shares).times(unit**2 / len(self.parts))
            for unit, part in zip(self._units, self.parts, strict=True)
        ]
        values = np.array(
            [
                unit
                * sum(s * table(choices)[0] for s, table in zip(shares.values(), part.means(list(shares)), strict=True))
                for unit, part in zip(self._units, self.parts, strict=True)
            ]
        )
        centred = (values - values.mean(axis=0)) / np.sqrt(len(values))

        def columns(numbers: np.ndarray) -> np.ndarray:
            return sum((part.columns(numbers) for part in within), start=centred.T @ centred[:, numbers])

        variances = sum((part.variances for part in within), start=(centred**2).sum(axis=0))
        return Covariance(variances, columns)

    def means(self, raters: Sequence[int]) -> list[Tables]:
        """The mean as a function of the choice for each rater (−1: an unknown one), without image effects."""
        parts = [part.means(raters) for part in self.parts]
        totals = []
        for tables in zip(*parts, strict=True):
            total = tables[0].times(self._units[0] / len(parts))
            for unit, table in zip(self._units[1:], tables[1:], strict=True):
                total = total.plus(table.times(unit / len(parts)))
            # One sum is quicker to compute than the sum of several.
            together = (Products.summed(total.products),) if total.products else ()
            totals.append(replace(total, products=together))
        return totals

    def draws(self, rng: np.random.Generator, count: int, raters: Sequence[int]) -> list[Tables]:
        """``count`` joint draws of the raters' functions of the choice, from the parts in turn."""
        size = -(-count // len(self.parts))
        parts = [
            [table.times(unit, in_place=len(raters) == 1) for table in part.draws(rng, size, raters)]
            for unit, part in zip(self._units, self.parts, strict=True)
        ]
        chosen = rng.permutation(size * len(parts))[:count]
        return [Tables.joined(tables, chosen) for tables in zip(*parts, strict=True)]
