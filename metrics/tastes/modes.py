"""Version D of attention over the modes that a person named, which tells the kinds of bad pictures apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..items.frame import DEEP, Frame
from .examples import Examples

if TYPE_CHECKING:
    from ..attention.version_d import AttentionD

#: Most principal components of a head for version D, and of the items of a network.
COMPONENTS, NETWORK_COMPONENTS = 6, 12
#: Small grids, because cross-validation fits version D many times.
_TEMPERATURES, _RIDGES = (0.5, 2.0, 8.0), (0.01, 0.1, 1.0)


@dataclass(frozen=True)
class Attention:
    """Version D over the modes of the examples, one head for each kind of items, on their principal components."""

    model: AttentionD
    mean: np.ndarray  # (p,) mean of the examples' deviations
    axes: np.ndarray  # (components, p) principal axes, those of each head in turn

    def components(self, z: np.ndarray) -> np.ndarray:
        """(i, components) principal components of (i, p) deviations."""
        components: np.ndarray = (z - self.mean) @ self.axes.T
        return components

    def probabilities(self, z: np.ndarray) -> np.ndarray:
        """(i, g) probability of each mode."""
        return self.model.predict_proba(self.components(z))

    def nearest(self, z: np.ndarray) -> list[tuple[str, float]]:
        """The most similar mode of each picture of (i, p) deviations, and its probability."""
        return [(str(self.model.classes_[row.argmax()]), float(row.max())) for row in self.probabilities(z)]


def principal_axes(rows: np.ndarray, frame: Frame) -> tuple[np.ndarray, list[list[int]], list[float]]:
    """(components, p) axes of (n, p) centred deviations, with the numbers of those and the weight of each head.

    Only the components of a head are whitened, so no covariance of as many items as pictures needs to be estimated. A
    network's items are one head and count as much as all others together: content beside appearance.
    """
    axes: list[np.ndarray] = []
    members: list[list[int]] = []
    of_network: list[bool] = []
    for head in map(list, frame.heads):
        _, lengths, head_axes = np.linalg.svd(rows[:, head], full_matrices=False)
        deep = bool(frame.blocks[head[0]] == DEEP)
        most = NETWORK_COMPONENTS if deep else COMPONENTS
        count = int(np.count_nonzero(lengths[:most] > 1e-6 * max(float(lengths[0]), 1e-12)))
        if lengths[0] > 0:
            members.append(list(range(len(axes), len(axes) + count)))
            of_network.append(deep)
            for axis in head_axes[:count]:
                axes.append(np.zeros(rows.shape[1]))
                axes[-1][head] = axis
    weights = [1 / of_network.count(deep) for deep in of_network]
    return np.stack(axes), members, weights


def learn_attention(z: np.ndarray, examples: Examples, frame: Frame) -> Attention | None:
    """Fit version D; None if there are fewer than two modes, no mode has two pictures, or no item varies."""
    # Tastes with named modes alone need it: its packages take a second to load.
    from ..attention.version_d import AttentionD

    modes = examples.modes
    names, counts = np.unique(modes, return_counts=True)
    mean = z.mean(axis=0)
    if len(names) < 2 or counts.max() < 2 or not np.ptp(z, axis=0).any():
        return None
    axes, members, weights = principal_axes(z - mean, frame)
    model = AttentionD(_TEMPERATURES, _RIDGES, members, weights).fit((z - mean) @ axes.T, modes, examples.groups)
    return Attention(model, mean, axes)
