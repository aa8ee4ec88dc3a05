"""Selected pictures: rate, label, move away, export, and the original files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.labels import ALBUM, FAVOURITE, TAG, label_counts, set_label
from ....pipelines.collection.queries import row_of
from ....pipelines.services.export import KINDS, PictureExport, original, safe_name
from ....pipelines.tidying.cull import SELECTED
from ..answers import json_endpoint, read_in_turn, reading, whole_number
from ..state import NotFoundError, current_collection, is_owner
from .rating import check_rater, stars_in

_PICTURE = "a picture's number"


def _pictures(body: Mapping[str, Any]) -> list[int]:
    """Ids of the selected pictures in a request."""
    images = body.get("images")
    if not isinstance(images, list) or not images:
        raise SoartError("Select at least one picture.")
    return [whole_number(image, _PICTURE) for image in images]


def rate(request: Request, body: dict[str, Any]) -> Response:
    """Store one rating for all pictures, or undo that: ``before`` holds the ratings to restore, in pairs with ids."""
    service = current_collection(request).rating(check_rater(request, body))
    stars = stars_in(body.get("stars"))
    before = body.get("before")
    if isinstance(before, list):
        try:
            pairs = {whole_number(image, _PICTURE): stars_in(value) for image, value in before}
        except (TypeError, ValueError):
            raise SoartError("Expected pairs of a picture's number and a rating.") from None
        return JSONResponse({"now": list(service.undo_many(pairs, stars).items())})
    return JSONResponse({"before": list(service.rate_many(_pictures(body), stars).items())})


def label(request: Request, body: dict[str, Any]) -> Response:
    """Give pictures a tag, an album or the rater's favour, or take it away; answers which ones changed."""
    current, rater = current_collection(request), check_rater(request, body)
    kind = str(body.get("kind"))
    name = rater if kind == FAVOURITE else str(body.get("name", ""))
    changed = set_label(current.collection, kind, name, _pictures(body), on=body.get("on") is not False)
    return JSONResponse({"changed": changed})


def labels(request: Request) -> Response:
    """Tags and albums, with their numbers of pictures."""
    collection = current_collection(request).collection
    return JSONResponse({kind: list(label_counts(collection, kind).items()) for kind in (TAG, ALBUM)})


def move(request: Request, body: dict[str, Any]) -> Response:
    """Move pictures away; answers the name of the undo file."""
    _, name = current_collection(request).evaluation.move_pictures(_pictures(body))
    return JSONResponse({"undo": name})


def plan_move(request: Request, body: dict[str, Any]) -> Response:
    """The number of files that a move of pictures would move, exact copies included, and their folder."""
    evaluation = current_collection(request).evaluation
    return JSONResponse(
        {"files": len(evaluation.moves_of(_pictures(body))), "folder": str(evaluation.culled / SELECTED)}
    )


def prepare_export(request: Request, body: dict[str, Any]) -> Response:
    """Remember a selection for its download, because an address could not hold it."""
    current = current_collection(request)
    export = _export(request, _pictures(body), str(body.get("kind")))
    return JSONResponse({"address": f"{current.base}/export/{current.selections.add(export.ids, export.kind)}"})


def _export(request: Request, ids: list[int], kind: str) -> PictureExport:
    current = current_collection(request)
    return PictureExport(current.collection, ids, kind, current.allowed, private=is_owner(request))


def download_export(request: Request) -> Response:
    """An export, as a stream."""
    current = current_collection(request)
    selection = current.selections.get(request.path_params["key"])
    if selection is None:
        raise NotFoundError("This export is no longer here: select the pictures and export them again.")
    ids, kind = selection
    return StreamingResponse(
        read_in_turn(request, _export(request, ids, kind).stream()),
        media_type=KINDS[kind],
        headers=_as_file(f"{current.name}.{kind}"),
    )


def _as_file(name: str) -> dict[str, str]:
    """Headers of a response that the browser saves under a name."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(safe_name(name))}"}


def download(request: Request) -> Response:
    """The original file of a picture."""
    current = current_collection(request)
    row = row_of(current.collection, request.path_params["image"])
    content = original(current.collection, row, current.allowed)
    name = current.collection.locate(row).name
    return Response(content, media_type="application/octet-stream", headers=_as_file(name))


routes = [
    Route("/api/selection/rate", json_endpoint(rate), methods=["POST"]),
    Route("/api/selection/label", json_endpoint(label), methods=["POST"]),
    Route("/api/selection/move", json_endpoint(move, owner=True), methods=["POST"]),
    Route("/api/selection/plan", json_endpoint(plan_move, owner=True), methods=["POST"]),
    Route("/api/selection/export", json_endpoint(prepare_export), methods=["POST"]),
    Route("/api/labels", labels),
    Route("/export/{key}", download_export),
    Route("/download/{image:number}", reading(download)),
]
