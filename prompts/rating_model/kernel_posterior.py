"""The posterior of the rating model in its kernel form.

It is exact for ratings and a Laplace approximation for choices; its cost is cubic in the number of cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.linalg import cho_solve, cholesky

from .choice_functions import Tables, combination, prior_draws
from .covariance import Covariance
from .kernels import Hyperparameters, Rows, covariance, taste_kernel, taste_variance, variance
from .laplace import Mode, whiten


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
        """Covariance between the goals Σ_r shares[r] f_r of (n, S) choices, without image effects."""
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
        """The mean as a function of the choice for each rater (−1: an unknown one), without image effects."""
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
        if theta.items and rows.items is not None:
            values += np.sqrt(theta.items) * rng.standard_normal((len(values), rows.items.shape[1])) @ rows.items.T
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
