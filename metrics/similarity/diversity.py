"""The best pictures that are not all alike."""

from __future__ import annotations

import numpy as np

from ...errors import ItemsError


def select_diverse(scores: np.ndarray, coordinates: np.ndarray, apart: float, count: int | None = None) -> np.ndarray:
    """Numbers of the best pictures of which no two lie nearer than ``apart``, best first; equal scores keep their order.

    Every picture that is left out lies near a better one that is in, so the result is as long as a greedy choice makes it.

    Args:
        scores: (n,), higher is better.
        coordinates: (n, k), such as ``Overview.coordinates``.
        apart: least Euclidean distance, 0 or more.
        count: most pictures.

    Raises:
        ItemsError: a negative distance, or scores and coordinates of different lengths.
    """
    if not apart >= 0 or len(scores) != len(coordinates):
        raise ItemsError(
            f"Expected a distance of 0 or more and as many coordinates as scores, got {apart:g}, {len(coordinates)} and {len(scores)}."
        )
    order = np.argsort(-scores, kind="stable")
    free = np.ones(len(scores), bool)
    chosen: list[int] = []
    for row in order.tolist():
        if count is not None and len(chosen) == count:
            break
        if free[row]:
            chosen.append(row)
            # A distance of zero leaves even equal pictures in.
            free &= np.linalg.norm(coordinates - coordinates[row], axis=1) >= apart
    return np.array(chosen, dtype=int)
