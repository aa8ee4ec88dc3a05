"""Items of several extractors side by side, as used for tastes and detectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..protocols import Extractor
from .colour import ColourExtractor
from .quality import QualityExtractor
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
        from .planes import pictures_of
        from .views import PictureViews

        pictures = [PictureViews(picture) for picture in pictures_of(images)]
        columns = []
        for part in self.parts:
            if hasattr(part, "measure"):
                # Views that an extractor needs are there for the next one.
                rows = [part.measure(views) for views in pictures]
                columns.append(np.stack(rows) if rows else np.zeros((0, len(part.names))))
            else:
                columns.append(part.extract(images))
        return np.hstack(columns)


def taste_extractor(network: str | None = None, device: str = "cpu") -> CombinedExtractor:
    """The extractor of tastes, detectors and the technical score: SOART, colour and quality items.

    Args:
        network: a network that ``DeepExtractor.load`` can load, whose deep items follow; None for none.
        device: device that the network runs on.

    Raises:
        ModelError: the network cannot be loaded.
    """
    return _with_network((SoartExtractor(), ColourExtractor(), QualityExtractor()), network, device)


def taste_extractor_of(version: str, network: str | None = None, device: str = "cpu") -> CombinedExtractor:
    """The extractor of tastes whose items have a version: that of today, or the one of soart 0.1.0.

    Args:
        version: of the items.
        network: as for ``taste_extractor``.
        device: as for ``taste_extractor``.

    Raises:
        ModelError: the network cannot be loaded.
    """
    at_file_size = (SoartExtractor(side=None), ColourExtractor(side=None))
    if version.startswith(CombinedExtractor(at_file_size).version):
        return _with_network(at_file_size, network, device)
    return taste_extractor(network, device)


def _with_network(parts: tuple[Extractor, ...], network: str | None, device: str) -> CombinedExtractor:
    if network is not None:
        from .deep import DeepExtractor

        parts = (*parts, DeepExtractor.load(network, device=device))
    return CombinedExtractor(parts)
