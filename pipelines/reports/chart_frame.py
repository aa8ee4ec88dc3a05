"""The frame that all charts share: colours, margins, scales, names of axes, and legends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from .chart_text import fit_text, plain_text, text_width, tick_texts

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

#: Width of a chart, in its own units.
WIDTH = 400
#: Colours as matplotlib sees them. Pages replace them by their own, in the light and in the dark.
FIRST, BAD, INK, TEXT, LINE = "#2f7d5b", "#b1442f", "#1b1d1f", "#6b7075", "#d0d2d4"
CSS = {
    INK: "currentColor",
    FIRST: f"var(--chart-first, {FIRST})",
    BAD: f"var(--chart-bad, {BAD})",
    TEXT: f"var(--chart-text, {TEXT})",
    LINE: f"var(--chart-line, {LINE})",
}
#: Size of the font, number of charts to keep, and the value from which numbers are not drawn.
SIZE, KEPT, HUGE = 12, 128, 1e100


@dataclass(slots=True)
class Chart:
    """A figure in the making.

    Attributes:
        height: in units of the drawing.
        left: margin that the texts on the left need.
        titles: tooltips by group id, for the shapes of the artists with that id.
    """

    axes: Axes
    height: float
    left: float = 12
    titles: dict[str, Sequence[str]] = field(default_factory=dict)

    def finish(self, label: str, *, top: float, bottom: float, right: float = 14) -> Markup:
        """Place the axes within margins, and draw."""
        from .svg_figure import draw_svg

        drawn = self.axes.figure
        self.axes.set_position(
            (self.left / WIDTH, bottom / self.height, (WIDTH - self.left - right) / WIDTH, (self.height - top - bottom) / self.height)
        )  # fmt: skip
        return draw_svg(drawn, plain_text(label), CSS, self.titles)  # type: ignore[arg-type]


def new_chart(height: float) -> Chart:
    """An empty chart in the style of the house."""
    from matplotlib.figure import Figure

    axes = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, frameon=False).add_axes((0.0, 0.0, 1.0, 1.0), frameon=True)
    axes.patch.set_visible(False)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set(color=TEXT, linewidth=1)
    axes.grid(visible=False)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=SIZE, labelcolor=TEXT, pad=5)
    return Chart(axes, height)


def limits_of(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
    """Ends of a scale that holds all values, with a margin as a share of their range; never of no length."""
    low, high = min(values), max(values)
    room = (high - low) or max(abs(high) * 0.1, 1e-6 if high else 1.0)
    return (low - margin * room, high + margin * room) if high > low else (low - room / 2, high + room / 2)


def set_scale(
    chart: Chart, side: str, limits: tuple[float, float], count: int, *, sign: str = "", whole: bool = False
) -> None:
    """Set limits, ticks and the grid of one axis, ``"x"`` or ``"y"``; make room for the texts of y."""
    from matplotlib.ticker import MaxNLocator

    axis = chart.axes.xaxis if side == "x" else chart.axes.yaxis
    (chart.axes.set_xlim if side == "x" else chart.axes.set_ylim)(*limits)
    steps = [1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10]
    found = MaxNLocator(count, integer=whole, steps=steps).tick_values(*limits)
    low, high = limits
    slack = 1e-9 * (high - low)
    ticks = [float(t) for t in found if low - slack <= t <= high + slack and not (whole and abs(t - round(t)) > slack)]
    texts = tick_texts(ticks, sign)
    axis.set_ticks(ticks, labels=texts)
    if side == "y":
        axis.grid(visible=True, color=LINE, linewidth=1)
        chart.left = max([12.0, *(text_width(text, SIZE) + 9 for text in texts)])


def name_axes(chart: Chart, x: str, y: str) -> None:
    """Write the names of the axes: of x below its ticks, of y above the chart, where it is read without turning."""
    for text, place, up in ((x, WIDTH - 14, 10.0), (y, 0, chart.height - 15)):
        if text:
            # matplotlib takes a dollar sign for the start of a formula unless told otherwise.
            chart.axes.figure.text(
                place / WIDTH, up / chart.height, fit_text(plain_text(text), SIZE, WIDTH - 20), color=TEXT, fontsize=SIZE,
                ha="right" if place else "left", va="baseline", parse_math=False,
            )  # fmt: skip


def add_legend(chart: Chart, handles: Sequence[Artist], names: Sequence[str], y: str) -> float:
    """Write the legend beside the name of y, or under it if both do not fit; returns the height that both take."""
    names = [fit_text(plain_text(name), SIZE, 0.4 * WIDTH) for name in names]
    widths = [text_width(name, SIZE) + 42 for name in names]
    beside = text_width(y, SIZE) + 14 + sum(widths) <= WIDTH
    columns = len(names) if sum(widths) <= WIDTH - 8 else (len(names) + 1) // 2
    rows = math.ceil(len(names) / columns)
    top = chart.height - (6 if beside else 24)
    chart.axes.figure.legend(
        handles, names, loc="upper right" if beside else "upper left", ncols=columns, frameon=False, fontsize=SIZE,
        labelcolor=TEXT, bbox_to_anchor=((WIDTH - 14) / WIDTH if beside else 0.0, top / chart.height), borderpad=0,
        borderaxespad=0, handlelength=1.6, handletextpad=0.5, columnspacing=1.2, labelspacing=0.35,
    )  # fmt: skip
    return (28 if beside else 48) + 18 * (rows - 1)
