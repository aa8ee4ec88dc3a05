"""Percentiles of scores."""

from __future__ import annotations

import numpy as np


def percentiles(scores: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Percentiles 0–100 of (n,) scores among (m,) others, in any order; by default among themselves.

    A percentile is the percentage of scores below, ties counted half; 0 where there is nothing to compare with.
    """
    return percentiles_in(scores, np.sort(scores if among is None else among))


def percentiles_in(scores: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Percentiles 0–100 of (n,) scores among (m,) ascending ones; see ``percentiles``."""
    below, up_to = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return 50.0 * (below + up_to) / max(len(ordered), 1)
