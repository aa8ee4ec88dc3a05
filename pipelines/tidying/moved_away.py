"""Pictures moved out of a collection's folders, and the undo files that bring them back.

The disk decides: a picture named by an undo file is marked ``AWAY`` if none of its files is where the collection
expects it, and unmarked as soon as one is back. So the next call repairs what a process left unfinished that was killed
between moving a file and marking its picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import CollectionError, ImageError
from ...files import is_gone
from ...metrics.formats.decoders import SUFFIXES
from ...metrics.image import read_content
from ..collection.collection import Collection
from ..collection.files import image_ids_at, paths_by_picture
from ..collection.pictures import ids_moved_away, sound_or_moved_away, update_pictures
from ..collection.png import holds_picture
from ..collection.tables import AWAY
from ..support.batching import batches
from ..support.file_stamps import file_stamp
from .cull import BESIDE
from .journal import stored_key
from .undoing import Place, RecordedChanges, not_the_folder

#: Folders of a collection: for files that were moved away, and for undo files.
CULLED, UNDO = "culled", "undo"
#: Pictures handled at once.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class UndoFile:
    """An undo file of a cull, with the number of moves still to be undone, by the folder that pictures were moved to."""

    name: str
    time: datetime
    reasons: Mapping[str, int]
    problem: str = ""  # why it cannot be undone from here; empty if it can


def _pending_entries(changes: RecordedChanges) -> list[dict[str, Any]]:
    """Entries of an undo file that are still to be undone; refuses other files."""
    if not all(isinstance(entry, dict) for entry in changes.entries):
        raise CollectionError(f"{str(changes.path)!r} is not an undo file: every line must hold a JSON object.")
    return [changes.entries[number] for number in changes.pending]


def _is_cull(entry: dict[str, Any], culled: Path) -> bool:
    """True if an entry moved a picture, or a text beside one, into ``culled``; others could name any file of the user."""
    source, target = Path(str(entry.get("moved", ""))), Path(str(entry.get("to", "")))
    kind = source.suffix.lower()
    return (
        kind == target.suffix.lower()
        and kind in (*SUFFIXES, *BESIDE)
        and source.is_absolute()
        and ".." not in (*source.parts, *target.parts)
        and target.is_relative_to(culled)
    )


class _Summary(NamedTuple):
    """An undo file, as far as it alone tells; the folders must still be where they were."""

    reasons: dict[str, int]
    problem: str
    folders: tuple[Place, ...]


@lru_cache(maxsize=4096)
def _summary(path: Path, stamp: str, culled: Path, key: bytes | None) -> _Summary:
    """Read an undo file, once for its stamp and the key of the user."""
    changes = RecordedChanges.read(path)
    entries = _pending_entries(changes)
    if not all(_is_cull(entry, culled) for entry in entries):
        return _Summary({}, f"{path.name!r} also changes other files than pictures: check it, then use soart undo.", ())
    targets = [Path(entry["to"]) for entry in entries]
    reasons = Counter(target.relative_to(culled).parts[0] for target in targets if target.suffix.lower() in SUFFIXES)
    unsigned = changes.unsigned_by(key)
    return _Summary(
        dict(sorted(reasons.items())), unsigned and _doubtful(path), () if unsigned else (*changes.folders(),)
    )


def _doubtful(path: Path) -> str:
    return f"{path.name!r} was not recorded by you with this soart: soart undo lists its changes and asks."


def undo_files(folder: Path) -> list[UndoFile]:
    """Undo files of a collection's folder, newest first; those that are as they were are not read again."""
    culled, key = (folder / CULLED).absolute(), stored_key()
    files = []
    for path in sorted((folder / UNDO).glob("*.jsonl"), reverse=True):
        try:
            reasons, problem, folders = _summary(path, file_stamp(path), culled, key)
            time = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except CollectionError as error:
            reasons, problem, folders, time = {}, str(error), (), datetime.fromtimestamp(0, UTC)
        except OSError:
            # Another process has undone it meanwhile.
            continue
        if not_the_folder(folders):
            problem = _doubtful(path)
        files.append(UndoFile(path.name, time, reasons, problem))
    return files


def _moved_paths(folder: Path) -> Iterator[str]:
    """Former paths of the files that undo files name."""
    for path in (folder / UNDO).glob("*.jsonl"):
        try:
            yield from (
                str(entry["moved"]) for entry in _pending_entries(RecordedChanges.read(path)) if "moved" in entry
            )
        except CollectionError:
            continue


def mark_moved(collection: Collection, suspects: Iterable[int] = ()) -> bool:
    """Mark pictures that were moved away, and unmark those that are back; return True if anything changed.

    ``suspects`` may have been moved, besides those that undo files name. Pictures with another problem keep it.
    """
    if collection.folder is None:
        return False
    ids = ids_moved_away(collection) | set(suspects)
    for paths in batches(_moved_paths(collection.folder), _CHUNK):
        ids |= image_ids_at(collection, paths)
    changes = [change for chunk in batches(sorted(ids), _CHUNK) for change in _changes(collection, chunk)]
    update_pictures(collection, changes)
    return bool(changes)


def _holds(path: str, sha256: str) -> bool:
    """True if a file holds the picture that was added with this SHA-256."""
    try:
        return holds_picture(read_content(path), sha256)
    except ImageError:
        return False


def _changes(collection: Collection, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Changes to the rows of pictures that follow from the files on the disk."""
    paths = paths_by_picture(collection, ids)
    for row in sound_or_moved_away(collection, ids):
        # Another picture may lie at the old path by now.
        files = [
            path
            for path in dict.fromkeys([str(collection.locate(row)), *paths.get(row.id, ())])
            if not is_gone(path) and (row.problem is None or _holds(path, row.sha256))
        ]
        problem = None if files else AWAY
        lost = files and Path(row.path).is_absolute() and row.path not in files
        if problem != row.problem or lost:
            yield {"id": row.id, "problem": problem, "path": files[0] if lost else row.path}
