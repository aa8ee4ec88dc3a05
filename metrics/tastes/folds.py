"""Grouped folds, and the concordance of held-out pictures.

Pictures that a person chose between are left out together, and compared with each other alone, because their likings
have no common level with those of others. Where too many pictures hang together by choices and groups, they are left out
and compared like rated ones. Only pictures of one fold are compared, because only they were scored by the same model. The
statistic is the concordance: the chance that of two pictures of different liking the better liked one scores higher,
ties counted half. For good against bad it is the AUC; for graded ratings, 2·concordance − 1 is Somers' D, a rank
correlation.

Sources: Hanley & McNeil, *Radiology* 143 (1982); Somers, *American Sociological Review* 27 (1962).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .examples import Examples
from .item_kernels import squared_distances

#: Pictures nearer than this share of the median squared distance are near-duplicates.
NEAR = 0.01
#: Largest share of all pictures that are left out together because of choices between them.
TOGETHER = 0.2


def near_duplicates(z: np.ndarray, groups: np.ndarray, near: float = NEAR) -> np.ndarray:
    """(n,) numbers of wider groups, which join pictures up to ``near`` of the median squared distance apart."""
    distances = squared_distances(z, z)
    typical = float(np.median(distances[np.triu_indices(len(z), 1)])) if len(z) > 1 else 0.0
    together = (distances <= near * typical) | (groups[:, None] == groups)
    return np.asarray(connected_components(coo_array(together), directed=False)[1])


@dataclass(frozen=True)
class Units:
    """Pictures grouped into units, which are left out as a whole, and into levels, within which they are compared."""

    #: (n,) number of each picture's unit: its group, and all groups that hang together with it by choices
    unit: np.ndarray
    #: (n,) pictures of one level, from 0, are compared with each other alone; those of −1 with all others of −1
    level: np.ndarray
    choices: int = 0  # number of units in which pictures of a level have unequal likings

    @classmethod
    def of(cls, examples: Examples) -> Units:
        """The units of some examples; without choices, or where too many pictures hang together, these are the groups."""
        groups = np.unique(examples.groups, return_inverse=True)[1]
        if (examples.levels < 0).all():
            return cls(groups, np.full(len(groups), -1))
        chosen = (examples.levels[:, None] == examples.levels) & (examples.levels >= 0)
        joined = connected_components(coo_array((groups[:, None] == groups) | chosen), directed=False)[1]
        few = np.bincount(joined)[joined] <= max(2, TOGETHER * len(joined))
        unit = np.unique(np.where(few, joined, joined.max() + 1 + groups), return_inverse=True)[1]
        level = np.where(few & (examples.levels >= 0), examples.levels, -1)
        parts = [(unit[level == one][0], np.ptp(examples.liking[level == one])) for one in np.unique(level[level >= 0])]
        return cls(unit, level, len({number for number, apart in parts if apart > 1e-12}))


def fold_numbers(liking: np.ndarray, groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) fold of each picture: groups stay whole, and likings are balanced over the folds."""
    names, which = np.unique(groups, return_inverse=True)
    mean = np.bincount(which, liking) / np.bincount(which)
    order = np.lexsort((rng.random(len(names)), mean))
    numbers = np.empty(len(names), dtype=int)
    for start in range(0, len(names), folds):
        block = order[start : start + folds]
        numbers[block] = rng.permutation(folds)[: len(block)]
    return numbers[which]


def splits(numbers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for every fold the rows of its pictures, and the rows of all others to learn from."""
    for fold in np.unique(numbers):
        yield np.flatnonzero(numbers == fold), np.flatnonzero(numbers != fold)


@dataclass(frozen=True)
class HeldOut:
    """Comparisons of held-out pictures."""

    #: (n, n) number of times the row's picture scored higher than the column's, ties half. Only pairs count in which
    #: the row's picture is liked better.
    wins: np.ndarray
    counts: np.ndarray  # (n, n) number of comparisons of these pairs
    scores: np.ndarray  # (n,) mean held-out score of each picture; NaN if it was never held out

    @property
    def concordance(self) -> float:
        """Chance that the better liked of two pictures scores higher, over all comparisons; NaN if there are none."""
        total = self.counts.sum()
        return float(self.wins.sum() / total) if total else float("nan")

    def take(self, rows: np.ndarray) -> HeldOut:
        """Comparisons among the pictures in ``rows`` alone."""
        among = np.ix_(rows, rows)
        return HeldOut(self.wins[among], self.counts[among], self.scores[rows])


def gather(
    liking: np.ndarray, tests: Sequence[tuple[np.ndarray, np.ndarray]], level: np.ndarray | None = None
) -> HeldOut:
    """Collect comparisons of (n,) likings from the rows and held-out scores of each fold of each repetition."""
    n = len(liking)
    better = liking[:, None] > liking + 1e-12
    if level is not None:
        better &= level[:, None] == level
    wins, counts, total, times = np.zeros((n, n)), np.zeros((n, n)), np.zeros(n), np.zeros(n)
    for rows, scores in tests:
        pairs = np.ix_(rows, rows)
        higher = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
        wins[pairs] += higher * better[pairs]
        counts[pairs] += better[pairs]
        total[rows] += scores
        times[rows] += 1
    return HeldOut(wins, counts, np.where(times > 0, total / np.maximum(times, 1), np.nan))


def learnable(liking: np.ndarray) -> bool:
    """True if likings differ, so that there is something to learn."""
    return len(liking) > 1 and float(np.ptp(liking)) > 0
