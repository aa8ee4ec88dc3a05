"""Charts of lines as SVG, with axes, units and a legend: learning curves, courses, bands and trade-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from .chart_frame import (
    BAD,
    FIRST,
    HUGE,
    KEPT,
    SIZE,
    TEXT,
    WIDTH,
    Chart,
    add_legend,
    limits_of,
    name_axes,
    new_chart,
    set_scale,
)
from .chart_text import fit_text, plain_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.lines import Line2D

#: Most points of a line.
MOST_POINTS = 60
#: Most width of a named tick.
_TICK = 78


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a chart.

    Attributes:
        name: its name in the legend; and, with hyphens for spaces, the id of its group.
        points: x and y of each point.
        titles: tooltips of the points.
        kind: ``"line"`` with marks, ``"dashed"`` without, ``"level"`` for a dashed red line, ``"zero"`` for a thin one
            that has no legend, ``"points"`` for marks alone, or ``"ring"`` for an open mark.
        band: lower and upper end of the interval of each point; empty for none.
        interval: name of the band in the legend.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    titles: tuple[str, ...] = ()
    kind: str = "line"
    band: tuple[tuple[float, float], ...] = ()
    interval: str = "interval"


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

    Args:
        series: the lines. A long one is thinned to ``MOST_POINTS`` points, evenly, with its last point.
        x: name of the horizontal axis, with its unit.
        y: name of the vertical axis, with its unit.
        label: the reading of the chart in one sentence.
        limits: ends of the scale of y; by default those of the values.
        whole: True if x are whole numbers.
        names: places and names of the ticks of x; by default round numbers.
        sign: sign option of the ticks of y.
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
    chart = new_chart(250)
    handles: list[Artist] = []
    legend: list[str] = []
    for line in series:
        xs, ys = zip(*line.points, strict=True)
        if line.band:
            lower, upper = zip(*line.band, strict=True)
            handles.append(chart.axes.fill_between(xs, lower, upper, color=FIRST, alpha=0.2, linewidth=0))
            legend.append(line.interval)
        drawn = _line(chart, line, xs, ys)
        if line.kind != "zero":
            handles.append(drawn)
            legend.append(line.name)
    every = [value for line in series for _, value in line.points] + [
        end for line in series for ends in line.band for end in ends
    ]
    along = [place for line in series for place, _ in line.points] + [place for place, _ in names]
    set_scale(chart, "y", limits or limits_of(every, 0.06), 5, sign=sign)
    low, high = limits_of(along)
    margin = 0.03 * (high - low)
    set_scale(chart, "x", (low - margin, high + margin), 6, whole=whole)
    if names:
        chart.axes.set_xticks(
            [place for place, _ in names],
            labels=[fit_text(plain_text(text), SIZE, _TICK) for _, text in names],
            parse_math=False,
        )
    shown = fit_text(plain_text(y), SIZE, WIDTH - 20)
    name_axes(chart, x, y)
    top = add_legend(chart, handles, legend, shown) if len(handles) > 1 else 28
    return chart.finish(label, top=top, bottom=42)


def _line(chart: Chart, line: Series, xs: Sequence[float], ys: Sequence[float]) -> Line2D:
    """Draw a line and its marks; returns what the legend shows."""
    group = line.name.replace(" ", "-")
    marks: dict[str, object] = {"marker": "o", "markersize": 7, "markeredgewidth": 0}
    look: dict[str, object] = {
        "line": {"color": FIRST, "linewidth": 2, **marks},
        "dashed": {"color": TEXT, "linewidth": 1.5, "dashes": (4, 3), **marks, "markersize": 5},
        "zero": {"color": TEXT, "linewidth": 1},
        "level": {"color": BAD, "linewidth": 1.5, "dashes": (4, 3)},
        "ring": {"color": FIRST, "linestyle": "", "marker": "o", "markersize": 8, "markerfacecolor": "none", "markeredgewidth": 2},
        "points": {"color": FIRST, "linestyle": "", **marks, "markersize": 9},
    }[line.kind]  # fmt: skip
    if line.titles and line.kind in ("line", "dashed"):
        # The outline comes first and takes no tooltip.
        chart.titles[group] = ["", *line.titles] if len(xs) > 1 else line.titles
    elif line.titles:
        chart.titles[group] = line.titles
    [drawn] = chart.axes.plot(xs, ys, gid=group, clip_on=False, **look)  # type: ignore[arg-type]
    return drawn
