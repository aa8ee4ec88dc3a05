"""Damages pictures in known ways and strengths.

Pictures are (h, w, 3) float32 RGB in 0…1, before and after.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage


def _blur(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    sigma = 0.7 + 2.0 * s
    return ndimage.gaussian_filter(x, (sigma, sigma, 0))


def _noise(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    fine = rng.standard_normal(x.shape if rng.random() < 0.5 else (*x.shape[:2], 1))
    if rng.random() < 0.4:
        fine = np.kron(fine[::2, ::2], np.ones((2, 2, 1)))[: x.shape[0], : x.shape[1]]
    return x + (0.03 + 0.17 * s) * fine


def _jpeg(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray((x * 255 + 0.5).astype(np.uint8)).save(buffer, "JPEG", quality=round(40 - 34 * s))
    return np.asarray(Image.open(buffer), dtype=np.float32) / 255


def _fade(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.4, 0.65) + (0.7 - 0.45 * s) * (x - 0.5)


def _saturate(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    gray = x.mean(axis=2, keepdims=True)
    return gray + (2.0 + 2.0 * s) * (x - gray)


def _pixelate(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    image = Image.fromarray((x * 255 + 0.5).astype(np.uint8))
    factor = 2.0 + 3.0 * s
    small = image.resize((max(1, round(x.shape[1] / factor)), max(1, round(x.shape[0] / factor))), Image.Resampling.BOX)
    back = Image.Resampling.NEAREST if rng.random() < 0.5 else Image.Resampling.BICUBIC
    return np.asarray(small.resize(image.size, back), dtype=np.float32) / 255


DAMAGES: dict[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "blur": _blur,
    "noise": _noise,
    "jpeg": _jpeg,
    "fade": _fade,
    "saturate": _saturate,
    "pixelate": _pixelate,
}


def damage(image: np.ndarray, kind: str, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Apply one kind of damage of ``severity`` 0 (mild) … 1 (strong)."""
    return np.clip(DAMAGES[kind](image, severity, rng), 0, 1).astype(np.float32)
