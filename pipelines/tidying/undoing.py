"""Reads undo files, and undoes the changes in them.

An undo file could name any file of the user. So only lines that this user signed are undone without a question, and only
if the folders in them are still the same ones. Undo files of earlier versions of soart are not signed.
"""

from __future__ import annotations

import base64
import filecmp
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from ...errors import CollectionError
from ...files import read_regular, write_whole
from ...metrics.formats.decoders import SUFFIXES
from ..collection.collection import Collection
from ..collection.labels import set_label
from ..support.failures import Failure, reason_of, summed_up
from ..support.wording import counted
from .journal import is_mark, is_signed, place_of, remove_folders, rewrite, sha256_of, stored_key, writing
from .moving import move_file, move_link

#: What a line must hold to be undone: names of a change, and the types of its values.
_CHANGES: tuple[dict[str, tuple[type, ...]], ...] = (
    {"moved": (str,), "to": (str,)},
    {"written": (str,), "old": (str, type(None)), "before": (str, type(None)), "after": (str,)},
    {"inserted": (str,), "at": (int,), "length": (int,), "before": (str,), "after": (str,)},
    {"labelled": (str,), "kind": (str,), "name": (str,), "images": (list,), "on": (bool,)},
)


#: A path, and where it lay with all links resolved.
Place = tuple[Path, str]


class UnconfirmedError(CollectionError):
    """An undo file that is undone only after a question."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True)
class RecordedChanges:
    """An undo file, as it was read: its lines, and the numbers of those still to be undone."""

    path: Path
    entries: list[Any]
    pending: list[int]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an undo file."""
        try:
            entries = [json.loads(line) for line in _whole_lines(read_regular(path)).splitlines()]
        except FileNotFoundError as error:
            raise CollectionError(
                f"There is no undo file {str(path)!r}: it is deleted as soon as its changes are undone."
            ) from error
        except OSError as error:
            raise CollectionError(f"The undo file {str(path)!r} cannot be read: {error.strerror or error}.") from error
        except (ValueError, RecursionError) as error:
            raise CollectionError(f"{str(path)!r} is not an undo file: a line of it is not JSON.") from error
        # An interrupted run writes its first line whole or not at all; undoing deletes the file.
        if not entries:
            raise CollectionError(f"{str(path)!r} is not an undo file: it holds no whole line.")
        marks = {number: entry["undone"] for number, entry in enumerate(entries) if is_mark(entry)}
        undone = {mark for mark in marks.values() if isinstance(mark, int)}
        return cls(path, entries, [n for n in range(len(entries)) if n not in undone and n not in marks])

    @cached_property
    def doubt(self) -> str:
        """A sentence if the file is to be undone only after a question; empty if it can be undone at once."""
        return self.unsigned_by(stored_key()) or not_the_folder(self.folders())

    def unsigned_by(self, key: bytes | None) -> str:
        """A sentence if this key has not signed all lines; else empty."""
        before = ""
        for entry in self.entries:
            if is_mark(entry):
                continue
            if key is None or not isinstance(entry, dict) or not is_signed(key, before, entry):
                return (
                    f"{str(self.path)!r} was not recorded by this user with this soart: another user, an earlier soart "
                    "or another program wrote it."
                )
            before = entry["signed"]
        return ""

    def folders(self) -> list[Place]:
        """A path in each folder of the pending lines, which are signed, with its place at the time of the change."""
        known: dict[tuple[Path, str], Place] = {}
        for number in self.pending:
            for path, place in _places(self.entries[number]):
                known.setdefault((path.parent, place.removesuffix(path.name)), (path, place))
        return list(known.values())

    def listing(self) -> list[str]:
        """Sentences on what undoing would do: one for all pictures that return from one folder to another, else one a change."""
        returning: dict[tuple[Path, Path], int] = {}
        others = []
        for number in reversed(self.pending):
            entry = self.entries[number]
            if not _is_change(entry):
                others.append(f"Line {number + 1} is not a change that soart writes: it is passed over.")
            elif "moved" in entry:
                source, target = Path(entry["moved"]), Path(entry["to"])
                if source.name == target.name and source.suffix.lower() in SUFFIXES:
                    folders = target.parent, source.parent
                    returning[folders] = returning.get(folders, 0) + 1
                else:
                    others.append(f"Moves {str(target)!r} to {str(source)!r}.")
            elif "labelled" in entry:
                others.append(f"Changes the {entry['kind']} {entry['name']!r} of {counted(len(entry['images']))}.")
            elif "written" in entry and entry["old"] is None:
                others.append(f"Deletes {entry['written']!r}.")
            else:
                path = entry["written"] if "written" in entry else entry["inserted"]
                others.append(f"Restores the earlier content of {path!r}.")
        moves = [
            f"Moves {counted(count)} from {str(target)!r} to {str(source)!r}."
            for (target, source), count in returning.items()
        ]
        return moves + others

    def undo(self, *, confirmed: bool = False) -> tuple[int, list[str]]:
        """Undo all pending changes, the last one first, and delete the file if nothing is left to undo.

        ``confirmed`` if the user has seen ``doubt`` and ``listing``, and agreed; a doubtful file needs it. Returns the
        number of changes undone, and sentences on those that could not be: files that were changed since are left as
        they are.
        """
        if self.doubt and not confirmed:
            raise UnconfirmedError(f"{self.doubt.rstrip('.')}; check what soart undo lists, then confirm it.")
        content = read_regular(self.path)
        if not content.endswith(b"\n"):
            with writing(self.path):
                write_whole(self.path, _whole_lines(content))
        done, failures = 0, list[Failure]()
        for number in reversed(self.pending):
            entry = self.entries[number]
            if not _is_change(entry):
                text = "is not a change that soart writes", "are not changes that soart writes"
                failures.append(Failure(f"line {number + 1}", *text))
                continue
            try:
                failure = _undo_one(entry)
            except (OSError, ValueError, CollectionError) as error:
                failure = _not_undone(entry, reason_of(error))
            if failure:
                failures.append(failure)
            else:
                done += 1
                with writing(self.path), self.path.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps({"undone": number}) + "\n")
        remove_folders([entry for entry in self.entries if _is_change(entry)])
        if not failures:
            with writing(self.path):
                self.path.unlink(missing_ok=True)
        return done, summed_up(failures)


def not_the_folder(places: Iterable[Place]) -> str:
    """A sentence if a path does not have the place any more that it had; else empty."""
    for path, place in places:
        if str(place_of(path)) != place:
            return f"{str(path.parent)!r} is not the folder any more that it was: it, or one above it, is a link now."
    return ""


def undo(path: Path) -> tuple[int, list[str]]:
    """Undo all changes of an undo file of this user; results and errors as for ``RecordedChanges``."""
    return RecordedChanges.read(path).undo()


def _whole_lines(content: bytes) -> bytes:
    """A journal without a last line that was cut off, by a full disk for instance: its change was never made."""
    whole, _, last = content.rpartition(b"\n")
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return whole + b"\n"
    return content + b"\n"


def _is_change(entry: object) -> bool:
    """True if a line describes a change as soart writes it."""
    return isinstance(entry, dict) and any(
        all(isinstance(entry.get(name, ...), kinds) for name, kinds in change.items()) for change in _CHANGES
    )


def _places(entry: dict[str, Any]) -> list[Place]:
    """The paths of a change, each with its place at the time of the change."""
    names = [("moved", "from_place"), ("to", "to_place")]
    if "labelled" in entry:
        return []
    if "moved" not in entry:
        names = [("written" if "written" in entry else "inserted", "place")]
    return [(Path(entry[name]), entry.get(place, entry[name])) for name, place in names]


def _not_undone(entry: dict[str, Any], reason: str) -> Failure:
    """The failure of undoing a change."""
    if "labelled" in entry:
        return Failure(f"the {entry['kind']} {entry['name']!r}", f"cannot be changed back: {reason}")
    if "moved" in entry:
        return Failure(entry["to"], f"cannot be moved back: {reason}")
    return Failure(entry["written"] if "written" in entry else entry["inserted"], f"cannot be restored: {reason}")


def _is_same(source: Path, target: Path) -> bool:
    """True if two paths name one file, or two of the same content; False for links."""
    if source.is_symlink() or target.is_symlink() or not (source.is_file() and target.is_file()):
        return False
    return target.samefile(source) or filecmp.cmp(source, target, shallow=False)


def _undo_one(entry: dict[str, Any]) -> Failure | None:
    """Undo one change, unless it was never made; return what is wrong if that would lose something."""
    if "labelled" in entry:
        with Collection(entry["labelled"]) as collection:
            set_label(collection, entry["kind"], entry["name"], entry["images"], on=not entry["on"])
        return None
    if "moved" in entry:
        source, target = Path(entry["moved"]), Path(entry["to"])
        if not os.path.lexists(target):
            gone = Failure(target, "is gone and cannot be moved back", "are gone and cannot be moved back")
            return None if os.path.lexists(source) else gone
        if "link" in entry and target.is_symlink() and source.is_symlink() and str(source.readlink()) == entry["link"]:
            # Ended between making the new link and removing the old one.
            target.unlink()
            return None
        if os.path.lexists(source) and _is_same(source, target):
            # Ended between giving the file its new name, or copying it to another disk, and taking the old one.
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
    content = read_regular(path) if path.exists() else None
    if sha256_of(content) == entry["before"]:
        return None
    if content is None or sha256_of(content) != entry["after"]:
        return Failure(path, "was changed since and stays as it is", "were changed since and stay as they are")
    if "inserted" in entry:
        rewrite(path, content[: entry["at"]] + content[entry["at"] + entry["length"] :])
    elif entry["old"] is None:
        path.unlink()
    else:
        rewrite(path, base64.b64decode(entry["old"]))
    return None
