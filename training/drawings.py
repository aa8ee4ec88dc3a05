"""Subjects drawn as maps of palette roles, and the marks that light and material leave on them.

A role map says which colour of a palette each place has. ``marks`` holds what is finer than that: planks, scales, windows'
bars, as lighter or darker than the role's colour. Both are drawn with one ``Pen`` in the coordinates of the subject.
Ten subjects are here, the others in ``creatures`` and ``things``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from . import creatures, things
from .pen import ACCENT, BRIGHT, CANVAS, DARK, DEEP, DIM, LIGHT, MAIN, PALE, PLAIN, SECOND, Layout, Pen


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
    p.dome(MAIN, 0, 0.05, 0.95, 0.9)
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


def _boat_marks(p: Pen) -> None:
    for y in (0.5, 0.66):
        p.line(DIM, [(-0.95, y), (0.95, y)], 0.035)
    p.line(PALE, [(-0.97, 0.38), (0.97, 0.38)], 0.07)
    for x in (-0.45, 0.0, 0.45):
        p.oval(DEEP, x, 0.58, 0.07)
    for k in (0.25, 0.5, 0.75):
        p.line(DIM, [(0.06, 0.25 - 1.2 * k), (0.8 - 0.74 * k, 0.25 - 1.2 * k)], 0.025)
        p.line(DIM, [(-0.1, 0.25 - 1.0 * k), (-0.65 + 0.55 * k, 0.25 - 1.0 * k)], 0.025)


def _house_marks(p: Pen) -> None:
    for k, y in enumerate((-0.75, -0.58, -0.41, -0.24)):
        half = 0.98 * (y + 0.95) / 0.83
        p.line(DIM, [(-half, y), (half, y)], 0.035)
        for x in np.arange(-0.9 + 0.1 * (k % 2), 0.95, 0.2):
            if abs(x) < half - 0.06:
                p.line(DIM, [(x, y), (x, y + 0.12)], 0.025)
    for y in (0.05, 0.25, 0.45, 0.65, 0.82):
        p.line(150, [(-0.73, y), (0.73, y)], 0.02)
    for x in (-0.45, 0.48):
        p.line(DEEP, [(x, 0.1), (x, 0.42)], 0.04)
        p.line(DEEP, [(x - 0.15, 0.26), (x + 0.14, 0.26)], 0.04)
        p.line(BRIGHT, [(x - 0.19, 0.46), (x + 0.18, 0.46)], 0.05)
    p.line(PALE, [(-0.18, 0.9), (-0.18, 0.3), (0.2, 0.3), (0.2, 0.9)], 0.05)
    p.oval(BRIGHT, 0.12, 0.62, 0.04)


def _tree_marks(p: Pen) -> None:
    for x, y, r in ((-0.42, -0.05, 0.45), (0.42, -0.05, 0.45), (0, -0.45, 0.52)):
        for k in range(14):
            turn, far = 2.4 * k, 0.9 * r * np.sqrt((k + 0.5) / 14)
            dx, dy = far * np.cos(turn), far * np.sin(turn)
            p.oval(PALE if dx + dy < 0 else DIM, x + dx, y + dy, 0.07, 0.05)
    for x in (-0.07, 0.03, 0.1):
        p.line(DEEP, [(x, 0.35), (x - 0.02, 1.0)], 0.03)
    p.line(DIM, [(0, 0.4), (-0.25, 0.05)], 0.05)
    p.line(DIM, [(0, 0.4), (0.25, 0.0)], 0.05)


def _fish_marks(p: Pen) -> None:
    for row, y in enumerate(np.arange(-0.32, 0.36, 0.13)):
        for x in np.arange(-0.25 + 0.07 * (row % 2), 0.5, 0.14):
            if ((x + 0.15) / 0.8) ** 2 + (y / 0.48) ** 2 < 0.8:
                p.arc(DIM, float(x), float(y), 0.08, -90, 90, 0.025)
    p.arc(DEEP, -0.62, 0.02, 0.32, -55, 55, 0.04)
    for y in (-0.35, -0.15, 0.15, 0.35):
        p.line(DIM, [(0.58, y * 0.4), (0.93, y)], 0.03)
    for x in (0.0, 0.12, 0.24):
        p.line(DIM, [(x, -0.36), (x + 0.06, -0.62)], 0.03)
    p.line(DEEP, [(-0.94, 0.1), (-0.78, 0.13)], 0.04)
    p.oval(BRIGHT, -0.65, -0.14, 0.04)


def _flower_marks(p: Pen) -> None:
    for k in range(6):
        a = np.pi / 3 * k
        c, s = float(np.cos(a)), float(np.sin(a))
        p.line(DIM, [(0.3 * c, -0.3 + 0.3 * s), (0.62 * c, -0.3 + 0.62 * s)], 0.035)
        for turn in (-0.35, 0.35):
            d, e = float(np.cos(a + turn)), float(np.sin(a + turn))
            p.line(PALE, [(0.34 * d, -0.3 + 0.34 * e), (0.56 * d, -0.3 + 0.56 * e)], 0.025)
    for k in range(12):
        turn, far = 2.4 * k, 0.24 * np.sqrt((k + 0.5) / 12)
        p.oval(DEEP if k % 2 else BRIGHT, far * float(np.cos(turn)), -0.3 + far * float(np.sin(turn)), 0.035)
    p.line(PALE, [(0.08, 0.66), (0.58, 0.64)], 0.03)
    p.line(PALE, [(-0.02, 0.2), (-0.02, 1.0)], 0.03)


def _fox_marks(p: Pen) -> None:
    for side in (-1, 1):
        for k in range(3):
            y = 0.28 + 0.13 * k
            p.line(DIM, [(side * (0.75 - 0.2 * k), y - 0.1), (side * (0.5 - 0.14 * k), y + 0.02)], 0.035)
        p.line(PALE, [(side * 0.2, -0.42), (side * 0.3, -0.2)], 0.04)
        p.oval(BRIGHT, side * 0.36 - 0.04, -0.1, 0.045)
        for y in (0.6, 0.68):
            p.line(DEEP, [(side * 0.12, y), (side * 0.42, y - 0.06)], 0.025)
    p.line(DIM, [(0, -0.45), (0, 0.1)], 0.05)
    p.line(PALE, [(-0.12, -0.4), (-0.06, 0.0)], 0.03)
    p.oval(PALE, -0.04, 0.78, 0.05)


def _owl_marks(p: Pen) -> None:
    for row, y in enumerate((0.3, 0.45, 0.6, 0.75)):
        for x in np.arange(-0.3 + 0.075 * (row % 2), 0.34, 0.15):
            if (x / 0.4) ** 2 + ((y - 0.5) / 0.42) ** 2 < 0.8:
                p.arc(DEEP, float(x), y, 0.07, 0, 180, 0.03)
    for side in (-1, 1):
        for k in range(4):
            p.arc(DIM, side * 0.52, 0.15 + 0.16 * k, 0.12, 20, 160, 0.03)
        p.arc(PALE, side * 0.3, -0.28, 0.27, 0, 360, 0.03)
        p.oval(BRIGHT, side * 0.3 - 0.05, -0.34, 0.05)
    p.line(DIM, [(0, -0.06), (0, 0.17)], 0.03)
    for x in (-0.2, 0.2):
        p.line(PALE, [(x, 0.9), (x, 1.0)], 0.08)


def _mushroom_marks(p: Pen) -> None:
    for x in np.linspace(-0.8, 0.8, 13):
        p.line(DIM, [(float(x), 0.05), (float(x) * 0.55, -0.06)], 0.025)
    p.line(DIM, [(-0.9, -0.01), (0.9, -0.01)], 0.05)
    for x, y, r in ((-0.5, -0.15, 0.15), (0.05, -0.5, 0.17), (0.52, -0.17, 0.14)):
        p.arc(DIM, x, y, r, 20, 160, 0.03)
    p.arc(DIM, 0, 0.2, 0.26, 20, 160, 0.05)
    for x in (-0.12, 0.0, 0.12):
        p.line(150 if x < 0 else 108, [(x, 0.45), (x * 1.3, 0.92)], 0.03)
    p.arc(PALE, -0.1, 0.0, 0.75, 200, 265, 0.06)


def _mountain_marks(p: Pen) -> None:
    p.poly(DIM, [(-0.3, -0.95), (0.65, 0.85), (0.05, 0.85), (-0.2, 0.2), (-0.12, -0.1), (-0.28, -0.4)])
    p.poly(DIM, [(0.55, -0.5), (1.25, 0.85), (0.85, 0.85), (0.62, 0.2)])
    for x, y in ((-0.6, 0.1), (-0.75, 0.4), (-0.45, 0.35), (-0.95, 0.65), (-0.6, 0.65)):
        p.line(PALE, [(x, y), (x + 0.1, y - 0.16), (x + 0.14, y + 0.02)], 0.035)
    for x, y in ((0.1, 0.3), (0.2, 0.6), (-0.02, 0.62)):
        p.line(DEEP, [(x, y), (x + 0.08, y + 0.16)], 0.035)


def _castle_marks(p: Pen) -> None:
    for k, y in enumerate(np.arange(0.02, 0.9, 0.14)):
        p.line(108, [(-0.53, float(y)), (0.53, float(y))], 0.022)
        for x in np.arange(-0.5 + 0.1 * (k % 2), 0.53, 0.2):
            p.line(108, [(float(x), float(y)), (float(x), float(y) + 0.12)], 0.022)
    for x in (-0.75, 0.75):
        for y in np.arange(-0.3, 0.9, 0.16):
            p.line(DIM, [(x - 0.22, float(y)), (x + 0.22, float(y))], 0.022)
        p.box(DEEP, x - 0.05, -0.2, x + 0.05, 0.02)
        p.box(DEEP, x - 0.05, 0.3, x + 0.05, 0.5)
        p.line(PALE, [(x - 0.02, -0.95), (x - 0.2, -0.45)], 0.04)
    for x in (-0.1, 0.0, 0.1):
        p.line(PALE, [(x, 0.35), (x, 0.9)], 0.025)
    p.arc(PALE, 0, 0.45, 0.21, 180, 360, 0.04)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "boat": _boat, "house": _house, "tree": _tree, "fish": _fish, "flower": _flower,
    "fox": _fox, "owl": _owl, "mushroom": _mushroom, "mountain": _mountain, "castle": _castle,
    "cat": creatures.cat, "dog": creatures.dog, "bird": creatures.bird, "horse": creatures.horse,
    "woman": creatures.woman, "man": creatures.man, "robot": creatures.robot,
    "car": things.car, "train": things.train, "rocket": things.rocket, "cactus": things.cactus,
    "cup": things.cup, "lighthouse": things.lighthouse, "bridge": things.bridge,
}  # fmt: skip
MARKS: dict[str, Callable[[Pen], None]] = {
    "boat": _boat_marks, "house": _house_marks, "tree": _tree_marks, "fish": _fish_marks, "flower": _flower_marks,
    "fox": _fox_marks, "owl": _owl_marks, "mushroom": _mushroom_marks, "mountain": _mountain_marks, "castle": _castle_marks,
    "cat": creatures.cat_marks, "dog": creatures.dog_marks, "bird": creatures.bird_marks, "horse": creatures.horse_marks,
    "woman": creatures.woman_marks, "man": creatures.man_marks, "robot": creatures.robot_marks,
    "car": things.car_marks, "train": things.train_marks, "rocket": things.rocket_marks, "cactus": things.cactus_marks,
    "cup": things.cup_marks, "lighthouse": things.lighthouse_marks, "bridge": things.bridge_marks,
}  # fmt: skip
_SIZES = {"close": (0.44, 0.48), "medium": (0.33, 0.38), "far": (0.23, 0.27)}
#: Half the size of each of two subjects, and how far their middles are from the picture's edges.
_PAIRED, _APART = (0.235, 0.26), (0.255, 0.275)


def random_layout(framing: str, rng: np.random.Generator) -> Layout:
    """Draw where a subject of a framing stands."""
    size = rng.uniform(*_SIZES[framing])
    slack = max(0.0, 0.5 - size - 6 / CANVAS)
    x = 0.5 + slack * rng.uniform(-0.6, 0.6)
    y = 0.5 + slack * rng.uniform(-0.3, 0.4)
    return Layout(x, y, size, min(0.92, y + size * rng.uniform(0.45, 0.75)), int(rng.choice([-1, 1])))


def random_layouts(rng: np.random.Generator) -> tuple[Layout, Layout]:
    """Draw where two subjects stand: the first on the left, both on about one height."""
    y = rng.uniform(0.48, 0.6)
    horizon = y + _PAIRED[0] * rng.uniform(0.45, 0.75)
    sizes, moved = rng.uniform(*_PAIRED, 2), rng.uniform(-0.03, 0.03, 2)
    left, right = rng.uniform(*_APART, 2)
    flips = rng.choice([-1, 1], 2)
    return (
        Layout(left, y + moved[0], sizes[0], horizon, int(flips[0])),
        Layout(1 - right, y + moved[1], sizes[1], horizon, int(flips[1])),
    )


def mark_map(subject: str, layout: Layout, side: int = CANVAS) -> np.ndarray:
    """Draw the marks on ``subject``, finer than its colours; returns (side, side) float32 in −1…1, negative where darker."""
    image = Image.new("L", (side, side), PLAIN)
    MARKS[subject](layout.pen(image))
    return (np.asarray(image, dtype=np.float32) - PLAIN) / 127
