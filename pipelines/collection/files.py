"""Files that scans have seen: paths, sizes, pictures, and the number of the last scan that saw each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import Select, func, select, update

from ..support.batching import batches
from .collection import Collection
from .tables import TIME, FileRow, FingerprintRow, ImageRow, MetadataRow

#: Rows read in one query.
_BLOCK = 1000


class FileFacts(NamedTuple):
    """A file with everything stored about its picture, notes of decoding one a line; None for what is not known."""

    file: FileRow
    image: ImageRow | None
    format: str | None
    notes: str | None
    metadata: MetadataRow | None


class PictureFacts(NamedTuple):
    """A picture in a list of all pictures of a scan, with its SHA-256, its file by ``first_paths`` and a small JPEG."""

    sha256: str
    path: str
    changed: int  # when its files last changed, in nanoseconds
    width: int
    height: int
    thumbnail: bytes
    prompt: str | None  # prompt, model: of its metadata; None if unknown
    model: str | None


def image_ids_of_scan(scan_number: int) -> Select[int | None]:
    """Return the query for the ids of the pictures that a scan saw, for use inside other queries."""
    return select(FileRow.image_id).where(FileRow.scan == scan_number, FileRow.image_id.is_not(None))


def last_scan_number(collection: Collection) -> int | None:
    """Return the number of the last scan that saw a file; None if there is none."""
    with collection.session("be read") as session:
        # Files that were looked up, but never scanned, have number 0.
        return session.scalar(select(func.max(FileRow.scan))) or None


def paths_with_pictures(collection: Collection, scan_number: int) -> list[tuple[str, int]]:
    """Return (path, picture id) of every file of a scan that holds a picture, in the order of paths."""
    query = select(FileRow.path, FileRow.image_id).where(FileRow.scan == scan_number, FileRow.image_id.is_not(None))
    with collection.session("be read") as session:
        return [(path, image) for path, image in session.execute(query.order_by(FileRow.path)) if image is not None]


def count_files_with_pictures(collection: Collection, scan_number: int) -> int:
    """Return the number of files of a scan that hold a picture."""
    query = select(func.count()).where(FileRow.scan == scan_number, FileRow.image_id.is_not(None))
    with collection.session("be read") as session:
        return session.scalar(query) or 0


def first_paths(collection: Collection, scan_number: int, ids: Sequence[int]) -> dict[int, str]:
    """One path of each picture that a scan saw, by picture id: of exact copies that of the likeliest original."""
    files: dict[int, list[str]] = {}
    query = select(FileRow.image_id, FileRow.path).where(FileRow.scan == scan_number)
    with collection.session("be read") as session:
        for block in batches(ids, _BLOCK):
            for image, path in session.execute(query.where(FileRow.image_id.in_(block))):
                if image is not None:
                    files.setdefault(image, []).append(path)
    return {image: originals_first(paths)[0] for image, paths in files.items()}


def files_by_picture(collection: Collection, scan_number: int) -> dict[int, list[str]]:
    """Return the paths of the files that a scan saw of each picture, by picture id, see ``originals_first``."""
    files: dict[int, list[str]] = {}
    for path, image in paths_with_pictures(collection, scan_number):
        files.setdefault(image, []).append(path)
    return {image: originals_first(paths) for image, paths in files.items()}


def originals_first(paths: Sequence[str]) -> list[str]:
    """Sort the paths of exact copies, the original first; a single path is not looked up.

    The original is, of those that are no links, or else of all, the first of the shortest file name, because file managers
    and soart lengthen the names of copies.
    """
    return sorted(paths, key=likeness_to_copy) if len(paths) > 1 else [*paths]


def likeness_to_copy(path: Path | str) -> tuple[bool, int, str]:
    """Sort key of exact copies, the original first: "a.png" before "a (1).png", "a - Copy.png" and links."""
    file = Path(path)
    return file.is_symlink(), len(file.name), str(path)


def paths_by_picture(collection: Collection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the paths of all known files of some hundred pictures, sorted, by picture id; no key without files."""
    paths: dict[int, list[str]] = {}
    query = select(FileRow.image_id, FileRow.path).where(FileRow.image_id.in_(ids)).order_by(FileRow.path)
    with collection.session("be read") as session:
        for image, path in session.execute(query):
            if image is not None:
                paths.setdefault(image, []).append(path)
    return paths


def image_ids_at(collection: Collection, paths: Sequence[str]) -> set[int]:
    """Return the ids of the pictures that lie, or lay, at some hundred paths."""
    with collection.session("be read") as session:
        ids = session.scalars(select(FileRow.image_id).where(FileRow.path.in_(paths)))
        return {image for image in ids if image is not None}


def image_ids_by_path(collection: Collection, paths: Sequence[str]) -> dict[str, int]:
    """Return the picture ids of files by absolute path, the collection's own ones too; no key for an unknown file."""
    folder = collection.folder and Path(os.path.normpath(collection.folder.absolute()))
    own = {
        Path(path).relative_to(folder).as_posix(): path
        for path in paths
        if folder and Path(path).is_relative_to(folder)
    }
    files = select(FileRow.path, FileRow.image_id)
    pictures = select(ImageRow.path, ImageRow.id)
    found: dict[str, int] = {}
    with collection.session("be read") as session:
        for block in batches([*own], _BLOCK):
            found |= {own[path]: image for path, image in session.execute(pictures.where(ImageRow.path.in_(block)))}
        for block in batches(paths, _BLOCK):
            rows = session.execute(files.where(FileRow.path.in_(block)))
            found |= {path: image for path, image in rows if image is not None}
    return found


def sound_image_ids(collection: Collection, scan_number: int) -> np.ndarray:
    """Return the ids (n,) int64 of the sound pictures that a scan saw, in the order of their hashes."""
    query = select(ImageRow.id).where(ImageRow.id.in_(image_ids_of_scan(scan_number)), ImageRow.problem.is_(None))
    query = query.order_by(ImageRow.sha256).execution_options(yield_per=_BLOCK)
    with collection.session("be read") as session:
        return np.fromiter(session.scalars(query), dtype=np.int64)


def digests_of_scan(collection: Collection, scan_number: int) -> set[bytes]:
    """Return the first 8 bytes of the SHA-256 of every picture that a scan saw."""
    query = select(ImageRow.sha256).where(ImageRow.id.in_(image_ids_of_scan(scan_number)))
    with collection.session("be read") as session:
        return {bytes.fromhex(digest[:16]) for digest in session.scalars(query.execution_options(yield_per=_BLOCK))}


def animated(collection: Collection, rows: Sequence[ImageRow]) -> list[str]:
    """A sentence on the animated ones of some pictures; none if there are none."""
    query = select(FingerprintRow.image_id).where(FingerprintRow.notes.contains(" frames"))
    with collection.session("be read") as session:
        known = set(session.scalars(query))
    moving = [str(collection.locate(row)) for row in rows if row.id in known]
    others = f" and {len(moving) - 1} more" if len(moving) > 1 else ""
    return (
        [f"Only the first frame counts of {moving[0]!r}{others}, because animations are not judged."] if moving else []
    )


def file_facts(collection: Collection, scan_number: int) -> Iterator[FileFacts]:
    """Yield every file of a scan in the order of paths, a thousand at a time, with no session open in between."""
    query = (
        select(FileRow, ImageRow, FingerprintRow.format, FingerprintRow.notes, MetadataRow)
        .outerjoin(ImageRow, ImageRow.id == FileRow.image_id)
        .outerjoin(FingerprintRow, FingerprintRow.image_id == FileRow.image_id)
        .outerjoin(MetadataRow, MetadataRow.image_id == FileRow.image_id)
        .where(FileRow.scan == scan_number)
        .order_by(FileRow.path)
        .limit(_BLOCK)
    )
    last = ""
    while True:
        with collection.session("be read") as session:
            rows = session.execute(query.where(FileRow.path > last)).all()
        yield from (FileFacts(*row) for row in rows)
        if not rows:
            return
        last = rows[-1][0].path


def picture_facts(collection: Collection, scan_number: int, ids: Sequence[int]) -> dict[int, PictureFacts]:
    """Return the facts of some thousand pictures of a scan, by picture id."""
    file = (
        select(FileRow.image_id, func.max(TIME).label("changed"))
        .where(FileRow.scan == scan_number)
        .group_by(FileRow.image_id)
        .subquery()
    )
    query = (
        select(
            ImageRow.id, ImageRow.sha256, file.c.changed, ImageRow.width, ImageRow.height,
            FingerprintRow.thumbnail, MetadataRow.prompt, MetadataRow.model,
        )
        .join(file, file.c.image_id == ImageRow.id)
        .join(FingerprintRow, FingerprintRow.image_id == ImageRow.id)
        .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
        .where(ImageRow.id.in_(ids))
    )  # fmt: skip
    paths = first_paths(collection, scan_number, ids)
    with collection.session("be read") as session:
        return {image: PictureFacts(sha256, paths[image], *facts) for image, sha256, *facts in session.execute(query)}


def set_file_size(collection: Collection, path: str, size: int) -> None:
    """Store the new size of a file that changed without its picture changing, so that it is not decoded again."""
    with collection.session("be written", write=True) as session:
        session.execute(update(FileRow).where(FileRow.path == path).values(size=size))
