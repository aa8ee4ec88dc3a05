"""Slows down wrong passwords, for each address and in all."""

from __future__ import annotations

import contextlib
import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Wrong passwords of one address before it has to wait, its longest wait in seconds, and seconds until it is forgotten.
FREE, LONGEST, MEMORY = 3, 60.0, 900.0
#: Wrong passwords of all addresses together: this many at once, then one in so many seconds.
BURST, EVERY = 20, 2.0
#: Doublings of the first wait of one second until the longest; far more would overflow.
_DOUBLINGS = math.ceil(math.log2(LONGEST))


@dataclass(slots=True)
class _Record:
    count: int
    last: float


class Throttle:
    """Counts wrong passwords.

    After ``FREE`` wrong passwords an address waits one second, then twice as long each time. All addresses share a
    budget, so that many of them try little more than one.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._addresses: dict[str, _Record] = {}
        #: Wrong passwords of all addresses that the budget still has to work off, at ``_since``.
        self._debt, self._since = 0.0, clock()

    def wait(self, address: str) -> float:
        """Seconds until an address may try again; 0 if it may now."""
        now = self._clock()
        record = self._addresses.get(network_of(address), _Record(0, now))
        own = min(LONGEST, 2.0 ** min(record.count - FREE, _DOUBLINGS)) if record.count >= FREE else 0.0
        all_together = (self._debt - BURST + 1) * EVERY - (now - self._since)
        return max(0.0, record.last + own - now, all_together)

    def wrong(self, address: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        self._addresses = {name: r for name, r in self._addresses.items() if now - r.last < MEMORY}
        record = self._addresses.setdefault(network_of(address), _Record(0, now))
        record.count, record.last = record.count + 1, now
        self._debt = max(0.0, self._debt - (now - self._since) / EVERY) + 1
        self._since = now

    def right(self, address: str) -> None:
        """Forget the wrong passwords of an address."""
        self._addresses.pop(network_of(address), None)


def network_of(address: str) -> str:
    """The network that one attacker is likely to have: an IPv4 address, or the /64 of an IPv6 address."""
    with contextlib.suppress(ValueError):
        if (ip := ipaddress.ip_address(address)).version == 6:
            return str(ipaddress.ip_network((ip, 64), strict=False))
    return address
