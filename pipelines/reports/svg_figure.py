"""Draws figures of matplotlib as SVG that takes its colours and its font from the page around it.

The SVG backend of matplotlib writes ``style`` attributes, which the content security policy of the gallery refuses, and
identifiers, which would clash on a page with several charts. It writes texts as texts only after a change of global
settings, which a server with threads must not make. This renderer writes presentation attributes and no identifiers, and
needs neither global settings nor fonts, so that a missing glyph is left to the browser.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Transform

from .chart_text import plain_text, text_width

if TYPE_CHECKING:
    from matplotlib.text import Text
    from matplotlib.typing import ColorType

_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


class SvgRenderer(RendererBase):
    """Collects what a figure draws as SVG elements.

    An artist with a group id becomes a group of the class ``chart-ID``. Its shapes get tooltips from ``titles``, in
    their order. Colours are CSS by hexadecimal colour; others are written as they are.
    """

    def __init__(
        self, width: float, height: float, colours: Mapping[str, str], titles: Mapping[str, Sequence[str]]
    ) -> None:
        super().__init__()
        self._width, self._height, self._colours = width, height, colours
        self._titles = {group: iter(texts) for group, texts in titles.items()}
        self._groups: list[str | None] = []
        self._flip = Affine2D().scale(1, -1).translate(0, height)
        #: The elements, in the order of drawing.
        self.elements: list[str] = []

    def open_group(self, s: str, gid: str | None = None) -> None:
        """Begin a group; only those with an id are written."""
        self._groups.append(gid)
        if gid:
            self.elements.append(f'<g class="chart-{escape(gid)}">')

    def close_group(self, s: str) -> None:
        """End a group."""
        if self._groups.pop():
            self.elements.append("</g>")

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Width and height of the drawing."""
        return self._width, self._height

    def draw_path(
        self,
        gc: GraphicsContextBase,
        path: Path,
        transform: Transform,
        rgbFace: ColorType | None = None,  # noqa: N803
    ) -> None:
        """Draw an outline, filled or not."""
        if drawn := self._outline(path, transform):
            self._add("path", f'd="{drawn}"', gc, rgbFace)

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: ColorType | None = None,  # noqa: N803
    ) -> None:
        """Draw a circle at every point, or the marker itself if it has no curves."""
        extents = marker_path.get_extents(marker_trans)
        for x, y in np.asarray(trans.transform(path.vertices), dtype=float).tolist():
            if marker_path.codes is not None and Path.CURVE4 in np.asarray(marker_path.codes):
                place = f'cx="{_short(x)}" cy="{_short(self._height - y)}" r="{_short(extents.width / 2)}"'
                self._add("circle", place, gc, rgbFace)
            elif extents.width or extents.height:
                # Collections of one path come this way too.
                self.draw_path(gc, marker_path, marker_trans + Affine2D().translate(x, y), rgbFace)

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: object = False,
        mtext: Text | None = None,
    ) -> None:
        """Write a text at its anchor, so that it stays in place in any font."""
        anchor = "start"
        if mtext is not None and angle == 0:
            x = float(mtext.get_transform().transform(mtext.get_unitless_position())[0])
            anchor = {"center": "middle", "right": "end"}.get(mtext.get_horizontalalignment(), "start")
        size, turned = (
            prop.get_size_in_points(),
            f' transform="rotate({-angle:g} {_short(x)} {_short(y)})"' if angle else "",
        )
        weight = ' font-weight="600"' if prop.get_weight() == "bold" else ""
        self.elements.append(
            f'<text x="{_short(x)}" y="{_short(y)}" font-size="{_short(size)}"{weight} text-anchor="{anchor}"'
            f"{self._paint('fill', gc.get_rgb())}{turned}>{escape(s)}{self._title()}</text>"
        )

    def draw_tex(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        *,
        mtext: Text | None = None,
    ) -> None:
        """Write a text where the user's settings ask for LaTeX."""
        self.draw_text(gc, x, y, s, prop, angle, mtext=mtext)

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: object) -> tuple[float, float, float]:
        """Estimated width, height and descent of a text."""
        size = prop.get_size_in_points()
        return text_width(s, size), 0.95 * size, 0.22 * size

    def _title(self) -> str:
        """The next tooltip of the group that is drawn."""
        group = next((group for group in reversed(self._groups) if group), None)
        text = next(self._titles[group], "") if group in self._titles else ""
        return f"<title>{escape(plain_text(text))}</title>" if text else ""

    def _outline(self, path: Path, transform: Transform) -> str:
        words = []
        for points, code in path.iter_segments(transform + self._flip, remove_nans=True, simplify=len(path) > 128):
            if code == Path.CLOSEPOLY:
                words.append("Z")
            elif code in _LETTERS:
                words.append(_LETTERS[code] + " ".join(_short(value) for value in points))
        return "".join(words)

    def _paint(self, kind: str, colour: ColorType) -> str:
        red, green, blue, alpha = (*colour, 1.0)[:4]
        known = to_hex((red, green, blue))
        opacity = f' {kind}-opacity="{alpha:.2g}"' if alpha < 1 else ""
        return f' {kind}="{self._colours.get(known, known)}"{opacity}'

    def _add(self, tag: str, shape: str, gc: GraphicsContextBase, face: ColorType | None) -> None:
        """Append a shape, unless nothing of it would be seen."""
        filled, width = face is not None and (len(face) < 4 or face[3] != 0), gc.get_linewidth()
        if not filled and not width:
            return
        paint = self._paint("fill", face) if filled and face is not None else ' fill="none"'
        if width and gc.get_rgb()[3] != 0:
            paint += f'{self._paint("stroke", gc.get_rgb())} stroke-width="{_short(width)}"'
            if gc.get_capstyle() == "round":
                paint += ' stroke-linecap="round"'
            dashes = gc.get_dashes()[1]
            if dashes is not None:
                paint += f' stroke-dasharray="{" ".join(_short(dash) for dash in np.ravel(dashes).tolist())}"'
        elif not filled:
            return
        title = self._title()
        self.elements.append(f"<{tag} {shape}{paint}{f'>{title}</{tag}>' if title else '/>'}")


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if math.isfinite(value) else "0"


def draw_svg(
    figure: Figure, label: str, colours: Mapping[str, str], titles: Mapping[str, Sequence[str]] | None = None
) -> Markup:
    """Draw a figure of 72 dots an inch, a point a unit, as an ``svg`` element that fits into its place.

    ``label`` is its reading in one sentence, for those who cannot see it; colours and titles as for ``SvgRenderer``.
    """
    width, height = figure.get_size_inches() * figure.dpi
    renderer = SvgRenderer(width, height, colours, titles or {})
    figure.draw(renderer)
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {_short(width)} {_short(height)}" role="img" aria-label="{escape(label)}">'
        f"{''.join(renderer.elements)}</svg>"
    )
