"""Labels of pictures: tags and albums, which all raters share, and favourites, which each rater has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, delete, exists, func, insert, select

from ...errors import CollectionError
from ..support.batching import batches
from ..support.wording import check_visible
from .collection import Collection
from .ratings import check_rater
from .tables import HERE, ImageRow, LabelRow

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
