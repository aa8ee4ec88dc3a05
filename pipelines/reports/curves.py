"""Draws the effects of numbers as curves with a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..tuning.findings import OptionEffect
from .page import figure

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 360, 150, 46, 10, 8, 22


@dataclass(frozen=True, slots=True)
class Curve:
    """The effect of a slot of numbers as coordinates of an SVG drawing.

    Attributes:
        line: points of the mean.
        band: corners of the 90 % interval.
        best: the number of highest mean, with that mean and its interval, as text.
        top: coordinates of the best number.
        ticks: heights of the scale, with their texts.
        ends: the lowest and the highest number.
        zero: height of 0.
    """

    line: str
    band: str
    best: str
    top: tuple[float, float]
    ticks: tuple[tuple[float, str], ...]
    ends: tuple[str, str]
    zero: float
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _WIDTH - _RIGHT


def curves_of(effects: Sequence[OptionEffect]) -> dict[str, list[OptionEffect]]:
    """The effects of each slot of at least three numbers, lowest number first."""
    slots: dict[str, list[OptionEffect]] = {}
    for effect in effects:
        if effect.place is not None:
            slots.setdefault(effect.slot, []).append(effect)
    return {slot: sorted(numbers, key=lambda e: e.place or 0.0) for slot, numbers in slots.items() if len(numbers) >= 3}


def draw_curves(effects: Sequence[OptionEffect]) -> dict[str, Curve]:
    """A curve for each slot of numbers; all have one scale."""
    curves = curves_of(effects)
    if not curves:
        return {}
    low = min(0.0, *(e.low for numbers in curves.values() for e in numbers))
    high = max(0.0, *(e.high for numbers in curves.values() for e in numbers))

    def up(value: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low or 1.0), 1)

    def along(effect: OptionEffect) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (effect.place or 0.0), 1)

    drawn = {}
    for slot, numbers in curves.items():
        best = max(numbers, key=lambda e: e.mean)
        mean, lower, upper = (figure(value, 2, "+") for value in (best.mean, best.low, best.high))
        corners = [(along(e), up(e.high)) for e in numbers] + [(along(e), up(e.low)) for e in reversed(numbers)]
        drawn[slot] = Curve(
            " ".join(f"{along(e)},{up(e.mean)}" for e in numbers),
            " ".join(f"{x},{y}" for x, y in corners),
            f"best at {best.option}: {mean} ({lower} … {upper})",
            (along(best), up(best.mean)),
            tuple((up(value), figure(value, 2, "+")) for value in dict.fromkeys((high, low))),
            (numbers[0].option, numbers[-1].option),
            up(0.0),
        )
    return drawn
