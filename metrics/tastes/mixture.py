"""Liking as an average of Gaussian processes, weighted by evidence and by what helped other tastes.

Symbols: n learning pictures with liking y in −1…1 and deviations z of their items, k prior scores a picture, P (n, k)

    y = P w + c + f + noise/√weight,   w_j ~ N(μ_j, σ_j²),  c ~ N(0, 1),  f ~ GP(0, s² (K + L))

Of pictures that were only compared with each other, differences of y are observed, see ``contrasts_of``.

A hypothesis h names a kernel K of ``item_kernels`` (or none), a kernel L of ``making_kernels`` over how pictures were made
(or none), their size s², the noise, and for every prior score how far it is trusted: not at all (μ = σ = 0), somewhat or
much. Sixteen pictures do not tell which hypothesis is right, so none
is chosen. Predictions of all are averaged. With the evidence e_h = N(y; P μ_h, C_h), weights are those of the trusts t,
and within each of them those of the hypotheses:

    w_h = w_t · w_(h|t),   w_(h|t) ∝ b_h · e_h^β,   w_t ∝ b_t · (Σ_h b_h e_h / Σ_h b_h)^γ

Of the technical score, appeal and NIMA at most one is trusted.

The beliefs b are products of factors for the kernels, their size (another factor on top of a trusted prior score), the noise
and the trusts. Hypotheses with a kernel L are fitted for the few kernels K that weigh most without one. They are learnt on other tastes, mostly of real people: the averages should rank held-out pictures best
(``benchmarks/taste/build_beliefs.py``). The tempers β and γ of the evidence were learnt on planted tastes alone.

Sources: Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), chapters 2 and 5; Hoeting et al.,
"Bayesian model averaging", *Statistical Science* 14 (1999); Grünwald & van Ommen, "Inconsistency of Bayesian inference
for misspecified linear models, and a proposal for repairing it", *Bayesian Analysis* 12 (2017), for β.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import TypeAlias

import numpy as np
from scipy.linalg import helmert, solve_triangular

from ..items.nima import NIMA
from .appeal import APPEAL
from .beliefs import (
    ALONE,
    AMPLITUDES,
    KERNELS,
    MAKINGS,
    NOISES,
    RESIDUALS,
    TEMPER,
    TEMPER_OF_TRUSTS,
    TRUSTS,
    TRUSTS_IN_GENERATED,
    TRUSTS_IN_OTHERS,
    TRUSTS_IN_TECHNICAL,
    Beliefs,
    PriorTrust,
)
from .item_kernels import ItemKernels
from .making_kernels import Made, MakingKernels

#: Name of the method in files.
METHOD = "mixture"
#: With more pictures than this, hypotheses are compared on so many pictures, and only the best few are fitted to all.
COMPARED_PICTURES, BEST_HYPOTHESES = 160, 12
#: Kernels of items that are joined with kernels over how pictures were made.
JOINED_KERNELS = 3
#: Hypotheses of most weight that are kept for uncertainties.
MOST_PARTS = 40
#: Name of the prior score that has beliefs of its own.
TECHNICAL = "technical"
#: Prior scores beyond this many share one trust.
MOST_TRUSTS = 4
#: How each of some pictures was made, None where nothing is known; or None where nothing is known of any.
Makings: TypeAlias = Made | None
#: Of pictures of which nothing is known.
NOT_MADE = MakingKernels((), (), ())


def makings_at(makings: Makings, rows: np.ndarray) -> Makings:
    """The makings of the pictures of some rows."""
    return None if makings is None else [makings[row] for row in rows.tolist()]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One combination of kernel, size, noise and trusts."""

    kernel: int  # number of the kernel over items; −1 for none
    amplitude: float  # s²
    noise: float  # variance of a single judgement
    #: (k,) means and standard deviations of the weights of the prior scores
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    belief: float  # log of the belief b_h, up to a constant common to hypotheses of equal trusts
    trust: float = 0.0  # log of the belief b_t
    parts: tuple[object, ...] = ()  # names of its kernel, size, noise and trusts in the tables of beliefs
    making: int = -1  # number of the kernel over how pictures were made; −1 for none

    def of_kernels(self, kernels: Sequence[np.ndarray], makings: Sequence[np.ndarray]) -> np.ndarray | None:
        """Its kernel K + L, from values of all kernels of both kinds; None if it has none."""
        own = [of[number] for of, number in ((kernels, self.kernel), (makings, self.making)) if number >= 0]
        return sum(own[1:], own[0]) if own else None


#: Hypotheses that all pictures are liked alike, but for noise.
CONSTANT = tuple(Hypothesis(-1, 0.0, noise, (), (), belief) for noise, belief in NOISES.items())


def hypotheses(kernels: Sequence[str], priors: Sequence[str], beliefs: Sequence[Beliefs] = ()) -> list[Hypothesis]:
    """All combinations of kernels and of trusts in (k,) prior scores, by name; ``beliefs`` are others', or the usual."""
    return list(_hypotheses(tuple(kernels), tuple(priors), tuple(beliefs)))


@lru_cache(maxsize=16)
def _hypotheses(
    kernels: tuple[str, ...], priors: tuple[str, ...], beliefs: tuple[Beliefs, ...]
) -> tuple[Hypothesis, ...]:
    choices = list(_trust_choices(priors, beliefs or (None,) * len(priors)))
    sizes = [(number, amplitude) for number in range(len(kernels)) for amplitude in AMPLITUDES]
    found = []
    for (number, amplitude), noise, trust in product([*sizes, (-1, 0.0)], NOISES, choices):
        trusting = any(one.deviation for _, one in trust)
        if number < 0 and not trusting:
            continue
        size = (RESIDUALS if trusting else AMPLITUDES).get(amplitude, 0.0)
        form = ALONE if number < 0 else KERNELS[kernels[number]] + size
        belief_in_trust = sum(one.belief for _, one in trust)
        means, deviations = tuple(one.mean for _, one in trust), tuple(one.deviation for _, one in trust)
        parts = (kernels[number] if number >= 0 else None, amplitude, noise, *(word for word, _ in trust))
        belief = form + NOISES[noise]
        found.append(Hypothesis(number, amplitude, noise, means, deviations, belief, belief_in_trust, parts))
    return tuple(found)


def joined(
    candidates: Sequence[Hypothesis], weights: np.ndarray, kernels: Sequence[str], makings: Sequence[str]
) -> list[Hypothesis]:
    """Hypotheses with a kernel over makings, for the kernels over items that weigh most, and for none."""
    of_kernel = np.bincount([h.kernel + 1 for h in candidates], weights, len(kernels) + 1)[1:]
    chosen = {int(kernel) for kernel in np.argsort(-of_kernel, kind="stable")[:JOINED_KERNELS]}
    found = []
    # Alone, such a kernel has the sizes that one over items has.
    alone = {(h.amplitude, h.noise, h.means, h.deviations): h for h in candidates if h.kernel in chosen}
    forms = [(h, h.belief) for h in candidates if h.kernel in chosen]
    forms += [(replace(h, kernel=-1), h.belief - KERNELS[kernels[h.kernel]] + MAKINGS["alone"]) for h in alone.values()]
    for number, name in enumerate(makings):
        found += [replace(h, making=number, belief=belief + MAKINGS[name]) for h, belief in forms]
    return found


def shown_trusts(prior: str) -> dict[str, PriorTrust]:
    """The trusts in a prior score that other raters may show, by name; no trust comes first."""
    return TRUSTS_IN_TECHNICAL if prior == TECHNICAL else TRUSTS_IN_OTHERS


def beliefs_in_generated(priors: Sequence[str], beliefs: Sequence[Beliefs] = ()) -> tuple[Beliefs, ...]:
    """(k,) beliefs for generated pictures: the technical score is trusted sooner where others show nothing."""
    sooner = tuple(trust.belief for trust in TRUSTS_IN_GENERATED.values())
    given = beliefs or [None] * len(priors)
    return tuple(sooner if own is None and name == TECHNICAL else own for name, own in zip(priors, given, strict=True))


def _table(prior: str, beliefs: Beliefs) -> dict[str, PriorTrust]:
    if beliefs is None:
        return TRUSTS_IN_TECHNICAL if prior == TECHNICAL else TRUSTS
    return {word: t._replace(belief=b) for (word, t), b in zip(shown_trusts(prior).items(), beliefs, strict=True)}


def _trust_choices(
    priors: tuple[str, ...], beliefs: tuple[Beliefs, ...]
) -> Iterator[tuple[tuple[str, PriorTrust], ...]]:
    """Combinations of trusts in all prior scores, each with its name; beliefs add up to that in the combination."""
    tables = [_table(name, own) for name, own in zip(priors, beliefs, strict=True)]
    for trust in product(*(table.items() for table in tables[:MOST_TRUSTS])):
        trusted = {name for name, (_, one) in zip(priors, trust, strict=False) if one.deviation}
        # Several at once would double the number of hypotheses.
        if len(trusted & {TECHNICAL, APPEAL, NIMA}) > 1:
            continue
        # Those beyond the most have the trust of the last.
        last = [(word, one._replace(belief=0.0)) for word, one in trust[-1:]]
        yield (*trust, *last * (len(tables) - len(trust)))


@dataclass
class Mixture:
    """A fitted average; made by ``learn_mixture``."""

    kernels: ItemKernels  # kernels over items against the learning pictures
    duals: np.ndarray  # (kernels, n) dual weights, averaged over hypotheses
    makings: MakingKernels  # kernels over how pictures were made against the learning pictures
    making_duals: np.ndarray  # (makings, n) their dual weights
    coefficients: np.ndarray  # (k,) weights of the prior scores
    bias: float  # c
    shares: dict[str, float]  # weight of each kernel over items, and of none as ``prior``; sums to 1
    trusts: np.ndarray  # (k,) weight of the hypotheses that trust each prior score, or its opposite
    #: weight, hypothesis and dual weights (n,) of the hypotheses of most weight
    parts: list[tuple[float, Hypothesis, np.ndarray]] = field(repr=False)
    priors: np.ndarray = field(repr=False)  # (n, k) prior scores of the learning pictures
    weights: np.ndarray = field(repr=False)  # (m,) number of judgements behind each observation
    #: (m, n) observations by learning picture, see ``contrasts_of``; None if each is a picture's liking
    contrasts: np.ndarray | None = field(default=None, repr=False)

    def by_example(self, z: np.ndarray, makings: Makings = None) -> np.ndarray:
        """(i, n) what each learning picture adds to the liking of (i, p) deviations, by all kernels together.

        With the prior scores times ``coefficients`` and ``bias`` this is the liking, exactly.
        """
        added = np.zeros((len(z), self.duals.shape[1]))
        for values, dual in self._weighted(z, makings):
            added += values * dual
        return added

    def liking_of_making(self, makings: Made) -> np.ndarray:
        """(i,) what is added to the liking of pictures by how they were made; 0 where nothing is known."""
        added = np.zeros(len(makings))
        for values, dual in zip(self.makings.against(makings), self.making_duals, strict=True):
            added += values @ dual
        return added

    def predict(self, z: np.ndarray, priors: np.ndarray, makings: Makings = None) -> np.ndarray:
        """(i,) liking of pictures from (i, p) deviations, (i, k) prior scores, and how they were made, None if unknown."""
        liking: np.ndarray = self.bias + priors @ self.coefficients
        for values, dual in zip(self.kernels.against(z), self.duals, strict=True):
            liking = liking + values @ dual
        return liking if makings is None else liking + self.liking_of_making(makings)

    def likeness(self, z: np.ndarray, makings: Makings = None) -> np.ndarray:
        """(i, n) how like each learning picture each picture is, by the kernels as far as they count for it; as ``by_example``."""
        alike = np.zeros((len(z), self.duals.shape[1]))
        for values, dual in self._weighted(z, makings):
            alike += values * np.abs(dual)
        return alike

    def _weighted(self, z: np.ndarray, makings: Makings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(i, n) values of each kernel, over items and then over makings, and its (n,) dual weights."""
        yield from zip(self.kernels.against(z), self.duals, strict=True)
        yield from zip(self._made(z, makings), self.making_duals, strict=True)

    def _made(self, z: np.ndarray, makings: Makings) -> list[np.ndarray]:
        return self.makings.against([None] * len(z) if makings is None else makings)

    def _explained(
        self, h: Hypothesis, base: list[np.ndarray], made: list[np.ndarray], cross: np.ndarray
    ) -> np.ndarray:
        """(m, i) L⁻¹ crossᵀ with the Cholesky factor L of a hypothesis's covariance of the observations."""
        covariance, seen = _covariance(h, base, made, self.priors, self.priors), cross.T
        if self.contrasts is not None:
            covariance, seen = self.contrasts @ covariance @ self.contrasts.T, self.contrasts @ seen
        covariance = covariance + np.diag(h.noise / self.weights)
        return solve_triangular(np.linalg.cholesky(covariance), seen, lower=True)

    def uncertainty(self, z: np.ndarray, priors: np.ndarray, makings: Makings = None) -> np.ndarray:
        """(i,) standard deviations of liking, within and between hypotheses, without the noise of single judgements."""
        against, base = self.kernels.against(z), self.kernels.against(self.kernels.z)
        made, made_base = self._made(z, makings), self.makings.gram()
        own_made = self.makings.diagonal([None] * len(z) if makings is None else makings)
        mean, second, total = np.zeros(len(z)), np.zeros(len(z)), 0.0
        for share, h, alpha in self.parts:
            cross = _covariance(h, against, made, priors, self.priors)
            predicted = priors @ np.array(h.means) + cross @ alpha
            explained = self._explained(h, base, made_base, cross)
            own = h.amplitude * self.kernels.diagonal(h.kernel, z) if h.kernel >= 0 else 0.0
            own = own + (h.amplitude * own_made[h.making] if h.making >= 0 else 0.0)
            prior = own + 1 + np.sum((priors * np.array(h.deviations)) ** 2, axis=1)
            variance = np.maximum(prior - np.einsum("ni,ni->i", explained, explained), 0)
            mean, second, total = mean + share * predicted, second + share * (variance + predicted**2), total + share
        return np.sqrt(np.maximum(second / total - (mean / total) ** 2, 0))

    def covariance(self, z: np.ndarray, priors: np.ndarray, makings: Makings = None) -> tuple[np.ndarray, float]:
        """(i, i) covariance of likings under the likeliest hypothesis with a kernel, and its noise variance."""
        _, h, _ = max(self.parts, key=lambda part: (part[1].kernel >= 0, part[0]))
        cross = _covariance(h, self.kernels.against(z), self._made(z, makings), priors, self.priors)
        among = self.makings.among([None] * len(z) if makings is None else makings)
        prior = _covariance(h, replace(self.kernels, z=z).against(z), among, priors, priors)
        explained = self._explained(h, self.kernels.against(self.kernels.z), self.makings.gram(), cross)
        posterior: np.ndarray = prior - explained.T @ explained
        return posterior, h.noise

    def effects(self, facet: int, contrasts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(q,) means and standard deviations of (q, n) combinations of a facet's part of the learning pictures' liking."""
        base, made, gram = self.kernels.against(self.kernels.z), self.makings.gram(), self.makings.facet_gram(facet)
        mean, second, total = np.zeros(len(contrasts)), np.zeros(len(contrasts)), 0.0
        for share, h, alpha in self.parts:
            total += share
            weight = h.amplitude * self.makings.share_of(facet, h.making)
            if weight:
                cross = weight * contrasts @ gram
                explained = self._explained(h, base, made, cross)
                variance = np.einsum("qn,qn->q", cross, contrasts) - np.einsum("mq,mq->q", explained, explained)
                predicted = cross @ alpha
                mean, second = mean + share * predicted, second + share * (np.maximum(variance, 0) + predicted**2)
        return mean / total, np.sqrt(np.maximum(second / total - (mean / total) ** 2, 0))


def _covariance(
    h: Hypothesis, kernels: list[np.ndarray], makings: list[np.ndarray], a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Prior covariance of likings from kernels and the prior scores ``a`` and ``b`` of their rows and columns."""
    deviations = np.array(h.deviations)
    covariance: np.ndarray = 1 + (a * deviations) @ (b * deviations).T
    kernel = h.of_kernels(kernels, makings)
    return covariance if kernel is None else covariance + h.amplitude * kernel


def learn_mixture(
    z: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    priors: np.ndarray,
    kernels: ItemKernels,
    prior_names: Sequence[str] = (),
    prior_beliefs: Sequence[Beliefs] = (),
    levels: np.ndarray | None = None,
    makings: MakingKernels = NOT_MADE,
) -> Mixture:
    """Fit all hypotheses to (n, p) deviations and (n,) likings in −1…1, and average them.

    The (n, k) prior scores are standardised; k may be 0, and unknown names are any judge's. The noise of a liking is
    divided by its weight, the number of judgements behind it. ``levels`` are as in ``Examples``, by default all known,
    and ``prior_beliefs`` as for ``hypotheses``.
    """
    candidates = hypotheses(kernels.names, prior_names or [""] * priors.shape[1], prior_beliefs)
    base, made = kernels.against(z), makings.gram()
    contrasts, seen, weights, given, constant = observations(y, weights, priors, levels)
    if contrasts is not None:
        base, made = ([contrasts @ kernel @ contrasts.T for kernel in some] for some in (base, made))
    few = np.arange(len(seen))
    if len(seen) > COMPARED_PICTURES:
        few = np.linspace(0, len(seen) - 1, COMPARED_PICTURES).astype(int)

    def fitted(some: list[Hypothesis], of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        compared = [[kernel[np.ix_(of, of)] for kernel in kind] for kind in (base, made)]
        return fit_all(some, compared[0], seen[of], weights[of], given[of], constant[of], compared[1])

    evidence, alphas = fitted(candidates, few)
    if made:
        more = joined(candidates, np.exp(log_weights(candidates, evidence)), kernels.names, makings.names)
        shown, duals_of_more = fitted(more, few)
        candidates = [*candidates, *more]
        evidence, alphas = np.concatenate([evidence, shown]), np.concatenate([alphas, duals_of_more])
    if len(few) < len(seen):
        candidates = [candidates[i] for i in np.argsort(log_weights(candidates, evidence))[::-1][:BEST_HYPOTHESES]]
        evidence, alphas = fitted(candidates, np.arange(len(seen)))
    if contrasts is not None:
        alphas = alphas @ contrasts
    weight = np.exp(log_weights(candidates, evidence))
    weight /= weight.sum()
    number, amplitude = (np.array([getattr(h, name) for h in candidates]) for name in ("kernel", "amplitude"))
    means, deviations = _trusts(candidates, priors.shape[1])
    making = np.array([h.making for h in candidates])
    sized = (weight * amplitude)[:, None] * alphas
    duals = np.stack([sized[number == k].sum(axis=0) for k in range(len(base))])
    making_duals = np.array([sized[making == k].sum(axis=0) for k in range(len(made))]).reshape(len(made), len(z))
    coefficients = weight @ (means + deviations**2 * (alphas @ priors))
    bias, trusts = float(weight @ alphas.sum(axis=1)), weight @ (deviations > 0)
    shares = {name: float(weight[number == k].sum()) for k, name in enumerate(kernels.names)}
    shares["prior"] = float(weight[number < 0].sum())
    kept = np.argsort(-weight, kind="stable")[:MOST_PARTS]
    parts = [(float(weight[i]), candidates[i], alphas[i]) for i in kept]
    return Mixture(
        kernels, duals, makings, making_duals, coefficients, bias, shares, trusts, parts, priors, weights,
        contrasts,
    )  # fmt: skip


def log_weights(candidates: list[Hypothesis], evidence: np.ndarray) -> np.ndarray:
    """(h,) log weights of hypotheses, the largest 0, from (h,) log evidence."""
    belief, places = np.array([h.belief for h in candidates]), dict[tuple[tuple[float, ...], ...], list[int]]()
    for i, h in enumerate(candidates):
        places.setdefault((h.means, h.deviations), []).append(i)
    weights = np.empty(len(candidates))
    for place in places.values():
        own, shown = belief[place], evidence[place]
        tempered = own + TEMPER * shown
        marginal = _log_sum(own + shown) - _log_sum(own)
        weights[place] = candidates[place[0]].trust + TEMPER_OF_TRUSTS * marginal + tempered - _log_sum(tempered)
    weights -= weights.max()
    return weights


def _log_sum(logs: np.ndarray) -> float:
    return float(np.logaddexp.reduce(logs))


def _trusts(candidates: Sequence[Hypothesis], priors: int) -> tuple[np.ndarray, np.ndarray]:
    """(h, k) means and standard deviations of the weights of prior scores."""
    means, deviations = (np.array([getattr(h, name) for h in candidates]) for name in ("means", "deviations"))
    shape = len(candidates), priors
    return means.reshape(shape), deviations.reshape(shape)


def observations(
    y: np.ndarray, weights: np.ndarray, priors: np.ndarray, levels: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Contrasts, and of m observations their values, judgements behind them, (m, k) prior scores and what c counts."""
    contrasts, constant = contrasts_of(levels, len(y)), np.ones(len(y))
    if contrasts is None:
        return None, y, weights, priors, constant
    constant, seen = contrasts @ constant, contrasts @ y
    # Differences get the size of likings of good and bad pictures, which the beliefs were learnt on.
    apart = np.isclose(constant, 0)
    size = float(np.sqrt(np.mean(seen[apart] ** 2))) if apart.any() else 0.0
    seen = np.where(apart, seen / (size or 1.0), seen)
    return contrasts, seen, contrasts**2 @ weights, contrasts @ priors, constant


def contrasts_of(levels: np.ndarray | None, n: int) -> np.ndarray | None:
    """(m, n) observations by picture; None if each picture's liking is one, or if there would be none.

    A liking whose level is known is an observation of its own. Of the pictures of an unknown level only orthonormal
    combinations that sum to 0 are observed, one fewer than pictures.
    """
    if levels is None or (levels < 0).all():
        return None
    rows = [np.eye(n)[levels < 0]]
    for level in np.unique(levels[levels >= 0]):
        members = np.flatnonzero(levels == level)
        apart = np.zeros((len(members) - 1, n))
        apart[:, members] = helmert(len(members)) if len(members) > 1 else 0.0
        rows.append(apart)
    joined = np.concatenate(rows)
    return joined if len(joined) else None


def fit_all(
    candidates: list[Hypothesis],
    base: list[np.ndarray],
    y: np.ndarray,
    weights: np.ndarray,
    priors: np.ndarray,
    constant: np.ndarray | None = None,
    makings: Sequence[np.ndarray] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """(h,) log evidence up to a constant, and (h, n) dual weights C⁻¹(y − Pμ), of hypotheses on n observations.

    ``base`` and ``makings`` are the kernels K and L. ``constant`` (n,) is what c counts in each of them; 1 by default, as
    for likings.

    With W the diagonal of the weights, C = W^(−½) (s² W^½ (K + L) W^½ + noise) W^(−½) + B Bᵀ, where the columns of B are the constant
    and σ_j times each prior score. One eigendecomposition of W^½ (K + L) W^½ = U Λ Uᵀ serves all hypotheses on these kernels; the
    rest is Woodbury's identity in the small space of y, ones and P.
    """
    n, k = priors.shape
    root = np.sqrt(weights)
    columns = root[:, None] * np.column_stack([y, np.ones(n) if constant is None else constant, priors])
    evidence, alphas = np.empty(len(candidates)), np.empty((len(candidates), n))
    places = dict[tuple[int, int], list[int]]()
    for i, h in enumerate(candidates):
        places.setdefault((h.kernel, h.making), []).append(i)
    for rows in places.values():
        block = [candidates[i] for i in rows]
        values, vectors, kernel = np.zeros(n), np.eye(n), block[0].of_kernels(base, makings)
        if kernel is not None:
            values, vectors = np.linalg.eigh(root[:, None] * kernel * root)
        amplitude, noise = (np.array([getattr(h, name) for h in block]) for name in ("amplitude", "noise"))
        means, deviations = _trusts(block, k)
        spectrum = amplitude[:, None] * np.maximum(values, 0) + noise[:, None]
        x = vectors.T @ columns
        products = np.einsum("ni,nj->nij", x, x).reshape(n, -1)
        gram = (1 / spectrum @ products).reshape(len(block), k + 2, k + 2)
        residual = np.concatenate([np.ones((len(block), 1)), np.zeros((len(block), 1)), -means], axis=1)
        scale = np.concatenate([np.ones((len(block), 1)), deviations], axis=1)
        small = np.eye(k + 1) + scale[:, :, None] * gram[:, 1:, 1:] * scale[:, None]
        along = scale * np.einsum("hij,hj->hi", gram[:, 1:], residual)
        taken = np.linalg.solve(small, along[..., None])[..., 0]
        square = np.einsum("hi,hij,hj->h", residual, gram, residual) - np.einsum("hi,hi->h", along, taken)
        determinant = np.log(spectrum).sum(axis=1) - np.log(weights).sum() + np.linalg.slogdet(small)[1]
        evidence[rows] = -0.5 * (square + determinant)
        residual[:, 1:] -= scale * taken
        alphas[rows] = root * ((residual @ x.T / spectrum) @ vectors.T)
    return evidence, alphas
