"""Items of all kinds on one scale: deviations from reference pictures, and which kind and block each item belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ...errors import TasteError
from .soart import heads_of

#: Deviations are cut here, so that no single item decides alone.
CUT = 4.0
#: Pictures scored together.
BLOCK = 1024
COLOUR, DEEP = "colour", "deep"
#: Items that are a prior score, and say nothing of how alike pictures are.
MARK = "nima"
#: Kinds of items for ``item_kernels``: those of appearance, and those of a network, all of them or its later depths.
APPEARANCE, CONTENT, LATE = ("texture", "colour", "quality"), "content", "late content"


def kinds_of(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Numbers of the items of each kind; the late content is what lies beyond five sevenths of a network's depths."""
    starts = {"colour": "colour", "quality": "quality", "deep": CONTENT, MARK: MARK}
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
    """Columns of the wanted items among those of these names; a ``TasteError`` begins with the title."""
    numbers = {name: column for column, name in enumerate(names)}
    try:
        return [numbers[name] for name in wanted]
    except KeyError as error:
        raise TasteError(
            f"{title} needs the item {error}, which is missing: measure the default network's items."
        ) from error


def block_of(name: str) -> str:
    """Block of an item: ``colour``, ``deep``, or ``soart`` for all others."""
    kind = name.split("/", 1)[0]
    return kind if kind in (COLOUR, DEEP) else "soart"


@lru_cache(maxsize=8)
def _groups(names: tuple[str, ...]) -> tuple[np.ndarray, tuple[tuple[int, ...], ...], dict[str, np.ndarray]]:
    """Blocks, heads and kinds of items of these names, read-only: a taste is fitted hundreds of times while it is learnt."""
    blocks, kinds = np.array([block_of(name) for name in names]), kinds_of(names)
    heads = [tuple(head) for head in heads_of(names) if not names[head[0]].startswith(f"{MARK}/")]
    for numbers in (blocks, *kinds.values()):
        numbers.flags.writeable = False
    return blocks, tuple(heads), kinds


@dataclass(frozen=True)
class Frame:
    """Scale and blocks of items."""

    #: (p,) mean and standard deviation of the reference pictures; the scale of constant items is infinite
    centre: np.ndarray
    scale: np.ndarray
    blocks: np.ndarray  # (p,) block of each item
    #: item numbers of each head of version D, and of each kind of ``item_kernels``
    heads: tuple[tuple[int, ...], ...] = ()
    kinds: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, reference: np.ndarray, names: tuple[str, ...]) -> Frame:
        """Learn from (m, p) items of reference pictures."""
        centre, scale = reference.mean(axis=0), reference.std(axis=0)
        # Rounding of large constant items is not variation.
        varies = scale > 1e-9 * np.maximum(np.abs(centre), 1e-3)
        blocks, heads, kinds = _groups(names)
        return cls(centre, np.where(varies, scale, np.inf), blocks, heads, dict(kinds))

    def deviations(self, items: np.ndarray) -> np.ndarray:
        """(n, p) deviations of items in scales, cut to −CUT…CUT."""
        z: np.ndarray = np.clip((items - self.centre) / self.scale, -CUT, CUT)
        return z
