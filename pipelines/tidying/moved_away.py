"""Pictures that were moved out of a collection's folders, and the undo files that bring them back.

What is on the disk decides: a picture that an undo file speaks of, and none of whose files is where the collection knows it, is marked
``AWAY``; one of which a file is back is unmarked. So a process that was killed between moving a file and saying so is made good by the
next look, and nothing else of a picture changes.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...errors import CollectionError
from ...metrics.image import SUFFIXES
from ..collection.collection import Collection
from ..collection.files import image_ids_at, paths_by_picture
from ..collection.pictures import ids_moved_away, sound_or_moved_away, update_pictures
from ..collection.tables import AWAY
from ..ingest.look import sha256_of
from ..support.batching import batches
from .cull import BESIDE

#: Folders of a collection: of what was moved away, and of how to undo it.
CULLED, UNDO = "culled", "undo"
#: Rows asked for at once.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class UndoFile:
    """What one cull moved and nobody has moved back.

    Attributes:
        name: of the file.
        time: of its last change.
        reasons: number of pictures by the folder they went to.
        problem: why it cannot be undone from here, a sentence; empty where it can.
    """

    name: str
    time: datetime
    reasons: Mapping[str, int]
    problem: str = ""


def _entries(path: Path) -> list[dict[str, Any]]:
    """Entries of an undo file that are still to be undone.

    Raises:
        CollectionError: it cannot be read, or is none.
    """
    try:
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CollectionError(f"The undo file {path.name!r} cannot be read: {error}.") from error
    if not all(isinstance(entry, dict) for entry in found):
        raise CollectionError(f"{path.name!r} is no undo file.")
    done = {entry["undone"] for entry in found if isinstance(entry.get("undone"), int)}
    return [entry for number, entry in enumerate(found) if number not in done and "undone" not in entry]


def _moved_by_us(entry: dict[str, Any], culled: Path) -> bool:
    """Whether an entry moves a picture, or a text beside one, out of ``culled``: a stranger's undo file could ask for anything."""
    source, target = Path(str(entry.get("moved", ""))), Path(str(entry.get("to", "")))
    kind = source.suffix.lower()
    return (
        kind == target.suffix.lower()
        and kind in (*SUFFIXES, *BESIDE)
        and source.is_absolute()
        and ".." not in (*source.parts, *target.parts)
        and target.is_relative_to(culled)
    )


def undo_files(folder: Path) -> list[UndoFile]:
    """Undo files of a collection's folder, newest first."""
    culled = (folder / CULLED).absolute()
    found = []
    for path in sorted((folder / UNDO).glob("*.jsonl"), reverse=True):
        reasons, problem = Counter[str](), ""
        try:
            entries = _entries(path)
            if all(_moved_by_us(entry, culled) for entry in entries):
                targets = [Path(entry["to"]) for entry in entries]
                pictures = [target for target in targets if target.suffix.lower() in SUFFIXES]
                reasons.update(target.relative_to(culled).parts[0] for target in pictures)
            else:
                problem = (
                    f"{path.name!r} changes more than pictures of this collection: look at it, then use soart undo."
                )
            time = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except CollectionError as error:
            problem, time = str(error), datetime.fromtimestamp(0, UTC)
        except OSError:
            # Undone by somebody else meanwhile.
            continue
        found.append(UndoFile(path.name, time, dict(sorted(reasons.items())), problem))
    return found


def _moved_paths(folder: Path) -> Iterator[str]:
    """Where files lay that undo files speak of."""
    for path in (folder / UNDO).glob("*.jsonl"):
        try:
            yield from (str(entry["moved"]) for entry in _entries(path) if "moved" in entry)
        except CollectionError:
            continue


def mark_moved(collection: Collection) -> bool:
    """Mark pictures that were moved away, and unmark those that are back; says whether anything changed.

    Pictures with another problem keep it.

    Raises:
        CollectionError: the collection cannot be read or written.
    """
    if collection.folder is None:
        return False
    ids = ids_moved_away(collection)
    for paths in batches(_moved_paths(collection.folder), _CHUNK):
        ids |= image_ids_at(collection, paths)
    changes = [change for chunk in batches(sorted(ids), _CHUNK) for change in _changes(collection, chunk)]
    update_pictures(collection, changes)
    return bool(changes)


def _changes(collection: Collection, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """What is to be changed in the rows of pictures, by what lies on the disk."""
    paths = paths_by_picture(collection, ids)
    for row in sound_or_moved_away(collection, ids):
        own = [] if Path(row.path).is_absolute() else [str(collection.locate(row))]
        # At the old place another picture may lie by now.
        files = [
            path
            for path in [*own, *paths.get(row.id, ())]
            if os.path.lexists(path) and (row.problem is None or sha256_of(path) == row.sha256)
        ]
        problem = None if files else AWAY
        lost = files and Path(row.path).is_absolute() and row.path not in files
        if problem != row.problem or lost:
            yield {"id": row.id, "problem": problem, "path": files[0] if lost else row.path}
