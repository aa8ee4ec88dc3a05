"""Finds out which setting decides whether another one is in use, from trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class DecidingSlot(NamedTuple):
    """The slot that decides whether a setting is in use, and the options with which it is."""

    slot: int
    options: frozenset[int]


def find_parent(
    choices: np.ndarray, in_use: np.ndarray, levels: Sequence[int], ordered: Sequence[bool]
) -> DecidingSlot | None:
    """The slot whose options tell exactly in which of n trials a setting was in use; None if no slot does.

    A number tells it from a certain value on, or up to one. Options that no trial had count as the nearest ones of
    numbers (``ordered``), and as without the setting otherwise. Of several slots, the one with fewest different options
    among the trials is the least likely to tell by chance, then the last. Slots of 0 ``levels`` cannot decide.
    """
    found: list[tuple[int, DecidingSlot]] = []
    for slot in reversed(range(len(levels))):
        with_it, without = (np.unique(choices[chosen, slot]) for chosen in (in_use, ~in_use))
        if not levels[slot] or not len(with_it) or not len(without) or len(np.intersect1d(with_it, without)):
            continue
        options = with_it
        if ordered[slot]:
            if without[0] < with_it[-1] and with_it[0] < without[-1]:
                continue
            every = np.arange(levels[slot])
            far, near = (np.abs(every[:, None] - known).min(axis=1) for known in (without, with_it))
            options = every[near < far]
        found.append((len(with_it) + len(without), DecidingSlot(slot, frozenset(options.tolist()))))
    return min(found, key=lambda each: each[0])[1] if found else None
