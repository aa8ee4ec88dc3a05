"""Watches the folders of a collection, and evaluates it again when other tools write pictures there."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...errors import JudgeError, SoartError, TasteError
from ..collection.tables import time_of
from ..ingest.file_rows import known_files
from ..ingest.roots import check_allowed, known_roots
from ..ingest.scan import FileEntry, Scan
from ..support.background import FAILED, Job
from ..support.batching import batches
from ..tidying.moved_away import CULLED
from .evaluation import EvaluationService

#: Least seconds between two listings; after a long listing the pause is this many times as long as the listing.
PAUSE, RATIO = 2.0, 20.0
#: Seconds after its last change at which a file counts as written.
SETTLED = 2.0
#: Longest wait, in seconds, for files that go on changing while others are written.
PATIENCE = 30.0
#: Seconds from a failed evaluation to the next try, doubled with each failure up to the second number.
RETRY = 30.0, 3600.0
#: Seconds for which ``close`` waits for the thread.
_CLOSING = 10.0
#: Files compared with the collection at once.
_CHUNK = 512

_log = logging.getLogger(__name__)

#: Size and time of change, in nanoseconds since 1970, of each file by path.
Listing = dict[str, tuple[int, int]]


class Novelty:
    """New and changed files between listings of a folder, once they are written.

    Args:
        known: the listing at the start.
        settled: seconds without a change after which a file counts as written.
        patience: seconds after which files that are written no longer wait for others that go on changing.
    """

    def __init__(
        self, known: Mapping[str, tuple[int, int]], settled: float = SETTLED, patience: float = PATIENCE
    ) -> None:
        self._known, self.settled, self.patience = dict(known), settled, patience
        # Every file that is new or changed, with the time at which it was first seen so.
        self._pending: dict[str, tuple[tuple[int, int], float]] = {}
        self._since = 0.0

    def take(self, listing: Listing, now: float) -> bool:
        """True if there are new files to scan; they are known from then on.

        Files that vanish are forgotten, so that they are new when they come back. ``now`` is in seconds of any clock.
        """
        self._known = {path: state for path, state in self._known.items() if path in listing}
        changed = {path: state for path, state in listing.items() if self._known.get(path) != state}
        if changed and not self._pending:
            self._since = now
        before = self._pending
        self._pending = {
            path: before[path] if path in before and before[path][0] == state else (state, now)
            for path, state in changed.items()
        }
        written = {path: state for path, (state, since) in self._pending.items() if now - since >= self.settled}
        if not written or (len(written) < len(self._pending) and now - self._since < self.patience):
            return False
        self._known |= written
        self._pending = {path: seen for path, seen in self._pending.items() if path not in written}
        self._since = now
        return True


class FolderWatch:
    """Lists the folders of a collection in a thread, and evaluates it when other tools have written pictures there.

    The folders are listed, because not every file system reports changes. An unchanged file is not opened again.
    They are listed every ``pause`` seconds.
    """

    def __init__(self, evaluation: EvaluationService, pause: float = PAUSE, settled: float = SETTLED) -> None:
        self.evaluation, self.pause = evaluation, pause
        self._ended = threading.Event()
        self._novelty = Novelty(self._known(), settled)
        #: Time from which an evaluation is due; None if there is nothing new.
        self._due: float | None = None
        self._job: Job | None = None
        self._retry = RETRY[0]
        self._thread = threading.Thread(target=self._run, name="soart: watching folders", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; a folder that does not answer is not awaited for long."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSING)

    def look(self, now: float) -> bool:
        """List the folders once; returns True if that starts an evaluation.

        An evaluation that fails is tried again after a while. If the judge that ranks is gone, the overall score does.
        ``now`` is in seconds of the clock of the other calls.
        """
        listing = {file.path: (file.size, file.changed) for file in self._files()}
        if self._ended.is_set():
            return False
        self._take_end(now)
        if self._novelty.take(listing, now):
            self._due = now
        if self._due is None or now < self._due or self.evaluation.busy:
            return False
        try:
            self._job = self.evaluation.evaluate(self.evaluation.settings.by)
        except (JudgeError, TasteError) as error:
            _log.warning("Pictures of watched folders are ranked by the overall score: %s", error)
            self._job = self.evaluation.evaluate()
        self._due = None
        return True

    def _take_end(self, now: float) -> None:
        """If the last evaluation has failed, make it due again."""
        if self._job is None or self._job.live:
            return
        if self._job.state == FAILED:
            self._due, self._retry = now + self._retry, min(2 * self._retry, RETRY[1])
        else:
            self._retry = RETRY[0]
        self._job = None

    @property
    def folders(self) -> list[Path]:
        """The folders that the collection was last evaluated with, without its own."""
        return known_roots(self.evaluation.collection)

    def _files(self) -> Iterator[FileEntry]:
        folders = self.folders
        if self.evaluation.allowed is not None:
            check_allowed(folders, self.evaluation.allowed)
        files = Scan(folders, exclude=self.evaluation.folder / CULLED, contained=True)
        return itertools.takewhile(lambda _: not self._ended.is_set(), files)

    def _known(self) -> Listing:
        """Files as the last scan of the collection saw them; texts beside pictures as they are."""
        listing: Listing = {}
        for files in batches(self._files(), _CHUNK):
            pictures = [file.path for file in files if not file.sidecar]
            seen = known_files(self.evaluation.collection, pictures, ())
            listing |= {path: (row.size, time_of(row.changed)) for path, row in seen.items()}
            listing |= {file.path: (file.size, file.changed) for file in files if file.sidecar}
        return listing

    def _run(self) -> None:
        seconds, warned = 0.0, ""
        while not self._ended.wait(max(self.pause, RATIO * seconds)):
            start = time.monotonic()
            try:
                self.look(start)
            # A database may be locked for a while. A thread that died would leave its folders unwatched for ever.
            except Exception as error:
                if str(error) != warned:
                    warned = str(error)
                    trace = None if isinstance(error, SoartError) else error
                    _log.warning(
                        "Watched folders were not evaluated, but will be tried again: %s", warned, exc_info=trace
                    )
            seconds = time.monotonic() - start
