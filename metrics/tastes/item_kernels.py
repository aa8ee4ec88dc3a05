"""Kernels over pictures of several kinds of items, attention-RT among them; for ``mixture``.

    z              (items − centre)/scale, cut at ±4
    d²_b(i, l)     squared distance over the items of kind b, divided by its median over the learning pictures
    d²_appearance  mean of d²_b over texture (SOART), colour and quality items
    gaussian       exp(−d²), over appearance, content (a network's items), its late part, colour, or the mean of the first two
    linear         ⟨z_i, z_l⟩ scaled to mean 1, over content, its late part, colour, or the mean of all kinds
    attention      exp((C − 1)/T), with the cosines C and the rotations of version D, and temperature T

A ridge fit with the last kernel is version D, see ``attention.version_d``: its softmax without the denominator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..attention.whitening import inverse_root, within_mode
from ..items.frame import APPEARANCE, CONTENT, LATE

#: Temperatures of attention.
TEMPERATURES = (0.5, 2.0, 8.0)
#: Most principal components of a head of attention, by kind of items.
COMPONENTS = {"texture": 6, "colour": 6, "quality": 6, CONTENT: 12}


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(i, l) squared distances between (i, p) and (l, p) rows."""
    squares = np.einsum("ip,ip->i", a, a)[:, None] + np.einsum("lp,lp->l", b, b)
    distances: np.ndarray = np.maximum(squares - 2 * a @ b.T, 0)
    return distances


def of_items(z: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n, q) columns of (n, p) deviations, without a copy where they stand side by side."""
    if len(columns) and columns[-1] - columns[0] == len(columns) - 1:
        return z[:, columns[0] : columns[-1] + 1]
    return z[:, columns]


def shrunk_covariance(rows: np.ndarray) -> np.ndarray:
    """(c, c) covariance of (n, c) rows of mean 0, as ``ledoit_wolf`` has it, in a third of its time."""
    # Two thirds of a second to import, which a ranking without tastes need not wait for.
    from sklearn import config_context
    from sklearn.covariance import ledoit_wolf_shrinkage

    with config_context(assume_finite=True, skip_parameter_validation=True):
        share = ledoit_wolf_shrinkage(rows, assume_centered=True)
    covariance: np.ndarray = (1 - share) * (rows.T @ rows / len(rows))
    covariance.flat[:: len(covariance) + 1] += share * np.mean(rows**2)
    return covariance


@dataclass(frozen=True)
class Head:
    """One head of attention: cosines of the whitened principal components of one kind of items."""

    columns: np.ndarray  # (q,) numbers of its items
    mean: np.ndarray  # (q,) mean of the learning pictures
    rotation: np.ndarray  # (q, c) from deviations about the mean to whitened components
    centre: np.ndarray  # (c,) mean of the modes, in whitened components

    @classmethod
    def of(cls, z: np.ndarray, columns: np.ndarray, modes: np.ndarray, most: int) -> Head | None:
        """Learn from (n, p) deviations of pictures of (n,) modes; None if none of the items varies."""
        rows = z[:, columns]
        mean = rows.mean(axis=0)
        _, lengths, axes = np.linalg.svd(rows - mean, full_matrices=False)
        count = int(np.count_nonzero(lengths[:most] > 1e-6 * max(float(lengths[0]), 1e-9)))
        if not count:
            return None
        components = (rows - mean) @ axes[:count].T
        residuals = within_mode(components, modes)
        scale = np.sqrt(np.mean(residuals**2, axis=0))
        scale = np.where(scale > 1e-9, scale, 1.0)
        rotation = axes[:count].T / scale @ inverse_root(shrunk_covariance(residuals / scale))
        rotated = (rows - mean) @ rotation
        # The mean of the modes, not of the pictures: a mode of many examples must not pull the centre.
        return cls(
            columns, mean, rotation, np.mean([rotated[modes == m].mean(axis=0) for m in np.unique(modes)], axis=0)
        )

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """(i, c) unit vectors of (i, p) deviations."""
        rotated = of_items(z, self.columns) @ self.rotation - (self.mean @ self.rotation + self.centre)
        lengths = np.linalg.norm(rotated, axis=1, keepdims=True)
        unit: np.ndarray = rotated / np.where(lengths > 0, lengths, 1.0)
        return unit


@dataclass(frozen=True)
class ItemKernels:
    """Kernels between pictures and the learning pictures; made by ``of``."""

    z: np.ndarray  # (n, p) deviations of the learning pictures
    kinds: dict[str, np.ndarray]  # numbers of the items of each kind
    widths: dict[str, float]  # median squared distance between learning pictures, by kind
    powers: dict[str, float]  # mean squared length of the learning pictures, by kind
    heads: dict[str, Head]  # heads of attention by kind; none if the learning pictures have a single mode

    @classmethod
    def of(cls, z: np.ndarray, kinds: dict[str, np.ndarray], modes: np.ndarray) -> ItemKernels:
        """Learn widths and rotations from (n, p) deviations of the learning pictures and their (n,) modes."""
        widths, powers, heads = dict[str, float](), dict[str, float](), dict[str, Head]()
        for kind, columns in kinds.items():
            apart = squared_distances(z[:, columns], z[:, columns])[np.triu_indices(len(z), 1)]
            apart = apart[apart > 1e-9]
            widths[kind] = float(np.median(apart)) if len(apart) else 1.0
            powers[kind] = float(np.mean(np.sum(z[:, columns] ** 2, axis=1))) or 1.0
            if kind in COMPONENTS and 1 < len(np.unique(modes)) < len(z):
                head = Head.of(z, columns, modes, COMPONENTS[kind])
                if head is not None:
                    heads[kind] = head
        return cls(z, kinds, widths, powers, heads)

    @property
    def names(self) -> list[str]:
        """Names of the kernels, in the order of ``against``."""
        attention = [f"attention {t:g}" for t in TEMPERATURES] if self.heads else []
        if CONTENT in self.kinds:
            extent = [f"{form} {kind}" for form in ("gaussian", "linear") for kind in (CONTENT, LATE, "all")]
        else:
            extent = ["gaussian appearance", "linear all"]
        single = [f"{form} colour" for form in ("gaussian", "linear")] if "colour" in self.kinds else []
        return [*extent, *single, *attention]

    def against(self, z: np.ndarray) -> list[np.ndarray]:
        """(i, n) values of every kernel between (i, p) deviations and the learning pictures."""
        apart, along = {}, {}
        for kind, columns in self.kinds.items():
            rows, learnt = of_items(z, columns), of_items(self.z, columns)
            products = rows @ learnt.T
            along[kind] = products / self.powers[kind]
            squares = np.einsum("ip,ip->i", rows, rows)[:, None] + np.einsum("lp,lp->l", learnt, learnt)
            apart[kind] = np.maximum(squares - 2 * products, 0) / self.widths[kind]
        self.join(apart)
        self.join(along)
        values = {
            name: np.exp(-apart[name.removeprefix("gaussian ")]) for name in self.names if name.startswith("gaussian ")
        }
        values |= {f"linear {kind}": products for kind, products in along.items()}
        if self.heads:
            cosines = {kind: head(z) @ head(self.z).T for kind, head in self.heads.items()}
            self.join(cosines)
            values |= {f"attention {t:g}": np.exp((cosines["all"] - 1) / t) for t in TEMPERATURES}
        return [values[name] for name in self.names]

    def diagonal(self, number: int, z: np.ndarray) -> np.ndarray:
        """(i,) values of kernel ``number`` between each of (i, p) deviations and itself."""
        form, _, kind = self.names[number].partition(" ")
        if form != "linear":
            return np.ones(len(z))
        squares = {k: np.sum(z[:, columns] ** 2, axis=1) / self.powers[k] for k, columns in self.kinds.items()}
        self.join(squares)
        diagonal: np.ndarray = squares[kind]
        return diagonal

    @staticmethod
    def join(values: dict[str, Any]) -> None:
        """Add the mean over all kinds of appearance, and ``all``: the mean of that and of content, if there are both.

        Values are arrays, or tensors of ``gradients``.
        """
        means = [values[kind] for kind in APPEARANCE if kind in values]
        if means:
            values["appearance"] = sum(means) / len(means)
        both = [values[kind] for kind in ("appearance", CONTENT) if kind in values]
        values["all"] = sum(both) / len(both)
