"""Kernels over item vectors of pictures, on one scale for items of all kinds.

They are kernels of the Gaussian process over *items*. Those over choices of a prompt space are in
``soart.prompts.rating_model.kernels``.

    z            (items − centre)/scale, cut at ±4
    d²_b(i, l)   mean squared distance over the items of block b (SOART, colour, network), divided by its median over
                 the learning pictures
    linear       Σ_b ⟨z_i, z_l⟩_b / blocks, scaled to mean 1
    all          exp(−mean_b d²_b / 2)
    one block    exp(−d²_b / 2)
    network      ⟨z_i, z_l⟩ over the items of a network alone, scaled to mean 1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..items.frame import DEEP, Frame

#: A base kernel over the items of a network alone.
NETWORK = "network"


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(i, l) squared distances between (i, p) and (l, p) rows."""
    squares = np.einsum("ip,ip->i", a, a)[:, None] + np.einsum("lp,lp->l", b, b)
    distances: np.ndarray = np.maximum(squares - 2 * a @ b.T, 0)
    return distances


@dataclass(frozen=True)
class Kernels:
    """Base kernels between pictures and fixed learning pictures.

    Attributes:
        z: (n, p) deviations of the learning pictures.
        frame: blocks and their weights.
        widths: median squared distance of each block's learning pictures.
        power: mean square of the weighted deviations, for the linear kernel.
        network_power: mean square of the deviations of a network's items, for the network kernel.
    """

    z: np.ndarray
    frame: Frame
    widths: dict[str, float]
    power: float
    network_power: float = 1.0

    @classmethod
    def of(cls, z: np.ndarray, frame: Frame) -> Kernels:
        """Measure widths on the (n, p) deviations of the learning pictures."""
        widths = {}
        for block in frame.names:
            columns = frame.blocks == block
            d2 = squared_distances(z[:, columns], z[:, columns])[np.triu_indices(len(z), 1)] / columns.sum()
            nonzero = d2[d2 > 1e-9]
            widths[block] = float(np.median(nonzero)) if len(nonzero) else 1.0
        power = float(np.mean(np.sum((z * frame.weights) ** 2, axis=1)))
        network_power = float(np.mean(np.sum(z[:, frame.blocks == DEEP] ** 2, axis=1)))
        return cls(z, frame, widths, power or 1.0, network_power or 1.0)

    @property
    def names(self) -> list[str]:
        """Names of the base kernels, in the order of ``against``."""
        blocks = self.frame.names
        if len(blocks) < 2:
            return ["linear", "all"]
        return ["linear", "all", *blocks, *([NETWORK] if DEEP in blocks else [])]

    def against(self, z: np.ndarray) -> list[np.ndarray]:
        """(i, n) values of every base kernel between (i, p) deviations and the learning pictures."""
        weights = self.frame.weights
        linear = (z * weights) @ (self.z * weights).T / self.power
        distances = {}
        for block in self.frame.names:
            columns = self.frame.blocks == block
            scale = columns.sum() * self.widths[block]
            distances[block] = squared_distances(z[:, columns], self.z[:, columns]) / scale
        every = np.exp(-sum(distances.values(), np.zeros_like(linear)) / (2 * len(distances)))
        values = {"linear": linear, "all": every, **{block: np.exp(-d2 / 2) for block, d2 in distances.items()}}
        if NETWORK in self.names:
            columns = self.frame.blocks == DEEP
            values[NETWORK] = z[:, columns] @ self.z[:, columns].T / self.network_power
        return [values[name] for name in self.names]
