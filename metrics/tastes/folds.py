"""Leaving pictures out: grouped folds, and which of two held-out pictures is scored higher.

Only pictures of one fold are compared with each other, for they alone were scored by the same fitted model. The statistic is the
concordance: the chance that of two pictures of different liking the better liked one is scored higher, ties counted half. For good against
bad it is the AUC; for graded ratings, 2·concordance − 1 is Somers' D, a rank correlation.

Source: Hanley & McNeil, *Radiology* 143 (1982); Somers, *American Sociological Review* 27 (1962).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .examples import Examples
from .kernels import Frame, squared_distances
from .methods import learn_all

#: Pictures nearer than this share of the median squared distance are near-duplicates.
NEAR = 0.01


def near_duplicates(z: np.ndarray, groups: np.ndarray, near: float = NEAR) -> np.ndarray:
    """(n,) numbers of groups in which near-duplicates and pictures of one given group are together.

    Args:
        z: (n, p) deviations.
        groups: (n,) given groups.
        near: share of the median squared distance under which two pictures are near-duplicates.
    """
    apart = squared_distances(z, z)
    typical = float(np.median(apart[np.triu_indices(len(z), 1)])) if len(z) > 1 else 0.0
    together = (apart <= near * typical) | (groups[:, None] == groups)
    return np.asarray(connected_components(coo_array(together), directed=False)[1])


def fold_numbers(liking: np.ndarray, groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) fold of each picture: groups stay whole, and every fold gets low and high likings alike."""
    names, which = np.unique(groups, return_inverse=True)
    mean = np.bincount(which, liking) / np.bincount(which)
    order = np.lexsort((rng.random(len(names)), mean))
    numbers = np.empty(len(names), dtype=int)
    for start in range(0, len(names), folds):
        block = order[start : start + folds]
        numbers[block] = rng.permutation(folds)[: len(block)]
    return numbers[which]


def pairs(liking: np.ndarray) -> np.ndarray:
    """(n, n) whether the row's picture is liked better than the column's."""
    better: np.ndarray = liking[:, None] > liking + 1e-12
    return better


def concordance(liking: np.ndarray, scores: np.ndarray) -> float:
    """Chance that the better liked of two pictures scores higher, ties half; NaN where all are liked alike."""
    better = pairs(liking)
    total = better.sum()
    higher = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
    return float((higher * better).sum() / total) if total else float("nan")


@dataclass(frozen=True)
class HeldOut:
    """Comparisons of held-out pictures.

    Attributes:
        wins: (n, n) how often the row's picture was scored higher than the column's, ties half; better liked rows only.
        counts: (n, n) how often they were compared.
        scores: (n,) mean held-out score of each picture; NaN where it never was held out.
    """

    wins: np.ndarray
    counts: np.ndarray
    scores: np.ndarray

    @property
    def concordance(self) -> float:
        """Over all comparisons; NaN where there are none."""
        total = self.counts.sum()
        return float(self.wins.sum() / total) if total else float("nan")

    def placements(self) -> np.ndarray:
        """(n,) share of its comparisons that each picture came out of rightly; NaN for none."""
        counts = self.counts + self.counts.T
        right = (self.wins + self.wins.T).sum(axis=1)
        total = counts.sum(axis=1)
        return np.where(total > 0, right / np.maximum(total, 1), np.nan)

    def resampled(self, weights: np.ndarray) -> np.ndarray:
        """(b,) concordance under (b, n) weights of the pictures; NaN where nothing is left to compare."""
        won = np.einsum("bi,bi->b", weights @ self.wins, weights)
        total = np.einsum("bi,bi->b", weights @ self.counts, weights)
        return np.where(total > 0, won / np.where(total > 0, total, 1), np.nan)


def gather(liking: np.ndarray, tests: Sequence[tuple[np.ndarray, np.ndarray]]) -> HeldOut:
    """Comparisons from (rows, scores) of each fold of each repetition."""
    n = len(liking)
    better = pairs(liking)
    wins, counts, total, times = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for rows, scores in tests:
        at = np.ix_(rows, rows)
        higher = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
        wins[at] += higher * better[at]
        counts[at] += better[at]
        total[rows] += scores
        times[rows] += 1
    return HeldOut(wins, counts, np.where(times > 0, total / np.maximum(times, 1), np.nan))


def learnable(liking: np.ndarray) -> bool:
    """Whether there is anything to tell apart."""
    return len(liking) > 1 and float(np.ptp(liking)) > 0


def compare_held_out(
    methods: Sequence[str],
    z: np.ndarray,
    examples: Examples,
    priors: np.ndarray,
    frame: Frame,
    parts: Sequence[np.ndarray],
) -> dict[str, HeldOut]:
    """Cross-validate methods over given folds; those that cannot learn from some learning side are left out."""
    tests: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {method: [] for method in methods}
    for numbers in parts:
        for fold in np.unique(numbers):
            test, learning = np.flatnonzero(numbers == fold), np.flatnonzero(numbers != fold)
            if not learnable(examples.liking[learning]):
                continue
            models = learn_all(list(tests), z[learning], examples.take(learning), priors[learning], frame)
            tests = {method: tests[method] for method in models}
            for method, model in models.items():
                tests[method].append((test, model.predict(z[test], priors[test])))
    return {method: gather(examples.liking, found) for method, found in tests.items()}
