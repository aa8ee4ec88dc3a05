"""Selection of the best pictures that are not all alike."""

from __future__ import annotations

import numpy as np

from ...errors import ItemsError
from ...threads import one_blas_thread

#: Principal axes in which distances are measured; with as many pictures or fewer they hold all that varies.
AXES = 32


def places_of(items: np.ndarray) -> np.ndarray:
    """(n, k) places of pictures by their items (n, p), n ≥ 1; a deviation in every item is a distance of about 1.

    The places of ``outliers_and_styles.Overview`` have an axis for every ten pictures. With few pictures that is one or
    two axes, along which unlike pictures look near.
    """
    deviation = items.std(axis=0)
    varies = deviation > 1e-12 * np.abs(items).max(axis=0)
    z = (items - items.mean(axis=0)) / np.where(varies, deviation, np.inf)
    # The same on every machine.
    with one_blas_thread():
        axes = np.linalg.svd(z, full_matrices=False)[2][:AXES]
    places: np.ndarray = z @ axes.T / np.sqrt(items.shape[1])
    return places


def select_diverse(scores: np.ndarray, coordinates: np.ndarray, min_distance: float) -> np.ndarray:
    """Rows of the best pictures of which no two (n, k) places are nearer than ``min_distance``, the best first.

    The choice is greedy: a picture is left out if it is near a better one that was chosen. Equal scores keep their
    order.
    """
    if not min_distance >= 0 or len(scores) != len(coordinates):
        raise ItemsError(
            f"Expected a distance of 0 or more and as many coordinates as scores, got {min_distance:g}, {len(coordinates)} "
            f"and {len(scores)}."
        )
    order = np.argsort(-scores, kind="stable")
    free = np.ones(len(scores), bool)
    chosen: list[int] = []
    for row in order.tolist():
        if free[row]:
            chosen.append(row)
            # At a distance of zero even equal pictures stay.
            free &= np.linalg.norm(coordinates - coordinates[row], axis=1) >= min_distance
    return np.array(chosen, dtype=int)
