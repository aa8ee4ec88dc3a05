"""Engine that inspects files in worker processes on this machine."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing.connection import Connection

from ...errors import SoartError, expect
from ...metrics.items.combined import ItemKind
from ..support.batching import WAITING, batches
from ..support.processes import compute_on_one_core, cores, follow_parent, keep_freed_memory
from .fork_server import context, later_interrupted
from .inspection import TIME_LIMIT, FileToInspect, InspectFile, Inspection, inspect_all, inspect_file, lost_worker

#: Files handed to a worker at once: few, or one works on the last of them while the others have nothing to do.
_BATCH = 4


def start_worker(told: Connection, niceness: int = 0) -> None:
    """Make this process a worker: one thread, no reaction to Ctrl-C, and an end when its parent ends or says so."""
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    keep_freed_memory()
    compute_on_one_core()
    follow_parent()
    threading.Thread(target=_end_when_told, args=(told,), daemon=True).start()


def _end_when_told(told: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        told.recv()
    os._exit(1)


class _Workers(ProcessPoolExecutor):
    """Worker processes that can be ended at once."""

    def __init__(self, count: int, niceness: int = 0) -> None:
        start = context()
        # A pipe needs no answer, unlike an event, so workers that died cannot hold it up.
        told, self._tell = start.Pipe(duplex=False)
        super().__init__(count, start, start_worker, (told, niceness))

    def end(self) -> None:
        """End them, whatever they are doing: to wait for them can hang, if Ctrl-C was pressed twice."""
        self._tell.close()
        # A result that is sent in part would be waited for as long as this process could still send the rest.
        if self._result_queue is not None:
            self._result_queue._writer.close()  # type: ignore[attr-defined]
        self.shutdown(cancel_futures=True)


class LocalEngine:
    """Worker processes on this machine; an ``Engine``.

    They import the main script, so a script must use the engine below ``if __name__ == "__main__":``.

    Args:
        workers: how many; by default one for each core that this process may use.
        limit: seconds that one file may take.
        inspect: the function that inspects one file; workers must be able to import it.
        niceness: how far the workers stand back for other processes, as of ``os.nice``; without effect on Windows.

    Examples:
        >>> import soart
        >>> soart.LocalEngine(workers=2).workers
        2
    """

    def __init__(
        self,
        workers: int | None = None,
        limit: float = TIME_LIMIT,
        inspect: InspectFile = inspect_file,
        niceness: int = 0,
    ) -> None:
        if workers is not None:
            expect("the number of workers as a whole number", workers, int)
            if workers < 1:
                raise SoartError(f"Expected at least one worker, got {workers}.")
        self.workers = workers or cores()
        self.limit, self.inspect_file, self.niceness = limit, inspect, niceness

    def _pool(self, workers: int) -> _Workers:
        pool = _Workers(workers, self.niceness)
        try:
            with later_interrupted():
                # A worker that cannot even start says nothing about a file.
                pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise SoartError(
                "Worker processes cannot be started: is memory short, or does a script call soart outside of "
                "if __name__ == '__main__'?"
            ) from error
        except BaseException:
            pool.end()
            raise
        return pool

    def inspect(
        self, files: Iterable[FileToInspect], kinds: Sequence[ItemKind | None] = (None,), /
    ) -> Iterator[Inspection]:
        """The inspection of each file, in any order; few files are read ahead of the inspections taken.

        Raises:
            SoartError: worker processes cannot be started.
        """
        rest = batches(files, _BATCH)
        first = next(rest, None)
        if first is None:
            return
        rest = chain([first], rest)
        pool = self._pool(self.workers)
        running: dict[Future[list[Inspection]], list[FileToInspect]] = {}
        try:
            while True:
                suspects: list[FileToInspect] = []
                try:
                    for batch in islice(rest, WAITING * self.workers - len(running)):
                        # Noted first: a pool that broke meanwhile refuses the batch.
                        suspects = batch
                        running[pool.submit(inspect_all, batch, kinds, self.limit, self.inspect_file)] = batch
                        suspects = []
                    if not running:
                        break
                    for done in wait(running, return_when=FIRST_COMPLETED).done:
                        yield from done.result()
                        del running[done]
                except BrokenProcessPool:
                    pool.shutdown(cancel_futures=True)
                    for future, batch in running.items():
                        if future.done() and future.exception() is None:
                            yield from future.result()
                        else:
                            suspects += batch
                    running.clear()
                    yield from self._one_by_one(suspects, kinds)
                    pool = self._pool(self.workers)
        except BaseException:
            pool.end()
            raise
        pool.shutdown()

    def _one_by_one(self, files: Sequence[FileToInspect], kinds: Sequence[ItemKind | None]) -> Iterator[Inspection]:
        pool = self._pool(1)
        try:
            for file in files:
                try:
                    yield from pool.submit(inspect_all, [file], kinds, self.limit, self.inspect_file).result()
                except BrokenProcessPool:
                    pool.shutdown()
                    pool = self._pool(1)
                    yield lost_worker(file)
        except BaseException:
            pool.end()
            raise
        pool.shutdown()
