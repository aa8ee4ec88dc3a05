"""From folders that nobody has looked at to a ranking by one's own taste: reads pictures while the first ones are rated."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np

from ...errors import CollectionError
from ...metrics.items.combined import default_network
from ...metrics.tastes.trust import FEWEST_PER_SIDE
from ..collection.collection import Collection
from ..collection.files import sound_image_ids
from ..collection.pictures import count_sound_pictures, images_by_id
from ..collection.ratings import liked_and_disliked, ratings
from ..evaluation.settings import KEY
from ..ingest.scan import Scan
from ..ingest.sync import add_first_pictures, sync
from ..judges.finding import judges_for, kinds_of
from ..scoring.collection_tastes import CollectionTastes
from ..support.background import Job, Jobs
from ..support.wording import counted
from ..tidying.copying import Copies, check_copy_target, copy_best
from ..tidying.journal import Journal
from ..tidying.undoing import undo
from .evaluation import EvaluationService
from .service import CollectionService

#: Ratings after which the pictures are ranked, and pictures shown of the ranking.
GOAL, BEST = 16, 20
#: The pictures are ranked again whenever so many times as many are read.
GROWTH = 1.5
#: Folder of the collection for the records of copies.
COPIES = "copies"
_SINGLE = "One picture alone cannot be ranked against others: choose a folder with more pictures."


def lacking(stars: Mapping[int, float], pictures: int) -> tuple[str, bool]:
    """A sentence on what ratings of some of ``pictures`` lack for a ranking, empty for nothing; True if they rank at all."""
    liked = len(liked_and_disliked(stars)[0])
    if pictures == 1:
        return _SINGLE, False
    if not liked:
        return "All your ratings are alike, so they rank nothing: give pictures that you like better more stars.", False
    if liked >= FEWEST_PER_SIDE:
        return "", True
    return (
        f"You like {liked} of {counted(len(stars))} so far. The next ones are chosen to find {FEWEST_PER_SIDE} that you like.",
        True,
    )


def check_several(collection: Collection, roots: Sequence[Path]) -> None:
    """Refuse folders with a single picture, before anything is read."""
    files = islice((one for one in Scan([*filter(os.path.isdir, roots)], contained=True) if not one.sidecar), 2)
    if len([*files]) == 1 and count_sound_pictures(collection) < 2:
        raise CollectionError(_SINGLE)


@dataclass(frozen=True, slots=True)
class ReadingState:
    """Progress of reading a collection; while unknown ``job`` and ``files`` are 0, ``left`` seconds None, ``failed`` empty."""

    job: int
    files: int
    done: int
    pictures: int
    live: bool
    left: float | None
    failed: str


class StartService(CollectionService):
    """Reads the pictures of a collection's folders in the background, and copies the best by a taste.

    Args:
        target: folder that the best are copied to; None for one in the collection's folder.
        grown: called whenever many more pictures are read than at the last call, and when all are.
    """

    def __init__(
        self, collection: Collection, tastes: CollectionTastes, jobs: Jobs, evaluation: EvaluationService,
        target: Path | None = None, grown: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        # One job reads or moves the files of a collection at a time.
        super().__init__(collection, tastes, jobs, KEY)
        self._evaluation, self._grown = evaluation, grown
        self.target = target or collection.file("best")
        self._files = self._done = 0
        #: True once all pictures that were read are stored.
        self._stored = False
        self._reading: Job | None = None
        self._copying = threading.Lock()

    def read(self) -> Job:
        """Read all pictures in the background, in a random order after a few that can be shown at once; then evaluate.

        An interrupted reading goes on where it stopped, and a file that did not change is not opened again.
        """
        with self._lock:
            self._reading = self.jobs.start(self.key, "Reading the pictures", self._read)
            return self._reading

    def state(self) -> ReadingState:
        """The progress of the reading."""
        job = self._reading
        live = job is not None and job.live and not self._stored
        return ReadingState(
            0 if job is None else job.number, self._files, self._done, count_sound_pictures(self.collection), live,
            left=job.seconds_left if job is not None and live else None, failed=self.failure,
        )  # fmt: skip

    def lacking(self, rater: str) -> tuple[str, bool]:
        """Tell what ratings of a rater lack, see ``lacking``; a picture is single only once all files are read."""
        state = self.state()
        return lacking(ratings(self.collection, rater), state.pictures if not state.live or state.files == 1 else 0)

    def _read(self, job: Job) -> None:
        self._files, self._done, self._stored = 0, 0, False
        roots, rng = self._evaluation.roots(), np.random.default_rng()
        scan = Scan(roots, exclude=self._evaluation.culled, contained=True)
        if (missing := GOAL - count_sound_pictures(self.collection)) > 0:
            add_first_pictures(self.collection, scan, missing, rng, job.check)
        kinds = [None, *(kinds_of(judges_for()) if default_network() else [])]
        job.expect(0)
        growth = GROWTH * GOAL

        def expect(total: int) -> None:
            self._files = job.total = total

        def progress(files: int) -> None:
            nonlocal growth
            self._done += files
            if self._done >= growth:
                growth = self._done * GROWTH
                self._grown()
            job.advance(files)

        update = sync(self.collection, scan, self._evaluation.engine, kinds, progress=progress, expect=expect, rng=rng)
        self._files = self._done = update.found
        self._stored = True
        if not len(sound_image_ids(self.collection, update.scan_number)):
            raise scan.no_picture(update.problems)
        self._grown()
        job.title = "Evaluating"
        self._evaluation.run(job, roots)

    def copy(self, images: list[int]) -> tuple[Copies, str]:
        """Copy pictures, best first, to the target; returns the result, and a name for ``undo_copy``, perhaps empty."""
        check_copy_target(self.target, [root for root in self._evaluation.roots() if root.is_dir()])
        rows = images_by_id(self.collection, images)
        paths = [self.collection.locate(rows[image]) for image in images if image in rows]
        record = self._records() / f"{datetime.now():%Y%m%d-%H%M%S-%f}.jsonl"
        with self._copying, closing(Journal(record)) as journal:
            copies = copy_best(paths, self.target, journal)
        return copies, copies.undo_file.name if copies.undo_file else ""

    def undo_copy(self, name: str) -> tuple[int, list[str]]:
        """Delete unchanged files of a copying; returns their number, and sentences on those that stay."""
        with self._copying:
            record = next((path for path in self._records().glob("*.jsonl") if path.name == name), None)
            if record is None:
                raise CollectionError("There is nothing to undo under this name any more: reload the page.")
            return undo(record)

    def _records(self) -> Path:
        return self._evaluation.folder / COPIES
