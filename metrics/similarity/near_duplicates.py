"""Near-duplicates by perceptual hashes and colours.

Pictures that look alike get 64-bit hashes of which few bits differ. Pairs within d bits are found by the pigeonhole
rule: of d + 1 bands of bits at least one is equal in both.

Sources: the DCT hash of imagehash (``phash``); M. Norouzi, A. Punjani, D. J. Fleet, "Fast search in Hamming space with
multi-index hashing", CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from PIL import Image

from ...errors import ItemsError

BITS = 64
#: Near-duplicates differ at most by so many bits, and by so many standard deviations of colour items. The limits are
#: measured by ``benchmarks/duplicates.py``.
DISTANCE, APART = 8, 0.45
#: Comparisons made at once.
_BLOCK = 4_000_000


def perceptual_hash(pixels: np.ndarray) -> int:
    """64-bit hash of a uint8 picture (h, w, 3), 0 … 2⁶⁴ − 1."""
    import imagehash

    bits = imagehash.phash(Image.fromarray(pixels)).hash
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def _equal_runs(values: np.ndarray) -> Iterator[np.ndarray]:
    """Row numbers of each value of (n,) that occurs more than once."""
    order = np.argsort(values, kind="stable")
    edges = np.flatnonzero(np.diff(values[order])) + 1
    for run in np.split(order, edges):
        if len(run) > 1:
            yield run


def near_pairs(hashes: np.ndarray, distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Find pairs of hashes of which at most ``distance`` bits differ, block by block; a pair may come more than once.

    Args:
        hashes: (n,) uint64, all different.
        distance: 0 … 15.

    Yields:
        (k,) numbers i and (k,) numbers j of the pairs, i < j.

    Raises:
        ItemsError: the hashes have another type, or the distance is out of range.
    """
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise ItemsError(f"Expected hashes as (n,) uint64, got {hashes.dtype} of shape {hashes.shape}.")
    if not 0 <= distance < 16:
        raise ItemsError(f"Expected a distance from 0 to 15 bits, got {distance}.")
    edges = np.linspace(0, BITS, distance + 2).astype(int)
    for low, high in pairwise(edges):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        for run in _equal_runs(band):
            yield from _pairs_within(hashes, run, distance)


def _pairs_within(hashes: np.ndarray, run: np.ndarray, distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs i < j of the rows in ``run`` of which at most ``distance`` bits differ."""
    rows = max(1, _BLOCK // len(run))
    for start in range(0, len(run), rows):
        block = hashes[run[start : start + rows]]
        differing = np.bitwise_count(block[:, None] ^ hashes[run][None, :])
        first, second = np.nonzero(differing <= distance)
        later = second > first + start
        pair = np.sort(np.stack([run[first[later] + start], run[second[later]]]), axis=0)
        if pair.shape[1]:
            yield pair[0], pair[1]


def near_groups(
    hashes: np.ndarray, tints: np.ndarray, distance: int = DISTANCE, max_colour_distance: float = APART
) -> np.ndarray:
    """Group pictures that are nearly the same: hashes at most ``distance`` bits apart, and similar colours.

    The hash describes shapes in grey. Colour items separate pictures that have only their shapes in common; resizing
    and JPEG hardly change them.

    Args:
        hashes: (n,) uint64 perceptual hashes.
        tints: (n, c) colour items in standard deviations.
        distance: the most bits that may differ, 0 … 15.
        max_colour_distance: the largest root mean square difference of tints.

    Returns:
        (n,) group of each picture, numbered from 0 in the order of the first member; −1 for no group.

    Raises:
        ItemsError: the hashes have another type, or the distance is out of range.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    different, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    copies = np.flatnonzero(first[which] != np.arange(len(hashes)))
    pairs = [(first[which[copies]], copies)]
    pairs += [(first[i], first[j]) for i, j in near_pairs(different, distance)]
    near_in_colour = []
    for i, j in pairs:
        near = np.sqrt(np.mean((tints[i] - tints[j]) ** 2, axis=1)) <= max_colour_distance
        near_in_colour.append(np.stack([i[near], j[near]]))
    edges = np.concatenate(near_in_colour, axis=1)
    n = len(hashes)
    _, label = connected_components(coo_matrix((np.ones(edges.shape[1], bool), tuple(edges)), (n, n)), directed=False)
    sizes = np.bincount(label, minlength=1)
    # Components are numbered in the order of their first member.
    number = np.where(sizes > 1, np.cumsum(sizes > 1) - 1, -1)
    return number[label].astype(np.int64) if n else np.zeros(0, np.int64)
