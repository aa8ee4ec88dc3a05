"""Folders that a collection is brought in step with, and the collection for them."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ...errors import CollectionError
from ...files import plain_path
from ..collection.address import address_of, is_url
from ..collection.collection import Collection
from ..collection.names import IMAGES
from ..collection.tables import Meta
from .default_places import collections_folder, default_collection_path, memory_path, plain_name
from .scan import Scan, check_file

_ROOTS = "roots"


def title_of_collection(collection: Collection) -> str:
    """Name of a collection for people: of the pictures' folder if it is kept in the data folder, else its own."""
    own = Path(collection.name).resolve()
    if collection.folder is None or own.parent != collections_folder().resolve():
        return own.name
    plain = own.name.rpartition("-")[0]
    return next((root.name for root in known_roots(collection) if plain_name(root) == plain), plain)


def open_collection_for(
    folders: Sequence[str],
    collection: str | None = None,
    *,
    scan_of: Callable[[Sequence[Path]], Scan] | None = None,
    scratch: bool = False,
) -> tuple[Collection, list[Path]]:
    """The collection for an evaluation of some folders, to be closed by the caller, and the folders to scan.

    A single folder that is a collection itself is evaluated in place: its own pictures, and the folders of its last
    evaluation. A new one is made only if a folder exists and, with ``scan_of``, a picture is found, so that a mistake
    makes none.
    """
    if not all(folders):
        raise CollectionError("Expected names of folders, got an empty one: the current folder is '.'.")
    if collection is None and len(folders) == 1 and (Collection.is_collection(folders[0]) or is_url(folders[0])):
        opened = existing_collection(folders[0], scratch=scratch)
        images = [] if opened.folder is None else [opened.folder / IMAGES]
        return opened, [*images, *known_roots(opened)]
    roots = [Path(folder) for folder in folders]
    place = collection or default_collection_path(roots)
    if not Collection.is_collection(place):
        if not any(map(os.path.lexists, roots)):
            missing = " ".join(str(check_file(str(plain_path(root)))) for root in roots)
            raise CollectionError(f"{no_picture_in(folders)} {missing}")
        scan = None if scan_of is None else scan_of(roots)
        if scan is not None and all(file.sidecar for file in scan):
            raise scan.no_picture([*scan.problems, *scan.unusable.values()])
    return Collection(place, scratch=scratch), roots


def no_picture_in(places: Iterable[Path | str]) -> str:
    """The sentence that some files and folders hold no picture."""
    return f"There is no picture in {', '.join(repr(str(place)) for place in places)}."


def open_memory_of(paths: Sequence[Path]) -> Collection:
    """The collection, as of an evaluation, that stores what is measured of some files; to be closed by the caller."""
    return Collection(memory_path(paths), scratch=True)


def place_of(where: Path | str) -> Path | str:
    """The place of the collection that a user names; that of a folder that was evaluated lies elsewhere."""
    if not Collection.is_collection(where) and Path(where).is_dir():
        evaluated = default_collection_path([Path(where)])
        return evaluated if Collection.is_collection(evaluated) else where
    return where


def existing_collection(where: Path | str, *, scratch: bool = False) -> Collection:
    """Open the collection that a user names, see ``place_of``; unlike ``Collection(where)`` it creates nothing."""
    place = place_of(where)
    if not Collection.is_collection(place):
        raise CollectionError(
            f"{address_of(where).name!r} is not a collection: generate pictures into one, or run soart evaluate on a folder first."
        )
    return Collection(place, scratch=scratch)


def open_evaluated(folder: str, collection: str | None = None) -> Collection:
    """The existing collection of a folder that was evaluated, to be closed by the caller; nothing is scanned."""
    where = collection or place_of(folder)
    if not Collection.is_collection(where):
        raise CollectionError(f"{folder!r} has not been evaluated yet: run soart evaluate {shlex.quote(folder)} first.")
    return Collection(where)


def known_roots(collection: Collection) -> list[Path]:
    """Folders that a collection was last brought in step with, without its own."""
    with collection.session("be read") as session:
        stored = session.get(Meta, _ROOTS)
        return [Path(root) for root in json.loads(stored.value)] if stored else []


def remember_roots(collection: Collection, roots: Sequence[Path]) -> None:
    """Store the folders that a collection is brought in step with, except its own."""
    images = None if collection.folder is None else plain_path(collection.folder / IMAGES)
    names = [str(root) for root in map(plain_path, roots) if root != images]
    with collection.session("be written", write=True) as session:
        session.merge(Meta(key=_ROOTS, value=json.dumps(names)))


def allowed_folders(collection: Collection, named: Sequence[Path]) -> tuple[Path, ...]:
    """Folders that may be read for a collection, links resolved: ``named`` ones, its own, and those it knows."""
    own = [] if collection.folder is None else [collection.folder, collection.folder / IMAGES]
    return tuple(dict.fromkeys(path.resolve() for path in (*named, *own, *known_roots(collection))))


def check_allowed(folders: Iterable[Path], allowed: Sequence[Path]) -> None:
    """Refuse folders, whether they exist or not, that are not, links resolved, among the allowed ones or below them."""
    for folder in folders:
        if not any(folder.resolve().is_relative_to(top) for top in allowed):
            raise CollectionError(
                f"This server may not read the folder {str(folder)!r}: start soart web with --allow-folders to allow that."
            )
