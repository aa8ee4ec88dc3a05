"""The folders a collection was made from, and where its database is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from ...errors import CollectionError
from ..collection.collection import Collection
from ..collection.tables import Meta

_ROOTS = "roots"


def default_collection_path(roots: Sequence[Path]) -> Path:
    """Where what is found in some folders is kept if the user names no place: one place for the same folders, whatever their order."""
    absolute = sorted({str(root.absolute()) for root in roots})
    digest = hashlib.sha256("\n".join(absolute).encode(errors="surrogateescape")).hexdigest()[:12]
    name = "".join(c if c.isalnum() else "-" for c in Path(absolute[0]).name)[:40]
    return platformdirs.user_data_path("soart") / "collections" / f"{name}-{digest}"


def open_collection_for(folders: Sequence[str], collection: str | None = None) -> tuple[Collection, list[Path]]:
    """The collection that an evaluation of some folders uses, to be closed by the caller, and what it has to scan.

    A single folder that is a collection itself is evaluated in place: the pictures it holds, and the folders it was used for before.

    Raises:
        CollectionError: the collection cannot be opened, or a folder has no name.
    """
    if not all(folders):
        raise CollectionError("Expected names of folders, got an empty one: for the folder you are in say '.'.")
    if collection is None and len(folders) == 1 and Collection.is_collection(folders[0]):
        store = Collection(folders[0])
        own = [] if store.folder is None else [store.folder / "images"]
        return store, [*own, *known_roots(store)]
    roots = [Path(folder) for folder in folders]
    return Collection(collection or default_collection_path(roots)), roots


def known_roots(collection: Collection) -> list[Path]:
    """Folders that a collection was brought in step with before."""
    with collection.session("be read") as session:
        found = session.get(Meta, _ROOTS)
        return [Path(root) for root in json.loads(found.value)] if found else []


def remember_roots(collection: Collection, roots: Sequence[Path]) -> None:
    """Store the folders that a collection is brought in step with."""
    own = None if collection.folder is None else (collection.folder / "images").absolute()
    names = [str(root.absolute()) for root in roots if root.absolute() != own]
    with collection.session("be written", write=True) as session:
        session.merge(Meta(key=_ROOTS, value=json.dumps(names)))
