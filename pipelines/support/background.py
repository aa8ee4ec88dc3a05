"""Long work in threads: with progress, cancelled between steps, and never the same work twice at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ...errors import SoartError

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
#: Finished jobs that are remembered.
KEPT = 20

_log = logging.getLogger(__name__)


class CancelledError(Exception):
    """Raised inside a job that was told to stop."""


class Job:
    """One piece of work; made by ``Jobs.start``.

    Attributes:
        number: counts up.
        key: jobs of one key never run side by side.
        title: for people.
        state: one of the five above.
        done, total: steps; ``total`` is 0 where unknown.
        message: a sentence: what came of it, or what went wrong.
        result: what the work returned.
    """

    def __init__(self, number: int, key: str, title: str) -> None:
        self.number, self.key, self.title = number, key, title
        self.state, self.done, self.total, self.message = WAITING, 0, 0, ""
        self.result: Any = None
        self.started = time.monotonic()
        self._told_to_stop = threading.Event()
        self._finished = threading.Event()

    @property
    def live(self) -> bool:
        """Whether it is not finished."""
        return not self._finished.is_set()

    @property
    def seconds_left(self) -> float | None:
        """By the speed so far; None where nothing can be said."""
        if self.state != RUNNING or not 0 < self.done < self.total:
            return None
        return (time.monotonic() - self.started) * (self.total - self.done) / self.done

    def expect(self, total: int) -> None:
        """Begin a part of the work that has so many steps."""
        self.done, self.total, self.started = 0, total, time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """Count finished steps.

        Raises:
            CancelledError: the job was told to stop.
        """
        self.done += steps
        self.check()

    def check(self) -> None:
        """Go on, or not.

        Raises:
            CancelledError: the job was told to stop.
        """
        if self._told_to_stop.is_set():
            raise CancelledError

    def cancel(self) -> None:
        """Tell the job to stop; it does at its next step."""
        self._told_to_stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is finished; says whether it is."""
        return self._finished.wait(seconds)

    def run(self, work: Callable[[Job], Any]) -> None:
        """Do the work in this thread; whatever goes wrong ends as a sentence."""
        try:
            self.check()
            self.state, self.started = RUNNING, time.monotonic()
            self.result = work(self)
            self.state = DONE
        except CancelledError:
            self.state, self.message = CANCELLED, "Cancelled; what was done is kept."
        except SoartError as error:
            self.state, self.message = FAILED, str(error)
        # A thread that dies in silence would leave a job running for ever.
        except Exception as error:
            _log.exception("job %r failed", self.title)
            self.state, self.message = FAILED, f"{self.title} failed unexpectedly ({type(error).__name__}: {error})."
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
        """Start work in a thread of its own; where work of this key is going on already, that one is returned."""
        with self._lock:
            for job in self._jobs:
                if job.key == key and job.live:
                    return job
            self._count += 1
            job = Job(self._count, key, title)
            finished = [j for j in self._jobs if not j.live]
            self._jobs = [j for j in self._jobs if j.live or j in finished[-KEPT:]] + [job]
            if self._closed:
                job.cancel()
            threading.Thread(target=job.run, args=(work,), name=f"soart: {title}", daemon=True).start()
        return job

    def list(self) -> list[Job]:
        """Running jobs and the last finished ones, newest last."""
        with self._lock:
            return list(self._jobs)

    def find(self, key: str) -> Job | None:
        """The newest job of a key."""
        return next((job for job in reversed(self.list()) if job.key == key), None)

    def get(self, number: int) -> Job | None:
        """The job of a number."""
        return next((job for job in self.list() if job.number == number), None)

    def close(self, seconds: float = 10.0) -> None:
        """Tell every job to stop, and wait for them so long at most."""
        with self._lock:
            self._closed = True
            jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        end = time.monotonic() + seconds
        for job in jobs:
            job.wait(max(0.0, end - time.monotonic()))
