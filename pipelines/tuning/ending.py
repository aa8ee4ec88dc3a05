"""Ends a tune by optimizing the best picture of its best prompt, beyond what choosing words and seeds would find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import TasteError
from ..collection.tables import ImageRow
from ..judges.guarded import GuardedJudge
from ..optimizing.optimize import Optimized, OptimizeProgress, judge_for, optimize, state_file, store
from ..optimizing.parents import parent_of
from .findings import StudyFindings
from .panel import Panel
from .tuner import Tuner


def goal_judge(panel: Panel) -> GuardedJudge:
    """The judges of a goal as one that can be optimized for: no person, and no taste that cannot be relied on yet."""
    counting = {judge: weight for judge, weight in panel.judges if weight > 0}
    for judge in counting:
        if judge.doubt:
            raise TasteError(
                f"{judge.doubt.rstrip('.')}: pictures would be pushed into its errors, so leave --optimize (optimize=) out "
                "until more pictures are rated."
            )
    return judge_for(counting or None)


def best_picture(findings: StudyFindings) -> ImageRow:
    """The best picture of the best prompt, by the goal."""
    winner = findings.winners[0]
    judged = len(winner.scores) == len(winner.pictures)
    return winner.pictures[int(np.argmax(winner.scores))] if judged else winner.pictures[0]


def optimize_best(
    tuner: Tuner,
    findings: StudyFindings,
    seconds: float,
    progress: Callable[[OptimizeProgress], None] = lambda progress: None,
) -> Optimized:
    """Optimize the best picture of a tune for its goal, and store it; after an interruption the same call goes on."""
    judge, generator = goal_judge(tuner.panel), tuner.generator
    parent = parent_of(tuner.collection, generator, best_picture(findings))
    seed, request = parent.noise.seed, generator.request(parent.prompt, parent.noise.seed, **parent.settings)
    found = optimize(
        generator, parent.prompt, by=judge, seconds=seconds, seed=seed, parents=[parent],
        state=state_file(tuner.collection, generator, judge, request, [parent]), progress=progress, **parent.settings,
    )  # fmt: skip
    return store(tuner.collection, generator, found, judge)
