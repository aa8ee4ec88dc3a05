"""Estimates how long a piece of work still takes."""

from __future__ import annotations

#: Seconds after the first step whose steps do not count: known pictures take no time.
WARM_UP = 1.0
#: Seconds and steps that an estimate needs; of little work a fifth of the steps is enough.
LEAST_SECONDS, LEAST_STEPS = 3.0, 10


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
