"""Perceptual hashes: pictures that look alike get 64-bit numbers of which few bits differ.

Source: the DCT hash of imagehash (``phash``); pairs within d bits are found by the pigeonhole rule: of d + 1 bands at least one is equal
in both (M. Norouzi, A. Punjani, D. J. Fleet, "Fast search in Hamming space with multi-index hashing", CVPR 2012).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..errors import ItemsError

BITS = 64
#: Comparisons made at once.
_BLOCK = 4_000_000


def perceptual_hash(pixels: np.ndarray) -> int:
    """64-bit hash of a uint8 picture (h, w, 3), 0 … 2⁶⁴ − 1."""
    import imagehash

    bits = imagehash.phash(Image.fromarray(pixels)).hash
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def _equal_runs(values: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers of the rows that share a value, for every value of (n,) that occurs more than once."""
    order = np.argsort(values, kind="stable")
    edges = np.flatnonzero(np.diff(values[order])) + 1
    for run in np.split(order, edges):
        if len(run) > 1:
            yield run


def near_pairs(hashes: np.ndarray, distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of different hashes of which at most ``distance`` bits differ, block by block; some pairs come more than once.

    Args:
        hashes: (n,) uint64, all different.
        distance: 0 … 15.

    Yields:
        (k,) numbers i and (k,) numbers j of the pairs, i < j.

    Raises:
        ItemsError: hashes of another type, or a distance out of range.
    """
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise ItemsError(f"Expected hashes as (n,) uint64, got {hashes.dtype} of shape {hashes.shape}.")
    if not 0 <= distance < 16:
        raise ItemsError(f"Expected a distance from 0 to 15 bits, got {distance}.")
    edges = np.linspace(0, BITS, distance + 2).astype(int)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        for run in _equal_runs(band):
            yield from _pairs_within(hashes, run, distance)


def _pairs_within(hashes: np.ndarray, run: np.ndarray, distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rows = max(1, _BLOCK // len(run))
    for start in range(0, len(run), rows):
        part = hashes[run[start : start + rows]]
        differing = np.bitwise_count(part[:, None] ^ hashes[run][None, :])
        first, second = np.nonzero(differing <= distance)
        later = second > first + start
        pair = np.sort(np.stack([run[first[later] + start], run[second[later]]]), axis=0)
        if pair.shape[1]:
            yield pair[0], pair[1]
