"""Appeal: how beautiful people in general find a picture, by what a network sees in it.

    appeal = offset + Σ_l weight_l · exp((C_l − 1)/T),   C_l the cosine between the picture and learning picture l

in the first principal components of the items of the last two stages of EfficientNet-Lite0: the kernel of attention in
``item_kernels``, and a Gaussian process over it. Cosines are bounded, so a picture unlike all others gets a value near
the mean. It is a prior score of tastes, which learn how far to trust it, and a judge.

It was learnt from opinions of several sources, none of generated pictures (``benchmarks/data/opinions.py`` names them):
mean ratings of photographs, of scenes, faces, buildings and works of art, and choices between pictures of one kind.
Ratings of different sources are not compared with each other, and choices only within a pair, so appeal also learns
what makes one picture of a kind better than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ..items.frame import CUT, blocks, columns_of

#: Name of the prior score and of the judge.
APPEAL = "appeal"
VERSION = "appeal-2"
#: Temperature T.
TEMPERATURE = 0.5


@dataclass(frozen=True)
class Appeal:
    """A function of items."""

    names: tuple[str, ...]  # (q,) names of the items
    #: (q,) of the items; the scale of constant ones is infinite
    centre: np.ndarray
    scale: np.ndarray
    axes: np.ndarray  # (q, d) principal components
    pictures: np.ndarray  # (m, d) unit vectors of the learning pictures
    weights: np.ndarray  # (m,) of the learning pictures
    offset: float  # value of a picture unlike all of them

    def known_from(self, names: Sequence[str]) -> bool:
        """True if its items are among those of these names."""
        return set(self.names) <= set(names)

    def scores(self, items: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(n,) predicted mean ratings, 1 to 7 but unbounded, of (n, p) items with (p,) names."""
        scores = np.empty(len(items))
        for block in blocks(len(items)):
            scores[block] = self.offset + kernel(self.directions(items[block], names), self.pictures) @ self.weights
        return scores

    def directions(self, items: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(n, d) unit vectors of what pictures of (n, p) items with (p,) names show."""
        z = np.clip((items[:, columns_of("Appeal", self.names, names)] - self.centre) / self.scale, -CUT, CUT)
        return unit(z @ self.axes)


def unit(vectors: np.ndarray) -> np.ndarray:
    """(n, d) vectors of length 1; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(i, l) values between (i, d) and (l, d) unit vectors."""
    values: np.ndarray = np.exp((a @ b.T - 1) / TEMPERATURE)
    return values


@lru_cache(maxsize=1)
def appeal_model() -> Appeal:
    """The one of this version of soart."""
    with safe_open(Path(__file__).with_name(f"{VERSION}.safetensors"), framework="numpy") as file:
        arrays = {
            name: file.get_tensor(name).astype(np.float64)
            for name in ("centre", "scale", "axes", "pictures", "weights")
        }
        facts = file.metadata()
    return Appeal(tuple(facts["names"].split()), **arrays, offset=float(facts["offset"]))
