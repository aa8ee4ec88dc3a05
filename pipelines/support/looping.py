"""Runs of a host that follow one another, each queued by one of its open pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import SoartError

#: A page that was told to queue a run and has not said so after this many seconds is gone: another page may.
LAPSE_SECONDS = 60.0
#: Most loops that are remembered, the latest.
MOST_LOOPS = 200

#: Of the next run: to be queued, promised by a page, queued and not finished yet, none.
Phase = Literal["due", "promised", "queued", ""]
#: Why a loop ends before its last run, by the name that pages use.
_REASONS = {
    "by hand": "",
    "interrupted": "a run was interrupted",
    "failed": "a run failed",
    "not queued": "the run could not be queued",
    "lost": "a run failed or was interrupted",
}


@dataclass
class _Loop:
    done: int
    runs: int
    phase: Phase = "due"
    #: Name of the reason to end early.
    reason: str = ""
    #: Why no further run follows, as a sentence.
    why: str = ""
    #: Number of the promise that counts, and when it was made.
    promise: int = 0
    promised_at: float = 0.0

    def stop(self, reason: str) -> None:
        """End; a run that is on its way still counts, unless it has come to nothing."""
        if not self.why:
            self.reason = reason
            because = f": {_REASONS[reason]}" if _REASONS[reason] else ""
            self.why = f"Stopped after {self.done} of {self.runs} runs{because}."
        if reason != "by hand" or self.phase == "due":
            self.phase = ""


class Loops:
    """Loops by their workflow, the node that counts their runs, and their page; several threads and pages may use them.

    ``tell`` is called with every loop that has changed, as plain JSON values: ``workflow``, ``node``, ``page``, ``runs``
    wanted, ``done``, the ``phase`` of the next run, and ``why`` none follows (a sentence, empty if one does). ``clock``
    is in seconds. Two pages may have different copies of a workflow, so a loop stays with its page while that is open.
    """

    def __init__(
        self, tell: Callable[[dict[str, Any]], None] = lambda state: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._clock = tell, clock
        self._loops: dict[tuple[str, str, str], _Loop] = {}
        self._promises = 0
        self._lock = threading.Lock()

    def states(self) -> list[dict[str, Any]]:
        """All loops as they are told, the one that ran last at the end."""
        with self._lock:
            return [_told(place, loop) for place, loop in self._loops.items()]

    def finished(self, workflow: str, node: str, runs: int, enough: str = "", page: str = "") -> None:
        """Count a run that came to its end: the one that a page has queued for the loop, or else the first of a new one.

        Of one wanted run alone nothing is remembered; ``enough`` is a sentence on why no further run is worth it, or
        empty.
        """
        with self._lock:
            place = workflow, node, page
            if place not in self._loops and (without := (workflow, node, "")) in self._loops:
                # Of a client that has no page.
                place = without
            before = self._loops.pop(place, None)
            goes_on = before is not None and before.phase in ("promised", "queued")
            loop = _Loop(before.done + 1 if before is not None and goes_on else 1, runs)
            if before is not None and goes_on and before.why:
                loop.stop(before.reason)
            elif enough or loop.done >= runs:
                loop.why = f"{enough} Runs: {loop.done} of {runs}." if enough else f"Done: {runs} runs."
                loop.phase = ""
            if runs > 1:
                self._loops[place] = loop
                while len(self._loops) > MOST_LOOPS:
                    del self._loops[next(iter(self._loops))]
            self._tell(_told(place, loop))

    def promise(self, workflow: str, page: str = "", *, idle: bool, pages: Container[str] = ()) -> int | None:
        """Take a page at its word that it queues the next run of a workflow, of all its loops, now.

        Loops of others among the open ``pages`` stay theirs. Returns the promise's number; None if no run is due, another
        page has promised it, or the host is not idle.
        """
        if not idle:
            return None
        with self._lock:
            now = self._clock()
            loops = [one for one in self._of(workflow) if one[0][2] == page or one[0][2] not in pages]
            for place, loop in loops:
                if loop.phase == "queued":
                    # It is neither waiting nor running, and was not counted.
                    loop.stop("lost")
                    self._tell(_told(place, loop))
                elif loop.phase == "promised" and now - loop.promised_at >= LAPSE_SECONDS:
                    loop.phase = "" if loop.why else "due"
            due = [(place, loop) for place, loop in loops if loop.phase == "due"]
            if not due or any(loop.phase == "promised" for _, loop in loops):
                return None
            self._promises += 1
            for place, loop in due:
                loop.phase, loop.promise, loop.promised_at = "promised", self._promises, now
                del self._loops[place]
                self._loops[(*place[:2], page)] = loop
                self._tell(_told((*place[:2], page), loop))
            return self._promises

    def queued(self, promise: int, *, failed: bool = False) -> None:
        """Note that a page has queued the run that it promised, or could not."""
        with self._lock:
            for place, loop in self._loops.items():
                if loop.phase == "promised" and loop.promise == promise:
                    if failed:
                        loop.stop("not queued")
                    else:
                        loop.phase = "queued"
                    self._tell(_told(place, loop))

    def stop(self, workflow: str, reason: str, node: str | None = None, page: str | None = None) -> None:
        """End the loops of a workflow, or of one node or page, for a reason that pages name."""
        if reason not in _REASONS:
            known = ", ".join(_REASONS)
            raise SoartError(f"A loop does not end because of {reason!r}: the reasons are {known}.")
        with self._lock:
            for place, loop in self._of(workflow):
                if loop.phase and node in (None, place[1]) and page in (None, place[2]):
                    loop.stop(reason)
                    self._tell(_told(place, loop))

    def _of(self, workflow: str) -> Iterator[tuple[tuple[str, str, str], _Loop]]:
        return ((place, loop) for place, loop in self._loops.items() if place[0] == workflow)


def _told(place: tuple[str, str, str], loop: _Loop) -> dict[str, Any]:
    facts = {"runs": loop.runs, "done": loop.done, "phase": loop.phase, "why": loop.why}
    return {"workflow": place[0], "node": place[1], "page": place[2], **facts}
