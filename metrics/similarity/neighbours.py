"""Pictures like others: exact nearest neighbours by items.

The likeness of two pictures is the cosine of their standardised items. A network's items decide alone where there are
some, because they see what is shown. Else SOART and colour items count equally, each with a cosine of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ItemsError
from ..checks import constant

#: Standardised items are cut at ± this, so that no single one decides alone.
CUT = 4.0


@dataclass(frozen=True)
class Standard:
    """Turns (p,) items into vectors whose products are likenesses."""

    names: Sequence[str]  # (p,) of the items
    #: (d,) of the items that count; the deviation of one that does not vary is infinite
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, items: np.ndarray, names: Sequence[str]) -> Standard:
        """The standard of pictures with items (n, p) and their names (p,)."""
        values = items[:, _counted(names)].astype(np.float64)
        if not len(values):
            return cls(names, np.zeros(values.shape[1]), np.full(values.shape[1], np.inf))
        # A mean misses the value of constant items by a rounding error, which is no variation.
        return cls(names, values.mean(axis=0), np.where(constant(values), np.inf, values.std(axis=0)))

    def vectors(self, items: np.ndarray) -> np.ndarray:
        """(n, d) float32 vectors of pictures with items (n, p); the product of two is their likeness, −1…1."""
        heads = _heads(self.names)
        z = items[:, _counted(self.names)].astype(np.float64)
        # In place: there may be many pictures.
        z -= self.mean
        z /= self.deviation
        np.clip(z, -CUT, CUT, out=z)
        # Views of z, one for each cosine; with lengths of 1/√heads a product is the mean of the cosines.
        for part in np.split(z, np.cumsum([len(head) for head in heads])[:-1], axis=1):
            lengths = np.linalg.norm(part, axis=1, keepdims=True)
            part /= np.where(lengths > 0, lengths, np.inf) * np.sqrt(len(heads))
        return z.astype(np.float32)


def _counted(names: Sequence[str]) -> np.ndarray:
    """(d,) numbers of the items that count, by their names (p,)."""
    return np.concatenate(_heads(names))


def likeness(items: np.ndarray, liked: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(n,) mean likenesses, −1…1, of (n, p) items to (m, p) liked ones, m ≥ 1; 0 for items that do not vary."""
    if items.ndim != 2 or liked.ndim != 2 or not len(liked) or not items.shape[1] == liked.shape[1] == len(names):
        raise ItemsError(
            f"Expected items (n, {len(names)}) and at least one liked picture, got {items.shape} and {liked.shape}."
        )
    standard = Standard.of(np.vstack([items, liked]), names)
    alike: np.ndarray = standard.vectors(items) @ standard.vectors(liked).mean(axis=0)
    return alike


def _heads(names: Sequence[str]) -> tuple[np.ndarray, ...]:
    """Numbers of the items that share a cosine."""
    kinds = np.array([name.split("/")[0] for name in names])
    heads = [kinds == "deep"] if "deep" in kinds else [np.isin(kinds, ["raw", "normalised"]), kinds == "colour"]
    return tuple(np.flatnonzero(head) for head in heads if head.any()) or (np.arange(len(names)),)
