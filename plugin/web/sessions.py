"""Sessions: the role of a visitor, entering by token or password, and leaving."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import json
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...files import read_regular

#: Wrong passwords of one address before it has to wait, its longest wait in seconds, and seconds until it is forgotten.
FREE, LONGEST, MEMORY = 3, 60.0, 900.0
#: Most addresses that are remembered, those of the latest wrong passwords.
MOST = 10_000
#: Doublings of the first wait of one second until the longest; far more would overflow.
_DOUBLINGS = math.ceil(math.log2(LONGEST))
#: Most characters of what a proxy calls an address.
_LONGEST_NAME = 64
#: Roles: the owner may change files, a guest may see, rate and tune, a stranger may only log in.
OWNER, GUEST, STRANGER = "owner", "guest", ""
#: Seconds that a session lasts: half a year.
SESSION_SECONDS = 15_552_000
#: Most names that a session remembers, as a cookie has 4 kB; and that a server remembers.
MOST_NAMES, MOST_TAKEN = 4, 1000

Session = MutableMapping[str, Any]


def same_secret(first: str, second: str) -> bool:
    """Compare two secrets in a time that does not depend on them; True if they are equal."""
    digests = (hashlib.sha256(text.encode(errors="surrogatepass")).digest() for text in (first, second))
    return hmac.compare_digest(*digests)


def csrf_token_of(session: Session) -> str:
    """The token that every changing request of this session must carry."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    token: str = session["csrf"]
    return token


def names_of(session: Session) -> list[str]:
    """Names of raters that this browser bore, the latest last."""
    # Sessions of earlier versions hold the present one alone.
    names = [*session.get("names", ()), session.get("rater", "")]
    return [name for name in dict.fromkeys(names) if name]


def bear(session: Session, name: str) -> None:
    """Give a session the name of a rater, which this browser may take again later."""
    earlier = [one for one in names_of(session) if one != name]
    session.update(rater=name, names=[*earlier, name][-MOST_NAMES:])


class TakenNames:
    """The latest names that visitors of a server entered, whether they have rated since or not."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._lock = threading.Lock()

    def take(self, name: str, check: Callable[[frozenset[str]], None] = lambda taken: None) -> None:
        """Remember a name; the oldest ones are forgotten.

        ``check`` raises an error if the name may not be taken, given those that are; two visitors are checked one after
        the other, so that the second knows of the first.
        """
        with self._lock:
            check(frozenset(self._names))
            self._names.pop(name, None)
            self._names[name] = None
            while len(self._names) > MOST_TAKEN:
                self._names.pop(next(iter(self._names)))


def server_key(secret: str, port: int, collections: Iterable[str]) -> str:
    """Key that signs the sessions of one server: the same after a restart, another for each port and set of collections."""
    server = json.dumps([port, sorted(collections)])
    return hmac.new((secret or secrets.token_hex(32)).encode(), server.encode(), hashlib.sha256).hexdigest()


def _read_ended(files: Path) -> set[str]:
    """The numbers in the files whose paths begin so; files of which no session can be left are deleted."""
    ended: set[str] = set()
    for path in files.parent.glob(f"{files.name}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - SESSION_SECONDS:
                path.unlink()
            else:
                ended.update(read_regular(path).decode("ascii", "replace").split())
    return ended


class Sessions:
    """Knows the role of a session, lets visitors in, and ends sessions for good.

    A session holds its role with a proof of the password it was given under, so a new password ends it; the rater's
    name in it stays. A session that was left is remembered by its number, so a copy of its cookie is worth nothing.
    ``secret`` is the key of the proofs; ``token`` makes its bearer the owner and ``password`` a guest, an empty one
    nobody; with ``guests`` everybody is let in as a guest. ``ended`` is the start of the paths of files, one a month,
    with the numbers of ended sessions, whose cookies last ``SESSION_SECONDS`` at most; None remembers them until the
    server ends.
    """

    def __init__(
        self, secret: str, token: str, password: str, *, guests: bool = False, ended: Path | None = None
    ) -> None:
        self.token, self.password, self.guests = token, password, guests
        self._proof = hmac.new(secret.encode(), password.encode(), hashlib.sha256).hexdigest()[:32]
        self._files = ended
        self._ended = set() if ended is None else _read_ended(ended)

    def role(self, session: Session) -> str:
        """The role of a session: ``OWNER``, ``GUEST`` or ``STRANGER``."""
        role, proof = session.get("role"), str(session.get("proof"))
        if role in (OWNER, GUEST) and same_secret(proof, self._proof):
            return str(role)
        return GUEST if self.guests else STRANGER

    def role_of_secret(self, text: str) -> str:
        """The role that a token or password gives; ``STRANGER`` if it is wrong."""
        if self.token and same_secret(text, self.token):
            return OWNER
        return GUEST if self.password and same_secret(text, self.password) else STRANGER

    def enter(self, session: Session, role: str) -> None:
        """Give a session a role, with a new number and a new token for its changing requests."""
        session.pop("csrf", None)
        session.update(id=secrets.token_urlsafe(16), role=role, proof=self._proof)

    def leave(self, session: Session) -> None:
        """End a session for good, wherever copies of its cookie are."""
        number = session.get("id")
        session.clear()
        if isinstance(number, str):
            self._ended.add(number)
            if self._files is not None:
                # Servers of one user write into the same file: it is only ever added to.
                path = self._files.with_name(f"{self._files.name}-{datetime.now(UTC):%Y-%m}")
                with contextlib.suppress(OSError), path.open("a", encoding="ascii") as stream:
                    stream.write(f"{number}\n")

    def drop_ended(self, session: Session) -> None:
        """Empty a session that was ended."""
        if session.get("id") in self._ended:
            session.clear()


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
