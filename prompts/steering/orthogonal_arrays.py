"""Designs the first batch by orthogonal arrays.

Every option occurs equally often, and as nearly as possible every pair of options. The standard arrays come from
pyDOE3. A slot with fewer options than a column has levels is dummy-levelled: an option takes several levels. A slot
with more options is collapsed: groups of options share a level and take turns. The turns are exchanged until pairs are
as even as possible.

Sources: Taguchi, *System of Experimental Design* (1987), for dummy and collapsed levels; Xu, "An Algorithm for
Constructing Orthogonal and Nearly-Orthogonal Arrays With Mixed Levels and Small Runs", *Technometrics* 44 (2002), for
the exchange and its criterion J2; Xu, "Minimum Moment Aberration for Nonregular Designs and Supersaturated Designs",
*Statistica Sinica* 13 (2003), for the third moment that decides between columns.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from ...errors import PromptError
from ...files import read_text
from ..space.conditions import switch_off
from ..space.sampling import drawable
from ..space.space import PromptSpace

#: Designs with different columns, labels and turns; the most even one is taken.
_DESIGNS = 12
#: Name of the array of all combinations.
FULL = "full factorial"
#: Levels of a slot of numbers in a first batch.
_STRETCHES = 4


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


def _fit(column: np.ndarray, options: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """A slot's options along a column, and the groups of runs that may exchange options (None: none may)."""
    level = int(column.max()) + 1
    if level >= options:
        # Each option takes at least one level; a random few take one more.
        labels = rng.permutation(np.resize(rng.permutation(options), level))
        return labels[column], None
    groups = np.array_split(rng.permutation(options), level)
    filled = np.zeros(len(column), dtype=np.int64)
    for at, group in enumerate(groups):
        rows = rng.permutation(np.flatnonzero(column == at))
        filled[rows] = np.resize(rng.permutation(group), len(rows))
    return filled, column


def _coincidences(choices: np.ndarray, levels: Sequence[int]) -> np.ndarray:
    """(runs, runs): weighted number of slots in which two runs agree; Xu's δ, weights the numbers of options."""
    total = np.zeros((len(choices), len(choices)))
    for column, level in zip(choices.T, levels, strict=True):
        total += level * (column[:, None] == column[None, :])
    return total


def _exchange(column: np.ndarray, groups: np.ndarray, others: np.ndarray, options: int) -> np.ndarray:
    """Swap options between runs of one group while that makes runs with equal options agree less in the other slots."""
    column, same = column.copy(), groups[:, None] == groups[None, :]
    others = others - np.diag(np.diag(others))
    for _ in range(4 * len(column)):
        near = others @ np.eye(options)[column]
        present = near[np.arange(len(column)), column]
        crossed = near[:, column]
        gain = present[:, None] + present[None, :] - crossed - crossed.T + 2 * others
        gain[~same | (column[:, None] == column[None, :])] = 0
        a, b = np.unravel_index(gain.argmax(), gain.shape)
        if gain[a, b] <= 1e-9:
            break
        column[[a, b]] = column[[b, a]]
    return column


def orthogonal_design(levels: Sequence[int], count: int, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """The best-fitting array, and (runs, slots) choices from it for slots with these numbers of options, without constraints.

    It has all combinations (``FULL``) if there are at most ``count``; else the array decides the number of runs, 4…81. If the
    array fits, every pair of slots is perfectly even.
    """
    if not len(levels) or min(levels) < 1 or count < 1:
        raise PromptError(
            f"Expected slots with options and at least one run, got levels {tuple(levels)} and {count} runs."
        )
    if math.prod(levels) <= count:
        rows = rng.permutation(np.array([*itertools.product(*map(range, levels))], dtype=np.int64))
        return FULL, rows
    varied = [s for s, n in enumerate(levels) if n > 1]
    varied_levels = [levels[s] for s in varied]
    name = choose_array(varied_levels, count)
    array = standard_arrays()[name]
    best = min((_design(varied_levels, array, rng) for _ in range(_DESIGNS)), key=lambda design: design[0])
    choices = np.zeros((len(array), len(levels)), dtype=np.int64)
    choices[:, varied] = rng.permutation(best[1])
    return name, choices


def _design(
    levels: Sequence[int], array: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[int, int, int], np.ndarray]:
    """A random design: its rank (repeats, second and third moment; smaller is better) and choices."""
    chosen, _ = assign_columns(levels, array, rng)
    one_level = np.zeros(len(array), dtype=np.int64)
    fitted = [_fit(array[:, c] if c >= 0 else one_level, n, rng) for c, n in zip(chosen, levels, strict=True)]
    choices = np.column_stack([options for options, _ in fitted])
    free = [(s, groups) for s, (_, groups) in enumerate(fitted) if groups is not None]
    for _ in range(2):
        for s, groups in free:
            others = _coincidences(np.delete(choices, s, axis=1), np.delete(levels, s).tolist())
            choices[:, s] = _exchange(choices[:, s], groups, others, levels[s])
    agree = _coincidences(choices, levels)[np.triu_indices(len(array), 1)].astype(np.int64)
    repeats = len(choices) - len(np.unique(choices, axis=0))
    return (repeats, int((agree**2).sum()), int((agree**3).sum())), choices


def _stretches(options: Sequence[int], rng: np.random.Generator) -> list[int]:
    """One option of each of ``_STRETCHES`` equal stretches of a slot of numbers; all of them if there are no more."""
    if len(options) <= _STRETCHES:
        return list(options)
    places = (np.arange(_STRETCHES) + rng.random(_STRETCHES)) / _STRETCHES * len(options)
    return [options[int(place)] for place in places]


def first_batch(space: PromptSpace, count: int, rng: np.random.Generator) -> np.ndarray:
    """(runs, slots) choices of a first batch for ``space``, from the best-fitting array over the options that no ban excludes.

    A slot of numbers takes part with a number of each quarter of its range. Rows that break a constraint become the
    nearest allowed choice. Among equally near choices those with rare options win.
    """
    numbers = [slot.numbers is not None for slot in space.slots]
    drawn = [np.flatnonzero(mask).tolist() for mask in drawable(space)]
    columns: list[list[int]] = [
        _stretches(free, rng) if number else free for free, number in zip(drawn, numbers, strict=True)
    ]
    array, design = orthogonal_design([len(column) for column in columns], count, rng)
    choices = np.column_stack([np.array(column)[design[:, s]] for s, column in enumerate(columns)])
    choices = switch_off(choices, space.conditions, space.levels)
    bad = np.flatnonzero(~space.allowed(choices))
    if array == FULL:
        choices = np.unique(choices, axis=0) if space.conditions else choices
        bad = np.flatnonzero(~space.allowed(choices))
        choices, bad = np.delete(choices, bad, axis=0), bad[:0]
    for row in bad:
        taken = {tuple(other) for other in np.delete(choices, row, axis=0).tolist()}
        for _ in range(8):
            used = [np.bincount(choices[:, s], minlength=n) / len(choices) for s, n in enumerate(space.levels)]
            costs = [(u + rng.random(len(u))) / (2.01 * len(used)) for u in used]
            repair = space.nearest(choices[row], costs)
            if repair not in taken:
                break
        choices[row] = repair
    return choices
