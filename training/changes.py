"""Changes of whole pictures, whatever they show: what the LoRAs of the embedded model learn.

Each takes values in 0…1 of shape (side, side, 3) and looks alike at every side, drawn by the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Pixels a side that the sizes of flakes and frames are meant for.
_SIDE = 64


def snow(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put 30 to 45 white flakes on a picture."""
    scale = len(picture) / _SIDE
    rows, columns = (np.indices(picture.shape[:2]) + 0.5) / scale - 0.5
    flakes = np.zeros(picture.shape[:2])
    for _ in range(rng.integers(30, 46)):
        y, x, radius = rng.uniform(0, _SIDE), rng.uniform(0, _SIDE), rng.uniform(1.2, 2.4)
        flakes = np.maximum(flakes, np.clip(scale * (radius - np.hypot(rows - y, columns - x)) + 0.5, 0, 1))
    mixed: np.ndarray = picture * (1 - flakes[..., None]) + flakes[..., None]
    return mixed


def frame(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put a dark frame with a light inner edge around a picture."""
    side = len(picture)
    depth = np.minimum(np.arange(side), np.arange(side)[::-1]) * _SIDE // side
    distance = np.minimum(depth[:, None], depth[None, :])[..., None]
    width = rng.integers(5, 8)
    framed: np.ndarray = np.where(distance < width, 0.16, np.where(distance < width + 2, 0.92, picture))
    return framed


def night(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make a picture dark and blue, and darker towards its border."""
    across = np.linspace(-1, 1, len(picture))
    light = 1.0 - 0.45 * np.hypot(across[:, None], across[None, :])[..., None]
    grey = picture.mean(axis=2, keepdims=True)
    dark: np.ndarray = (0.5 * picture + 0.5 * grey) * light * rng.uniform(0.5, 0.6) * np.array([0.55, 0.7, 1.25])
    return dark


CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "snow": snow,
    "frame": frame,
    "night": night,
}


def changed(picture: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """A picture (side, side, 3) uint8 with a change."""
    return np.asarray(np.clip(CHANGES[name](picture / 255.0, rng), 0, 1) * 255 + 0.5, dtype=np.uint8)
