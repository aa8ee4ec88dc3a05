"""Rated quality: how people in general would rate the quality of a picture.

    rated quality = offset + Σ_i weight_i · cut((item_i − centre_i)/scale_i),   items cut to −4 … 4, the sum to 0 … 1

It is the mean opinion score (MOS) of opinion-aware no-reference image quality assessment, from 0 for the lowest rated of
the learning pictures to 1 for the highest rated, predicted by ridge regression. There are two models. Both were learnt from
9,999 photographs of 512 pixels, blurred, noisy, dark and well made ones (``benchmarks/data/rated_photographs.py`` names them), and
from pairs of a picture and a damaged version of it, photographs and drawings of all sizes, of which the damaged one is worse.

* ``rated_quality_model`` uses all items of tastes, those of a network among them; its pairs are those of
  ``benchmarks/data/rated_versions.py``.
* ``rated_appearance_model`` uses the items of appearance alone: texture, colour and quality, those of them that mirrorings
  and turns exchange alike. It needs no network and is part of the technical score. Its pairs are those that faults are learnt
  from (``benchmarks/data/quality_pictures.py``), and it is learnt beside the costs of faults: to be right where they are wrong, and
  so that neither colourfulness nor size should matter to their sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ..items.frame import Frame, blocks, columns_of

#: Name of the judge.
RATED_QUALITY = "rated-quality"
VERSION, APPEARANCE_VERSION = "rated-quality-2", "rated-appearance-2"
#: Canonical size of the longest side of the smallest pictures that it learns from, in pixels; below that it cannot tell.
SMALLEST = 64
#: The item that tells the canonical size.
SIDE = "quality/side"
#: Rated quality from which on it costs nothing; chosen so that few photographs reach it.
TOP = 0.875
#: Least share that rated quality leaves of a score.
LEAST = 0.02
#: Canonical size from which on it can tell how unlike its learning pictures a picture is; small ones are all unlike them.
LARGE = 256
#: Parts of the names of items that are of colours, and the item and its least value of a picture that has some.
OF_COLOURS, COLOURFUL, LEAST_COLOURFUL = (
    ("redgreen", "blueyellow", "chroma", "hue", "noise/colour"),
    "colour/chroma/q95",
    0.01,
)
#: Mean squared deviation of items of colours in photographs, by which grey pictures count.
USUAL_SQUARE = 0.5
#: Words for a picture that is too small to tell; its rated quality counts as usual.
UNTOLD = "quality taken as usual: too small to tell"


@dataclass(frozen=True)
class RatedQuality:
    """A function of items."""

    names: tuple[str, ...]  # (p,) names of the items, ``quality/side`` among them
    #: (p,) of the items; the scale of constant ones is infinite
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray  # (p,) of the deviations
    offset: float  # value of a picture without deviations
    usual: float  # mean of the learning pictures

    def scores(self, items: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(n,) predicted mean opinion scores, 0 to 1, of (n, q) items; NaN for pictures that are too small."""
        scores, side = np.empty(len(items)), self.names.index(SIDE)
        for block, own, deviations in self._blocks(items, names):
            values = np.clip(self.offset + deviations @ self.weights, 0, 1)
            scores[block] = np.where(own[:, side] < SMALLEST, np.nan, values)
        return scores

    def _blocks(self, items: np.ndarray, names: Sequence[str]) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Rows of some pictures at a time, with their own items (b, p) and the deviations (b, p) of these."""
        columns, frame = columns_of("Rated quality", self.names, names), Frame(self.centre, self.scale, np.empty(0))
        for block in blocks(len(items)):
            own = np.asarray(items[block][:, columns], dtype=np.float64)
            yield block, own, frame.deviations(own)

    @cached_property
    def coloured(self) -> np.ndarray:
        """(p,) True for items of colours, which grey pictures do not have."""
        return np.array([any(part in name for part in OF_COLOURS) for name in self.names])

    def unlikeness(self, items: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(n,) how unlike the learning pictures (n, q) items are, ≥ 0; NaN for pictures that are too small.

        It is the distance from their unit space by which MT of the Mahalanobis–Taguchi family tells the unusual, with
        items taken as independent: the root of the mean squared deviation, about 1 for a learning picture. Grey
        pictures have no items of colours, so these count as usual in them.
        """
        found, side = np.empty(len(items)), self.names.index(SIDE)
        for block, own, deviations in self._blocks(items, names):
            squares, grey = deviations**2, own[:, self.names.index(COLOURFUL)] < LEAST_COLOURFUL
            squares[np.ix_(grey, self.coloured)] = USUAL_SQUARE
            found[block] = np.where(own[:, side] < LARGE, np.nan, np.sqrt(squares.mean(axis=1)))
        return found

    def shares_left(self, rated: np.ndarray) -> np.ndarray:
        """(n,) shares, 0 to 1, that (n,) rated qualities of 0 to 1 leave of a score; an unknown one (NaN) counts as usual."""
        return np.clip(np.where(np.isnan(rated), self.usual, rated) / TOP, LEAST, 1)


@lru_cache(maxsize=1)
def rated_quality_model() -> RatedQuality:
    """The one of this version of soart that uses a network's items too."""
    return _shipped(VERSION)


@lru_cache(maxsize=1)
def rated_appearance_model() -> RatedQuality:
    """The one of this version of soart that needs no network."""
    return _shipped(APPEARANCE_VERSION)


def _shipped(version: str) -> RatedQuality:
    with safe_open(Path(__file__).with_name(f"{version}.safetensors"), framework="numpy") as file:
        arrays = {name: file.get_tensor(name).astype(np.float64) for name in ("centre", "scale", "weights")}
        facts = file.metadata()
    return RatedQuality(
        tuple(facts["names"].split()), **arrays, offset=float(facts["offset"]), usual=float(facts["usual"])
    )
