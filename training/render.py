"""Renders plain pictures, of which the UNet of the embedded model learns.

A picture is a role map (``drawings``) coloured by a palette, painted in a style, and finished with a quality. ``light``
paints the same pictures as they are to look at. Functions work on float32 RGB in 0…1, shape (64, 64, 3) unless stated
otherwise, and take every random number from the generator passed in.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
from scipy import ndimage

from .captions import Scene, random_scene
from .pen import BAND, DARK, LAMP, LIGHT, RIM, SKY
from .surroundings import random_stage, stage_map, surrounded_colors

SIZE = 64
#: Seed of the series of pictures that the embedded model learns from.
SEED = 20_260

Span = tuple[float, float]
#: Hue, saturation and value spans of each role (sky, ground, main, second, accent, dark, light).
_HSV: dict[str, tuple[tuple[Span, Span, Span], ...]] = {
    "warm": (
        ((0.08, 0.14), (0.25, 0.45), (0.95, 1.0)), ((0.02, 0.06), (0.6, 0.8), (0.7, 0.85)),
        ((-0.02, 0.03), (0.75, 0.95), (0.75, 0.95)), ((0.06, 0.1), (0.8, 1.0), (0.9, 1.0)),
        ((0.12, 0.16), (0.8, 1.0), (0.95, 1.0)), ((0.0, 0.05), (0.6, 0.8), (0.22, 0.34)), ((0.1, 0.14), (0.1, 0.2), (1.0, 1.0)),
    ),
    "cool": (
        ((0.5, 0.58), (0.2, 0.38), (0.9, 1.0)), ((0.55, 0.62), (0.55, 0.75), (0.55, 0.7)),
        ((0.58, 0.66), (0.7, 0.9), (0.5, 0.8)), ((0.46, 0.52), (0.6, 0.8), (0.7, 0.85)),
        ((0.7, 0.76), (0.4, 0.6), (0.8, 0.95)), ((0.6, 0.66), (0.6, 0.8), (0.2, 0.3)), ((0.52, 0.58), (0.05, 0.1), (1.0, 1.0)),
    ),
    "pastel": (
        ((0.88, 1.0), (0.08, 0.16), (0.97, 1.0)), ((0.33, 0.42), (0.2, 0.3), (0.88, 0.95)),
        ((0.9, 0.97), (0.28, 0.4), (0.95, 1.0)), ((0.7, 0.78), (0.22, 0.32), (0.9, 0.97)),
        ((0.13, 0.16), (0.3, 0.42), (0.97, 1.0)), ((0.72, 0.8), (0.28, 0.35), (0.55, 0.65)), ((0.0, 0.1), (0.02, 0.05), (1.0, 1.0)),
    ),
    "neon": (
        ((0.66, 0.76), (0.5, 0.8), (0.05, 0.13)), ((0.7, 0.78), (0.7, 0.9), (0.24, 0.34)),
        ((0.86, 0.92), (0.9, 1.0), (0.95, 1.0)), ((0.48, 0.52), (0.9, 1.0), (0.95, 1.0)),
        ((0.2, 0.28), (0.9, 1.0), (0.95, 1.0)), ((0.7, 0.8), (0.6, 0.8), (0.1, 0.16)), ((0.15, 0.19), (0.15, 0.3), (1.0, 1.0)),
    ),
    "earthy": (
        ((0.09, 0.12), (0.26, 0.4), (0.76, 0.88)), ((0.07, 0.1), (0.5, 0.65), (0.38, 0.5)),
        ((0.03, 0.07), (0.55, 0.7), (0.42, 0.58)), ((0.2, 0.25), (0.42, 0.56), (0.38, 0.5)),
        ((0.1, 0.12), (0.6, 0.75), (0.7, 0.8)), ((0.05, 0.08), (0.4, 0.55), (0.16, 0.24)), ((0.1, 0.13), (0.15, 0.25), (0.9, 0.95)),
    ),
    "monochrome": tuple(
        ((0.0, 0.0), (0.0, 0.0), v)
        for v in ((0.82, 0.94), (0.5, 0.65), (0.18, 0.34), (0.4, 0.52), (0.66, 0.78), (0.05, 0.12), (0.97, 1.0))
    ),
}  # fmt: skip


def palette_colors(palette: str, rng: np.random.Generator) -> np.ndarray:
    """Draw the seven role colours of ``palette``; returns (7, 3) float32 RGB."""
    return np.array(
        [colorsys.hsv_to_rgb(rng.uniform(*h) % 1.0, rng.uniform(*s), rng.uniform(*v)) for h, s, v in _HSV[palette]],
        dtype=np.float32,
    )


def scene_colors(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Draw the colours of all roles of a scene; returns (13, 3) float32 RGB."""
    return surrounded_colors(palette_colors(scene.palette, rng), scene)


def _shrink(image: np.ndarray, factor: int) -> np.ndarray:
    height, width = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    means: np.ndarray = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


def smooth_noise(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit deviation."""
    coarse = max(2, round(sigma))
    field = rng.standard_normal((shape[0] // coarse + 4, shape[1] // coarse + 4)).astype(np.float32)
    field = ndimage.zoom(field, coarse, order=3)[coarse : coarse + shape[0], coarse : coarse + shape[1]]
    return np.asarray(field / (field.std() + 1e-6), dtype=np.float32)


def _flat(roles: np.ndarray, colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _shrink(colors[roles], 4)


def _watercolor(roles: np.ndarray, colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    half = roles[::2, ::2]
    dy, dx = (1.6 * smooth_noise(half.shape, 14, rng) for _ in range(2))
    rows, columns = np.indices(half.shape)
    warped = half[np.clip(rows + dy, 0, 127).astype(int), np.clip(columns + dx, 0, 127).astype(int)]
    wash = ndimage.uniform_filter(colors[warped], size=(4, 4, 0))
    pigment = 1.0 + 0.13 * smooth_noise(half.shape, 14, rng)[..., None]
    image = 1.0 - np.clip((1.0 - wash) * pigment * 0.88, 0.0, 1.0)
    yy, xx = np.abs(np.linspace(-1, 1, 128))[:, None], np.abs(np.linspace(-1, 1, 128))[None, :]
    edge = np.maximum(yy, xx) + 0.05 * smooth_noise(half.shape, 8, rng)
    paper = np.clip((edge - 0.82) / 0.1, 0.0, 1.0)[..., None]
    return _shrink(image * (1 - paper) + 0.97 * paper, 2)


def weighted(counts: np.ndarray) -> np.ndarray:
    """Shares of roles in cells (13, n, n), with which small details survive a majority vote, and rims do not."""
    counts[[DARK, LIGHT]] *= 1.3
    counts[LAMP] *= 2.0
    counts[RIM] *= 0.5
    return counts


def _pixel(roles: np.ndarray, colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    counts = weighted(np.stack([_shrink((roles == k)[..., None], 16)[..., 0] for k in range(len(colors))]))
    return np.kron(colors[counts.argmax(axis=0)], np.ones((4, 4, 1), dtype=np.float32))


def borders(label: np.ndarray, width: int) -> np.ndarray:
    """True along the borders of labels."""
    label = label.astype(np.int16)
    lines: np.ndarray = ndimage.grey_dilation(label, size=(width, width)) != ndimage.grey_erosion(
        label, size=(width, width)
    )
    return lines


def contours(roles: np.ndarray, width: int) -> np.ndarray:
    """Lines between roles, float32 in 0…1: weak ones between those of surroundings."""
    lines = borders(np.where(roles < BAND, roles, SKY), width).astype(np.float32)
    if roles.max() >= BAND:
        lines = np.maximum(lines, 0.4 * borders(np.where(roles == RIM, SKY, roles), width))
    return lines


def _sketch(roles: np.ndarray, colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    line = _shrink(contours(roles, 6)[..., None], 4)
    dark_sky = colors[SKY].mean() < 0.4
    paper = colors[SKY] if dark_sky else 0.6 + 0.4 * colors[SKY]
    ink = colors[LIGHT] if dark_sky else colors[DARK] * 0.8
    wash = 0.62 * paper + 0.38 * _shrink(colors[roles], 4)
    strength = np.clip(line * (1.0 + 0.12 * smooth_noise((SIZE, SIZE), 6, rng)[..., None]), 0.0, 1.0)
    image: np.ndarray = wash * (1 - strength) + ink * strength
    return image


def _pointillism(roles: np.ndarray, colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    picture = _shrink(colors[roles], 4)
    pitch, cells = 4, SIZE // 4
    centres = np.indices((cells, cells)).transpose(1, 2, 0) * pitch + pitch / 2 - 0.5
    centres = centres + rng.uniform(-0.5, 0.5, centres.shape)
    tint = rng.uniform(-0.08, 0.08, (cells, cells, 1))
    paper = np.clip(colors[SKY] * 0.25 + 0.72, 0, 1) if colors[SKY].mean() > 0.4 else colors[SKY] * 0.6
    image = np.broadcast_to(paper, (SIZE, SIZE, 3)).astype(np.float32)
    rows, columns = np.indices((SIZE, SIZE))
    near = np.full((SIZE, SIZE), np.inf)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            i, j = np.clip(rows // pitch + dy, 0, cells - 1), np.clip(columns // pitch + dx, 0, cells - 1)
            distance = np.hypot(rows - centres[i, j, 0], columns - centres[i, j, 1])
            at = np.clip(centres[i, j].round().astype(int), 0, SIZE - 1)
            dot = picture[at[..., 0], at[..., 1]] + tint[i, j]
            alpha = np.where(distance < near, np.clip(2.3 - distance, 0, 1), 0.0)[..., None]
            image = image * (1 - alpha) + dot * alpha
            near = np.minimum(near, distance)
    return image


def _woodcut(roles: np.ndarray, colors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    fine = _shrink(colors[roles], 2)
    rows, columns = np.indices(fine.shape[:2])
    angle = rng.uniform(-0.35, 0.35) + (np.pi / 2 if rng.random() < 0.3 else 0.0)
    wave = np.sin(2 * np.pi * (rows * np.cos(angle) + columns * np.sin(angle)) / 10.0)
    light = fine.mean(axis=2)
    ink = np.clip((0.55 - 0.9 * light - wave * 0.55) * 6 + 0.6, 0, 1)[..., None]
    dark = colors[DARK] if colors[SKY].mean() > 0.4 else colors[SKY]
    bright = np.clip(fine * 1.15 + 0.06, 0, 1)
    return _shrink(bright * (1 - ink) + dark * ink, 2)


Painter = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
PAINTERS: dict[str, Painter] = {
    "flat": _flat,
    "watercolor": _watercolor,
    "pixel": _pixel,
    "sketch": _sketch,
    "pointillism": _pointillism,
    "woodcut": _woodcut,
}


def finish(image: np.ndarray, quality: str, rng: np.random.Generator) -> np.ndarray:
    """Give a clean picture (side, side, 3) one of the five qualities, of random strength; values are clipped to 0…1."""
    side = len(image)
    if quality == "sharp":
        image = image + 0.6 * (image - ndimage.gaussian_filter(image, (1.0, 1.0, 0)))
    elif quality == "vivid":
        gray = image.mean(axis=2, keepdims=True)
        image = 0.5 + 1.3 * (gray + rng.uniform(1.5, 1.8) * (image - gray) - 0.5)
    elif quality == "blurry":
        sigma = side // SIZE * rng.uniform(1.8, 2.6)
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0))
    elif quality == "noisy":
        strength = rng.uniform(0.13, 0.2)
        grain = np.kron(rng.standard_normal((side // 2, side // 2, 1)), np.ones((2, 2, 1)))
        image = image + strength * (0.8 * grain + 0.6 * rng.standard_normal((side, side, 3)))
    elif quality == "faded":
        image = 0.62 + rng.uniform(0.32, 0.42) * (image - 0.55)
    finished: np.ndarray = np.clip(image, 0.0, 1.0).astype(np.float32)
    return finished


def render(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Render ``scene`` plainly; returns (64, 64, 3) uint8 sRGB."""
    roles = stage_map(random_stage(scene, rng))
    image = PAINTERS[scene.style](roles, scene_colors(scene, rng), rng)
    return to_bytes(finish(image, scene.quality, rng))


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Values 0…1 as uint8."""
    return np.asarray(image * 255 + 0.5, dtype=np.uint8)


def example(seed: int, index: int) -> tuple[Scene, np.ndarray]:
    """Picture number ``index`` of the endless series ``seed``, with its scene."""
    rng = np.random.default_rng([seed, index])
    scene = random_scene(rng)
    return scene, render(scene, rng)


def examples(seed: int, count: int) -> Iterator[tuple[Scene, np.ndarray]]:
    """The first ``count`` pictures of a series, rendered on all cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(example, seed), range(count), chunksize=200)
