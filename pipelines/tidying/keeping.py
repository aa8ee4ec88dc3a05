"""Moves the pictures that are no keepers away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..evaluation.folders import EvaluatedCollection
from ..evaluation.keepers import Keepers
from .cull import Move, moves_to

#: Folder that the other pictures of groups are moved to.
OTHERS = "others"


def moves_of_others(
    evaluated: EvaluatedCollection, keepers: Keepers, roots: Sequence[Path], target: Path
) -> list[Move]:
    """The moves of all pictures of groups but the keepers, in the order of paths; nothing is moved yet.

    Args:
        evaluated: the evaluated collection.
        keepers: of the collection.
        roots: the folders that were evaluated.
        target: folder to move to, see ``moves_to``.
    """
    others = set(keepers.others)
    return moves_to(evaluated, lambda _, image: OTHERS if image in others else "", roots, target)
