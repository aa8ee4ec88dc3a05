"""Ten subjects drawn as maps of palette roles, ready for any palette and style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

#: The labels of a role map.
SKY, GROUND, MAIN, SECOND, ACCENT, DARK, LIGHT = range(7)
CANVAS = 256

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

    def poly(self, role: int, points: Sequence[Point]) -> None:
        """Fill a polygon."""
        self.draw.polygon([self._at(p) for p in points], fill=role)

    def oval(self, role: int, x: float, y: float, rx: float, ry: float | None = None) -> None:
        """Fill an ellipse of half axes ``rx``, ``ry`` (a circle without ``ry``)."""
        ry = rx if ry is None else ry
        (x0, y0), (x1, y1) = self._at((x - rx, y - ry)), self._at((x + rx, y + ry))
        self.draw.ellipse([min(x0, x1), y0, max(x0, x1), y1], fill=role)

    def box(self, role: int, x0: float, y0: float, x1: float, y1: float) -> None:
        """Fill an axis-parallel rectangle."""
        self.poly(role, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _boat(p: Pen) -> None:
    p.box(DARK, -0.06, -0.95, 0.04, 0.4)
    p.poly(LIGHT, [(0.06, -0.95), (0.06, 0.25), (0.8, 0.25)])
    p.poly(ACCENT, [(-0.1, -0.75), (-0.1, 0.25), (-0.65, 0.25)])
    p.poly(MAIN, [(-1.0, 0.35), (1.0, 0.35), (0.65, 0.85), (-0.65, 0.85)])


def _house(p: Pen) -> None:
    p.box(DARK, 0.4, -0.9, 0.62, -0.3)
    p.box(SECOND, -0.75, -0.15, 0.75, 0.9)
    p.poly(MAIN, [(-0.98, -0.12), (0, -0.95), (0.98, -0.12)])
    p.box(DARK, -0.18, 0.3, 0.2, 0.9)
    p.box(ACCENT, -0.6, 0.1, -0.3, 0.42)
    p.box(ACCENT, 0.34, 0.1, 0.62, 0.42)


def _tree(p: Pen) -> None:
    p.box(DARK, -0.15, 0.2, 0.15, 1.0)
    for x, y, r in ((-0.42, -0.05, 0.45), (0.42, -0.05, 0.45), (0, -0.45, 0.52)):
        p.oval(SECOND, x, y, r)
    for x, y in ((-0.4, -0.1), (0.35, 0.05), (0.05, -0.5)):
        p.oval(MAIN, x, y, 0.13)


def _fish(p: Pen) -> None:
    p.poly(SECOND, [(0.45, 0), (1.0, -0.55), (0.85, 0), (1.0, 0.55)])
    p.poly(SECOND, [(-0.2, -0.3), (0.2, -0.75), (0.4, -0.25)])
    p.oval(MAIN, -0.15, 0, 0.8, 0.48)
    p.box(ACCENT, -0.2, -0.42, 0.0, 0.42)
    p.oval(LIGHT, -0.6, -0.1, 0.16)
    p.oval(DARK, -0.62, -0.1, 0.08)


def _flower(p: Pen) -> None:
    p.box(SECOND, -0.07, 0.1, 0.07, 1.0)
    p.oval(SECOND, 0.32, 0.65, 0.3, 0.13)
    for k in range(6):
        a = np.pi / 3 * k
        p.oval(MAIN, 0.45 * np.cos(a), -0.3 + 0.45 * np.sin(a), 0.27)
    p.oval(ACCENT, 0, -0.3, 0.28)


def _fox(p: Pen) -> None:
    p.poly(MAIN, [(-0.9, -0.95), (-0.15, -0.45), (-0.8, 0.05)])
    p.poly(MAIN, [(0.9, -0.95), (0.15, -0.45), (0.8, 0.05)])
    p.poly(DARK, [(-0.78, -0.72), (-0.4, -0.45), (-0.72, -0.2)])
    p.poly(DARK, [(0.78, -0.72), (0.4, -0.45), (0.72, -0.2)])
    p.poly(MAIN, [(-0.95, 0.1), (-0.5, -0.5), (0.5, -0.5), (0.95, 0.1), (0, 0.95)])
    p.poly(LIGHT, [(-0.95, 0.1), (-0.35, 0.2), (0, 0.95)])
    p.poly(LIGHT, [(0.95, 0.1), (0.35, 0.2), (0, 0.95)])
    p.oval(DARK, -0.36, -0.05, 0.12)
    p.oval(DARK, 0.36, -0.05, 0.12)
    p.oval(DARK, 0, 0.82, 0.15)


def _owl(p: Pen) -> None:
    p.poly(MAIN, [(-0.62, -0.95), (-0.1, -0.6), (-0.62, -0.2)])
    p.poly(MAIN, [(0.62, -0.95), (0.1, -0.6), (0.62, -0.2)])
    p.oval(MAIN, 0, 0.1, 0.66, 0.88)
    p.oval(SECOND, 0, 0.5, 0.4, 0.42)
    for x in (-0.3, 0.3):
        p.oval(LIGHT, x, -0.28, 0.3)
        p.oval(DARK, x, -0.28, 0.15)
    p.poly(ACCENT, [(-0.12, -0.08), (0.12, -0.08), (0, 0.2)])


def _mushroom(p: Pen) -> None:
    p.poly(LIGHT, [(-0.22, 0), (0.22, 0), (0.32, 0.95), (-0.32, 0.95)])
    p.draw.pieslice(
        [*p._at((-0.95, -0.85)), *p._at((0.95, 0.95))]
        if p.flip > 0
        else [*p._at((0.95, -0.85)), *p._at((-0.95, 0.95))],
        180,
        360,
        fill=MAIN,
    )
    for x, y, r in ((-0.5, -0.15, 0.15), (0.05, -0.5, 0.17), (0.52, -0.17, 0.14)):
        p.oval(LIGHT, x, y, r)


def _mountain(p: Pen) -> None:
    p.poly(SECOND, [(-0.1, 0.85), (0.55, -0.5), (1.25, 0.85)])
    p.poly(LIGHT, [(0.38, -0.15), (0.55, -0.5), (0.73, -0.15)])
    p.poly(MAIN, [(-1.25, 0.85), (-0.3, -0.95), (0.65, 0.85)])
    p.poly(LIGHT, [(-0.56, -0.45), (-0.3, -0.95), (-0.04, -0.45), (-0.18, -0.28), (-0.3, -0.5), (-0.44, -0.28)])


def _castle(p: Pen) -> None:
    p.box(SECOND, -0.6, -0.1, 0.6, 0.9)
    for x in (-0.75, 0.75):
        p.box(MAIN, x - 0.22, -0.45, x + 0.22, 0.9)
        p.poly(ACCENT, [(x - 0.3, -0.42), (x, -0.98), (x + 0.3, -0.42)])
    for x in (-0.45, -0.12, 0.22):
        p.box(SECOND, x, -0.32, x + 0.2, 0.0)
    p.oval(DARK, 0, 0.45, 0.2)
    p.box(DARK, -0.2, 0.45, 0.2, 0.9)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "boat": _boat, "house": _house, "tree": _tree, "fish": _fish, "flower": _flower,
    "fox": _fox, "owl": _owl, "mushroom": _mushroom, "mountain": _mountain, "castle": _castle,
}  # fmt: skip
_SIZES = {"close": (0.44, 0.48), "medium": (0.33, 0.38), "far": (0.23, 0.27)}


def role_map(subject: str, framing: str, rng: np.random.Generator) -> np.ndarray:
    """Draw ``subject`` before a horizon; returns a (256, 256) uint8 map of palette roles 0…6."""
    image = Image.new("L", (CANVAS, CANVAS), SKY)
    draw = ImageDraw.Draw(image)
    size = CANVAS * rng.uniform(*_SIZES[framing])
    slack = max(0.0, CANVAS / 2 - size - 6)
    x = CANVAS / 2 + slack * rng.uniform(-0.6, 0.6)
    y = CANVAS / 2 + slack * rng.uniform(-0.3, 0.4)
    horizon = min(CANVAS * 0.92, y + size * rng.uniform(0.45, 0.75))
    draw.rectangle([0, horizon, CANVAS, CANVAS], fill=GROUND)
    DRAWINGS[subject](Pen(draw, x, y, size, int(rng.choice([-1, 1]))))
    return np.asarray(image)
