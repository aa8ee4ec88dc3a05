"""Rated quality: how good people in general would call the quality of a picture.

    rated quality = offset + Σ_i weight_i · cut((item_i − centre_i)/scale_i),   cut to −4 … 4

It is the mean opinion score (MOS) of opinion-aware no-reference image quality assessment: ratings in five steps from
bad (0) to excellent (1), predicted by ridge regression on all items of tastes, those of a network among them. It was
learnt from ratings of 10,000 photographs of 512 pixels, blurred, noisy, dark and well made ones
(``benchmarks/rated_photographs.py`` names them). The technical score asks for traces of faults, in any kind of
picture; rated quality for what people say. Of pictures below 256 pixels nothing was learnt, so it cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...errors import ProfileError
from .kernels import Frame, columns_of

#: Name of the judge.
RATED_QUALITY = "rated-quality"
VERSION = "rated-quality-1"
#: Penalty of the squared weights; chosen on the learning photographs (``benchmarks/build_rated_quality.py``).
ALPHA = 3000.0
#: Smallest canonical size, in pixels, of pictures that it tells apart.
SMALLEST = 256
#: The item that tells the canonical size.
SIDE = "quality/side"
#: The steps of the ratings (ITU-T P.910), at 0, ¼, ½, ¾ and 1.
STEPS = ("bad", "poor", "fair", "good", "excellent")


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
        own = np.asarray(items, dtype=np.float64)[:, columns_of("Rated quality", self.names, names)]
        frame = Frame(self.centre, self.scale, np.empty(0))
        values = self.offset + frame.deviations(own) @ self.weights
        scores: np.ndarray = np.where(own[:, self.names.index(SIDE)] < SMALLEST, np.nan, np.clip(values, 0, 1))
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


def step_of(score: float) -> str:
    """The step of the ratings that is nearest to a mean opinion score of 0 to 1, such as ``"good"``."""
    return STEPS[round(score * (len(STEPS) - 1))]


@lru_cache(maxsize=1)
def rated_quality_model() -> RatedQuality:
    """The one of this version of soart."""
    with safe_open(Path(__file__).with_name(f"{VERSION}.safetensors"), framework="numpy") as file:
        arrays = {name: file.get_tensor(name).astype(np.float64) for name in ("centre", "scale", "weights")}
        facts = file.metadata()
    return RatedQuality(
        tuple(facts["names"].split()), **arrays, offset=float(facts["offset"]), usual=float(facts["usual"])
    )
