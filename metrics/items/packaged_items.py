"""Deep items and classes of the packaged EfficientNet-Lite0, without PyTorch until a picture comes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ModelError
from ..protocols import Extractor
from .packaged import CLASSES, EFFICIENTNET, PACKAGE, STAGES, weights_file

if TYPE_CHECKING:
    from .deep import DeepExtractor

#: SHA-256 of the package's file of weights, and the versions of the deep items and the classes that these weights give.
_CONTENT = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_VERSION = "deep-2:efficientnet-lite0:stages:2324f5e0ec07d28f"
_VERSION_OF_CLASSES = "deep-1:efficientnet-lite0:classes:c3c4c8e07eb838f9"


@dataclass(frozen=True)
class PackagedExtractor:
    """Measures the deep items of the packaged network; loads it, with PyTorch, only when a picture has to be measured."""

    version: str = _VERSION
    source: str = EFFICIENTNET

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items, as of a ``DeepExtractor``."""
        return tuple(f"deep/{depth}/{k:03d}" for depth, (*_, width) in enumerate(STAGES, 1) for k in range(width))

    @cached_property
    def loaded(self) -> DeepExtractor:
        """The extractor with its network, loaded when it is first needed."""
        from .deep import DeepExtractor

        return DeepExtractor.load(EFFICIENTNET, depths=True)

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, p) items of pictures, see ``DeepExtractor.extract``."""
        return self.loaded.extract(images)


@dataclass(frozen=True)
class PackagedClasses:
    """Measures what the packaged network takes pictures for, as ``DeepExtractor.classes`` does; see ``PackagedExtractor``."""

    version: str = _VERSION_OF_CLASSES
    source: str = CLASSES

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items, one for each class."""
        return tuple(f"deep/{k:03d}" for k in range(1000))

    @cached_property
    def loaded(self) -> DeepExtractor:
        """The extractor with its network, loaded when it is first needed."""
        from .deep import DeepExtractor

        return DeepExtractor.classes()

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, 1000) items of pictures, see ``DeepExtractor.extract``."""
        return self.loaded.extract(images)


@cache
def packaged_extractor() -> PackagedExtractor | None:
    """The extractor of the packaged weights; None if the installed package holds others."""
    return PackagedExtractor() if _holds_known_weights() else None


@cache
def class_extractor() -> Extractor:
    """The extractor of the classes of the packaged network, loaded at once only if the package holds other weights."""
    if _holds_known_weights():
        return PackagedClasses()
    from .deep import DeepExtractor

    return DeepExtractor.classes()


def _holds_known_weights() -> bool:
    file = weights_file()
    try:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"The weights {str(file)!r} cannot be read ({error.strerror}): reinstall {PACKAGE}."
        ) from error
    return content == _CONTENT
