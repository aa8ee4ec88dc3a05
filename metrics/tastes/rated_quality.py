"""Rated quality: how people in general would rate the quality of a picture.

    rated quality = offset + Σ_i weight_i · cut((item_i − centre_i)/scale_i),   cut to −4 … 4

It is the mean opinion score (MOS) of opinion-aware no-reference image quality assessment, from 0 for the lowest rated of
the learning pictures to 1 for the highest rated, predicted by ridge regression on all items of tastes, those of a network
among them. It was learnt from 9,999 photographs of 512 pixels, blurred, noisy, dark and well made ones
(``benchmarks/rated_photographs.py`` names them). The technical score asks for traces of faults, in any kind of
picture; rated quality for what people say. It changes little with size down to 256 pixels on the longest side; below
that it cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...errors import ProfileError
from .kernels import Frame, blocks, columns_of

#: Name of the judge.
RATED_QUALITY = "rated-quality"
VERSION = "rated-quality-1"
#: Penalty of the squared weights; chosen on the learning photographs (``benchmarks/build_rated_quality.py``).
ALPHA = 3000.0
#: Smallest canonical size of a picture's longest side, in pixels, at which it can tell; chosen, see docs/benchmarks/score.md.
SMALLEST = 256
#: The item that tells the canonical size.
SIDE = "quality/side"


@dataclass(frozen=True)
class RatedQuality:
    """A function of items.

    Attributes:
        names: (p,) names of the items, ``quality/side`` among them.
        centre, scale: (p,) of the items; the scale of constant ones is infinite.
        weights: (p,) of the deviations.
        offset: value of a picture without deviations.
        usual: mean of the learning pictures.
    """

    names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    offset: float
    usual: float

    def scores(self, items: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(n,) predicted mean opinion scores, 0 to 1, of (n, q) items with (q,) names; NaN for pictures that are too small.

        Raises:
            ProfileError: its items are not among them.
        """
        columns = columns_of("Rated quality", self.names, names)
        frame, side = Frame(self.centre, self.scale, np.empty(0)), self.names.index(SIDE)
        scores = np.empty(len(items))
        for block in blocks(len(items)):
            own = np.asarray(items[block][:, columns], dtype=np.float64)
            values = np.clip(self.offset + frame.deviations(own) @ self.weights, 0, 1)
            scores[block] = np.where(own[:, side] < SMALLEST, np.nan, values)
        return scores


def learn_rated_quality(
    items: np.ndarray, opinions: np.ndarray, names: tuple[str, ...], alpha: float = ALPHA
) -> RatedQuality:
    """Learn it from pictures that people rated.

    Args:
        items: (n, p) items of pictures of at least ``SMALLEST`` pixels.
        opinions: (n,) mean opinion scores, 0 to 1.
        names: (p,) names of the items.
        alpha: penalty of the squared weights.

    Raises:
        ProfileError: no pictures, or ``quality/side`` is not among the items.
    """
    if not len(items) or SIDE not in names:
        raise ProfileError(f"Expected rated pictures with the item {SIDE!r}.")
    frame = Frame.of(items, names)
    z = frame.deviations(items)
    level = z.mean(axis=0)
    centred, usual = z - level, float(opinions.mean())
    weights = np.linalg.solve(centred.T @ centred + alpha * np.eye(len(names)), centred.T @ (opinions - usual))
    return RatedQuality(names, frame.centre, frame.scale, weights, usual - float(level @ weights), usual)


@lru_cache(maxsize=1)
def rated_quality_model() -> RatedQuality:
    """The one of this version of soart."""
    with safe_open(Path(__file__).with_name(f"{VERSION}.safetensors"), framework="numpy") as file:
        arrays = {name: file.get_tensor(name).astype(np.float64) for name in ("centre", "scale", "weights")}
        facts = file.metadata()
    return RatedQuality(
        tuple(facts["names"].split()), **arrays, offset=float(facts["offset"]), usual=float(facts["usual"])
    )
