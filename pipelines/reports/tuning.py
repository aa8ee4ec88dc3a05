"""Renders the findings of a tuned study as one self-contained HTML page."""

from __future__ import annotations

import math
from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import ImageError
from ...prompts.space.rendering import RenderedChoice
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..tuning.findings import OptionEffect, StudyFindings, TradeOff
from ..tuning.tuner import SEEDS
from .curves import draw_curves
from .page import figure, picture_url, render_page

#: Pictures of a batch that are shown.
SHOWN = 8
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 620, 200, 52, 28


@dataclass(frozen=True, slots=True)
class Bar:
    """An effect in a bar chart.

    Attributes:
        option: name of the option.
        text: mean and interval.
        low, high, mean, zero: positions of the interval's ends, of the mean and of 0, in percent of the chart's width.
        sure: ``"up"`` or ``"down"`` if the interval excludes 0, else empty.
    """

    option: str
    text: str
    low: float
    high: float
    mean: float
    zero: float
    sure: str


@dataclass(frozen=True, slots=True)
class Course:
    """Mean and best of every batch as coordinates of an SVG drawing."""

    means: tuple[tuple[float, float, str], ...]
    bests: tuple[tuple[float, float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    bottom: int = _HEIGHT - _BOTTOM

    def line(self, points: Sequence[tuple[float, float, str]]) -> str:
        """The points of a polyline."""
        return " ".join(f"{x},{y}" for x, y, _ in points)


@dataclass(frozen=True, slots=True)
class Front:
    """Trade-offs between the first two judges as coordinates of an SVG drawing."""

    judges: tuple[str, str]
    points: tuple[tuple[float, float, str], ...]
    line: str
    width: int = _WIDTH
    height: int = _HEIGHT + 60
    left: int = _LEFT
    bottom: int = _HEIGHT + 60 - _BOTTOM


def words_of(words: RenderedChoice) -> str:
    """Prompt, negative prompt and settings, ready to copy."""
    lines = [words.prompt] + ([f"Negative prompt: {words.negative}"] if words.negative else [])
    settings = ", ".join(f"{name} {value}" for name, value in words.settings.items())
    return "\n".join([*lines, settings] if settings else lines)


def draw_effects(effects: Sequence[OptionEffect], *, without: Names[str] = ()) -> dict[str, list[Bar]]:
    """Bars by slot, best option first; all have one scale. Slots of the names ``without`` are left out."""
    effects = [effect for effect in effects if effect.slot not in without]
    if not effects:
        return {}
    low, high = min(0.0, *(e.low for e in effects)), max(0.0, *(e.high for e in effects))
    width = high - low or 1.0

    def across(value: float) -> float:
        return round(100 * (value - low) / width, 2)

    bars: dict[str, list[Bar]] = {}
    for e in sorted(effects, key=lambda e: -e.mean):
        sure = "up" if e.low > 0 else "down" if e.high < 0 else ""
        mean, lower, upper = (figure(value, 2, "+") for value in (e.mean, e.low, e.high))
        bar = Bar(
            e.option or "(nothing)",
            f"{mean} ({lower} … {upper})",
            across(e.low),
            across(e.high),
            across(e.mean),
            across(0.0),
            sure,
        )
        bars.setdefault(e.slot, []).append(bar)
    order = list(dict.fromkeys(e.slot for e in effects))
    return {slot: bars[slot] for slot in order}


def draw_course(tuned: StudyFindings) -> Course | None:
    """The course of a study; None for fewer than two batches with scores."""
    batches = [batch for batch in tuned.batches if math.isfinite(batch.mean)]
    if len(batches) < 2:
        return None
    low, high = min(b.mean for b in batches), max(b.best for b in batches)
    room = high - low or 1.0

    def up(value: float) -> float:
        return round(10 + (_HEIGHT - _BOTTOM - 20) * (high - value) / room, 1)

    xs = [round(_LEFT + 14 + (_WIDTH - _LEFT - 32) * i / (len(batches) - 1), 1) for i in range(len(batches))]
    named = list(zip(xs, batches, strict=True))
    return Course(
        tuple((x, up(b.mean), f"batch {b.number + 1}: mean {figure(b.mean)} of {b.count}") for x, b in named),
        tuple((x, up(b.best), f"batch {b.number + 1}: best {figure(b.best)}") for x, b in named),
        tuple((up(low + room * k / 4), figure(low + room * k / 4)) for k in range(5)),
    )


def draw_front(front: Sequence[TradeOff]) -> Front | None:
    """The drawing of trade-offs; None if there are none, or only one judge."""
    if not front or len(front[0].means) < 2:
        return None
    first, second = list(front[0].means)[:2]
    values = [(t.means[first], t.means[second]) for t in front]
    sides = []
    for side, (start, end) in zip(
        zip(*values, strict=True), ((_LEFT + 14, _WIDTH - 18), (_HEIGHT + 20, 32)), strict=True
    ):
        low, room = min(side), (max(side) - min(side)) or 1.0
        sides.append([round(start + (end - start) * (value - low) / room, 1) for value in side])
    named = [(x, y, f"{first} {figure(a)}, {second} {figure(b)}: {t.words.prompt}")
             for x, y, (a, b), t in zip(*sides, values, front, strict=True)]  # fmt: skip
    line = " ".join(f"{x},{y}" for x, y, _ in sorted(named))
    return Front((first, second), tuple(named), line)


def render_tune_report(
    collection: Collection, tuned: StudyFindings, title: str, why: str, warnings: Sequence[str] = ()
) -> str:
    """Render the page.

    Args:
        collection: the collection of the pictures.
        tuned: the findings.
        title: heading of the page.
        why: why the run ended.
        warnings: sentences to show beside the scores.
    """
    known: dict[int, str] = {}

    def picture(row: ImageRow) -> str:
        if row.id not in known:
            try:
                known[row.id] = picture_url(collection, row)
            except ImageError:
                known[row.id] = ""
        return known[row.id]

    curves = draw_curves(tuned.effects)
    return render_page(
        "tuning.html",
        title=title,
        why=why,
        warnings=warnings,
        tuned=tuned,
        goal=", ".join(tuned.goal) if len(tuned.goal) < 2 else ", ".join(f"{n} × {w:g}" for n, w in tuned.goal.items()),
        effects=draw_effects(tuned.effects, without=curves),
        curves=curves,
        course=draw_course(tuned),
        ends=[(name, tuned.batches[i]) for name, i in (("First batch", 0), ("Last batch", -1))]
        if len(tuned.batches) > 1
        else [],
        judges={name: draw_effects(effects) for name, effects in tuned.judges.items()},
        pictures=sum(batch.count for batch in tuned.batches),
        shown=SHOWN,
        seeds=SEEDS,
        picture=picture,
        copy=words_of,
        small=lambda row: "small" if max(row.width, row.height) <= 128 else "",
        finite=math.isfinite,
    )
