"""Corrections of groups: pictures that the user says do not belong together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

#: By row number, the rows that it does not belong with; symmetric.
Distinct = Mapping[int, frozenset[int]]


def without_distinct(rows: Sequence[int], distinct: Distinct) -> list[int]:
    """Drop rows that are distinct from an earlier one that is kept; the order stays."""
    kept: dict[int, None] = {}
    for row in rows:
        if distinct.get(row, frozenset()).isdisjoint(kept.keys()):
            kept[row] = None
    return list(kept)


def numbered(keys: Sequence[Hashable | None]) -> np.ndarray:
    """(n,) number of each key in the order of first appearance; −1 for None, and for a key that occurs once."""
    count: dict[Hashable | None, int] = {}
    for key in keys:
        count[key] = count.get(key, 0) + 1
    repeated = {key: number for number, key in enumerate(k for k, n in count.items() if n > 1 and k is not None)}
    return np.array([repeated.get(key, -1) for key in keys], dtype=np.int64)


def separated(groups: np.ndarray, order: np.ndarray, distinct: Distinct) -> np.ndarray:
    """(n,) groups in which no two pictures are distinct; −1 for none.

    The first of a group in ``order`` stays with those that are not distinct from it or from each other; the others make
    a group in the same way. A picture that is left alone is in no group.
    """
    if not distinct:
        return groups
    keys: list[tuple[int, int] | None] = [(number, 0) if number >= 0 else None for number in groups.tolist()]
    for number in {int(groups[row]) for row in distinct} - {-1}:
        left = [row for row in order.tolist() if groups[row] == number]
        part = 0
        while left:
            together = set(without_distinct(left, distinct))
            for row in together:
                keys[row] = (number, part)
            left = [row for row in left if row not in together]
            part += 1
    return numbered(keys)
