"""Near-duplicates to keep, and the resulting plan of moves."""

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
    """The evaluation with other pictures to keep of near-duplicates: of a group with ids in ``keep`` these alone."""
    chosen = np.isin(e.ids, keep) & (e.group >= 0)
    touched = np.isin(e.group, e.group[chosen])
    return replace(e, best=np.where(touched, chosen, e.best))


def duplicates(e: Evaluation) -> list[list[int]]:
    """Ids of near-duplicates by group, the largest group first, in each the highest score first."""
    rows = np.flatnonzero(e.group >= 0)
    rows = rows[np.lexsort((-e.scores[e.main][rows], e.group[rows]))]
    groups = np.split(e.ids[rows], np.flatnonzero(np.diff(e.group[rows])) + 1)
    return sorted((group.tolist() for group in groups if len(group)), key=len, reverse=True)


@dataclass(frozen=True)
class Plan:
    """Moves to be made, picture ids by reason, and a hash of the moves, which names this plan."""

    moves: tuple[Move, ...]
    pictures: dict[str, list[int]]
    digest: str


def plan_moves(
    evaluated: EvaluatedCollection, rule: Rule, roots: Sequence[Path], target: Path, keep: Sequence[int] = ()
) -> Plan:
    """The plan of a rule; arguments as for ``plan_cull``."""
    return plan_of(plan_cull(evaluated, rule, roots, target, keep), target)


def plan_of(moves: Sequence[Move], target: Path) -> Plan:
    """The plan of some moves to folders in ``target``."""
    pictures: dict[str, list[int]] = {}
    depth = len(target.parts)
    for move in moves:
        pictures.setdefault(move.target.parts[depth], []).append(move.image)
    text = "\n".join(f"{move.source}\t{move.target}" for move in moves)
    return Plan(tuple(moves), pictures, hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24])
