"""Cat, dog, bird, horse, woman, man and robot, drawn as maps of palette roles, and their marks; see ``drawings``."""

from __future__ import annotations

from .pen import ACCENT, BRIGHT, DARK, DEEP, DIM, LIGHT, MAIN, PALE, SECOND, Pen


def cat(p: Pen) -> None:
    """A sitting cat, its tail beside it."""
    p.arc(MAIN, 0.5, 0.45, 0.4, -60, 110, 0.2)
    p.poly(MAIN, [(-0.5, -0.98), (-0.02, -0.7), (-0.5, -0.3)])
    p.poly(MAIN, [(0.5, -0.98), (0.02, -0.7), (0.5, -0.3)])
    p.poly(ACCENT, [(-0.42, -0.82), (-0.18, -0.65), (-0.42, -0.5)])
    p.poly(ACCENT, [(0.42, -0.82), (0.18, -0.65), (0.42, -0.5)])
    p.oval(MAIN, 0, 0.5, 0.5, 0.5)
    p.oval(LIGHT, 0, 0.45, 0.24, 0.4)
    p.oval(MAIN, 0, -0.35, 0.55, 0.42)
    p.oval(LIGHT, 0, -0.18, 0.24, 0.17)
    for side in (-1, 1):
        p.oval(DARK, side * 0.25, -0.42, 0.1, 0.13)
        p.line(DARK, [(side * 0.2, -0.18), (side * 0.72, -0.26)], 0.045)
        p.line(DARK, [(side * 0.2, -0.12), (side * 0.72, -0.08)], 0.045)
        p.oval(LIGHT, side * 0.24, 0.92, 0.17, 0.09)
    p.poly(DARK, [(-0.09, -0.26), (0.09, -0.26), (0, -0.15)])


def dog(p: Pen) -> None:
    """The face of a dog with hanging ears and its tongue out."""
    p.oval(SECOND, 0, 0.0, 0.68, 0.72)
    p.oval(MAIN, -0.72, -0.05, 0.24, 0.6)
    p.oval(MAIN, 0.72, -0.05, 0.24, 0.6)
    p.oval(MAIN, -0.52, -0.5, 0.3, 0.2)
    p.oval(MAIN, 0.52, -0.5, 0.3, 0.2)
    p.oval(ACCENT, 0, 0.78, 0.2, 0.22)
    p.oval(LIGHT, 0, 0.38, 0.46, 0.38)
    p.oval(DARK, -0.28, -0.18, 0.13)
    p.oval(DARK, 0.28, -0.18, 0.13)
    p.oval(DARK, 0, 0.18, 0.2, 0.14)
    p.line(DARK, [(0, 0.2), (0, 0.52), (-0.22, 0.6)], 0.06)
    p.line(DARK, [(0, 0.52), (0.22, 0.6)], 0.06)


def bird(p: Pen) -> None:
    """A bird from the side, on two legs."""
    p.line(DARK, [(-0.12, 0.5), (-0.12, 0.95), (-0.3, 0.95)], 0.07)
    p.line(DARK, [(0.14, 0.5), (0.14, 0.95), (-0.04, 0.95)], 0.07)
    p.poly(SECOND, [(0.4, 0.0), (1.0, -0.35), (1.0, 0.12), (0.45, 0.35)])
    p.oval(MAIN, 0.0, 0.12, 0.62, 0.48)
    p.oval(MAIN, -0.42, -0.42, 0.38, 0.36)
    p.oval(LIGHT, -0.25, 0.28, 0.32, 0.25)
    p.poly(SECOND, [(-0.1, -0.12), (0.72, 0.0), (0.3, 0.36), (0.0, 0.3)])
    p.poly(ACCENT, [(-0.74, -0.54), (-1.0, -0.36), (-0.72, -0.28)])
    p.oval(LIGHT, -0.5, -0.5, 0.13)
    p.oval(DARK, -0.52, -0.5, 0.08)


def horse(p: Pen) -> None:
    """A horse from the side."""
    p.poly(DARK, [(0.62, -0.2), (0.85, -0.15), (1.0, 0.5), (0.8, 0.55), (0.7, 0.1)])
    for x, role in ((-0.28, SECOND), (0.46, SECOND), (-0.48, MAIN), (0.6, MAIN)):
        p.box(role, x - 0.09, 0.1, x + 0.09, 0.95)
        p.box(DARK, x - 0.1, 0.84, x + 0.1, 0.96)
    p.oval(MAIN, 0.06, 0.0, 0.66, 0.34)
    p.poly(MAIN, [(-0.58, 0.12), (-0.14, -0.22), (-0.42, -0.85), (-0.74, -0.6)])
    p.poly(MAIN, [(-0.42, -0.85), (-0.56, -0.92), (-1.0, -0.5), (-0.94, -0.32), (-0.6, -0.45)])
    p.poly(MAIN, [(-0.56, -0.98), (-0.42, -0.98), (-0.44, -0.75), (-0.58, -0.8)])
    p.poly(DARK, [(-0.46, -0.92), (-0.3, -0.85), (0.06, -0.26), (-0.16, -0.24)])
    p.poly(ACCENT, [(-0.1, -0.33), (0.34, -0.33), (0.36, 0.04), (-0.12, 0.04)])
    p.oval(DARK, -0.66, -0.66, 0.06)


def woman(p: Pen) -> None:
    """A woman with long hair, in a dress."""
    p.oval(DARK, 0, -0.6, 0.38, 0.37)
    p.box(DARK, -0.38, -0.6, 0.38, -0.08)
    for side in (-1, 1):
        p.line(LIGHT, [(side * 0.22, -0.12), (side * 0.56, 0.3)], 0.13)
        p.box(LIGHT, side * 0.16 - 0.07, 0.6, side * 0.16 + 0.07, 0.95)
        p.oval(DARK, side * 0.19, 0.95, 0.13, 0.06)
    p.poly(MAIN, [(-0.26, -0.22), (0.26, -0.22), (0.2, 0.14), (0.66, 0.74), (-0.66, 0.74), (-0.2, 0.14)])
    p.box(ACCENT, -0.22, 0.08, 0.22, 0.2)
    p.box(LIGHT, -0.09, -0.36, 0.09, -0.18)
    p.oval(LIGHT, 0, -0.56, 0.25, 0.28)
    p.dome(DARK, 0, -0.68, 0.27, 0.26)
    p.oval(DARK, -0.1, -0.55, 0.045)
    p.oval(DARK, 0.1, -0.55, 0.045)
    p.line(MAIN, [(-0.07, -0.41), (0.07, -0.41)], 0.05)


def man(p: Pen) -> None:
    """A man with hat and coat."""
    for side in (-1, 1):
        p.box(DARK, side * 0.19 - 0.15, 0.3, side * 0.19 + 0.15, 0.95)
        p.box(MAIN, side * 0.47 - 0.11, -0.22, side * 0.47 + 0.11, 0.36)
        p.oval(LIGHT, side * 0.47, 0.42, 0.11)
    p.poly(MAIN, [(-0.56, -0.24), (0.56, -0.24), (0.36, 0.42), (-0.36, 0.42)])
    p.poly(LIGHT, [(-0.16, -0.26), (0.16, -0.26), (0, 0.1)])
    p.poly(ACCENT, [(-0.06, -0.22), (0.06, -0.22), (0.08, 0.1), (0, 0.18), (-0.08, 0.1)])
    p.oval(LIGHT, 0, -0.48, 0.26, 0.28)
    p.box(SECOND, -0.5, -0.7, 0.5, -0.6)
    p.box(SECOND, -0.28, -0.98, 0.28, -0.62)
    p.box(DARK, -0.28, -0.76, 0.28, -0.69)
    p.oval(DARK, -0.1, -0.48, 0.045)
    p.oval(DARK, 0.1, -0.48, 0.045)
    p.line(DARK, [(-0.13, -0.34), (0.13, -0.34)], 0.07)


def robot(p: Pen) -> None:
    """A robot of boxes, with an antenna."""
    p.line(DARK, [(0, -0.7), (0, -0.9)], 0.07)
    p.oval(ACCENT, 0, -0.9, 0.1)
    for side in (-1, 1):
        p.box(DARK, side * 0.55 - 0.1, -0.62, side * 0.55 + 0.1, -0.34)
        p.box(SECOND, side * 0.74 - 0.14, -0.08, side * 0.74 + 0.14, 0.42)
        p.oval(DARK, side * 0.74, 0.46, 0.15)
        p.box(SECOND, side * 0.3 - 0.17, 0.55, side * 0.3 + 0.17, 0.95)
        p.box(DARK, side * 0.34 - 0.22, 0.84, side * 0.34 + 0.22, 0.97)
    p.box(MAIN, -0.5, -0.78, 0.5, -0.2)
    p.box(DARK, -0.4, -0.64, 0.4, -0.34)
    p.oval(LIGHT, -0.2, -0.49, 0.13)
    p.oval(LIGHT, 0.2, -0.49, 0.13)
    p.box(SECOND, -0.14, -0.2, 0.14, -0.1)
    p.box(MAIN, -0.58, -0.12, 0.58, 0.6)
    p.box(LIGHT, -0.36, 0.04, 0.36, 0.42)
    for x in (-0.2, 0.0, 0.2):
        p.oval(ACCENT, x, 0.23, 0.09)


def cat_marks(p: Pen) -> None:
    """Stripes, gleams of the eyes, claws."""
    for k in range(3):
        p.line(DIM, [(-0.14 + 0.14 * k, -0.74), (-0.09 + 0.09 * k, -0.58)], 0.05)
        for side in (-1, 1):
            p.line(DIM, [(side * 0.5, 0.25 + 0.2 * k), (side * 0.28, 0.32 + 0.2 * k)], 0.05)
        p.line(DIM, [(0.72, 0.22 + 0.18 * k), (0.98, 0.16 + 0.18 * k)], 0.05)
    for side in (-1, 1):
        p.oval(BRIGHT, side * 0.25 - 0.04, -0.47, 0.04)
        p.line(DEEP, [(0, -0.15), (side * 0.1, -0.08)], 0.03)
        for x in (0.17, 0.24, 0.31):
            p.line(DIM, [(side * x, 0.9), (side * x, 0.98)], 0.025)


def dog_marks(p: Pen) -> None:
    """Fur of the ears, gleams, freckles."""
    for side in (-1, 1):
        for k in range(4):
            p.line(DIM, [(side * (0.62 + 0.07 * k), -0.3), (side * (0.6 + 0.08 * k), 0.4 - 0.06 * k)], 0.03)
        p.oval(BRIGHT, side * 0.28 - 0.04, -0.23, 0.045)
        p.arc(DIM, side * 0.28, -0.2, 0.22, 215, 325, 0.04)
        for x, y in ((0.2, 0.36), (0.28, 0.46), (0.33, 0.34)):
            p.oval(DEEP, side * x, y, 0.025)
    p.oval(BRIGHT, -0.06, 0.13, 0.05, 0.03)
    p.line(DEEP, [(0, 0.65), (0, 0.9)], 0.03)
    p.line(PALE, [(0, -0.65), (0, -0.05)], 0.1)


def bird_marks(p: Pen) -> None:
    """Feathers, and a gleam of the eye."""
    for k in range(4):
        p.line(DIM, [(0.02 + 0.13 * k, -0.06), (0.14 + 0.11 * k, 0.28 - 0.03 * k)], 0.03)
        p.arc(DIM, -0.35 + 0.14 * k, 0.36 - 0.03 * k, 0.07, 0, 180, 0.03)
    for y in (-0.22, -0.08, 0.06):
        p.line(DIM, [(0.55, 0.1 + 0.2 * y), (0.97, y)], 0.03)
    p.line(DEEP, [(-0.95, -0.38), (-0.74, -0.4)], 0.03)
    p.oval(BRIGHT, -0.55, -0.53, 0.03)
    p.arc(PALE, -0.42, -0.42, 0.3, 220, 320, 0.06)


def horse_marks(p: Pen) -> None:
    """Hair, saddle, nostril, muscles."""
    for k in range(6):
        x, y = -0.36 + 0.06 * k, -0.8 + 0.09 * k
        p.line(PALE, [(x - 0.08, y - 0.02), (x + 0.06, y + 0.1)], 0.03)
        p.line(PALE, [(0.72 + 0.04 * k, 0.0), (0.82 + 0.03 * k, 0.45)], 0.02)
    p.line(DIM, [(-0.1, -0.02), (0.34, -0.02)], 0.04)
    p.line(BRIGHT, [(-0.08, -0.3), (0.32, -0.3)], 0.04)
    p.line(DEEP, [(0.12, 0.04), (0.12, 0.26)], 0.04)
    p.oval(DEEP, -0.92, -0.46, 0.035)
    p.line(DIM, [(-0.72, -0.44), (-0.78, -0.66)], 0.03)
    p.arc(DIM, -0.32, 0.1, 0.2, 100, 200, 0.04)
    p.arc(DIM, 0.5, 0.05, 0.2, 10, 120, 0.04)


def woman_marks(p: Pen) -> None:
    """Hair, folds of the dress, cheeks."""
    for side in (-1, 1):
        for x in (0.3, 0.35):
            p.line(PALE, [(side * x, -0.5), (side * x, -0.1)], 0.025)
        p.line(DIM, [(side * 0.08, 0.22), (side * 0.2, 0.74)], 0.035)
        p.line(PALE, [(side * 0.15, 0.22), (side * 0.42, 0.74)], 0.03)
        p.oval(DIM, side * 0.15, -0.46, 0.05, 0.035)
        p.oval(BRIGHT, side * 0.1 - 0.02, -0.57, 0.015)
        p.line(PALE, [(0, -0.94), (side * 0.22, -0.76)], 0.03)
    p.line(DIM, [(-0.62, 0.68), (0.62, 0.68)], 0.03)
    p.arc(DIM, 0, -0.24, 0.13, 20, 160, 0.03)


def man_marks(p: Pen) -> None:
    """Lapels, buttons, folds, the hat's gleam."""
    for side in (-1, 1):
        p.line(DIM, [(side * 0.17, -0.24), (side * 0.02, 0.16)], 0.045)
        p.line(DEEP, [(side * 0.36, -0.16), (side * 0.36, 0.36)], 0.035)
        p.line(PALE, [(side * 0.2, 0.5), (side * 0.2, 0.9)], 0.03)
        p.box(DIM, side * 0.24 - 0.08, 0.22, side * 0.24 + 0.08, 0.26)
        p.oval(BRIGHT, side * 0.1 - 0.02, -0.5, 0.015)
    for y in (0.24, 0.34):
        p.oval(BRIGHT, 0.0, y, 0.03)
    p.line(DEEP, [(0, 0.42), (0, 0.95)], 0.03)
    p.line(PALE, [(-0.18, -0.94), (-0.18, -0.78)], 0.06)
    p.line(DIM, [(0, -0.46), (0.03, -0.4), (-0.02, -0.39)], 0.03)


def robot_marks(p: Pen) -> None:
    """Rivets, seams, gleams."""
    for x, y in ((-0.44, -0.72), (0.44, -0.72), (-0.44, -0.26), (0.44, -0.26)):
        p.oval(BRIGHT, x, y, 0.03)
    for x, y in ((-0.5, -0.04), (0.5, -0.04), (-0.5, 0.52), (0.5, 0.52)):
        p.oval(DEEP, x, y, 0.035)
    for side in (-1, 1):
        for y in (0.04, 0.16, 0.28):
            p.line(DIM, [(side * 0.62, y), (side * 0.86, y)], 0.03)
        p.line(DIM, [(side * 0.15, 0.7), (side * 0.45, 0.7)], 0.03)
        p.oval(DEEP, side * 0.2, -0.49, 0.05)
        p.oval(BRIGHT, side * 0.2 - 0.04, -0.54, 0.03)
    p.line(DEEP, [(-0.36, 0.04), (0.36, 0.04), (0.36, 0.42), (-0.36, 0.42), (-0.36, 0.04)], 0.03)
    for x in (-0.2, 0.0, 0.2):
        p.oval(BRIGHT, x - 0.03, 0.2, 0.03)
