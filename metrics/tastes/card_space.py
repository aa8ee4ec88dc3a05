"""The space of cards: a few fixed coordinates of pictures, in which tastes of different people can be added up.

    z = (items − centre)/scale, cut at ±4,   φ = z A

The centre, the scale and the axes A are of photographs and drawings of packages, never of a user's pictures:
principal axes of items of which every kind (texture, colour, quality, content) has equal power. They are made by
``benchmarks/taste/build_card_space.py``. A card of one version of the space, or of one version of items, fits no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...errors import TasteError
from ..items.frame import CUT

#: Version of the axes, and of the constants by which cards are made.
VERSION = "cards-1"


@dataclass(frozen=True)
class CardSpace:
    """Coordinates of pictures.

    Attributes:
        items: version of the items.
        centre, scale: (p,) of the items; the scale of items that do not count is infinite.
        axes: (p, d) axes; the mean squared length of the coordinates is 1.
    """

    items: str
    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray

    @property
    def version(self) -> str:
        """Version of the space, with that of the items."""
        return f"{VERSION} of {self.items}"

    @property
    def width(self) -> int:
        """Number d of coordinates."""
        return int(self.axes.shape[1])

    def coordinates(self, items: np.ndarray) -> np.ndarray:
        """(n, d) coordinates of (n, p) items."""
        z = np.clip((np.asarray(items, dtype=np.float64) - self.centre) / self.scale, -CUT, CUT)
        coordinates: np.ndarray = z @ self.axes
        return coordinates


@lru_cache(maxsize=1)
def card_space() -> CardSpace:
    """The space of this version of soart."""
    with safe_open(Path(__file__).with_name(f"{VERSION}.safetensors"), framework="numpy") as file:
        arrays = {name: file.get_tensor(name).astype(np.float64) for name in ("centre", "scale", "axes")}
        return CardSpace(file.metadata()["items"], **arrays)


def check_items_of(space: CardSpace, version: str, name: str) -> None:
    """Check that the items of a taste are those of the space.

    Raises:
        TasteError: they are not.
    """
    if version != space.items:
        raise TasteError(
            f"The taste {name!r} was learnt on items {version}, cards need {space.items}: learn it again with the "
            "default network."
        )


def kind_scores(means: np.ndarray, items: np.ndarray, space: CardSpace | None = None) -> np.ndarray:
    """(n, k) liking of (n, p) items by kinds of taste with (k, d) mean weights, on no particular scale.

    Args:
        means: of the kinds of a population.
        items: of the pictures.
        space: of the weights; by default that of this version of soart.
    """
    scores: np.ndarray = (space or card_space()).coordinates(items) @ np.asarray(means, dtype=np.float64).T
    return scores
