"""Standard orthogonal arrays of strength 2, and the choice among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from ...files import read_text


def _named(array: np.ndarray) -> str:
    columns = np.unique(array.max(axis=0) + 1, return_counts=True)
    return f"L{len(array)}({' '.join(f'{level}^{count}' for level, count in zip(*columns, strict=True))})"


@cache
def standard_arrays() -> dict[str, np.ndarray]:
    """The strength-2 arrays L4 to L81 by name, (runs, columns) int64 from 0, read-only.

    They are the tables of standard_arrays.txt. Mixed arrays are added by splitting columns:
    one of six levels into 2 × 3, one of four into 2 × 2 × 2 (Addelman, "Orthogonal Main-Effect Plans for Asymmetrical
    Factorial Experiments", *Technometrics* 4, 1962).
    """
    tables = read_text(Path(__file__).with_name("standard_arrays.txt")).split("\n\n")[1:]
    arrays = [np.array([[*map(int, run)] for run in table.split()], dtype=np.int64) for table in tables]
    for array in list(arrays):
        rest = array
        while (wide := np.flatnonzero(rest.max(axis=0) == 5)).size:
            column = rest[:, wide[:1]]
            rest = np.hstack([column // 3, column % 3, np.delete(rest, wide[0], axis=1)])
            arrays.append(rest)
        while (wide := np.flatnonzero(rest.max(axis=0) == 3)).size:
            high, low = rest[:, wide[:1]] // 2, rest[:, wide[:1]] % 2
            rest = np.hstack([high, low, high ^ low, np.delete(rest, wide[0], axis=1)])
            arrays.append(rest)
    eight = arrays[1]
    arrays.append(np.hstack([2 * eight[:, :1] + eight[:, 1:2], eight[:, 3:]]))
    for array in arrays:
        array.flags.writeable = False
    return {_named(array): array for array in arrays}


def _misfit(options: int, level: int) -> float:
    """Cost of a slot in a column of ``level`` levels: 0 if it fits, 1 if it has no column at all (one level)."""
    if level >= options:
        return 0.0 if level % options == 0 else 0.3
    return 1.0 if level == 1 else 0.5 if options % level == 0 else 0.6


def assign_columns(
    levels: Sequence[int], array: np.ndarray, rng: np.random.Generator | None = None
) -> tuple[np.ndarray, float]:
    """Column of each slot (−1: none left) and the mean misfit; ``rng`` decides between columns that fit equally."""
    from scipy.optimize import linear_sum_assignment

    columns = array.max(axis=0) + 1
    misfits = {(n, c): _misfit(n, c) for n in set(levels) for c in {*columns.tolist(), 1}}
    cost = np.array([[misfits[n, int(c)] for c in columns] + [misfits[n, 1]] * len(levels) for n in levels])
    jitter = rng.random(cost.shape) * 1e-4 if rng else 0.0
    _, chosen = linear_sum_assignment(cost + jitter)
    return np.where(chosen < len(columns), chosen, -1), float(cost[np.arange(len(levels)), chosen].mean())


def choose_array(levels: Sequence[int], count: int) -> str:
    """Name of the standard array that best fits ``count`` runs and the slots.

    It has the smallest sum of |log2(runs / count)| and the mean misfit of the slots. The misfit is 0 if a column fits,
    0.3 for an uneven dummy level, 0.5 to 0.6 for a collapsed slot, 1 for a slot without a column.
    """
    arrays = standard_arrays()
    return min(
        arrays,
        key=lambda name: (
            abs(math.log2(len(arrays[name]) / count)) + assign_columns(levels, arrays[name])[1],
            len(arrays[name]),
        ),
    )
