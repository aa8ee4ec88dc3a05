"""Runs that wait until a person picks some of several pictures."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import SoartError

#: Seconds between two calls of the function that says whether a wait goes on.
POLL_SECONDS = 0.25


@dataclass(eq=False)
class _Waiting:
    """An open question; ``ends`` is when it stops waiting, on ``time.monotonic``, and ``picked`` the answer or None."""

    facts: Mapping[str, Any]
    numbers: frozenset[int]
    ends: float
    picked: tuple[int, ...] | None = None
    answered: threading.Event = field(default_factory=threading.Event)

    def told(self, name: str) -> dict[str, Any]:
        return {"id": name, **self.facts, "seconds": max(0, round(self.ends - time.monotonic()))}


class Picking:
    """Questions that wait for a pick; several threads may ask and answer at once."""

    def __init__(self) -> None:
        self._open: dict[str, _Waiting] = {}
        self._lock = threading.Lock()

    def ask(self, numbers: Iterable[int], seconds: float, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Open a question on the numbers of some pictures; returns its ``id``, ``facts`` and the ``seconds`` left."""
        name = uuid.uuid4().hex
        question = _Waiting(facts, frozenset(numbers), time.monotonic() + seconds)
        with self._lock:
            self._open[name] = question
        return question.told(name)

    def waiting(self) -> list[dict[str, Any]]:
        """The open questions, the earliest first."""
        with self._lock:
            return [question.told(name) for name, question in self._open.items() if question.picked is None]

    def wait(self, name: str, go_on: Callable[[float], None] = lambda left: None) -> tuple[int, ...] | None:
        """Wait for the answer to a question, and close it; returns the picked numbers, or None if time ran out.

        ``go_on`` is called several times a second with the seconds left; what it raises ends the wait.
        """
        question = self._open[name]
        try:
            while (left := question.ends - time.monotonic()) > 0:
                if question.answered.wait(min(POLL_SECONDS, left)):
                    break
                go_on(left)
        finally:
            with self._lock:
                del self._open[name]
        return question.picked

    def answer(self, name: object, picked: object) -> None:
        """Answer a question with a list of numbers of its pictures; an empty one lets the judge decide."""
        with self._lock:
            question = self._open.get(str(name))
            if question is None or question.picked is not None:
                raise SoartError("This choice waits no longer: it was made elsewhere, stopped, or its time ran out.")
            if not isinstance(picked, list) or any(isinstance(one, bool) or not isinstance(one, int) for one in picked):
                raise SoartError(f"Expected a list of numbers of pictures as picked, got {picked!r}.")
            if unknown := [one for one in picked if one not in question.numbers]:
                raise SoartError(f"There is no picture {unknown[0]} to pick: choose among {sorted(question.numbers)}.")
            question.picked = tuple(dict.fromkeys(picked))
            question.answered.set()
