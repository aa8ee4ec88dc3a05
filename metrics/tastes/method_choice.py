"""Chooses a method by grouped cross-validation among the learning pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..items.frame import Frame
from .examples import Examples
from .folds import Units, compare_held_out, fold_numbers
from .methods import METHODS

#: Fewest pictures that can show that learning beats the prior scores, and fewest that can show the best method.
FEWEST_TO_BEAT_PRIORS, FEWEST_TO_CHOOSE = 12, 24


@dataclass(frozen=True, slots=True)
class Choice:
    """The result of the choice.

    Attributes:
        method: the chosen method.
        reached: cross-validated concordance by method; empty if there was nothing to compare.
    """

    method: str
    reached: dict[str, float]


def choose(
    z: np.ndarray,
    examples: Examples,
    priors: np.ndarray,
    frame: Frame,
    rng: np.random.Generator,
    methods: Sequence[str] = METHODS,
    folds: int = 4,
    repeats: int = 1,
    *,
    every: bool = False,
) -> Choice:
    """Choose a method by grouped cross-validation.

    The usual method stays unless another one is ahead by more than one standard error of their difference, on
    ``FEWEST_TO_CHOOSE`` pictures or more. With fewer than ``FEWEST_TO_BEAT_PRIORS`` the prior scores alone are taken if
    learning is not ahead of them: few examples must not make a taste worse than none.

    Args:
        z: (n, p) deviations of the examples.
        examples: the judged pictures.
        priors: (n, k) standardised prior scores.
        frame: blocks of the items.
        rng: source of the folds.
        methods: candidates, the usual one first.
        folds: folds of the cross-validation.
        repeats: repetitions of the cross-validation.
        every: True to measure, for the report, also methods that cannot be chosen from so few pictures.
    """
    units = Units.of(examples)
    # The two pictures of a choice come out right or wrong together, and count once.
    single = np.unique(np.where(units.level >= 0, units.unit, -1 - np.arange(len(z))), return_inverse=True)[1]
    count = int(single.max()) + 1
    usual, few = methods[0], count < FEWEST_TO_BEAT_PRIORS
    if count < FEWEST_TO_CHOOSE and not every:
        methods = [m for m in methods if m == usual or (m == "prior" and few and priors.shape[1])]
    if len(methods) == 1:
        return Choice(usual, {})
    numbers = [fold_numbers(examples.liking, units.unit, folds, rng) for _ in range(repeats)]
    held_out = compare_held_out(methods, z, examples, priors, frame, numbers)
    placements = {method: comparisons.placements() for method, comparisons in held_out.items()}
    usable = {m: p for m, p in placements.items() if np.isfinite(p).any()}
    reached = {method: float(np.nanmean(p)) for method, p in usable.items()}
    best = usual
    for method in usable:
        if method == usual or usual not in usable or count < FEWEST_TO_CHOOSE:
            continue
        difference = usable[method] - usable[usual]
        known = np.isfinite(difference)
        times = np.bincount(single[known], minlength=count)
        ahead = np.bincount(single[known], difference[known], count)[times > 0] / times[times > 0]
        error = ahead.std(ddof=1) / np.sqrt(len(ahead)) if len(ahead) > 1 else np.inf
        if ahead.size and ahead.mean() > error and reached[method] > reached.get(best, 0.0):
            best = method
    if few and "prior" in reached and reached["prior"] >= reached.get(best, 0.0):
        best = "prior"
    return Choice(best, reached)
