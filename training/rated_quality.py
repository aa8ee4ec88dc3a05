"""Learns rated quality from pictures that people rated, and from what else is known; see ``metrics.damage.rated_quality``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import TasteError
from ..metrics.damage.quality_model import folded
from ..metrics.damage.rated_quality import SIDE, RatedQuality
from ..metrics.items.frame import Frame

#: Penalty of the squared weights; chosen on the learning photographs (``benchmarks/score/build_rated_quality.py``).
ALPHA = 3000.0
#: Weights of a reduced photograph and of a pair beside that of a photograph as it was rated; chosen by trials, see
#: docs/benchmarks/score.md.
REDUCED, PAIR = 0.3, 2.0
#: Most steps of learning from pairs; the last ones change nothing that shows.
STEPS = 20


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
        TasteError: no pictures, or ``quality/side`` is not among the items.
    """
    if not len(items) or SIDE not in names:
        raise TasteError(f"Expected rated pictures with the item {SIDE!r}.")
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
