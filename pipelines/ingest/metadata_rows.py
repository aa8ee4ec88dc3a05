"""Rows of the metadata of pictures in a collection, and the files whose metadata must be read again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from ...metrics.damage.names import JUDGE, TASTE
from ..collection.collection import Collection
from ..collection.tables import FileRow, FingerprintRow, ImageRow, MetadataRow, ScoreRow
from .metadata import BESIDE, READERS, TABLES, PictureMetadata, sidecars_of, source_of

#: Rows of files read at once in a pass over all.
_PAGE = 2000


def add_metadata(session: Session, copies: Sequence[tuple[int, PictureMetadata | None]]) -> None:
    """Store metadata; if copies of a picture differ, those of ``_rank``, in whatever order they are inspected."""
    query = select(MetadataRow).where(MetadataRow.image_id.in_({image for image, _ in copies}))
    known = {row.image_id: _rank(row) for row in session.scalars(query)}
    _write_metadata(session, _first_by_picture(copies, known))


def store_metadata(collection: Collection, copies: Sequence[tuple[str, PictureMetadata | None]]) -> None:
    """Replace the metadata of pictures by that of all their files, each with the SHA-256 of its content.

    If files of a picture differ, the first by ``_rank`` counts; if none has metadata, the picture loses its own.
    """
    with collection.session("be written", write=True) as session:
        query = select(ImageRow.sha256, ImageRow.id).where(ImageRow.sha256.in_({digest for digest, _ in copies}))
        ids = dict(session.execute(query).all())
        read = [(ids[digest], metadata) for digest, metadata in copies if digest in ids]
        _write_metadata(session, dict.fromkeys(ids.values()) | _first_by_picture(read, {}))
        session.execute(update(FingerprintRow).where(FingerprintRow.image_id.in_(ids.values())).values(readers=READERS))


def _rank(metadata: MetadataRow | PictureMetadata) -> tuple[bool, str, str]:
    """Sorts metadata of copies: prompts before guesses and none, then by source and prompt."""
    return metadata.prompt is None or metadata.guessed, metadata.source, metadata.prompt or ""


def _first_by_picture(
    copies: Sequence[tuple[int, PictureMetadata | None]], known: Mapping[int, tuple[bool, str, str]]
) -> dict[int, PictureMetadata]:
    """The first metadata of each picture, by id, if they come before the ``known`` rank."""
    first, better = dict(known), dict[int, PictureMetadata]()
    for image, metadata in copies:
        if metadata is not None and (image not in first or _rank(metadata) < first[image]):
            first[image], better[image] = _rank(metadata), metadata
    return better


def _write_metadata(session: Session, metadata: Mapping[int, PictureMetadata | None]) -> None:
    new = {image: None if found is None else _metadata_row(image, found) for image, found in metadata.items()}
    stored = session.execute(select(MetadataRow.__table__).where(MetadataRow.image_id.in_(metadata))).mappings()
    old = {row["image_id"]: dict(row) for row in stored}
    changed = [image for image, row in new.items() if old.get(image) != row]
    prompts = [image for image in changed if (old.get(image) or {}).get("prompt") != (new[image] or {}).get("prompt")]
    # Judges may have seen the prompt, and tastes how a picture was made.
    _delete_scores(session, JUDGE, prompts)
    _delete_scores(session, TASTE, changed)
    session.execute(delete(MetadataRow).where(MetadataRow.image_id.in_(metadata)))
    rows = [row for row in new.values() if row is not None]
    if rows:
        session.execute(insert(MetadataRow), rows)


def _delete_scores(session: Session, start: str, images: Sequence[int]) -> None:
    """Delete the values of judges whose stored names begin with ``start``."""
    if images:
        session.execute(delete(ScoreRow).where(ScoreRow.image_id.in_(images), ScoreRow.judge.startswith(start)))


def _metadata_row(image: int, metadata: PictureMetadata) -> dict[str, Any]:
    names = ("tool", "prompt", "negative", "model", "sampler", "scheduler", "steps", "guidance", "source", "guessed")
    seed = None if metadata.seed is None else str(metadata.seed)
    settings = json.dumps(dict(metadata.settings), ensure_ascii=False, sort_keys=True)
    columns = {name: getattr(metadata, name) for name in names}
    return {"image_id": image, "seed": seed, "settings": settings, **columns}


def files_beside(collection: Collection, scan_number: int, sidecars: Iterable[str]) -> Iterator[str]:
    """Files of a scan that sidecars may describe: texts beside them, tables in their folder or the one above."""
    sidecars = list(sidecars)
    query = select(FileRow.path).where(FileRow.scan == scan_number, FileRow.image_id.is_not(None))
    if not sidecars:
        return
    with collection.session("be read") as session:
        paths = session.scalars(query.order_by(FileRow.path).execution_options(yield_per=_PAGE))
        yield from described_by(paths, sidecars)


def described_by(paths: Iterable[str], sidecars: Sequence[str]) -> Iterator[str]:
    """Yield the picture files, of some, that sidecars may describe, see ``files_beside``."""
    folders = {os.path.dirname(s) for s in sidecars if os.path.basename(s) in TABLES}
    # NAME.txt describes NAME.png, and so does NAME.png.txt.
    names = {os.path.splitext(s)[0] for s in sidecars if os.path.basename(s) not in TABLES}
    for path in paths:
        folder = os.path.dirname(path)
        if path in names or os.path.splitext(path)[0] in names or {folder, os.path.dirname(folder)} & folders:
            yield path


def with_unread_texts(collection: Collection, paths: Sequence[str]) -> list[str]:
    """Files of ``paths`` that have a text beside them, while their pictures have no sure prompt, or that of another text."""
    unsure = or_(MetadataRow.prompt.is_(None), MetadataRow.guessed)
    query = (
        select(FileRow.path, MetadataRow.source)
        .outerjoin(MetadataRow, MetadataRow.image_id == FileRow.image_id)
        .where(FileRow.path.in_(paths), or_(unsure, *map(MetadataRow.source.startswith, BESIDE)))
    )
    with collection.session("be read") as session:
        rows = session.execute(query.order_by(FileRow.path)).all()
    beside = {path: {source_of(text) for text in sidecars_of(Path(path)) if os.path.isfile(text)} for path, _ in rows}
    return [path for path, source in rows if beside[path] and source not in beside[path]]


def read_by_earlier(collection: Collection, paths: Sequence[str]) -> list[str]:
    """Files of ``paths`` whose metadata were read by an earlier version of the readers."""
    query = (
        select(FileRow.path)
        .join(FingerprintRow, FingerprintRow.image_id == FileRow.image_id)
        .where(FileRow.path.in_(paths), FingerprintRow.readers < READERS)
    )
    with collection.session("be read") as session:
        return list(session.scalars(query.order_by(FileRow.path)))


def with_copies(collection: Collection, paths: Sequence[str]) -> list[str]:
    """The files, and all others that hold the same pictures and are not missing."""
    pictures = select(FileRow.image_id).where(FileRow.path.in_(paths), FileRow.image_id.is_not(None))
    query = select(FileRow.path).where(FileRow.image_id.in_(pictures), FileRow.missing_since.is_(None))
    with collection.session("be read") as session:
        return list(session.scalars(query.order_by(FileRow.path)))
