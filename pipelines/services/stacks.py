"""Stacks of one collection for the gallery; what is slow to find is remembered until the pictures change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

import numpy as np

from ...metrics.damage.titles import JudgeKey, Kind
from ..collection.queries import Query, order
from ..keepers.stacks import find_stacks, group_origins
from .evaluation import EvaluationService
from .judge_choices import values_and_scale


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
