"""Damages pictures in known ways and strengths.

Pictures are (h, w, 3) float32 RGB in 0…1, before and after. What people see at the size of the whole picture (blur, big
pixels, halos) grows with pictures beyond 512 pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image
from scipy import ndimage

Damage = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _scale(x: np.ndarray) -> float:
    return max(1.0, max(x.shape[:2]) / 512)


def _blur(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    sigma = (0.7 + 2.0 * s) * _scale(x)
    return ndimage.gaussian_filter(x, (sigma, sigma, 0))


def _noise(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    fine = rng.standard_normal(x.shape if rng.random() < 0.5 else (*x.shape[:2], 1))
    if rng.random() < 0.4:
        fine = np.kron(fine[::2, ::2], np.ones((2, 2, 1)))[: x.shape[0], : x.shape[1]]
    return x + (0.03 + 0.17 * s) * fine


def as_jpeg(x: np.ndarray, quality: int) -> np.ndarray:
    """The picture after JPEG of a quality 1–95."""
    buffer = io.BytesIO()
    Image.fromarray((x * 255 + 0.5).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), dtype=np.float32) / 255


def _jpeg(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    return as_jpeg(x, round(40 - 34 * s))


def _jpeg_twice(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    once = _jpeg(x, s, rng)
    if rng.random() < 0.7:
        return once
    # Cropped between two savings, so that their grids differ.
    return as_jpeg(np.roll(once, tuple(rng.integers(1, 8, 2)), (0, 1)), 80)


def _resaved(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    """Saved as a poor JPEG, half of them moved against its blocks, and half of them saved again as a better JPEG."""
    once = as_jpeg(x, round(60 - 40 * s))
    if rng.random() < 0.5:
        once = np.roll(once, tuple(-rng.integers(1, 8, 2)), (0, 1))
    return as_jpeg(once, int(rng.integers(75, 96))) if rng.random() < 0.5 else once


def _fade(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.4, 0.65) + (0.7 - 0.45 * s) * (x - 0.5)


def _saturate(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    gray = x.mean(axis=2, keepdims=True)
    return gray + (2.0 + 2.0 * s) * (x - gray)


def _pixelate(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    image = Image.fromarray((x * 255 + 0.5).astype(np.uint8))
    factor = (2.0 + 3.0 * s) * _scale(x)
    small = image.resize((max(1, round(x.shape[1] / factor)), max(1, round(x.shape[0] / factor))), Image.Resampling.BOX)
    back = Image.Resampling.NEAREST if rng.random() < 0.5 else Image.Resampling.BICUBIC
    return np.asarray(small.resize(image.size, back), dtype=np.float32) / 255


def _smooth(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    """Plastic surfaces: a guided filter (He, Sun & Tang 2010) that keeps edges and removes fine detail."""
    side, strength = round((5 + 4 * s) * _scale(x)) | 1, (0.03 + 0.07 * s) ** 2

    def mean(y: np.ndarray) -> np.ndarray:
        return ndimage.uniform_filter(y, (side, side, 0))

    centre = mean(x)
    variance = mean(x * x) - centre * centre
    kept = variance / (variance + strength)
    return mean(kept) * x + mean((1 - kept) * centre)


def _halo(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    sigma = rng.uniform(0.8, 1.6) * _scale(x)
    return x + (1.5 + 3.0 * s) * (x - ndimage.gaussian_filter(x, (sigma, sigma, 0)))


def _band(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    levels = round(20 - 14 * s) - 1
    return np.round(x * levels) / levels


def _burn(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    """Contrast and colour beyond their limits, as by too much guidance."""
    hard = x.mean() + (1.6 + 1.2 * s) * (x - x.mean())
    gray = hard.mean(axis=2, keepdims=True)
    return gray + (1.5 + 0.8 * s) * (hard - gray)


def _grid(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    """A tile that repeats every 8 or 16 pixels, as a decoder of latents can leave."""
    period = int(rng.choice([8, 8, 16]))
    tile = ndimage.gaussian_filter(rng.standard_normal((period, period, 1)), (1, 1, 0), mode="wrap")
    tile = (tile - tile.mean()) / tile.std()
    height, width = x.shape[:2]
    return x + (0.012 + 0.04 * s) * np.tile(tile, (height // period + 1, width // period + 1, 1))[:height, :width]


def _ring(x: np.ndarray, s: float, rng: np.random.Generator) -> np.ndarray:
    """Echoes beside edges (Gibbs phenomenon), because all waves shorter than a limit are missing; that limit is round or square."""
    pad, cut = 32, (0.3 - 0.15 * s) / _scale(x)
    wide = np.pad(x, ((pad, pad), (pad, pad), (0, 0)), mode="reflect" if min(x.shape[:2]) > pad else "edge")
    down, across = np.fft.fftfreq(wide.shape[0])[:, None], np.fft.rfftfreq(wide.shape[1])[None]
    kept = (np.hypot(down, across) <= cut) if rng.random() < 0.5 else (np.maximum(np.abs(down), across) <= cut)
    waves = np.fft.rfft2(wide, axes=(0, 1)) * kept[..., None]
    return np.fft.irfft2(waves, s=wide.shape[:2], axes=(0, 1))[pad:-pad, pad:-pad]


#: The classical damages.
DAMAGES: dict[str, Damage] = {
    "blur": _blur,
    "noise": _noise,
    "jpeg": _jpeg,
    "fade": _fade,
    "saturate": _saturate,
    "pixelate": _pixelate,
}
#: The classical damages, and what diffusion, enlarging and saving again do wrong beside them.
FAULTS = DAMAGES | {
    "jpeg": _jpeg_twice,
    "smooth": _smooth,
    "halo": _halo,
    "band": _band,
    "burn": _burn,
    "grid": _grid,
    "ring": _ring,
    "resaved": _resaved,
}
#: Faults that the detector of another one is to name.
NAMED_AS = {"resaved": "jpeg"}


def damage(
    image: np.ndarray, kind: str, severity: float, rng: np.random.Generator, damages: Mapping[str, Damage] = DAMAGES
) -> np.ndarray:
    """Apply one kind of damage of ``severity`` 0 (mild) … 1 (strong)."""
    return np.clip(damages[kind](image, severity, rng), 0, 1).astype(np.float32)
