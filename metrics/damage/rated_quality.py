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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...errors import ProfileError
from ..items.frame import Frame, blocks, columns_of
from .quality_model import folded

#: Name of the judge.
RATED_QUALITY = "rated-quality"
VERSION, APPEARANCE_VERSION = "rated-quality-2", "rated-appearance-2"
#: Penalty of the squared weights; chosen on the learning photographs (``benchmarks/score/build_rated_quality.py``).
ALPHA = 3000.0
#: Weights of a reduced photograph and of a pair beside that of a photograph as it was rated; chosen by trials, see
#: docs/benchmarks/score.md.
REDUCED, PAIR = 0.3, 2.0
#: Most steps of learning from pairs; the last ones change nothing that shows.
STEPS = 20
#: Canonical size of the longest side of the smallest pictures that it learns from, in pixels; below that it cannot tell.
SMALLEST = 64
#: The item that tells the canonical size.
SIDE = "quality/side"
#: Rated quality from which on it costs nothing; chosen so that few photographs reach it.
TOP = 0.875
#: Least share that rated quality leaves of a score.
LEAST = 0.02
#: Least rated qualities in words, and those that appearance alone tells.
_WORDS = (
    (0.7, "quality: people would rate it as fairly high", "rendering: people would rate it as fairly good"),
    (0.5, "quality: people would rate it as middling", "rendering: people would rate it as middling"),
    (0.3, "quality: people would rate it as low", "rendering: people would rate it as poor"),
    (0.0, "quality: people would rate it as very low", "rendering: people would rate it as very poor"),
)


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

    def shares_left(self, rated: np.ndarray) -> np.ndarray:
        """(n,) shares, 0 to 1, that (n,) rated qualities of 0 to 1 leave of a score; an unknown one (NaN) counts as usual."""
        shares: np.ndarray = np.clip(np.where(np.isnan(rated), self.usual, rated) / TOP, LEAST, 1)
        return shares


def rated_text(rated: float, *, by_appearance: bool = False) -> str:
    """A rated quality of 0 to 1 in words; other ones if appearance alone tells it."""
    return next(words[by_appearance] for least, *words in _WORDS if rated >= least)


@dataclass(frozen=True)
class Pairs:
    """Pictures and damaged versions of them.

    Attributes:
        sound, damaged: (m, p) items.
        lead: (m,) least differences between their rated qualities.
        weight: (m,) of each, beside that of a usual pair; None for 1.
    """

    sound: np.ndarray
    damaged: np.ndarray
    lead: np.ndarray
    weight: np.ndarray | None = None


@dataclass(frozen=True)
class Balance:
    """A sum of rated qualities that should have a certain value.

    Attributes:
        items: (u, p) items of pictures.
        factors: (u,) of their rated qualities in the sum.
        wanted: value of the sum.
        weight: of its squared error beside that of a rated picture.
    """

    items: np.ndarray
    factors: np.ndarray
    wanted: float
    weight: float


def learn_rated_quality(
    items: np.ndarray,
    opinions: np.ndarray,
    names: tuple[str, ...],
    alpha: float = ALPHA,
    *,
    reduced: tuple[np.ndarray, np.ndarray] | None = None,
    pairs: Pairs | None = None,
    balances: Sequence[Balance] = (),
    turned_alike: bool = False,
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
        balances: what sums of rated qualities of other pictures should be.
        turned_alike: True to use alike the items that mirrorings and quarter turns exchange.

    Raises:
        ProfileError: no pictures, or ``quality/side`` is not among the items.
    """
    if not len(items) or SIDE not in names:
        raise ProfileError(f"Expected rated pictures with the item {SIDE!r}.")
    frame, features = Frame.of(items, names), np.eye(len(names))
    if turned_alike:
        frame, features = _turned_alike(frame, names)

    def of(some: np.ndarray) -> np.ndarray:
        found: np.ndarray = frame.deviations(some) @ features
        return found

    z = of(items)
    level, mean = z.mean(axis=0), float(opinions.mean())
    matrix, target = alpha * np.eye(features.shape[1]), np.zeros(features.shape[1])
    rows = [(z - level, opinions - mean, 1.0)]
    if reduced is not None:
        rows.append((of(reduced[0]) - level, reduced[1] - mean, REDUCED))
    for balance in balances:
        own = balance.factors @ (of(balance.items) - level)
        rows.append((own[None], np.array([balance.wanted - balance.factors.sum() * mean]), balance.weight))
    for deviations, wanted, weight in rows:
        matrix += weight * deviations.T @ deviations
        target += weight * deviations.T @ wanted
    weights = np.linalg.solve(matrix, target)
    if pairs is not None:
        counted = PAIR * (np.ones(len(pairs.lead)) if pairs.weight is None else pairs.weight)
        weights = _with_leads(matrix, target, weights, of(pairs.sound) - of(pairs.damaged), pairs.lead, counted)
    return RatedQuality(names, frame.centre, frame.scale, features @ weights, mean - float(level @ weights), mean)


def _turned_alike(frame: Frame, names: tuple[str, ...]) -> tuple[Frame, np.ndarray]:
    """A frame of the same scale for items that mirrorings and turns exchange, and the (p, f) matrix that adds these up."""
    members = (folded(names)[1] > 0).astype(float)
    counts = members.sum(axis=0)

    def pooled(values: np.ndarray) -> np.ndarray:
        return np.where(members.any(axis=1), members @ (values @ members / counts), values)

    scale = np.where(np.isfinite(frame.scale), frame.scale, 0)
    centre = pooled(frame.centre)
    spread = np.sqrt(np.maximum(pooled(scale**2 + frame.centre**2) - centre**2, 0))
    return replace(frame, centre=centre, scale=np.where(scale > 0, spread, np.inf)), members / np.sqrt(counts)


def _with_leads(
    matrix: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
    apart: np.ndarray,
    lead: np.ndarray,
    counted: np.ndarray,
) -> np.ndarray:
    """Minimise also the squares of what (m, p) differences fall short of their (m,) lead, (m,) weighted, by Newton's method."""
    short = np.zeros(len(lead), dtype=bool)
    for _ in range(STEPS):
        earlier, short = short, apart @ weights < lead
        if (short == earlier).all():
            break
        own, weighted = apart[short], apart[short].T * counted[short]
        weights = np.linalg.solve(matrix + weighted @ own, target + weighted @ lead[short])
    return weights


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
