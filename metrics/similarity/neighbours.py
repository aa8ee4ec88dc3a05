"""Pictures like others: exact nearest neighbours by items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import ItemsError

#: Standardised items are cut at ± this, so that no single one decides alone.
CUT = 4.0


def likeness(items: np.ndarray, liked: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Likeness of pictures to liked ones: the mean cosine of their standardised items.

    A network's items decide alone where there are some, because they see what is shown. Else SOART and colour items count
    equally, each with a cosine of its own.

    Args:
        items: (n, p) items of the pictures.
        liked: (m, p) items of the liked pictures, at least one.
        names: (p,) names of the items.

    Returns:
        (n,) −1…1, higher is more alike; 0 for items that do not vary.

    Raises:
        ItemsError: shapes do not fit together, or there is no liked picture.
    """
    if items.ndim != 2 or liked.ndim != 2 or not len(liked) or not items.shape[1] == liked.shape[1] == len(names):
        raise ItemsError(
            f"Expected items (n, {len(names)}) and at least one liked picture, got {items.shape} and {liked.shape}."
        )
    heads = _heads(names)
    mean = np.zeros(len(items))
    for head in heads:
        # In place, and without the items that do not count: there may be many pictures.
        z = np.vstack([items[:, head], liked[:, head]]).astype(np.float64)
        deviations = z.std(axis=0)
        z -= z.mean(axis=0)
        z /= np.where(deviations > 0, deviations, np.inf)
        np.clip(z, -CUT, CUT, out=z)
        lengths = np.linalg.norm(z, axis=1, keepdims=True)
        z /= np.where(lengths > 0, lengths, np.inf)
        mean += z[: len(items)] @ z[len(items) :].mean(axis=0) / len(heads)
    return mean


def _heads(names: Sequence[str]) -> list[np.ndarray]:
    """Numbers of the items that share a cosine."""
    kinds = np.array([name.split("/")[0] for name in names])
    heads = [kinds == "deep"] if "deep" in kinds else [np.isin(kinds, ["raw", "normalised"]), kinds == "colour"]
    return [np.flatnonzero(head) for head in heads if head.any()] or [np.arange(len(names))]
