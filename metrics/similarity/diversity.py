"""Chooses the best of ranked pictures so that they are not all alike.

The *look* of a picture is its items in standard deviations of rated photographs. Two pictures are alike if they have one
prompt, or if their looks differ by less than ``LOOK``: a deviation in every item is a distance of 1. Those whose perceptual
hashes are near are one picture saved twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import ItemsError
from ..damage.rated_quality import rated_appearance_model
from ..items.frame import Frame, columns_of
from .near_duplicates import DISTANCE

#: Distance between looks that are alike: most pairs of one prompt by one model are nearer, hardly any of other prompts by it
#: (``benchmarks/collections/varied.py --clones``).
LOOK = 0.45
#: Pictures like each other that are chosen before further ones must be clearly better than all others: by nearly so many
#: standard deviations of the values.
FEW, CLEARLY = 2, 2.0
#: Most pictures of a ranking whose looks are compared, the best ones; the others are told apart by their prompts.
LOOKED = 5000


class Seen(NamedTuple):
    """Signs by which n pictures are alike."""

    prompts: np.ndarray  # (n,) number of each picture's prompt; −1 for none
    hashes: np.ndarray  # (n,) uint64 perceptual hashes; 0 for none
    #: (m, q) of the first m pictures, see ``looks_of``; NaN for a picture without, which looks like none
    looks: np.ndarray

    def like(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(n,) True for copies of a picture, and for those like it; and (n,) distances from its look, NaN if unknown."""
        distance = np.full(len(self.prompts), np.nan)
        if row < len(self.looks):
            distance[: len(self.looks)] = np.linalg.norm(self.looks - self.looks[row], axis=1)
        own = self.hashes[row]
        copies = (self.hashes != 0) & (own != 0) & (np.bitwise_count(self.hashes ^ own) <= DISTANCE)
        same = (self.prompts == self.prompts[row]) & (self.prompts[row] >= 0)
        return copies, copies | same | (distance < LOOK), distance


def looks_of(items: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """(n, q) float32 looks of (n, p) items with these names; a network's items are left out."""
    model = rated_appearance_model()
    own = items[:, columns_of("The look of a picture", model.names, names)]
    deviations = Frame(model.centre, model.scale, np.empty(0)).deviations(own)
    looks: np.ndarray = (deviations / np.sqrt(len(model.names))).astype(np.float32)
    return looks


def choose_varied(values: np.ndarray, seen: Seen, count: int) -> dict[int, list[int]]:
    """Choose ``count`` of ranked pictures with (n,) values that descend, fewer only if the others are copies of these.

    Each time the best picture is chosen, where k pictures like it that are chosen already, beyond ``FEW`` − 1, count against it
    as ``CLEARLY`` · (1 − 4⁻ᵏ) standard deviations of the values: so prompts take turns, and little is lost where one is far better.

    Returns:
        the chosen rows, ascending, each with those that it stands for: better than the last chosen one, but left out.
    """
    n = len(values)
    if len(seen.prompts) != n or len(seen.hashes) != n or len(seen.looks) > n or (np.diff(values) > 0).any():
        raise ItemsError(f"Expected {n} values that descend, and as many prompts, hashes and looks.")
    unit = (float(values.std()) if n else 0.0) or 1.0
    alike, free = np.zeros(n), np.ones(n, bool)
    apart: dict[int, np.ndarray] = {}
    while len(apart) < count and free.any():
        worth = values - unit * CLEARLY * (1 - 0.25 ** np.maximum(alike - (FEW - 1), 0))
        row = int(np.where(free, worth, -np.inf).argmax())
        copies, like, distance = seen.like(row)
        free &= ~copies
        free[row] = False
        alike += like
        # Of the pictures like it, those without a look are the farthest.
        apart[row] = np.where(like, np.nan_to_num(distance, nan=np.finfo(float).max), np.inf)
    rows = sorted(apart)
    if not rows:
        return {}
    behind: dict[int, list[int]] = {row: [] for row in rows}
    end = rows[-1] if rows and len(rows) == count else n
    for left in sorted({*range(end)} - apart.keys()):
        behind[min(rows, key=lambda row: float(apart[row][left]))].append(left)
    return behind
