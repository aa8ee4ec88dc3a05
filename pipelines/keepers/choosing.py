"""Chooses the keepers of groups of pictures by their scores, and tells which choices are too close to call."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from ...metrics.damage.names import OVERALL
from ...metrics.damage.titles import JudgeKey, Kind
from ...metrics.tastes.within_groups import rows_by_group

#: Error of the technical score and of detectors in points: a picture of 1,024 pixels that is mirrored, turned or reduced by
#: up to a half moves by 0.1 to 1.7 (``benchmarks/score/invariance.py``).
ERROR = 2.0
#: That of the overall score in logits, about 3 points at 70: one that is mirrored, or reduced to half, moves by 0.06.
OVERALL_ERROR = 0.15
#: Chance of being right, by a taste's own calibration, below which a choice is too close to call. The calibration is
#: cautious: in planted worlds six in ten of such choices are right at 0.55.
CLEAR = 0.55


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows of a group in the order in which they are worth keeping, and how many are kept; ``chosen`` if by the user."""

    rows: tuple[int, ...]
    kept: int
    margin: float  # score of the last one kept less that of the next; NaN if all are kept or one has no score
    close: bool  # True if the margin is within the error of the score
    chosen: bool = False


def chance_of_better(better: float, worse: float) -> float:
    """Chance 0…1 that of two pictures, of which one is liked, it is the first; their scores are chances in percent."""
    return float(expit(_lead(better, worse)))


def _lead(better: float, worse: float) -> float:
    """The logit of a score, 0–100, less that of another."""
    first, second = logit(np.clip(np.array([better, worse]) / 100, 1e-9, 1 - 1e-9))
    return float(first - second)


def too_close(judge: str, better: float, worse: float) -> bool:
    """True if two scores of a judge differ, either way, by no more than its error.

    That is ``ERROR`` for the technical score and detectors, ``OVERALL_ERROR`` for the overall score; for a taste, a
    chance of being right below ``CLEAR``. The errors of judges by others are not known: only equal values are too
    close.
    """
    low, high = sorted((better, worse))
    key = JudgeKey.of(judge)
    if key.kind is Kind.TASTE:
        return chance_of_better(high, low) < CLEAR
    if key[:2] == (Kind.SCORE, OVERALL):
        return _lead(high, low) <= OVERALL_ERROR
    return high - low <= (ERROR if key.points else 0.0)


def choose(
    groups: np.ndarray,
    order: np.ndarray,
    scores: np.ndarray,
    per_group: int,
    close: Callable[[float, float], bool],
    chosen: Container[int] = (),
) -> list[Choice]:
    """Choose the keepers of every group that has two pictures or more, in the order of the groups' numbers.

    ``groups`` (n,) are −1 for none, ``order`` (n,) are rows, the best first, ``scores`` (n,) NaN for none. ``close`` tells of two
    scores whether their difference is within the error; rows in ``chosen`` are kept, and no other of their group.
    """
    choices = []
    for rows in rows_by_group(groups[order]):
        members = order[rows]
        if own := [row for row in members.tolist() if row in chosen]:
            others = [row for row in members.tolist() if row not in chosen]
            choices.append(Choice((*own, *others), len(own), float("nan"), close=False, chosen=True))
            continue
        kept = min(per_group, len(members))
        margin = float(scores[members[kept - 1]] - scores[members[kept]]) if kept < len(members) else float("nan")
        tight = bool(np.isfinite(margin)) and close(float(scores[members[kept - 1]]), float(scores[members[kept]]))
        choices.append(Choice(tuple(members.tolist()), kept, margin, tight))
    return choices
