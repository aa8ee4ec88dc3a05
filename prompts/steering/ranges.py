"""Numeric settings as the options of a slot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ...errors import PromptError


@dataclass(frozen=True)
class Range:
    """A numeric setting as the options of a slot.

    If there are few values, each is an option. Many values, or a continuum, are cut into bins, and an option is a bin.

    Attributes:
        low: the smallest value.
        high: no value is larger.
        step: distance of neighbouring values, or None for a continuum.
        log: True if bins are equally wide, and values in a bin equally likely, on the logarithm.
        edges: (bins + 1,) increasing borders: of the value or its logarithm in a continuum, else of the number of the
            value.
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
            PromptError: bounds that are not finite or in the wrong order, a step that is not positive, no bins, or a
                lower bound that is not positive with ``log``.
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
        """The option that contains ``value``; the nearest one for values outside."""
        if self.step is not None:
            place: float = round((value - self.low) / self.step)
        elif self.log:
            place = math.log(value) if value > 0 else -math.inf
        else:
            place = value
        return int(np.clip(np.searchsorted(self.edges, place, side="right") - 1, 0, len(self) - 1))

    def middle(self, option: int) -> float:
        """The value in the middle of an option, or of its logarithms; the lower of two middle values."""
        start, end = float(self.edges[option]), float(self.edges[option + 1])
        if self.step is None:
            place = (start + end) / 2
            return min(max(math.exp(place) if self.log else place, self.low), self.high)
        if self.log:
            first, last = (self.low + number * self.step for number in (start, end - 1))
            return self._value(round((math.sqrt(first * last) - self.low) / self.step))
        return self._value(int((start + end - 1) // 2))

    def draw(self, option: int, rng: np.random.Generator) -> float:
        """A random value of an option, uniform over its values, or over their logarithms."""
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
