"""The posterior of the rating model in its explicit feature form.

It is the same posterior as in the kernel form, at a cost linear in the number of observations. With the features T1 of
``features``, diagonal scales S_0, S_1, S_2, weights w shared by all raters, weights ψ_r of one rater and latent factors
z_r of the raters (none by default),

    h(r, x) = T1(x) (S_0 w_0 + Σ_q z_rq S_2 w_q + S_1 ψ_r),     w, ψ_r ~ N(0, I),  z_r ~ N(0, I)

ψ_r are integrated out one rater at a time, see ``information``; z_r are fitted by expectation-maximisation over the
posterior of w, as in probabilistic matrix factorisation. The evidence for the hyper-parameters ignores factors, so it
attributes their part to own taste and noise. With factors, all variances are therefore multiplied by the mean square of
the standardised leave-one-out residuals; the means do not change. The effect of one seed on several raters is not
modelled here: it is part of the noise.

Sources: Rasmussen & Williams (2006) §2.1.2, §3.4; Salakhutdinov & Mnih (2008) for the factors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from .choice_functions import Tables
from .information import CHUNK, FeatureModel
from .kernels import Hyperparameters, Rows
from .likelihoods import Terms


class FeaturePosterior:
    """Posterior of the weights; values in units of the rating noise σ. See ``KernelPosterior`` for the methods."""

    def __init__(self, model: FeatureModel, factors: np.ndarray) -> None:
        self.model, self.factors = model, factors
        self.scale = model.own if model.own.any() else model.shared
        #: Factor on all variances, see above; 1 without factors.
        self.calibration = 1.0
        self.update()

    def update(self) -> None:
        """Compute the posterior of shared and own weights for the present factors and linearisation."""
        model, p = self.model, len(self.model.shared)
        blocks = 1 + self.factors.shape[1]
        precision, target = np.eye(p * blocks), np.zeros(p * blocks)
        for rater in range(model.groups):
            information, u = model.information(rater)
            full = information.full()
            mix = self._mix(rater)
            for i, first in enumerate(mix):
                target[i * p : (i + 1) * p] += first * u
                for j, second in enumerate(mix):
                    precision[i * p : (i + 1) * p, j * p : (j + 1) * p] += first[:, None] * full * second
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
            weights = self._common(rater, self.mean[None, :])[0] + self.model.own * self.own_means[rater]
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
                weights = self._common(rater, self.mean[None, :])[0] + self.model.own * self._own_mean(rater)
                mean[block] = features @ weights
                remaining = (own**2).sum(axis=1)
                loads = features
                if rater >= 0 and self.model.own.any():
                    informed = (self.model.information(int(rater))[0] @ (own * self.model.own).T).T
                    remaining = remaining - np.einsum("np,np->n", own * self.model.own, informed)
                    loads = features - informed
                blocks = np.concatenate([loads * mix for mix in self._mix(rater)], axis=1)
                white = solve_triangular(self.factor, blocks.T, lower=True)
                spread[block] = np.maximum(remaining, 0.0) + np.einsum("pn,pn->n", white, white)
        return mean, self.calibration * spread

    def covariance(self, choices: np.ndarray, shares: Mapping[int, float]) -> np.ndarray:
        """(n, n) covariance between the goals Σ_r shares[r] f_r of (n, S) choices, without image effects."""
        unknown = np.full(len(choices), -1)
        features = self.model.basis(Rows(choices, unknown, None, unknown))
        own = features * self.model.own
        blocks, kernel = np.zeros((len(choices), len(self.mean))), np.zeros((len(choices),) * 2)
        for rater, share in shares.items():
            loads = features
            if self.model.own.any():
                kernel += share**2 * (own @ own.T)
                if rater >= 0:
                    informed = (self.model.information(rater)[0] @ (own * self.model.own).T).T
                    kernel -= share**2 * ((own * self.model.own) @ informed.T)
                    loads = features - informed
            blocks += share * np.concatenate([loads * mix for mix in self._mix(rater)], axis=1)
        white = solve_triangular(self.factor, blocks.T, lower=True)
        return self.calibration * (kernel + white.T @ white)

    def means(self, raters: Sequence[int]) -> list[Tables]:
        """The mean as a function of the choice for each rater."""
        return [
            self.model.basis.tables(
                self._common(rater, self.mean[None, :]) + self.model.own * self._own_mean(rater)[None, :]
            )
            for rater in raters
        ]

    def draws(self, rng: np.random.Generator, count: int, raters: Sequence[int]) -> list[Tables]:
        """``count`` joint draws of the raters' functions of the choice; one table of draws for each rater."""
        noise = np.sqrt(self.calibration) * rng.standard_normal((len(self.mean), count))
        weights = self.mean + solve_triangular(self.factor, noise, lower=True, trans="T").T
        p, functions = len(self.model.shared), {}
        for rater in set(raters):
            own = rng.standard_normal((count, p)) if self.model.own.any() else np.zeros((count, p))
            if rater >= 0 and self.model.own.any():
                scale = self.model.own
                covariance = np.eye(p) - scale[:, None] * self.model.information(rater)[0].full() * scale
                values, vectors = np.linalg.eigh(covariance)
                own = (
                    self._own_given(rater, weights)
                    + own * np.sqrt(self.calibration * np.maximum(values, 0.0)) @ vectors.T
                )
            functions[rater] = self.model.basis.tables(self._common(rater, weights) + self.model.own * own)
        return [functions[rater] for rater in raters]

    def calibrate(self, most: int = 4000) -> None:
        """Set the factor on variances from about ``most`` ratings, if these far outnumber the factors.

        A rating's leave-one-out residual has square (y/σ − h)²/(1 − v) in units of its variance, with v the cell's
        posterior variance (Rasmussen & Williams 2006, §5.4.2). The factors are fitted as points and explain some of it
        by chance; degrees of freedom correct for that.
        """
        terms, free = self.model.terms, self.factors.size
        count, chosen = len(terms.rated), slice(None, None, max(len(terms.rated) // most, 1))
        if count < 2 * free + 30:
            return
        self.calibration = 1.0
        mean, spread = self.predict(self.model.rows.take(terms.rated[chosen]))
        residuals = terms.ratings[chosen] / self.model.theta.noise - mean
        self.calibration = float(np.mean(residuals**2 / (1.0 - spread))) * count / (count - free)

    def improve_factors(self) -> None:
        """Take one step of expectation-maximisation of the raters' factors."""
        p, rank = len(self.model.shared), self.factors.shape[1]
        spread = cho_solve((self.factor, True), np.eye(len(self.mean)))
        weights = self.mean.reshape(1 + rank, p)
        for rater in range(self.model.groups):
            information, u = self.model.information(rater)
            scaled = weights[1:] * self.scale
            quadratic = np.eye(rank) + scaled @ (information @ scaled.T)
            linear = scaled @ (u - information @ (self.model.shared * weights[0]))
            full = self.scale[:, None] * information.full()
            for a in range(1, 1 + rank):
                row = slice(a * p, (a + 1) * p)
                linear[a - 1] -= np.sum(full * self.model.shared * spread[row, :p])
                for b in range(1, 1 + rank):
                    quadratic[a - 1, b - 1] += np.sum(full * self.scale * spread[row, b * p : (b + 1) * p])
            self.factors[rater] = np.linalg.solve(quadratic, linear)
        self.update()

    def _mix(self, rater: int) -> list[np.ndarray]:
        """Diagonals that turn the blocks of w into weights before T1."""
        known = self.factors[rater] if rater >= 0 and self.factors.shape[1] else np.zeros(self.factors.shape[1])
        return [self.model.shared, *(z * self.scale for z in known)]

    def _common(self, rater: int, weights: np.ndarray) -> np.ndarray:
        """(d, p) a rater's part of the weights before T1 from (d, ·) shared weights."""
        blocks = weights.reshape(len(weights), 1 + self.factors.shape[1], -1)
        total: np.ndarray = np.einsum("dkp,kp->dp", blocks, np.array(self._mix(rater)))
        return total

    def _own_given(self, rater: int, weights: np.ndarray) -> np.ndarray:
        """(d, p) mean of ψ_r conditional on shared weights."""
        information, u = self.model.information(rater)
        own: np.ndarray = self.model.own * (u - (information @ self._common(rater, weights).T).T)
        return own

    def _own_mean(self, rater: int) -> np.ndarray:
        if rater < 0 or not self.model.own.any():
            return np.zeros(len(self.model.own))
        mean: np.ndarray = self.own_means[rater]
        return mean


def fit_features(
    levels: tuple[int, ...], rows: Rows, terms: Terms, theta: Hyperparameters, raters: int, factors: int = 0
) -> FeaturePosterior:
    """Compute the posterior by Newton's method in the space of weights; in one step if all feedback is ratings."""
    model = FeatureModel(levels, rows, terms, theta, raters)
    # Factors could not move away from zero.
    start = np.random.default_rng(0).standard_normal((model.groups, factors if model.groups > 1 else 0))
    posterior = FeaturePosterior(model, start)
    latent = np.zeros(len(rows))
    for _ in range(0 if terms.gaussian else 15):
        before, latent = latent, posterior.latent()
        if np.abs(latent - before).max(initial=0.0) < 1e-6:
            break
        model.linearise(latent)
        posterior.update()
    for _ in range(15 if start.shape[1] else 0):
        posterior.improve_factors()
    if start.shape[1]:
        posterior.calibrate()
    return posterior
