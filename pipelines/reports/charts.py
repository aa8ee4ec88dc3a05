"""Charts of pages as SVG, with axes and units: histogram, intervals, and counts.

Every function is pure and returns one ``svg`` element for a page or for a part of one. Equal arguments give equal text. The
latest charts are kept, because the gallery asks for the same ones again. Not a number and infinite values are left out; None
means that nothing remains to be drawn. A chart is drawn 400 units wide, to be read on a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from markupsafe import Markup

from ..support.figures import figure, figures
from .chart_frame import (
    BAD,
    FIRST,
    HUGE,
    INK,
    KEPT,
    LINE,
    SIZE,
    TEXT,
    WIDTH,
    Chart,
    add_legend,
    limits_of,
    name_axes,
    new_chart,
    set_scale,
)  # fmt: skip
from .chart_text import fit_text, plain_text, text_width

#: Bars of a histogram; most rows of a chart with a row for each name.
BARS, MOST_ROWS = 40, 32


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its interval, in a chart that has a row for each."""

    name: str
    mean: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """Mean and interval in words."""
        mean, low, high = figures((self.mean, self.low, self.high), 2, "+")
        return f"{self.name} {mean} ({low} … {high})"


def histogram_chart(scores: Sequence[float] | np.ndarray, unit: str) -> Markup | None:
    """The histogram of the scores (n,) of pictures, with their median."""
    values = np.asarray(scores, dtype=float)
    values = values[np.isfinite(values)].clip(-HUGE, HUGE)
    if not len(values):
        return None
    counts, edges = np.histogram(values, bins=BARS, range=limits_of([values.min(), values.max()]))
    middle = [float(value) for value in np.quantile(values, (0.25, 0.5, 0.75))]
    return _draw_histogram(tuple(counts.tolist()), tuple(edges.tolist()), tuple(middle), unit)


@lru_cache(KEPT)
def _draw_histogram(counts: tuple[int, ...], edges: tuple[float, ...], middle: tuple[float, ...], unit: str) -> Markup:
    chart = new_chart(210)
    lower, median, upper = middle
    step = edges[1] - edges[0]
    bars = chart.axes.bar([edge + step / 2 for edge in edges[:-1]], counts, width=0.88 * step, color=FIRST, linewidth=0)
    for bar in bars:
        bar.set_gid("bar")
    chart.titles["bar"] = [f"{figure(edges[k])} … {figure(edges[k + 1])}: {count}" for k, count in enumerate(counts)]
    line = chart.axes.axvline(median, color=INK, linewidth=1.5, dashes=(4, 3), zorder=3)
    set_scale(chart, "y", (0, 1.05 * max(counts)), 4, whole=True)
    set_scale(chart, "x", (edges[0], edges[-1]), 6)
    counted = "pictures"
    name_axes(chart, unit, counted)
    add_legend(chart, [line], [f"median {figure(median)}"], counted)
    label = (
        f"Histogram of {unit} of {sum(counts)} pictures: the median is {figure(median)}, and the middle half lies "
        f"between {figure(lower)} and {figure(upper)}."
    )
    return chart.finish(label, top=30, bottom=42)


def intervals_chart(
    intervals: Sequence[Interval],
    unit: str,
    subject: str,
    *,
    limits: tuple[float, float] | None = None,
) -> Markup | None:
    """A row for each mean with its 90 % interval, in the given order; coloured if the interval lies on one side of 0.

    Of more than ``MOST_ROWS`` the first and the last ones are drawn. ``unit`` is for the axis, ``subject`` for the
    reading; several charts may share the ``limits`` of their scale.
    """
    kept = _drawable(intervals)
    if not kept:
        return None
    return _draw_intervals(kept, unit, subject, limits or interval_limits(kept))


def rows_left_out(intervals: Sequence[Interval]) -> int:
    """Number of rows between the first and the last ones that ``intervals_chart`` does not draw."""
    return max(0, len(_drawable(intervals)) - MOST_ROWS)


def _drawable(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    return tuple(row for row in intervals if all(abs(value) < HUGE for value in (row.mean, row.low, row.high)))


def interval_limits(intervals: Sequence[Interval]) -> tuple[float, float]:
    """Ends of a scale that holds all intervals and 0."""
    ends = [end for row in intervals for end in (row.low, row.high, row.mean) if abs(end) < HUGE]
    return limits_of([0.0, *ends], 0.03)


@lru_cache(KEPT)
def _draw_intervals(rows: tuple[Interval, ...], unit: str, subject: str, limits: tuple[float, float]) -> Markup:
    left_out = rows_left_out(rows)
    shown = rows if not left_out else (*rows[: MOST_ROWS // 2], *rows[-MOST_ROWS // 2 :])
    chart, places = new_chart(27 * len(shown) + 54), range(len(shown))[::-1]
    axes = chart.axes
    axes.axvline(0, color=TEXT, linewidth=1)
    for place, row in zip(places, shown, strict=True):
        sure = FIRST if row.low > 0 else BAD if row.high < 0 else TEXT
        axes.plot(
            [row.low, row.high],
            [place, place],
            color=sure,
            linewidth=5,
            alpha=0.4,
            solid_capstyle="round",
            gid="interval",
        )
        axes.plot(
            [row.mean], [place], color=sure, marker="o", markersize=9, markeredgewidth=0, linestyle="", gid="mean"
        )
    chart.titles = {"interval": [row.text for row in shown], "mean": [row.text for row in shown]}
    set_scale(chart, "x", limits, 4, sign="+")
    axes.xaxis.grid(visible=True, color=LINE, linewidth=1)
    right = _rows(chart, [row.name for row in shown], figures([row.mean for row in shown], 2, "+"))
    name_axes(chart, f"effect ({unit}), bars: 90 % intervals", "")
    ends = rows[0].text
    if len(rows) > 1:
        ends = f"best {ends}, worst {rows[-1].text}"
    middle = f"; {left_out} in between are not drawn" if left_out > 0 else ""
    label = f"Effects of {subject}: {ends}{middle}."
    return chart.finish(label, top=4, bottom=48, right=right)


def _rows(chart: Chart, names: Sequence[str], values: Sequence[str]) -> float:
    """Name the rows of a chart on its left, and write their values on its right; returns the room that these need."""
    axes, count = chart.axes, len(names)
    texts = [plain_text(name) for name in names]
    # Wide enough for the name of every fault.
    fitted = [fit_text(text, SIZE, 0.37 * WIDTH) for text in texts]
    chart.left = max(text_width(text, SIZE) for text in fitted) + 16
    axes.set_ylim(-0.5, count - 0.5)
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    for place, name, value in zip(range(count)[::-1], fitted, values, strict=True):
        for text, at, side in ((name, -8, "right"), (value, 8, "left")):
            axes.annotate(
                text, (0 if side == "right" else 1, place), xytext=(at, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha=side, va="center", fontsize=SIZE, parse_math=False,
                color=INK if side == "right" else TEXT, gid="name" if side == "right" else None,
            )  # fmt: skip
    chart.titles["name"] = [whole if whole != name else "" for whole, name in zip(texts, fitted, strict=True)]
    return max(54.0, max(text_width(value, SIZE) for value in values) + 12)


def counts_chart(counts: Mapping[str, int], unit: str, subject: str, *, total: int | None = None) -> Markup | None:
    """A bar for each of the first ``MOST_ROWS`` counts; with a total, bars say their share too.

    ``unit`` names what is counted, in the plural, and ``subject`` the whole, for the reading.
    """
    rows = tuple((name, max(count, 0)) for name, count in counts.items())[:MOST_ROWS]
    return _draw_counts(rows, unit, subject, total) if rows else None


@lru_cache(KEPT)
def _draw_counts(rows: tuple[tuple[str, int], ...], unit: str, subject: str, total: int | None) -> Markup:
    chart = new_chart(24 * len(rows) + 54)
    places = list(range(len(rows)))[::-1]
    for bar in chart.axes.barh(places, [count for _, count in rows], height=0.62, color=BAD, linewidth=0):
        bar.set_gid("bar")
    chart.titles["bar"] = [
        f"{name}: {count}{f', {100 * count / total:.1f} %' if total else ''}" for name, count in rows
    ]
    set_scale(chart, "x", (0, 1.04 * max(1, *(count for _, count in rows))), 4, whole=True)
    chart.axes.xaxis.grid(visible=True, color=LINE, linewidth=1)
    right = _rows(chart, [name for name, _ in rows], [str(count) for _, count in rows])
    name_axes(chart, unit, "")
    name, count = max(rows, key=lambda row: row[1])
    label = f"{subject}, {unit}: most often {name}, {count}."
    return chart.finish(label, top=4, bottom=44, right=right)
