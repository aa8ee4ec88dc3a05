"""Car, train, rocket, cactus, cup, lighthouse and bridge, drawn as maps of palette roles, and their marks; see ``drawings``."""

from __future__ import annotations

from .pen import ACCENT, BRIGHT, DARK, DEEP, DIM, LIGHT, MAIN, PALE, SECOND, Pen


def car(p: Pen) -> None:
    """A car from the side."""
    p.poly(MAIN, [(-0.6, 0.02), (-0.36, -0.46), (0.34, -0.46), (0.66, 0.02)])
    p.poly(LIGHT, [(-0.46, 0.0), (-0.28, -0.36), (-0.04, -0.36), (-0.04, 0.0)])
    p.poly(LIGHT, [(0.06, 0.0), (0.06, -0.36), (0.28, -0.36), (0.5, 0.0)])
    p.poly(MAIN, [(-0.98, 0.08), (-0.9, -0.02), (0.84, -0.02), (1.0, 0.14), (1.0, 0.46), (-0.98, 0.46)])
    p.box(SECOND, -0.98, 0.3, 1.0, 0.46)
    p.box(ACCENT, -0.99, 0.1, -0.86, 0.26)
    p.box(ACCENT, 0.86, 0.12, 1.01, 0.28)
    for x in (-0.55, 0.56):
        p.oval(DARK, x, 0.46, 0.27)
        p.oval(LIGHT, x, 0.46, 0.12)


def train(p: Pen) -> None:
    """A steam locomotive from the side."""
    for x, y, r in ((-0.56, -0.66, 0.15), (-0.3, -0.8, 0.19), (0.06, -0.84, 0.15)):
        p.oval(LIGHT, x, y, r)
    p.box(DARK, -0.76, -0.5, -0.5, -0.1)
    p.box(DARK, -0.82, -0.56, -0.44, -0.42)
    p.box(MAIN, -0.9, -0.2, 0.4, 0.32)
    p.oval(MAIN, -0.86, 0.06, 0.12, 0.26)
    p.dome(ACCENT, -0.08, -0.18, 0.17, 0.2)
    p.box(MAIN, 0.3, -0.52, 0.94, 0.4)
    p.box(SECOND, 0.22, -0.64, 1.0, -0.48)
    p.box(LIGHT, 0.44, -0.34, 0.8, -0.02)
    p.box(ACCENT, -0.44, -0.2, -0.34, 0.32)
    p.box(SECOND, -0.92, 0.3, 0.96, 0.46)
    p.poly(DARK, [(-0.9, 0.34), (-0.78, 0.34), (-0.78, 0.78), (-1.02, 0.78)])
    for x, r in ((-0.56, 0.2), (-0.1, 0.2), (0.36, 0.2), (0.76, 0.2)):
        p.oval(DARK, x, 0.6, r)
        p.oval(LIGHT, x, 0.6, 0.45 * r)


def rocket(p: Pen) -> None:
    """A rocket that takes off."""
    p.poly(ACCENT, [(-0.24, 0.58), (0.24, 0.58), (0.0, 1.0)])
    p.poly(LIGHT, [(-0.11, 0.58), (0.11, 0.58), (0.0, 0.8)])
    for side in (-1, 1):
        p.poly(SECOND, [(side * 0.24, 0.1), (side * 0.62, 0.52), (side * 0.62, 0.8), (side * 0.2, 0.58)])
    p.oval(LIGHT, 0, -0.05, 0.34, 0.9)
    p.box(LIGHT, -0.27, 0.2, 0.27, 0.6)
    p.poly(MAIN, [(-0.25, -0.6), (-0.12, -0.86), (0, -0.99), (0.12, -0.86), (0.25, -0.6)])
    p.box(MAIN, -0.28, 0.4, 0.28, 0.6)
    p.oval(DARK, 0, -0.16, 0.2)
    p.oval(SECOND, 0, -0.16, 0.13)


def cactus(p: Pen) -> None:
    """A cactus with two arms, in a pot."""
    p.line(SECOND, [(-0.1, 0.2), (-0.6, 0.2), (-0.6, -0.26)], 0.24)
    p.line(SECOND, [(0.1, 0.04), (0.6, 0.04), (0.6, -0.46)], 0.24)
    for x, y in ((-0.6, -0.26), (0.6, -0.46), (-0.6, 0.2), (0.6, 0.04)):
        p.oval(SECOND, x, y, 0.12)
    p.oval(SECOND, 0, -0.58, 0.23, 0.22)
    p.box(SECOND, -0.23, -0.6, 0.23, 0.55)
    for x in (-0.1, 0.1):
        p.line(DARK, [(x, -0.6), (x, 0.45)], 0.045)
    p.poly(MAIN, [(-0.48, 0.56), (0.48, 0.56), (0.36, 0.97), (-0.36, 0.97)])
    p.box(MAIN, -0.56, 0.44, 0.56, 0.6)
    for x, y in ((-0.14, -0.82), (0.14, -0.82), (0, -0.9)):
        p.oval(ACCENT, x, y, 0.12)


def cup(p: Pen) -> None:
    """A steaming cup on a saucer."""
    for x in (-0.36, -0.06, 0.24):
        p.line(LIGHT, [(x, -0.36), (x + 0.1, -0.54), (x - 0.02, -0.72), (x + 0.08, -0.92)], 0.09)
    p.arc(MAIN, 0.58, 0.16, 0.3, -100, 110, 0.15)
    p.oval(SECOND, 0, 0.8, 0.9, 0.14)
    p.poly(MAIN, [(-0.66, -0.16), (0.58, -0.16), (0.46, 0.5), (0.26, 0.78), (-0.34, 0.78), (-0.54, 0.5)])
    p.oval(MAIN, -0.04, -0.16, 0.62, 0.16)
    p.oval(DARK, -0.04, -0.16, 0.5, 0.1)
    p.poly(ACCENT, [(-0.61, 0.16), (0.53, 0.16), (0.48, 0.38), (-0.56, 0.38)])


def lighthouse(p: Pen) -> None:
    """A striped lighthouse with its beams."""
    p.poly(ACCENT, [(-0.1, -0.64), (-1.0, -0.86), (-1.0, -0.46)])
    p.poly(ACCENT, [(0.1, -0.64), (1.0, -0.86), (1.0, -0.46)])
    p.poly(LIGHT, [(-0.22, -0.42), (0.22, -0.42), (0.38, 0.9), (-0.38, 0.9)])
    for top, bottom in ((-0.2, 0.08), (0.38, 0.64)):
        inner, outer = 0.22 + 0.121 * (top + 0.42), 0.22 + 0.121 * (bottom + 0.42)
        p.poly(MAIN, [(-inner, top), (inner, top), (outer, bottom), (-outer, bottom)])
    p.box(DARK, -0.34, -0.48, 0.34, -0.38)
    p.box(ACCENT, -0.18, -0.76, 0.18, -0.48)
    p.poly(MAIN, [(-0.28, -0.74), (0, -0.99), (0.28, -0.74)])
    p.box(DARK, -0.1, 0.7, 0.1, 0.9)
    p.poly(SECOND, [(-0.72, 0.97), (-0.5, 0.86), (0.5, 0.86), (0.72, 0.97)])


def bridge(p: Pen) -> None:
    """A suspension bridge with two towers."""
    for left, right in ((-0.56, 0.56), (-1.68, -0.56), (0.56, 1.68)):
        middle = (left + right) / 2
        curve = [(x, -0.62 + 0.78 * (1 - ((x - middle) / 0.56) ** 2)) for x in [left + 0.07 * k for k in range(17)]]
        curve = [point for point in curve if -1.0 <= point[0] <= 1.0]
        p.line(DARK, curve, 0.08)
        for x, y in curve[2::3]:
            p.line(DARK, [(x, y), (x, 0.3)], 0.04)
    for x in (-0.56, 0.56):
        p.box(MAIN, x - 0.15, -0.74, x - 0.05, 0.9)
        p.box(MAIN, x + 0.05, -0.74, x + 0.15, 0.9)
        for y in (-0.74, -0.3, 0.5):
            p.box(MAIN, x - 0.15, y, x + 0.15, y + 0.13)
        p.box(SECOND, x - 0.24, 0.76, x + 0.24, 0.94)
    p.box(SECOND, -1.0, 0.2, 1.0, 0.36)
    p.box(ACCENT, -1.0, 0.2, 1.0, 0.26)


def car_marks(p: Pen) -> None:
    """Doors, gleams of the windows, spokes."""
    p.line(DEEP, [(0.02, -0.44), (0.02, 0.3)], 0.03)
    p.line(DEEP, [(-0.5, 0.02), (-0.5, 0.2)], 0.03)
    p.line(DEEP, [(0.55, 0.02), (0.5, 0.2)], 0.03)
    for x in (-0.12, 0.34):
        p.line(BRIGHT, [(x, 0.08), (x + 0.12, 0.08)], 0.04)
    p.line(DIM, [(-0.36, -0.06), (-0.2, -0.32)], 0.06)
    p.line(DIM, [(0.14, -0.06), (0.26, -0.32)], 0.06)
    p.line(PALE, [(-0.34, -0.44), (0.32, -0.44)], 0.05)
    p.line(PALE, [(-0.96, 0.02), (0.84, 0.02)], 0.03)
    for x in (-0.55, 0.56):
        p.oval(DEEP, x, 0.46, 0.05)
        p.arc(PALE, x, 0.46, 0.22, 190, 300, 0.03)


def train_marks(p: Pen) -> None:
    """Rivets, the rods of the wheels, folds of the steam."""
    for x in (-0.7, -0.2, 0.02, 0.2):
        p.line(DIM, [(x, -0.2), (x, 0.3)], 0.025)
        p.oval(BRIGHT, x + 0.06, -0.1, 0.025)
    p.line(PALE, [(-0.86, -0.12), (0.28, -0.12)], 0.05)
    p.line(DEEP, [(-0.56, 0.62), (0.36, 0.62)], 0.05)
    p.line(DEEP, [(0.62, -0.34), (0.62, -0.02)], 0.03)
    p.line(DIM, [(0.36, 0.08), (0.9, 0.08)], 0.03)
    for x, y, r in ((-0.56, -0.66, 0.1), (-0.3, -0.8, 0.13), (0.06, -0.84, 0.1)):
        p.arc(DIM, x, y, r, 20, 150, 0.03)
    for y in (0.46, 0.58, 0.7):
        p.line(PALE, [(-0.95, y), (-0.8, y)], 0.025)


def rocket_marks(p: Pen) -> None:
    """Seams, rivets, the gleam of the window and of the body."""
    for y in (-0.58, 0.18, 0.4):
        p.line(DIM, [(-0.32, y), (0.32, y)], 0.025)
    for k in range(4):
        p.oval(DIM, -0.2 + 0.13 * k, 0.29, 0.025)
    p.arc(BRIGHT, 0, -0.16, 0.08, 190, 280, 0.04)
    p.line(DEEP, [(0.22, -0.45), (0.25, 0.3)], 0.05)
    for side in (-1, 1):
        p.line(DIM, [(side * 0.3, 0.24), (side * 0.54, 0.6)], 0.03)
    p.line(BRIGHT, [(-0.06, -0.9), (-0.14, -0.66)], 0.04)
    for x in (-0.1, 0.0, 0.1):
        p.line(DIM, [(x, 0.62), (0.4 * x, 0.9)], 0.025)


def cactus_marks(p: Pen) -> None:
    """Ribs, thorns, petals, the rim of the pot."""
    for x in (-0.18, 0.0, 0.18):
        for k in range(7):
            y = -0.58 + 0.15 * k + 0.05 * (x == 0)
            p.line(BRIGHT, [(x - 0.035, y - 0.03), (x + 0.035, y)], 0.025)
    for side, top in ((-1, -0.26), (1, -0.46)):
        p.line(DIM, [(side * 0.6, top), (side * 0.6, top + 0.42)], 0.035)
        for k in range(3):
            p.line(BRIGHT, [(side * 0.66, top + 0.12 * k), (side * 0.72, top - 0.03 + 0.12 * k)], 0.025)
    p.line(DIM, [(-0.54, 0.6), (0.54, 0.6)], 0.04)
    p.line(PALE, [(-0.4, 0.64), (-0.32, 0.92)], 0.07)
    p.oval(DEEP, 0, -0.8, 0.05)


def cup_marks(p: Pen) -> None:
    """Gleams of the glaze, a ring of dots, the coffee's rim."""
    p.line(BRIGHT, [(-0.5, 0.0), (-0.42, 0.46), (-0.28, 0.68)], 0.07)
    for k in range(7):
        p.oval(DEEP, -0.45 + 0.14 * k, 0.27, 0.045)
    p.arc(PALE, 0.58, 0.16, 0.33, -70, 60, 0.03)
    p.line(PALE, [(-0.4, -0.18), (0.0, -0.22)], 0.03)
    p.line(DIM, [(-0.5, 0.84), (0.5, 0.84)], 0.03)
    p.line(DIM, [(-0.3, 0.74), (0.24, 0.74)], 0.04)


def lighthouse_marks(p: Pen) -> None:
    """Windows, courses of stone, the lamp's bars, rays."""
    for y in (-0.06, 0.22, 0.5):
        p.box(DEEP, -0.05, y - 0.06, 0.05, y + 0.05)
    for k in range(9):
        y = -0.34 + 0.14 * k
        half = 0.22 + 0.121 * (y + 0.42)
        p.line(DIM, [(-half, y), (half, y)], 0.02)
    for x in (-0.1, 0.0, 0.1):
        p.line(DEEP, [(x, -0.74), (x, -0.5)], 0.025)
    for side in (-1, 1):
        p.line(BRIGHT, [(side * 0.18, -0.65), (side * 0.98, -0.66)], 0.05)
    p.line(PALE, [(-0.3, -0.46), (0.3, -0.46)], 0.03)
    p.line(PALE, [(-0.03, -0.95), (-0.18, -0.76)], 0.05)


def bridge_marks(p: Pen) -> None:
    """Rivets and struts of the towers, lamps of the deck."""
    for x in (-0.56, 0.56):
        for y in (-0.5, -0.08, 0.02, 0.62):
            p.line(DIM, [(x - 0.15, y), (x - 0.05, y)], 0.03)
            p.line(DIM, [(x + 0.05, y), (x + 0.15, y)], 0.03)
        p.line(PALE, [(x - 0.13, -0.72), (x - 0.13, 0.88)], 0.03)
        p.line(DIM, [(x - 0.24, 0.84), (x + 0.24, 0.84)], 0.03)
    for k in range(11):
        p.line(DEEP, [(-0.95 + 0.19 * k, 0.27), (-0.9 + 0.19 * k, 0.35)], 0.03)
    p.line(BRIGHT, [(-1.0, 0.21), (1.0, 0.21)], 0.03)
