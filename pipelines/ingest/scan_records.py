"""Records of a collection's scans: their numbers, and the time at which each folder was last read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...errors import CollectionError
from ...files import beginning_of_paths_in, plain_path
from ..collection.collection import Collection
from ..collection.tables import FileRow, Meta
from .scan import Scan

#: Keys of the scans that have begun, by number, and of the times at which folders were last read, as JSON.
_BEGUN, _READ = "scans_begun", "folders_read"
#: Key of the time at which an earlier soart began to read any folder, in nanoseconds since 1970.
_LOOKED = "looked"


def begin_scan(collection: Collection, scan: Scan) -> int:
    """Reserve a number for a scan, also against other processes.

    Scans of the same folders that begin together share a number, because both see the same files.
    """
    digest = _digest(scan)
    with collection.session("be written", write=True) as session:
        number = (session.scalar(select(func.max(FileRow.scan))) or 0) + 1
        # Scans with lower numbers have written files.
        begun = {int(key): other for key, other in _stored(session, _BEGUN).items() if int(key) >= number}
        while begun.get(number, digest) != digest:
            number += 1
        session.merge(Meta(key=_BEGUN, value=json.dumps(begun | {number: digest})))
    return number


def check_undisturbed(collection: Collection, number: int, files: int) -> None:
    """Refuse a scan that has lost some of its ``files`` to another one, which saw the same files after it."""
    with collection.session("be read") as session:
        left = session.scalar(select(func.count()).where(FileRow.scan == number)) or 0
    if left < files:
        raise CollectionError(
            f"Another program scanned the same pictures into {collection.name!r} at the same time, so this scan is "
            "incomplete. Run it again: no picture is measured twice."
        )


def folders_read(collection: Collection) -> dict[str, int]:
    """When the last complete scan of each folder (absolute; "" for the first scan of all) began, in ns since 1970."""
    with collection.session("be read") as session:
        return _times(session)


def note_folders_read(session: Session, scan: Scan, began: int) -> None:
    """Store that a scan that began at this time, in nanoseconds since 1970, is complete."""
    # Patterns leave out pictures whose texts may have changed.
    note_read(session, [] if scan.globs else [root for root in scan.roots if Path(root).is_dir()], began)


def note_read(session: Session, roots: Sequence[Path], began: int) -> None:
    """Store that the texts beside all pictures in folders were read, from this time on, in nanoseconds since 1970."""
    folders = [str(plain_path(root)) for root in roots]
    # A folder inside another one was read with it.
    kept = {path: time for path, time in _times(session).items() if not any(_inside(path, f) for f in folders)}
    session.merge(Meta(key=_READ, value=json.dumps({"": began} | kept | dict.fromkeys(folders, began))))


def last_read(path: str, times: Mapping[str, int]) -> int | None:
    """When the folder of a file was last read, by ``folders_read``; outside all of them the first scan, else None.

    >>> from soart.pipelines.ingest.scan_records import last_read
    >>> times = {"": 2, "/a": 5, "/a/b": 7, "/z": 9}
    >>> last_read("/a/b/c.txt", times), last_read("/c.txt", times), last_read("/c.txt", {})
    (7, 2, None)
    """
    return max((time for folder, time in times.items() if folder and _inside(path, folder)), default=times.get(""))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(beginning_of_paths_in(folder))


def _times(session: Session) -> dict[str, int]:
    earlier = session.get(Meta, _LOOKED)
    return ({} if earlier is None else {"": int(earlier.value)}) | _stored(session, _READ)


def _stored(session: Session, key: str) -> dict[str, Any]:
    row = session.get(Meta, key)
    return {} if row is None else json.loads(row.value)


def _digest(scan: Scan) -> str:
    roots = sorted(str(plain_path(root)) for root in scan.roots)
    what = json.dumps([roots, sorted(scan.globs), scan.follow_links, str(scan.exclude)])
    return hashlib.sha256(what.encode()).hexdigest()[:16]
