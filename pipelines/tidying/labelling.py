"""Labels, and corrections of near-duplicates, of pictures that are named by their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import CollectionError
from ...files import plain_path
from ..collection.collection import Collection
from ..collection.files import image_ids_by_path
from ..collection.labels import FAVOURITE, check_label, forget_distinct, mark_distinct, set_label
from ..support.failures import Failure, summed_up
from .journal import Journal


@dataclass(frozen=True)
class Labelling:
    """Numbers of pictures, changes by kind and name of the label, and corrections, with sentences on unknown files."""

    pictures: int
    changed: dict[tuple[str, str], int]
    corrections: int
    problems: list[str]


def label_files(
    collection: Collection,
    files: Sequence[Path],
    labels: Sequence[tuple[str, str]],
    *,
    on: bool = True,
    distinct: bool = False,
    journal: Journal | None = None,
) -> Labelling:
    """Give pictures labels (kind and name), or take them away; nothing is stored if one is not allowed or no file known.

    ``distinct`` also remembers that the pictures are no duplicates of each other or, if not ``on``, forgets that. A ``journal``
    takes down the changes of labels.
    """
    checked = [(kind, check_label(kind, name)) for kind, name in labels]
    # The names that a scan stores.
    paths = {str(plain_path(file)): file for file in files}
    known = image_ids_by_path(collection, [*paths])
    unknown = [
        Failure(
            file,
            f"is not in the collection {collection.name!r}: evaluate its folder, then label it",
            f"are not in the collection {collection.name!r}: evaluate their folders, then label them",
        )
        for path, file in paths.items()
        if path not in known
    ]
    ids = list(dict.fromkeys(known[path] for path in paths if path in known))
    if not ids:
        raise CollectionError(summed_up(unknown)[0] if unknown else "Expected at least one picture to label.")
    corrections = 0
    if distinct and on:
        mark_distinct(collection, ids)
        corrections = 1
    elif distinct:
        corrections = forget_distinct(collection, ids)
    label = set_label if journal is None else journal.label
    changed = {(kind, name): len(label(collection, kind, name, ids, on=on)) for kind, name in checked}
    return Labelling(len(ids), changed, corrections, summed_up(unknown))


def title_of(kind: str, name: str) -> str:
    """A label for people, such as "tag night" or "favourite of ann"."""
    return f"{kind} of {name}" if kind == FAVOURITE else f"{kind} {name}"
