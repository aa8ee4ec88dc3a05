"""Corrections of the user: pictures that are no duplicates of each other, whatever a measure says."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from sqlalchemy import delete, select

from ...errors import CollectionError
from .collection import Collection
from .pictures import known_ids
from .tables import Meta

#: Start of the keys under which corrections are stored, one row each.
_KEY = "distinct:"


def mark_distinct(collection: Collection, pictures: Sequence[int], others: Sequence[int] | None = None) -> str:
    """Store that pictures are no duplicates of others (default: of each other); returns a name for ``undo_distinct``."""
    first, second = sorted(set(pictures)), sorted(set(pictures if others is None else others))
    every = {*first, *second}
    if not first or not second or len(every) < 2:
        raise CollectionError("Expected at least two different pictures that are no duplicates.")
    if missing := every.difference(known_ids(collection, every)):
        raise CollectionError(f"There is no picture {min(missing)} in this collection: reload the page.")
    name = uuid.uuid4().hex
    with collection.session("be written", write=True, durable=True) as session:
        session.add(Meta(key=_KEY + name, value=json.dumps([first, second])))
    return name


def undo_distinct(collection: Collection, name: str) -> bool:
    """Delete a correction; returns True if it was stored."""
    row = Meta.key == _KEY + name
    with collection.session("be written", write=True, durable=True) as session:
        existed = session.scalar(select(Meta.key).where(row)) is not None
        session.execute(delete(Meta).where(row))
    return existed


def forget_distinct(collection: Collection, pictures: Sequence[int]) -> int:
    """Delete the corrections of exactly these pictures; returns their number."""
    names = [name for name, ids in corrections(collection).items() if set(ids) == set(pictures)]
    return sum(undo_distinct(collection, name) for name in names)


def corrections(collection: Collection) -> dict[str, list[int]]:
    """Return the ids of the pictures of each correction, by name."""
    return {name: sorted({*first, *second}) for name, (first, second) in _stored(collection).items()}


def distinct_pictures(collection: Collection) -> dict[int, frozenset[int]]:
    """Return, by picture id, the ids of the pictures that it is no duplicate of."""
    apart: dict[int, set[int]] = {}
    for first, second in _stored(collection).values():
        for one, others in ((first, second), (second, first)):
            for image in one:
                apart.setdefault(image, set()).update(others)
    return {image: frozenset(others - {image}) for image, others in apart.items()}


def _stored(collection: Collection) -> dict[str, tuple[list[int], list[int]]]:
    query = select(Meta.key, Meta.value).where(Meta.key.startswith(_KEY, autoescape=True)).order_by(Meta.key)
    with collection.session("be read") as session:
        return {key.removeprefix(_KEY): tuple(json.loads(value)) for key, value in session.execute(query)}
