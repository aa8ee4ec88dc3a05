"""Brings a collection in step with folders of pictures; see ``sync``.

A new file is inspected once, and an unchanged one is not opened again: it has the size and time of change of the last
inspection. A file whose content is known under another name (moved, copied, touched) is recognised by its SHA-256 and
not decoded. A file that is gone is marked, and everything known about its picture is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from ...errors import ImageError
from ...files import plain_path
from ...metrics.image import read_content
from ...metrics.items.combined import ItemKind
from ..collection.collection import Collection
from ..collection.png import digest_of_file, picture_digest
from ..collection.settings import change_setting, setting
from ..support.batching import batches
from ..support.file_stamps import file_stamp
from ..support.progress import Advance, silent
from .engines import Engine
from .file_rows import (
    complete_images,
    known_files,
    known_sizes,
    link_files,
    mark_missing,
    mark_seen,
    problems_of,
    seen_again,
    store_inspections,
    stored_items,
)
from .inspection import FileToInspect, Inspection, MeasuredFile, extractor_of
from .metadata import TABLES, FolderTable
from .metadata_rows import files_beside, read_by_earlier, store_metadata, with_copies, with_unread_texts
from .scan import FileEntry, Scan, is_text
from .scan_records import begin_scan, check_undisturbed, folders_read, last_read, note_folders_read

#: Age in nanoseconds below which a file may change again without a new time of change.
_UNSETTLED_NS = 2_000_000_000
#: Files among which the pictures are chosen: to list these takes a fraction of a second.
LISTED = 4096
#: Key of the problems by folder, with the stamp of the tables that were read, as JSON.
_KEY = "table_problems"
#: Files listed before the first one is inspected, so that their number is known; of more the others are listed meanwhile.
LISTED_FIRST = 65_536
#: Files compared with the collection at once, inspections written at once, and files whose metadata alone are read at once.
_CHUNK, _WRITE, _READ = 512, 64, 2048


@dataclass
class FileComparison:
    """Compares files with what a collection knows, some hundred at a time."""

    collection: Collection
    versions: Sequence[str]  # of the items that every picture needs
    scan_number: int | None  # of the scan that sees the files; None if they are looked up for something else
    retry: bool = False  # True to inspect files again that could not be decoded
    unchanged: int = 0  # number of files that need not be opened
    recognised: int = 0  # number of new names of known pictures
    problems: dict[str, str] = field(default_factory=dict)  # by path, of unchanged files without a usable picture
    #: known pictures that lie beside other texts now, or whose metadata an earlier soart read
    unread: list[str] = field(default_factory=list)
    _digests: dict[str, str] = field(default_factory=dict)

    def needing_inspection(self, chunk: Sequence[FileEntry]) -> list[FileEntry]:
        """Files that need inspecting; of the rest sightings, new names and texts to read again are noted."""
        known = known_files(self.collection, [file.path for file in chunk], self.versions)
        unchanged, rest = [], []
        for file in chunk:
            row = known.get(file.path)
            same = row is not None and (row.size, row.changed) == (file.size, file.changed)
            if row is not None and same and (row.complete or (row.problem and not self.retry)):
                unchanged.append(file.path)
                if row.problem:
                    self.problems[file.path] = row.problem
            else:
                rest.append(file)
        if unchanged and self.scan_number is not None:
            mark_seen(self.collection, self.scan_number, unchanged)
        self.unchanged += len(unchanged)
        unrecognised = self._unrecognised(rest, known)
        self.unread += read_by_earlier(self.collection, [file.path for file in chunk])
        return unrecognised

    def _unrecognised(self, files: Sequence[FileEntry], known: Container[str]) -> list[FileEntry]:
        sizes = known_sizes(self.collection, {file.size for file in files}) if files else set()
        # Only a file of a known size, or one that was changed and changed back, can hold a known picture.
        candidates = [file.path for file in files if file.size in sizes or file.path in known]
        digests = {path: digest for path in candidates if (digest := digest_of_file(path))}
        images = complete_images(self.collection, set(digests.values()), self.versions) if digests else {}
        recognised = [file for file in files if digests.get(file.path) in images]
        if recognised:
            links = [(settled(file), images[digests[file.path]]) for file in recognised]
            link_files(self.collection, self.scan_number, links)
            self.recognised += len(recognised)
            self.unread += with_unread_texts(self.collection, [file.path for file in recognised])
        self._digests = digests
        return [file for file in files if digests.get(file.path) not in images]

    def to_inspect(self, files: Sequence[FileEntry]) -> list[FileToInspect]:
        """The files of the last ``needing_inspection`` as engines take them, with the items that are stored of them."""
        digests = {file.path: self._digests[file.path] for file in files if file.path in self._digests}
        stored = stored_items(self.collection, set(digests.values()), self.versions) if digests else {}
        return [
            MeasuredFile(file.path, digest, stored[digest])
            if (digest := digests.get(file.path, "")) in stored
            else file.path
            for file in files
        ]


def settled(file: FileEntry) -> FileEntry:
    """The file, with its time of change made negative if that is too recent to be relied on."""
    return replace(file, changed=-file.changed) if time.time_ns() - file.changed < _UNSETTLED_NS else file


@dataclass
class Update:
    """Counts and problems of one update; the names are keys of the JSON output."""

    scan_number: int  # number under which the present files are noted
    found: int = 0
    looked: int = 0  # files that were opened, decoded or not
    recognised: int = 0  # new names of known pictures
    unchanged: int = 0  # files that were not opened
    stored: int = 0  # files that the collection holds under the number, unless another scan takes them
    missing: int = 0  # files that are gone, if their picture is nowhere else now
    #: a sentence for each file without a usable picture, and for each folder that could not be listed
    problems: list[str] = field(default_factory=list)
    #: those of these sentences that the collection does not keep, by path, in the order of paths
    unusable: dict[str, str] = field(default_factory=dict)
    #: a sentence for each table beside pictures, or line of one, that cannot be read
    table_problems: list[str] = field(default_factory=list)


def sync(
    collection: Collection,
    scan: Scan,
    engine: Engine,
    kinds: Sequence[ItemKind | None] = (None,),
    *,
    retry: bool = False,
    progress: Advance = silent,
    expect: Advance = silent,
    inspected: Callable[[Inspection], None] = lambda inspection: None,
    rng: np.random.Generator | None = None,
) -> Update:
    """Bring a collection in step with folders; after an interruption the next call completes the work.

    ``progress`` is called with a number of files that are done, ``expect`` with the number of files; if they are very
    many, with that of those listed so far. By ``rng`` the files come in a random order, so that at any time those that
    are done stand for all; of very many files the first ones listed are done first. With ``retry`` files that could not
    be decoded are inspected again.
    """
    started_at = time.time_ns()
    times = folders_read(collection)
    update = Update(begin_scan(collection, scan))
    versions = [extractor_of(kind).version for kind in kinds]
    comparison = FileComparison(collection, versions, update.scan_number, retry)
    changed_sidecars: list[str] = []
    with_tables: set[str] = set()
    started: dict[str, FileEntry] = {}
    unopened: dict[str, str] = {}

    def pictures() -> Iterator[FileEntry]:
        for file in scan:
            if not file.sidecar:
                yield file
                continue
            folder, name = os.path.split(file.path)
            if name in TABLES:
                with_tables.add(folder)
            if (time_read := last_read(file.path, times)) is not None and file.changed >= time_read:
                changed_sidecars.append(file.path)

    def fresh_files() -> Iterator[FileToInspect]:
        listed = pictures()
        first = list(islice(listed, LISTED_FIRST))
        if rng is not None:
            rng.shuffle(first)
        for chunk in batches(chain(first, listed), _CHUNK):
            update.found += len(chunk)
            expect(max(update.found, len(first)))
            fresh = comparison.needing_inspection(chunk)
            progress(len(chunk) - len(fresh))
            for file, to_inspect in zip(fresh, comparison.to_inspect(fresh), strict=True):
                started[file.path] = settled(file)
                yield to_inspect

    def inspections() -> Iterator[tuple[Inspection, FileEntry]]:
        for inspection in engine.inspect(fresh_files(), kinds):
            if inspection.problem and not inspection.lasting:
                unopened[inspection.path] = inspection.problem
            update.looked += 1
            inspected(inspection)
            progress(1)
            yield inspection, started.pop(inspection.path)

    for batch in batches(inspections(), _WRITE):
        store_inspections(collection, update.scan_number, batch)
    update.unchanged, update.recognised = comparison.unchanged, comparison.recognised
    unread = chain(comparison.unread, files_beside(collection, update.scan_number, changed_sidecars))
    for paths in batches(unread, _READ):
        readings = engine.inspect(with_copies(collection, paths), ())
        store_metadata(collection, [(i.sha256, i.metadata) for i in readings if i.problem is None])
    update.stored = update.found - len(unopened)
    check_undisturbed(collection, update.scan_number, update.stored)
    with collection.session("be written", write=True) as session:
        note_folders_read(session, scan, started_at)
        session.execute(seen_again(update.scan_number))
    roots = [str(plain_path(root)) for root in scan.roots if root.exists()]
    update.missing = mark_missing(collection, update.scan_number, [root for root in roots if is_text(root)])
    update.unusable = dict(sorted((scan.unusable | unopened).items()))
    update.table_problems = table_problems(collection, with_tables)
    update.problems = [*scan.problems, *update.unusable.values(), *problems_of(collection, update.scan_number)]
    return update


def table_problems(collection: Collection, folders: Iterable[str]) -> list[str]:
    """Sentences on tables, or lines of them, in ``folders`` (absolute) that cannot be read, in the order of their names.

    The collection remembers them: tables that have not changed since the last call are not read again.
    """
    known: dict[str, tuple[str, list[str]]] = json.loads(setting(collection, _KEY) or "{}")
    problems, fresh = [], {}
    for folder in sorted(set(folders)):
        stamp = file_stamp(*(Path(folder, name) for name in sorted(TABLES)))
        before, sentences = known.get(folder, ("", []))
        if before != stamp:
            sentences = FolderTable.read(Path(folder)).problems
            fresh[folder] = (stamp, sentences)
        problems += sentences
    if fresh:
        change_setting(collection, _KEY, lambda stored: json.dumps(json.loads(stored or "{}") | fresh))
    return problems


def add_first_pictures(
    collection: Collection, scan: Scan, count: int, rng: np.random.Generator, added: Callable[[], None] = lambda: None
) -> int:
    """Add random pictures of folders; nothing is measured, and what cannot be read is left to the scan of all files."""
    paths = [file.path for file in islice((file for file in scan if not file.sidecar), LISTED)]
    rng.shuffle(paths)
    read = 0
    for path in paths:
        if read >= count:
            break
        with contextlib.suppress(ImageError):
            content = read_content(path)
            height, width = collection.decode(content, path).pixels.shape[:2]
            collection.add_inspected(Path(path), picture_digest(content), width, height)
            read += 1
            added()
    return read
