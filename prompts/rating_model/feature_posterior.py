"""The posterior of the rating model in its explicit feature form.

It is the same posterior as in the kernel form, at a cost linear in the number of observations. With the features T1 of
``features``, diagonal scales S_0 and S_1, weights w shared by all raters and weights ψ_r of one rater,

    h(r, x) = T1(x) (S_0 w + S_1 ψ_r),     w, ψ_r ~ N(0, I)

ψ_r are integrated out one rater at a time, see ``information``. The effect of one seed on several raters is not modelled
here: it is part of the noise.

Source: Rasmussen & Williams (2006) §2.1.2, §3.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from .choice_functions import Tables
from .covariance import Covariance
from .information import CHUNK, FeatureModel
from .kernels import Hyperparameters, Rows
from .likelihoods import Terms


class FeaturePosterior:
    """Posterior of the weights; values in units of the rating noise σ. See ``KernelPosterior`` for the methods."""

    def __init__(self, model: FeatureModel) -> None:
        self.model = model
        self.update()

    def update(self) -> None:
        """Compute the posterior of shared and own weights for the present linearisation."""
        model, shared, p = self.model, self.model.shared, len(self.model.shared)
        precision, target = np.eye(p), np.zeros(p)
        for rater in range(model.groups):
            information, u = model.information(rater)
            target += shared * u
            precision += shared[:, None] * information.full() * shared
        self.factor = cholesky(precision, lower=True, overwrite_a=True)
        self.mean = cho_solve((self.factor, True), target)
        self.own_means = np.zeros((model.groups, p))
        if model.own.any():
            for rater in range(model.groups):
                self.own_means[rater] = self._own_given(rater, self.mean[None, :])[0]

    def latent(self) -> np.ndarray:
        """(n,) means of the cells with feedback."""
        values = np.empty(len(self.model.rows))
        for rater, members in enumerate(self.model.members):
            weights = self.model.shared * self.mean + self.model.own * self.own_means[rater]
            for start in range(0, len(members), CHUNK):
                block = members[start : start + CHUNK]
                values[block] = self.model.basis(self.model.rows.take(block)) @ weights
        return values

    def predict(self, cells: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of m cells, (m,) each."""
        mean, spread = np.empty(len(cells)), np.empty(len(cells))
        for rater in np.unique(cells.raters):
            members = np.flatnonzero(cells.raters == rater)
            for start in range(0, len(members), CHUNK):
                block = members[start : start + CHUNK]
                features = self.model.basis(cells.take(block))
                own = features * self.model.own
                weights = self.model.shared * self.mean + self.model.own * self._own_mean(rater)
                mean[block] = features @ weights
                remaining = (own**2).sum(axis=1)
                loads = features
                if rater >= 0 and self.model.own.any():
                    informed = (self.model.information(int(rater))[0] @ (own * self.model.own).T).T
                    remaining = remaining - np.einsum("np,np->n", own * self.model.own, informed)
                    loads = features - informed
                white = solve_triangular(self.factor, (loads * self.model.shared).T, lower=True)
                spread[block] = np.maximum(remaining, 0.0) + np.einsum("pn,pn->n", white, white)
        return mean, spread

    def covariance(self, choices: np.ndarray, shares: Mapping[int, float]) -> Covariance:
        """Covariance between the goals Σ_r shares[r] f_r of (n, S) choices, without image effects."""
        unknown = np.full(len(choices), -1)
        features = self.model.basis(Rows(choices, unknown, None, unknown))
        own = features * self.model.own
        common = np.zeros((len(choices), len(self.mean)))
        # The covariance is the sum of the products of these, left · rightᵀ.
        factors: list[tuple[np.ndarray, np.ndarray]] = []
        for rater, share in shares.items():
            loads = features
            if self.model.own.any():
                factors.append((share**2 * own, own))
                if rater >= 0:
                    informed = (self.model.information(rater)[0] @ (own * self.model.own).T).T
                    factors.append((-(share**2) * own * self.model.own, informed))
                    loads = features - informed
            common += share * loads * self.model.shared
        white = solve_triangular(self.factor, common.T, lower=True).T
        factors.append((white, white))

        def columns(numbers: np.ndarray) -> np.ndarray:
            total: np.ndarray = sum(left @ right[numbers].T for left, right in factors)
            return total

        return Covariance(sum(np.einsum("np,np->n", left, right) for left, right in factors), columns)

    def means(self, raters: Sequence[int]) -> list[Tables]:
        """The mean as a function of the choice for each rater."""
        return [
            self.model.basis.tables((self.model.shared * self.mean + self.model.own * self._own_mean(rater))[None, :])
            for rater in raters
        ]

    def draws(self, rng: np.random.Generator, count: int, raters: Sequence[int]) -> list[Tables]:
        """``count`` joint draws of the raters' functions of the choice; one table of draws for each rater."""
        noise = rng.standard_normal((len(self.mean), count))
        weights = self.mean + solve_triangular(self.factor, noise, lower=True, trans="T").T
        p, functions = len(self.model.shared), {}
        for rater in set(raters):
            own = rng.standard_normal((count, p)) if self.model.own.any() else np.zeros((count, p))
            if rater >= 0 and self.model.own.any():
                scale = self.model.own
                covariance = np.eye(p) - scale[:, None] * self.model.information(rater)[0].full() * scale
                values, vectors = np.linalg.eigh(covariance)
                own = self._own_given(rater, weights) + own * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
            functions[rater] = self.model.basis.tables(self.model.shared * weights + self.model.own * own)
        return [functions[rater] for rater in raters]

    def _own_given(self, rater: int, weights: np.ndarray) -> np.ndarray:
        """(d, p) mean of ψ_r conditional on shared weights."""
        information, u = self.model.information(rater)
        own: np.ndarray = self.model.own * (u - (information @ (self.model.shared * weights).T).T)
        return own

    def _own_mean(self, rater: int) -> np.ndarray:
        if rater < 0 or not self.model.own.any():
            return np.zeros(len(self.model.own))
        mean: np.ndarray = self.own_means[rater]
        return mean


def fit_features(
    levels: tuple[int, ...], rows: Rows, terms: Terms, theta: Hyperparameters, raters: int
) -> FeaturePosterior:
    """Compute the posterior by Newton's method in the space of weights; in one step if all feedback is ratings."""
    model = FeatureModel(levels, rows, terms, theta, raters)
    posterior = FeaturePosterior(model)
    latent = np.zeros(len(rows))
    for _ in range(0 if terms.gaussian else 15):
        before, latent = latent, posterior.latent()
        if np.abs(latent - before).max(initial=0.0) < 1e-6:
            break
        model.linearise(latent)
        posterior.update()
    return posterior
