"""Likeness of the options of a slot: neighbouring numbers, or words of similar meaning.

By default the options of a slot are equally unlike each other. With a Gram matrix G_s, the covariance of a
slot becomes k_s = (1 − ρ_s)·identity + ρ_s·G_s. The share ρ_s is learnt by marginal likelihood, so a meaningless
likeness costs little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...errors import PromptError

#: Cosine, less 1, over which the likeness of two words falls to 1/e.
_NEARNESS = 0.5


@lru_cache(maxsize=256)
def identity(level: int) -> np.ndarray:
    """(|s|, |s|) n_s (1[x = x'] − 1/|s|), read-only: options equally unlike each other."""
    unlike: np.ndarray = (np.eye(level) - 1.0 / level) * (level / max(level - 1, 1))
    unlike.flags.writeable = False
    return unlike


def centred(matrix: np.ndarray) -> np.ndarray:
    """``matrix`` with rows and columns of mean 0, and a mean diagonal of 1 unless it is 0."""
    middle = matrix - matrix.mean(axis=0) - matrix.mean(axis=1)[:, None] + matrix.mean()
    trace = float(np.trace(middle))
    scaled: np.ndarray = middle * (len(matrix) / trace if trace > 1e-12 else 0.0)
    return scaled


@dataclass(frozen=True)
class Numbers:
    """Options that are numbers: an effect is a smooth curve of learnt length (Matérn 5/2)."""

    #: place of each option, from 0 for the lowest to 1 for the highest; on the logarithm where ratios count
    positions: tuple[float, ...]
    #: True if the slot has one option more, its last: not in use. It has no effect, so that choices that do not use the
    #: slot are equal there.
    conditional: bool = False

    def __post_init__(self) -> None:
        if not np.isfinite(self.positions).all() or (np.diff(self.positions) <= 0).any():
            raise PromptError(
                f"Expected increasing positions of the numbers of a slot, got {list(self.positions)[:8]}."
            )

    @classmethod
    def of(cls, values: Sequence[float], *, log: bool = False, conditional: bool = False) -> Numbers:
        """The numbers ``values``, lowest first, all different; positive with ``log``."""
        if log and min(values, default=1.0) <= 0:
            raise PromptError(f"Expected positive numbers on a logarithmic scale, got {min(values)}.")
        if not np.isfinite(values).all():
            raise PromptError(f"Expected finite numbers, got {list(values)[:8]}.")
        places = np.log(values) if log else np.asarray(values, dtype=np.float64)
        span = float(places[-1] - places[0]) if len(places) > 1 else 1.0
        return cls(tuple(((places - places[0]) / (span or 1.0)).tolist()), conditional)

    def __len__(self) -> int:
        """Number of options."""
        return len(self.positions) + self.conditional

    def identity(self) -> np.ndarray:
        """(|s|, |s|) covariance of numbers that are equally unlike each other."""
        return self._padded(identity(len(self.positions)))

    def gram(self, length: float) -> np.ndarray:
        """(|s|, |s|) centred Matérn covariance of ``length``, as a share of the range; it may be read-only."""
        return self._padded(_centred_matern(self.positions, length)[0])

    def slope(self, length: float) -> np.ndarray:
        """(|s|, |s|) derivative of ``gram`` with respect to log ``length``; it may be read-only."""
        return self._padded(_centred_matern(self.positions, length)[1])

    def waves(self, length: float, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """(d, numbers, f) complex random waves w; the mean of w(x) w̄(x') is ``matern`` (Rahimi & Recht 2007).

        The spectral density of the covariance is a t distribution of 5 degrees of freedom. ``shape`` is d, f.
        """
        frequencies = (rng.standard_t(5, shape) / length).astype(np.float32)
        angles = frequencies[:, None, :] * np.asarray(self.positions, dtype=np.float32)[None, :, None]
        # Several times as quick as the exponential of imaginary numbers, and in single precision another eight times.
        waves = np.empty(angles.shape, dtype=np.complex64)
        np.cos(angles, out=waves.real)
        np.sin(angles, out=waves.imag)
        return waves

    def _padded(self, matrix: np.ndarray) -> np.ndarray:
        """``matrix`` of the numbers, with zeros for the option that stands for no use."""
        if not self.conditional:
            return matrix
        padded = np.zeros((len(self), len(self)))
        padded[:-1, :-1] = matrix
        return padded


@lru_cache(maxsize=64)
def matern(positions: tuple[float, ...], length: float) -> tuple[np.ndarray, np.ndarray]:
    """The Matérn 5/2 covariance, 1 on the diagonal, and its derivative with respect to the logarithm of the length; read-only."""
    places = np.asarray(positions)
    r = math.sqrt(5) * np.abs(places[:, None] - places) / length
    decay = np.exp(-r)
    matrix, derivative = (1 + r + r**2 / 3) * decay, r**2 * (1 + r) / 3 * decay
    matrix.flags.writeable = derivative.flags.writeable = False
    return matrix, derivative


@lru_cache(maxsize=64)
def _centred_matern(positions: tuple[float, ...], length: float) -> tuple[np.ndarray, np.ndarray]:
    """The centred Matérn 5/2 covariance, and its derivative with respect to the logarithm of the length; read-only."""
    matrix, derivative = matern(positions, length)

    def middle(square: np.ndarray) -> np.ndarray:
        centre: np.ndarray = square - square.mean(axis=0) - square.mean(axis=1)[:, None] + square.mean()
        return centre

    matrix, derivative = middle(matrix), middle(derivative)
    scale = len(positions) / max(float(np.trace(matrix)), 1e-12)
    gram = matrix * scale
    slope = scale * derivative - gram * (scale * float(np.trace(derivative)) / len(positions))
    gram.flags.writeable = slope.flags.writeable = False
    return gram, slope


@dataclass(frozen=True, eq=False)
class Likeness:
    """Options of known likeness: a positive semi-definite (|s|, |s|) matrix, stored centred with mean diagonal 1."""

    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix, dtype=np.float64)
        square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] and bool(np.isfinite(matrix).all())
        if not square or not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min(initial=0.0) < -1e-8:
            raise PromptError("Expected likenesses as a finite, symmetric matrix without negative eigenvalues.")
        object.__setattr__(self, "matrix", centred(matrix))

    @classmethod
    def of_vectors(cls, vectors: np.ndarray) -> Likeness:
        """Options that are alike where their vectors point the same way; see ``nearness``."""
        return cls(nearness(vectors))


def nearness(vectors: np.ndarray) -> np.ndarray:
    """(n, n) positive semi-definite likeness of finite (n, d) vectors, 1 on the diagonal; 0 is like no other.

    With the cosine c of the directions of two vectors from the middle of all, it is exp((c − 1)/0.5).
    """
    rows = np.array(vectors, dtype=np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise PromptError(f"Expected a finite vector for each option, got shape {rows.shape}.")
    known = np.abs(rows).max(axis=1, initial=0.0) > 0
    # What all options of a slot have in common tells none of them apart.
    rows[known] -= rows[known].mean(axis=0) if known.any() else 0.0
    lengths = np.linalg.norm(rows, axis=1)
    apart = lengths > 1e-9 * lengths.max(initial=0.0)
    rows[apart] /= lengths[apart][:, None]
    near = np.exp((np.clip(rows @ rows.T, -1, 1) - 1) / _NEARNESS) * np.outer(apart, apart)
    return np.where(np.eye(len(rows), dtype=bool), 1.0, near)


Similarity = Numbers | Likeness | None
Similarities = tuple[Similarity, ...]


def joint_numbers(similarities: Similarities) -> dict[int, Numbers]:
    """The slots of numbers that are always in use, which have a joint effect; none if they are fewer than two."""
    found = {
        slot: similarity
        for slot, similarity in enumerate(similarities)
        if isinstance(similarity, Numbers) and not similarity.conditional
    }
    return found if len(found) > 1 else {}


def check_similarities(similarities: Similarities, levels: Sequence[int]) -> Similarities:
    """``similarities`` of the slots, checked; slots of fewer than three options need none."""
    if not similarities:
        return ()
    sizes = [len(s) if isinstance(s, Numbers) else len(s.matrix) if s else None for s in similarities]
    if len(sizes) != len(levels) or any(size not in (None, level) for size, level in zip(sizes, levels, strict=True)):
        raise PromptError(f"Expected likenesses for slots of {list(levels)} options, got {sizes}.")
    kept = tuple(s if level > 2 else None for s, level in zip(similarities, levels, strict=True))
    return kept if any(kept) else ()
