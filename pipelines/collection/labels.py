"""Labels of pictures, their parents, and corrections of near-duplicates."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, delete, exists, func, insert, select

from ...errors import CollectionError
from ..support.batching import batches
from ..support.wording import check_visible
from .collection import Collection
from .pictures import hidden_ids, known_ids
from .ratings import check_rater
from .tables import HERE, ImageRow, LabelRow, Meta

#: Start of the keys under which corrections are stored, one row each.
_KEY = "distinct:"
#: Kind of the labels of a child; each is named by the hash of a parent, which a file keeps wherever it lies.
PARENT = "parent"
#: Most children that are listed.
MOST_CHILDREN = 50
TAG, ALBUM, FAVOURITE = "tag", "album", "favourite"
KINDS = (TAG, ALBUM, FAVOURITE)
#: Most characters of a tag's or an album's name.
LONGEST = 100
#: Rows read or written in one query.
_BLOCK = 500
#: Invisible characters that belong to names: they join and part emoji and the letters of some scripts.
_JOINERS = str.maketrans("", "", "\u200c\u200d")


def check_label(kind: str, name: str) -> str:
    """The name of a label, its white space reduced to single spaces; no commas, which separate names."""
    if kind not in KINDS:
        raise CollectionError(f"Expected a label among {', '.join(KINDS)}, got {kind[:40]!r}.")
    if kind == FAVOURITE:
        return check_rater(name)
    name = check_visible(" ".join(name.split()), f"{kind}'s name")
    seen = name.translate(_JOINERS)
    if not seen or len(name) > LONGEST or "," in name or not seen.isprintable():
        raise CollectionError(
            f"Expected a name of 1 to {LONGEST} characters, without commas, for the {kind}, got {name[:LONGEST]!r}."
        )
    return name


def set_label(collection: Collection, kind: str, name: str, ids: Iterable[int], *, on: bool = True) -> list[int]:
    """Give pictures a label, or take it away; returns the ids that changed, so that the opposite call undoes this one.

    ``name`` is that of the tag or album, of the rater for a favourite. Ids that are not in the collection are left out.
    """
    name = check_label(kind, name)
    mine = (LabelRow.kind == kind, LabelRow.name == name)
    changed: list[int] = []
    with collection.session("be written", write=True, durable=True) as session:
        for block in batches(dict.fromkeys(ids), _BLOCK):
            there = set(session.scalars(select(LabelRow.image_id).where(*mine, LabelRow.image_id.in_(block))))
            if on:
                known = set(session.scalars(select(ImageRow.id).where(ImageRow.id.in_(block))))
                new = [image for image in block if image in known and image not in there]
                if new:
                    session.execute(insert(LabelRow), [{"image_id": i, "kind": kind, "name": name} for i in new])
            else:
                new = [image for image in block if image in there]
                session.execute(delete(LabelRow).where(*mine, LabelRow.image_id.in_(new)))
            changed += new
    return changed


def labels_of(collection: Collection, kind: str, ids: Iterable[int]) -> dict[int, list[str]]:
    """Names of the labels of one kind that pictures bear, sorted, by picture id; no key for a picture without."""
    labels: dict[int, list[str]] = {}
    query = select(LabelRow.image_id, LabelRow.name).where(LabelRow.kind == kind)
    with collection.session("be read") as session:
        for block in batches(ids, _BLOCK):
            for image, name in session.execute(query.where(LabelRow.image_id.in_(block))):
                labels.setdefault(image, []).append(name)
    return {image: sorted(names) for image, names in labels.items()}


def favourites_of(collection: Collection, rater: str, ids: Sequence[int]) -> set[int]:
    """Find which of some hundred pictures are a rater's favourites."""
    query = select(LabelRow.image_id).where(LabelRow.kind == FAVOURITE, LabelRow.name == rater)
    with collection.session("be read") as session:
        return set(session.scalars(query.where(LabelRow.image_id.in_(ids))))


def label_counts(collection: Collection, kind: str) -> dict[str, int]:
    """Number of pictures by label of one kind, in the order of names; pictures that were moved away do not count."""
    query = select(LabelRow.name, func.count()).join(ImageRow, ImageRow.id == LabelRow.image_id)
    query = query.where(LabelRow.kind == kind, HERE).group_by(LabelRow.name)
    with collection.session("be read") as session:
        return dict(sorted(session.execute(query).all()))


def is_labelled(kind: str, name: str) -> ColumnElement[bool]:
    """The condition that a picture of an outer query bears a label."""
    return exists().where(LabelRow.image_id == ImageRow.id, LabelRow.kind == kind, LabelRow.name == name)


def set_parents(collection: Collection, child: ImageRow, parents: Iterable[str]) -> None:
    """Note the SHA-256 of pictures, not always in the collection, that one was bred from, in place of earlier ones."""
    rows = [
        {"image_id": child.id, "kind": PARENT, "name": sha256}
        for sha256 in dict.fromkeys(parents)
        if sha256 != child.sha256
    ]
    with collection.session("be written", write=True) as session:
        session.execute(delete(LabelRow).where(LabelRow.image_id == child.id, LabelRow.kind == PARENT))
        if rows:
            session.execute(insert(LabelRow), rows)


def parents_of(collection: Collection, picture: ImageRow) -> list[ImageRow]:
    """The pictures of the collection that one was bred from, oldest first."""
    named = select(LabelRow.name).where(LabelRow.image_id == picture.id, LabelRow.kind == PARENT)
    with collection.session("be read") as session:
        rows = session.scalars(select(ImageRow).where(HERE, ImageRow.sha256.in_(named)).order_by(ImageRow.id)).all()
    return _shown(collection, rows)


def children_of(collection: Collection, picture: ImageRow) -> list[ImageRow]:
    """The newest ``MOST_CHILDREN`` pictures of the collection that were bred from one, newest first."""
    children = select(LabelRow.image_id).where(LabelRow.kind == PARENT, LabelRow.name == picture.sha256)
    query = select(ImageRow).where(HERE, ImageRow.id.in_(children)).order_by(ImageRow.id.desc()).limit(MOST_CHILDREN)
    with collection.session("be read") as session:
        rows = session.scalars(query).all()
    return _shown(collection, rows)


def _shown(collection: Collection, rows: Sequence[ImageRow]) -> list[ImageRow]:
    """The rows, of some, that may be shown now."""
    hidden = hidden_ids(collection, [row.id for row in rows])
    return [row for row in rows if row.id not in hidden]


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
