"""Learns the space of cards from reference pictures; see ``metrics.tastes.card_space``."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..metrics.items.frame import APPEARANCE, CONTENT, CUT, kinds_of
from ..metrics.tastes.card_space import CardSpace


def learn_space(
    items: np.ndarray, names: tuple[str, ...], version: str, width: int, ignored: Collection[str] = ()
) -> CardSpace:
    """The space of ``width`` principal axes of reference pictures.

    Args:
        items: (n, p) items of the pictures.
        names: (p,) names of the items.
        version: of the items.
        width: number of axes, below n.
        ignored: names of items that do not count.
    """
    centre, scale = items.mean(axis=0), items.std(axis=0)
    scale[[name in ignored for name in names]] = 0.0
    scale = np.where(scale > 1e-9 * np.maximum(np.abs(centre), 1e-3), scale, np.inf)
    z = np.clip((items - centre) / scale, -CUT, CUT)
    kinds = {
        kind: np.array([k for k in numbers if names[k] not in ignored], dtype=np.int64)
        for kind, numbers in kinds_of(names).items()
    }
    shown = [kind for kind in APPEARANCE if kind in kinds]
    weights = np.zeros(len(names))
    for kind in (*shown, *([CONTENT] if CONTENT in kinds else [])):
        # Content counts as much as all kinds of appearance together.
        share = 1.0 if kind == CONTENT else 1 / max(len(shown), 1)
        weights[kinds[kind]] = np.sqrt(share / len(kinds[kind]))
    _, lengths, axes = np.linalg.svd(z * weights - (z * weights).mean(axis=0), full_matrices=False)
    power = float(np.sum(lengths[:width] ** 2) / len(z))
    return CardSpace(version, centre, scale, weights[:, None] * axes[:width].T / np.sqrt(power))
