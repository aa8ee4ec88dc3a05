"""Orders of texture items under mirrorings and quarter turns."""

from __future__ import annotations

from functools import cache

import numpy as np

from ..metrics.items.parts import PARTS
from ..metrics.items.quality import SCALES

#: Parts that a mirroring or a quarter turn exchanges.
_MIRRORED = {"line-d": "line-u", "line-u": "line-d", "bend-ne": "bend-nw", "bend-nw": "bend-ne", "bend-se": "bend-sw",
             "bend-sw": "bend-se"}  # fmt: skip
_TURNED = {"line-h": "line-v", "line-v": "line-h", "line-d": "line-u", "line-u": "line-d", "bend-ne": "bend-nw",
           "bend-nw": "bend-sw", "bend-sw": "bend-se", "bend-se": "bend-ne"}  # fmt: skip


@cache
def symmetries(scales: int = SCALES) -> list[np.ndarray]:
    """Orders of the texture items at a number of scales, under each of the eight mirrorings and quarter turns."""
    parts = list(PARTS)
    orders: set[tuple[int, ...]] = set()
    waiting = [tuple(range(len(parts)))]
    while waiting:
        order = waiting.pop()
        if order not in orders:
            orders.add(order)
            waiting += [
                tuple(order[parts.index(exchange.get(part, part))] for part in parts)
                for exchange in (_MIRRORED, _TURNED)
            ]
    metrics, step = 2, 2 * len(parts)
    return [
        np.array(
            [scale * step + part * metrics + m for scale in range(scales) for part in order for m in range(metrics)]
        )
        for order in sorted(orders)
    ]
