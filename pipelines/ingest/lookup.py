"""Looks up the pictures of some files in a collection; new and changed files are inspected and stored.

Unlike ``sync`` this is no scan: it sees single files, and marks none as missing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...files import plain_path
from ...metrics.items.combined import ItemKind
from ..collection.collection import Collection
from ..collection.files import image_ids_by_path
from ..collection.pictures import images_by_id
from ..collection.tables import ImageRow
from ..support.batching import batches
from ..support.progress import Advance, silent
from .engines import Engine
from .file_rows import store_inspections
from .fork_server import MANY
from .inspection import FileToInspect, Inspection, extractor_of, inspect_file
from .metadata import SIDECARS, TABLES
from .metadata_rows import described_by, store_metadata, with_copies
from .scan import FileEntry, Scan
from .scan_records import folders_read, last_read, note_read
from .sync import FileComparison, settled

#: Files compared with the collection at once, inspections written at once, and files whose metadata alone are read at once.
_CHUNK, _WRITE, _READ = 512, 64, 2048


@dataclass(frozen=True)
class LookUp:
    """The pictures of some files, whose paths may be those of other copies, and why the others hold none, by file."""

    pictures: dict[Path, ImageRow]
    problems: dict[Path, str]
    stored: int  # number of files whose inspections were stored just now


def look_up(
    collection: Collection,
    files: Sequence[Path],
    kinds: Sequence[ItemKind | None],
    engine: Engine | None = None,
    progress: Advance = silent,
    folders: Sequence[Path] = (),
) -> LookUp:
    """Look up the pictures of files, all those of ``folders`` among them; after an interruption the next call goes on.

    Of few files or without an ``engine`` this process inspects them. ``progress`` counts files.
    """
    began = time.time_ns()
    times = folders_read(collection)
    paths = {file: str(plain_path(file)) for file in files}
    scan = Scan(files)
    entries = list(scan)
    problems = dict(scan.unusable)
    comparison = FileComparison(collection, [extractor_of(kind).version for kind in kinds], None)
    fresh: list[tuple[FileEntry, FileToInspect]] = []
    for chunk in batches(entries, _CHUNK):
        new = comparison.needing_inspection(chunk)
        fresh += zip(map(settled, new), comparison.to_inspect(new), strict=True)
        progress(len(chunk) - len(new))
    started = {entry.path: entry for entry, _ in fresh}
    if not times:
        # Texts beside pictures that change from now on are read again.
        _note_read(collection, (), began)

    def inspections() -> Iterator[tuple[Inspection, FileEntry]]:
        for inspection in _inspected([file for _, file in fresh], kinds, engine):
            if inspection.problem:
                problems[inspection.path] = inspection.problem
            progress(1)
            yield inspection, started[inspection.path]

    for batch in batches(inspections(), _WRITE):
        store_inspections(collection, None, batch)
    known = [entry.path for entry in entries if entry.path not in started]
    unread = [*comparison.unread, *described_by(known, list(_changed_sidecars(known, times)))]
    for some in batches(unread, _READ):
        readings = _inspected(with_copies(collection, some), (), engine)
        store_metadata(collection, [(i.sha256, i.metadata) for i in readings if i.problem is None])
    if folders and (fresh or unread):
        _note_read(collection, folders, began)
    problems = comparison.problems | problems
    ids = image_ids_by_path(collection, [path for path in paths.values() if path not in problems])
    # A file that vanished in between is nowhere else.
    problems |= {
        path: f"{path!r} does not exist." for path in paths.values() if path not in ids and path not in problems
    }
    rows = images_by_id(collection, list(ids.values()))
    return LookUp(
        {file: rows[ids[path]] for file, path in paths.items() if path in ids},
        {file: problems[path] for file, path in paths.items() if path in problems},
        len(fresh),
    )


def _note_read(collection: Collection, folders: Sequence[Path], began: int) -> None:
    with collection.session("be written", write=True) as session:
        note_read(session, folders, began)


def _inspected(
    files: Sequence[FileToInspect], kinds: Sequence[ItemKind | None], engine: Engine | None
) -> Iterable[Inspection]:
    if engine is not None and len(files) >= MANY:
        return engine.inspect(files, kinds)
    return (inspect_file(file, kinds) for file in files)


def _changed_sidecars(paths: Sequence[str], times: Mapping[str, int]) -> Iterator[str]:
    """Files that may describe pictures and were changed since their folder was last read, see ``folders_read``."""
    folders = {Path(path).parent for path in paths}
    for folder in folders | {folder.parent for folder in folders}:
        # A folder that cannot be listed holds nothing that could be read.
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                # Of the folder above only the tables count.
                if Path(entry.name).suffix.lower() in SIDECARS and (folder in folders or entry.name in TABLES):
                    read = last_read(entry.path, times)
                    if read is not None and _changed(entry) >= read:
                        yield entry.path


def _changed(entry: os.DirEntry[str]) -> int:
    """When a file was last changed, moved or given other rights, in nanoseconds since 1970; 0 if it is gone."""
    try:
        status = entry.stat()
    except OSError:
        return 0
    return max(status.st_mtime_ns, status.st_ctime_ns)
