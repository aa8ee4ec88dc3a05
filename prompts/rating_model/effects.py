"""The factor-effect table: what each option does to a rater's taste, and which pairs of options do more or less than their sum.

An effect is a deviation from the mean over all options of its slot, the other slots averaged; intervals are quantiles of posterior draws.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from .kernels import offsets, slot_of_column
from .model import RatingModel


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of an option in rating units, with the ends of its interval."""

    slot: int
    option: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairEffect:
    """What two options together add to the sum of their effects, in rating units."""

    slots: tuple[int, int]
    options: tuple[int, int]
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EffectTable:
    """Effects of all options, strongest pairs, and how much each slot matters.

    Attributes:
        effects: slot by slot.
        pairs: the strongest by absolute mean, strongest first.
        importance: (S,) share of each slot in the variance of the mean over the whole space, pairs counted half to each; sums to 1, or
            all 0 where nothing is known.
    """

    effects: list[Effect]
    pairs: list[PairEffect]
    importance: np.ndarray


def factor_effects(
    model: RatingModel,
    rng: np.random.Generator,
    *,
    rater: Hashable | None = None,
    pairs: int = 8,
    coverage: float = 0.9,
    draws: int = 400,
) -> EffectTable:
    """The factor-effect table of one rater.

    Args:
        model: fitted.
        rng: draws from the posterior.
        rater: whose taste; the only rater, or what several have in common, by default.
        pairs: how many pairs to list.
        coverage: of the intervals, in (0, 1).
        draws: how many posterior functions the intervals are read from.
    """
    raters = None if rater is None else [rater]
    mean = model.means(raters)[0]
    levels, start, slot = model.levels, offsets(model.levels), slot_of_column(model.levels)
    upper = np.triu(mean.pair[0], 1)
    first, second = np.unravel_index(np.argsort(-np.abs(upper), axis=None)[:pairs], upper.shape)
    kept = np.abs(upper[first, second]) > 0
    first, second = first[kept], second[kept]
    main, together = [], []
    # A few draws at a time: each is a table of all pairs.
    for _ in range(-(-draws // 20)):
        table = model.draws(rng, 20, raters)[0]
        main.append(table.main)
        together.append(table.pair[:, first, second])
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    low, high = np.quantile(np.concatenate(main), tails, axis=0)
    effects = [
        Effect(int(slot[c]), int(c - start[slot[c]]), float(mean.main[0, c]), float(low[c]), float(high[c]))
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
