"""The method of tastes before the present one: the mean of Gaussian processes and version D, without prior scores.

The Gaussian processes have these kernels, three sizes and three noises; predictions of all are averaged by their evidence.
Version D is over the modes *good* and *bad*.

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
from itertools import product

import numpy as np

from soart.metrics.items.frame import DEEP, Frame
from soart.metrics.tastes.examples import Examples
from soart.metrics.tastes.fitting import Scaling
from soart.metrics.tastes.item_kernels import squared_distances
from soart.metrics.tastes.modes import learn_attention

#: A base kernel over the items of a network alone.
NETWORK = "network"
AMPLITUDES, NOISES = (0.25, 1.0, 4.0), (0.02, 0.1, 0.5)


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


def earlier_liking(examples: Examples, scaling: Scaling, items: np.ndarray) -> np.ndarray:
    """(i,) liking of (i, p) items by the earlier method, learnt from examples."""
    frame = scaling.frame
    z, others = frame.deviations(examples.items), frame.deviations(items)
    by_processes = _by_processes(Kernels.of(z, frame), examples, others)
    attention = learn_attention(z, examples, frame)
    if attention is None:
        return by_processes
    worth = [examples.liking[examples.modes == mode].mean() for mode in attention.model.classes_]
    mean: np.ndarray = (by_processes + attention.model.metric(attention.components(others)) @ worth) / 2
    return mean


def _by_processes(kernels: Kernels, examples: Examples, others: np.ndarray) -> np.ndarray:
    learnt, across, y = kernels.against(kernels.z), kernels.against(others), examples.liking
    evidence, predicted = [], []
    for number, amplitude, noise in product(range(len(learnt)), AMPLITUDES, NOISES):
        covariance = amplitude * learnt[number] + 1 + np.diag(noise / examples.weights)
        alpha = np.linalg.solve(covariance, y)
        evidence.append(-0.5 * (y @ alpha + np.linalg.slogdet(covariance)[1]))
        predicted.append((amplitude * across[number] + 1) @ alpha)
    weights = np.exp(np.array(evidence) - max(evidence))
    liking: np.ndarray = weights @ np.array(predicted) / weights.sum()
    return liking
