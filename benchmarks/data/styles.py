"""Looks that photographers choose and that are no damage, made of sound pictures.

Pictures are (h, w, 3) float32 RGB in 0…1, before and after.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from soart.benchmarks.data.damage import as_jpeg

Look = Callable[[np.ndarray, np.random.Generator], np.ndarray]
LUMA = np.array([0.299, 0.587, 0.114])
#: Steepness of the tone curve of high contrast, at whose steepest it multiplies contrast by a quarter of that, or a little more.
STEEPEST = (5.0, 7.0)
#: Radius of what is in focus, in halves of the shorter side; and the blur far from it, in pixels of a side of 512.
FOCUS, FAR = (0.45, 0.75), (2.5, 6.0)
#: Side of the places that are compared for what to focus on, as a share of the shorter side.
PLACE = 0.125
#: Steps of blur between which a picture out of focus is mixed.
STEPS = 5
QUALITIES = (80, 95)


def _jpeg(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return as_jpeg(x, int(rng.integers(QUALITIES[0], QUALITIES[1] + 1)))


def _black_and_white(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.repeat((x @ LUMA)[:, :, None], 3, axis=2).astype(np.float32)


def _high_contrast(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tone curve like an S about the mean tone, which clips nothing; half of the pictures also lose their colours."""
    steep, middle = rng.uniform(*STEEPEST), float(np.clip(np.median(x), 0.3, 0.7))
    low, high = (1 / (1 + np.exp(-steep * (end - middle))) for end in (0.0, 1.0))
    curve = (1 / (1 + np.exp(-steep * (x - middle))) - low) / (high - low)
    return _black_and_white(curve, rng) if rng.random() < 0.5 else curve.astype(np.float32)


def _focus_near_the_middle(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sharp about a place near the middle, whatever is there, and the more blurred the farther from it."""
    row, column = (n * rng.uniform(0.4, 0.6) for n in x.shape[:2])
    return _focused(x, row, column, rng)


def _shallow_focus(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sharp about what a photographer would focus on: the place with the most edges in the middle half each way."""
    height, width = x.shape[:2]
    grey, top, left = x @ LUMA, height // 4, width // 4
    edges = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
    near = ndimage.gaussian_filter(edges, PLACE * min(height, width))[top : height - top, left : width - left]
    row, column = divmod(int(near.argmax()), near.shape[1])
    return _focused(x, row + top, column + left, rng)


def _focused(x: np.ndarray, row: float, column: float, rng: np.random.Generator) -> np.ndarray:
    """Sharp about a place, and the more blurred the farther from it."""
    height, width = x.shape[:2]
    half = min(height, width) / 2
    y, z = np.mgrid[:height, :width]
    away = np.hypot(y - row, z - column) / half
    # 0 in focus, 1 from a distance of the shorter side on.
    blurred = np.clip((away - rng.uniform(*FOCUS)) / 0.6, 0, 1) * (STEPS - 1)
    farthest = rng.uniform(*FAR) * max(height, width) / 512
    found = np.zeros_like(x)
    for step in range(STEPS):
        sigma = farthest * step / (STEPS - 1)
        layer = ndimage.gaussian_filter(x, (sigma, sigma, 0)) if step else x
        found += layer * np.clip(1 - np.abs(blurred - step), 0, 1)[:, :, None]
    return found


#: Looks by name; each picture is saved as a good JPEG afterwards with a chance of one half, and always for the first.
LOOKS: dict[str, Look] = {
    "good JPEG": _jpeg,
    "black and white": _black_and_white,
    "high contrast": _high_contrast,
    "focus near the middle": _focus_near_the_middle,
    "shallow focus": _shallow_focus,
}


def with_look(x: np.ndarray, look: str, rng: np.random.Generator) -> np.ndarray:
    """The picture with a look of ``LOOKS``; half of those that are no JPEGs are saved as one."""
    found = np.clip(LOOKS[look](x, rng), 0, 1)
    return found if look == "good JPEG" or rng.random() < 0.5 else _jpeg(found, rng)
