"""Places of faults in a picture, in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np

from ..items.quality import QualityExtractor
from .quality_model import QualityModel

#: Parts along each side, and the smallest side of a part in pixels.
PARTS, SMALLEST = 3, 64
#: Evidence by which the strongest part exceeds the median part if a fault has a place (benchmarks/score/places.py: 57 % of the
#: faults seen over a third of a picture are placed, 91 % of these rightly, and 6 % of those all over it).
PLAIN = 0.65
#: Distance of the centre of the excess from the middle, as a share of the way to the outer parts, from which it is aside.
_ASIDE = 0.35
_PLACES = {
    (-1, -1): "at the upper left",
    (-1, 0): "at the top",
    (-1, 1): "at the upper right",
    (0, -1): "at the left",
    (0, 0): "in the middle",
    (0, 1): "at the right",
    (1, -1): "at the lower left",
    (1, 0): "at the bottom",
    (1, 1): "at the lower right",
}


def place_of(evidence: np.ndarray) -> str:
    """The place where a fault is plainly stronger, such as ``"most at the lower left"``; empty if there is none.

    ``evidence`` is (3, 3), of nine parts of the picture that are measured like pictures, rows from the top.
    """
    excess = np.clip(evidence - np.median(evidence), 0, None)
    if excess.max() < PLAIN:
        return ""
    steps = np.arange(PARTS) - 1
    offsets = (excess.sum(axis=axis) @ steps / excess.sum() for axis in (1, 0))
    down, across = (int(np.sign(offset)) if abs(offset) > _ASIDE else 0 for offset in offsets)
    return f"most {_PLACES[down, across]}"


def fault_places(model: QualityModel, pixels: np.ndarray, sought: Sequence[str]) -> dict[str, str]:
    """Places of the sought faults of a picture, by fault; those that have no place are left out.

    Pixels are (h, w, 3), uint8 or floating 0…1. Pictures of less than 192 pixels a side have no places.
    """
    if not sought or min(pixels.shape[:2]) < PARTS * SMALLEST:
        return {}
    extractor = QualityExtractor()
    edges = [np.linspace(0, side, PARTS + 1).round().astype(int) for side in pixels.shape[:2]]
    items = [
        extractor.extract(pixels[top:bottom, left:right])[0]
        for (top, bottom), (left, right) in product(pairwise(edges[0]), pairwise(edges[1]))
    ]
    parts = model.evidence(np.stack(items)).reshape(-1, PARTS, PARTS)
    places = {fault: place_of(parts[model.detectors.index(fault)]) for fault in sought}
    return {fault: place for fault, place in places.items() if place}
