"""Remembers which pairs of pictures were compared, and which of them are alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Bits of a pair that hold its second picture.
_HALF = np.uint64(32)


class StoredPairs(NamedTuple):
    """Pairs that were compared, to be stored."""

    digests: np.ndarray  # (d,) uint64 of the pictures, ascending, each once
    #: (m,) uint64, ascending, each once: the place in ``digests`` of the smaller one × 2³², plus that of the larger
    pairs: np.ndarray
    alike: np.ndarray  # (m,) bool

    def among(self, present: np.ndarray) -> StoredPairs:
        """The pairs of which both pictures are ``present``, (k,) uint64 digests."""
        left = np.isin(self.digests, present)
        kept = left[self.pairs >> _HALF] & left[self.pairs & np.uint64(2**32 - 1)]
        return StoredPairs(self.digests[left], _placed(self.pairs[kept], np.cumsum(left) - 1), self.alike[kept])


NO_PAIRS = StoredPairs(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, bool))


def _placed(pairs: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Pairs (m,) after each digest has moved to one of ``places`` (d,), in which digests keep their order."""
    moved = places.astype(np.uint64)
    numbers: np.ndarray = (moved[pairs >> _HALF] << _HALF) | moved[pairs & np.uint64(2**32 - 1)]
    return numbers


class Comparisons:
    """Pairs of pictures that were compared; it grows with every comparison.

    Pictures are (n,) uint64 digests of their content, so that pairs stay known when pictures are added, moved or scored
    anew. ``fresh`` counts pairs that ``earlier`` did not hold.
    """

    def __init__(self, digests: np.ndarray, earlier: StoredPairs = NO_PAIRS) -> None:
        self._digests = np.union1d(digests, earlier.digests)
        self._places = np.searchsorted(self._digests, digests).astype(np.uint64)
        self._pairs = _placed(earlier.pairs, np.searchsorted(self._digests, earlier.digests))
        self._alike = earlier.alike
        self._added: list[tuple[np.ndarray, np.ndarray]] = []
        self.fresh = 0

    def _numbers(self, row: int, others: np.ndarray) -> np.ndarray:
        """Numbers (k,) uint64 of the pairs of a row and others (k,), in either order."""
        one, other = self._places[row], self._places[others]
        numbers: np.ndarray = (np.minimum(one, other) << _HALF) | np.maximum(one, other)
        return numbers

    def known(self, row: int, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(k,) bool of pairs of a row and others compared before this object was made, and of those that are alike."""
        if not len(self._pairs):
            return np.zeros(len(others), bool), np.zeros(len(others), bool)
        numbers = self._numbers(row, others)
        places = np.minimum(np.searchsorted(self._pairs, numbers), len(self._pairs) - 1)
        compared = self._pairs[places] == numbers
        return compared, compared & self._alike[places]

    def add(self, row: int, others: np.ndarray, alike: np.ndarray) -> None:
        """Remember comparisons of a row with others (k,): ``alike`` (k,) bool."""
        if len(others):
            self._added.append((self._numbers(row, others), alike))
            self.fresh += len(others)

    def stored(self) -> StoredPairs:
        """All pairs, to be stored."""
        pairs = np.concatenate([self._pairs, *(numbers for numbers, _ in self._added)])
        alike = np.concatenate([self._alike, *(values for _, values in self._added)])
        unique, first = np.unique(pairs, return_index=True)
        return StoredPairs(self._digests, unique, alike[first])
