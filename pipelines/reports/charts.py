"""Charts of pages as SVG, with axes and units: histogram, intervals, counts, and lines.

Every function is pure and returns one ``svg`` element for a page or for a part of one. Equal arguments give equal text. The
latest charts are kept, because the gallery asks for the same ones again. Not a number and infinite values are left out; None
means that nothing remains to be drawn. A chart is drawn 400 units wide, to be read on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    LOOKS,
    SIZE,
    TEXT,
    WIDTH,
    Axis,
    Chart,
    Look,
    legend_of,
    limits_of,
    scale_of,
)
from .chart_text import fit_text, plain_text, text_width

#: Bars of a histogram; most rows of a chart with a row for each name; most points of a line.
BARS, MOST_ROWS, MOST_POINTS = 40, 32, 60
#: Most width of a named tick.
_TICK = 78


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
    lower, median, upper = middle
    counted, most = "pictures", 1.05 * max(counts)
    top, legend = legend_of([f"median {figure(median)}"], counted)
    chart = Chart(
        210, scale_of((edges[0], edges[-1]), 6), scale_of((0, most), 4, whole=True), "y", top=max(top, 30), bottom=42
    )
    inset = 0.06 * (edges[1] - edges[0])
    with chart.group("bar"):
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
            title = f"{figure(left)} … {figure(right)}: {count}"
            _box(chart, (left + inset, right - inset), (0, count), FIRST, title)
    chart.base()
    chart.line([chart.at(median, 0), chart.at(median, most)], LOOKS["median"])
    chart.legend(legend, [LOOKS["median"]])
    label = (
        f"Histogram of {unit} of {sum(counts)} pictures: the median is {figure(median)}, and the middle half lies "
        f"between {figure(lower)} and {figure(upper)}."
    )
    return chart.finish(label, unit, counted)


def _box(chart: Chart, x: tuple[float, float], y: tuple[float, float], colour: str, title: str) -> None:
    corners = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    chart.area([chart.at(*corner) for corner in corners], colour, title)


def intervals_chart(
    intervals: Sequence[Interval], unit: str, subject: str, *, limits: tuple[float, float] | None = None
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
    values = figures([row.mean for row in shown], 2, "+")
    chart = _rows(27, scale_of(limits, 4, sign="+"), [row.name for row in shown], values, bottom=48)
    chart.line([chart.at(0, chart.y.low), chart.at(0, chart.y.high)], LOOKS["zero"])
    for place, row in zip(range(len(shown))[::-1], shown, strict=True):
        sure = FIRST if row.low > 0 else BAD if row.high < 0 else TEXT
        with chart.group("interval"):
            reach = [chart.at(row.low, place), chart.at(row.high, place)]
            chart.line(reach, Look(sure, 5), row.text, more=' stroke-opacity="0.4" stroke-linecap="round"')
        with chart.group("mean"):
            chart.mark(chart.at(row.mean, place), 4.5, sure, row.text)
    ends = rows[0].text
    if len(rows) > 1:
        ends = f"best {ends}, worst {rows[-1].text}"
    middle = f"; {left_out} in between are not drawn" if left_out > 0 else ""
    return chart.finish(f"Effects of {subject}: {ends}{middle}.", f"effect ({unit}), bars: 90 % intervals", "")


def _rows(height: int, x: Axis, names: Sequence[str], values: Sequence[str], *, bottom: float) -> Chart:
    """A chart with a row for each name, the first one on top, and values on its right."""
    texts = [plain_text(name) for name in names]
    # Wide enough for the name of every fault.
    fitted = [fit_text(text, SIZE, 0.37 * WIDTH) for text in texts]
    left, right = (max(text_width(text, SIZE) for text in some) for some in (fitted, values))
    chart = Chart(
        height * len(names) + 54, x, Axis(-0.5, len(names) - 0.5, {}), "x",
        top=4, bottom=bottom, left=left + 16, right=max(54.0, right + 12),
    )  # fmt: skip
    for place, whole, name, value in zip(range(len(names))[::-1], texts, fitted, values, strict=True):
        line = chart.at(x.low, place)[1] + 3.1
        with chart.group("name"):
            chart.text((chart.left - 8, line), name, "end", INK, whole if whole != name else "")
        chart.text((chart.right + 8, line), value)
    return chart


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a chart."""

    name: str  # its name in the legend; and, with hyphens for spaces, the class of its group
    points: tuple[tuple[float, float], ...]  # x and y of each point
    titles: tuple[str, ...] = ()  # tooltips of the points
    kind: str = "line"  # of ``LOOKS``; a ``"zero"`` has no legend
    band: tuple[tuple[float, float], ...] = ()  # lower and upper end of the interval of each point; empty for none
    interval: str = "interval"  # name of the band in the legend


def lines_chart(
    series: Sequence[Series],
    x: str,
    y: str,
    label: str,
    *,
    limits: tuple[float, float] | None = None,
    whole: bool = True,
    names: Sequence[tuple[float, str]] = (),
    sign: str = "",
) -> Markup | None:
    """Lines over a common scale, with a legend if there are several, or intervals.

    A long line is thinned to ``MOST_POINTS`` points, evenly, with its last point. ``label`` is the reading of the chart
    in one sentence, ``limits`` are the ends of the scale of y, ``whole`` is True if x are whole numbers, ``names`` are
    places and names of the ticks of x, and ``sign`` is the sign option of the ticks of y.
    """
    kept = tuple(thin for line in series if (thin := _sound(line)).points)
    return _draw_lines(kept, x, y, label, limits, whole, tuple(names), sign) if kept else None


def _sound(line: Series) -> Series:
    """The finite points of a line, thinned."""
    places = [k for k, point in enumerate(line.points) if all(abs(value) < HUGE for value in point)]
    if len(places) > MOST_POINTS:
        places = [places[round(k * (len(places) - 1) / (MOST_POINTS - 1))] for k in range(MOST_POINTS)]
    points = tuple(line.points[k] for k in places)
    titles = tuple(line.titles[k] for k in places) if line.titles else ()
    band = tuple(
        ends if all(abs(end) < HUGE for end in ends) else (y, y)
        for ends, (_, y) in zip((line.band[k] for k in places) if line.band else (), points, strict=False)
    )
    return Series(line.name, points, titles, line.kind, band, line.interval)


@lru_cache(KEPT)
def _draw_lines(
    series: tuple[Series, ...], x: str, y: str, label: str, limits: tuple[float, float] | None, whole: bool,
    names: tuple[tuple[float, str], ...], sign: str,
) -> Markup:  # fmt: skip
    legend: list[tuple[str, Look | None]] = []
    for line in series:
        legend += [(line.interval, None)] if line.band else []
        legend += [(line.name, LOOKS[line.kind])] if line.kind != "zero" else []
    shown = fit_text(plain_text(y), SIZE, WIDTH - 20)
    top, places = legend_of([name for name, _ in legend], shown) if len(legend) > 1 else (28, [])
    every = [value for line in series for _, value in line.points] + [
        end for line in series for ends in line.band for end in ends
    ]
    low, high = limits_of([place for line in series for place, _ in line.points] + [place for place, _ in names])
    margin = 0.03 * (high - low)
    along = scale_of((low - margin, high + margin), 6, whole=whole)
    if names:
        along = Axis(along.low, along.high, {at: fit_text(plain_text(text), SIZE, _TICK) for at, text in names})
    up = scale_of(limits or limits_of(every, 0.06), 5, sign=sign)
    chart = Chart(250, along, up, "y", top=top, bottom=42)
    for line in series:
        if line.band:
            ends = [(place, end) for (place, _), (end, _) in zip(line.points, line.band, strict=True)]
            ends += [(place, end) for (place, _), (_, end) in zip(line.points, line.band, strict=True)][::-1]
            chart.area([chart.at(*end) for end in ends], FIRST, opacity=0.2)
        with chart.group(line.name.replace(" ", "-")):
            _line(chart, line)
    chart.base()
    chart.legend(places, [look for _, look in legend][: len(places)])
    return chart.finish(label, x, y)


def _line(chart: Chart, line: Series) -> None:
    """Draw a line and its marks."""
    look, points = LOOKS[line.kind], [chart.at(*point) for point in line.points]
    if look.width and len(points) > 1:
        chart.line(points, look)
    if look.mark:
        for point, title in zip(points, line.titles or [""] * len(points), strict=True):
            chart.mark(point, look.mark, look.colour, title)
