"""Families of pictures: which ones a picture was bred from, and which ones were bred from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, insert, select

from .collection import Collection
from .pictures import hidden_ids
from .tables import HERE, ImageRow, LabelRow

#: Kind of the labels of a child; each is named by the hash of a parent, which a file keeps wherever it lies.
PARENT = "parent"
#: Most children that are listed.
MOST_CHILDREN = 50


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
