"""Laplace's approximation of a Gaussian process under the likelihoods of ``feedback``.

It is exact if all feedback is ratings. With K the covariance of the latent cells, W = R Rᵀ the curvature at the mode
ĥ = K a and B = I + Rᵀ K R:

    log Z ≈ −½ aᵀĥ + log p(feedback | ĥ) − ½ log |B|
    E f(x) = k(x)ᵀ a,     cov = k(x, x') − k(x)ᵀ R B⁻¹ Rᵀ k(x')

Source: Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), algorithms 3.1 and 5.1, for W with
blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dpotri

from .feedback import Likelihood, Terms, determinant_slope, likelihood


@dataclass(frozen=True, slots=True)
class Mode:
    """The posterior at its mode: (n,) a, (n,) ĥ, sparse (n, m) R, the (m, m) lower Cholesky factor of B, and log Z."""

    weights: np.ndarray
    latent: np.ndarray
    root: sparse.csr_array
    factor: np.ndarray
    evidence: float


def _factorise(inner: np.ndarray) -> np.ndarray:
    """Lower Cholesky factor of I + ``inner``, which is overwritten."""
    inner[np.diag_indices_from(inner)] += 1.0
    return cholesky(inner, lower=True, check_finite=False, overwrite_a=True)


def find_mode(kernel: np.ndarray, terms: Terms, noise: float, start: np.ndarray | None = None) -> Mode:
    """Find the mode by Newton's method, halving steps that would lower the posterior; of ratings alone in closed form.

    ``kernel`` is (n, n) K, ``noise`` σ, and ``start`` (n,) a, 0 by default.
    """
    if terms.gaussian:
        scale = np.sqrt(np.bincount(terms.rated, minlength=len(kernel)))
        target = np.bincount(terms.rated, (terms.ratings - terms.expected[terms.rated]) / noise, len(kernel))
        factor = _factorise(kernel * scale * scale[:, None])
        weights = target - scale * cho_solve((factor, True), scale * (kernel @ target), check_finite=False)
        latent = kernel @ weights
        return _finish(weights, latent, likelihood(terms, latent, noise), factor)
    weights = np.zeros(len(kernel)) if start is None else start
    latent = kernel @ weights
    state = likelihood(terms, latent, noise)
    height = state.value - 0.5 * weights @ latent
    for _ in range(50):
        factor = _factorise(state.root.T @ (state.root.T @ kernel).T)
        b = state.root @ (state.root.T @ latent) + state.gradient
        full = b - state.root @ cho_solve((factor, True), state.root.T @ (kernel @ b), check_finite=False)
        step, gained = 1.0, -np.inf
        for _halving in range(20):
            next_weights = weights + step * (full - weights)
            next_latent = kernel @ next_weights
            next_state = likelihood(terms, next_latent, noise)
            gained = next_state.value - 0.5 * next_weights @ next_latent - height
            if gained > -1e-12 * abs(height):
                break
            step /= 2
        if gained < 0:
            break
        weights, latent, state, height = next_weights, next_latent, next_state, height + gained
        if gained < 1e-10 * (1 + abs(height)):
            break
    return _finish(state.gradient, latent, state, _factorise(state.root.T @ (state.root.T @ kernel).T))


def _finish(weights: np.ndarray, latent: np.ndarray, state: Likelihood, factor: np.ndarray) -> Mode:
    evidence = state.value - 0.5 * float(weights @ latent) - float(np.log(np.diag(factor)).sum())
    return Mode(weights, latent, state.root, factor, evidence)


def evidence_slope(kernel: np.ndarray, terms: Terms, noise: float, mode: Mode) -> tuple[np.ndarray, float]:
    """(n, n) symmetric G with ∂log Z/∂θ = Σ G ∘ ∂K/∂θ, and ∂log Z/∂log σ."""
    inverse = dpotri(mode.factor, lower=1)[0]
    # The upper triangle is that of the factor: zero.
    inverse += inverse.T
    inverse[np.diag_indices_from(inverse)] /= 2
    if terms.gaussian:
        scale = mode.root.diagonal()
        spread = inverse * scale * scale[:, None]
    else:
        spread = mode.root @ (mode.root @ inverse).T  # R B⁻¹ Rᵀ
    slope = 0.5 * (np.outer(mode.weights, mode.weights) - spread)
    scaled, expected = terms.ratings / noise, terms.expected / noise
    whole = mode.latent + expected
    by_noise = float(((scaled - whole[terms.rated]) * scaled).sum()) - len(scaled) - float(mode.weights @ expected)
    if not terms.gaussian:
        s = determinant_slope(terms, whole, kernel - kernel @ spread @ kernel)
        q = s - spread @ (kernel @ s)
        slope += 0.5 * (np.outer(mode.weights, q) + np.outer(q, mode.weights))
        pull = np.bincount(terms.rated, scaled, len(kernel)) - mode.root @ (mode.root.T @ expected)
        by_noise -= float((kernel @ q) @ pull) + float(s @ expected)
    return slope, by_noise


def whiten(mode: Mode, cross: np.ndarray) -> np.ndarray:
    """(m, k) L⁻¹ Rᵀ K for (n, k) covariances with the cells; the data reduce the variance by its squares."""
    return solve_triangular(mode.factor, mode.root.T @ cross, lower=True, check_finite=False)
