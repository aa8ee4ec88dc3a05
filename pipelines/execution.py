"""Who looks at pictures: worker processes on this machine, or (:mod:`.cluster`) a Ray cluster.

An engine takes paths and gives a :class:`~.looking.Look` for each, in any order. A picture that brings its worker down, or takes too
long, costs that worker and gives a look with a problem; all others are looked at.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from itertools import chain, islice
from multiprocessing.context import BaseContext
from typing import Protocol, TypeVar

from ..errors import SoartError
from .looking import Look, look_at

T = TypeVar("T")
Looking = Callable[[str, Sequence[str | None]], Look]
#: Seconds that one picture may take.
TIME_LIMIT = 120.0
#: Paths given to a worker at once, and how many such batches wait for each worker.
BATCH, WAITING = 16, 3


class Engine(Protocol):
    """Looks at files."""

    def looks(self, paths: Iterable[str], networks: Sequence[str | None] = (None,)) -> Iterator[Look]:
        """A look at each path, in any order; few are read ahead of what has been taken.

        Args:
            paths: of the files.
            networks: as for :func:`~.looking.look_at`.
        """


def batches(things: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """``things`` in lists of ``size``, read as they are needed."""
    rest = iter(things)
    while part := list(islice(rest, size)):
        yield part


def fatal(path: str) -> Look:
    """The look at a picture that no worker survived."""
    return Look(path, problem=f"{path!r} crashed its decoder or took too long: it is left out.")


@cache
def _nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY)


def look_at_all(
    paths: Sequence[str], networks: Sequence[str | None], limit: float, look: Looking = look_at
) -> list[Look]:
    """Looks at several files in this process, which *ends* if one of them takes longer than ``limit`` seconds."""
    looks = []
    for path in paths:
        # Nothing else ends a decoder that hangs in C code.
        faulthandler.dump_traceback_later(limit, exit=True, file=_nowhere())
        looks.append(look(path, networks))
        faulthandler.cancel_dump_traceback_later()
    return looks


def compute_on_one_core() -> None:
    """Let this process compute in one thread: with as many workers as cores, more would only wait for each other."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def start_worker() -> None:
    """Make this process a worker: one thread, deaf to Ctrl-C, gone when its parent is."""
    compute_on_one_core()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _context() -> BaseContext:
    # A server that has imported everything once makes new workers at once; never fork a process that has threads.
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        whole = __package__.rpartition(".")[0]
        context.set_forkserver_preload([f"{whole}.pipelines.execution", f"{whole}.metrics.planes"])
        return context
    return multiprocessing.get_context("spawn")


class LocalEngine:
    """Worker processes on this machine.

    Args:
        workers: how many; by default one for each core that this process may use.
        limit: seconds that one picture may take.
        look: what looks at one file; a function that workers can import.
    """

    def __init__(self, workers: int | None = None, limit: float = TIME_LIMIT, look: Looking = look_at) -> None:
        self.workers = workers or cores()
        self.limit, self.look = limit, look

    def _pool(self, workers: int) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(workers, _context(), start_worker)
        try:
            # A worker that cannot even start says nothing about a picture.
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise SoartError(
                "Processes that look at pictures cannot be started: is memory short, or does a script call soart outside of "
                "if __name__ == '__main__'?"
            ) from error
        return pool

    def looks(self, paths: Iterable[str], networks: Sequence[str | None] = (None,)) -> Iterator[Look]:
        """A look at each path, in any order; few are read ahead of what has been taken."""
        given = batches(paths)
        first = next(given, None)
        if first is None:
            return
        given = chain([first], given)
        pool = self._pool(self.workers)
        running: dict[Future[list[Look]], list[str]] = {}
        try:
            while True:
                suspects: list[str] = []
                try:
                    for batch in islice(given, WAITING * self.workers - len(running)):
                        # Noted first: a pool that broke meanwhile refuses the batch.
                        suspects = batch
                        running[pool.submit(look_at_all, batch, networks, self.limit, self.look)] = batch
                        suspects = []
                    if not running:
                        return
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
                    yield from self._one_by_one(suspects, networks)
                    pool = self._pool(self.workers)
        finally:
            pool.shutdown(cancel_futures=True)

    def _one_by_one(self, paths: Sequence[str], networks: Sequence[str | None]) -> Iterator[Look]:
        pool = self._pool(1)
        try:
            for path in paths:
                try:
                    yield from pool.submit(look_at_all, [path], networks, self.limit, self.look).result()
                except BrokenProcessPool:
                    pool.shutdown()
                    pool = self._pool(1)
                    yield fatal(path)
        finally:
            pool.shutdown(cancel_futures=True)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def engine_named(name: str, workers: int | None = None) -> Engine:
    """The engine of a name, with a number of workers or its own choice.

    Raises:
        SoartError: there is none of that name, or what it needs is not installed.
    """
    if name == "local":
        return LocalEngine(workers)
    if name == "ray":
        from .cluster import RayEngine

        return RayEngine(workers)
    raise unknown_engine(name)


def unknown_engine(name: str) -> SoartError:
    """The sentence for an engine that is not there."""
    return SoartError(f"Expected an engine among local and ray, got {name!r}.")
