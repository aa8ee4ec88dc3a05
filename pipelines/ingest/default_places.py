"""Default places of collections, without SQLAlchemy, which takes a third of a second to import."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from ...files import plain_path


def collections_folder() -> Path:
    """The folder of the user's data in which collections lie that the user gave no place."""
    return platformdirs.user_data_path("soart") / "collections"


def default_collection_path(roots: Sequence[Path]) -> Path:
    """Folder of the collection for scanned folders, if the user names none; it does not depend on their order."""
    absolute = sorted({str(plain_path(root)) for root in roots})
    digest = hashlib.sha256("\n".join(absolute).encode(errors="surrogateescape")).hexdigest()[:12]
    return collections_folder() / f"{plain_name(Path(absolute[0]))}-{digest}"


def memory_path(paths: Sequence[Path]) -> Path:
    """Folder of the collection that stores what is measured of some files and folders; a file belongs to its folder."""
    return default_collection_path([path if path.is_dir() else plain_path(path).parent for path in paths])


def plain_name(folder: Path) -> str:
    """The name of a folder with nothing but letters, digits and dashes, at most 40 of them."""
    return "".join(c if c.isalnum() else "-" for c in folder.name)[:40]
