"""The posterior of the rating model, for given hyper-parameters and averaged over several.

For given ones it is exact for ratings and a Laplace approximation for choices; its cost is cubic in the number of cells.

A dozen hyper-parameters learnt from a dozen ratings are uncertain, and one estimate of them makes the model too sure of
itself. So while data are few, they are drawn from Laplace's approximation of their posterior, around its maximum, and
means and covariances are those of the mixture (Rasmussen & Williams 2006, §5.2; Snoek, Larochelle & Adams 2012).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve, cholesky

from .choice_functions import Products, Tables, combination, prior_draws
from .hyperparameters import Evidence
from .kernels import Hyperparameters, Rows, covariance, taste_kernel, taste_variance, variance
from .laplace import Mode, whiten

#: Step of the finite differences of the gradient by log θ, which is exact to far more digits.
_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Covariance:
    """(n,) variances of the goals of n choices, and a function for their (n, k) covariances with (k,) of them."""

    variances: np.ndarray
    columns: Callable[[np.ndarray], np.ndarray]

    def full(self) -> np.ndarray:
        """The (n, n) matrix."""
        return self.columns(np.arange(len(self.variances)))

    def times(self, factor: float) -> Covariance:
        """Covariances of goals whose squares are ``factor`` times as large."""
        return Covariance(factor * self.variances, lambda numbers: factor * self.columns(numbers))


class KernelPosterior:
    """Posterior of every (rater, choice) cell after feedback on the n ``rows``, in units of the rating noise σ."""

    def __init__(self, levels: tuple[int, ...], rows: Rows, theta: Hyperparameters, mode: Mode) -> None:
        self.levels, self.rows, self.theta, self.mode = levels, rows, theta, mode
        self._means: dict[int, Tables] = {}

    def predict(self, cells: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of m cells, (m,) each."""
        prior = variance(cells, self.levels, self.theta)
        if not len(self.rows):
            return np.zeros(len(cells)), prior
        mean, remaining = np.empty(len(cells)), np.empty(len(cells))
        # In blocks, so that memory does not grow with the number of cells.
        for start in range(0, len(cells), 2000):
            block = np.arange(start, min(start + 2000, len(cells)))
            cross = covariance(self.rows, cells.take(block), self.levels, self.theta)
            mean[block] = self.mode.weights @ cross
            remaining[block] = prior[block] - np.einsum("mk,mk->k", white := whiten(self.mode, cross), white)
        return mean, np.maximum(remaining, 1e-12 * prior)

    def covariance(self, choices: np.ndarray, shares: Mapping[int, float]) -> Covariance:
        """Covariance between the goals Σ_r shares[r] f_r of (n, S) choices."""
        theta, total = self.theta, sum(shares.values())
        own = sum(share**2 for share in shares.values())
        white = np.zeros((0, len(choices)))
        if len(self.rows):
            known = np.array([shares.get(int(rater), 0.0) if rater >= 0 else 0.0 for rater in self.rows.raters])[
                :, None
            ]
            taste = taste_kernel(self.rows.choices, choices, self.levels, theta)
            cross = theta.constant * total + theta.own_constant * known + (total + theta.own * known) * taste
            white = whiten(self.mode, theta.amplitude * cross)

        def prior(taste: np.ndarray) -> np.ndarray:
            constant, share = theta.constant * total**2 + theta.own_constant * own, total**2 + theta.own * own
            return theta.amplitude * (constant + share * taste)

        def columns(numbers: np.ndarray) -> np.ndarray:
            taste = taste_kernel(choices, choices[numbers], self.levels, theta)
            return prior(taste) - white.T @ white[:, numbers]

        variances = prior(taste_variance(choices, self.levels, theta)) - np.einsum("mn,mn->n", white, white)
        return Covariance(variances, columns)

    def means(self, raters: Sequence[int]) -> list[Tables]:
        """The mean as a function of the choice for each rater (−1: an unknown one)."""
        for rater in raters:
            if rater not in self._means:
                self._means[rater] = self._update(self.mode.weights[None, :], rater)
        return [self._means[rater] for rater in raters]

    def draws(self, rng: np.random.Generator, count: int, raters: Sequence[int]) -> list[Tables]:
        """``count`` joint draws of the raters' functions of the choice; one table of draws for each rater.

        Pathwise conditioning (Matheron's rule; Wilson et al. 2020): each is a prior draw, corrected where it
        contradicts the data.
        """
        theta = self.theta
        root = np.sqrt(theta.amplitude)
        shared = prior_draws(rng, count, self.levels, theta, theta.constant)
        own = {rater: self._own_draws(rng, count) for rater in raters if theta.own or theta.own_constant}
        weights = np.broadcast_to(self.mode.weights, (count, len(self.rows)))
        if len(self.rows):
            values = root * shared(self.rows.choices)
            self._add_own(rng, values, own)
            self._add_pictures(rng, values)
            noisy = self.mode.root.T @ values.T + rng.standard_normal((self.mode.root.shape[1], count))
            weights = weights - (self.mode.root @ cho_solve((self.mode.factor, True), noisy)).T
        functions = []
        for rater in raters:
            prior = shared.plus(own[rater]) if rater in own else shared
            in_place = len(raters) == 1
            functions.append(prior.times(root, in_place=in_place).plus(self._update(weights, rater), in_place=in_place))
        return functions

    def _own_draws(self, rng: np.random.Generator, count: int) -> Tables:
        table = prior_draws(rng, count, self.levels, self.theta, 0.0).times(np.sqrt(self.theta.own))
        return table.shifted(np.sqrt(self.theta.own_constant) * rng.standard_normal(count))

    def _add_own(self, rng: np.random.Generator, values: np.ndarray, own: dict[int, Tables]) -> None:
        """Add the raters' own parts to (d, n) prior values; those without a table in ``own`` are drawn here."""
        theta = self.theta
        if not (theta.own or theta.own_constant):
            return
        for rater in np.unique(self.rows.raters[self.rows.raters >= 0]):
            cells = np.flatnonzero(self.rows.raters == rater)
            choices = self.rows.choices[cells]
            if rater in own:
                drawn = own[rater](choices)
            else:
                kernel = theta.own_constant + theta.own * taste_kernel(choices, choices, self.levels, theta)
                kernel[np.diag_indices_from(kernel)] += 1e-9 * kernel[0, 0]
                drawn = rng.standard_normal((len(values), len(cells))) @ cholesky(kernel)
            values[:, cells] += np.sqrt(theta.amplitude) * drawn

    def _add_pictures(self, rng: np.random.Generator, values: np.ndarray) -> None:
        rows, theta = self.rows, self.theta
        if theta.seeds:
            known, place = np.unique(rows.pictures, return_inverse=True)
            effects = np.sqrt(theta.seeds) * rng.standard_normal((len(values), len(known)))
            values += np.where(rows.pictures >= 0, effects[:, place], 0.0)

    def _update(self, weights: np.ndarray, rater: int) -> Tables:
        """The functions Σ_i weights[i] K(cell i, (rater, ·)) as tables."""
        theta = self.theta
        same = (self.rows.raters == rater) & (rater >= 0)
        scaled = theta.amplitude * weights
        constants = scaled @ (theta.constant + theta.own_constant * same)
        return combination(self.rows.choices, scaled * (1.0 + theta.own * same), self.levels, theta, constants)


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
        """Covariance between the goals Σ_r shares[r] f_r of (n, S) choices."""
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
        """The mean as a function of the choice for each rater (−1: an unknown one)."""
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
