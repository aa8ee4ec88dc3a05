"""What people keep of an evaluated collection, and what a rule would therefore move."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..evaluation.folders import EvaluatedCollection
from ..evaluation.result import Evaluation
from .cull import Move, Rule, plan_cull


def prefer(e: Evaluation, keep: Sequence[int]) -> Evaluation:
    """The evaluation with other pictures to keep: in each group of near-duplicates that has some of ``keep`` these, and no other."""
    chosen = np.isin(e.ids, keep) & (e.group >= 0)
    touched = np.isin(e.group, e.group[chosen])
    return replace(e, best=np.where(touched, chosen, e.best))


def duplicates(e: Evaluation) -> list[list[int]]:
    """Ids of near-duplicates group by group, the largest first, in each by falling score."""
    rows = np.flatnonzero(e.group >= 0)
    rows = rows[np.lexsort((-e.scores[e.main][rows], e.group[rows]))]
    parts = np.split(e.ids[rows], np.flatnonzero(np.diff(e.group[rows])) + 1)
    return sorted((part.tolist() for part in parts if len(part)), key=len, reverse=True)


@dataclass(frozen=True)
class Plan:
    """What a rule would move.

    Attributes:
        moves: file by file.
        pictures: ids by reason.
        digest: of the moves, to name this plan by.
    """

    moves: tuple[Move, ...]
    pictures: dict[str, list[int]]
    digest: str


def plan_moves(
    survey: EvaluatedCollection, rule: Rule, roots: Sequence[Path], target: Path, keep: Sequence[int] = ()
) -> Plan:
    """What a rule would move, as ``plan_cull`` says."""
    moves = plan_cull(survey, rule, roots, target, keep)
    pictures: dict[str, list[int]] = {}
    for move in moves:
        pictures.setdefault(move.target.relative_to(target).parts[0], []).append(move.image)
    text = "\n".join(f"{move.source}\t{move.target}" for move in moves)
    return Plan(tuple(moves), pictures, hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24])
