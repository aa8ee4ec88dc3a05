"""Pictures that nobody can judge: too small, or without anything on them."""

from __future__ import annotations

import numpy as np

#: Fewest pixels of the shorter side.
FEWEST_PIXELS = 32
#: Pictures whose levels (of 255) all lie closer together are plain.
PLAIN, BLACK = 3, 2


def unfit(pixels: np.ndarray) -> str | None:
    """The reason why a picture cannot be judged, such as ``"all black"``; None if it can.

    Args:
        pixels: (h, w, 3) uint8. Transparent pictures are judged over their background, so invisible ones are plain.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < FEWEST_PIXELS:
        return f"too small to be judged ({width}×{height} pixels, {FEWEST_PIXELS} a side are needed)"
    if pixels.max() <= BLACK:
        return "all black"
    if (np.ptp(pixels.reshape(-1, 3), axis=0) < PLAIN).all():
        return "of a single colour"
    return None
