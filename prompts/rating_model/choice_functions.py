"""Functions of choices as tables.

A table holds a constant, an effect of every option and an effect of every pair of options:

    f(x) = constant + Σ_s main[x_s] + Σ_{s<t} pair[x_s, x_t] + Re Σ_j weight_j Π_s factor_sj[x_s]

The last sum is what several numbers do together; see ``Products``. Every draw and every mean of the rating model has this
form, so a function over 10¹² choices is a (Σ|s|, Σ|s|) table and a few products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import prod

import numpy as np

from .kernels import Hyperparameters, gather, joint_kernels, offsets, slot_kernels
from .similarity import joint_numbers

#: Random waves of a prior draw of the joint effect of numbers.
_WAVES = 192


@dataclass(frozen=True, slots=True)
class Products:
    """d functions Re Σ_j weight_j Π_s factor_sj[x_s] of the slots of numbers."""

    weights: np.ndarray  # (d, j), real or complex; complex numbers in single precision are enough for random functions
    factors: dict[int, np.ndarray]  # slot → (d, |s|, j), or (1, |s|, j) where all functions share them, real or complex

    def __call__(self, choices: np.ndarray) -> np.ndarray:
        """(d, n) values at (n, S) choices."""
        values = [
            prod((factors[number % len(factors)][choices[:, slot]] for slot, factors in self.factors.items())) @ weights
            for number, weights in enumerate(self.weights)
        ]
        return np.real(np.array(values)).reshape(len(self.weights), len(choices))

    def take(self, functions: Sequence[int] | np.ndarray | slice) -> Products:
        """The functions numbered ``functions``; of a slice without a copy."""
        own = {s: factors if len(factors) == 1 else factors[functions] for s, factors in self.factors.items()}
        return Products(self.weights[functions], own)

    def times(self, factor: float) -> Products:
        """Each function times a number."""
        return Products(self.weights * float(factor), self.factors)

    @classmethod
    def summed(cls, parts: Sequence[Products]) -> Products:
        """The sum of several, of which the functions of each share its factors."""
        factors = {s: np.concatenate([part.factors[s] for part in parts], axis=2) for s in parts[0].factors}
        return cls(np.concatenate([part.weights for part in parts], axis=1), factors)

    @classmethod
    def joined(cls, parts: Sequence[Products]) -> Products:
        """The functions of several, one after another."""
        slots = parts[0].factors
        factors = {
            s: np.concatenate(
                [
                    np.broadcast_to(own, (len(part.weights), *own.shape[1:]))
                    for part, own in zip(parts, each, strict=True)
                ]
            )
            for s, each in ((s, [part.factors[s] for part in parts]) for s in slots)
        }
        return cls(np.concatenate([part.weights for part in parts]), factors)

    def add_options(
        self, choices: np.ndarray, functions: np.ndarray, levels: Sequence[int], totals: np.ndarray
    ) -> None:
        """Add to (k, Σ|s|) ``totals`` the values of ``Tables.options``."""
        if not len(functions):
            return
        here = {s: factors[functions % len(factors), choices[:, s]] for s, factors in self.factors.items()}
        borders = [0, *(np.flatnonzero(functions[1:] != functions[:-1]) + 1).tolist(), len(functions)]
        members = [slice(*ends) for ends in pairwise(borders)]
        for slot, factors in self.factors.items():
            others = prod((values for s, values in here.items() if s != slot), start=self.weights[functions])
            part = _columns(levels)[slot]
            # Only the real parts of products are needed: real and imaginary parts count as numbers side by side.
            left, right = np.conj(others).view(others.real.dtype), factors.view(factors.real.dtype)
            if len(right) == 1:
                totals[:, part] += left @ right[0].T
                continue
            # One after another, because the factors of several functions together would be a copy.
            for rows in members:
                totals[rows, part] += left[rows] @ right[functions[rows.start]].T


@dataclass(frozen=True, slots=True)
class Tables:
    """d functions over the choices of a space."""

    levels: tuple[int, ...]  # options of each slot
    constant: np.ndarray  # (d,)
    main: np.ndarray  # (d, Σ|s|)
    pair: np.ndarray  # (d, Σ|s|, Σ|s|) symmetric, zero inside a slot
    products: tuple[Products, ...] = ()  # of numbers, their sum

    def __len__(self) -> int:
        return len(self.constant)

    def __call__(self, choices: np.ndarray) -> np.ndarray:
        """(d, n) values at (n, S) choices."""
        columns = choices + offsets(self.levels)
        values: np.ndarray = self.constant[:, None] + self.main[:, columns].sum(axis=2)
        for slot in range(1, len(self.levels)):
            values += self.pair[:, columns[:, slot, None], columns[:, :slot]].sum(axis=2)
        for products in self.products:
            values += products(choices)
        return values

    def __getitem__(self, index: int) -> Tables:
        """The single function at ``index``."""
        number = range(len(self))[index]
        return self.take(slice(number, number + 1))

    def take(self, functions: Sequence[int] | np.ndarray | slice) -> Tables:
        """The functions numbered ``functions``; of a slice without a copy."""
        products = tuple(part.take(functions) for part in self.products)
        return Tables(self.levels, self.constant[functions], self.main[functions], self.pair[functions], products)

    def options(self, choices: np.ndarray, functions: np.ndarray, together: np.ndarray | None = None) -> np.ndarray:
        """(k, Σ|s|) values, but for a constant in each slot, of (k, S) choices with one option replaced by each other.

        The (k,) numbers of functions never fall. ``together`` is the result of the method of that name, if it is known.
        """
        columns = choices + offsets(self.levels)
        known = self.together(choices, functions) if together is None else together
        totals: np.ndarray = known + self.main[functions]
        for slot in range(len(self.levels)):
            totals += self.pair[functions, columns[:, slot]]
        return totals

    def together(self, choices: np.ndarray, functions: np.ndarray) -> np.ndarray:
        """(k, Σ|s|) what products add to ``options``; only options of their slots matter."""
        totals = np.zeros((len(choices), sum(self.levels)))
        for products in self.products:
            products.add_options(choices, functions, self.levels, totals)
        return totals

    @classmethod
    def joined(cls, tables: Sequence[Tables], chosen: np.ndarray) -> Tables:
        """The functions of several ``tables``, one after another, of which those numbered ``chosen``."""
        constant, main, pair = (
            np.concatenate([getattr(table, name) for table in tables])[chosen] for name in ("constant", "main", "pair")
        )
        alike = zip(*(table.products for table in tables), strict=True)
        products = tuple(Products.joined(parts).take(chosen) for parts in alike)
        return cls(tables[0].levels, constant, main, pair, products)

    def plus(self, other: Tables, *, in_place: bool = False) -> Tables:
        """The sum, function by function; ``in_place`` of these tables, which nobody else holds."""
        names = ("constant", "main", "pair")
        own = {name: getattr(self, name) for name in names}
        sums = {n: np.add(own[n], getattr(other, n), out=own[n] if in_place else None) for n in names}
        return Tables(self.levels, **sums, products=self.products + other.products)

    def times(self, factor: float, *, in_place: bool = False) -> Tables:
        """Each function times a number; ``in_place`` of these tables, which nobody else holds."""
        if factor == 1:
            return self
        products = tuple(part.times(factor) for part in self.products)
        own = {name: getattr(self, name) for name in ("constant", "main", "pair")}
        scaled = {n: np.multiply(array, factor, out=array if in_place else None) for n, array in own.items()}
        return Tables(self.levels, **scaled, products=products)

    def shifted(self, constants: np.ndarray) -> Tables:
        """Each function plus its own number, (d,) ``constants``."""
        return replace(self, constant=self.constant + constants)

    def flattened(self) -> Tables:
        """The constant and the effects of options and of pairs alone, with those that are in the products.

        They are means over all options of the other slots: what three and more numbers do beyond them is left out.
        """
        constant, main, pair = self.constant.copy(), self.main.copy(), self.pair.copy()
        start = offsets(self.levels)
        for products in self.products:
            means = {s: factors.mean(axis=1, keepdims=True) for s, factors in products.factors.items()}
            apart = {s: factors - means[s] for s, factors in products.factors.items()}
            weights = products.weights[:, None, :]
            constant += np.real(prod(means.values(), start=weights)).sum(axis=(1, 2))
            for s, first in apart.items():
                here = slice(start[s], start[s] + self.levels[s])
                others = prod((means[u] for u in means if u != s), start=weights)
                main[:, here] += np.real(first * others).sum(axis=2)
                for t, second in apart.items():
                    if t == s:
                        continue
                    there = slice(start[t], start[t] + self.levels[t])
                    rest = prod((means[u] for u in means if u not in (s, t)), start=weights)
                    pair[:, here, there] += np.real((first * rest) @ second.transpose(0, 2, 1))
        return Tables(self.levels, constant, main, pair)


def _columns(levels: Sequence[int]) -> list[slice]:
    """The one-hot columns of each slot."""
    return [slice(start, start + level) for start, level in zip(offsets(levels).tolist(), levels, strict=True)]


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
    rows = gather(choices, slot_kernels(levels, theta))
    pair = np.zeros((len(weights), rows.shape[1], rows.shape[1]))
    for table, weight in zip(pair, weights, strict=True):
        weighted = rows * (theta.pairs * weight)[:, None]
        for part in _columns(levels)[:-1]:
            block = rows[:, part].T @ weighted[:, part.stop :]
            table[part, part.stop :], table[part.stop :, part] = block, block.T
    factors = {slot: kernel[None, :, choices[:, slot]] for slot, kernel in joint_kernels(theta).items()}
    products = (Products(theta.joint * weights, factors),) if factors else ()
    return Tables(levels, constants, weights @ rows, pair, products)


@lru_cache(maxsize=32)
def _roots(levels: tuple[int, ...], theta: Hyperparameters) -> tuple[np.ndarray, ...]:
    """(|s|, |s|) roots of w_s k_s of each slot."""
    return tuple(root(kernel) for kernel in slot_kernels(levels, theta))


def prior_draws(
    rng: np.random.Generator, count: int, levels: tuple[int, ...], theta: Hyperparameters, constant: float
) -> Tables:
    """``count`` functions from the Gaussian process with covariance constant + P."""
    roots, columns = _roots(levels, theta), _columns(levels)
    width = int(np.sum(levels))
    noise = rng.standard_normal((count, width))
    main = np.concatenate([noise[:, part] @ matrix for part, matrix in zip(columns, roots, strict=True)], axis=1)
    pair = rng.standard_normal((count, width, width))
    # All pairs of a slot with later ones at once, then with earlier ones: many small products, and copies, take long.
    for part, matrix in zip(columns, roots, strict=True):
        pair[:, part, part] = 0.0
        pair[:, part, part.stop :] = np.sqrt(theta.pairs) * matrix @ pair[:, part, part.stop :]
    for part, matrix in zip(columns, roots, strict=True):
        before = slice(0, part.start)
        block = (pair[:, before, part].reshape(-1, len(matrix)) @ matrix).reshape(count, part.start, len(matrix))
        pair[:, before, part], pair[:, part, before] = block, block.transpose(0, 2, 1)
    constants = np.sqrt(constant) * rng.standard_normal(count)
    if not theta.joint:
        return Tables(levels, constants, main, pair)
    waves = {
        slot: numbers.waves(float(theta.joint_lengths[slot]), rng, (count, _WAVES))
        for slot, numbers in joint_numbers(theta.similarities).items()
    }
    weights = rng.standard_normal((count, _WAVES)) + 1j * rng.standard_normal((count, _WAVES))
    scaled = (np.sqrt(theta.joint / _WAVES) * weights).astype(np.complex64)
    return Tables(levels, constants, main, pair, (Products(scaled, waves),))
