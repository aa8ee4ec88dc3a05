"""Compares files with a collection, and picks those that need inspecting."""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

from ..collection.collection import Collection
from ..collection.png import digest_of_file
from .file_rows import complete_images, known_files, known_sizes, link_files, mark_seen, stored_items
from .inspection import FileToInspect, MeasuredFile
from .metadata_rows import read_by_earlier, with_unread_texts
from .scan import FileEntry

#: Age in nanoseconds below which a file may change again without a new time of change.
_UNSETTLED_NS = 2_000_000_000


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
