"""Finds tastes wherever they were learnt: the user's own, and those of the folders that the user rated."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from ...errors import CollectionError
from ..collection.collection import Collection
from ..ingest.default_places import collections_folder
from ..ingest.roots import place_of, title_of_collection
from ..support.judge_names import TASTE_SUFFIX, TASTES_FOLDER
from .taste_store import StoresInTurn, TasteStore, tastes_of


def rated_stores() -> list[TasteStore]:
    """The tastes of folders that were rated (``soart start``, ``soart web FOLDER``), the one learnt last first."""
    changed: dict[Path, float] = {}
    # The user's data may be out of reach.
    with contextlib.suppress(OSError):
        for path in collections_folder().glob(f"*/{TASTES_FOLDER}/*{TASTE_SUFFIX}"):
            # A taste may be deleted meanwhile, or be a link to nothing.
            with contextlib.suppress(OSError):
                changed[path.parent] = max(changed.get(path.parent, 0.0), path.stat().st_mtime)
    return [TasteStore(folder) for folder in sorted(changed, key=lambda folder: (-changed[folder], folder))]


def tastes_at_hand(folder: Path | None = None, places: Iterable[Path | str | Collection | None] = ()) -> StoresInTurn:
    """The tastes that a name can mean: those of some collections, then the user's, then those of folders that were rated.

    If ``folder`` is named, no others count. ``places`` are collections, as ``Collection`` takes them, and evaluated
    folders.
    """
    own = TasteStore(folder)
    if folder:
        return StoresInTurn(own, near=(own,))
    near = [tastes_of(found) for place in places if (found := _folder_of(place)) is not None]
    return StoresInTurn(*near, own, *rated_stores(), own=own, near=near)


def _folder_of(place: Path | str | Collection | None) -> Path | str | None:
    """The folder of a collection that a user names or has opened, or its URL; None if there is none."""
    if isinstance(place, Collection):
        return place.folder
    if place is None:
        return None
    where = place_of(place)
    return where if Collection.is_collection(where) else None


def origin_of(tastes: StoresInTurn, name: str) -> str:
    """The folder of pictures whose ratings taught a taste; empty if it is none of a folder in the user's data.

    If its collection cannot be read, the folder has the name that its place in the user's data begins with.
    """
    place = tastes.path(name).parent.parent
    if place.parent != collections_folder() or not Collection.is_collection(place):
        return ""
    try:
        with Collection(place, scratch=True) as collection:
            return title_of_collection(collection)
    except CollectionError:
        return place.name.rpartition("-")[0]
