"""Lists the picture files of folders one by one: a folder of a million entries is never held as a whole."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...metrics.image import SUFFIXES

#: Files that speak about pictures beside them.
SIDECARS = frozenset({".txt", ".json", ".caption", ".jsonl", ".csv", ".xmp"})


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file that a scan came across.

    Attributes:
        path: absolute.
        size: in bytes.
        changed: time of the last change of its content, in nanoseconds.
        sidecar: whether it speaks about pictures rather than being one; ``changed`` is then that of its name or rights too.
    """

    path: str
    size: int
    changed: int
    sidecar: bool = False


def is_text(path: str) -> bool:
    """Whether a path is valid Unicode, as databases and pages want it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(path: str) -> str:
    r"""A path as valid Unicode: bytes that are not are escaped as ``\xNN``."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def special_problem(path: str | Path, mode: int | None = None) -> str | None:
    """A sentence on a pipe, a socket or a device, of which reading may never end; None for files, folders, and what is not there.

    Args:
        path: of it.
        mode: as ``os.stat`` gives it; None asks.
    """
    try:
        mode = os.stat(path).st_mode if mode is None else mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    return f"{str(path)!r} is no regular file but a pipe, a socket or a device: it is passed over."


@dataclass
class Scan:
    """Walks folders; hidden files and folders are passed over, a folder that is reached twice is walked once.

    Args:
        roots: folders, or single files (taken whatever they are called).
        globs: patterns that the path below the root, or the file name, must match; none takes all.
        follow_links: whether links to folders are followed.
        apart: a folder that is passed over with all that lies in it, however it is reached.

    Attributes:
        problems: a sentence for each place that could not be listed, added while it walks.
        unusable: a sentence by path for each picture file that it does not give, added while it walks.
        unseen: absolute folders whose contents could not be listed.
    """

    roots: Sequence[Path]
    globs: Sequence[str] = ()
    follow_links: bool = False
    apart: Path | None = None
    problems: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[FileEntry]:
        walked: set[tuple[int, int]] = set()
        single: set[str] = set()
        # Single files first, so that a folder does not bring them again.
        for root in sorted(self.roots, key=os.path.isdir):
            # Absolute without resolving links: the names that the user knows.
            place = os.path.abspath(root)
            if self._is_apart(root):
                continue
            try:
                facts = os.stat(place)
            except OSError as error:
                self._trouble(place, error)
                continue
            if os.path.isdir(place):
                yield from (found for found in self._walk(place, walked) if found.path not in single)
            elif place not in single:
                single.add(place)
                yield from self._file(place, facts)

    def _is_apart(self, place: str | Path) -> bool:
        return self.apart is not None and Path(place).resolve().is_relative_to(self.apart.resolve())

    def _trouble(self, place: str, error: OSError) -> None:
        self.problems.append(f"{place!r} cannot be read: {error.strerror or error}.")
        self.unseen.append(place)

    def _walk(self, root: str, walked: set[tuple[int, int]]) -> Iterator[FileEntry]:
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            if self._is_apart(folder):
                continue
            try:
                facts = os.stat(folder)
                if (facts.st_dev, facts.st_ino) in walked:
                    continue
                walked.add((facts.st_dev, facts.st_ino))
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if not entry.name.startswith("."):
                            yield from self._entry(entry, root, waiting)
            except OSError as error:
                self._trouble(folder, error)

    def _entry(self, entry: os.DirEntry[str], root: str, waiting: list[str]) -> Iterator[FileEntry]:
        suffix = os.path.splitext(entry.name)[1].lower()
        picture = suffix in SUFFIXES and self._wanted(entry.path, root)
        try:
            if entry.is_dir(follow_symlinks=self.follow_links):
                waiting.append(entry.path)
            elif picture or suffix in SIDECARS:
                yield from self._file(entry.path, entry.stat(), sidecar=not picture)
        except OSError as error:
            if picture:
                lost = isinstance(error, FileNotFoundError) and entry.is_symlink()
                why = "is a link to a file that is not there" if lost else f"cannot be read: {error.strerror or error}"
                self.unusable[entry.path] = f"{entry.path!r} {why}."

    def _file(self, path: str, facts: os.stat_result, *, sidecar: bool = False) -> Iterator[FileEntry]:
        problem = special_problem(path, facts.st_mode)
        if problem is None and not is_text(path):
            problem = f"{path!r} has a name that is no valid text: rename it."
        if problem is not None:
            if not sidecar:
                self.unusable[path] = problem
        # A link to a folder that is not followed is none either.
        elif stat.S_ISREG(facts.st_mode):
            changed = max(facts.st_mtime_ns, facts.st_ctime_ns) if sidecar else facts.st_mtime_ns
            yield FileEntry(path, facts.st_size, changed, sidecar)

    def _wanted(self, path: str, root: str) -> bool:
        below = os.path.relpath(path, root)
        return not self.globs or any(
            fnmatch.fnmatch(below, g) or fnmatch.fnmatch(os.path.basename(path), g) for g in self.globs
        )
