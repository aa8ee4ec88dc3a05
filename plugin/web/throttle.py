"""Slows down wrong passwords of each address."""

from __future__ import annotations

import contextlib
import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Wrong passwords of one address before it has to wait, its longest wait in seconds, and seconds until it is forgotten.
FREE, LONGEST, MEMORY = 3, 60.0, 900.0
#: Most addresses that are remembered, those of the latest wrong passwords.
MOST = 10_000
#: Doublings of the first wait of one second until the longest; far more would overflow.
_DOUBLINGS = math.ceil(math.log2(LONGEST))
#: Most characters of what a proxy calls an address.
_LONGEST_NAME = 64


@dataclass(slots=True)
class _Record:
    count: int
    last: float


class Throttle:
    """Counts wrong passwords.

    After ``FREE`` wrong passwords an address waits one second, then twice as long each time. Other addresses do not
    wait for it: an address that sent no wrong password is never refused.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: In the order of their latest wrong passwords.
        self._addresses: dict[str, _Record] = {}

    def __len__(self) -> int:
        """Number of addresses that are remembered."""
        return len(self._addresses)

    def wait(self, address: str) -> float:
        """Seconds until an address may try again; 0 if it may now."""
        record = self._addresses.get(network_of(address))
        if record is None or record.count < FREE:
            return 0.0
        own = min(LONGEST, 2.0 ** min(record.count - FREE, _DOUBLINGS))
        return max(0.0, record.last + own - self._clock())

    def wrong(self, address: str) -> None:
        """Count a wrong password."""
        now, name = self._clock(), network_of(address)
        self._forget(now)
        count = self._addresses.pop(name).count if name in self._addresses else 0
        self._addresses[name] = _Record(count + 1, now)
        while len(self._addresses) > MOST:
            del self._addresses[next(iter(self._addresses))]

    def right(self, address: str) -> None:
        """Forget the wrong passwords of an address."""
        self._addresses.pop(network_of(address), None)

    def _forget(self, now: float) -> None:
        """Forget the addresses that have sent nothing wrong for ``MEMORY`` seconds."""
        while self._addresses:
            oldest = next(iter(self._addresses))
            if now - self._addresses[oldest].last < MEMORY:
                return
            del self._addresses[oldest]


def network_of(address: str) -> str:
    """The network that one attacker is likely to have: an IPv4 address, or the /64 of an IPv6 address."""
    with contextlib.suppress(ValueError):
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv6Address):
            # A socket for both kinds of addresses names IPv4 ones like this: all of them would be one network.
            return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return address[:_LONGEST_NAME]
