"""Finds tastes wherever they were learnt: the user's own, and those of the folders that the user rated."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..collection.collection import Collection
from ..ingest.default_places import collections_folder
from ..ingest.roots import title_of_collection
from ..support.judge_names import TASTE_SUFFIX, TASTES_FOLDER
from .taste_store import StoresInTurn, TasteStore, tastes_of


def rated_stores() -> list[TasteStore]:
    """The tastes of folders that were rated (``soart start``, ``soart web FOLDER``), the one learnt last first."""
    changed: dict[Path, float] = {}
    for path in collections_folder().glob(f"*/{TASTES_FOLDER}/*{TASTE_SUFFIX}"):
        changed[path.parent] = max(changed.get(path.parent, 0.0), path.stat().st_mtime)
    return [TasteStore(folder) for folder in sorted(changed, key=lambda folder: (-changed[folder], folder))]


def tastes_at_hand(folder: Path | None = None, collections: Iterable[Path | str] = ()) -> StoresInTurn:
    """The tastes that a name can mean: those of some collections, then the user's, then those of folders that were rated.

    Args:
        folder: of the user's tastes; None for the default. If it is named, no others count.
        collections: folders of collections.
    """
    first = [] if folder else [tastes_of(place) for place in collections]
    own = TasteStore(folder)
    return StoresInTurn(*first, own, *([] if folder else rated_stores()), own=own)


def origin_of(tastes: StoresInTurn, name: str) -> str:
    """The folder of pictures whose ratings taught a taste; empty if it is none of a folder in the user's data.

    Raises:
        CollectionError: the collection cannot be read.
    """
    place = tastes.path(name).parent.parent
    if place.parent != collections_folder() or not Collection.is_collection(place):
        return ""
    with Collection(place, scratch=True) as collection:
        return title_of_collection(collection)
