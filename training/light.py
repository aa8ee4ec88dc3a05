"""Paints the same pictures twice as large, with light, depth and material: what the decoder learns to make of latents.

A painter here takes the same random numbers in the same order as its namesake in ``render``, so that both pictures have
their washes, dots and cuts in the same places. Light comes from above and the left in all of them, because the decoder
sees the plain picture alone. Shadows run towards the dark colour of the palette and highlights towards its light one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from . import render
from .captions import Scene, random_scene
from .drawings import mark_map
from .pen import BAND, DARK, FAR, GROUND, LAMP, LIGHT, MAIN, NEAR, RIM, SKY
from .render import contours, scene_colors, smooth_noise, weighted
from .surroundings import Stage, random_stage, stage_map

#: Pixels a side of these pictures, and of the maps that they are painted from.
SIDE, FINE = 128, 512


@dataclass(frozen=True, slots=True)
class Shaded:
    """Roles, colours, light and marks, from which every painter works.

    Attributes:
        roles: (512, 512) uint8 map of palette roles.
        colors: (13, 3) colours of the roles.
        light: (512, 512) float32: 0 as the role's colour, −1 as the palette's dark one, 1 as its light one.
        marks: (512, 512) float32 in −1…1, see ``drawings.mark_map``.
    """

    roles: np.ndarray
    colors: np.ndarray
    light: np.ndarray
    marks: np.ndarray

    def painted(self, amount: float = 1.0, marks: float = 0.45) -> np.ndarray:
        """The colours in their light, (512, 512, 3)."""
        return lit(self.colors[self.roles], amount * self.light + marks * self.marks, self.colors)


def lit(picture: np.ndarray, light: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Move colours towards the dark or the light one of their palette; ``light`` as in ``Shaded``."""
    dark, bright = np.clip(-light, 0, 0.85)[..., None], np.clip(light, 0, 0.85)[..., None]
    mixed: np.ndarray = picture * (1 - dark - bright) + colors[DARK] * dark + colors[LIGHT] * bright
    return mixed


def smaller(image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Means of square blocks, (side, side, ...)."""
    step = len(image) // side
    blocks = image.reshape(side, step, side, step, -1)
    means: np.ndarray = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means if image.ndim == 3 else means[..., 0]


def halved(picture: np.ndarray) -> np.ndarray:
    """A picture (128, 128, 3) uint8 at half its size."""
    return np.asarray(smaller(picture.astype(np.float32), SIDE // 2).round(), dtype=np.uint8)


def larger(field: np.ndarray, side: int) -> np.ndarray:
    """A field of fewer places, interpolated to (side, side)."""
    return np.asarray(ndimage.zoom(field, side / len(field), order=1), dtype=np.float32)


def _round(mask: np.ndarray, radius: float) -> np.ndarray:
    """Light on a mask that is as round as a cushion, about −1…1, at half the side of the map."""
    depth = np.clip(ndimage.distance_transform_edt(mask) / radius, 0, 1)
    height = ndimage.gaussian_filter(radius * np.sqrt(1 - (1 - depth) ** 2), 1.5)
    dy, dx = np.gradient(height)
    normal = 1 / np.sqrt(1 + dx**2 + dy**2)
    light: np.ndarray = ((dx * 0.5 + dy * 0.65 + 0.57) * normal - 0.57) * mask
    return light


def _standing(stage: Stage, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Shadows that fall on the ground, to the right of what stands on it, in 0…1."""
    shadow = np.zeros(rows.shape, dtype=np.float32)
    for _, layout in stage.subjects:
        foot = layout.y + 0.9 * layout.size
        across = (columns - layout.x - 0.3 * layout.size) / (1.15 * layout.size)
        down = (rows - foot) / (0.22 * layout.size)
        shadow = np.maximum(shadow, np.clip(1.25 - np.hypot(across, down), 0, 0.6) / 0.6)
    return shadow


def shade(stage: Stage, colors: np.ndarray) -> Shaded:
    """Light subjects and their surroundings; ``colors`` (13, 3)."""
    roles = stage_map(stage, FINE)
    half = roles[::2, ::2]
    rows, columns = np.indices(half.shape, dtype=np.float32) / len(half)
    size = stage.layouts[0].size * len(half)
    body = (half >= MAIN) & (half <= LIGHT)
    light = 0.75 * _round(body, 0.45 * size)
    for role in range(MAIN, LIGHT + 1):
        part = half == role
        if part.any():
            light += 0.55 * _round(part, max(3.0, 0.11 * size))
    # The sky is brighter towards the horizon, the ground away from it, with furrows that come nearer.
    dark = colors[SKY].mean() < 0.4
    above = np.clip(rows / stage.horizon, 0, 1)
    sky = (half == SKY) | (half == BAND) | (half == RIM)
    light += sky * (0.3 * above**2 if dark else 0.75 * above**2 - 0.22)
    below = np.clip((rows - stage.horizon) / (1 - stage.horizon), 0, 1)
    furrows = np.sin(14 * np.log(0.08 + below) + 5 * columns)
    light += (half == GROUND) * (0.22 - 0.55 * below + 0.09 * furrows * (0.3 + below))
    for role, strength in ((FAR, 0.25), (NEAR, 0.5)):
        part = half == role
        if part.any():
            light += strength * _round(part, 0.05 * len(half)) + part * (0.2 - 0.35 * above * strength)
    light -= (half == GROUND) * 0.6 * _standing(stage, rows, columns)
    light[half == LAMP] = 0.3
    light = np.repeat(np.repeat(light, 2, axis=0), 2, axis=1).astype(np.float32)
    marks = sum(mark_map(subject, layout, FINE) for subject, layout in stage.subjects)
    return Shaded(roles, colors, light, np.where(roles < BAND, marks, 0).astype(np.float32))


class Fields:
    """Random fields as the painters of ``render`` draw them, from a twin of their generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def smooth(self, side: int, sigma: float) -> np.ndarray:
        """Smooth noise of unit deviation, (side, side)."""
        return smooth_noise((side, side), sigma, self.rng)

    def grain(self, side: int) -> np.ndarray:
        """Paper: white noise, a little blurred."""
        noise = ndimage.gaussian_filter(self.rng.standard_normal((side, side)), 0.6)
        return np.asarray(noise / noise.std(), dtype=np.float32)

    def dots(self, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """Shifts and tints of dots."""
        return self.rng.uniform(-0.5, 0.5, (cells, cells, 2)), self.rng.uniform(-0.08, 0.08, (cells, cells, 1))

    def cuts(self, side: int) -> np.ndarray:
        """The wave of a woodcut's cuts, in −1…1."""
        rows, columns = np.indices((side, side))
        angle = self.rng.uniform(-0.35, 0.35) + (np.pi / 2 if self.rng.random() < 0.3 else 0.0)
        wave: np.ndarray = np.sin(2 * np.pi * (rows * np.cos(angle) + columns * np.sin(angle)) / 10.0)
        return wave


def _edges(shaded: Shaded, width: int) -> np.ndarray:
    """Lines between roles, and the darkest marks; (512, 512) in 0…1."""
    line = contours(shaded.roles, width)
    strongest: np.ndarray = np.maximum(line, np.clip(-1.5 * shaded.marks, 0, 1)).astype(np.float32)
    return strongest


def _flat(shaded: Shaded, fields: Fields) -> np.ndarray:
    """Two steps of light with sharp borders on things, as posters have; soft behind them."""
    steps = np.clip(np.round(3.2 * shaded.light) / 3.2, -0.4, 0.4)
    behind = (shaded.roles < MAIN) | (shaded.roles > LIGHT)
    light = np.where(behind, shaded.light, steps)
    return smaller(lit(shaded.colors[shaded.roles], light + 0.45 * shaded.marks, shaded.colors))


def _watercolor(shaded: Shaded, fields: Fields) -> np.ndarray:
    dy, dx = (1.6 * fields.smooth(SIDE, 14) for _ in range(2))
    pigment = fields.smooth(SIDE, 14)
    rim = fields.smooth(SIDE, 8)
    rows, columns = np.indices((FINE // 2, FINE // 2))
    at = (
        np.clip(rows + 2 * larger(dy, FINE // 2), 0, FINE // 2 - 1).astype(int) * 2,
        np.clip(columns + 2 * larger(dx, FINE // 2), 0, FINE // 2 - 1).astype(int) * 2,
    )
    wash = smaller(shaded.painted(0.7, 0.25)[at])
    wash = ndimage.gaussian_filter(wash, (0.7, 0.7, 0))
    # Pigment gathers where a wash ends.
    label = shaded.roles[at].astype(np.int16)
    border = ndimage.grey_dilation(label, size=(5, 5)) != ndimage.grey_erosion(label, size=(5, 5))
    wet = ndimage.gaussian_filter(smaller(border.astype(np.float32)), 0.6)
    image = 1.0 - np.clip((1.0 - wash) * (1.0 + 0.13 * pigment + 0.22 * wet)[..., None] * 0.9, 0.0, 1.0)
    image = image + 0.025 * fields.grain(SIDE)[..., None]
    span = np.abs(np.linspace(-1, 1, SIDE))
    edge = np.maximum(span[:, None], span[None, :]) + 0.05 * rim
    paper = np.clip((edge - 0.82) / 0.06, 0.0, 1.0)[..., None]
    painted: np.ndarray = image * (1 - paper) + (0.97 + 0.01 * fields.grain(SIDE)[..., None]) * paper
    return painted


def _pixel(shaded: Shaded, fields: Fields) -> np.ndarray:
    """Cells of eight pixels have one role, as those of the plain picture; their quarters have few lights."""
    cells = SIDE // 8
    counts = np.stack([smaller((shaded.roles == k).astype(np.float32), cells) for k in range(len(shaded.colors))])
    counts = weighted(counts)
    roles = np.kron(counts.argmax(axis=0), np.ones((2, 2), dtype=int))
    light = smaller(shaded.light + 0.4 * shaded.marks, 2 * cells)
    light = np.clip(np.round(4 * light) / 4, -0.5, 0.5)
    return np.kron(lit(shaded.colors[roles], light, shaded.colors), np.ones((4, 4, 1), dtype=np.float32))


def _sketch(shaded: Shaded, fields: Fields) -> np.ndarray:
    """Lines, and hatching where little light falls."""
    pressure = larger(fields.smooth(SIDE // 2, 6), SIDE)
    colors = shaded.colors
    night = colors[SKY].mean() < 0.4
    paper = colors[SKY] if night else 0.6 + 0.4 * colors[SKY]
    ink = colors[LIGHT] if night else colors[DARK] * 0.8
    rows, columns = np.indices((FINE, FINE))
    light = shaded.light if not night else -shaded.light
    one = np.abs(((rows + columns) % 20) - 10) < 3
    other = np.abs(((rows - columns) % 20) - 10) < 3
    things = shaded.roles != SKY
    hatch = 0.55 * (one & (light < -0.12) & things) + 0.3 * (other & (light < -0.32) & things)
    strength = smaller(np.maximum(_edges(shaded, 8), hatch)) * (1.0 + 0.12 * pressure)
    wash = 0.62 * paper + 0.38 * smaller(shaded.painted(0.5, 0.2)) + 0.012 * fields.grain(SIDE)[..., None]
    strength = np.clip(strength, 0, 1)[..., None]
    drawn: np.ndarray = wash * (1 - strength) + ink * strength
    return drawn


def _pointillism(shaded: Shaded, fields: Fields) -> np.ndarray:
    """The dots of the plain picture in their light, and small ones of purer colour between them."""
    shifts, tints = fields.dots(SIDE // 8)
    picture, colors = smaller(shaded.painted(1.1, 0.4)), shaded.colors
    night = colors[SKY].mean() < 0.4
    paper = colors[SKY] * 0.4 if night else np.clip(colors[SKY] * 0.25 + 0.72, 0, 1)
    image = np.broadcast_to(paper, (SIDE, SIDE, 3)).astype(np.float32)
    gray = picture.mean(axis=2, keepdims=True)
    pure = np.clip(gray + 1.5 * (picture - gray) + 0.08, 0, 1)
    middles = np.indices(shifts.shape[:2]).transpose(1, 2, 0) * 8.0 + 3.5
    for colors_there, centres, radius, tint in (
        (picture, middles + 2 * shifts, 3.7, tints),
        (pure, middles + 4, 1.8, 0),
    ):
        rows, columns = np.clip(centres.round().astype(int), 0, SIDE - 1).transpose(2, 0, 1)
        image = _dotted(image, colors_there[rows, columns] + tint, centres, radius)
    return image


def _dotted(image: np.ndarray, dots: np.ndarray, centres: np.ndarray, radius: float) -> np.ndarray:
    """Put dots on an image; they have colours (rows, columns, 3) and centres (rows, columns, 2)."""
    distance, nearest = cKDTree(centres.reshape(-1, 2)).query(np.indices(image.shape[:2]).transpose(1, 2, 0))
    alpha = np.clip(radius + 0.3 - distance, 0, 1)[..., None]
    mixed: np.ndarray = image * (1 - alpha) + dots.reshape(-1, 3)[nearest] * alpha
    return mixed


def _woodcut(shaded: Shaded, fields: Fields) -> np.ndarray:
    """Cuts are broader where more light falls; contours and marks are cut too."""
    wave = fields.cuts(SIDE)
    wave = larger(wave, 2 * SIDE)
    colors = shaded.colors
    fine = smaller(shaded.colors[shaded.roles], 2 * SIDE)
    light = fine.mean(axis=2) + 0.3 * smaller(shaded.light, 2 * SIDE) + 0.3 * smaller(shaded.marks, 2 * SIDE)
    line = smaller(_edges(shaded, 6), 2 * SIDE)
    ink = np.clip((0.55 - 0.9 * light - wave * 0.55) * 7 + 0.5, 0, 1)
    ink = np.maximum(ink, np.clip(1.2 * line, 0, 1))[..., None]
    dark = colors[DARK] if colors[SKY].mean() > 0.4 else colors[SKY]
    bright = np.clip(fine * 1.15 + 0.06, 0, 1)
    return smaller(bright * (1 - ink) + dark * ink)


PAINTERS: dict[str, Callable[[Shaded, Fields], np.ndarray]] = {
    "flat": _flat,
    "watercolor": _watercolor,
    "pixel": _pixel,
    "sketch": _sketch,
    "pointillism": _pointillism,
    "woodcut": _woodcut,
}


def paint(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Render ``scene`` plainly, as ``render`` does, and in its light; returns (64, 64, 3) and (128, 128, 3) uint8 sRGB."""
    stage, colors = random_stage(scene, rng), scene_colors(scene, rng)
    twin = deepcopy(rng)
    plain = render.PAINTERS[scene.style](stage_map(stage), colors, rng)
    rich = PAINTERS[scene.style](shade(stage, colors), Fields(twin))
    # Both are as blurry or as noisy.
    twin = deepcopy(rng)
    plain, rich = render.finish(plain, scene.quality, rng), render.finish(rich, scene.quality, twin)
    return render.to_bytes(plain), render.to_bytes(rich)


def example(seed: int, index: int) -> tuple[Scene, np.ndarray, np.ndarray]:
    """Picture number ``index`` of the endless series ``seed``: its scene, and what ``paint`` makes of it."""
    rng = np.random.default_rng([seed, index])
    scene = random_scene(rng)
    return scene, *paint(scene, rng)


def examples(seed: int, count: int) -> Iterator[tuple[Scene, np.ndarray, np.ndarray]]:
    """The first ``count`` pictures of a series, rendered on all cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(example, seed), range(count), chunksize=100)
