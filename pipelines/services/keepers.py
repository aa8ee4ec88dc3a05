"""Keepers of an evaluated collection, as the gallery shows them: groups, choices, corrections, moves and stacks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

import numpy as np

from ...errors import CollectionError
from ...metrics.damage.titles import JudgeKey, Kind
from ..collection.labels import corrections, mark_distinct, undo_distinct
from ..collection.queries import Query, order
from ..keepers.finding import Keepers, find_keepers
from ..keepers.stacks import find_stacks, group_origins
from ..support.background import Job
from ..tidying.cull import Plan, moves_of_others, plan_of
from ..tidying.moved_away import CULLED
from .evaluation import EvaluationService
from .judge_choices import values_and_scale

#: Folder, among those of what was moved away, for the pictures of groups that are not kept.
OTHERS = "others"


class KeeperService:
    """The keepers of one collection; the evaluation's judge chooses, and its settings hold the user's own choices."""

    def __init__(self, evaluation: EvaluationService) -> None:
        self.evaluation, self.collection = evaluation, evaluation.collection

    def keepers(self, group: str, per_group: int, rater: str) -> Keepers | None:
        """The keepers; arguments as for ``find_keepers``, without exact copies. None before the first evaluation."""
        result = self.evaluation.result
        return None if result is None else find_keepers(result, group, per_group, rater=rater, copies=False)

    def keep(self, members: Sequence[int], image: int, *, every: bool = False) -> list[int]:
        """Choose which pictures of a group to keep.

        With ``every`` it keeps all or, if the user keeps all already, what is proposed. Returns those chosen before.
        """
        if image not in members:
            raise CollectionError(f"Picture {image} is not in this group any more: reload the page.")
        return self.evaluation.keep_of(members, image, every=every)

    def mark_distinct(self, images: Sequence[int]) -> str:
        """Remember that pictures are no duplicates of each other; returns the name of the correction."""
        name = mark_distinct(self.collection, images)
        self.evaluation.regroup()
        return name

    def undo_distinct(self, name: str) -> None:
        """Forget a correction."""
        if not undo_distinct(self.collection, name):
            raise CollectionError("This correction is undone already: reload the page.")
        self.evaluation.regroup()

    def corrections(self) -> dict[str, list[int]]:
        """Ids of the pictures of each correction, by name."""
        return corrections(self.collection)

    def plan(self, keepers: Keepers) -> Plan:
        """Plan the moves of all pictures that are no keepers of their group."""
        current, target = self.evaluation.current(), self.evaluation.folder / CULLED
        return self.evaluation.checked(
            plan_of(moves_of_others(current, keepers, self.evaluation.roots(), target / OTHERS), target)
        )

    def move(self, group: str, per_group: int, digest: str) -> tuple[Job, str]:
        """Move these pictures away in the background."""
        keepers = find_keepers(self.evaluation.current(), group, per_group, copies=False)
        return self.evaluation.move_files(self.plan(keepers), digest)


class StackService:
    """The stacks of one collection."""

    def __init__(self, evaluation: EvaluationService) -> None:
        self.evaluation, self.collection = evaluation, evaluation.collection
        self._lock = threading.Lock()
        #: By way of grouping: the pictures and the version of the evaluation, and their groups.
        self._known: dict[str, tuple[tuple[tuple[int, ...], int], np.ndarray]] = {}

    def stacks(self, by: str, judge: str) -> list[tuple[int, ...]]:
        """The stacks, see ``find_stacks``; an earlier evaluation is read in the background where it is needed.

        ``by`` is ``prompt``, ``burst``, ``look-alike`` or ``best``; values of ``judge`` choose the picture on top.
        """
        if by == "look-alike":
            self.evaluation.recall()
        ids = order(self.collection, Query(ascending=True), "")
        return find_stacks(
            self.collection, by, ids, self._values(judge, ids), judge, self.evaluation.result, partial(self._groups, by)
        )

    def _values(self, judge: str, ids: Sequence[int]) -> dict[int, float]:
        if JudgeKey.of(judge).kind is Kind.PERSON:
            return values_and_scale(self.collection, judge, ids)[0]
        return self.collection.scores(judge) if judge else {}

    def _groups(self, by: str, ids: Sequence[int]) -> np.ndarray:
        state = tuple(ids), self.evaluation.version
        with self._lock:
            known = self._known.get(by)
            if known is None or known[0] != state:
                known = self._known[by] = state, group_origins(self.collection, by, ids)
            return known[1]
