"""Liking as a Gaussian process over items, on top of prior scores.

Symbols: n learning pictures with liking y in −1…1 and deviations z of their items, k prior scores a picture, P (n, k)

    y = P w + c + f(z) + noise/√weight,   w ~ N(μ, σ²),  c ~ N(0, 1),  f ~ GP(0, s² K)

K is a kernel of ``kernels``: Gaussian over all blocks of items or one of them, or linear over all. Kernel, size s,
noise and trust in the prior scores (μ > 0 or μ = 0) are not chosen. Every combination is a hypothesis h, and
predictions are averaged with weights by the evidence N(y; Pμ_h, C_h). With few pictures many hypotheses keep some
weight, among them the prior scores alone (s = 0), so few pictures change little.

Sources: Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), chapters 2 and 5; Hoeting et al.,
"Bayesian model averaging", *Statistical Science* 14 (1999).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from scipy.linalg import solve_triangular

from ..items.frame import Frame
from .kernels import Kernels

AMPLITUDES, NOISES = (0.25, 1.0, 4.0), (0.02, 0.1, 0.5)
#: Mean and standard deviation of the weight of a prior score that is trusted, and of one that is not.
TRUSTED, FREE = (0.4, 0.25), (0.0, 0.5)
#: With more pictures than this, hypotheses are compared on so many pictures, and only the best few are fitted to all.
COMPARED_PICTURES, BEST_HYPOTHESES = 240, 3


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One combination of kernel, sizes and trust in the prior scores.

    Attributes:
        kernel: number of the kernel.
        amplitude: s², 0 for the prior scores alone.
        noise: variance of a single judgement.
        mean, deviation: mean and standard deviation of the weight of every prior score.
        belief: prior belief, up to a common factor.
    """

    kernel: int
    amplitude: float
    noise: float
    mean: float
    deviation: float
    belief: float = 1.0


def hypotheses(kernels: int, priors: int) -> list[Hypothesis]:
    """All combinations. If there are prior scores, half of the belief is that they explain everything."""
    trusts = (TRUSTED, FREE) if priors else (FREE,)
    combined = [Hypothesis(k, a, n, *t) for k, a, n, t in product(range(kernels), AMPLITUDES, NOISES, trusts)]
    alone = [Hypothesis(0, 0.0, n, *TRUSTED, belief=max(len(combined), 1) / len(NOISES)) for n in NOISES]
    return combined + alone if priors else combined or [Hypothesis(0, 0.0, 1.0, *FREE)]


@dataclass
class Preference:
    """A fitted average of Gaussian processes; made by ``learn_preference``.

    Attributes:
        kernels: base kernels against the learning pictures.
        duals: (kernels, n) dual weights, averaged over hypotheses.
        coefficients: (k,) weights of the prior scores.
        bias: c.
        shares: belief in each base kernel and, last, in the prior scores alone; sums to 1.
        parts: belief, hypothesis, Cholesky factor (n, n) and dual weights (n,) of every hypothesis with some weight.
        priors: (n, k) prior scores of the learning pictures.
    """

    kernels: Kernels
    duals: np.ndarray
    coefficients: np.ndarray
    bias: float
    shares: dict[str, float]
    parts: list[tuple[float, Hypothesis, np.ndarray, np.ndarray]] = field(repr=False)
    priors: np.ndarray = field(repr=False)

    def predict(self, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(i,) liking of pictures from (i, p) deviations and (i, k) prior scores."""
        liking: np.ndarray = self.bias + priors @ self.coefficients
        for values, dual in zip(self.kernels.against(z), self.duals, strict=True):
            liking = liking + values @ dual
        return liking

    def uncertainty(self, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(i,) standard deviations of liking, within and between hypotheses, without the noise of single judgements."""
        against = self.kernels.against(z)
        mean, second = np.zeros(len(z)), np.zeros(len(z))
        for share, h, factor, alpha in self.parts:
            cross = self._covariance(h, against[h.kernel], priors, self.priors)
            predicted = h.mean * priors.sum(axis=1) + cross @ alpha
            explained = solve_triangular(factor, cross.T, lower=True)
            variance = self._variance(h, z, priors) - np.einsum("ni,ni->i", explained, explained)
            mean += share * predicted
            second += share * (np.maximum(variance, 0) + predicted**2)
        total = sum(share for share, *_ in self.parts)
        deviation: np.ndarray = np.sqrt(np.maximum(second / total - (mean / total) ** 2, 0))
        return deviation

    def covariance(self, z: np.ndarray, priors: np.ndarray) -> tuple[np.ndarray, float]:
        """(i, i) covariance of likings under the likeliest hypothesis with a kernel, and its noise variance."""
        _, h, factor, _ = max(self.parts, key=lambda part: (part[1].amplitude > 0, part[0]))
        cross = self._covariance(h, self.kernels.against(z)[h.kernel], priors, self.priors)
        prior = self._covariance(h, replace(self.kernels, z=z).against(z)[h.kernel], priors, priors)
        explained = solve_triangular(factor, cross.T, lower=True)
        posterior: np.ndarray = prior - explained.T @ explained
        return posterior, h.noise

    @staticmethod
    def _covariance(h: Hypothesis, kernel: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Prior covariance of likings from the kernel and the prior scores ``a`` and ``b`` of its rows and columns."""
        covariance: np.ndarray = h.amplitude * kernel + 1 + h.deviation**2 * a @ b.T
        return covariance

    def _variance(self, h: Hypothesis, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        """(i,) prior variances of likings: the diagonal of ``_covariance``."""
        diagonal = self.kernels.diagonal(h.kernel, z)
        variance: np.ndarray = h.amplitude * diagonal + 1 + h.deviation**2 * np.sum(priors**2, axis=1)
        return variance


def learn_preference(
    z: np.ndarray, y: np.ndarray, weights: np.ndarray, priors: np.ndarray, frame: Frame, *, kind: str = "gp"
) -> Preference:
    """Fit all hypotheses and average them by their evidence.

    Args:
        z: (n, p) deviations of the learning pictures.
        y: (n,) liking in −1…1.
        weights: (n,) number of judgements behind each liking; the noise is divided by it.
        priors: (n, k) standardised prior scores; k may be 0.
        frame: blocks of the items.
        kind: ``gp`` for all kernels, ``ridge`` for the linear one only, ``prior`` for none.
    """
    kernels = Kernels.of(z, frame, linear_only=kind != "gp")
    candidates = hypotheses(0 if kind == "prior" else len(kernels.names), priors.shape[1])
    base = kernels.against(z)
    if len(z) > COMPARED_PICTURES:
        few = np.linspace(0, len(z) - 1, COMPARED_PICTURES).astype(int)
        rough = _evidence(candidates, [k[np.ix_(few, few)] for k in base], y[few], weights[few], priors[few])[0]
        candidates = [candidates[i] for i in np.argsort(rough)[::-1][:BEST_HYPOTHESES]]
    evidence, factors, alphas = _evidence(candidates, base, y, weights, priors)
    belief = np.exp(evidence - evidence.max())
    belief /= belief.sum()
    duals, coefficients, bias = np.zeros((len(base), len(z))), np.zeros(priors.shape[1]), 0.0
    shares = dict.fromkeys([*kernels.names, "prior"], 0.0)
    for share, h, alpha in zip(belief, candidates, alphas, strict=True):
        duals[h.kernel] += share * h.amplitude * alpha
        coefficients += share * (h.mean + h.deviation**2 * priors.T @ alpha)
        bias += float(share * alpha.sum())
        shares["prior" if h.amplitude == 0 else kernels.names[h.kernel]] += float(share)
    parts = [(float(belief[i]), candidates[i], factors[i].copy(), alphas[i]) for i in np.flatnonzero(belief > 1e-3)]
    return Preference(kernels, duals, coefficients, bias, shares, parts, priors)


def _evidence(
    candidates: list[Hypothesis], base: list[np.ndarray], y: np.ndarray, weights: np.ndarray, priors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h,) log evidence plus log prior belief, (h, n, n) Cholesky factors of C, and (h, n) α = C⁻¹(y − Pμ)."""
    amplitude, noise, deviation, mean, belief = (
        np.array([getattr(h, name) for h in candidates])
        for name in ("amplitude", "noise", "deviation", "mean", "belief")
    )
    covariance = amplitude[:, None, None] * np.stack(base)[[h.kernel for h in candidates]] + 1
    covariance += (deviation**2)[:, None, None] * (priors @ priors.T)
    diagonal = np.arange(len(y))
    covariance[:, diagonal, diagonal] += noise[:, None] / weights
    residual = y - mean[:, None] * priors.sum(axis=1)
    factors = np.linalg.cholesky(covariance)
    alphas = np.linalg.solve(covariance, residual[..., None])[..., 0]
    determinant = np.log(factors[:, diagonal, diagonal]).sum(axis=1)
    evidence: np.ndarray = np.log(belief) - 0.5 * np.einsum("hn,hn->h", residual, alphas) - determinant
    return evidence, factors, alphas
