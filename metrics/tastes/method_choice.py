"""The choice between methods, by grouped cross-validation among the learning pictures alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .examples import Examples
from .folds import compare_held_out, fold_numbers
from .kernels import Frame
from .methods import METHODS

#: Fewer pictures than this say little about whether learning beats the prior scores, and about which method is best.
SCARCE, ENOUGH = 12, 24


@dataclass(frozen=True, slots=True)
class Choice:
    """The method chosen, and the cross-validated chance of each that the better liked of two pictures scores higher."""

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

    The usual method stays unless another is ahead by more than one standard error of their difference, on ``ENOUGH`` pictures or
    more. With fewer than ``SCARCE``, where learning is not ahead of the prior scores alone, these are taken: few examples must not make things
    worse than none.

    Args:
        z: (n, p) deviations of the examples.
        examples: what was said.
        priors: (n, k) standardised prior scores.
        frame: blocks of the items.
        rng: source of the folds.
        methods: candidates, the usual one first.
        folds: of the cross-validation.
        repeats: of the cross-validation.
        every: measure also those methods that cannot be chosen from so few pictures, for the report.
    """
    usual = methods[0]
    if len(z) < ENOUGH and not every:
        methods = [m for m in methods if m == usual or (m == "prior" and len(z) < SCARCE and priors.shape[1])]
    if len(methods) == 1:
        return Choice(usual, {})
    parts = [fold_numbers(examples.liking, examples.groups, folds, rng) for _ in range(repeats)]
    found = compare_held_out(methods, z, examples, priors, frame, parts)
    placed = {method: held_out.placements() for method, held_out in found.items()}
    usable = {m: p for m, p in placed.items() if np.isfinite(p).any()}
    reached = {method: float(np.nanmean(p)) for method, p in usable.items()}
    best = usual
    for method in usable:
        if method == usual or usual not in usable or len(z) < ENOUGH:
            continue
        ahead = usable[method] - usable[usual]
        ahead = ahead[np.isfinite(ahead)]
        error = ahead.std(ddof=1) / np.sqrt(len(ahead)) if len(ahead) > 1 else np.inf
        if ahead.size and ahead.mean() > error and reached[method] > reached.get(best, 0.0):
            best = method
    if len(z) < SCARCE and "prior" in reached and reached["prior"] >= reached.get(best, 0.0):
        best = "prior"
    return Choice(best, reached)
