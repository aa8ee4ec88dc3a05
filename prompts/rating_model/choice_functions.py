"""Functions of choices as tables.

A table holds a constant, an effect of every option and an effect of every pair of options:

    f(x) = constant + Σ_s main[x_s] + Σ_{s<t} pair[x_s, x_t]

Every draw and every mean of the rating model has this form, so a function over 10¹² choices is a (Σ|s|, Σ|s|) table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .kernels import Hyperparameters, offsets, one_hot, sizes, slot_of_column


@dataclass(frozen=True, slots=True)
class Tables:
    """d functions over the choices of a space.

    Attributes:
        levels: options of each slot.
        constant: (d,).
        main: (d, Σ|s|).
        pair: (d, Σ|s|, Σ|s|) symmetric, zero inside a slot.
    """

    levels: tuple[int, ...]
    constant: np.ndarray
    main: np.ndarray
    pair: np.ndarray

    def __len__(self) -> int:
        return len(self.constant)

    def __call__(self, choices: np.ndarray) -> np.ndarray:
        """(d, n) values at (n, S) choices."""
        ones = one_hot(choices, self.levels)
        pairs = np.stack([((ones @ table) * ones).sum(axis=1) for table in self.pair]) if len(self) else 0.0
        values: np.ndarray = self.constant[:, None] + self.main @ ones.T + pairs / 2
        return values

    def __getitem__(self, index: int) -> Tables:
        """The single function at ``index``."""
        return Tables(self.levels, self.constant[[index]], self.main[[index]], self.pair[[index]])

    def plus(self, other: Tables) -> Tables:
        """The sum, function by function."""
        return Tables(self.levels, self.constant + other.constant, self.main + other.main, self.pair + other.pair)

    def times(self, factor: float) -> Tables:
        """Each function times a number."""
        return Tables(self.levels, self.constant * factor, self.main * factor, self.pair * factor)

    def shifted(self, constants: np.ndarray) -> Tables:
        """Each function plus its own number, (d,) ``constants``."""
        return Tables(self.levels, self.constant + constants, self.main, self.pair)


def _scales(levels: Sequence[int], theta: Hyperparameters) -> np.ndarray:
    """(Σ|s|,) √(w_s n_s) of each column."""
    scales: np.ndarray = np.sqrt(theta.slots * sizes(levels))[slot_of_column(levels)]
    return scales


def _across(levels: Sequence[int]) -> np.ndarray:
    """(Σ|s|, Σ|s|) 1 between columns of different slots, else 0."""
    column = slot_of_column(levels)
    across: np.ndarray = (column[:, None] != column).astype(np.float64)
    return across


def _centre(array: np.ndarray, levels: Sequence[int], axis: int) -> np.ndarray:
    """``array`` less the mean of each slot along ``axis``."""
    sums = np.add.reduceat(array, offsets(levels), axis=axis)
    means = np.repeat(sums / np.expand_dims(np.asarray(levels), tuple(range(1, array.ndim - axis))), levels, axis=axis)
    centred: np.ndarray = array - means
    return centred


def combination(
    choices: np.ndarray, weights: np.ndarray, levels: tuple[int, ...], theta: Hyperparameters, constants: np.ndarray
) -> Tables:
    """The functions constants + Σ_i weights[i] P(x_i, ·) for (d, n) ``weights`` and (d,) ``constants``, as tables."""
    scales, across = _scales(levels, theta), _across(levels)
    rows = _centre(one_hot(choices, levels), levels, 1) * scales
    pair = np.empty((len(weights), len(scales), len(scales)))
    for table, weight in zip(pair, weights, strict=True):
        np.multiply(rows.T @ (rows * weight[:, None]), across * np.outer(scales, scales) * theta.pairs, out=table)
    return Tables(levels, constants, (weights @ rows) * scales, pair)


def prior_draws(
    rng: np.random.Generator, count: int, levels: tuple[int, ...], theta: Hyperparameters, constant: float
) -> Tables:
    """``count`` functions from the Gaussian process with covariance constant + P."""
    scales, across = _scales(levels, theta), _across(levels)
    width = len(scales)
    main = _centre(rng.standard_normal((count, width)), levels, 1) * scales
    noise = np.triu(rng.standard_normal((count, width, width)))
    upper = _centre(_centre((noise + noise.transpose(0, 2, 1)) * across, levels, 1), levels, 2)
    pair = upper * (np.outer(scales, scales) * np.sqrt(theta.pairs))
    return Tables(levels, np.sqrt(constant) * rng.standard_normal(count), main, pair)
