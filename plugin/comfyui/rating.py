"""Addresses of ComfyUI's server at which the front end stores ratings by click."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths

from ...errors import CollectionError, SoartError
from .addresses import answer_post

if TYPE_CHECKING:
    from ...pipelines.collection.collection import Collection


#: The rater of pictures that are in no collection, and the collection that their ratings go into.
ME, RATED = "me", "soart-rated"
#: Where such pictures come from.
PROGRAM = "comfyui"
#: Least stars of a picture that is liked.
LIKED = 4
#: The rating of a picture that is well made, but not to the rater's liking.
NOT_FOR_ME = "not for me"


def rating_of(folder: Path, image: int, rater: str, stars: int | None) -> dict[str, Any]:
    """The names that a rating by click of a picture sends back, and its present rating, for the front end."""
    home = Path(folder_paths.get_output_directory()).resolve()
    return {"collection": folder.relative_to(home).as_posix(), "image": image, "rater": rater, "stars": stars}


def rating_of_any(picture: dict[str, str], collection: str) -> dict[str, Any]:
    """Describe a picture of no collection to the front end: its first rating by click stores it in this one."""
    return {"collection": collection, "image": picture, "rater": ME, "stars": None}


def _rate(collection: Collection, rater: str, document: dict[str, Any]) -> None:
    from ...pipelines.collection.ratings import check_rating, dislike_personally, rate, undo_rating

    stars = document.get("stars")
    if stars is not None and stars != NOT_FOR_ME:
        # Before a picture is stored.
        check_rating(_whole(document, "stars"))
    image = _image(collection, document, "image")
    if stars is None:
        undo_rating(collection, rater, image)
    elif stars == NOT_FOR_ME:
        dislike_personally(collection, rater, image)
    else:
        rate(collection, rater, {image: stars})


def _choose(collection: Collection, rater: str, document: dict[str, Any]) -> None:
    from ...pipelines.collection.comparisons import store_choice

    pair = _image(collection, document, "winner"), _image(collection, document, "loser")
    store_choice(collection, rater, str(document.get("choice", "")), pair[0], [pair[1]])


def _whole(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if not isinstance(value, int):
        raise CollectionError(f"Expected a whole number as {name}, got {value!r}.")
    return value


def _image(collection: Collection, document: dict[str, Any], name: str) -> int:
    """The id of a picture, or of one of ComfyUI's folders that is stored now."""
    place = document.get(name)
    if not isinstance(place, dict):
        return _whole(document, name)
    from ...metrics.image import read_image
    from ...pipelines.services.outside import sent_picture, store_sent

    return store_sent(collection, sent_picture(read_image(_shown_file(place)).pixels, PROGRAM))


def _shown_file(place: dict[str, Any]) -> Path:
    """The file that a node has shown; nothing else of this machine."""
    folders = {"temp": folder_paths.get_temp_directory, "output": folder_paths.get_output_directory}
    find = folders.get(str(place.get("type")))
    if find is not None:
        folder = Path(find()).resolve()
        file = (folder / str(place.get("subfolder") or "") / str(place.get("filename"))).resolve()
        if "\0" not in str(file) and file.is_relative_to(folder) and file.is_file():
            return file
    raise CollectionError("The picture is no longer there: run the graph again.")


def _store(document: dict[str, Any], store: Callable[[Collection, str, dict[str, Any]], None]) -> None:
    from ...pipelines.collection.ratings import check_rater
    from ...pipelines.ingest.roots import existing_collection
    from .base import output_folder

    rater = check_rater(str(document.get("rater", "")))
    folder = output_folder(str(document.get("collection", "")))
    if any(isinstance(document.get(name), dict) for name in ("image", "winner", "loser")):
        from ...pipelines.collection.collection import Collection

        with Collection(folder) as collection:
            store(collection, rater, document)
        return
    with existing_collection(folder) as collection:
        store(collection, rater, document)


def _rated(document: dict[str, Any]) -> dict[str, Any]:
    """Ratings that a rater gave pictures: 1 to 5, ``NOT_FOR_ME``, or None."""
    from ...pipelines.collection import ratings
    from ...pipelines.collection.collection import Collection
    from .base import output_folder

    rater = ratings.check_rater(str(document.get("rater", "")))
    folder, images = output_folder(str(document.get("collection", ""))), document.get("images")
    if not isinstance(images, list):
        raise CollectionError(f"Expected a list as images, got {images!r}.")
    if not Collection.is_collection(folder):
        return {"stars": [None] * len(images)}
    with Collection(folder) as collection:
        ids = [_known(collection, image) for image in images]
        given = ratings.judgements_of(collection, rater, [image for image in ids if image is not None])
    values = [given.get(image) or None if image is not None else None for image in ids]
    return {"stars": [NOT_FOR_ME if value == ratings.NOT_FOR_ME else value for value in values]}


def _known(collection: Collection, image: object) -> int | None:
    """The id of a picture of the collection, also of one that a node shows; None if it is not there."""
    from ...metrics.image import read_image
    from ...pipelines.services.outside import sent_picture

    if not isinstance(image, dict):
        return image if isinstance(image, int) else None
    with suppress(SoartError):
        key = sent_picture(read_image(_shown_file(image)).pixels, PROGRAM).request.key(PROGRAM)
        return next((row.id for row in collection.requested([key]).values()), None)
    return None


def place_of_file(file: str) -> dict[str, str] | None:
    """The address, for the front end, of a picture of ComfyUI's output folder; None for files elsewhere."""
    home, path = Path(folder_paths.get_output_directory()).resolve(), Path(file)
    if not file or not path.is_absolute() or not path.is_relative_to(home) or not path.is_file():
        return None
    return {"filename": path.name, "subfolder": path.parent.relative_to(home).as_posix(), "type": "output"}


def liked_places(most: int = 12) -> list[dict[str, str]]:
    """Addresses, for the front end, of the pictures rated highly by click, the latest first."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.ratings import ratings
    from .base import output_folder

    if not Collection.is_collection(folder := output_folder(RATED)):
        return []
    with suppress(SoartError), Collection(folder) as collection:
        rows = {row.id: row for row in collection.images()}
        liked = [image for image, stars in ratings(collection, ME).items() if stars >= LIKED and image in rows]
        places = [place_of_file(str(collection.locate(rows[image]))) for image in liked[: -most - 1 : -1]]
        return [place for place in places if place]
    return []


def opinions() -> int:
    """A number that changes with every rating and choice by click; 0 without any. Raises SoartError if none can be read."""
    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.comparisons import comparisons
    from ...pipelines.collection.ratings import ratings
    from .base import output_folder

    if not Collection.is_collection(folder := output_folder(RATED)):
        return 0
    with Collection(folder) as collection:
        given = tuple(ratings(collection, ME).items()), tuple(comparisons(collection, ME))
        return hash(given) if any(given) else 0


answer_post("/soart/rated", _rated)
answer_post("/soart/rate", partial(_store, store=_rate))
answer_post("/soart/choose", partial(_store, store=_choose))
