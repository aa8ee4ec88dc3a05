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

from collections.abc import Callable
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from PIL import Image

from ...errors import ItemsError
from .comparisons import Comparisons
from .distinct import Distinct, without_distinct

BITS = 64
#: Near-duplicates differ at most by so many bits, by so much of the contrast of their views, and by so much of the mean
#: colour (0…1). The limits are measured by ``benchmarks/collections/duplicates.py``.
DISTANCE, APART, SHIFT = 10, 0.15, 0.09
#: Pixels on a side of a view, and the shares that are cut off for the views of a picture: a copy may be cropped.
SIDE, CROPS = 16, (0.0, 0.02, 0.04, 0.06)
#: The most that contrasts of near-duplicates differ, as a factor, and the least contrast that counts.
_GAIN, _FAINT = 4 / 3, 0.05
#: Side of the square whose cosine transform is hashed, as in imagehash.
_HASH_SIDE = 32
#: Cosines of the lowest frequencies, one a row.
_COSINES = 2 * np.cos(np.pi / _HASH_SIDE * np.outer(np.arange(8), np.arange(_HASH_SIDE) + 0.5))
#: Shares of red, green and blue in lightness, as in JPEG.
_LUMA = (0.299, 0.587, 0.114)
#: All that decides if pictures of the same thumbnails are alike; the number is increased whenever the code decides otherwise.
METHOD = f"2 {APART} {SHIFT} {SIDE} {CROPS} {_GAIN} {_FAINT} {_LUMA}"
#: Pictures whose views are compared at once.
_VIEWED = 1024


def perceptual_hash(pixels: np.ndarray) -> int:
    """64-bit hash of a uint8 picture (h, w, 3), 0 … 2⁶⁴ − 1: that of imagehash, without half a second of imports."""
    # Reduced to whole numbers of pixels first, which is three times as fast and changes a bit of one hash in ten.
    luma = Image.fromarray(pixels).convert("L")
    small = luma.resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.LANCZOS, reducing_gap=3)
    # Rounded, so that what is zero in theory is not above the median by chance.
    waves = np.round(_COSINES @ np.asarray(small, np.float64) @ _COSINES.T, 6)
    return int.from_bytes(np.packbits(waves > np.median(waves)).tobytes(), "big")


class HashIndex:
    """Finds which of (n,) uint64 hashes are near a given one: at most ``distance`` bits apart, 0 … 15."""

    def __init__(self, hashes: np.ndarray, distance: int) -> None:
        if hashes.dtype != np.uint64 or hashes.ndim != 1:
            raise ItemsError(f"Expected hashes as (n,) uint64, got {hashes.dtype} of shape {hashes.shape}.")
        if not 0 <= distance < 16:
            raise ItemsError(f"Expected a distance from 0 to 15 bits, got {distance}.")
        self._hashes, self._distance = hashes, distance
        edges = np.linspace(0, BITS, distance + 2).astype(int)
        masks = [np.uint64((1 << int(high)) - (1 << int(low))) for low, high in pairwise(edges)]
        orders = [np.argsort(hashes & mask, kind="stable") for mask in masks]
        #: Rows and hashes in the order of each band, and the places of those that are equal in it to each row.
        self._rows = np.stack(orders).astype(np.int32)
        self._values = hashes[self._rows]
        bands = [(values & mask, hashes & mask) for values, mask in zip(self._values, masks, strict=True)]
        self._first = np.stack([np.searchsorted(known, asked) for known, asked in bands], axis=1)
        self._last = np.stack([np.searchsorted(known, asked, "right") for known, asked in bands], axis=1)

    def near(self, row: int) -> np.ndarray:
        """The other rows whose hashes are near that of ``row``, ascending."""
        places = [slice(*ends) for ends in zip(self._first[row].tolist(), self._last[row].tolist(), strict=True)]
        values = np.concatenate([band[place] for band, place in zip(self._values, places, strict=True)])
        close = np.flatnonzero(np.bitwise_count(values ^ self._hashes[row]) <= self._distance)
        rows = np.unique(np.concatenate([band[place] for band, place in zip(self._rows, places, strict=True)])[close])
        others: np.ndarray = rows[rows != row]
        return others


def views(pixels: np.ndarray) -> np.ndarray:
    """(len(CROPS), 3, SIDE, SIDE) uint8 views of (h, w, 3) uint8 pixels: reduced as a whole, and without the edges.

    Colour is reduced to half as many pixels as lightness, because it is in the thumbnails that views are made of.
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
    """(k,) bool: True for ``others`` whose views are like those of ``one``, up to a little brightness and contrast.

    That is where mean colours differ by at most ``SHIFT``, and views by at most ``APART`` of the contrast, either whole
    or with one of both cropped.
    """
    near = _shift(_mean_colours(one[None])[0], _mean_colours(others)) <= SHIFT
    if near.any():
        near[near] = _least_apart(_centred(one[None])[0], _centred(others[near])) <= APART
    return near


def _shift(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square differences (k,) of a mean colour (3,) and others (k, 3)."""
    shift: np.ndarray = np.sqrt(np.mean((one - others) ** 2, axis=1))
    return shift


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
    """(k,) root mean square differences of views of matched contrast, in units of that contrast.

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
    comparisons: Comparisons | None = None,
) -> np.ndarray:
    """(n,) groups of pictures that are nearly the same, from 0 in the order of those kept; −1 for none.

    The first picture in ``order`` is kept, and its group is all that is near it; then the first of those that are left.
    Near are hashes at most ``distance`` bits apart, 0 … 15, with views alike. ``views_of`` is called only for rows
    whose hashes are near and that were not compared before, and ``comparisons`` grow by those. ``distinct`` are
    corrections by the user.
    """
    index = HashIndex(hashes, distance)
    if comparisons is None:
        comparisons = Comparisons(np.arange(len(hashes), dtype=np.uint64))
    group, count = np.full(len(hashes), -1, np.int64), 0
    place = np.argsort(order)
    # Mean colours of pictures whose views were read: those of another colour need not be read again.
    means = np.full((len(hashes), 3), np.nan)
    for keeper in order.tolist():
        close = index.near(keeper) if group[keeper] < 0 else group[:0]
        # An earlier picture without a group was compared with this one when it was the keeper.
        close = close[(group[close] < 0) & (place[close] > place[keeper])]
        before, same = comparisons.known(keeper, close)
        members, close = [close[same]], close[~before]
        far = _shift(means[keeper], means[close]) > SHIFT
        comparisons.add(keeper, close[far], ~far[far])
        close = close[~far]
        for start in range(0, len(close), _VIEWED):
            block = close[start : start + _VIEWED]
            one, others = views_of(np.array([keeper])), views_of(block)
            means[keeper], means[block] = _mean_colours(one)[0], _mean_colours(others)
            near = alike(one[0], others)
            members.append(block[near])
            comparisons.add(keeper, block, near)
        together = [keeper, *np.concatenate(members).tolist()]
        if distinct:
            together = without_distinct([keeper, *sorted(together[1:], key=place.__getitem__)], distinct)
        if len(together) > 1:
            group[together] = count
            count += 1
    return group
