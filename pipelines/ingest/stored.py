"""Lists the collections in the user's data folder, and removes those that can be measured again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, not_, or_, select

from ...errors import CollectionError
from ...files import plain_path
from ..collection.collection import Collection
from ..collection.names import DATABASE, IMAGES, LIKENESS, THUMBNAILS
from ..collection.tables import (
    AWAY,
    ChoiceRow,
    ComparisonRow,
    FileRow,
    GenerationRow,
    ImageRow,
    LabelRow,
    Meta,
    RatingRow,
)
from ..support.judge_names import TASTE_SUFFIX, TASTES_FOLDER
from ..support.wording import counted
from .default_places import collections_folder

#: Keys of facts that the next scan or judge writes again.
_FOUND_AGAIN = (
    "schema_version", "pictures", "roots", "scans_begun", "folders_read", "looked", "table_problems", "adherence",
)  # fmt: skip
_LATEST_JUDGE = "latest:"
#: Files that a collection makes again, or needs no longer.
_MADE_AGAIN = (
    f"{DATABASE}*",
    f"{Path(DATABASE).stem}-schema-*{Path(DATABASE).suffix}",
    f"{LIKENESS}/*",
    f"{THUMBNAILS}/*/*",
)


@dataclass(frozen=True)
class StoredFolder:
    """Stored data of a folder of pictures, in the collection at ``place``."""

    place: Path
    folder: str  # the innermost one that holds all its pictures, empty if it knows none
    pictures: int
    size: int  # of all its files, in bytes
    irreplaceable: tuple[str, ...] = ()  # what could not be measured again, such as ``12 ratings``
    problem: str | None = None


def stored_folders(named: Sequence[Path | str] = ()) -> list[StoredFolder]:
    """Everything in the user's data folder, by the pictures' folders; if any are ``named``, only what lies in these."""
    base = collections_folder()
    places = sorted(base.iterdir()) if base.is_dir() else []
    tops = [plain_path(folder) for folder in named]
    stored = [
        _stored(place) for place in places if Collection.is_collection(place) and (not tops or _lies_in(place, tops))
    ]
    return sorted(stored, key=lambda one: (one.folder, one.place))


def _lies_in(place: Path, tops: Sequence[Path]) -> bool:
    """True if a collection has pictures, and all of them lie in some folders; False if it cannot be read."""
    below = or_(*(FileRow.path.startswith(f"{str(top).rstrip(os.sep)}{os.sep}", autoescape=True) for top in tops))
    counting = select(func.count()).select_from(FileRow)
    try:
        with Collection(place, scratch=True) as collection, collection.session("be read") as session:
            files, inside = (
                session.scalar(counting),
                session.scalar(counting.where(or_(below, FileRow.path.in_(map(str, tops))))),
            )
    except CollectionError:
        return False
    return bool(files) and files == inside


def clear(stored: StoredFolder) -> None:
    """Remove what is stored of a folder, unless it could not be measured again; its pictures are not touched."""
    # Something may have been rated since it was listed.
    now = _stored(stored.place)
    if now.problem or now.irreplaceable:
        why = now.problem or f"it holds {', '.join(now.irreplaceable)}"
        raise CollectionError(f"{str(stored.place)!r} is kept, because {why}.")
    try:
        shutil.rmtree(stored.place)
    except OSError as error:
        raise CollectionError(f"{str(stored.place)!r} cannot be removed: {error.strerror or error}.") from error


def _stored(place: Path) -> StoredFolder:
    files = [path for path in place.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    try:
        with Collection(place, scratch=True) as collection:
            folder, pictures, irreplaceable = _contents(collection)
    except CollectionError as error:
        return StoredFolder(place, "", 0, size, problem=str(error).removesuffix("."))
    others = [path for path in files if not any(path.relative_to(place).match(pattern) for pattern in _MADE_AGAIN)]
    drawn = sum(path.is_relative_to(place / IMAGES) for path in others)
    tastes = sum(path.relative_to(place).match(f"{TASTES_FOLDER}/*{TASTE_SUFFIX}") for path in others)
    kinds = {"taste": tastes, "picture file": drawn, "other file": len(others) - drawn - tastes}
    named = [counted(number, noun) for noun, number in kinds.items() if number]
    return StoredFolder(place, folder, pictures, size, (*irreplaceable, *named))


def _contents(collection: Collection) -> tuple[str, int, list[str]]:
    """The folder of a collection's pictures, their number, and what could not be measured again."""
    again = or_(Meta.key.in_(_FOUND_AGAIN), Meta.key.startswith(_LATEST_JUDGE))
    kinds = {
        "rating": select(RatingRow.image_id),
        "comparison": select(ComparisonRow.id),
        "label": select(LabelRow.image_id),
        "drawn picture": select(GenerationRow.image_id),
        "planned picture": select(ChoiceRow.request_key),
        "moved picture": select(ImageRow.id).where(ImageRow.problem == AWAY),
        "setting": select(Meta.key).where(not_(again)),
    }
    with collection.session("be read") as session:
        first, last = session.execute(select(func.min(FileRow.path), func.max(FileRow.path))).one()
        pictures = session.scalar(select(func.count()).select_from(ImageRow)) or 0
        numbers = {
            noun: session.scalar(select(func.count()).select_from(query.subquery())) for noun, query in kinds.items()
        }
    # All paths lie between the first and the last, so they begin as these two do.
    folder = os.path.commonpath([first, last]) if first else ""
    folder = str(Path(folder).parent) if first and first == last else folder
    return folder, pictures, [counted(number, noun) for noun, number in numbers.items() if number]
