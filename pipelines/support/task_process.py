"""One process that carries out the tasks of many background jobs in turn, and so takes the memory of one task."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ...errors import SoartError
from .background import RUNNING, WAITING, CancelledError, Job
from .processes import follow_parent

#: Messages: to the process, and from it.
_CANCEL, _EXPECT, _DONE, _RESULT, _FAILED, _CANCELLED = "cancel", "expect", "done", "result", "failed", "cancelled"
#: Seconds between two looks at the job, between two reports of progress, until a cancelled task is killed, and until an
#: idle process ends.
_LOOK, _REPORT, _GRACE, IDLE = 0.2, 0.1, 2.0, 120.0

#: Most tasks that wait at once.
MOST_WAITING = 64

_log = logging.getLogger(__name__)


class TaskProcess:
    """A process that starts when it is needed, does one task at a time, and ends when idle for some seconds."""

    def __init__(self, title: str, idle: float = IDLE) -> None:
        self.title, self.idle = title, idle
        self._turns = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._since = time.monotonic()
        self._closed = False
        #: Held while the process starts, which no end may fall into.
        self._starting = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Number of the process; None while none is running."""
        return self._process.pid if self._process is not None and self._process.is_alive() else None

    def run(self, job: Job, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Carry out ``work(job, *arguments)`` in the process as soon as the tasks before it have ended.

        ``work`` is a function of a module, and its own job reports to ``job``, which can be cancelled, also while it
        waits.
        """
        with self._turn(job):
            try:
                return self._exchange(job, work, arguments)
            except (EOFError, OSError) as error:
                self._end()
                raise SoartError(
                    f"{self.title} stopped because its process was ended, perhaps for lack of memory: try again."
                ) from error

    def close(self) -> None:
        """End the process; later tasks fail."""
        with self._starting:
            self._closed = True
            self._end()

    @contextlib.contextmanager
    def _turn(self, job: Job) -> Iterator[None]:
        job.state = WAITING
        with self._turns:
            if len(self._waiting) >= MOST_WAITING:
                raise SoartError(f"{self.title} has {MOST_WAITING} tasks to do before this one: try again later.")
            self._waiting.append(job)
        try:
            with self._turns:
                while self._waiting[0] is not job:
                    self._turns.wait(_LOOK)
                    job.check()
            job.state = RUNNING
            yield
        finally:
            with self._turns:
                self._waiting.remove(job)
                self._since = time.monotonic()
                self._turns.notify_all()

    def _exchange(self, job: Job, work: Callable[..., Any], arguments: tuple[object, ...]) -> Any:  # noqa: ANN401
        connection = self._connect()
        connection.send((work, arguments))
        deadline: float | None = None
        while True:
            if connection.poll(_LOOK):
                kind, value = connection.recv()
                if kind == _EXPECT:
                    job.expect(value)
                elif kind == _DONE:
                    job.done = value
                elif kind == _RESULT:
                    return value
                elif kind == _FAILED:
                    raise SoartError(value)
                else:
                    raise CancelledError
            try:
                job.check()
            except CancelledError:
                if deadline is None:
                    deadline = time.monotonic() + _GRACE
                    connection.send(_CANCEL)
                elif time.monotonic() > deadline:
                    self._end()
                    raise

    def _connect(self) -> Connection:
        with self._starting:
            if self._closed:
                raise SoartError(f"{self.title} is not possible any more because the server ends.")
            if self.pid is None or self._connection is None:
                self._end()
                # Never fork a process that has threads.
                context = multiprocessing.get_context("spawn")
                self._connection, other = context.Pipe()
                self._process = context.Process(
                    target=_serve, args=(self.title, other), name=f"soart: {self.title}", daemon=True
                )
                self._process.start()
                other.close()
                threading.Thread(target=self._end_when_idle, args=(self._process,), daemon=True).start()
            return self._connection

    def _end_when_idle(self, process: BaseProcess) -> None:
        while process.is_alive():
            process.join(min(1.0, self.idle))
            with self._turns:
                if self._process is not process:
                    return
                if not self._waiting and time.monotonic() - self._since > self.idle:
                    self._end()

    def _end(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if process is not None:
            process.kill()
            process.join()
        if connection is not None:
            connection.close()


class _ReportingJob(Job):
    """A job in the process, which reports to the job that started it."""

    def __init__(self, title: str, connection: Connection) -> None:
        super().__init__(0, "", title)
        self._connection, self._reported = connection, 0.0

    def expect(self, total: int) -> None:
        """Begin a stage of the work with ``total`` steps."""
        super().expect(total)
        self._connection.send((_EXPECT, total))

    def check(self) -> None:
        """Report the progress; raise CancelledError if the job was cancelled."""
        if self._connection.poll() and self._connection.recv() == _CANCEL:
            self.cancel()
        super().check()
        if time.monotonic() - self._reported > _REPORT:
            self._reported = time.monotonic()
            self._connection.send((_DONE, self.done))


def _serve(title: str, connection: Connection) -> None:
    """Carry out tasks until the connection ends."""
    follow_parent()
    if hasattr(os, "nice"):
        # Answers of the server go first.
        os.nice(5)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            message = connection.recv()
            # The task that was to be cancelled had ended already.
            if message != _CANCEL:
                connection.send(_outcome(_ReportingJob(title, connection), *message))


def _outcome(job: Job, work: Callable[..., Any], arguments: tuple[object, ...]) -> tuple[str, Any]:
    try:
        return _RESULT, work(job, *arguments)
    except CancelledError:
        return _CANCELLED, None
    except (EOFError, BrokenPipeError):
        raise
    # A process that ends silently would leave no trace of what was wrong.
    except Exception as error:
        if not isinstance(error, SoartError):
            _log.exception("a task failed")
        return _FAILED, job.reason(error)
