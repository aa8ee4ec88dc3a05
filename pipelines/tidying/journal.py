"""Journal of changes to the user's files, by which they can be undone.

Each change is written down before it is made, as one JSON object a line: a file was ``moved``, a small file ``written``
(with its old content), or bytes were ``inserted`` into one. Written and changed files are recognised by their SHA-256
before and after. An undone change adds a line ``{"undone": number}``, so that an interrupted undo can be continued.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from ...errors import CollectionError
from ...files import check_writable, write_whole
from ..support.failures import Failure, reason_of, summed_up
from .moving import move_file, move_link


class Journal:
    """Changes files, and writes down before each change how to undo it.

    Args:
        path: of the journal; it must not exist.

    Raises:
        CollectionError: the journal exists or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: IO[bytes] | None = None
        self._entries = 0
        #: New paths by earlier ones, absolute and with links resolved.
        self._moved: dict[Path, Path] = {}
        checked_undo_file(path)

    def _note(self, **entry: Any) -> None:  # noqa: ANN401
        with _writing(self.path):
            if self._stream is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Without a buffer, so that nothing of a line that did not fit on the disk is written later.
                self._stream = self.path.open("xb", buffering=0)
            line, end = json.dumps(entry).encode() + b"\n", self._stream.tell()
            try:
                if self._stream.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(self._stream.fileno())
            except OSError:
                # A later line must not follow a part of this one.
                with contextlib.suppress(OSError):
                    self._stream.truncate(end)
                    self._stream.seek(end)
                raise
            self._entries += 1

    def move(self, source: Path, target: Path) -> Path:
        """Move a file to ``target``, or to a numbered name beside it if that is taken; return its new path.

        A link leads to the same file as before, also if that was moved before it.

        Raises:
            OSError: the file cannot be moved; it stays where it is.
        """
        made = sum(not parent.exists() for parent in target.absolute().parents)
        target.parent.mkdir(parents=True, exist_ok=True)
        for free in _names(target):
            # Another program may take a free name before it is used: then the next one is tried.
            with contextlib.suppress(FileExistsError):
                if not os.path.lexists(free):
                    self._move(source, free, made)
                    return free
        raise AssertionError("unreachable")

    def _move(self, source: Path, free: Path, made: int) -> None:
        """Move a file to a free name; ``made`` of the folders above it were made for it, so that they can go again."""
        entry = {"moved": str(source.absolute()), "to": str(free.absolute()), **({"made": made} if made else {})}
        before, place = _place(source), _place(free)
        link = source.readlink() if source.is_symlink() else None
        leads_to = None if link is None else self._text_of_moved(link, before, place)
        self._note(**entry, **({"link": str(link)} if leads_to != link else {}))
        try:
            if leads_to is None or leads_to == link:
                move_file(source, free)
            else:
                move_link(source, free, leads_to)
            self._moved[before] = place
        except BaseException:
            if os.path.lexists(source) or not os.path.lexists(free):
                _remove_folders([entry])
                # A move that was not made is nothing to undo.
                with contextlib.suppress(CollectionError):
                    self._note(undone=self._entries - 1)
            raise

    def _text_of_moved(self, link: Path, before: Path, place: Path) -> Path:
        """The text of a link at ``place`` that leads to the same file as the text ``link`` of one at ``before``."""
        goal = _place(before.parent / link)
        now = self._moved.get(goal, goal)
        if link.is_absolute():
            return link if now == goal else now
        try:
            return Path(os.path.relpath(now, place.parent))
        except ValueError:
            # On another drive of Windows.
            return now

    def write(self, path: Path, content: bytes) -> None:
        """Write a small file; the content of an earlier one is stored in the journal, and its permissions stay.

        Raises:
            OSError: the file cannot be written; an earlier one stays as it is.
        """
        mode = path.stat().st_mode & 0o7777 if path.exists() else None
        old = None if mode is None else path.read_bytes()
        encoded = None if old is None else base64.b64encode(old).decode()
        self._note(written=str(path.absolute()), old=encoded, before=_sha256(old), after=_sha256(content))
        write_whole(path, content)
        if mode is not None:
            path.chmod(mode)

    def insert(self, path: Path, content: bytes, at: int, addition: bytes) -> bytes:
        """Insert bytes into a file.

        Args:
            path: of the file.
            content: of the file as it is.
            at: position of the first new byte.
            addition: the new bytes.

        Returns:
            the new content of the file.

        Raises:
            OSError: the file cannot be written; it stays as it is.
        """
        new = content[:at] + addition + content[at:]
        hashes = {"before": _sha256(content), "after": _sha256(new)}
        self._note(inserted=str(path.absolute()), at=at, length=len(addition), **hashes)
        _rewrite(path, new)
        return new

    def close(self) -> None:
        """Close the journal."""
        if self._stream is not None:
            self._stream.close()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn errors of writing a journal into one sentence."""
    try:
        yield
    except OSError as error:
        raise CollectionError(f"The undo file {str(path)!r} cannot be written: {error.strerror or error}.") from error


def _place(path: Path) -> Path:
    """The absolute path of a file or a link, with the links of its folders resolved."""
    return path.absolute().parent.resolve() / path.name


def _names(target: Path) -> Iterator[Path]:
    yield target
    number = 2
    while True:
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")
        number += 1


def _sha256(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _rewrite(path: Path, content: bytes) -> None:
    """Replace the content of a file; its permissions and times stay."""
    status = path.stat()
    write_whole(path, content)
    path.chmod(status.st_mode & 0o7777)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def read_entries(path: Path) -> tuple[list[Any], list[int]]:
    """Read a journal.

    Returns:
        all its entries, and the numbers of those that are still to be undone, in the order of the file.

    Raises:
        CollectionError: the file cannot be read, or is not a journal.
    """
    try:
        entries = [json.loads(line) for line in _whole_lines(path.read_bytes()).splitlines()]
    except OSError as error:
        raise CollectionError(f"The undo file {str(path)!r} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise CollectionError(f"{str(path)!r} is not an undo file: a line of it is not JSON.") from error
    # An interrupted run writes its first entry whole or not at all; undoing deletes the file.
    if not entries:
        raise CollectionError(f"{str(path)!r} is not an undo file: it holds no whole line.")
    marks = {number: entry["undone"] for number, entry in enumerate(entries) if _is_mark(entry)}
    undone = {mark for mark in marks.values() if isinstance(mark, int)}
    return entries, [number for number in range(len(entries)) if number not in undone and number not in marks]


def _is_mark(entry: object) -> bool:
    """True if an entry only says that another one was undone."""
    return isinstance(entry, dict) and "undone" in entry


def undo(path: Path) -> tuple[int, list[str]]:
    """Undo all changes of a journal, the last one first, and delete it if nothing is left to undo.

    Returns:
        number of changes undone, and sentences on those that could not be, see ``summed_up``. Files that were changed
        since are left as they are.

    Raises:
        CollectionError: the file cannot be read, or is not a journal; or it cannot be written, so that the rest waits for
            another call.
    """
    entries, pending = read_entries(path)
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        with _writing(path):
            write_whole(path, _whole_lines(content))
    done, failures = 0, list[Failure]()
    for number in reversed(pending):
        entry = entries[number]
        try:
            failure = _undo_one(entry)
        except OSError as error:
            failure = _not_undone(entry, reason_of(error))
        except (KeyError, TypeError, ValueError):
            failure = Failure(
                f"line {number + 1}", "is not a change that soart writes", "are not changes that soart writes"
            )
        if failure:
            failures.append(failure)
        else:
            done += 1
            with _writing(path), path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"undone": number}) + "\n")
    _remove_folders(entries)
    if not failures:
        with _writing(path):
            path.unlink(missing_ok=True)
    return done, summed_up(failures)


def _whole_lines(content: bytes) -> bytes:
    """A journal without a last line that was cut off, by a full disk for instance: its change was never made."""
    whole, _, last = content.rpartition(b"\n")
    try:
        json.loads(last)
    except ValueError:
        return whole + b"\n"
    return content + b"\n"


def _remove_folders(entries: Sequence[Any]) -> None:
    """Remove the folders that moves made, as far as they are empty."""
    for entry in reversed(entries):
        made = entry.get("made") if isinstance(entry, dict) and isinstance(entry.get("to"), str) else None
        for folder in Path(entry["to"]).parents[:made] if isinstance(made, int) and made > 0 else ():
            try:
                folder.rmdir()
            except OSError:
                break


def _not_undone(entry: dict[str, Any], reason: str) -> Failure:
    """The failure of undoing a change."""
    if "moved" in entry:
        return Failure(entry["to"], f"cannot be moved back: {reason}")
    return Failure(entry["written"] if "written" in entry else entry["inserted"], f"cannot be restored: {reason}")


def _undo_one(entry: dict[str, Any]) -> Failure | None:
    """Undo one change; return what is wrong if that would lose something.

    A change that was written down and never made counts as undone.
    """
    if "moved" in entry:
        source, target = Path(entry["moved"]), Path(entry["to"])
        if not os.path.lexists(target):
            gone = Failure(target, "is gone and cannot be moved back", "are gone and cannot be moved back")
            return None if os.path.lexists(source) else gone
        if "link" in entry and target.is_symlink() and source.is_symlink() and str(source.readlink()) == entry["link"]:
            # Ended between making the new link and removing the old one.
            target.unlink()
            return None
        if os.path.lexists(source) and not source.is_symlink() and not target.is_symlink() and target.samefile(source):
            # Ended between giving the file its new name and taking the old one.
            target.unlink()
            return None
        if os.path.lexists(source):
            return Failure(
                target,
                f"stays where it is, because {str(source)!r} is another file now",
                "stay where they are, because other files have their former names",
            )
        source.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(entry.get("link"), str) and target.is_symlink():
            move_link(target, source, Path(entry["link"]))
        else:
            move_file(target, source)
        return None
    path = Path(entry["written"] if "written" in entry else entry["inserted"])
    content = path.read_bytes() if path.exists() else None
    if _sha256(content) == entry["before"]:
        return None
    if content is None or _sha256(content) != entry["after"]:
        return Failure(path, "was changed since and stays as it is", "were changed since and stay as they are")
    if "inserted" in entry:
        _rewrite(path, content[: entry["at"]] + content[entry["at"] + entry["length"] :])
    elif entry["old"] is None:
        path.unlink()
    else:
        _rewrite(path, base64.b64decode(entry["old"]))
    return None


def checked_undo_file(path: Path | None = None) -> Path:
    """Check the path of a new undo file before any work begins; by default one in the current folder, named after now.

    Raises:
        CollectionError: the file exists, or cannot be written.
    """
    path = path or Path(f"soart-undo-{datetime.now():%Y%m%d-%H%M%S}.jsonl")
    if path.exists():
        raise CollectionError(f"{str(path)!r} exists already: undo it, or name another undo file.")
    with _writing(path):
        check_writable(path, parents=True)
    return path
