"""Collections inside the output folder of a host program, such as ComfyUI."""

from __future__ import annotations

from pathlib import Path

from ...errors import CollectionError
from ..support.file_stamps import file_stamp
from .names import DATABASE


def folder_inside(base: Path, name: str, host: str) -> Path:
    """The folder of a collection below a host's output folder; a document from elsewhere cannot lead out of that."""
    if not name.strip():
        raise CollectionError("Expected the name of a collection, got an empty one.")
    home = base.resolve()
    try:
        path = (home / name.strip()).resolve()
    except (OSError, ValueError) as error:
        raise CollectionError(f"{name!r} is not a name for a collection: {error}.") from error
    if path == home or home not in path.parents:
        raise CollectionError(f"Expected a collection inside {host}'s output folder, such as 'soart', got {name!r}.")
    return path


def collection_stamp(folder: Path) -> str:
    """A text that changes when the database of a collection in a folder does."""
    return file_stamp(folder / DATABASE, folder / f"{DATABASE}-wal")
