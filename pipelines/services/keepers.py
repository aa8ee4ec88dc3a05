"""Keepers of an evaluated collection, as the gallery shows them: groups, choices, corrections and moves."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import CollectionError
from ..collection.distinct import corrections, mark_distinct, undo_distinct
from ..keepers.finding import Keepers, find_keepers
from ..support.background import Job
from ..tidying.cull import Plan, moves_of_others, plan_of
from ..tidying.moved_away import CULLED
from .evaluation import EvaluationService

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
