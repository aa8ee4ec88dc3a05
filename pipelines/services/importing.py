"""Pictures that were dropped on the gallery, copied into the collection's folder."""

from __future__ import annotations

import contextlib
import threading
from itertools import count
from pathlib import Path

from ...errors import CollectionError, ImageError
from ...files import read_regular, write_new
from ...metrics.formats.decoders import SUFFIXES
from ..collection.collection import Collection
from ..collection.names import IMAGES
from .export import safe_name

#: Folder of imported pictures, in that of the collection's own ones, so that every evaluation scans it.
IMPORTED = "imported"
#: Most bytes of a file.
MOST_BYTES = 100_000_000
_copying = threading.Lock()


def import_picture(collection: Collection, name: str, content: bytes) -> Path:
    """Copy a picture into the collection's folder; the next scan adds it.

    Folders in ``name`` are left out. A file of this name with another content stays.
    """
    name = safe_name(name.replace("\\", "/").rsplit("/", 1)[-1])
    if Path(name).suffix.lower() not in SUFFIXES or name.startswith("."):
        raise ImageError(f"{name!r} has no suffix of a picture: only pictures can be added.")
    if len(content) > MOST_BYTES:
        raise ImageError(f"{name!r} has more than {MOST_BYTES // 10**6} MB: copy it into a folder and evaluate that.")
    collection.decode(content, name)
    folder = collection.file(IMAGES) / IMPORTED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _copy(folder / name, content)
    except OSError as error:
        raise CollectionError(f"{name!r} cannot be copied to the collection: {error.strerror or error}.") from error


def _copy(path: Path, content: bytes) -> Path:
    """Write a file under its name, or one with a number if another content has it; returns its path."""
    for n in count(1):
        target = path if n == 1 else path.with_name(f"{path.stem} ({n}){path.suffix}")
        with _copying:
            if target.is_file() and read_regular(target) == content:
                return target
            # Another process may take the name at the same time: only one of them makes the file.
            with contextlib.suppress(FileExistsError):
                write_new(target, content)
                return target
    raise AssertionError("unreachable")
