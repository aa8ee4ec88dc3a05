"""Steers loops that keep their own history, such as optimisers, and their settings."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...errors import PromptError
from ..rating_model.similarity import Numbers, Similarities
from ..space.conditions import Condition
from .batches import balanced_batch
from .search import Domain, Key, keys
from .steering import Steering

#: Ranges of at most this many values have an option for each; others have as many even ones, and more where it pays.
ALL, _EVEN = 60, 17
#: Of those: most values that were tried, values around which there are finer ones, and halvings of the even distance.
_TRIED, _CENTRES, _HALVINGS = 24, 2, (1, 2, 3, 4, 5, 7, 9, 11)
#: Values nearer than this share of the range are one.
_SAME = 1e-6
#: Values beyond ±this count as infinite, because their squares would be.
INFINITE_FROM = 1e100
#: Fewest values whose quartiles are meaningful.
_FEWEST_FOR_QUARTILES = 8


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


def feasible_first(values: Mapping[int, float], violations: Mapping[int, float]) -> dict[int, float]:
    """The values of trials, with those of infeasible ones below all others, the lower the more they violate.

    Violations are sums of the positive parts of constraints; 0, or missing, for a feasible trial. This is the order of
    Deb (2000, An efficient constraint handling method for genetic algorithms). The distance is one to two deviations of
    the feasible values, so that a model of the values learns the border and little else from it.
    """
    broken = {number: violations.get(number, 0.0) for number in values if violations.get(number, 0.0) > 0}
    feasible = [value for number, value in values.items() if number not in broken and abs(value) < INFINITE_FROM]
    low = min(feasible, default=0.0)
    spread = float(np.std(feasible)) if len(feasible) > 1 else 0.0
    spread = spread or 1.0
    finite = [size for size in broken.values() if size < math.inf]
    usual = float(np.median(finite)) if finite else 1.0
    return {
        number: low - spread * (2.0 if math.isinf(size) else 1.0 + size / (size + usual))
        if (size := broken.get(number, 0.0))
        else value
        for number, value in values.items()
    }


class SteeringFromHistory:
    """Chooses the next trial from the history of all; learns only from what was added, unless earlier ones changed.

    Args:
        levels: options of each slot, (S,).
        startup: number of trials of a balanced design at the start; trials in the history count.
        similarities: which options of each slot are alike; see ``RatingModel``.
        conditions: slots that are in use only with some options of another slot, and else at their last option, "off".
    """

    def __init__(
        self,
        levels: Sequence[int],
        *,
        startup: int = 8,
        similarities: Similarities = (),
        conditions: tuple[Condition, ...] = (),
    ) -> None:
        if startup < 0:
            raise PromptError(f"Expected a startup of at least 0, got {startup}.")

        def allows(choice: np.ndarray) -> bool:
            return all((choice[c.slot] < levels[c.slot] - 1) == (choice[c.parent] in c.options) for c in conditions)

        self.domain = Domain.of(
            levels, allows=allows if conditions else None, similarities=similarities, conditions=conditions
        )
        self.startup = startup
        self._steering: Steering | None = None
        self._learnt: dict[int, tuple[Key, float]] = {}
        self._floor, self._floor_from = -math.inf, 0

    def next(
        self,
        trials: Mapping[int, tuple[Key, float]],
        rng: np.random.Generator,
        *,
        others: Iterable[Key] = (),
        pinned: Mapping[int, int] | None = None,
    ) -> Key:
        """(S,) the choice to try next: a new one as long as there is one, then one of the best again.

        ``trials`` hold choice and value by number, larger is better; NaN and +∞ are ignored. From eight values on, a
        value more than three interquartile ranges below the lower quartile is raised to that border, −∞ too: otherwise
        penalties would drown the differences that matter. ``others`` were tried without a value, or are being tried,
        and are not repeated either; ``pinned`` holds the option that a slot must take.
        """
        waiting = list(others)
        steering = self._updated(trials, rng, len(waiting))
        if waiting:
            steering.reserve(waiting)
        steering.domain = self._narrowed(pinned or {})
        choices = steering.ask(1, rng)
        if not len(choices):
            choices = steering.ask_again(1, rng)
        if not len(choices):
            choices = steering.domain.random(rng, 1)
        return keys(choices)[0]

    def recommend(self, trials: Mapping[int, tuple[Key, float]], rng: np.random.Generator) -> Key:
        """(S,) the choice of highest posterior mean, tried or not; trials as for ``next``."""
        steering = self._updated(trials, rng, 0)
        steering.domain = self.domain
        return keys(steering.recommend(rng).choice[None])[0]

    def _updated(self, trials: Mapping[int, tuple[Key, float]], rng: np.random.Generator, waiting: int) -> Steering:
        """The steering model after all of ``trials``; begun anew if trials it has learnt from were changed."""
        history = self._clipped(trials)
        if self._steering is None or any(history.get(number) != trial for number, trial in self._learnt.items()):
            missing = self.startup - len(history) - waiting
            first = balanced_batch(self.domain, missing, rng) if missing > 0 else None
            self._steering, self._learnt = Steering(self.domain, first=first), {}
        fresh = {number: trial for number, trial in history.items() if number not in self._learnt}
        if fresh:
            self._steering.tell([choice for choice, _ in fresh.values()], [value for _, value in fresh.values()])
            self._learnt |= fresh
        return self._steering

    def _narrowed(self, pinned: Mapping[int, int]) -> Domain:
        """The domain with only the pinned options in pinned slots."""
        if not pinned:
            return self.domain
        masks = [
            np.arange(level) == pinned[slot] if slot in pinned else np.ones(level, dtype=bool)
            for slot, level in enumerate(self.domain.levels)
        ]
        return replace(self.domain, options=np.concatenate(masks))

    def _clipped(self, trials: Mapping[int, tuple[Key, float]]) -> dict[int, tuple[Key, float]]:
        """The trials to learn from, their values raised to the floor."""
        usable = {number: trial for number, trial in trials.items() if trial[1] < INFINITE_FROM}
        # The floor moves only when the history has grown by half, because the model may then have to start anew.
        if len(usable) >= 1.5 * self._floor_from or len(usable) < len(self._learnt):
            finite = [value for _, value in usable.values() if value > -INFINITE_FROM]
            low, high = np.quantile(finite, [0.25, 0.75]) if len(finite) >= _FEWEST_FOR_QUARTILES else (0.0, 0.0)
            self._floor = float(low - 3 * (high - low)) if high > low else float(min(finite, default=0.0))
            self._floor_from = len(usable) if high > low else 0
        return {number: (choice, max(value, self._floor)) for number, (choice, value) in usable.items()}
