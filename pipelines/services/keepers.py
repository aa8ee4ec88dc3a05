"""Keepers of an evaluated collection, as the gallery shows them: groups, choices, corrections and moves."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import CollectionError
from ..collection.distinct import corrections, mark_distinct, undo_distinct
from ..keepers.finding import Keepers, find_keepers
from ..support.background import Job
from ..tidying.keeping import moves_of_others
from ..tidying.moved_away import CULLED
from ..tidying.plan import Plan, plan_of
from .evaluation import EvaluationService

#: Folder, among those of what was moved away, for the pictures of groups that are not kept.
OTHERS = "others"


class KeeperService:
    """The keepers of one collection; the evaluation's judge chooses, and its settings hold the user's own choices.

    Args:
        evaluation: the service that evaluates the collection and moves its files.
    """

    def __init__(self, evaluation: EvaluationService) -> None:
        self.evaluation, self.collection = evaluation, evaluation.collection

    def keepers(self, group: str, per_group: int, rater: str) -> Keepers | None:
        """The keepers; arguments as for ``find_keepers``, without exact copies. None before the first evaluation."""
        result = self.evaluation.result
        return None if result is None else find_keepers(result, group, per_group, rater=rater, copies=False)

    def keep(self, members: Sequence[int], image: int, *, every: bool = False) -> list[int]:
        """Choose which pictures of a group to keep.

        Args:
            members: ids of the group.
            image: the only one that is kept.
            every: keep all of the group instead or, if the user keeps all already, what is proposed.

        Returns:
            the pictures of the group that were chosen before.

        Raises:
            CollectionError: the picture is not in the group.
        """
        if image not in members:
            raise CollectionError(f"Picture {image} is not in this group any more: reload the page.")
        return self.evaluation.keep_of(members, image, every=every)

    def mark_distinct(self, images: Sequence[int]) -> str:
        """Remember that pictures are no duplicates of each other; returns the name of the correction.

        Raises:
            CollectionError: there are not two pictures, or one does not exist.
        """
        name = mark_distinct(self.collection, images)
        self.evaluation.regroup()
        return name

    def undo_distinct(self, name: str) -> None:
        """Forget a correction.

        Raises:
            CollectionError: there is none of that name.
        """
        if not undo_distinct(self.collection, name):
            raise CollectionError("This correction is undone already: reload the page.")
        self.evaluation.regroup()

    def corrections(self) -> dict[str, list[int]]:
        """Ids of the pictures of each correction, by name."""
        return corrections(self.collection)

    def plan(self, keepers: Keepers) -> Plan:
        """Plan the moves of all pictures that are no keepers of their group.

        Raises:
            CollectionError: the collection is not evaluated, was scanned again since, or a folder of it is not allowed
                any more.
        """
        current, target = self.evaluation.current(), self.evaluation.folder / CULLED
        return self.evaluation.checked(
            plan_of(moves_of_others(current, keepers, self.evaluation.roots(), target / OTHERS), target)
        )

    def move(self, group: str, per_group: int, digest: str) -> tuple[Job, str]:
        """Move these pictures away in the background.

        Args:
            group: as for ``find_keepers``.
            per_group: pictures to keep of each group.
            digest: of the plan that the user has seen.

        Returns:
            the job, and the name of the undo file that it will write.

        Raises:
            CollectionError: the plan is empty or out of date, or the folder cannot be written.
            SoartError: another job runs.
        """
        keepers = find_keepers(self.evaluation.current(), group, per_group, copies=False)
        return self.evaluation.move_files(self.plan(keepers), digest)
