"""Charts of a tuned study: effects of options and numbers, the course of its batches, and trade-offs of judges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...metrics.damage.titles import stored_title
from ..support.figures import figure, figures
from ..support.wording import counted
from ..tuning.findings import OptionEffect, StudyFindings, TradeOff
from .charts import Interval, Series, interval_limits, intervals_chart, lines_chart, rows_left_out

#: Longest prompt in a tooltip, in characters.
_PROMPT = 80


@dataclass(frozen=True, slots=True)
class SlotChart:
    """The effects of a slot."""

    chart: Markup  # the drawing: rows of options, best first, or a curve with a band if they are numbers
    options: tuple[str, ...]  # the options, in the order of the chart; ``""`` for nothing
    best: str = ""  # the best number with its effect, in words; empty for options
    left_out: int = 0  # number of options in the middle that are not drawn


def curves_of(effects: Sequence[OptionEffect]) -> dict[str, list[OptionEffect]]:
    """The effects of each slot of at least three numbers, lowest number first."""
    slots: dict[str, list[OptionEffect]] = {}
    for effect in effects:
        if effect.place is not None:
            slots.setdefault(effect.slot, []).append(effect)
    return {slot: sorted(numbers, key=lambda e: e.place or 0.0) for slot, numbers in slots.items() if len(numbers) >= 3}


def ends_and_best(numbers: Sequence[OptionEffect]) -> list[OptionEffect]:
    """The lowest, the best and the highest of a slot's numbers (not empty, lowest first), each once, lowest first."""
    best = max(range(len(numbers)), key=lambda k: numbers[k].mean)
    return [numbers[k] for k in sorted({0, best, len(numbers) - 1})]


def draw_effects(effects: Sequence[OptionEffect], unit: str, *, curves: bool = True) -> dict[str, SlotChart]:
    """A chart by slot; all of one kind have one scale. Options come first, then numbers, as rows without ``curves``."""
    numbers = curves_of(effects) if curves else {}
    slots: dict[str, list[Interval]] = {}
    options: dict[str, list[str]] = {}
    for e in sorted(effects, key=lambda e: -e.mean):
        if e.slot not in numbers:
            slots.setdefault(e.slot, []).append(Interval(e.option or "(nothing)", e.mean, e.low, e.high))
            options.setdefault(e.slot, []).append(e.option)
    scale = interval_limits([row for rows in slots.values() for row in rows]) if slots else None
    drawn = {}
    for slot in dict.fromkeys(e.slot for e in effects if e.slot in slots):
        if chart := intervals_chart(slots[slot], unit, slot, limits=scale):
            drawn[slot] = SlotChart(chart, tuple(options[slot]), left_out=rows_left_out(slots[slot]))
    common = (
        interval_limits([Interval("", e.mean, e.low, e.high) for line in numbers.values() for e in line])
        if numbers
        else None
    )
    return drawn | {slot: _curve(slot, line, unit, common) for slot, line in numbers.items()}


def unit_of(judge: str) -> str:
    """The unit of effects on one judge, by its stored name, in words."""
    return f"unit of {stored_title(judge)}"


def draw_judges(judges: Mapping[str, Sequence[OptionEffect]]) -> dict[str, dict[str, SlotChart]]:
    """A chart by slot of the effects on each judge, in its own unit, by its stored name."""
    return {judge: draw_effects(effects, unit_of(judge), curves=False) for judge, effects in judges.items()}


def _curve(slot: str, numbers: list[OptionEffect], unit: str, limits: tuple[float, float] | None) -> SlotChart:
    """The effect of a slot of numbers, lowest first, as a curve with a band."""
    texts = [Interval(e.option, e.mean, e.low, e.high).text for e in numbers]
    mean = Series(
        "mean", tuple((e.place or 0.0, e.mean) for e in numbers), tuple(texts),
        band=tuple((e.low, e.high) for e in numbers), interval="90 % interval",
    )  # fmt: skip
    last = len(numbers) - 1
    # As many even steps as fit, if any number of steps does.
    steps = next((count for count in (4, 5, 3, 2) if last % count == 0), 4)
    at = dict.fromkeys(round(k * last / steps) for k in range(steps + 1))
    best = max(numbers, key=lambda e: e.mean)
    value, low, high = figures((best.mean, best.low, best.high), 2, "+")
    words = f"best at {best.option}: {value} ({low} … {high})"
    label = f"Effects of {slot} from {numbers[0].option} to {numbers[-1].option}: {words}."
    chart = lines_chart(
        [mean, Series("no effect", ((0.0, 0.0), (1.0, 0.0)), kind="zero")], slot, f"effect ({unit})",
        label, limits=limits, sign="+",
        names=[(numbers[k].place or 0.0, numbers[k].option) for k in at],
    )  # fmt: skip
    return SlotChart(chart or Markup(), tuple(e.option for e in numbers), words)


def draw_course(tuned: StudyFindings) -> Markup | None:
    """The mean and the best score of every batch of new prompts; None for fewer than two such batches with scores."""
    batches = [batch for batch in tuned.batches if math.isfinite(batch.mean) and not batch.again]
    if len(batches) < 2:
        return None
    first, last = batches[0], batches[-1]
    mean = Series(
        "mean of the batch", tuple((b.number + 1, b.mean) for b in batches),
        tuple(f"batch {b.number + 1}: mean {figure(b.mean)} of {b.count}" for b in batches),
    )  # fmt: skip
    best = Series(
        "best picture", tuple((b.number + 1, b.best) for b in batches),
        tuple(f"batch {b.number + 1}: best {figure(b.best)}" for b in batches), "dashed",
    )  # fmt: skip
    label = (
        f"From batch {first.number + 1} to batch {last.number + 1} the mean goes from {figure(first.mean)} to "
        f"{figure(last.mean)}, and the best picture has {figure(max(b.best for b in batches))}."
    )
    return lines_chart([best, mean], "batch", tuned.unit, label)


def draw_front(front: Sequence[TradeOff]) -> Markup | None:
    """Trade-offs between the first two judges; None if there are none, or only one judge."""
    if not front or len(front[0].means) < 2:
        return None
    first, second = list(front[0].means)[:2]
    one, other = stored_title(first), stored_title(second)
    ordered = sorted(front, key=lambda t: t.means[first])
    points = Series(
        "trade-offs", tuple((t.means[first], t.means[second]) for t in ordered),
        tuple(f"{one} {figure(t.means[first])}, {other} {figure(t.means[second])}: {t.words.prompt[:_PROMPT]}" for t in ordered),
        "points",
    )  # fmt: skip
    label = f"{counted(len(front), 'choice')} that no other one beats for both {one} and {other}."
    return lines_chart(
        [points], f"{one} →", f"↑ {other}", label,
        whole=False,
    )  # fmt: skip
