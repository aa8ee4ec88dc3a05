"""Rows of scanned files and their inspections in a collection."""

from __future__ import annotations

import os
from collections.abc import Collection as Several
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Update, and_, exists, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from ...files import beginning_of_paths_in, is_gone
from ..collection.collection import Collection
from ..collection.files import image_ids_of_scan
from ..collection.tables import AWAY, FileRow, FingerprintRow, ImageRow, ItemsRow
from ..support.batching import batches
from .inspection import Inspection
from .metadata import READERS
from .metadata_rows import add_metadata
from .scan import FileEntry

#: Scan number of files that no scan has seen.
_UNSCANNED = 0
#: Rows of files read at once in a pass over all.
_PAGE = 2000
#: Folders and files named in one query: SQLite takes conditions of 1000 terms at most.
_ROOTS = 400


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file at its last inspection, which is ``complete`` if its picture has a fingerprint and all items wanted."""

    size: int
    changed: int
    problem: str | None  # why it holds no picture; None if it holds one
    complete: bool


def _complete(
    image: InstrumentedAttribute[int] | InstrumentedAttribute[int | None], versions: Several[str]
) -> ColumnElement[bool]:
    items = select(func.count()).where(ItemsRow.image_id == image, ItemsRow.version.in_(versions)).scalar_subquery()
    return and_(items == len(versions), exists().where(FingerprintRow.image_id == image))


def known_files(collection: Collection, paths: Sequence[str], versions: Several[str]) -> dict[str, KnownFile]:
    """Files of ``paths`` that earlier scans saw, by path."""
    complete = _complete(FileRow.image_id, versions).label("complete")
    query = select(FileRow.path, FileRow.size, FileRow.changed, FileRow.problem, complete).where(
        FileRow.path.in_(paths)
    )
    with collection.session("be read") as session:
        rows = session.execute(query)
        return {row.path: KnownFile(row.size, row.changed, row.problem, row.complete) for row in rows}


def known_sizes(collection: Collection, sizes: Several[int]) -> set[int]:
    """Find which of the ``sizes`` in bytes are sizes of files with a stored picture."""
    query = select(FileRow.size).where(FileRow.size.in_(sizes), FileRow.image_id.is_not(None)).distinct()
    with collection.session("be read") as session:
        return set(session.scalars(query))


def complete_images(collection: Collection, digests: Several[str], versions: Several[str]) -> dict[str, int]:
    """Picture ids by SHA-256, of pictures that need no further inspection."""
    query = select(ImageRow.sha256, ImageRow.id).where(ImageRow.sha256.in_(digests), _complete(ImageRow.id, versions))
    with collection.session("be read") as session:
        return dict(session.execute(query).all())


def stored_items(
    collection: Collection, digests: Several[str], versions: Several[str]
) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """Stored items, (version, values) as of an ``Inspection``, by the SHA-256 of their picture."""
    query = (
        select(ImageRow.sha256, ItemsRow.version, ItemsRow.values)
        .join(ItemsRow, ItemsRow.image_id == ImageRow.id)
        .where(ImageRow.sha256.in_(digests), ItemsRow.version.in_(versions))
    )
    found: dict[str, list[tuple[str, bytes]]] = {}
    with collection.session("be read") as session:
        for digest, version, values in session.execute(query):
            found.setdefault(digest, []).append((version, values))
    return {digest: tuple(items) for digest, items in found.items()}


def mark_seen(collection: Collection, scan_number: int, paths: Sequence[str]) -> None:
    """Mark unchanged files as present in a scan."""
    with collection.session("be written", write=True) as session:
        session.execute(update(FileRow).where(FileRow.path.in_(paths)).values(scan=scan_number, missing_since=None))


def seen_again(scan_number: int) -> Update:
    """The statement that clears the mark of moved pictures where a scan found them: somebody brought them back."""
    back = ImageRow.problem == AWAY, ImageRow.id.in_(image_ids_of_scan(scan_number))
    return update(ImageRow).where(*back).values(problem=None)


def link_files(collection: Collection, scan_number: int | None, files: Sequence[tuple[FileEntry, int]]) -> None:
    """Store files that hold pictures known by content, each with its picture id; see ``store_inspections``."""
    with collection.session("be written", write=True) as session:
        _write_files(session, scan_number, [(file, image, None) for file, image in files])


def _write_files(
    session: Session, scan_number: int | None, files: Sequence[tuple[FileEntry, int | None, str | None]]
) -> None:
    """Insert or replace rows of files with their pictures or problems."""
    paths = [file.path for file, _, _ in files]
    rows = {row.path: row for row in session.scalars(select(FileRow).where(FileRow.path.in_(paths)))}
    images = {image for _, image, _ in files if image is not None}
    pictures = {row.id: row for row in session.scalars(select(ImageRow).where(ImageRow.id.in_(images)))}
    for file, image, problem in files:
        row = rows.get(file.path)
        if row is None:
            row = FileRow(path=file.path, scan=_UNSCANNED)
            session.add(row)
        row.size, row.changed, row.image_id, row.problem = file.size, file.changed, image, problem
        row.scan, row.missing_since = row.scan if scan_number is None else scan_number, None
        if image is not None and _leads(file.path, pictures[image].path):
            pictures[image].path = file.path


def _leads(path: str, stored: str) -> bool:
    """True if a picture with a file at ``path`` belongs there: it was moved, or it is the first of several copies."""
    # Paths of the collection's own pictures are relative to its folder; these files do not move.
    return Path(stored).is_absolute() and (path < stored or not os.path.lexists(stored))


def store_inspections(
    collection: Collection, scan_number: int | None, inspections: Sequence[tuple[Inspection, FileEntry]]
) -> None:
    """Store inspections in one transaction; known items stay, and without a number of a scan, files keep theirs."""
    sound = {inspection.sha256: inspection for inspection, _ in inspections if inspection.problem is None}
    with collection.session("be written", write=True) as session:
        ids = _write_images(session, list(sound.values()))
        _add_items(session, {ids[digest]: inspection for digest, inspection in sound.items()})
        copies = [
            (ids[inspection.sha256], inspection.metadata) for inspection, _ in inspections if not inspection.problem
        ]
        add_metadata(session, copies)
        # A file that could not be opened is not stored, so that the next scan tries again.
        files = [
            (file, ids.get(inspection.sha256), inspection.problem)
            for inspection, file in inspections
            if not inspection.problem or inspection.lasting
        ]
        _write_files(session, scan_number, files)


def _write_images(session: Session, inspections: Sequence[Inspection]) -> dict[str, int]:
    """Ids by SHA-256, with new rows for unknown pictures."""
    query = select(ImageRow.sha256, ImageRow.id).where(ImageRow.sha256.in_([i.sha256 for i in inspections]))
    ids = dict(session.execute(query).all())
    fresh = [
        ImageRow(sha256=i.sha256, path=i.path, width=i.width, height=i.height, generation=None)
        for i in inspections
        if i.sha256 not in ids
    ]
    session.add_all(fresh)
    session.flush()
    return ids | {row.sha256: row.id for row in fresh}


def _add_items(session: Session, inspections: Mapping[int, Inspection]) -> None:
    """Add items and fingerprints that pictures, by id, do not have yet."""
    versions = select(ItemsRow.image_id, ItemsRow.version).where(ItemsRow.image_id.in_(inspections))
    known_items = set(session.execute(versions))
    fingerprints = select(FingerprintRow.image_id).where(FingerprintRow.image_id.in_(inspections))
    known_prints = set(session.scalars(fingerprints))
    items = [
        {"image_id": image, "version": version, "values": values}
        for image, inspection in inspections.items()
        for version, values in inspection.items
        if (image, version) not in known_items
    ]
    prints = [
        {"image_id": image, "phash": signed(inspection.phash), "format": inspection.format,
         "notes": "\n".join(inspection.notes), "thumbnail": inspection.thumbnail, "readers": READERS}
        for image, inspection in inspections.items() if image not in known_prints
    ]  # fmt: skip
    for table, rows in ((ItemsRow, items), (FingerprintRow, prints)):
        if rows:
            session.execute(insert(table), rows)


def mark_missing(collection: Collection, scan_number: int, roots: Sequence[str]) -> int:
    """Mark files under ``roots`` (absolute) that this scan did not see and that are gone; returns their number.

    Pictures count once, unless this scan saw them elsewhere; files that held none count, too.
    """
    return len({lost for some in batches(roots, _ROOTS) for lost in _mark_missing(collection, scan_number, some)})


def _mark_missing(collection: Collection, scan_number: int, roots: Sequence[str]) -> Iterator[int | str]:
    """Mark files under some hundred roots; yields pictures by id, and the paths of files without, perhaps again."""
    folders = [beginning_of_paths_in(root) for root in roots]
    under = or_(FileRow.path.in_(roots), *(func.substr(FileRow.path, 1, len(f)) == f for f in folders))
    query = (
        select(FileRow.id, FileRow.path, FileRow.missing_since, FileRow.image_id)
        .where(FileRow.scan < scan_number, under)
        .order_by(FileRow.id)
    )
    last = 0
    while True:
        with collection.session("be read") as session:
            rows = session.execute(query.where(FileRow.id > last).limit(_PAGE)).all()
            if not rows:
                return
            images = {row.image_id for row in rows}
            here = select(FileRow.image_id).where(FileRow.scan == scan_number, FileRow.image_id.in_(images))
            elsewhere = set(session.scalars(here))
        last = rows[-1].id
        lost = [row for row in rows if is_gone(row.path)]
        fresh = [row.id for row in lost if row.missing_since is None]
        if fresh:
            with collection.session("be written", write=True) as session:
                session.execute(update(FileRow).where(FileRow.id.in_(fresh)).values(missing_since=datetime.now(UTC)))
        yield from (row.image_id or row.path for row in lost if row.image_id not in elsewhere)


def problems_of(collection: Collection, scan_number: int) -> list[str]:
    """A sentence for each file of a scan without a usable picture, in the order of their paths."""
    query = (
        select(FileRow.problem).where(FileRow.scan == scan_number, FileRow.problem.is_not(None)).order_by(FileRow.path)
    )
    with collection.session("be read") as session:
        return [problem for problem in session.scalars(query) if problem]


def signed(number: int) -> int:
    """A 64-bit number without sign as one with sign, as databases hold it."""
    return number - (1 << 64) if number >= 1 << 63 else number
