"""Settings and weather: what lies behind subjects and falls before them, in shapes and colours of its own.

Shapes are drawn in shares of the picture's side, by numbers drawn beforehand, so that they are the same at every size.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .captions import Scene
from .drawings import DRAWINGS, random_layout, random_layouts
from .pen import (
    ACCENT,
    BAND,
    CANVAS,
    DARK,
    DETAIL,
    FAR,
    GROUND,
    LAMP,
    LIGHT,
    MAIN,
    NEAR,
    RIM,
    SECOND,
    SKY,
    Layout,
    Pen,
)

#: Numbers in 0…1 that shapes of surroundings are drawn by.
_NUMBERS = 96
_EMPTY = 255


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene with all its shapes: where each subject stands, and the numbers that its surroundings are drawn by."""

    scene: Scene
    layouts: tuple[Layout, ...]
    numbers: np.ndarray

    @property
    def horizon(self) -> float:
        """Where the sky ends."""
        return self.layouts[0].horizon

    @property
    def subjects(self) -> list[tuple[str, Layout]]:
        """Each subject and its place, from the left."""
        names = [name for name in (self.scene.subject, self.scene.second) if name]
        return list(zip(names, self.layouts, strict=True))


def random_stage(scene: Scene, rng: np.random.Generator) -> Stage:
    """Draw the shapes of a scene."""
    layouts = random_layouts(rng) if scene.second else (random_layout(scene.framing, rng),)
    return Stage(scene, layouts, rng.random(_NUMBERS) if scene.setting or scene.weather else np.zeros(0))


def _hills(p: Pen, horizon: float, n: np.ndarray) -> None:
    for k, x in enumerate((0.1, 0.5, 0.9)):
        p.oval(FAR, x + 0.2 * n[k] - 0.1, horizon + 0.06, 0.28 + 0.08 * n[3 + k], 0.24 + 0.16 * n[6 + k])
    for k, x in enumerate((0.0, 1.0)):
        p.oval(NEAR, x + 0.2 * n[9 + k] - 0.1, horizon + 0.1, 0.42 + 0.1 * n[11 + k], 0.22 + 0.1 * n[13 + k])
    p.box(GROUND, 0, horizon + 0.04, 1, 1)


def _forest(p: Pen, horizon: float, n: np.ndarray) -> None:
    p.box(FAR, 0, horizon - 0.1, 1, horizon)
    for k in range(9):
        x, top = (k + 0.2 + 0.6 * n[k]) / 9, horizon - 0.3 - 0.12 * n[9 + k]
        p.poly(FAR, [(x - 0.09, horizon), (x, top), (x + 0.09, horizon)])
    for k in range(6):
        x, top = (k + 0.1 + 0.8 * n[18 + k]) / 6, horizon - 0.34 - 0.2 * n[24 + k]
        foot = horizon + 0.03
        p.box(DETAIL, x - 0.015, foot - 0.06, x + 0.015, foot + 0.04)
        for half, upper, lower in ((0.05, 0.0, 0.45), (0.075, 0.22, 0.72), (0.1, 0.5, 1.0)):
            y0, y1 = top + upper * (foot - top), top + lower * (foot - top)
            p.poly(NEAR, [(x - half, y1), (x, y0), (x + half, y1)])


def _city(p: Pen, horizon: float, n: np.ndarray) -> None:
    for k in range(7):
        x = k / 7 + 0.03 * n[k]
        p.box(FAR, x, horizon - 0.26 - 0.24 * n[7 + k], x + 0.13, horizon)
    for k in range(6):
        x, top = k / 6 - 0.02 + 0.05 * n[14 + k], horizon - 0.12 - 0.28 * n[20 + k]
        p.box(NEAR, x, top, x + 0.13, horizon)
        for row in np.arange(top + 0.03, horizon - 0.03, 0.062):
            for column in (0.022, 0.075):
                p.box(DETAIL, x + column, float(row), x + column + 0.034, float(row) + 0.032)


def _sea(p: Pen, horizon: float, n: np.ndarray) -> None:
    top = horizon - 0.2
    p.dome(FAR, 0.15 + 0.7 * n[0], top + 0.02, 0.16 + 0.08 * n[1], 0.08 + 0.05 * n[2])
    p.box(NEAR, 0, top, 1, 1)
    for k in range(16):
        x, y = (k % 4 + 0.1 + 0.7 * n[3 + k]) / 4, top + 0.03 + 0.045 * (k // 4) + 0.025 * n[19 + k]
        p.line(DETAIL, [(x - 0.05, y), (x - 0.02, y - 0.012), (x + 0.02, y), (x + 0.05, y - 0.012)], 0.016)
    p.poly(
        DETAIL, [(0, horizon + 0.04), (0.3, horizon + 0.08), (0.7, horizon + 0.03), (1, horizon + 0.07), (1, 1), (0, 1)]
    )
    p.poly(
        GROUND, [(0, horizon + 0.07), (0.3, horizon + 0.11), (0.7, horizon + 0.06), (1, horizon + 0.1), (1, 1), (0, 1)]
    )


SETTINGS: dict[str, Callable[[Pen, float, np.ndarray], None]] = {
    "hills": _hills,
    "forest": _forest,
    "city": _city,
    "sea": _sea,
}


def _corner(stage: Stage, n: float) -> float:
    """Where along the sky nothing stands: beside one subject, between two."""
    return 0.5 + 0.04 * (n - 0.5) if stage.scene.second else (0.15 if n < 0.5 else 0.85)


def _sky(p: Pen, stage: Stage) -> None:
    """Sun, moon, stars and clouds."""
    n, horizon, weather = stage.numbers[48:], stage.horizon, stage.scene.weather
    x = _corner(stage, n[0])
    if weather == "sunset":
        p.box(BAND, 0, horizon - 0.26, 1, horizon)
        y = 0.16 if stage.scene.second or stage.scene.setting else horizon - 0.24
        p.oval(LAMP, x, y + 0.06 * n[1], 0.12)
    elif weather == "night":
        for k in range(14):
            p.oval(LAMP, (k % 7 + n[2 + k]) / 7, 0.05 + 0.6 * horizon * ((k // 7 + n[16 + k]) / 2), 0.011)
        p.oval(LAMP, x, 0.16, 0.1)
        p.oval(SKY, x + 0.05, 0.13, 0.085)
    elif weather == "rain":
        for k in range(5):
            middle = (k + 0.2 + 0.6 * n[1 + k]) / 5
            p.oval(BAND, middle, 0.04 + 0.05 * n[6 + k], 0.14, 0.08)


def _falling(p: Pen, stage: Stage, *, before: bool) -> None:
    """Drops and flakes: a quarter before the subjects, the others behind them."""
    n, weather = stage.numbers[20:], stage.scene.weather
    if weather == "rain":
        for k in range(30):
            if (k % 4 == 0) != before:
                continue
            x, y = (k % 6 + n[k]) / 6, (k // 6 + n[30 + k]) / 5
            p.line(LAMP, [(x + 0.015, y - 0.05), (x - 0.015, y + 0.05)], 0.014)
    elif weather == "snow":
        for k in range(36):
            if (k % 4 == 0) != before:
                continue
            p.oval(LAMP, (k % 6 + n[k]) / 6, (k // 6 + n[36 + k]) / 6, 0.013 + 0.006 * (k % 3))


def stage_map(stage: Stage, side: int = CANVAS) -> np.ndarray:
    """Draw a stage; returns a (side, side) uint8 map of palette roles.

    Before a setting or in some weather subjects have a pale rim, by which they stay clear.
    """
    image = Image.new("L", (side, side), SKY)
    p = Pen(ImageDraw.Draw(image), 0, 0, side, 1)
    surrounded = len(stage.numbers) > 0
    if surrounded:
        _sky(p, stage)
    p.box(GROUND, 0, stage.horizon, 1, 1)
    if stage.scene.setting:
        SETTINGS[stage.scene.setting](p, stage.horizon, stage.numbers)
    _falling(p, stage, before=False)
    before = Image.new("L", (side, side), _EMPTY) if surrounded else image
    for subject, layout in stage.subjects:
        DRAWINGS[subject](layout.pen(before))
    if surrounded:
        mask = before.point([255 * (role != _EMPTY) for role in range(256)])
        image.paste(RIM, None, mask.filter(ImageFilter.MaxFilter(2 * round(side / 85) + 1)))
        image.paste(before, None, mask)
        _falling(p, stage, before=True)
    return np.asarray(image)


Color = tuple[float, float, float]
#: Hue, saturation and value of a setting's ground, of what is far and near there, and of its details.
_HSV: dict[str, tuple[Color, Color, Color, Color]] = {
    "hills": ((0.24, 0.5, 0.72), (0.36, 0.3, 0.84), (0.3, 0.58, 0.52), (0.3, 0.6, 0.45)),
    "forest": ((0.2, 0.42, 0.5), (0.42, 0.26, 0.62), (0.38, 0.6, 0.38), (0.07, 0.5, 0.36)),
    "city": ((0.66, 0.06, 0.6), (0.68, 0.13, 0.74), (0.68, 0.24, 0.52), (0.14, 0.5, 0.97)),
    "sea": ((0.12, 0.32, 0.93), (0.5, 0.2, 0.7), (0.56, 0.62, 0.74), (0.53, 0.1, 0.98)),
}
#: Share of a setting's own colours; the palette has the rest.
_OWN = 0.6
#: What weather makes of colours: sky, second tone of it, lamps; share of these; what all behind is multiplied with.
_WEATHER: dict[str, tuple[Color, Color, Color, float, Color]] = {
    "sunset": ((0.62, 0.36, 0.56), (1.0, 0.56, 0.26), (1.0, 0.92, 0.5), 0.75, (0.8, 0.6, 0.6)),
    "night": ((0.06, 0.09, 0.24), (0.13, 0.16, 0.34), (1.0, 0.96, 0.7), 0.85, (0.3, 0.36, 0.58)),
    "rain": ((0.6, 0.65, 0.72), (0.44, 0.48, 0.55), (0.9, 0.94, 1.0), 0.75, (0.68, 0.72, 0.78)),
    "snow": ((0.66, 0.73, 0.84), (0.6, 0.66, 0.78), (1.0, 1.0, 1.0), 0.7, (0.8, 0.84, 0.9)),
}
_BEHIND = [GROUND, FAR, NEAR, DETAIL]
#: Luminance that subjects have at night at least, but for their dark parts, and the share of their own above it.
_SEEN, _OVER = 0.46, 0.3
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def gray(colors: np.ndarray) -> np.ndarray:
    """Luminance of colours (n, 3), as (n, 1)."""
    luminance: np.ndarray = (colors @ _LUMA)[:, None]
    return luminance


def surrounded_colors(own: np.ndarray, scene: Scene) -> np.ndarray:
    """Colours of all roles.

    Args:
        own: (7, 3) colours of the palette.
        scene: its setting, its weather, and the name of its palette decide.

    Returns:
        (13, 3) float32 RGB.
    """
    colors = np.concatenate([own, own[[SKY, GROUND, GROUND, LIGHT, LIGHT, SKY]]]).astype(np.float32)
    dim = bool(own[SKY].mean() < 0.4)
    if scene.setting:
        shades = np.array([colorsys.hsv_to_rgb(*hsv) for hsv in _HSV[scene.setting]], dtype=np.float32)
        shades[:3] *= 0.4 if dim else 1.0
        towards = own[[GROUND, SKY, GROUND, SKY]]
        colors[_BEHIND] = _OWN * shades + (1 - _OWN) * towards
    if scene.weather:
        sky, band, lamp, share, light = (np.array(c, dtype=np.float32) for c in _WEATHER[scene.weather])
        share = share * (0.5 if dim else 1.0)
        colors[[SKY, BAND]] = share * np.stack([sky, band]) + (1 - share) * own[SKY]
        colors[LAMP] = lamp
        colors[_BEHIND[:3]] *= light
        if scene.weather == "snow":
            colors[GROUND] = 0.12 * own[GROUND] + 0.84
            colors[[FAR, NEAR]] = 0.6 * colors[[FAR, NEAR]] + 0.36
        elif scene.weather == "night":
            colors[DETAIL] = lamp if scene.setting == "city" else colors[DETAIL] * light
            bright = [MAIN, SECOND, ACCENT, LIGHT]
            seen = gray(colors[bright])
            lift = np.clip((_SEEN + _OVER * seen - seen) / (1.01 - seen), 0, 1)
            colors[bright] += lift * (1 - colors[bright])
        elif scene.weather == "rain":
            mean = gray(colors[_BEHIND])
            colors[_BEHIND] = mean + 0.5 * (colors[_BEHIND] - mean)
    if scene.palette == "monochrome":
        colors = np.repeat(gray(colors), 3, axis=1)
    # Pale, and at night as by moonlight.
    colors[RIM] = 0.55 * colors[SKY] + 0.45 if colors[SKY].mean() >= 0.4 else 0.5 * colors[SKY] + 0.5 * colors[LIGHT]
    if scene.weather == "night":
        colors[DARK] = np.minimum(colors[DARK], 0.22)
    return np.clip(colors, 0, 1)
