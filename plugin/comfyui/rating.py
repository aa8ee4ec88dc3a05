"""Addresses of ComfyUI's server at which the front end stores ratings by click."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths

from ...errors import CollectionError
from .addresses import answer_post

if TYPE_CHECKING:
    from ...pipelines.collection.collection import Collection


#: The rater of pictures that are in no collection, and the collection that their ratings go into.
ME, RATED = "me", "soart-rated"
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

    return store_sent(collection, sent_picture(read_image(_shown_file(place)).pixels, "comfyui"))


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


answer_post("/soart/rate", partial(_store, store=_rate))
answer_post("/soart/choose", partial(_store, store=_choose))
