"""Selections that wait for their download."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence

#: Selections that are remembered, the newest.
MOST = 16


class Selections:
    """Remembers the newest selections of pictures by keys that cannot be guessed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, tuple[list[int], str]] = {}

    def add(self, ids: Sequence[int], kind: str) -> str:
        """Remember pictures and the kind of their export; returns the key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._by_key[key] = (list(ids), kind)
            while len(self._by_key) > MOST:
                del self._by_key[next(iter(self._by_key))]
        return key

    def get(self, key: str) -> tuple[list[int], str] | None:
        """The pictures and the kind of a key; None if it is not known any more."""
        with self._lock:
            return self._by_key.get(key)
