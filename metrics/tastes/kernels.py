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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...errors import ProfileError
from ..items.soart import heads_of

#: Deviations are cut here, so that no single item decides alone.
CUT = 4.0
#: Pictures scored together.
BLOCK = 1024
COLOUR, DEEP, NETWORK = "colour", "deep", "network"


#: Kinds of items for ``item_kernels``: those of appearance, and those of a network, all of them or its later depths.
APPEARANCE, CONTENT, LATE = ("texture", "colour", "quality"), "content", "late content"


def kinds_of(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Numbers of the items of each kind; the late content is what lies beyond five sevenths of a network's depths."""
    starts = {"colour": "colour", "quality": "quality", "deep": CONTENT}
    kinds = np.array([starts.get(name.split("/", 1)[0], "texture") for name in names])
    numbers = {kind: np.flatnonzero(kinds == kind) for kind in (*APPEARANCE, CONTENT) if (kinds == kind).any()}
    if CONTENT in numbers:
        parts = [names[number].split("/") for number in numbers[CONTENT]]
        depths = np.array([int(part[1]) if len(part) > 2 else 1 for part in parts])
        numbers[LATE] = numbers[CONTENT][depths > depths.max() * 5 / 7]
    return numbers


def blocks(count: int) -> Iterator[slice]:
    """Slices of ``count`` pictures that are scored together, so that memory does not grow with their number."""
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


def columns_of(title: str, wanted: Sequence[str], names: Sequence[str]) -> list[int]:
    """Columns of the wanted items among those of these names.

    Raises:
        ProfileError: one is missing; the message begins with the title of what needs it.
    """
    numbers = {name: column for column, name in enumerate(names)}
    try:
        return [numbers[name] for name in wanted]
    except KeyError as error:
        raise ProfileError(
            f"{title} needs the item {error}, which is missing: measure the default network's items."
        ) from error


def block_of(name: str) -> str:
    """Block of an item: ``colour``, ``deep``, or ``soart`` for all others."""
    kind = name.split("/", 1)[0]
    return kind if kind in (COLOUR, DEEP) else "soart"


@dataclass(frozen=True)
class Frame:
    """Scale and blocks of items.

    Attributes:
        centre, scale: (p,) mean and standard deviation of the reference pictures; the scale of constant items is
            infinite.
        blocks: (p,) block of each item.
        heads: item numbers of each head of version D.
        kinds: item numbers of each kind, for ``item_kernels``.
    """

    centre: np.ndarray
    scale: np.ndarray
    blocks: np.ndarray
    heads: tuple[tuple[int, ...], ...] = ()
    kinds: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, reference: np.ndarray, names: tuple[str, ...]) -> Frame:
        """Learn from (m, p) items of reference pictures."""
        centre, scale = reference.mean(axis=0), reference.std(axis=0)
        heads = tuple(tuple(head) for head in heads_of(names))
        # Rounding of large constant items is not variation.
        varies = scale > 1e-9 * np.maximum(np.abs(centre), 1e-3)
        return cls(
            centre,
            np.where(varies, scale, np.inf),
            np.array([block_of(name) for name in names]),
            heads,
            kinds_of(names),
        )

    @cached_property
    def names(self) -> list[str]:
        """Blocks in order of appearance."""
        return list(dict.fromkeys(self.blocks.tolist()))

    def deviations(self, items: np.ndarray) -> np.ndarray:
        """(n, p) deviations of items in scales, cut to −CUT…CUT."""
        z: np.ndarray = np.clip((items - self.centre) / self.scale, -CUT, CUT)
        return z

    @cached_property
    def weights(self) -> np.ndarray:
        """(p,) factors that give every block a mean square of 1/blocks."""
        factors = np.empty(len(self.blocks))
        for block in self.names:
            columns = self.blocks == block
            factors[columns] = 1 / np.sqrt(columns.sum() * len(self.names))
        return factors


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
        linear_only: True to use the linear kernel only.
    """

    z: np.ndarray
    frame: Frame
    widths: dict[str, float]
    power: float
    network_power: float = 1.0
    linear_only: bool = False

    @classmethod
    def of(cls, z: np.ndarray, frame: Frame, *, linear_only: bool = False) -> Kernels:
        """Measure widths on the (n, p) deviations of the learning pictures."""
        widths = {}
        for block in frame.names:
            columns = frame.blocks == block
            d2 = squared_distances(z[:, columns], z[:, columns])[np.triu_indices(len(z), 1)] / columns.sum()
            nonzero = d2[d2 > 1e-9]
            widths[block] = float(np.median(nonzero)) if len(nonzero) else 1.0
        power = float(np.mean(np.sum((z * frame.weights) ** 2, axis=1)))
        network_power = float(np.mean(np.sum(z[:, frame.blocks == DEEP] ** 2, axis=1)))
        return cls(z, frame, widths, power or 1.0, network_power or 1.0, linear_only)

    @property
    def names(self) -> list[str]:
        """Names of the base kernels, in the order of ``against``."""
        if self.linear_only:
            return ["linear"]
        blocks = self.frame.names
        if len(blocks) < 2:
            return ["linear", "all"]
        return ["linear", "all", *blocks, *([NETWORK] if DEEP in blocks else [])]

    def against(self, z: np.ndarray) -> list[np.ndarray]:
        """(i, n) values of every base kernel between (i, p) deviations and the learning pictures."""
        weights = self.frame.weights
        linear = (z * weights) @ (self.z * weights).T / self.power
        if self.linear_only:
            return [linear]
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

    def diagonal(self, number: int, z: np.ndarray) -> np.ndarray:
        """(i,) values of base kernel ``number`` between each of (i, p) deviations and itself."""
        name = self.names[number]
        if name == "linear":
            values: np.ndarray = np.sum((z * self.frame.weights) ** 2, axis=1) / self.power
        elif name == NETWORK:
            values = np.sum(z[:, self.frame.blocks == DEEP] ** 2, axis=1) / self.network_power
        else:
            values = np.ones(len(z))
        return values
