"""Rated quality: how people in general would rate the quality of a picture.

    rated quality = offset + Σ_i weight_i · cut((item_i − centre_i)/scale_i),   items cut to −4 … 4, the sum to 0 … 1

It is the mean opinion score (MOS) of opinion-aware no-reference image quality assessment, from 0 for the lowest rated of
the learning pictures to 1 for the highest rated, predicted by ridge regression on all items of tastes, those of a network
among them. It was learnt from 9,999 photographs of 512 pixels, blurred, noisy, dark and well made ones
(``benchmarks/rated_photographs.py`` names them), and from pairs of a picture and a damaged version of it, photographs and
drawings of all sizes, of which the damaged one is worse (``benchmarks/rated_versions.py``). The technical score looks for
traces of faults; rated quality predicts what people say.
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
VERSION = "rated-quality-2"
#: Penalty of the squared weights; chosen on the learning photographs (``benchmarks/build_rated_quality.py``).
ALPHA = 3000.0
#: Weights of a reduced photograph and of a pair beside that of a photograph as it was rated, and of the mean of usual
#: pictures; chosen by trials, see docs/benchmarks/score.md.
REDUCED, PAIR, USUAL = 0.3, 2.0, 1000.0
#: Most steps of learning from pairs; the last ones change nothing that shows.
STEPS = 20
#: Canonical size of the longest side of the smallest pictures that it learns from, in pixels; below that it cannot tell.
SMALLEST = 64
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


@dataclass(frozen=True)
class Pairs:
    """Pictures and damaged versions of them.

    Attributes:
        sound, damaged: (m, p) items.
        lead: (m,) least differences between their rated qualities.
    """

    sound: np.ndarray
    damaged: np.ndarray
    lead: np.ndarray


def learn_rated_quality(
    items: np.ndarray,
    opinions: np.ndarray,
    names: tuple[str, ...],
    alpha: float = ALPHA,
    *,
    reduced: tuple[np.ndarray, np.ndarray] | None = None,
    pairs: Pairs | None = None,
    usual: np.ndarray | None = None,
) -> RatedQuality:
    """Learn it from pictures that people rated, and from what else is known.

    The weights minimise the squared errors, the squares of what the differences of pairs fall short of their lead, and
    alpha times the squared weights.

    Args:
        items: (n, p) items of pictures as they were rated.
        opinions: (n,) mean opinion scores, 0 to 1.
        names: (p,) names of the items.
        alpha: penalty of the squared weights.
        reduced: (r, p) items of some of the pictures in smaller sizes, and their (r,) mean opinion scores.
        pairs: of which the one picture is better.
        usual: (u, p) items of pictures whose mean rated quality is that of the opinions.

    Raises:
        ProfileError: no pictures, or ``quality/side`` is not among the items.
    """
    if not len(items) or SIDE not in names:
        raise ProfileError(f"Expected rated pictures with the item {SIDE!r}.")
    frame = Frame.of(items, names)
    z = frame.deviations(items)
    level, mean = z.mean(axis=0), float(opinions.mean())
    matrix, target = alpha * np.eye(len(names)), np.zeros(len(names))
    rows = [(z, opinions, 1.0)]
    if reduced is not None:
        rows.append((frame.deviations(reduced[0]), reduced[1], REDUCED))
    if usual is not None and len(usual):
        rows.append((frame.deviations(usual).mean(axis=0, keepdims=True), np.array([mean]), USUAL))
    for deviations, wanted, weight in rows:
        own = deviations - level
        matrix += weight * own.T @ own
        target += weight * own.T @ (wanted - mean)
    weights = np.linalg.solve(matrix, target)
    if pairs is not None:
        apart = frame.deviations(pairs.sound) - frame.deviations(pairs.damaged)
        weights = _with_leads(matrix, target, weights, apart, pairs.lead)
    return RatedQuality(names, frame.centre, frame.scale, weights, mean - float(level @ weights), mean)


def _with_leads(
    matrix: np.ndarray, target: np.ndarray, weights: np.ndarray, apart: np.ndarray, lead: np.ndarray
) -> np.ndarray:
    """Minimise also the squares of what (m, p) differences fall short of their (m,) lead, by Newton's method."""
    short = np.zeros(len(lead), dtype=bool)
    for _ in range(STEPS):
        earlier, short = short, apart @ weights < lead
        if (short == earlier).all():
            break
        own = apart[short]
        weights = np.linalg.solve(matrix + PAIR * own.T @ own, target + PAIR * own.T @ lead[short])
    return weights


@lru_cache(maxsize=1)
def rated_quality_model() -> RatedQuality:
    """The one of this version of soart."""
    with safe_open(Path(__file__).with_name(f"{VERSION}.safetensors"), framework="numpy") as file:
        arrays = {name: file.get_tensor(name).astype(np.float64) for name in ("centre", "scale", "weights")}
        facts = file.metadata()
    return RatedQuality(
        tuple(facts["names"].split()), **arrays, offset=float(facts["offset"]), usual=float(facts["usual"])
    )
