"""Items of several extractors side by side, as used for tastes and detectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..protocols import Extractor
from .colour import ColourExtractor
from .soart import SoartExtractor


@dataclass(frozen=True)
class CombinedExtractor:
    """Measures items with several extractors and puts them side by side.

    Attributes:
        parts: extractors whose item names differ.
    """

    parts: tuple[Extractor, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items, those of each extractor in turn."""
        return tuple(name for part in self.parts for name in part.names)

    @cached_property
    def version(self) -> str:
        """Identifier of all extractors; items of different versions do not fit together."""
        return "+".join(part.version for part in self.parts)

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, p) items of (h, w, 3) or (n, h, w, 3) pictures, uint8 or floating 0…1.

        Raises:
            ImageError: shape, dtype or range do not fit, or values are not finite.
        """
        return np.hstack([part.extract(images) for part in self.parts])


def taste_extractor(network: str | None = None, device: str = "cpu") -> CombinedExtractor:
    """The extractor of tastes: SOART and colour items, and deep items if a network is named.

    Args:
        network: a network that ``DeepExtractor.load`` can load.
        device: device that the network runs on.

    Raises:
        ModelError: the network cannot be loaded.
    """
    parts: tuple[Extractor, ...] = (SoartExtractor(), ColourExtractor())
    if network is not None:
        from .deep import DeepExtractor

        parts = (*parts, DeepExtractor.load(network, device=device))
    return CombinedExtractor(parts)
