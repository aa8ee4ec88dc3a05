"""Agreement between several tastes on the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import TasteError
from ..percentiles import percentiles

#: Fewest percentiles between the tastes that like a picture most and least for them to disagree on it.
APART = 10.0


@dataclass(frozen=True)
class Agreement:
    """Likings of the same pictures by several tastes, compared."""

    names: tuple[str, ...]  # of the tastes
    percentiles: np.ndarray  # (tastes, n) percentile 0–100 of each picture among those compared
    correlation: np.ndarray  # (tastes, tastes) Spearman's rank correlations; NaN if a taste likes all pictures equally

    def disagreements(self, top: int = 8) -> list[int]:
        """At most ``top`` rows that tastes disagree on most, largest gap first; gaps below ``APART`` do not count."""
        gaps = np.ptp(self.percentiles, axis=0)
        return [int(i) for i in np.argsort(-gaps, kind="stable")[:top] if gaps[i] >= APART - 1e-9]


def compare_tastes(names: Sequence[str], liking: np.ndarray) -> Agreement:
    """Compare (tastes, n) likings of the same pictures by two tastes or more, n ≥ 2."""
    if liking.ndim != 2 or min(liking.shape) < 2 or len(names) != len(liking):
        raise TasteError(f"Expected at least two tastes and two pictures, got {len(names)} and {liking.shape[-1]}.")
    # Percentiles are ranks on another scale, so their correlation is Spearman's.
    places = np.stack([percentiles(row) for row in liking])
    centred = places - places.mean(axis=1, keepdims=True)
    lengths = np.sqrt((centred**2).sum(axis=1))
    lengths[lengths == 0] = np.nan
    correlation = centred @ centred.T / np.outer(lengths, lengths)
    return Agreement(tuple(names), places, correlation)
