"""How much a picture is liked, as a Gaussian process over items that starts from a prior score and learns the difference.

Symbols: n learning pictures with liking y in −1…1 and deviations z of their items, k prior scores a picture, P (n, k)

    y = P w + c + f(z) + noise/√weight,   w ~ N(μ, σ²),  c ~ N(0, 1),  f ~ GP(0, s² K)

K is a kernel of ``kernels``: Gaussian over all blocks of items or one of them, or linear over all. Which kernel, how large s is, how large
the noise, and whether the prior scores are trusted (μ > 0) or merely looked at (μ = 0), is not chosen: every combination is a
hypothesis h, and predictions are averaged with weights by the evidence N(y; Pμ_h, C_h). With few pictures many hypotheses
stay in play, the prior scores alone among them (s = 0), so that learning little changes little.

Source: Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), chapters 2 and 5; Hoeting et al., "Bayesian model averaging",
*Statistical Science* 14 (1999).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from scipy.linalg import solve_triangular

from .kernels import Frame, Kernels

AMPLITUDES, NOISES = (0.25, 1.0, 4.0), (0.02, 0.1, 0.5)
#: Mean and standard deviation of the weight of a prior score that is trusted, and of one that is looked at.
TRUSTED, FREE = (0.4, 0.25), (0.0, 0.5)
#: From more pictures than this, the hypotheses are judged on this many and only the best few are learnt from all.
JUDGED, KEPT = 240, 3


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One combination.

    Attributes:
        kernel: number of its kernel.
        amplitude: s², 0 for the prior scores alone.
        noise: variance of a single judgement.
        mean, deviation: of the weight of every prior score.
        belief: before any picture was seen.
    """

    kernel: int
    amplitude: float
    noise: float
    mean: float
    deviation: float
    belief: float = 1.0


def hypotheses(kernels: int, priors: int) -> list[Hypothesis]:
    """Every combination; where there are prior scores, half of the belief is that they say all."""
    trusts = (TRUSTED, FREE) if priors else (FREE,)
    found = [Hypothesis(k, a, n, *t) for k, a, n, t in product(range(kernels), AMPLITUDES, NOISES, trusts)]
    alone = [Hypothesis(0, 0.0, n, *TRUSTED, belief=max(len(found), 1) / len(NOISES)) for n in NOISES]
    return found + alone if priors else found or [Hypothesis(0, 0.0, 1.0, *FREE)]


@dataclass
class Preference:
    """A fitted average of Gaussian processes; made by ``learn_preference``.

    Attributes:
        kernels: base kernels against the learning pictures.
        duals: (kernels, n) dual weights, averaged over hypotheses.
        coefficients: (k,) weights of the prior scores.
        bias: c.
        shares: belief in each base kernel and, last, in the prior scores alone; sums to 1.
        parts: belief, hypothesis, Cholesky factor (n, n) and dual weights (n,) of every hypothesis that still counts.
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
        """(i,) standard deviation of liking, over and between hypotheses; the noise of single judgements is not in it."""
        against = self.kernels.against(z)
        mean, second = np.zeros(len(z)), np.zeros(len(z))
        for share, h, factor, alpha in self.parts:
            cross = self._covariance(h, against[h.kernel], priors, self.priors)
            predicted = h.mean * priors.sum(axis=1) + cross @ alpha
            known = solve_triangular(factor, cross.T, lower=True)
            variance = self._own(h, z, priors) - np.einsum("ni,ni->i", known, known)
            mean += share * predicted
            second += share * (np.maximum(variance, 0) + predicted**2)
        total = sum(share for share, *_ in self.parts)
        deviation: np.ndarray = np.sqrt(np.maximum(second / total - (mean / total) ** 2, 0))
        return deviation

    def covariance(self, z: np.ndarray, priors: np.ndarray) -> tuple[np.ndarray, float]:
        """(i, i) covariance of the likings of pictures under the likeliest hypothesis with a kernel, and its noise variance."""
        _, h, factor, _ = max(self.parts, key=lambda part: (part[1].amplitude > 0, part[0]))
        cross = self._covariance(h, self.kernels.against(z)[h.kernel], priors, self.priors)
        own = self._covariance(h, replace(self.kernels, z=z).against(z)[h.kernel], priors, priors)
        known = solve_triangular(factor, cross.T, lower=True)
        remaining: np.ndarray = own - known.T @ known
        return remaining, h.noise

    @staticmethod
    def _covariance(h: Hypothesis, kernel: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        covariance: np.ndarray = h.amplitude * kernel + 1 + h.deviation**2 * a @ b.T
        return covariance

    def _own(self, h: Hypothesis, z: np.ndarray, priors: np.ndarray) -> np.ndarray:
        own = self.kernels.own(h.kernel, z)
        variance: np.ndarray = h.amplitude * own + 1 + h.deviation**2 * np.sum(priors**2, axis=1)
        return variance


def learn_preference(
    z: np.ndarray, y: np.ndarray, weights: np.ndarray, priors: np.ndarray, frame: Frame, *, kind: str = "gp"
) -> Preference:
    """Average every hypothesis by its evidence.

    Args:
        z: (n, p) deviations of the learning pictures.
        y: (n,) liking in −1…1.
        weights: (n,) how much each is to be believed, 1 for a single judgement.
        priors: (n, k) standardised prior scores; k may be 0.
        frame: blocks of the items.
        kind: ``gp`` all kernels, ``ridge`` the linear one only, ``prior`` none.
    """
    kernels = Kernels.of(z, frame, linear_only=kind != "gp")
    tried = hypotheses(0 if kind == "prior" else len(kernels.names), priors.shape[1])
    base = kernels.against(z)
    if len(z) > JUDGED:
        judged = np.linspace(0, len(z) - 1, JUDGED).astype(int)
        few = _evidence(tried, [k[np.ix_(judged, judged)] for k in base], y[judged], weights[judged], priors[judged])[0]
        tried = [tried[i] for i in np.argsort(few)[::-1][:KEPT]]
    evidence, factors, alphas = _evidence(tried, base, y, weights, priors)
    belief = np.exp(evidence - evidence.max())
    belief /= belief.sum()
    duals, coefficients, bias = np.zeros((len(base), len(z))), np.zeros(priors.shape[1]), 0.0
    shares = dict.fromkeys([*kernels.names, "prior"], 0.0)
    for share, h, alpha in zip(belief, tried, alphas, strict=True):
        duals[h.kernel] += share * h.amplitude * alpha
        coefficients += share * (h.mean + h.deviation**2 * priors.T @ alpha)
        bias += float(share * alpha.sum())
        shares["prior" if h.amplitude == 0 else kernels.names[h.kernel]] += float(share)
    parts = [(float(belief[i]), tried[i], factors[i].copy(), alphas[i]) for i in np.flatnonzero(belief > 1e-3)]
    return Preference(kernels, duals, coefficients, bias, shares, parts, priors)


def _evidence(
    tried: list[Hypothesis], base: list[np.ndarray], y: np.ndarray, weights: np.ndarray, priors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h,) log evidence with the belief beforehand, (h, n, n) Cholesky factors of C, and (h, n) α = C⁻¹(y − Pμ)."""
    outer, seen = priors @ priors.T, np.stack(base)
    amplitude, noise, deviation, mean, belief = (
        np.array([getattr(h, name) for h in tried]) for name in ("amplitude", "noise", "deviation", "mean", "belief")
    )
    covariance = amplitude[:, None, None] * seen[[h.kernel for h in tried]] + 1
    covariance += (deviation**2)[:, None, None] * outer
    diagonal = np.arange(len(y))
    covariance[:, diagonal, diagonal] += noise[:, None] / weights
    residual = y - mean[:, None] * priors.sum(axis=1)
    factors = np.linalg.cholesky(covariance)
    alphas = np.linalg.solve(covariance, residual[..., None])[..., 0]
    determinant = np.log(factors[:, diagonal, diagonal]).sum(axis=1)
    evidence: np.ndarray = np.log(belief) - 0.5 * np.einsum("hn,hn->h", residual, alphas) - determinant
    return evidence, factors, alphas
