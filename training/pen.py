"""A pen that draws shapes on maps of palette roles, and places of subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

#: The labels of a role map. Those from ``BAND`` on belong to settings and weather: a second tone of the sky, what lies far
#: and near, its details, lamps (sun, stars, drops, flakes), and the pale rim of subjects.
SKY, GROUND, MAIN, SECOND, ACCENT, DARK, LIGHT, BAND, FAR, NEAR, DETAIL, LAMP, RIM = range(13)
CANVAS = 256
#: Marks: darker and lighter than the role's colour, weakly and strongly; 128 leaves it as it is.
DEEP, DIM, PLAIN, PALE, BRIGHT = 40, 85, 128, 170, 225

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws shapes given in subject coordinates (−1…1, y down) on a role map of ``CANVAS`` pixels."""

    draw: ImageDraw.ImageDraw
    x: float
    y: float
    size: float
    flip: int

    def _at(self, point: Point) -> Point:
        return self.x + self.flip * point[0] * self.size, self.y + point[1] * self.size

    def _bounds(self, x: float, y: float, rx: float, ry: float) -> list[float]:
        (x0, y0), (x1, y1) = self._at((x - rx, y - ry)), self._at((x + rx, y + ry))
        return [min(x0, x1), y0, max(x0, x1), y1]

    def poly(self, role: int, points: Sequence[Point]) -> None:
        """Fill a polygon."""
        self.draw.polygon([self._at(p) for p in points], fill=role)

    def oval(self, role: int, x: float, y: float, rx: float, ry: float | None = None) -> None:
        """Fill an ellipse of half axes ``rx``, ``ry`` (a circle without ``ry``)."""
        self.draw.ellipse(self._bounds(x, y, rx, rx if ry is None else ry), fill=role)

    def dome(self, role: int, x: float, y: float, rx: float, ry: float) -> None:
        """Fill the upper half of an ellipse."""
        self.draw.pieslice(self._bounds(x, y, rx, ry), 180, 360, fill=role)

    def line(self, role: int, points: Sequence[Point], width: float = 0.04) -> None:
        """Draw a line of a width in subject coordinates."""
        pixels = max(1, round(width * self.size))
        self.draw.line([self._at(p) for p in points], fill=role, width=pixels, joint="curve")

    def arc(self, role: int, x: float, y: float, r: float, start: float, end: float, width: float = 0.04) -> None:
        """Draw a part of a circle, in degrees clockwise from the right."""
        turns = np.radians(np.linspace(start, end, 12))
        self.line(role, [(x + r * float(np.cos(t)), y + r * float(np.sin(t))) for t in turns], width)

    def box(self, role: int, x0: float, y0: float, x1: float, y1: float) -> None:
        """Fill an axis-parallel rectangle."""
        self.poly(role, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


@dataclass(frozen=True, slots=True)
class Layout:
    """Place of a subject in shares of the picture's side: its middle, half its size, the horizon, mirrored or not."""

    x: float
    y: float
    size: float
    horizon: float
    flip: int

    def pen(self, image: Image.Image) -> Pen:
        """A pen in the coordinates of the subject."""
        side = image.width
        return Pen(ImageDraw.Draw(image), self.x * side, self.y * side, self.size * side, self.flip)
