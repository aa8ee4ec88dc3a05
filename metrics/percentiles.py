"""Percentiles of scores."""

from __future__ import annotations

import numpy as np


def percentiles(scores: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Percentage of scores below each of (n,) scores, ties counted half; by default among themselves, else among (m,) others."""
    ordered = np.sort(scores if among is None else among)
    below, upto = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return 50.0 * (below + upto) / max(len(ordered), 1)
