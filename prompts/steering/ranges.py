"""Settings of optimisers: numbers as options, and which setting another depends on."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...errors import PromptError
from ..rating_model.similarity import Numbers

#: Ranges of at most this many values have an option for each; others have as many even ones, and more where it pays.
ALL, _EVEN = 60, 17
#: Of those: most values that were tried, values around which there are finer ones, and halvings of the even distance.
_TRIED, _CENTRES, _HALVINGS = 24, 2, (1, 2, 3, 4, 5, 7, 9, 11)
#: Values nearer than this share of the range are one.
_SAME = 1e-6


@dataclass(frozen=True)
class Range:
    """A numeric setting as the options of a slot.

    If there are few values, each is an option. Of many values, or a continuum, the options are an even grid, the values
    that were tried, and finer and finer ones around the best of them.
    """

    low: float  # the smallest value
    high: float  # no value is larger
    step: float | None  # distance of neighbouring values, or None for a continuum
    log: bool  # True if ratios count, not differences
    values: tuple[float, ...]  # the options, increasing

    @classmethod
    def grid(
        cls, low: float, high: float, step: float | None = None, *, log: bool = False, tried: Sequence[float] = ()
    ) -> Range:
        """The options of low … high, both included, or nearly so if the step does not meet ``high``.

        Values that were ``tried`` come with the best first. Without a step the numbers are a continuum.
        """
        # The width of finite numbers, and the number of steps in it, may be infinite.
        even = step is None or (step > 0 and math.isfinite((high - low) / step))
        if not (low <= high and math.isfinite(high - low) and even):
            raise PromptError(
                f"Expected finite bounds, low before high, and a positive step, got {low}, {high}, {step}."
            )
        if log and low <= 0:
            raise PromptError(f"Expected positive bounds for a logarithm, got {low}.")
        if step is not None and (count := math.floor((high - low) / step + 1e-9) + 1) <= ALL:
            return cls(low, high, step, log, tuple(_value(low, step, number) for number in range(count)))
        if low == high:
            return cls(low, high, step, log, (low,))
        start, width = (math.log(low), math.log(high) - math.log(low)) if log else (low, high - low)
        known = [((math.log(value) if log else value) - start) / width for value in tried if low <= value <= high]
        offsets = [sign * 0.5**k / (_EVEN - 1) for k in _HALVINGS for sign in (-1, 1)]
        fine = [place + offset for place in list(dict.fromkeys(known))[:_CENTRES] for offset in offsets]
        # Tried values first: they stay as they are, and new ones too near to them are left out.
        values: dict[float, None] = {}
        places: list[float] = []
        for place in [*list(dict.fromkeys(known))[:_TRIED], *np.linspace(0, 1, _EVEN).tolist(), *fine]:
            if not 0 <= place <= 1 or any(abs(place - other) < _SAME for other in places):
                continue
            places.append(place)
            value = start + width * place
            value = min(max(math.exp(value) if log else value, low), high)
            if step is not None:
                value = _value(low, step, min(round((value - low) / step), math.floor((high - low) / step + 1e-9)))
            values[value] = None
        exact = [value for value in tried if low <= value <= high][:_TRIED] if step is None else []
        # The logarithm and back would not be quite the tried value.
        kept = [next((t for t in exact if math.isclose(t, value, rel_tol=1e-9)), value) for value in values]
        return cls(low, high, step, log, tuple(sorted(set(kept))))

    def __len__(self) -> int:
        return len(self.values)

    def option(self, value: float) -> int:
        """The option nearest to ``value``, in ratios on a logarithmic scale."""
        if self.log and value <= 0:
            return 0
        place, places = math.log(value) if self.log else value, self._places
        above = min(bisect_left(places, place), len(places) - 1)
        nearer_below = above > 0 and place - places[above - 1] <= abs(places[above] - place)
        return above - 1 if nearer_below else above

    @cached_property
    def _places(self) -> list[float]:
        """The values, or their logarithms on a logarithmic scale."""
        return [math.log(value) for value in self.values] if self.log else list(self.values)

    @property
    def numbers(self) -> Numbers:
        """The options as numbers."""
        return Numbers.of(self.values, log=self.log)


def _value(low: float, step: float, number: int) -> float:
    # In decimals, so that 0.1 + 2 · 0.1 is 0.3.
    return float(Decimal(str(low)) + number * Decimal(str(step)))


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
