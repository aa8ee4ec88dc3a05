"""Explicit features of choices, with T Tᵀ = P of ``kernels``: contrasts of options."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.linalg import helmert

from .choice_functions import Tables
from .kernels import Hyperparameters, Rows, offsets, sizes, slot_kernels
from .similarity import Numbers

#: If a space has more features, pairs of the slots of least weight are left out.
MOST_FEATURES = 5000
#: Features of a slot of numbers; those left out have small variances.
MOST_CURVES = 12


def _curves(kernel: np.ndarray, most: int) -> np.ndarray:
    """(|s|, k) features whose products are nearly ``kernel``: its ``most`` main directions, at the right variance."""
    values, vectors = np.linalg.eigh(kernel)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    count = min(len(values) - 1, most)
    curves: np.ndarray = vectors[:, :count] * np.sqrt(values[:count] * values.sum() / max(values[:count].sum(), 1e-300))
    return curves


class Basis:
    """Features T1(x) = [1, T(x), items] of cells with ``width`` items, and tables of weighted sums of them."""

    def __init__(self, levels: tuple[int, ...], theta: Hyperparameters, width: int = 0) -> None:
        self.levels, self.width = levels, width
        alike = theta.similarities or (None,) * len(levels)
        self.contrasts = [
            _curves(kernel, MOST_CURVES if isinstance(similar, Numbers) else level)
            if similar is not None
            else np.sqrt(weight) * (helmert(level).T if level > 1 else np.zeros((1, 0)))
            for similar, kernel, level, weight in zip(
                alike, slot_kernels(levels, theta), levels, theta.slots * sizes(levels), strict=True
            )
        ]
        self.root_pairs = np.sqrt(theta.pairs)
        pairs = sorted(
            combinations(range(len(levels)), 2), key=lambda pair: -theta.slots[pair[0]] * theta.slots[pair[1]]
        )
        ranks = [contrast.shape[1] for contrast in self.contrasts]
        room = MOST_FEATURES - 1 - width - sum(ranks)
        self.pairs = []
        for s, t in pairs:
            room -= ranks[s] * ranks[t]
            if room < 0:
                break
            self.pairs.append((s, t))
        taste = sum(ranks) + sum(ranks[s] * ranks[t] for s, t in self.pairs)
        root = np.sqrt(theta.amplitude)
        ones, zeros = np.ones(taste), np.zeros(width)
        #: (p,) scales that turn T1 into shared and into own features.
        self.shared = np.concatenate([[root * np.sqrt(theta.constant)], root * ones, zeros + np.sqrt(theta.items)])
        self.own = np.concatenate([[root * np.sqrt(theta.own_constant)], root * np.sqrt(theta.own) * ones, zeros])

    def __call__(self, rows: Rows) -> np.ndarray:
        """(n, p) T1."""
        mains = [contrast[rows.choices[:, s]] for s, contrast in enumerate(self.contrasts)]
        parts = [np.ones((len(rows), 1)), *mains]
        for s, t in self.pairs:
            products = mains[s][:, :, None] * mains[t][:, None, :]
            parts.append(self.root_pairs * products.reshape(len(rows), -1))
        if self.width:
            parts.append(np.zeros((len(rows), self.width)) if rows.items is None else rows.items)
        return np.concatenate(parts, axis=1)

    def tables(self, weights: np.ndarray) -> Tables:
        """The functions T1(x)·weights for (d, p) ``weights``, without image items."""
        start, width = offsets(self.levels), int(np.sum(self.levels))
        main, pair = np.zeros((len(weights), width)), np.zeros((len(weights), width, width))
        at = 1
        for s, contrast in enumerate(self.contrasts):
            size = contrast.shape[1]
            main[:, start[s] : start[s] + self.levels[s]] = weights[:, at : at + size] @ contrast.T
            at += size
        for s, t in self.pairs:
            first, second = self.contrasts[s], self.contrasts[t]
            size = first.shape[1] * second.shape[1]
            block = weights[:, at : at + size].reshape(len(weights), first.shape[1], second.shape[1])
            table = self.root_pairs * (first @ block @ second.T)
            here, there = slice(start[s], start[s] + self.levels[s]), slice(start[t], start[t] + self.levels[t])
            pair[:, here, there], pair[:, there, here] = table, table.transpose(0, 2, 1)
            at += size
        return Tables(self.levels, weights[:, 0], main, pair)
