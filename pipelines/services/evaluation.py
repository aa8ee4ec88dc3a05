"""Background evaluation and tidying of one collection, with the latest result.

The collection stores the result of every evaluation, and a file that did not change is not opened again. So after a
restart the last evaluation is available as soon as its folders have been listed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ...errors import CollectionError, SoartError
from ...metrics.damage.names import OVERALL
from ..collection.collection import Collection
from ..collection.files import last_scan_number
from ..collection.pictures import known_ids
from ..collection.results import has_result
from ..evaluation.evaluate import evaluate as evaluate_scan
from ..evaluation.folders import EvaluatedCollection, sync_and_evaluate
from ..evaluation.settings import KEY, EvaluationSettings
from ..ingest.engines import Engine
from ..ingest.local_engine import LocalEngine
from ..ingest.roots import check_allowed, known_roots
from ..ingest.scan import Scan
from ..judges.catalogue import Allow, Catalogue
from ..scoring.collection_tastes import CollectionTastes
from ..support.background import FAILED, Job, Jobs
from ..support.wording import counted
from ..tidying.cull import Move, Plan, Rule, cull, duplicates, plan_moves, plan_pictures, prefer
from ..tidying.moved_away import CULLED, UNDO, UndoFile, mark_moved, undo_files
from ..tidying.undoing import undo
from .service import CollectionService

#: Answers of the server, and the learning of tastes, go before the reading of pictures.
NICENESS = 10


@dataclass(frozen=True)
class EvaluationState:
    """State of a collection's evaluation."""

    version: int  # counts up with every change that pages show
    live: bool
    found: bool
    message: str
    failed: bool


class EvaluationService(CollectionService):
    """The evaluation of one collection, of folders in ``allowed`` ones, links resolved; None for no limit."""

    def __init__(
        self,
        collection: Collection,
        tastes: CollectionTastes,
        jobs: Jobs,
        engine: Engine | None = None,
        allowed: Sequence[Path] | None = None,
        judges: Catalogue | None = None,
    ) -> None:
        super().__init__(collection, tastes, jobs, KEY, settings_key=KEY)
        self.judges = (judges or Catalogue(tastes)).among(tastes)
        self.folder = collection.file("").absolute()
        self.engine = engine or LocalEngine(niceness=NICENESS)
        self.allowed = allowed
        self._result: EvaluatedCollection | None = None
        self._stale = True
        self._evaluated_before = has_result(collection, "evaluation:")

    @property
    def settings(self) -> EvaluationSettings:
        """The settings that the collection stores now; another program may have changed them."""
        return EvaluationSettings.of(self.collection)

    @property
    def result(self) -> EvaluatedCollection | None:
        """The latest result, with the pictures that the settings keep; None before the first."""
        with self._lock:
            result = self._result
        return result and replace(result, evaluation=prefer(result.evaluation, self.settings.keep))

    @property
    def culled(self) -> Path:
        """The folder that pictures are moved to."""
        return self.folder / CULLED

    @property
    def movable(self) -> bool:
        """True if pictures can be moved to the collection's folder."""
        return os.access(self.folder, os.W_OK)

    def state(self) -> EvaluationState:
        """The current state."""
        job = self.job
        live = job is not None and job.live
        return EvaluationState(
            version=self.version,
            live=live,
            found=self.result is not None,
            message=job.message if job is not None and not live else "",
            failed=job is not None and job.state == FAILED,
        )

    def roots(self) -> list[Path]:
        """The evaluated folders: the collection's own pictures, and the folders it was used for."""
        return [self.folder / "images", *known_roots(self.collection)]

    def undo_files(self) -> list[UndoFile]:
        """Records of moves, newest first."""
        return undo_files(self.folder)

    def groups(self) -> list[list[int]]:
        """Ids of near-duplicates group by group, the largest first, in each by falling score."""
        result = self.result
        return [] if result is None else duplicates(result.evaluation)

    def recall(self) -> None:
        """Read an earlier evaluation in the background, if the latest result is missing or out of date.

        A result is out of date after a change that was interrupted, or one that another program made.
        """
        with self._lock:
            stale = self._stale or (self._result is not None and not self._is_current(self._result))
            if stale and self._evaluated_before and not self.busy:
                self._start("Reading the evaluation", lambda job: self.run(job, self.roots()))

    def evaluate(self, by: str = "", folders: Sequence[Path] | None = None) -> Job:
        """Evaluate in the background. Without ``folders`` it takes those of the last time."""
        self.judges.judge(by or OVERALL, Allow.OFFERED)
        roots = self.roots() if folders is None else [self.folder / "images", *folders]
        with self._lock:
            self._refuse_if_busy()
            self._change(lambda settings: replace(settings, by="" if by == OVERALL else by))
            return self._start("Evaluating", lambda job: self.run(job, roots))

    def keep(self, image: int, *, every: bool = False) -> tuple[list[int], list[int]]:
        """Choose which pictures of a group of near-duplicates to keep.

        With ``every`` it keeps all of the group or, if all are kept already, the proposed one. Returns the group, and
        those of it that were chosen before.
        """
        members = next((group for group in self.groups() if image in group), None)
        if members is None:
            raise CollectionError(f"Picture {image} has no near-duplicates any more: reload the page.")
        return members, self.keep_of(members, image, every=every)

    def keep_of(self, members: Sequence[int], image: int, *, every: bool = False) -> list[int]:
        """Choose which pictures that belong together to keep, see ``keep``; returns those chosen before."""
        with self._lock:
            keeps_all = set(members) <= set(self.settings.keep)
            return self.choose_of(members, [image] if not every else [] if keeps_all else members)

    def choose_of(self, members: Sequence[int], chosen: Sequence[int]) -> list[int]:
        """Store the choice among pictures that belong together, empty for the proposed one; returns the one before."""
        # Guests choose too, and must not fill the settings with numbers that are no pictures.
        group, before = set(known_ids(self.collection, members)), set()

        def choose(settings: EvaluationSettings) -> EvaluationSettings:
            before.update(group.intersection(settings.keep))
            return replace(settings, keep=tuple(sorted(set(settings.keep) - group | group.intersection(chosen))))

        with self._lock:
            self._change(choose)
        return sorted(before)

    def plan(self, rule: Rule) -> Plan:
        """Plan the moves of a rule."""
        return self.checked(plan_moves(self.current(), rule, self.roots(), self.culled, self.settings.keep))

    def current(self) -> EvaluatedCollection:
        """The latest result, for moves of files."""
        if (result := self.result) is None:
            raise CollectionError("Evaluate this collection first.")
        if not self._is_current(result):
            raise CollectionError("Another program has scanned this collection meanwhile: evaluate it again.")
        return result

    def checked(self, plan: Plan) -> Plan:
        """The plan itself."""
        self._check_allowed(dict.fromkeys(move.source.parent for move in plan.moves))
        return plan

    def move(self, rule: Rule, digest: str) -> tuple[Job, str]:
        """Move the pictures of a rule's plan away in the background, see ``move_files``."""
        return self.move_files(self.plan(rule), digest)

    def move_files(self, plan: Plan, digest: str) -> tuple[Job, str]:
        """Move the pictures of a plan away in the background; a journal records each move before it is made.

        ``digest`` is that of the plan that the user has seen. Returns the job, and the name of its undo file.
        """
        if plan.digest != digest or not plan.moves:
            raise CollectionError("The pictures have changed since this list was made: reload it.")
        return self._move(plan.moves)

    def move_pictures(self, ids: Sequence[int]) -> tuple[Job, str]:
        """Move pictures away in the background, as ``move`` does. Returns the job, and the name of its undo file."""
        return self._move(self.moves_of(ids))

    def moves_of(self, ids: Sequence[int]) -> list[Move]:
        """Plan to move all files of pictures away, exact copies included."""
        moves = plan_pictures(self.collection, ids, self.roots(), self.culled)
        self._check_allowed(dict.fromkeys(move.source.parent for move in moves))
        if not moves:
            raise CollectionError("The files of these pictures are gone: there is nothing to move away.")
        return moves

    def _move(self, moves: Sequence[Move]) -> tuple[Job, str]:
        if not self.movable:
            raise CollectionError(f"The folder {str(self.folder)!r} cannot be written: nothing can be moved there.")
        journal = self._new_journal()

        def work(job: Job) -> str:
            job.expect(len(moves))
            done, problems = cull(moves, journal, job.advance)
            return " ".join([f"{counted(len(done), 'file')} moved away.", *problems[:3]])

        return self._tidy("Moving pictures away", work, {move.image for move in moves}), journal.name

    def undo_move(self, name: str) -> Job:
        """Bring back what one move took away, by the name of its undo file, and evaluate again, in the background."""
        file = next((file for file in self.undo_files() if file.name == name), None)
        if file is None:
            raise CollectionError("There is nothing to undo under this name any more: reload the page.")
        if file.problem:
            raise CollectionError(file.problem)

        def work(job: Job) -> str:
            done, problems = undo(self.folder / UNDO / name)
            return " ".join([f"{counted(done, 'file')} brought back.", *problems[:3]])

        return self._tidy("Bringing pictures back", work)

    def regroup(self) -> None:
        """Take changed corrections of near-duplicates into the latest result; nothing is measured again."""
        with self._lock:
            if (result := self._result) is None:
                return
            judged = result.judged
            evaluation = evaluate_scan(self.collection, result.update.scan_number, judged.main, judged.scores)
            self._result = replace(result, evaluation=evaluation)
            self.version += 1

    def _tidy(self, title: str, change: Callable[[Job], str], moved: Iterable[int] = ()) -> Job:
        """Change files in the background, then evaluate again, if the collection ever was evaluated."""

        def work(job: Job) -> None:
            message = ""
            try:
                message = change(job)
            finally:
                with self._lock:
                    self._result, self._stale = None, True
                mark_moved(self.collection, moved)
            try:
                if self._evaluated_before:
                    self.run(job, self.roots())
            except SoartError as error:
                # Such as that no picture is left, or that the taste which ranks is gone.
                raise CollectionError(" ".join(filter(None, (message, str(error))))) from error
            job.message = message

        with self._lock:
            self._refuse_if_busy()
            return self._start(title, work)

    def _is_current(self, result: EvaluatedCollection) -> bool:
        """True if no scan followed that of the result, which names files by its scan."""
        return last_scan_number(self.collection) == result.update.scan_number

    def _check_allowed(self, folders: Iterable[Path]) -> None:
        """Refuse folders outside the allowed ones, again each time: one may have become a link to elsewhere."""
        if self.allowed is not None:
            check_allowed(folders, self.allowed)

    def _refuse_if_busy(self) -> None:
        if self.busy:
            raise SoartError("This collection is being evaluated or tidied: wait until that is done, or cancel it.")

    def _start(self, title: str, work: Callable[[Job], None]) -> Job:
        self._stale = False
        self.version += 1
        return self.jobs.start(self.key, title, work)

    def _change(self, change: Callable[[EvaluationSettings], EvaluationSettings]) -> None:
        self._change_settings(lambda text: change(EvaluationSettings.read(text)).text())

    def _new_journal(self) -> Path:
        start = f"{datetime.now():%Y%m%d-%H%M%S}"
        names = (f"{start}{f'-{number}' if number else ''}.jsonl" for number in range(10_000))
        return next(path for name in names if not (path := self.folder / UNDO / name).exists())

    def run(self, job: Job, roots: Sequence[Path]) -> None:
        """Evaluate folders within a job of this key."""
        judge = self.judges.find(self.settings.by or OVERALL, Allow.OFFERED)
        self._check_allowed(roots)

        def expect(total: int) -> None:
            job.total = total

        def scan_and_evaluate() -> EvaluatedCollection:
            job.expect(0)
            return sync_and_evaluate(
                self.collection, Scan(roots, exclude=self.culled, contained=True), self.engine, judge,
                faces=True, progress=job.advance, expect=expect, evaluating=lambda pictures: job.check(),
            )  # fmt: skip

        mark_moved(self.collection)
        result = scan_and_evaluate()
        # The scan may have found files of pictures that were marked as moved away.
        if mark_moved(self.collection):
            result = scan_and_evaluate()
        with self._lock:
            self._result, self._evaluated_before, self._stale = result, True, False
            self.version += 1
        job.message = f"{len(result.evaluation.ids)} pictures evaluated."
