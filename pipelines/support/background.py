"""Background jobs in threads, with progress and cancelling between steps; those of one key run one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ...errors import SoartError, first_line

#: Seconds after the first step whose steps do not count: known pictures take no time.
WARM_UP = 1.0
#: Seconds and steps that an estimate needs; of little work a fifth of the steps is enough.
LEAST_SECONDS, LEAST_STEPS = 3.0, 10
WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
#: Finished jobs that stay in the list.
MAX_FINISHED = 20

_log = logging.getLogger(__name__)
_starter: ContextVar[str] = ContextVar("starter", default="")


class TimeLeft:
    """Estimates the time that is left by the mean time of a step so far.

    Work begins with a wait for processes and with steps that take no time, and it pauses. So the beginning does not
    count, there is no estimate before there is evidence, and a pause is not multiplied: as long as the number of all
    steps stays the same, an estimate grows no faster than time passes.
    """

    def __init__(self) -> None:
        self._total = 0
        #: Time of the first step.
        self._first: float | None = None
        #: Time and number of steps from which on they count.
        self._base = 0.0, 0
        #: The latest estimate, and its time.
        self._latest: tuple[float, float] | None = None

    def __call__(self, done: int, total: int, now: float) -> float | None:
        """The seconds that are left at ``now``, by all calls so far; None without evidence or without steps left."""
        if total != self._total:
            self._total, self._latest = total, None
        if self._first is None and done > 0:
            self._first = now
        if self._first is None or now - self._first <= WARM_UP:
            self._base = now, done
        seconds, steps = now - self._base[0], done - self._base[1]
        if not 0 < done < total or seconds < LEAST_SECONDS or steps < min(LEAST_STEPS, total / 5):
            return None
        left = seconds / steps * (total - done)
        if self._latest is not None:
            estimate, at = self._latest
            left = min(left, estimate + now - at)
        self._latest = left, now
        return left


def start_as(name: str) -> None:
    """Mark the jobs that this task, with the threads it waits for, starts from now on with a name."""
    _starter.set(name)


class CancelledError(Exception):
    """Raised inside a cancelled job."""


class Job:
    """A piece of work in a thread; made by ``Jobs.start``.

    Jobs of one ``key`` never run at the same time. ``state`` is ``WAITING``, ``RUNNING``, ``DONE``, ``FAILED`` or
    ``CANCELLED``, ``message`` a sentence on the result or the failure, and ``starter`` the name that it was started
    with, see ``start_as``. ``total`` is 0 if the number of steps is unknown.
    """

    def __init__(self, number: int, key: str, title: str) -> None:
        self.number, self.key, self.title, self.starter = number, key, title, _starter.get()
        self.state, self.done, self.total, self.message = WAITING, 0, 0, ""
        self.result: Any = None
        self._left = TimeLeft()
        self._cancelled = threading.Event()
        self._finished = threading.Event()

    @property
    def live(self) -> bool:
        """True until the job has finished."""
        return not self._finished.is_set()

    @property
    def seconds_left(self) -> float | None:
        """Estimate by the speed so far; None while there is too little to go by, see ``TimeLeft``."""
        return self._left(self.done, self.total, time.monotonic()) if self.state == RUNNING else None

    def expect(self, total: int) -> None:
        """Begin a stage of the work with ``total`` steps."""
        self.done, self.total, self._left = 0, total, TimeLeft()

    def advance(self, steps: int = 1) -> None:
        """Count finished steps; raise CancelledError if the job was cancelled."""
        self.done += steps
        self.check()

    def check(self) -> None:
        """Raise CancelledError if the job was cancelled."""
        if self._cancelled.is_set():
            raise CancelledError

    def cancel(self) -> None:
        """Stop the job at its next step."""
        self._cancelled.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the job has finished; returns False if the time ran out."""
        return self._finished.wait(seconds)

    def reason(self, error: Exception) -> str:
        """A sentence on a failure of the work."""
        if isinstance(error, SoartError):
            return str(error)
        return f"{self.title} failed unexpectedly ({type(error).__name__}: {first_line(error)})."

    def run(self, work: Callable[[Job], Any]) -> None:
        """Do the work in this thread; any failure ends as a message."""
        try:
            self.check()
            self.state = RUNNING
            self.result = work(self)
            self.state = DONE
        except CancelledError:
            self.state, self.message = CANCELLED, "Cancelled; finished work is kept."
        # A thread that dies silently would leave its job running for ever.
        except Exception as error:
            if not isinstance(error, SoartError):
                _log.exception("job %r failed", self.title)
            self.state, self.message = FAILED, self.reason(error)
        finally:
            self._finished.set()


class Jobs:
    """All background work of one collection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: list[Job] = []
        self._count = 0
        self._closed = False

    def start(self, key: str, title: str, work: Callable[[Job], Any]) -> Job:
        """Start work in a new thread; returns the unfinished job of this key instead, if there is one."""
        with self._lock:
            for job in self._jobs:
                if job.key == key and job.live:
                    return job
            self._count += 1
            job = Job(self._count, key, title)
            if self._closed:
                job.cancel()
            # First: a job whose thread cannot be started would be live for ever.
            threading.Thread(target=job.run, args=(work,), name=f"soart: {title}", daemon=True).start()
            finished = [j for j in self._jobs if not j.live]
            self._jobs = [j for j in self._jobs if j.live or j in finished[-MAX_FINISHED:]] + [job]
        return job

    def list(self) -> list[Job]:
        """Unfinished jobs and the latest finished ones, newest last."""
        with self._lock:
            return list(self._jobs)

    def find(self, key: str) -> Job | None:
        """The newest job of a key; None without one."""
        return next((job for job in reversed(self.list()) if job.key == key), None)

    def get(self, number: int) -> Job | None:
        """The job of a number; None if it is no longer in the list."""
        return next((job for job in self.list() if job.number == number), None)

    def close(self, seconds: float = 10.0) -> None:
        """Cancel every job, and wait for them for at most ``seconds``."""
        with self._lock:
            self._closed = True
            jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        end = time.monotonic() + seconds
        for job in jobs:
            job.wait(max(0.0, end - time.monotonic()))
