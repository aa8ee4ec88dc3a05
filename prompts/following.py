"""Steering for loops whose settings are numbers as well as options, and whose history is kept by somebody else.

:class:`Range` cuts a numeric setting into the options of a slot; :class:`Follower` keeps a :class:`.steering.Steering` in step with a history
that it is shown anew at every step, as optimizers with an ask-and-tell face do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from ..errors import PromptError
from .batches import balanced_batch
from .search import Domain, Key, keys
from .steering import Steering

#: Values beyond it count as infinite: their squares would be.
HUGE = 1e100
#: Quartiles of fewer values say nothing.
FEW = 8


@dataclass(frozen=True)
class Range:
    """A numeric setting as the options of a slot.

    Few values are an option each; many, or a continuum, are cut into bins, and a bin stands for all its values.

    Attributes:
        low: the smallest value.
        high: no value is larger.
        step: distance of neighbouring values, or None for a continuum.
        log: whether bins are equally wide on the logarithm, and values in one drawn so.
        edges: (bins + 1,) increasing borders: on the value or its logarithm in a continuum, else on the number of the value.
    """

    low: float
    high: float
    step: float | None
    log: bool
    edges: np.ndarray

    @classmethod
    def cut(cls, low: float, high: float, step: float | None = None, *, log: bool = False, bins: int = 10) -> Range:
        """Cut low … high, both included, into at most ``bins`` options.

        Raises:
            PromptError: bounds that are not finite or in the wrong order, a step or a bound of a logarithm that is not positive, or no bins.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low <= high and (step is None or step > 0)):
            raise PromptError(
                f"Expected finite bounds, low before high, and a positive step, got {low}, {high}, {step}."
            )
        if bins < 1 or (log and low <= 0):
            raise PromptError(f"Expected at least one bin, and positive bounds for a logarithm, got {bins} and {low}.")
        if step is None:
            edges = np.linspace(*((math.log(low), math.log(high)) if log else (low, high)), bins + 1)
            return cls(low, high, None, log, edges if high > low else edges[[0, -1]])
        count = math.floor((high - low) / step + 1e-9) + 1
        if count <= bins:
            return cls(low, high, step, log, np.arange(count + 1.0))
        if log:
            borders = np.exp(np.linspace(math.log(low), math.log(low + (count - 1) * step), bins + 1))
            # Neighbouring borders with no value between them are one.
            numbers = np.ceil((borders - low) / step - 1e-9)
            numbers[-1] = count
        else:
            numbers = np.ceil(np.linspace(0, count, bins + 1) - 1e-9)
        return cls(low, high, step, log, np.unique(numbers))

    def __len__(self) -> int:
        return len(self.edges) - 1

    def option(self, value: float) -> int:
        """The option a value belongs to; the nearest one for values outside."""
        if self.step is not None:
            place: float = round((value - self.low) / self.step)
        elif self.log:
            place = math.log(value) if value > 0 else -math.inf
        else:
            place = value
        return int(np.clip(np.searchsorted(self.edges, place, side="right") - 1, 0, len(self) - 1))

    def middle(self, option: int) -> float:
        """The value in the middle of an option, or of its logarithms; the lower one of two."""
        start, end = float(self.edges[option]), float(self.edges[option + 1])
        if self.step is None:
            place = (start + end) / 2
            return min(max(math.exp(place) if self.log else place, self.low), self.high)
        if self.log:
            first, last = (self.low + number * self.step for number in (start, end - 1))
            return self._value(round((math.sqrt(first * last) - self.low) / self.step))
        return self._value(int((start + end - 1) // 2))

    def draw(self, option: int, rng: np.random.Generator) -> float:
        """A value of an option, uniform over its values, or over their logarithms."""
        start, end = float(self.edges[option]), float(self.edges[option + 1])
        if self.step is None:
            place = rng.uniform(start, end)
            return min(max(math.exp(place) if self.log else place, self.low), self.high)
        if end - start == 1:
            number = start
        elif self.log:
            lower, upper = self.low + (start - 0.5) * self.step, self.low + (end - 0.5) * self.step
            value = math.exp(rng.uniform(math.log(max(lower, self.low / 2)), math.log(upper)))
            number = float(np.clip(round((value - self.low) / self.step), start, end - 1))
        else:
            number = float(rng.integers(int(start), int(end)))
        return self._value(int(number))

    def _value(self, number: int) -> float:
        # In decimals, so that 0.1 + 2 · 0.1 is 0.3.
        return float(Decimal(str(self.low)) + number * Decimal(str(self.step)))


class Follower:
    """What to try next, given all that was tried.

    Args:
        levels: options of each slot, (S,).
        startup: so many choices of a balanced design come first; what the history holds counts.
        boldness: see :mod:`.batches`.
    """

    def __init__(self, levels: Sequence[int], *, startup: int = 8, boldness: float = 0.4) -> None:
        if startup < 0:
            raise PromptError(f"Expected a startup of at least 0, got {startup}.")
        self.domain, self.startup, self.boldness = Domain.of(levels), startup, boldness
        self._steering: Steering | None = None
        self._told: dict[int, tuple[Key, float]] = {}
        self._floor, self._floor_from = -math.inf, 0

    def next(
        self,
        judged: Mapping[int, tuple[Key, float]],
        rng: np.random.Generator,
        *,
        others: Iterable[Key] = (),
        pinned: Mapping[int, int] | None = None,
    ) -> Key:
        """(S,) the choice to try next: a new one as long as there is one, then one of the best again.

        Args:
            judged: number of a trial → choice and value, larger the better. NaN and +∞ are passed over. From eight values on, those more
                than three interquartile ranges below the lower quartile, −∞ too, count as lying there: penalties must not drown the
                differences that matter.
            rng: draws.
            others: choices tried without a value, or being tried now; not to be repeated either.
            pinned: slot → option that must be taken.

        Raises:
            PromptError: a choice outside the levels.
        """
        waiting = list(others)
        steering = self._learnt(judged, rng, len(waiting))
        if waiting:
            steering.reserve(waiting)
        steering.domain = self._pinned(pinned or {})
        for leaders in (0, 1):
            found = steering.ask(1, rng, leaders=leaders)
            if len(found):
                return keys(found)[0]
        return keys(steering.domain.random(rng, 1))[0]

    def recommend(self, judged: Mapping[int, tuple[Key, float]], rng: np.random.Generator) -> Key:
        """(S,) the choice of highest posterior mean, tried or not: what is best once the noise is seen through."""
        steering = self._learnt(judged, rng, 0)
        steering.domain = self.domain
        return keys(steering.recommend(rng).choice[None])[0]

    def _learnt(self, judged: Mapping[int, tuple[Key, float]], rng: np.random.Generator, waiting: int) -> Steering:
        history = self._clipped(judged)
        if self._steering is None or any(history.get(name) != seen for name, seen in self._told.items()):
            missing = self.startup - len(history) - waiting
            first = balanced_batch(self.domain, missing, rng) if missing > 0 else None
            self._steering, self._told = Steering(self.domain, first=first, boldness=self.boldness), {}
        fresh = {name: seen for name, seen in history.items() if name not in self._told}
        if fresh:
            self._steering.tell([choice for choice, _ in fresh.values()], [value for _, value in fresh.values()])
            self._told |= fresh
        return self._steering

    def _pinned(self, pinned: Mapping[int, int]) -> Domain:
        if not pinned:
            return self.domain
        masks = [
            np.arange(level) == pinned[slot] if slot in pinned else np.ones(level, dtype=bool)
            for slot, level in enumerate(self.domain.levels)
        ]
        return replace(self.domain, options=np.concatenate(masks))

    def _clipped(self, judged: Mapping[int, tuple[Key, float]]) -> dict[int, tuple[Key, float]]:
        kept = {name: seen for name, seen in judged.items() if seen[1] < HUGE}
        # With many values the border moves now and then only, for with it the model may have to start anew.
        if len(kept) >= 1.5 * self._floor_from or len(kept) < len(self._told):
            finite = [value for _, value in kept.values() if value > -HUGE]
            low, high = np.quantile(finite, [0.25, 0.75]) if len(finite) >= FEW else (0.0, 0.0)
            self._floor = float(low - 3 * (high - low)) if high > low else float(min(finite, default=0.0))
            self._floor_from = len(kept) if high > low else 0
        return {name: (choice, max(value, self._floor)) for name, (choice, value) in kept.items()}
