"""Numbers as the options of a slot: a grid from low to high."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from ...errors import PromptError, expect

#: Numbers on a logarithmic scale without a step, most numbers on another one, and most of any range.
GRID, FINEST, MOST = 41, 60, 201
_NUMBER, _TO = r"\s*([+-]?(?:\d+(?:\.\d+)?|\.\d+))\s*", r"(?:\.\.|…)"
_WRITTEN = re.compile(rf"{_NUMBER}{_TO}{_NUMBER}(?:{_TO}{_NUMBER})?")


@dataclass(frozen=True)
class NumberRange:
    """A range of numbers.

    Attributes:
        low: the lowest number.
        high: no number is larger; above ``low``.
        step: distance of neighbouring numbers, 2 to ``MOST`` of them; None for a round one that leaves 24 to 60.
        log: True if ratios count, not differences; ``low`` is positive then.
        whole: True for whole numbers only.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            if (value := getattr(self, name)) is not None:
                expect(f"the {name} of a range as a number", value, int, float, error=PromptError)
                # Numbers of NumPy are written in another way.
                object.__setattr__(self, name, float(value))
        # The width of finite numbers may be infinite.
        if not (math.isfinite(self.low) and math.isfinite(self.high - self.low) and self.low < self.high):
            raise PromptError(f"Expected finite numbers with low below high, got {self.low:g} and {self.high:g}.")
        if self.log and self.low <= 0:
            raise PromptError(f"Expected a lowest number above 0 on a logarithmic scale, got {self.low:g}.")
        if self.step is not None and not 0 < self.step < math.inf:
            raise PromptError(f"Expected a finite step above 0, got {self.step:g}.")
        if self.whole and any(value != int(value) for value in (self.low, self.high, self.step or 1.0)):
            raise PromptError("Expected whole numbers as low, high and step.")
        if self.step is not None and not 1 <= (steps := (self.high - self.low) / self.step + 1e-9) < MOST:
            raise PromptError(
                f"Expected 2 to {MOST} numbers from {self.low:g} to {self.high:g}, "
                f"but the step {self.step:g} gives {math.floor(steps) + 1 if steps < 1e9 else 'too many'}."
            )

    @classmethod
    def written(cls, text: str) -> NumberRange | None:
        """The range that a text such as ``0..1.2`` or ``0..1.2..0.1`` (with a step) means; None for other texts.

        >>> from soart.prompts.space.number_range import NumberRange
        >>> NumberRange.written("0..1..0.25").texts()
        ['0', '0.25', '0.5', '0.75', '1']
        """
        match = _WRITTEN.fullmatch(text)
        if match is None:
            return None
        return cls(float(match[1]), float(match[2]), None if match[3] is None else float(match[3]))

    def texts(self) -> list[str]:
        """The numbers as texts, lowest first."""
        if self.log and self.step is None:
            values = [self.low * (self.high / self.low) ** (number / (GRID - 1)) for number in range(GRID)]
            rounded = [float(round(value)) if self.whole else float(f"{value:.3g}") for value in values]
            # In a narrow range a rounded number may lie outside.
            inside = [value for value in rounded if self.low < value < self.high]
            return [_text(value) for value in dict.fromkeys([self.low, *inside, self.high])]
        step = self.step or _round_step(self.high - self.low, whole=self.whole)
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        # In decimals, so that 0.1 + 2 · 0.1 is 0.3.
        values = [float(Decimal(repr(self.low)) + number * Decimal(repr(step))) for number in range(count)]
        return [_text(value) for value in values]


def _round_step(width: float, *, whole: bool) -> float:
    """The smallest of the steps 1, 2, 2.5 and 5, times a power of ten, that leaves at most ``FINEST`` numbers."""
    power = 10.0 ** math.floor(math.log10(width / FINEST))
    steps = [float(f"{factor * power:.6g}") for factor in (1, 2, 2.5, 5, 10, 20, 25)]
    enough = [step for step in steps if width / step < FINEST and not (whole and step != int(step))]
    return max(1.0, enough[0]) if whole and enough else enough[0] if enough else 1.0


def _text(value: float) -> str:
    return f"{value:.10g}"
