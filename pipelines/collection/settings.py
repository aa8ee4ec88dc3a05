"""Settings of a collection: texts by key."""

from __future__ import annotations

from collections.abc import Callable

from .collection import Collection
from .tables import Meta


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
