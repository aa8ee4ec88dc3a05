"""The frame that all charts share: an SVG element with scales, a grid, names of axes, and a legend.

It takes colours and font from the page. It has presentation attributes and no identifiers, because the content security
policy of the gallery refuses ``style``, and a page may hold several charts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from markupsafe import Markup, escape

from .chart_text import fit_text, plain_text, text_width, tick_texts

#: Width of a chart, in its own units.
WIDTH = 400
#: Colours, which pages replace by their own, in the light and in the dark.
FIRST, BAD, INK, TEXT, LINE = "#2f7d5b", "#b1442f", "#1b1d1f", "#6b7075", "#d0d2d4"
_CSS = {
    INK: "currentColor",
    FIRST: f"var(--chart-first, {FIRST})",
    BAD: f"var(--chart-bad, {BAD})",
    TEXT: f"var(--chart-text, {TEXT})",
    LINE: f"var(--chart-line, {LINE})",
}
#: Size of the font, number of charts to keep, and the value from which numbers are not drawn.
SIZE, KEPT, HUGE = 12, 128, 1e100
#: Length of a line in a legend, and its distance from the name.
_HANDLE, _APART = 19.2, 6.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """A kind of line: colour, width, 0 for none, dashes, and radius of the marks, 0 for none."""

    colour: str
    width: float
    dashed: bool = False
    mark: float = 0.0


LOOKS = {
    "line": Look(FIRST, 2, mark=3.5),
    "dashed": Look(TEXT, 1.5, dashed=True, mark=2.5),
    "zero": Look(TEXT, 1),
    "level": Look(BAD, 1.5, dashed=True),
    "median": Look(INK, 1.5, dashed=True),
    "points": Look(FIRST, 0, mark=4.5),
}


@dataclass(frozen=True, slots=True)
class Axis:
    """Ends of an axis, and the texts of its ticks by their place."""

    low: float
    high: float
    ticks: Mapping[float, str]


def limits_of(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
    """Ends of a scale that holds all values, with a margin as a share of their range; never of no length."""
    low, high = min(values), max(values)
    room = (high - low) or max(abs(high) * 0.1, 1e-6 if high else 1.0)
    return (low - margin * room, high + margin * room) if high > low else (low - room / 2, high + room / 2)


def scale_of(limits: tuple[float, float], count: int, *, sign: str = "", whole: bool = False) -> Axis:
    """A scale with about ``count`` ticks; ``sign`` is a format option of their texts."""
    from matplotlib.ticker import MaxNLocator

    steps = [1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10]
    found = MaxNLocator(count, integer=whole, steps=steps).tick_values(*limits)
    low, high = limits
    slack = 1e-9 * (high - low)
    ticks = [float(t) for t in found if low - slack <= t <= high + slack and not (whole and abs(t - round(t)) > slack)]
    return Axis(low, high, dict(zip(ticks, tick_texts(ticks, sign), strict=True)))


def legend_of(names: Sequence[str], y: str) -> tuple[float, list[tuple[str, Point]]]:
    """The room above a chart with a legend, beside the name of y or under it, and each name with the place of its line."""
    names = [fit_text(plain_text(name), SIZE, 0.4 * WIDTH) for name in names]
    widths = [text_width(name, SIZE) + 42 for name in names]
    beside = text_width(y, SIZE) + 14 + sum(widths) <= WIDTH
    columns = len(names) if sum(widths) <= WIDTH - 8 else (len(names) + 1) // 2
    rows = math.ceil(len(names) / columns)
    # Columns of even length, the first ones one longer.
    lengths = [len(names) // columns + (number < len(names) % columns) for number in range(columns)]
    blocks = [names[sum(lengths[:number]) :][:length] for number, length in enumerate(lengths)]
    across = [_HANDLE + _APART + max(text_width(name, SIZE) for name in block) + 14.4 for block in blocks]
    start = WIDTH - 14 - sum(across) + 14.4 if beside else 0.0
    places = [
        (name, (start + sum(across[:number]), (15 if beside else 33) + 16.2 * row))
        for number, block in enumerate(blocks)
        for row, name in enumerate(block)
    ]
    return (28 if beside else 48) + 18 * (rows - 1), places


class Chart:
    """SVG elements in the making, in a frame with a grid of lines across (``x``) or of lines up (``y``)."""

    def __init__(
        self,
        height: float,
        x: Axis,
        y: Axis,
        grid: str,
        *,
        top: float,
        bottom: float,
        left: float | None = None,
        right: float = 14,
    ) -> None:
        self.height, self.x, self.y, self.top, self.bottom, self.right = (
            height,
            x,
            y,
            top,
            height - bottom,
            WIDTH - right,
        )
        self.left = max([12.0, *(text_width(text, SIZE) + 9 for text in y.ticks.values())]) if left is None else left
        self.elements: list[str] = []
        for tick, text in x.ticks.items():
            across = self.at(tick, y.low)[0]
            if grid == "x":
                self.line([(across, self.bottom), (across, self.top)], Look(LINE, 1))
            self.text((across, self.bottom + 14.1), text, "middle")
        for tick, text in y.ticks.items():
            up = self.at(x.low, tick)[1]
            if grid == "y":
                self.line([(self.left, up), (self.right, up)], Look(LINE, 1))
            self.text((self.left - 5, up + 4.6), text, "end")

    def at(self, x: float, y: float) -> Point:
        """The place of two values in the drawing."""
        across, up = ((value - s.low) / (s.high - s.low) for value, s in ((x, self.x), (y, self.y)))
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    @contextmanager
    def group(self, name: str) -> Iterator[None]:
        """Draw the elements of a class ``chart-NAME``."""
        self.elements.append(f'<g class="chart-{escape(name)}">')
        yield
        self.elements.append("</g>")

    def _add(self, tag: str, attributes: str, title: str, content: str = "") -> None:
        inside = content + (f"<title>{escape(plain_text(title))}</title>" if title else "")
        self.elements.append(f"<{tag} {attributes}{f'>{inside}</{tag}>' if inside else '/>'}")

    def line(self, points: Sequence[Point], look: Look, title: str = "", *, more: str = "") -> None:
        """Draw a line through places; ``more`` are attributes."""
        dashes = f' stroke-dasharray="{4 * look.width:g} {3 * look.width:g}"' if look.dashed else ""
        shape = f'd="{_outline(points)}" fill="none" stroke="{_CSS[look.colour]}" stroke-width="{look.width:g}"'
        self._add("path", f"{shape}{dashes}{more}", title)

    def area(self, points: Sequence[Point], colour: str, title: str = "", opacity: float = 1.0) -> None:
        """Fill the area between places."""
        seen = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        self._add("path", f'd="{_outline(points)}Z" fill="{_CSS[colour]}"{seen}', title)

    def mark(self, at: Point, radius: float, colour: str, title: str = "") -> None:
        """Draw a dot."""
        shape = f'cx="{_short(at[0])}" cy="{_short(at[1])}" r="{radius:g}" fill="{_CSS[colour]}"'
        self._add("circle", shape, title)

    def text(self, at: Point, text: str, anchor: str = "start", colour: str = TEXT, title: str = "") -> None:
        """Write a text on its base line."""
        place = f'x="{_short(at[0])}" y="{_short(at[1])}" font-size="{SIZE}" text-anchor="{anchor}"'
        self._add("text", f'{place} fill="{_CSS[colour]}"', title, str(escape(text)))

    def base(self) -> None:
        """Draw the axis at the bottom."""
        self.line([(self.left, self.bottom), (self.right, self.bottom)], Look(TEXT, 1))

    def legend(self, places: Sequence[tuple[str, Point]], looks: Sequence[Look | None]) -> None:
        """Write a legend of ``legend_of``; a look of None is a band."""
        for (name, (x, y)), look in zip(places, looks, strict=True):
            ends = [(x, y - 4.2), (x + _HANDLE, y - 4.2)]
            if look is None:
                self.area([(x, y), (x + _HANDLE, y), (x + _HANDLE, y - 8.4), (x, y - 8.4)], FIRST, opacity=0.2)
            elif look.width:
                self.line(ends, look)
            if look is not None and look.mark:
                self.mark((x + _HANDLE / 2, y - 4.2), look.mark, look.colour)
            self.text((x + _HANDLE + _APART, y), name)

    def finish(self, label: str, x: str, y: str) -> Markup:
        """Name the axes: x below its ticks, y above the chart, where it is read without turning; ``label`` is the reading."""
        for name, at, anchor in ((x, (WIDTH - 14, self.height - 10), "end"), (y, (0, 15), "start")):
            if name:
                self.text(at, fit_text(plain_text(name), SIZE, WIDTH - 20), anchor)
        return Markup(
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {_short(self.height)}" role="img" '
            f'aria-label="{escape(plain_text(label))}">{"".join(self.elements)}</svg>'
        )


def _outline(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
