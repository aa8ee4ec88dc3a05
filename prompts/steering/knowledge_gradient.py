"""The knowledge gradient: shows the choices whose ratings are worth most.

In the end the choice of highest posterior mean is wanted. So each picture goes where its rating raises the expected
maximum of the posterior mean most (Frazier, Powell & Dayanik 2009, for correlated beliefs). With μ and c the posterior
mean and covariance of the goal, and ν the variance of a single rating,

    KG(x) = E_z max_l (μ_l + s_l(x) z) − max_l μ_l,     s_l(x) = c(x, l)/√(c(x, x) + ν),  z ~ N(0, 1)

over leaders l. A batch grows greedily: KG is averaged over fantasies of the ratings of those picked before (Wu &
Frazier 2016), which all have the same covariance. The noise is part of the formula, so nothing is set for quiet or
noisy raters, and a choice that was shown before may be worth another picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..rating_model.choice_functions import Tables
from ..rating_model.posterior import Covariance
from .search import Domain, best_of, keys, neighbours, peaks

#: Posterior draws whose maxima are leaders, for a batch and for a single picture, and more leaders: the best by mean, and
#: the best of those shown.
DRAWS, FEWER_DRAWS, _BEST, _SHOWN = 64, 24, 32, 16
#: Draws even in a large space.
_FEWEST_DRAWS = 8
#: Leaders whose neighbours are candidates, for a batch and for a single picture, and random starts of the climb on each
#: draw.
CENTRES, FEWER_CENTRES, _STARTS = 8, 4, 3
#: Most candidates, whose covariance is a matrix, and most numbers in the tables of the draws.
MOST_CANDIDATES, MOST_NUMBERS = 3000, 10_000_000
#: Candidates even in a large space, and most products in their covariance: candidates² × options of all slots.
_FEWEST_CANDIDATES, _MOST_PRODUCTS = 500, 1_500_000_000
#: Domains of at most this many choices are candidates as a whole.
_FEW = 300
#: Fantasies of the ratings of earlier picks, an even number, and candidates worth most at the first pick, among which the
#: later ones choose.
_FANTASIES, _HOPEFUL = 12, 200
#: Nodes and weights of Gauss–Hermite quadrature for E f(z), z ~ N(0, 1).
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def draws_for(count: int, domain: Domain) -> int:
    """Number of posterior draws for a batch of ``count``: fewer where tables of all pairs of options are large."""
    wanted = DRAWS if count > 1 else FEWER_DRAWS
    return min(wanted, max(_FEWEST_DRAWS, MOST_NUMBERS // sum(domain.levels) ** 2))


def candidates_for(domain: Domain) -> int:
    """Most candidates: fewer where slots have many options, because the time of their covariance grows with these."""
    affordable = int(np.sqrt(_MOST_PRODUCTS / sum(domain.levels)))
    return min(MOST_CANDIDATES, max(_FEWEST_CANDIDATES, affordable))


def leaders(draws: Tables, mean: Tables, domain: Domain, rng: np.random.Generator, shown: np.ndarray) -> np.ndarray:
    """(l, S) distinct permitted choices that may be the best: maxima of mean and draws, and (k, S) ``shown`` ones."""
    best_shown = shown[np.argsort(-mean(shown)[0], kind="stable")[:_SHOWN]]
    if domain.size() <= _FEW:
        everything = domain.everything()
        by_mean = everything[np.argsort(-mean(everything)[0], kind="stable")[:_BEST]]
    else:
        by_mean = best_of(mean, domain, rng, starts=best_shown[:4], count=_BEST)
    tops = maxima(draws, domain, rng, np.vstack([by_mean[:1], best_shown[:2]]))
    return np.array(list(dict.fromkeys(keys(np.vstack([by_mean, tops, best_shown])))), dtype=np.int64)


def maxima(draws: Tables, domain: Domain, rng: np.random.Generator, starts: np.ndarray) -> np.ndarray:
    """(d, S) the maximum of each of d functions, in a large domain by climbing from (k, S) ``starts`` and random choices."""
    if domain.size() <= _FEW:
        everything = domain.everything()
        tops: np.ndarray = everything[draws(everything).argmax(axis=1)]
        return tops
    return peaks(draws, np.vstack([domain.random(rng, _STARTS), starts]), domain)


def candidates(leading: np.ndarray, mean: Tables, domain: Domain, centres: int = CENTRES) -> np.ndarray:
    """(c, S) distinct permitted choices that may be worth a picture.

    The (l, S) ``leading`` ones come first, then the neighbours of the best ``centres`` of them: of too many those of
    the highest mean.
    """
    if domain.size() <= _FEW:
        others = domain.everything()
    else:
        best = leading[np.argsort(-mean(leading)[0], kind="stable")[:centres]]
        others = np.vstack([_near(choice, domain) for choice in best])
    distinct = np.array(list(dict.fromkeys(keys(np.vstack([leading, others])))), dtype=np.int64)
    most = candidates_for(domain)
    if len(distinct) <= most:
        return distinct
    order = np.argsort(-mean(distinct[len(leading) :])[0], kind="stable")[: max(most - len(leading), 0)]
    return np.vstack([distinct[: len(leading)], distinct[len(leading) + np.sort(order)]])


def _near(centre: np.ndarray, domain: Domain) -> np.ndarray:
    """(n, S) neighbours of a choice; in a slot of numbers those 1, 2, 4, 8 … options away."""
    others, numbers = neighbours(centre[None], domain), np.array(domain.numbers())
    step, changed = np.abs(others - centre).max(axis=1, initial=0), others != centre
    # Choices that differ in several slots have switched some of them on or off.
    skipped = (changed & numbers).any(axis=1) & (changed.sum(axis=1) == 1) & ((step & (step - 1)) != 0)
    near: np.ndarray = others[~skipped]
    return near


def expected_maximum(means: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """(c,) E_z max_l (μ_l + s_l z) for each of (c, l) ``slopes``, averaged over (f, l) ``means``."""
    total, values = np.zeros(len(slopes)), np.empty_like(slopes)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        steps = slopes * node
        for mean in means:
            np.add(steps, mean, out=values)
            total += weight * values.max(axis=1)
    return total / len(means)


def knowledge_gradient_batch(
    mean: np.ndarray,
    covariance: Covariance,
    noise: float,
    count: int,
    rng: np.random.Generator,
    *,
    leading: int,
    free: np.ndarray,
    pending: Sequence[int] | np.ndarray = (),
) -> list[int]:
    """Pick up to ``count`` of c candidates by greedy knowledge gradient, fewer if no more are free; (c,) arrays.

    The first ``leading`` candidates may be the best. ``noise`` is the variance of a single rating of the goal, > 0.
    Ratings of ``pending`` candidates are still to come.
    """
    # Covariances with the leaders, and variances, are kept up to date; others are computed for those picked alone.
    with_leaders, variances = covariance.columns(np.arange(leading)), covariance.variances.copy()
    awaited: list[np.ndarray] = []
    picks: list[int] = []
    means = mean[None, :leading]

    def await_rating(pick: int) -> None:
        nonlocal means
        own = covariance.columns(np.array([pick]))[:, 0]
        for earlier in awaited:
            own = own - earlier[pick] * earlier
        slopes = own / np.sqrt(own[pick] + noise)
        if len(means) == 1:
            means = np.repeat(means, _FANTASIES, axis=0)
        # Fantasies in opposite pairs, so that their mean is that of the ratings.
        half = rng.standard_normal(_FANTASIES // 2)
        means = means + np.concatenate([half, -half])[rng.permutation(_FANTASIES), None] * slopes[:leading]
        with_leaders[...] -= np.outer(slopes, slopes[:leading])
        variances[...] -= slopes**2
        awaited.append(slopes)

    for pick in pending:
        await_rating(pick)
    allowed = np.flatnonzero(free)
    while len(picks) < count and len(allowed):
        spreads = np.sqrt(np.maximum(variances[allowed], 0.0) + noise)
        values = expected_maximum(means, with_leaders[allowed] / spreads[:, None])
        order = np.argsort(-values, kind="stable")
        picks.append(int(allowed[order[0]]))
        if len(picks) == count:
            break
        await_rating(picks[-1])
        # Whatever is worth little at first is worth little after other ratings too.
        allowed = allowed[np.sort(order[1:][: max(_HOPEFUL, count)])]
    return picks
