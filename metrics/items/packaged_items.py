"""Deep items of the packaged EfficientNet-Lite0, without PyTorch until a picture comes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ModelError
from .packaged import EFFICIENTNET, PACKAGE, STAGES, weights_file

if TYPE_CHECKING:
    from .deep import DeepExtractor

#: SHA-256 of the package's file of weights, and the version of the deep items that these weights give.
_CONTENT = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_VERSION = "deep-2:efficientnet-lite0:stages:2324f5e0ec07d28f"


@dataclass(frozen=True)
class PackagedExtractor:
    """Measures the deep items of the packaged network, as ``DeepExtractor.load`` with depths does.

    Loading PyTorch and the network takes a second or more, which a ranking by stored items need not wait for.
    """

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


@cache
def packaged_extractor() -> PackagedExtractor | None:
    """The extractor of the packaged weights; None if the installed package holds others.

    Raises:
        ModelError: the package is not installed, or its weights cannot be read.
    """
    file = weights_file()
    try:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"The weights {str(file)!r} cannot be read ({error.strerror}): reinstall {PACKAGE}."
        ) from error
    return PackagedExtractor() if content == _CONTENT else None
