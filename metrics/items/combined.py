"""Items of several extractors side by side: SOART and colour items, and deep items where a network is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..protocols import Extractor
from .colour import ColourExtractor
from .soart import SoartExtractor


@dataclass(frozen=True)
class CombinedExtractor:
    """Measures with every part and lays the items side by side.

    Attributes:
        parts: extractors whose item names differ.
    """

    parts: tuple[Extractor, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items, part after part."""
        return tuple(name for part in self.parts for name in part.names)

    @cached_property
    def version(self) -> str:
        """Identifies all parts; items of different versions must not be mixed."""
        return "+".join(part.version for part in self.parts)

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(h, w, 3) or (n, h, w, 3) pictures, uint8 or floating 0…1, to (n, p) items.

        Raises:
            ImageError: wrong shape, dtype or range, or values that are not finite.
        """
        return np.hstack([part.extract(images) for part in self.parts])


def taste_extractor(network: str | None = None, device: str = "cpu") -> CombinedExtractor:
    """What tastes are learnt from: SOART and colour items, and deep items if a network is named.

    Args:
        network: whatever ``DeepExtractor.load`` takes.
        device: where the network runs.

    Raises:
        ModelError: the network cannot be loaded.
    """
    parts: tuple[Extractor, ...] = (SoartExtractor(), ColourExtractor())
    if network is not None:
        from .deep import DeepExtractor

        parts = (*parts, DeepExtractor.load(network, device=device))
    return CombinedExtractor(parts)
