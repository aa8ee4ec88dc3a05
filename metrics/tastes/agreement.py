"""Agreement between several tastes on the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ...errors import ProfileError


@dataclass(frozen=True)
class Agreement:
    """How several tastes see the same pictures.

    Attributes:
        names: of the tastes.
        percentiles: (tastes, n) of each picture within those compared, 0–100.
        correlation: (tastes, tastes) Spearman's rank correlations; NaN where a taste gives all pictures the same.
    """

    names: tuple[str, ...]
    percentiles: np.ndarray
    correlation: np.ndarray

    def disagreements(self, top: int = 8) -> list[int]:
        """Row numbers of the pictures the tastes disagree on most."""
        apart = np.ptp(self.percentiles, axis=0)
        return [int(i) for i in np.argsort(-apart, kind="stable")[:top]]


def compare_tastes(names: Sequence[str], liking: np.ndarray) -> Agreement:
    """Compare (tastes, n) likings of the same n ≥ 2 pictures.

    Raises:
        ProfileError: fewer than two tastes or pictures.
    """
    if liking.ndim != 2 or min(liking.shape) < 2 or len(names) != len(liking):
        raise ProfileError(f"Expected at least two tastes and two pictures, got {len(names)} and {liking.shape[-1]}.")
    ranks = rankdata(liking, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    lengths = np.sqrt((centred**2).sum(axis=1))
    lengths[lengths == 0] = np.nan
    correlation = centred @ centred.T / np.outer(lengths, lengths)
    return Agreement(tuple(names), 100 * (ranks - 0.5) / liking.shape[1], correlation)
