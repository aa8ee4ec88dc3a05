"""One collection as something to evaluate and to tidy: in the background, with what was found kept at hand.

What an evaluation found lies in the collection, and a file that did not change is not opened again: after a restart the last evaluation is
there as soon as its folders have been listed.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from ...errors import CollectionError, SoartError
from ...metrics.tastes.profile import TECHNICAL
from ..collection.collection import Collection
from ..collection.files import last_scan_number
from ..collection.results import has_result
from ..collection.settings import setting, store_setting
from ..evaluation.folders import EvaluatedCollection, sync_and_evaluate
from ..ingest.local_engine import LocalEngine
from ..ingest.roots import known_roots
from ..ingest.scan import Scan
from ..ingest.worker import Engine
from ..scoring.collection_profiles import CollectionProfiles
from ..support.background import Job, Jobs
from ..tidying.cull import Rule, cull
from ..tidying.journal import undo
from ..tidying.moved_away import CULLED, UNDO, UndoFile, mark_moved, undo_files
from ..tidying.plan import Plan, duplicates, plan_moves, prefer

#: Of its jobs, of which only one runs at a time, and of what the collection remembers for it.
KEY = "evaluate"


@dataclass(frozen=True)
class EvaluationSettings:
    """What was asked of a collection's evaluation.

    Attributes:
        profile: that ranks; empty for the technical score.
        keep: ids of pictures to be kept, whatever a rule says: in place of the proposed one in groups of near-duplicates.
    """

    profile: str = ""
    keep: tuple[int, ...] = ()


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


class EvaluationService:
    """The evaluation of one collection.

    Args:
        collection: the collection.
        shelf: whose profiles can rank.
        jobs: where it runs.
        engine: looks at new pictures.
    """

    def __init__(
        self, collection: Collection, shelf: CollectionProfiles, jobs: Jobs, engine: Engine | None = None
    ) -> None:
        self.collection, self.shelf, self.jobs = collection, shelf, jobs
        self.folder = collection.file("").absolute()
        self.engine = engine or LocalEngine()
        self._lock = threading.RLock()
        self._found: EvaluatedCollection | None = None
        self._stale = True
        #: Counts up with every change that is worth showing.
        self.version = 0
        kept = json.loads(setting(collection, KEY) or "{}")
        self._wishes = EvaluationSettings(kept.get("profile", ""), tuple(kept.get("keep", ())))
        self._known = has_result(collection, "evaluation:")

    @property
    def job(self) -> Job | None:
        """What it does, or did last."""
        return self.jobs.find(KEY)

    @property
    def wishes(self) -> EvaluationSettings:
        """What was asked."""
        with self._lock:
            return self._wishes

    @property
    def found(self) -> EvaluatedCollection | None:
        """What was found last, with the wishes in it."""
        with self._lock:
            found, wishes = self._found, self._wishes
        return found and replace(found, evaluation=prefer(found.evaluation, wishes.keep))

    @property
    def movable(self) -> bool:
        """Whether pictures can be moved to the collection's folder."""
        return os.access(self.folder, os.W_OK)

    def roots(self) -> list[Path]:
        """What it looks at: the collection's own pictures and the folders it was used for."""
        return [self.folder / "images", *known_roots(self.collection)]

    def undo_files(self) -> list[UndoFile]:
        """What can be undone, newest first."""
        return undo_files(self.folder)

    def groups(self) -> list[list[int]]:
        """Ids of near-duplicates group by group, the largest first, in each by falling score."""
        found = self.found
        return [] if found is None else duplicates(found.evaluation)

    def recall(self) -> None:
        """Look again for an evaluation of earlier, or of before a change that was broken off or made by another program."""
        with self._lock:
            stale = self._stale or (self._found is not None and not self._current(self._found))
            if stale and self._known and not self._busy():
                self._start("Reading the evaluation", lambda job: self._survey(job, self.roots()))

    def evaluate(self, profile: str = "", folders: Sequence[Path] | None = None) -> Job:
        """Evaluate in the background.

        Args:
            profile: that ranks; empty for the technical score.
            folders: to look at beside the collection's own pictures; None for those of the last time.

        Raises:
            ProfileError: there is no such profile.
            SoartError: something goes on already.
        """
        profile = "" if profile == TECHNICAL else profile
        if profile:
            self.shelf.scorer(profile)
        roots = self.roots() if folders is None else [self.folder / "images", *folders]
        with self._lock:
            self._refuse_busy()
            self._wish(replace(self._wishes, profile=profile))
            return self._start("Evaluating", lambda job: self._survey(job, roots))

    def keep(self, image: int, *, every: bool = False) -> None:
        """Keep this picture of its group of near-duplicates and no other; or all of them, or again what is proposed where all were kept.

        Raises:
            CollectionError: it has no near-duplicates.
        """
        members = next((group for group in self.groups() if image in group), None)
        if members is None:
            raise CollectionError(f"Picture {image} has no near-duplicates any more: reload the page.")
        with self._lock:
            others = set(self._wishes.keep) - set(members)
            all_kept = set(members) <= set(self._wishes.keep)
            chosen = {image} if not every else set[int]() if all_kept else set(members)
            self._wish(replace(self._wishes, keep=tuple(sorted(others | chosen))))
            self.version += 1

    def plan(self, rule: Rule) -> Plan:
        """What a rule would move.

        Raises:
            CollectionError: nothing is evaluated yet.
        """
        if (found := self.found) is None:
            raise CollectionError("Evaluate this collection first.")
        if not self._current(found):
            raise CollectionError("Another program has looked at this collection meanwhile: evaluate it again.")
        return plan_moves(found, rule, self.roots(), self.folder / CULLED, self.wishes.keep)

    def move(self, rule: Rule, digest: str) -> Job:
        """Move away what a plan said, in the background; an undo file tells of each move before it is made.

        Raises:
            CollectionError: there is nothing to move, or no longer what was planned.
            SoartError: something goes on already.
        """
        plan = self.plan(rule)
        if plan.digest != digest or not plan.moves:
            raise CollectionError("The pictures have changed since this was shown: look at it again.")
        if not self.movable:
            raise CollectionError(f"The folder {str(self.folder)!r} cannot be written: nothing can be moved there.")

        def work(job: Job) -> str:
            job.expect(len(plan.moves))
            done, problems = cull(plan.moves, self._journal(), job.advance)
            return " ".join([f"{_files(len(done))} moved away.", *problems[:3]])

        return self._tidy("Moving pictures away", work)

    def undo_rating(self, name: str) -> Job:
        """Undo a cull in the background.

        Raises:
            CollectionError: there is no such undo file, or it would change other things.
            SoartError: something goes on already.
        """
        known = next((one for one in self.undo_files() if one.name == name), None)
        if known is None:
            raise CollectionError("There is nothing to undo under this name any more: reload the page.")
        if known.problem:
            raise CollectionError(known.problem)

        def work(job: Job) -> str:
            done, problems = undo(self.folder / UNDO / name)
            return " ".join([f"{_files(done)} brought back.", *problems[:3]])

        return self._tidy("Bringing pictures back", work)

    def _tidy(self, title: str, change: Callable[[Job], str]) -> Job:
        def work(job: Job) -> None:
            said = ""
            try:
                said = change(job)
            finally:
                with self._lock:
                    self._found, self._stale = None, True
                mark_moved(self.collection)
            try:
                self._survey(job, self.roots())
            except CollectionError as error:
                # Such as that no picture is left.
                raise CollectionError(f"{said} {error}") from error
            job.message = said

        with self._lock:
            self._refuse_busy()
            return self._start(title, work)

    def _current(self, found: EvaluatedCollection) -> bool:
        """Whether nobody has scanned since: what was found names files by its scan."""
        return last_scan_number(self.collection) == found.update.scan_number

    def _busy(self) -> bool:
        return (job := self.job) is not None and job.live

    def _refuse_busy(self) -> None:
        if self._busy():
            raise SoartError("This collection is being evaluated or tidied: wait until that is done, or cancel it.")

    def _start(self, title: str, work: Callable[[Job], None]) -> Job:
        self._stale = False
        self.version += 1
        return self.jobs.start(KEY, title, work)

    def _wish(self, wishes: EvaluationSettings) -> None:
        store_setting(self.collection, KEY, json.dumps(asdict(wishes)))
        self._wishes = wishes

    def _journal(self) -> Path:
        start = f"{datetime.now():%Y%m%d-%H%M%S}"
        names = (f"{start}{f'-{number}' if number else ''}.jsonl" for number in range(10_000))
        return next(path for name in names if not (path := self.folder / UNDO / name).exists())

    def _survey(self, job: Job, roots: Sequence[Path]) -> None:
        profile = self.wishes.profile
        tastes = [self.shelf.scorer(profile)] if profile else []

        def expect(total: int) -> None:
            job.total = total

        def once() -> EvaluatedCollection:
            job.expect(0)
            return sync_and_evaluate(
                self.collection, Scan(roots, apart=self.folder / CULLED), self.engine, tastes,
                progress=job.advance, expect=expect, evaluating=lambda pictures: job.check(),
            )  # fmt: skip

        mark_moved(self.collection)
        found = once()
        # The scan may have come across files of pictures that were thought to be away.
        if mark_moved(self.collection):
            found = once()
        with self._lock:
            self._found, self._known, self._stale = found, True, False
            self.version += 1
        job.message = f"{len(found.evaluation.ids)} pictures evaluated."
