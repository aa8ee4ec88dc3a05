"""NIMA: how highly people who rate photographs would rate a picture, from 1 to 10, by a network that comes with soart.

*Neural image assessment*, a MobileNet that predicts how many of a picture's raters give each of ten marks; the score is
their mean. It was learnt from the 255,000 photographs of AVA. The network and its preparation are in ``mobilenet``, which is
imported when a picture comes.

Source: Talebi & Milanfar, "NIMA: neural image assessment", *IEEE Transactions on Image Processing* 27 (2018); weights by
idealo (Apache-2.0), converted by ``training/nima_weights.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..protocols import Values

if TYPE_CHECKING:
    from .deep import DeepExtractor

#: Name of the judge, and version of the items.
NIMA, VERSION = "nima", "nima-1"
#: Names of the items: the mean mark, and the number of the reason why it means nothing.
ITEMS = ("nima/score", "nima/untold")
#: Reasons by their numbers; the first is none.
UNTOLD = (
    "",
    "too small for NIMA (64 pixels a side are needed)",
    "too long for NIMA (more than three times as long as wide)",
    "nothing but one tone",
)


@dataclass(frozen=True)
class NimaExtractor:
    """Measures the mean mark that people would give, the mean of a picture and its mirror image."""

    names: tuple[str, ...] = ITEMS
    version: str = VERSION

    @cached_property
    def loaded(self) -> DeepExtractor:
        """The extractor with its network, loaded when it is first needed."""
        from .deep import DeepExtractor
        from .networks import load_nima

        return DeepExtractor(load_nima(), self.names, self.version)

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, 2) items of pictures, see ``DeepExtractor.extract``."""
        return self.loaded.extract(images)


def nima_values(items: np.ndarray) -> Values:
    """Mean marks, 1 to 10, of (n, 2) items; none for pictures that are too small, too long or of one tone."""
    why = [UNTOLD[int(number)] for number in items[:, 1]]
    return Values(np.where(items[:, 1] == 0, items[:, 0], np.nan), why)
