"""Rows of files and looks: what a collection knows of the files it was shown."""

from __future__ import annotations

import json
import os
from collections.abc import Collection as Several
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from ..collection.collection import Collection
from ..collection.tables import FileRow, FingerprintRow, ImageRow, ItemsRow, MetadataRow
from .look import Inspection
from .metadata import PictureMetadata
from .scan import FileEntry

#: Rows of files read at once where all are gone through.
_PAGE = 2000
#: Files that speak about many pictures.
TABLES = frozenset({"metadata.jsonl", "metadata.csv"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a file.

    Attributes:
        size, changed: when it was last looked at.
        problem: why it holds no picture.
        complete: whether its picture has a fingerprint and all items that are wanted.
    """

    size: int
    changed: int
    problem: str | None
    complete: bool


def _complete(
    image: InstrumentedAttribute[int] | InstrumentedAttribute[int | None], versions: Several[str]
) -> ColumnElement[bool]:
    items = select(func.count()).where(ItemsRow.image_id == image, ItemsRow.version.in_(versions)).scalar_subquery()
    return and_(items == len(versions), exists().where(FingerprintRow.image_id == image))


def known_files(collection: Collection, paths: Sequence[str], versions: Several[str]) -> dict[str, Known]:
    """What is known of those of ``paths`` that were seen before."""
    complete = _complete(FileRow.image_id, versions).label("complete")
    query = select(FileRow.path, FileRow.size, FileRow.changed, FileRow.problem, complete).where(
        FileRow.path.in_(paths)
    )
    with collection.session("be read") as session:
        return {row.path: Known(row.size, row.changed, row.problem, row.complete) for row in session.execute(query)}


def known_sizes(collection: Collection, sizes: Several[int]) -> set[int]:
    """Those of ``sizes`` that a known picture's file has."""
    query = select(FileRow.size).where(FileRow.size.in_(sizes), FileRow.image_id.is_not(None)).distinct()
    with collection.session("be read") as session:
        return set(session.scalars(query))


def complete_images(collection: Collection, digests: Several[str], versions: Several[str]) -> dict[str, int]:
    """Picture ids by SHA-256, of those that need no further look."""
    query = select(ImageRow.sha256, ImageRow.id).where(ImageRow.sha256.in_(digests), _complete(ImageRow.id, versions))
    with collection.session("be read") as session:
        return dict(session.execute(query).all())


def mark_seen(collection: Collection, scan_number: int, paths: Sequence[str]) -> None:
    """Note that unchanged files are still there."""
    with collection.session("be written", write=True) as session:
        session.execute(update(FileRow).where(FileRow.path.in_(paths)).values(scan=scan_number, missing_since=None))


def link(collection: Collection, scan_number: int, files: Sequence[tuple[FileEntry, int]]) -> None:
    """Note files that hold pictures known by content."""
    with collection.session("be written", write=True) as session:
        _write_files(session, scan_number, [(found, image, None) for found, image in files])


def _write_files(session: Session, scan_number: int, files: Sequence[tuple[FileEntry, int | None, str | None]]) -> None:
    """Insert or replace rows of files with their pictures or problems."""
    paths = [found.path for found, _, _ in files]
    rows = {row.path: row for row in session.scalars(select(FileRow).where(FileRow.path.in_(paths)))}
    images = {image for _, image, _ in files if image is not None}
    pictures = {row.id: row for row in session.scalars(select(ImageRow).where(ImageRow.id.in_(images)))}
    for found, image, problem in files:
        row = rows.get(found.path)
        if row is None:
            row = FileRow(path=found.path)
            session.add(row)
        row.size, row.changed, row.image_id, row.problem = found.size, found.changed, image, problem
        row.scan, row.missing_since = scan_number, None
        # A picture that was moved is found where it is now.
        if image is not None and pictures[image].path != found.path and not _is_there(pictures[image].path):
            pictures[image].path = found.path


def _is_there(path: str) -> bool:
    # Pictures of the collection's own are relative to it; they do not move.
    return not Path(path).is_absolute() or os.path.lexists(path)


def store_looks(collection: Collection, scan_number: int, looks: Sequence[tuple[Inspection, FileEntry]]) -> None:
    """Store what looks at files found, in one transaction; items that are known stay as they are."""
    sound = {look.sha256: look for look, _ in looks if look.problem is None}
    if not looks:
        return
    with collection.session("be written", write=True) as session:
        ids = _write_images(session, list(sound.values()))
        query = select(ItemsRow.image_id, ItemsRow.version).where(ItemsRow.image_id.in_(ids.values()))
        have = set(session.execute(query))
        known = set(session.scalars(select(FingerprintRow.image_id).where(FingerprintRow.image_id.in_(ids.values()))))
        items = [
            {"image_id": ids[digest], "version": version, "values": values}
            for digest, look in sound.items() for version, values in look.items if (ids[digest], version) not in have
        ]  # fmt: skip
        prints = [
            {"image_id": ids[digest], "phash": signed(look.phash), "format": look.format, "notes": "\n".join(look.notes),
             "thumbnail": look.thumbnail}
            for digest, look in sound.items() if ids[digest] not in known
        ]  # fmt: skip
        for table, rows in ((ItemsRow, items), (FingerprintRow, prints)):
            if rows:
                session.execute(insert(table), rows)
        _add_metadata(session, [(ids[look.sha256], look.metadata) for look, _ in looks if look.problem is None])
        # A file that could not be opened is tried again next time: nothing is noted of it.
        files = [
            (found, ids.get(look.sha256), look.problem) for look, found in looks if not look.problem or look.lasting
        ]
        _write_files(session, scan_number, files)


def store_metadata(collection: Collection, found: Mapping[str, PictureMetadata | None]) -> None:
    """Replace what is known of how pictures were made, by SHA-256; None forgets it."""
    with collection.session("be written", write=True) as session:
        query = select(ImageRow.sha256, ImageRow.id).where(ImageRow.sha256.in_(found))
        _write_metadata(session, {image: found[digest] for digest, image in session.execute(query)})


def _add_metadata(session: Session, found: Sequence[tuple[int, PictureMetadata | None]]) -> None:
    """Store metadata; where copies of a picture say different things, the first in alphabetical order, whichever is seen first."""
    query = select(MetadataRow.image_id, MetadataRow.source, MetadataRow.prompt)
    known = session.execute(query.where(MetadataRow.image_id.in_({image for image, _ in found}))).all()
    first = {image: (source, prompt or "") for image, source, prompt in known}
    better: dict[int, PictureMetadata | None] = {}
    for image, metadata in found:
        if metadata is not None and (image not in first or (metadata.source, metadata.prompt or "") < first[image]):
            first[image], better[image] = (metadata.source, metadata.prompt or ""), metadata
    _write_metadata(session, better)


def _write_metadata(session: Session, found: Mapping[int, PictureMetadata | None]) -> None:
    session.execute(delete(MetadataRow).where(MetadataRow.image_id.in_(found)))
    rows = [_metadata(image, metadata) for image, metadata in found.items() if metadata is not None]
    if rows:
        session.execute(insert(MetadataRow), rows)


def files_beside(collection: Collection, scan_number: int, sidecars: Iterable[str]) -> Iterator[str]:
    """Files of a scan that texts beside them, or tables in their folder or the one above, may speak about."""
    folders = {os.path.dirname(s) for s in sidecars if os.path.basename(s) in TABLES}
    # NAME.txt speaks about NAME.png, and NAME.png.txt as well.
    names = {os.path.splitext(s)[0] for s in sidecars if os.path.basename(s) not in TABLES}
    query = select(FileRow.path).where(FileRow.scan == scan_number, FileRow.image_id.is_not(None))
    if not names and not folders:
        return
    with collection.session("be read") as session:
        for path in session.scalars(query.order_by(FileRow.path).execution_options(yield_per=_PAGE)):
            above = os.path.dirname(path)
            if path in names or os.path.splitext(path)[0] in names or {above, os.path.dirname(above)} & folders:
                yield path


def _metadata(image: int, found: PictureMetadata) -> dict[str, Any]:
    names = ("tool", "prompt", "negative", "model", "sampler", "scheduler", "steps", "guidance", "source")
    seed = None if found.seed is None else str(found.seed)
    settings = json.dumps(dict(found.settings), ensure_ascii=False, sort_keys=True)
    return {"image_id": image, "seed": seed, "settings": settings, **{name: getattr(found, name) for name in names}}


def _write_images(session: Session, looks: Sequence[Inspection]) -> dict[str, int]:
    """Ids by SHA-256, with rows for pictures that had none."""
    query = select(ImageRow.sha256, ImageRow.id).where(ImageRow.sha256.in_([look.sha256 for look in looks]))
    ids = dict(session.execute(query).all())
    fresh = [
        ImageRow(sha256=look.sha256, path=look.path, width=look.width, height=look.height, generation=None)
        for look in looks
        if look.sha256 not in ids
    ]
    session.add_all(fresh)
    session.flush()
    return ids | {row.sha256: row.id for row in fresh}


def mark_missing(collection: Collection, scan_number: int, roots: Sequence[str]) -> int:
    """Mark files under ``roots`` (absolute) that this scan did not see and that are gone.

    Returns:
        how many are gone by now: each picture once, unless this scan saw it elsewhere, and files that held none.
    """
    if not roots:
        return 0
    folders = [f"{root.rstrip('/')}/" for root in roots]
    under = or_(FileRow.path.in_(roots), *(func.substr(FileRow.path, 1, len(f)) == f for f in folders))
    query = (
        select(FileRow.id, FileRow.path, FileRow.missing_since, FileRow.image_id)
        .where(FileRow.scan < scan_number, under)
        .order_by(FileRow.id)
    )
    gone: set[int | str] = set()
    last = 0
    while True:
        with collection.session("be read") as session:
            rows = session.execute(query.where(FileRow.id > last).limit(_PAGE)).all()
            if not rows:
                return len(gone)
            images = {row.image_id for row in rows}
            seen = set(
                session.scalars(
                    select(FileRow.image_id).where(FileRow.scan == scan_number, FileRow.image_id.in_(images))
                )
            )
        last = rows[-1].id
        lost = [row for row in rows if not os.path.lexists(row.path)]
        gone |= {row.image_id or row.path for row in lost if row.image_id not in seen}
        fresh = [row.id for row in lost if row.missing_since is None]
        if fresh:
            with collection.session("be written", write=True) as session:
                session.execute(update(FileRow).where(FileRow.id.in_(fresh)).values(missing_since=datetime.now(UTC)))


def problems_of(collection: Collection, scan_number: int) -> list[str]:
    """A sentence for each file of a scan that holds no usable picture, in the order of their paths."""
    query = (
        select(FileRow.problem).where(FileRow.scan == scan_number, FileRow.problem.is_not(None)).order_by(FileRow.path)
    )
    with collection.session("be read") as session:
        return [problem for problem in session.scalars(query) if problem]


def signed(number: int) -> int:
    """A 64-bit number without sign as one with sign, as databases hold it."""
    return number - (1 << 64) if number >= 1 << 63 else number
