"""Tells whether pictures are unlike all that a taste was learnt from, so that its order of them means little.

A picture is as far as its nearest example, in items as deviations; how far examples are from each other is usual.
"""

from __future__ import annotations

import numpy as np

from .item_kernels import squared_distances
from .taste import LearntTaste

#: Fewest pictures to tell it of.
_FEWEST = 4
#: The quantile of the examples' distances that is usual, and how many times as far half of the pictures must be.
_USUAL, _TIMES = 0.9, 1.5


def unlike_examples(taste: LearntTaste, items: np.ndarray) -> bool:
    """True if half of the pictures of (n, p) items, as the taste knows them, are unlike all its examples."""
    fitted = taste.fitted
    known = fitted.model.kernels.z
    apart = fitted.scaling.frame.deviations(items[np.isfinite(items).all(axis=1)])
    if min(len(apart), len(known)) < _FEWEST:
        return False
    among = squared_distances(known, known)
    np.fill_diagonal(among, np.inf)
    usual = np.quantile(among.min(axis=1), _USUAL)
    return bool(np.median(squared_distances(apart, known).min(axis=1)) > _TIMES * usual)
