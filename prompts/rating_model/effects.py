"""The factor-effect table: effects of options and of pairs of options on a rater.

An effect is a deviation from the mean over all options of its slot, with the other slots averaged. The effect of a pair
is its deviation from the sum of both effects. Intervals are quantiles of posterior draws.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from .kernels import offsets, slot_of_column
from .model import RatingModel
from .similarity import Numbers

#: Share of the posterior inside the intervals, and the number of posterior functions that they are read from.
COVERAGE, DRAWS = 0.9, 400
#: Pairs that the table lists.
PAIRS = 8
#: Functions drawn at a time: each is a table of all pairs.
_CHUNK = 20


@dataclass(frozen=True, slots=True)
class RatingEffect:
    """Effect of an option, in rating units, with its interval ``low`` … ``high``; slot and option are numbers."""

    slot: int
    option: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairEffect:
    """Effect of two options together beyond the sum of both, in rating units; slots and options are numbers."""

    slots: tuple[int, int]
    options: tuple[int, int]
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EffectTable:
    """Effects of all options slot by slot, the strongest pairs first, and the importance of each slot."""

    effects: list[RatingEffect]
    pairs: list[PairEffect]
    #: (S,) share of each slot in the variance of the mean over the whole space, half of a pair's for each; sums to 1,
    #: or 0 before feedback
    importance: np.ndarray


def _strongest(
    upper: np.ndarray, slot: np.ndarray, numbers: Sequence[bool], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the ``count`` largest absolute values above 0, of neighbouring numbers only the largest."""
    flat = np.abs(upper).ravel()
    seen: set[tuple[tuple[int, int], ...]] = set()
    found: list[list[int]] = []
    for place in np.argsort(-flat, kind="stable"):
        if len(found) == count or not flat[place]:
            break
        ends = [int(end) for end in np.unravel_index(place, upper.shape)]
        kind = tuple((int(slot[c]), -1 if numbers and numbers[slot[c]] else c) for c in ends)
        if kind not in seen:
            seen.add(kind)
            found.append(ends)
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def factor_effects(model: RatingModel, rng: np.random.Generator, *, rater: Hashable | None = None) -> EffectTable:
    """The factor-effect table of one rater; by default the only one, or the part that several have in common."""
    raters = None if rater is None else [rater]
    mean = model.means(raters)[0].flattened()
    levels, start, slot = model.levels, offsets(model.levels), slot_of_column(model.levels)
    upper = np.triu(mean.pair[0], 1)
    first, second = _strongest(upper, slot, [isinstance(s, Numbers) for s in model.similarities], PAIRS)
    main, together = [], []
    for _ in range(DRAWS // _CHUNK):
        table = model.draws(rng, _CHUNK, raters)[0].flattened()
        main.append(table.main)
        together.append(table.pair[:, first, second])
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    low, high = np.quantile(np.concatenate(main), tails, axis=0)
    effects = [
        RatingEffect(int(slot[c]), int(c - start[slot[c]]), float(mean.main[0, c]), float(low[c]), float(high[c]))
        for c in range(len(slot))
    ]
    low, high = np.quantile(np.concatenate(together), tails, axis=0)
    strongest = [
        PairEffect(
            (int(slot[a]), int(slot[b])),
            (int(a - start[slot[a]]), int(b - start[slot[b]])),
            float(mean.pair[0, a, b]),
            float(low[number]),
            float(high[number]),
        )
        for number, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    counts = np.asarray(levels)[slot]
    by_column = mean.main[0] ** 2 / counts + (mean.pair[0] ** 2 / counts).sum(axis=1) / counts / 2
    by_slot = np.bincount(slot, by_column, len(levels))
    return EffectTable(effects, strongest, by_slot / by_slot.sum() if by_slot.sum() > 0 else by_slot)
