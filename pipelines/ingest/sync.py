"""Keeps a collection in step with folders of pictures: what is new is looked at once, what is unchanged is not opened again.

A file is unchanged if its size and time of change are those of the last look; a file whose content is known under another name (moved,
copied, touched) is recognised by its SHA-256 and not decoded; a file that is gone is marked, and what is known of it is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select

from ...metrics.items.combined import taste_extractor
from ..collection.collection import Collection
from ..collection.tables import FileRow, Meta
from ..support.batching import batches
from .file_rows import (
    complete_images,
    files_beside,
    known_files,
    known_sizes,
    link,
    mark_missing,
    mark_seen,
    problems_of,
    store_looks,
    store_metadata,
)
from .look import sha256_of
from .scan import FileEntry, Scan, is_text
from .worker import Engine

#: When the last update began, in nanoseconds.
_LOOKED = "looked"
#: Files compared with the store at once, and looks written at once.
_CHUNK, _WRITE = 512, 64
#: A file that changed so short a time before it is read may change again without its time showing it.
_UNSETTLED_NS = 2_000_000_000


@dataclass
class Update:
    """What an update did.

    Attributes:
        scan_number: number under which the files that are there now are noted.
        found: files that are there.
        looked: files that were opened and decoded, or that could not be.
        recognised: new names of known pictures.
        unchanged: files that were not opened.
        missing: files that were there once, and whose picture is nowhere else now.
        problems: a sentence for each file that holds no usable picture, and for each place that could not be listed.
        unusable: those of these sentences that the collection does not keep, by path, in the order of paths.
    """

    scan_number: int
    found: int = 0
    looked: int = 0
    recognised: int = 0
    unchanged: int = 0
    missing: int = 0
    problems: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)


class _Comparison:
    """Compares what a scan finds with what the store knows, and gives the rest to be looked at."""

    def __init__(self, collection: Collection, versions: Sequence[str], done: Update, retry: bool) -> None:
        self.collection, self.versions, self.done, self.retry = collection, versions, done, retry

    def fresh(self, chunk: Sequence[FileEntry]) -> list[FileEntry]:
        """Those of some files that must be looked at; the others are noted as seen."""
        known = known_files(self.collection, [found.path for found in chunk], self.versions)
        seen, rest = [], []
        for found in chunk:
            file = known.get(found.path)
            same = file is not None and (file.size, file.changed) == (found.size, found.changed)
            if file is not None and same and (file.complete or (file.problem and not self.retry)):
                seen.append(found.path)
            else:
                rest.append(found)
        if seen:
            mark_seen(self.collection, self.done.scan_number, seen)
            self.done.unchanged += len(seen)
        return self._unrecognised(rest, known)

    def _unrecognised(self, files: Sequence[FileEntry], known: Container[str]) -> list[FileEntry]:
        sizes = known_sizes(self.collection, {found.size for found in files}) if files else set()
        # Only a file of a known size, or one that was changed and changed back, can hold a known picture.
        perhaps = [found.path for found in files if found.size in sizes or found.path in known]
        digests = {path: sha256_of(path) for path in perhaps}
        images = complete_images(self.collection, {d for d in digests.values() if d}, self.versions) if digests else {}
        old = [found for found in files if digests.get(found.path) in images]
        if old:
            link(
                self.collection,
                self.done.scan_number,
                [(settled(found), images[digests[found.path] or ""]) for found in old],
            )
            self.done.recognised += len(old)
        return [found for found in files if digests.get(found.path) not in images]


def settled(found: FileEntry) -> FileEntry:
    """The file, with its time of change made negative if that is too recent to be relied on."""
    return replace(found, changed=-found.changed) if time.time_ns() - found.changed < _UNSETTLED_NS else found


def sync(
    collection: Collection,
    scan: Scan,
    engine: Engine,
    networks: Sequence[str | None] = (None,),
    *,
    retry: bool = False,
    progress: Callable[[int], None] = lambda files: None,
    expect: Callable[[int], None] = lambda total: None,
) -> Update:
    """Bring a collection in step with folders; a call that was broken off is made good by the next one.

    Args:
        collection: the collection.
        scan: the folders.
        engine: looks at what is new.
        networks: for which items are wanted, see ``inspect_file``.
        retry: look again at files that could not be decoded.
        progress: called with a number of files that are done.
        expect: called with the number of files found so far.

    Raises:
        CollectionError: the collection cannot be read or written.
    """
    with collection.session("be read") as session:
        done = Update((session.scalar(select(func.max(FileRow.scan))) or 0) + 1)
        last = session.get(Meta, _LOOKED)
    since, began = int(last.value) if last else None, time.time_ns()
    comparison = _Comparison(collection, [taste_extractor(network).version for network in networks], done, retry)
    started: dict[str, FileEntry] = {}

    beside: list[str] = []

    def pictures() -> Iterator[FileEntry]:
        for found in scan:
            if not found.sidecar:
                yield found
            elif since is not None and found.changed >= since:
                beside.append(found.path)

    def paths() -> Iterator[str]:
        for chunk in batches(pictures(), _CHUNK):
            done.found += len(chunk)
            expect(done.found)
            fresh = comparison.fresh(chunk)
            progress(len(chunk) - len(fresh))
            for found in fresh:
                started[found.path] = settled(found)
                yield found.path

    unopened, looks = dict[str, str](), []
    for look in engine.looks(paths(), networks):
        looks.append((look, started.pop(look.path)))
        if look.problem and not look.lasting:
            unopened[look.path] = look.problem
        if len(looks) >= _WRITE:
            store_looks(collection, done.scan_number, looks)
            looks = []
        done.looked += 1
        progress(1)
    store_looks(collection, done.scan_number, looks)
    for part in batches(files_beside(collection, done.scan_number, beside), _WRITE):
        store_metadata(
            collection, {look.sha256: look.metadata for look in engine.looks(part, ()) if look.problem is None}
        )
    with collection.session("be written", write=True) as session:
        session.merge(Meta(key=_LOOKED, value=str(began)))
    done.missing = mark_missing(
        collection,
        done.scan_number,
        [str(root.absolute()) for root in scan.roots if root.exists() and is_text(str(root.absolute()))],
    )
    done.unusable = dict(sorted((scan.unusable | unopened).items()))
    done.problems = [*scan.problems, *done.unusable.values(), *problems_of(collection, done.scan_number)]
    return done
