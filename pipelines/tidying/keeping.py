"""Moves the pictures that are no keepers away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..evaluation.folders import EvaluatedCollection
from ..keepers.finding import Keepers
from .cull import Move, moves_to


def moves_of_others(
    evaluated: EvaluatedCollection, keepers: Keepers, roots: Sequence[Path], target: Path
) -> list[Move]:
    """The moves of all files of groups but the keepers, with the path below their root; nothing is moved yet."""
    others = set(keepers.others)
    copies = {path for group in keepers.groups for paths in group.copies for path in paths}
    return moves_to(evaluated, lambda path, image: "." if image in others or path in copies else "", roots, target)
