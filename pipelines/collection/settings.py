"""Settings of a collection: texts by key."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable

from ...errors import CollectionError
from .address import is_url
from .collection import Collection
from .tables import Meta

#: Key of the random text that tells a collection from any other at its place.
_IDENTITY = "identity"


def setting(collection: Collection, key: str) -> str | None:
    """Return the text stored under a key; None if there is none."""
    with collection.session("be read") as session:
        row = session.get(Meta, key)
        return None if row is None else row.value


def store_setting(collection: Collection, key: str, value: str) -> None:
    """Store a text under a key, in place of an earlier one."""
    with collection.session("be written", write=True) as session:
        session.merge(Meta(key=key, value=value))


def change_setting(collection: Collection, key: str, change: Callable[[str | None], str]) -> str:
    """Replace the text under a key by one made from it, while no other program can write; returns the new text."""
    with collection.session("be written", write=True) as session:
        row = session.get(Meta, key)
        value = change(None if row is None else row.value)
        session.merge(Meta(key=key, value=value))
    return value


def identity(collection: Collection) -> str:
    """Return a text that no other collection has: its place and, if it can be written, a random text stored in it."""
    stored = setting(collection, _IDENTITY) or ""
    if not stored:
        with contextlib.suppress(CollectionError):
            stored = change_setting(collection, _IDENTITY, lambda earlier: earlier or secrets.token_hex(16))
    place = collection.name if is_url(collection.name) else os.path.realpath(collection.name)
    return f"{stored} {place}"
