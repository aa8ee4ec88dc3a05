"""Near-duplicates by perceptual hashes and small views of pictures.

Pictures that look alike get 64-bit hashes of which few bits differ. Pairs within d bits are found by the pigeonhole
rule: of d + 1 bands of bits at least one is equal in both. The hash sees coarse shapes in grey alone, so pairs are then
compared by views: the picture reduced to a few pixels. Views see palettes and styles too.

A group is a star: each member is near the picture that is kept. Nearness is not passed on from member to member, or
many pictures of one manner would hang together in chains.

Sources: the DCT hash of imagehash (``phash``); M. Norouzi, A. Punjani, D. J. Fleet, "Fast search in Hamming space with
multi-index hashing", CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from PIL import Image

from ...errors import ItemsError
from .distinct import Distinct, without_distinct

BITS = 64
#: Near-duplicates differ at most by so many bits, by so much of the contrast of their views, and by so much of the mean
#: colour (0…1). The limits are measured by ``benchmarks/duplicates.py``.
DISTANCE, APART, SHIFT = 10, 0.15, 0.09
#: Pixels on a side of a view, and the shares that are cut off for the views of a picture: a copy may be cropped.
SIDE, CROPS = 16, (0.0, 0.02, 0.04, 0.06)
#: The most that contrasts of near-duplicates differ, as a factor, and the least contrast that counts.
_GAIN, _FAINT = 4 / 3, 0.05
#: Side of the square whose cosine transform is hashed, as in imagehash.
_HASH_SIDE = 32
#: Shares of red, green and blue in lightness, as in JPEG.
_LUMA = (0.299, 0.587, 0.114)
#: Comparisons of hashes, and pictures whose views are compared, at once.
_BLOCK, _VIEWED = 4_000_000, 1024


def perceptual_hash(pixels: np.ndarray) -> int:
    """64-bit hash of a uint8 picture (h, w, 3), 0 … 2⁶⁴ − 1."""
    import imagehash

    # Reduced to whole numbers of pixels first, which is three times as fast and changes a bit of one hash in ten.
    luma = Image.fromarray(pixels).convert("L")
    side = _HASH_SIDE
    bits = imagehash.phash(luma.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3)).hash
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def _equal_runs(values: np.ndarray) -> Iterator[np.ndarray]:
    """Row numbers of each value of (n,) that occurs more than once."""
    order = np.argsort(values, kind="stable")
    edges = np.flatnonzero(np.diff(values[order])) + 1
    for run in np.split(order, edges):
        if len(run) > 1:
            yield run


def near_pairs(hashes: np.ndarray, distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Find pairs of hashes of which at most ``distance`` bits differ, block by block, each pair once.

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
    masks = [np.uint64((1 << int(high)) - (1 << int(low))) for low, high in pairwise(edges)]
    for number, mask in enumerate(masks):
        for run in _equal_runs(hashes & mask):
            for first, second in _pairs_within(hashes, run, distance):
                differing = hashes[first] ^ hashes[second]
                # The others came with an earlier band that is equal too.
                new = (
                    np.all([differing & earlier != 0 for earlier in masks[:number]], axis=0) if number else slice(None)
                )
                yield first[new], second[new]


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


def views(pixels: np.ndarray) -> np.ndarray:
    """Views of a picture: reduced as a whole, and without its edges.

    Colour is reduced to half as many pixels as lightness, because it is in the thumbnails that views are made of.

    Args:
        pixels: (h, w, 3) uint8.

    Returns:
        (len(CROPS), 3, SIDE, SIDE) uint8.
    """
    image = Image.fromarray(pixels)
    reduced = []
    for share in CROPS:
        dx, dy = image.width * share / 2, image.height * share / 2
        box = (dx, dy, image.width - dx, image.height - dy)
        reduced.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX, box=box)))
    rgb = np.stack(reduced).astype(np.float64).transpose(0, 3, 1, 2)
    luma = np.einsum("chij,h->cij", rgb, np.array(_LUMA))[:, None]
    colour = (rgb - luma).reshape(len(CROPS), 3, SIDE // 2, 2, SIDE // 2, 2).mean(axis=(3, 5))
    result: np.ndarray = (luma + colour.repeat(2, axis=2).repeat(2, axis=3) + 0.5).clip(0, 255).astype(np.uint8)
    return result


def alike(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Compare a picture with others by their views, whatever their brightness and contrast, if these differ little.

    Args:
        one: (len(CROPS), 3, SIDE, SIDE) uint8.
        others: (k, len(CROPS), 3, SIDE, SIDE) uint8.

    Returns:
        (k,) bool: True where mean colours differ by at most ``SHIFT``, and views by at most ``APART`` of the contrast,
        either whole or with one of both cropped.
    """
    shift = np.sqrt(np.mean((_mean_colours(one[None]) - _mean_colours(others)) ** 2, axis=1))
    near: np.ndarray = shift <= SHIFT
    if near.any():
        near[near] = _least_apart(_centred(one[None])[0], _centred(others[near])) <= APART
    return near


def _mean_colours(seen: np.ndarray) -> np.ndarray:
    """Mean colours (k, 3) in 0…1 of the whole views among (k, c, 3, SIDE, SIDE) uint8."""
    means: np.ndarray = seen[:, 0].reshape(-1, 3, SIDE**2).sum(axis=2, dtype=np.uint32) / (255 * SIDE**2)
    return means


def _centred(seen: np.ndarray) -> np.ndarray:
    """Views (k, c, values) float32, less the mean colour of each, of (k, c, 3, SIDE, SIDE) uint8."""
    pixels = seen.reshape(*seen.shape[:3], SIDE**2).astype(np.float32) / 255
    pixels -= pixels.mean(axis=3, keepdims=True)
    return pixels.reshape(*seen.shape[:2], 3 * SIDE**2)


def _least_apart(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square differences (k,) of centred views of matched contrast, in units of that contrast.

    The least of one picture (c, values) and others (k, c, values): both whole, or one of both cropped. With contrasts a
    and b matched by a factor g, the square is (a²/g + b²g − 2ab·r)/ab, where r is the correlation.
    """
    size = one.shape[1]
    variance, variances = np.mean(one**2, axis=1), np.einsum("kcv,kcv->kc", others, others) / size
    # The views of one against the whole others, and the whole one against the views of the others.
    pairs = [
        (variance[None], variances[:, :1], others[:, 0] @ one.T / size),
        (variance[:1, None], variances, others @ one[0] / size),
    ]
    least = np.full(len(others), np.inf, np.float32)
    for first, second, product in pairs:
        gain = np.clip(np.sqrt(np.maximum(first, 1e-12) / np.maximum(second, 1e-12)), 1 / _GAIN, _GAIN)
        squares = first / gain + second * gain - 2 * product
        apart = squares / np.maximum(np.sqrt(first * second), _FAINT**2)
        least = np.minimum(least, np.sqrt(np.maximum(apart, 0)).min(axis=1))
    return least


def near_groups(
    hashes: np.ndarray,
    order: np.ndarray,
    views_of: Callable[[np.ndarray], np.ndarray],
    distance: int = DISTANCE,
    distinct: Distinct = MappingProxyType({}),
) -> np.ndarray:
    """Group pictures that are nearly the same: hashes at most ``distance`` bits apart, and views that are alike.

    The first picture in ``order`` is kept, and its group is all that is near it; then the first of those that are left.

    Args:
        hashes: (n,) uint64 perceptual hashes.
        order: (n,) row numbers, the picture most worth keeping first.
        views_of: gives the ``views`` (k, …) of (k,) rows; called only for rows whose hashes are near.
        distance: the most bits that may differ, 0 … 15.
        distinct: corrections by the user, by row: no two pictures of a group are distinct.

    Returns:
        (n,) group of each picture, numbered from 0 in the order of the pictures that are kept; −1 for no group.

    Raises:
        ItemsError: the hashes have another type, or the distance is out of range.
    """
    different, which = np.unique(hashes, return_inverse=True)
    near = [np.stack(pair) for pair in near_pairs(different, distance)]
    pairs = np.concatenate(near, axis=1) if near else np.zeros((2, 0), np.int64)
    neighbours = _by_key(pairs.ravel(), pairs[::-1].ravel(), len(different))
    rows = _by_key(which, np.arange(len(hashes)), len(different))
    group, count = np.full(len(hashes), -1, np.int64), 0
    place = np.argsort(order)
    for keeper in order.tolist():
        hash_number = which[keeper]
        if group[keeper] >= 0 or (len(rows[hash_number]) == 1 and not len(neighbours[hash_number])):
            continue
        close = np.concatenate([rows[hash_number], *(rows[other] for other in neighbours[hash_number])])
        close = close[(group[close] < 0) & (close != keeper)]
        members = [close[:0]]
        for start in range(0, len(close), _VIEWED):
            block = close[start : start + _VIEWED]
            members.append(block[alike(views_of(np.array([keeper]))[0], views_of(block))])
        together = [keeper, *np.concatenate(members).tolist()]
        if distinct:
            together = without_distinct([keeper, *sorted(together[1:], key=place.__getitem__)], distinct)
        if len(together) > 1:
            group[together] = count
            count += 1
    return group


def _by_key(keys: np.ndarray, values: np.ndarray, count: int) -> list[np.ndarray]:
    """Values (m,) of each key 0 … ``count`` − 1."""
    order = np.argsort(keys, kind="stable")
    return np.split(values[order], np.searchsorted(keys[order], np.arange(1, count))) if count else []
