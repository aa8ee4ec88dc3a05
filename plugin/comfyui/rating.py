"""Addresses of ComfyUI's server at which the front end stores ratings by click."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
from aiohttp import web
from server import PromptServer

from ...errors import CollectionError, SoartError

if TYPE_CHECKING:
    from ...pipelines.collection.collection import Collection


def rating_of(folder: Path, image: int, rater: str, stars: int | None) -> dict[str, Any]:
    """Describe a picture to the front end: the names that a rating by click sends back, and the present rating.

    Args:
        folder: of the collection, inside ComfyUI's output folder.
        image: id of the picture.
        rater: name of the rater.
        stars: present rating, or None.
    """
    home = Path(folder_paths.get_output_directory()).resolve()
    return {"collection": folder.relative_to(home).as_posix(), "image": image, "rater": rater, "stars": stars}


def _rate(collection: Collection, rater: str, document: dict[str, Any]) -> None:
    from ...pipelines.collection.ratings import rate, undo_rating

    image, stars = _whole(document, "image"), document.get("stars")
    if stars is None:
        undo_rating(collection, rater, image)
    else:
        rate(collection, rater, {image: _whole(document, "stars")})


def _choose(collection: Collection, rater: str, document: dict[str, Any]) -> None:
    from ...pipelines.collection.comparisons import store_choice

    pair = _whole(document, "winner"), _whole(document, "loser")
    store_choice(collection, rater, str(document.get("choice", "")), pair[0], [pair[1]])


def _whole(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if not isinstance(value, int):
        raise CollectionError(f"Expected a whole number as {name}, got {value!r}.")
    return value


def _store(document: object, store: Callable[[Collection, str, dict[str, Any]], None]) -> None:
    from ...pipelines.collection.ratings import check_rater
    from ...pipelines.ingest.roots import existing_collection
    from .base import output_folder

    if not isinstance(document, dict):
        raise CollectionError("Expected a JSON object.")
    rater = check_rater(str(document.get("rater", "")))
    with existing_collection(output_folder(str(document.get("collection", "")))) as collection:
        store(collection, rater, document)


def _address(path: str, store: Callable[[Collection, str, dict[str, Any]], None]) -> None:
    """Answer POST requests of a JSON object; a mistake is an answer 400 with a sentence."""

    async def answer(request: web.Request) -> web.Response:
        try:
            # A locked collection must not hold up the server.
            await asyncio.to_thread(_store, await request.json(), store)
        # Nested too deeply, or something else than JSON.
        except (ValueError, RecursionError):
            return web.json_response({"error": "Expected a JSON object."}, status=400)
        except SoartError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    PromptServer.instance.routes.post(path)(answer)


_address("/soart/rate", _rate)
_address("/soart/choose", _choose)
