"""Maps of the parts of a picture that a taste, or another judge, likes more than its mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import ImageError
from ..image import check_pixels
from ..protocols import Extractor

#: The fewest pixels per side of a patch; smaller ones have no meaningful items.
SMALLEST_PATCH = 8
#: Opacity of the colour of ``overlay`` at the largest value.
OPACITY = 0.45


def patch_map(
    value: Callable[[np.ndarray], np.ndarray], extractor: Extractor, picture: np.ndarray, grid: int = 4
) -> np.ndarray:
    """(g, g) map of the parts of a picture that are better or worse than its mean, by (n,) values of (n, p) items.

    Every patch of a grid is measured like a picture. Patches are smaller than pictures, so only differences between
    them are meaningful. There are fewer than ``grid`` a side if a patch would have fewer than 8 pixels a side.
    """
    if grid < 1:
        raise ImageError(f"Expected a grid of at least one patch a side, got {grid}.")
    pixels = check_pixels(np.asarray(picture))
    if pixels.ndim != 3:
        raise ImageError(f"Expected one picture (height, width, 3), got {pixels.shape}.")
    size = max(1, min(grid, *(side // SMALLEST_PATCH for side in pixels.shape[:2])))
    edges = [np.linspace(0, side, size + 1).round().astype(int) for side in pixels.shape[:2]]
    rows = [
        extractor.extract(pixels[top:bottom, left:right])[0]
        for top, bottom in zip(edges[0][:-1], edges[0][1:], strict=True)
        for left, right in zip(edges[1][:-1], edges[1][1:], strict=True)
    ]
    values = value(np.stack(rows)).reshape(size, size)
    centred: np.ndarray = values - values.mean()
    return centred


def overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 picture under a (g, g) map: green where it is better than its mean, red where it is worse."""
    from PIL import Image

    pixels = check_pixels(np.asarray(picture))
    peak = float(np.abs(heat).max())
    scaled = Image.fromarray((heat / peak if peak > 0 else heat).astype(np.float32))
    smooth = np.asarray(scaled.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BICUBIC)).clip(-1, 1)
    tint = np.where(smooth[..., None] > 0, np.array([0.1, 0.75, 0.3]), np.array([0.9, 0.15, 0.1]))
    alpha = OPACITY * np.abs(smooth)[..., None]
    mixed: np.ndarray = ((pixels * (1 - alpha) + tint * alpha) * 255 + 0.5).astype(np.uint8)
    return mixed
