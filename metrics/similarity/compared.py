"""Remembers which pairs of pictures were compared, and which of them are alike.

A pair is known by the content of its pictures alone, so that what was compared once need not be compared again when
pictures are added, moved or scored anew.
"""

from __future__ import annotations

import numpy as np

#: Odd, so that multiplying by it loses nothing: 2⁶⁴ over the golden ratio.
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Compared:
    """Pairs of pictures that were compared; it grows with every comparison.

    Args:
        digests: (n,) uint64 by row, equal for equal pictures alone, such as the beginning of a hash. Pairs are known by 64
            bits made of both: of a million pairs two are confused with a probability of 10⁻⁷.
        pairs: (m,) uint64, sorted, from ``pairs`` of an earlier object.
        alike: (m,) bool, likewise.

    Attributes:
        fresh: number of pairs that were added.
    """

    def __init__(self, digests: np.ndarray, pairs: np.ndarray | None = None, alike: np.ndarray | None = None) -> None:
        self._digests = digests
        self._pairs = np.zeros(0, np.uint64) if pairs is None else pairs
        self._alike = np.zeros(0, bool) if alike is None else alike
        self._added: list[tuple[np.ndarray, np.ndarray]] = []
        self.fresh = 0

    def _keys(self, row: int, others: np.ndarray) -> np.ndarray:
        """Numbers (k,) uint64 of the pairs of a row and others (k,), whichever comes first."""
        one, other = self._digests[row], self._digests[others]
        keys: np.ndarray = np.minimum(one, other) * _MIX + np.maximum(one, other)
        return keys

    def known(self, row: int, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether the pairs of a row and others (k,) were compared before this object was made, and are alike.

        Returns:
            (k,) bool, True for pairs that were compared, and (k,) bool, True for those that are alike.
        """
        if not len(self._pairs):
            return np.zeros(len(others), bool), np.zeros(len(others), bool)
        keys = self._keys(row, others)
        places = np.minimum(np.searchsorted(self._pairs, keys), len(self._pairs) - 1)
        compared = self._pairs[places] == keys
        return compared, compared & self._alike[places]

    def add(self, row: int, others: np.ndarray, alike: np.ndarray) -> None:
        """Remember comparisons of a row with others (k,): ``alike`` (k,) bool."""
        if len(others):
            self._added.append((self._keys(row, others), alike))
            self.fresh += len(others)

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """All pairs, to be stored: (m,) uint64, sorted, and (m,) bool, True for those that are alike."""
        keys = np.concatenate([self._pairs, *(keys for keys, _ in self._added)])
        alike = np.concatenate([self._alike, *(values for _, values in self._added)])
        unique, first = np.unique(keys, return_index=True)
        return unique, alike[first]
