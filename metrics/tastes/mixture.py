"""Liking as an average of Gaussian processes, weighted by evidence and by what helped other tastes.

Symbols: n learning pictures with liking y in −1…1 and deviations z of their items, k prior scores a picture, P (n, k)

    y = P w + c + f(z) + noise/√weight,   w_j ~ N(μ_j, σ_j²),  c ~ N(0, 1),  f ~ GP(0, s² K)

A hypothesis h names a kernel K of ``item_kernels`` (or none), its size s², the noise, and for every prior score how far
it is trusted: not at all (μ = σ = 0), somewhat or much. Sixteen pictures do not tell which hypothesis is right, so none
is chosen. Predictions of all are averaged with weights

    w_h ∝ b_h · N(y; P μ_h, C_h)^β

The beliefs b, products of one factor each for kernel, size (another one on top of a trusted prior score), noise and
trusts, and the temper β of the evidence are
learnt on other tastes, planted in pictures of packages: they are those with which the averages rank held-out pictures
best (``benchmarks/build_beliefs.py``). An average that may trust a prior score or not is never far behind either.

Sources: Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), chapters 2 and 5; Hoeting et al.,
"Bayesian model averaging", *Statistical Science* 14 (1999); Grünwald & van Ommen, "Inconsistency of Bayesian inference
for misspecified linear models, and a proposal for repairing it", *Bayesian Analysis* 12 (2017), for β.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from scipy.linalg import solve_triangular

from .beliefs import ALONE, AMPLITUDES, KERNELS, NOISES, RESIDUALS, TEMPER, TRUSTS, TRUSTS_IN_TECHNICAL
from .item_kernels import ItemKernels

#: With more pictures than this, hypotheses are compared on so many pictures, and only the best few are fitted to all.
COMPARED_PICTURES, BEST_HYPOTHESES = 160, 12
#: Hypotheses of less weight are left out; pictures times pictures times hypotheses that are solved together.
LEAST_WEIGHT, BLOCK = 1e-4, 2_000_000
#: Name of the prior score that has beliefs of its own.
TECHNICAL = "technical"
#: Prior scores beyond this many share one trust.
MOST_TRUSTS = 3


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One combination of kernel, size, noise and trusts.

    Attributes:
        kernel: number of the kernel; −1 for none.
        amplitude: s².
        noise: variance of a single judgement.
        means, deviations: (k,) means and standard deviations of the weights of the prior scores.
        belief: log of the belief, up to a common constant.
        parts: names of its kernel, size, noise and trusts in the tables of beliefs.
    """

    kernel: int
    amplitude: float
    noise: float
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    belief: float
    parts: tuple[object, ...] = ()


def hypotheses(kernels: list[str], priors: Sequence[str]) -> list[Hypothesis]:
    """All combinations of kernels and of trusts in prior scores, both by name."""
    tables = [TRUSTS_IN_TECHNICAL if name == TECHNICAL else TRUSTS for name in priors]
    # Those beyond the most have the trust of the last.
    choices = [
        trust + trust[-1:] * (len(priors) - len(trust))
        for trust in product(*(table.items() for table in tables[:MOST_TRUSTS]))
    ]
    sizes = [(number, amplitude) for number in range(len(kernels)) for amplitude in AMPLITUDES]
    found = []
    for (number, amplitude), noise, trust in product([*sizes, (-1, 0.0)], NOISES, choices):
        trusting = any(one.mean for _, one in trust)
        if number < 0 and not trusting:
            continue
        size = (RESIDUALS if trusting else AMPLITUDES).get(amplitude, 0.0)
        form = ALONE if number < 0 else KERNELS[kernels[number]] + size
        belief = form + NOISES[noise] + sum(one.belief for _, one in trust[:MOST_TRUSTS])
        means, deviations = tuple(one.mean for _, one in trust), tuple(one.deviation for _, one in trust)
        parts = (kernels[number] if number >= 0 else None, amplitude, noise, *(word for word, _ in trust))
        found.append(Hypothesis(number, amplitude, noise, means, deviations, belief, parts))
    return found


@dataclass
class Mixture:
    """A fitted average; made by ``learn_mixture``.

    Attributes:
        kernels: kernels against the learning pictures.
        duals: (kernels, n) dual weights, averaged over hypotheses.
        coefficients: (k,) weights of the prior scores.
        bias: c.
        shares: weight of each kernel, and of the prior scores alone as ``prior``; sums to 1.
        trusts: (k,) weight of the hypotheses that trust each prior score.
        parts: weight, hypothesis, Cholesky factor (n, n) and dual weights (n,) of every hypothesis with some weight.
        priors: (n, k) prior scores of the learning pictures.
    """

    kernels: ItemKernels
    duals: np.ndarray
    coefficients: np.ndarray
    bias: float
    shares: dict[str, float]
    trusts: np.ndarray
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
        mean, second, total = np.zeros(len(z)), np.zeros(len(z)), 0.0
        for share, h, factor, alpha in self.parts:
            cross = _covariance(h, against, priors, self.priors)
            predicted = priors @ np.array(h.means) + cross @ alpha
            explained = solve_triangular(factor, cross.T, lower=True)
            own = h.amplitude * self.kernels.diagonal(h.kernel, z) if h.kernel >= 0 else 0.0
            prior = own + 1 + np.sum((priors * np.array(h.deviations)) ** 2, axis=1)
            variance = np.maximum(prior - np.einsum("ni,ni->i", explained, explained), 0)
            mean, second, total = mean + share * predicted, second + share * (variance + predicted**2), total + share
        deviation: np.ndarray = np.sqrt(np.maximum(second / total - (mean / total) ** 2, 0))
        return deviation

    def covariance(self, z: np.ndarray, priors: np.ndarray) -> tuple[np.ndarray, float]:
        """(i, i) covariance of likings under the likeliest hypothesis with a kernel, and its noise variance."""
        _, h, factor, _ = max(self.parts, key=lambda part: (part[1].kernel >= 0, part[0]))
        cross = _covariance(h, self.kernels.against(z), priors, self.priors)
        prior = _covariance(h, replace(self.kernels, z=z).against(z), priors, priors)
        explained = solve_triangular(factor, cross.T, lower=True)
        posterior: np.ndarray = prior - explained.T @ explained
        return posterior, h.noise


def _covariance(h: Hypothesis, kernels: list[np.ndarray], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Prior covariance of likings from kernels and the prior scores ``a`` and ``b`` of their rows and columns."""
    deviations = np.array(h.deviations)
    covariance: np.ndarray = 1 + (a * deviations) @ (b * deviations).T
    return covariance + h.amplitude * kernels[h.kernel] if h.kernel >= 0 else covariance


def learn_mixture(
    z: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    priors: np.ndarray,
    kernels: ItemKernels,
    prior_names: Sequence[str] = (),
) -> Mixture:
    """Fit all hypotheses and average them.

    Args:
        z: (n, p) deviations of the learning pictures.
        y: (n,) liking in −1…1.
        weights: (n,) number of judgements behind each liking; the noise is divided by it.
        priors: (n, k) standardised prior scores; k may be 0.
        kernels: of these pictures.
        prior_names: (k,) names of the prior scores; unknown ones are any judge's.
    """
    candidates = hypotheses(kernels.names, prior_names or [""] * priors.shape[1])
    base = kernels.against(z)
    if len(z) > COMPARED_PICTURES:
        few = np.linspace(0, len(z) - 1, COMPARED_PICTURES).astype(int)
        rough = log_weights(candidates, *fit_all(candidates, [k[np.ix_(few, few)] for k in base], y[few], weights[few], priors[few])[:1])
        candidates = [candidates[i] for i in np.argsort(rough)[::-1][:BEST_HYPOTHESES]]
    evidence, alphas = fit_all(candidates, base, y, weights, priors)
    weight = np.exp(log_weights(candidates, evidence))
    weight /= weight.sum()
    duals, coefficients, bias = np.zeros((len(base), len(z))), np.zeros(priors.shape[1]), 0.0
    shares, trusts = dict.fromkeys([*kernels.names, "prior"], 0.0), np.zeros(priors.shape[1])
    for share, h, alpha in zip(weight, candidates, alphas, strict=True):
        if h.kernel >= 0:
            duals[h.kernel] += share * h.amplitude * alpha
        coefficients += share * (np.array(h.means) + np.array(h.deviations) ** 2 * (priors.T @ alpha))
        bias += float(share * alpha.sum())
        shares[kernels.names[h.kernel] if h.kernel >= 0 else "prior"] += float(share)
        trusts += share * (np.array(h.means) > 0)
    kept = np.flatnonzero(weight > max(LEAST_WEIGHT, np.sort(weight)[::-1][:60][-1]))
    parts = []
    for i in kept if len(kept) else [int(weight.argmax())]:
        covariance = _covariance(candidates[i], base, priors, priors) + np.diag(candidates[i].noise / weights)
        parts.append((float(weight[i]), candidates[i], np.linalg.cholesky(covariance), alphas[i]))
    return Mixture(kernels, duals, coefficients, bias, shares, trusts, parts, priors)


def log_weights(candidates: list[Hypothesis], evidence: np.ndarray) -> np.ndarray:
    """(h,) log weights of hypotheses, the largest 0, from (h,) log evidence."""
    logs = np.array([h.belief for h in candidates]) + TEMPER * evidence
    weights: np.ndarray = logs - logs.max()
    return weights


def fit_all(
    candidates: list[Hypothesis], base: list[np.ndarray], y: np.ndarray, weights: np.ndarray, priors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(h,) log evidence up to a constant, and (h, n) dual weights C⁻¹(y − Pμ), of hypotheses on n pictures."""
    n = len(y)
    stack = np.stack([*base, np.zeros((n, n))])
    products = np.einsum("nk,mk->knm", priors, priors)
    diagonal = np.arange(n)
    evidence, alphas = np.empty(len(candidates)), np.empty((len(candidates), n))
    step = max(1, BLOCK // (n * n))
    for start in range(0, len(candidates), step):
        block = candidates[start : start + step]
        amplitude, noise = (np.array([getattr(h, name) for h in block]) for name in ("amplitude", "noise"))
        deviations = np.array([h.deviations for h in block]).reshape(len(block), -1)
        covariance = amplitude[:, None, None] * stack[[h.kernel for h in block]] + 1
        if priors.shape[1]:
            covariance += np.tensordot(deviations**2, products, axes=1)
        covariance[:, diagonal, diagonal] += noise[:, None] / weights
        residual = y - np.array([h.means for h in block]).reshape(len(block), -1) @ priors.T
        factors = np.linalg.cholesky(covariance)
        alpha = np.linalg.solve(covariance, residual[..., None])[..., 0]
        alphas[start : start + step] = alpha
        determinant = np.log(factors[:, diagonal, diagonal]).sum(axis=1)
        evidence[start : start + step] = -0.5 * np.einsum("hn,hn->h", residual, alpha) - determinant
    return evidence, alphas
