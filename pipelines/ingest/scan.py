"""Lists the picture files of folders one by one.

A folder of a million entries is never held as a whole. Hidden files and folders are left out, and a folder that is
reached twice is walked once.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CollectionError, expect
from ...files import leads_out, named_as_given, plain_path
from ...metrics.formats.decoders import SUFFIXES
from ..collection.tables import EARLIEST_NS
from .metadata import SIDECARS, sidecars_of

#: The latest time of change in nanoseconds that a database can hold: in the year 2262.
_LATEST_NS = 2**63 - 1
#: Device and inode of the folders that were walked.
Visited = set[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file below the scanned folders, by its absolute path."""

    path: str
    size: int
    #: time of the last change of its content, in nanoseconds since 1970, from 1922 to 2262; of a sidecar of its name or
    #: rights too, if that is later
    changed: int
    sidecar: bool = False  # True if it describes pictures beside it


def is_text(path: str) -> bool:
    """True if a path is valid Unicode, as databases and pages need it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(path: str) -> str:
    r"""A path as valid Unicode: bytes that are not are escaped as ``\xNN``."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def unreadable(path: str, error: OSError | ValueError) -> str:
    """The sentence on a file or folder that cannot be read."""
    if not isinstance(error, FileNotFoundError):
        return f"{path!r} cannot be read: {getattr(error, 'strerror', None) or error}."
    return f"{path!r} is a link to a file that is not there." if os.path.islink(path) else f"{path!r} does not exist."


def check_file(path: str) -> os.stat_result | str | None:
    """The status of a file that can be read to its end, which is not opened; None for a folder.

    A sentence if it is missing, out of reach, or a pipe, socket or device, of which reading may never end.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        return unreadable(path, error)
    if stat.S_ISREG(status.st_mode):
        return status
    if stat.S_ISDIR(status.st_mode):
        return None
    return f"{path!r} is a pipe, socket or device, not a regular file; skipped."


def _is_or_has_link_out(path: Path, root: str) -> bool:
    """True if a picture, or a file that may describe it, is a link to something outside a folder."""
    links = (each for each in (path, *sidecars_of(path)) if os.path.islink(each))
    return any(leads_out(link, [Path(os.path.realpath(root))]) for link in links)


def walk(
    root: str,
    visited: Visited,
    report: Callable[[str, str], None],
    *,
    follow_links: bool = False,
    excluded: Callable[[str], bool] = lambda folder: False,
) -> Iterator[os.DirEntry[str]]:
    """All entries below a folder that are not hidden; of folders only linked ones, unless links are followed.

    Folders that are ``visited`` are not walked again. ``report`` is called with each that cannot be listed, and a
    sentence on why. Folders for which ``excluded`` is true are left out with everything in them.
    """
    pending = [root]
    while pending:
        folder = pending.pop()
        if excluded(folder):
            continue
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if _is_folder(entry, follow_links):
                        pending.append(entry.path)
                    else:
                        yield entry
        except OSError as error:
            report(folder, unreadable(folder, error))


def _is_folder(entry: os.DirEntry[str], follow_links: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow_links)
    # A link in a circle, say: the check of files reports it.
    except OSError:
        return False


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


@dataclass
class Scan:
    """Walks folders and yields the pictures in them, and the sidecars beside them.

    Args:
        roots: folders, or single files (taken whatever their suffix).
        globs: patterns of which one must match the path below the root, or the file name; none takes all.
        follow_links: also walk folders that are linked to.
        exclude: a folder that is left out with everything in it, however it is reached.
        contained: leave out pictures that are links out of their root, or may be described by such a link.

    Attributes:
        problems: a sentence for each folder that could not be listed, added during the walk.
        unusable: a sentence by path for each picture file that is not yielded, added during the walk.
        unseen: absolute folders whose contents could not be listed.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("fox.png", "fox.txt", "notes.pdf", ".hidden.png"):
        ...         _ = Path(folder, name).write_bytes(b"content")
        ...     print(sorted(Path(file.path).name for file in soart.Scan([Path(folder)])))
        ['fox.png', 'fox.txt']
    """

    roots: Sequence[Path]
    globs: Sequence[str] = ()
    follow_links: bool = False
    exclude: Path | None = None
    contained: bool = False
    problems: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        expect("folders and files as a list of paths", self.roots, list, tuple, error=CollectionError)
        for root in self.roots:
            expect("folders and files as paths", root, str, Path, error=CollectionError)
        self.roots = [Path(root) for root in self.roots]

    def __iter__(self) -> Iterator[FileEntry]:
        visited: Visited = set()
        single: set[str] = set()
        # Single files first, so that a folder does not bring them again.
        for root in sorted(self.roots, key=os.path.isdir):
            # Absolute without resolving links: the names that the user knows.
            path = str(plain_path(root))
            if self._excluded(path):
                continue
            try:
                status = os.stat(path)
            except (OSError, ValueError) as error:
                self._report(path, unreadable(path, error))
                continue
            if stat.S_ISDIR(status.st_mode):
                entries = walk(path, visited, self._report, follow_links=self.follow_links, excluded=self._excluded)
                for entry in entries:
                    if entry.path not in single:
                        yield from self._entry(entry, path)
            elif path not in single:
                single.add(path)
                yield from self._file(path)

    def no_picture(self, problems: Sequence[str], noun: str = "picture") -> CollectionError:
        """The error if no picture (``noun``) was found; it names where, and the first three of the ``problems`` met."""
        where = ", ".join(repr(str(root)) for root in self.roots)
        if self.globs:
            where += f" whose name or path matches {' or '.join(map(repr, self.globs))}"
        named = named_as_given(problems[:3], self.roots)
        return CollectionError(" ".join([f"There is no {noun} in {where}.", *named]))

    def _excluded(self, path: str) -> bool:
        return self.exclude is not None and Path(path).resolve().is_relative_to(self.exclude.resolve())

    def _report(self, folder: str, sentence: str) -> None:
        self.problems.append(sentence)
        self.unseen.append(folder)

    def _entry(self, entry: os.DirEntry[str], root: str) -> Iterator[FileEntry]:
        suffix = _suffix(entry.name)
        picture = suffix in SUFFIXES and self._matches(entry.path, root)
        if not (picture or suffix in SIDECARS):
            return
        if self.contained and _is_or_has_link_out(Path(entry.path), root):
            if picture:
                self.unusable[entry.path] = f"{entry.path!r} is, or lies beside, a link out of its folder; skipped."
            return
        yield from self._file(entry.path, sidecar=not picture)

    def _file(self, path: str, *, sidecar: bool = False) -> Iterator[FileEntry]:
        status = check_file(path)
        if not isinstance(status, str) and not is_text(path):
            status = f"The name of {path!r} is not valid UTF-8: rename it."
        if isinstance(status, str):
            if not sidecar:
                self.unusable[path] = status
        elif status is not None:
            changed = max(status.st_mtime_ns, status.st_ctime_ns) if sidecar else status.st_mtime_ns
            yield FileEntry(path, status.st_size, max(EARLIEST_NS, min(changed, _LATEST_NS)), sidecar)

    def _matches(self, path: str, root: str) -> bool:
        below = os.path.relpath(path, root)
        return not self.globs or any(
            fnmatch.fnmatch(below, glob) or fnmatch.fnmatch(os.path.basename(path), glob) for glob in self.globs
        )


def find_pictures(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Picture files among ``paths`` and in the folders among them, and a sentence for each that cannot be read.

    Inside folders files are taken by suffix in the order of names, without linked folders; a single file whatever its
    suffix. The files are named as ``paths`` are, relative or absolute.
    """
    files: dict[Path, None] = {}
    problems: list[str] = []
    visited: Visited = set()
    for path in paths:
        candidates = [path]
        if os.path.isdir(path):
            below = walk(str(path), visited, lambda _, sentence: problems.append(sentence))
            pictures = (Path(entry.path) for entry in below if _suffix(entry.name) in SUFFIXES)
            candidates = sorted(pictures, key=_files_first)
        for file in candidates:
            status = check_file(str(file))
            if isinstance(status, str):
                problems.append(status)
            elif status is not None:
                files[file] = None
    return list(files), problems


def _files_first(path: Path) -> tuple[tuple[bool, str], ...]:
    """Sorts the files of a folder before those of its inner folders, each by name."""
    return *((True, name) for name in path.parts[:-1]), (False, path.name)
