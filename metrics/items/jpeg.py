"""Traces that a JPEG of poor quality leaves in pixels, even if the picture is saved again or cropped.

JPEG rounds the coefficients of the cosine transform of 8×8 blocks to multiples of a step, the larger the poorer the
quality. Decoded coefficients therefore lie on a comb, and stay near it when the picture is saved losslessly or as a
better JPEG, whose blocks may begin elsewhere.

Sources: Popescu & Farid, "Statistical tools for digital forensics", Information Hiding (2004); Bianchi & Piva,
"Detection of nonaligned double JPEG compression based on integer periodicity maps", IEEE TIFS 7 (2012); the steps are
those of ITU-T T.81, annex K, scaled by quality as by the Independent JPEG Group.
"""

from __future__ import annotations

from functools import cache

import numpy as np

#: Qualities whose combs are searched; better ones leave hardly a trace that people see.
QUALITIES = tuple(range(10, 66, 5))
#: Frequencies (down, across) that tell where blocks begin, and those that measure the comb.
_PLACING = ((0, 1), (1, 0), (1, 1))
_MEASURING = (*_PLACING, (0, 2), (2, 0), (1, 2), (2, 1), (2, 2))
#: Steps of the luma of quality 50 at the lowest frequencies.
_STEPS = np.array([[16, 11, 10], [12, 12, 14], [14, 13, 16]])
#: Side of the middle square in which the beginning of blocks is searched, in pixels.
_SEARCHED = 256
#: Largest coefficient that counts; beyond it there are few.
_MOST = 128
#: Standard deviations of the mean of random phases that a comb must exceed.
_CERTAIN = 4.0
#: Weakest comb that counts: a JPEG of quality 70 to 85 resembles a poorer one up to this strength.
WEAKEST = 0.2
_BASIS = np.array(
    [[np.sqrt((1 + (u > 0)) / 8) * np.cos((2 * k + 1) * u * np.pi / 16) for k in range(8)] for u in range(3)],
    dtype=np.float32,
)


def comb_of(luma: np.ndarray) -> float:
    """Strength of the strongest comb in (h, w) float32 luma, 0…255: about 1 after one poor JPEG, 0 without any.

    It is the mean cosine of the coefficients' phases within a step, over the coefficients beyond half a step; 0 where
    it is less than ``WEAKEST``, or may be chance.
    """
    if min(luma.shape) < 16:
        return 0.0
    row, column = _beginning(luma)
    blocks = luma[row:, column:]
    height, width = blocks.shape[0] // 8, blocks.shape[1] // 8
    if not height * width:
        return 0.0
    across = blocks[: height * 8, : width * 8].reshape(-1, 8) @ _BASIS.T
    coefficients = np.tensordot(_BASIS, across.reshape(height, 8, -1), axes=(1, 1)).reshape(3, -1, 3)
    counts = np.stack([_counts(coefficients[u, :, v]) for u, v in _MEASURING])[None]
    mean, deviations = _phases(counts, _MEASURING)
    strongest = float(np.max(mean[0], where=deviations[0] > _CERTAIN, initial=0.0))
    return strongest if strongest >= WEAKEST else 0.0


def _beginning(luma: np.ndarray) -> tuple[int, int]:
    """Row and column, 0…7, at which the blocks of the most certain comb begin."""
    top, left = (max(0, n - _SEARCHED) // 2 // 8 * 8 for n in luma.shape)
    part = luma[top : top + _SEARCHED, left : left + _SEARCHED]
    sums, slopes = _sum(part.T).T, _slope(part.T).T
    maps = (_sum(slopes), _slope(sums), _slope(slopes))
    height, width = maps[0].shape
    places = (np.arange(height) % 8 * 8)[:, None] + np.arange(width) % 8
    counts = np.stack([_counts(m, places, 64) for m in maps], axis=1)
    certain = _phases(counts, _PLACING)[1].max(axis=1)
    row, column = divmod(int(certain.argmax()), 8)
    return row, column


def _sum(x: np.ndarray) -> np.ndarray:
    """Lowest coefficient of every eight rows that follow each other."""
    for step in (1, 2, 4):
        x = x[:-step] + x[step:]
    summed: np.ndarray = x * _BASIS[0, 0]
    return summed


def _slope(x: np.ndarray) -> np.ndarray:
    """Second coefficient of every eight rows that follow each other."""
    n = len(x) - 7
    total: np.ndarray = (x[:n] - x[7 : 7 + n]) * _BASIS[1, 0]
    for k in (1, 2, 3):
        total += (x[k : k + n] - x[7 - k : 7 - k + n]) * _BASIS[1, k]
    return total


def _counts(coefficients: np.ndarray, groups: np.ndarray | int = 0, most: int = 1) -> np.ndarray:
    """(most, 128) numbers of rounded magnitudes in each group of coefficients."""
    magnitudes = np.abs(coefficients)
    magnitudes += 0.5
    np.minimum(magnitudes, _MOST - 0.5, out=magnitudes)
    # Of the type that bincount would convert to.
    rounded = magnitudes.astype(np.intp)
    rounded += groups * _MOST
    counts = np.bincount(rounded.ravel(), minlength=most * _MOST).reshape(most, _MOST)
    return counts if most > 1 else counts[0]


def _phases(counts: np.ndarray, frequencies: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2 · qualities) mean cosines of the phases, and the same in standard deviations of random phases.

    ``counts`` are (n, frequencies, 128) numbers of magnitudes. Steps are taken as they are, and exchanged as by a
    quarter turn of the picture.
    """
    cosines, beyond = _tables(frequencies)
    # A ramp has the same coefficient in every block, which lies on any comb: no magnitude counts more than all others.
    strongest, nonzero = counts[..., 1:].max(axis=-1, keepdims=True), counts[..., 1:].sum(axis=-1, keepdims=True)
    counts = np.minimum(counts, np.minimum(strongest, nonzero - strongest))
    total = np.tensordot(counts, cosines, axes=2)
    number = np.maximum(np.tensordot(counts, beyond, axes=2), 1)
    return total / number, total / np.sqrt(number / 2)


@cache
def _tables(frequencies: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Cosine of the phase, and 1 for magnitudes beyond half a step; (frequencies, 128, 2 · qualities) each."""
    magnitude = np.arange(_MOST)[:, None]
    scale = np.array([5000 / quality if quality < 50 else 200 - 2 * quality for quality in QUALITIES])
    beyond, cosines = [], []
    for u, v in frequencies:
        both = np.concatenate([_STEPS[u, v] * scale, _STEPS[v, u] * scale])
        steps = np.maximum((both + 50) // 100, 1)
        beyond.append((magnitude > steps / 2) & (magnitude < _MOST - 1))
        cosines.append(np.cos(2 * np.pi * magnitude / steps) * beyond[-1])
    return np.stack(cosines), np.stack(beyond).astype(np.float64)
