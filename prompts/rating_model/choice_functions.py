"""Functions of choices as tables.

A table holds a constant, an effect of every option and an effect of every pair of options:

    f(x) = constant + Σ_s main[x_s] + Σ_{s<t} pair[x_s, x_t]

Every draw and every mean of the rating model has this form, so a function over 10¹² choices is a (Σ|s|, Σ|s|) table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .kernels import Hyperparameters, gather, one_hot, slot_kernels, slot_of_column


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

    @classmethod
    def joined(cls, tables: Sequence[Tables], chosen: np.ndarray) -> Tables:
        """The functions of several ``tables``, one after another, of which those numbered ``chosen``."""
        parts = [np.concatenate([getattr(t, name) for t in tables])[chosen] for name in ("constant", "main", "pair")]
        return cls(tables[0].levels, *parts)

    def plus(self, other: Tables) -> Tables:
        """The sum, function by function."""
        return Tables(self.levels, self.constant + other.constant, self.main + other.main, self.pair + other.pair)

    def times(self, factor: float) -> Tables:
        """Each function times a number."""
        return Tables(self.levels, self.constant * factor, self.main * factor, self.pair * factor)

    def shifted(self, constants: np.ndarray) -> Tables:
        """Each function plus its own number, (d,) ``constants``."""
        return Tables(self.levels, self.constant + constants, self.main, self.pair)


def _across(levels: Sequence[int]) -> np.ndarray:
    """(Σ|s|, Σ|s|) 1 between columns of different slots, else 0."""
    column = slot_of_column(levels)
    across: np.ndarray = (column[:, None] != column).astype(np.float64)
    return across


def root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric root of a positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    # The root of an eigenvalue that is 0 but for rounding would not be near 0.
    values[values < 1e-12 * values[-1]] = 0.0
    symmetric: np.ndarray = (vectors * np.sqrt(values)) @ vectors.T
    return symmetric


def combination(
    choices: np.ndarray, weights: np.ndarray, levels: tuple[int, ...], theta: Hyperparameters, constants: np.ndarray
) -> Tables:
    """The functions constants + Σ_i weights[i] P(x_i, ·) for (d, n) ``weights`` and (d,) ``constants``, as tables."""
    rows, across = gather(choices, slot_kernels(levels, theta)), _across(levels) * theta.pairs
    pair = np.empty((len(weights), rows.shape[1], rows.shape[1]))
    for table, weight in zip(pair, weights, strict=True):
        np.multiply(rows.T @ (rows * weight[:, None]), across, out=table)
    return Tables(levels, constants, weights @ rows, pair)


def prior_draws(
    rng: np.random.Generator, count: int, levels: tuple[int, ...], theta: Hyperparameters, constant: float
) -> Tables:
    """``count`` functions from the Gaussian process with covariance constant + P."""
    roots, across = [root(kernel) for kernel in slot_kernels(levels, theta)], _across(levels)
    width = len(across)
    main = _each(rng.standard_normal((count, width)), roots)
    noise = np.triu(rng.standard_normal((count, width, width)))
    half = _each((noise + noise.transpose(0, 2, 1)) * across, roots)
    pair = _each(half.transpose(0, 2, 1), roots) * np.sqrt(theta.pairs)
    return Tables(levels, np.sqrt(constant) * rng.standard_normal(count), main, pair)


def _each(array: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """The columns of each slot times its symmetric matrix, along the last axis."""
    borders = np.cumsum([len(matrix) for matrix in matrices])[:-1]
    parts = [part @ matrix for part, matrix in zip(np.split(array, borders, axis=-1), matrices, strict=True)]
    product: np.ndarray = np.concatenate(parts, axis=-1)
    return product
