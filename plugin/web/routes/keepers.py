"""Keepers view: groups with the picture to keep, corrections of groups, and moves of the others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import CollectionError, SoartError
from ....metrics.damage.names import OVERALL
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.pictures import hidden_ids
from ....pipelines.keepers.finding import UNITS
from ....pipelines.services.gallery import cells_by_id
from ....pipelines.services.keepers import KeeperService
from ..answers import json_endpoint, page, whole_number
from ..judges import name_of_stored, ranking_choices
from ..state import current_collection, is_owner, rater_of

#: Groups shown at first and with every step, pictures of a group, and corrections.
GROUPS, MEMBERS, CORRECTIONS = 24, 24, 50


def _service(request: Request) -> KeeperService:
    return KeeperService(current_collection(request).evaluation)


def _grouping(parameters: Mapping[str, Any]) -> tuple[str, int]:
    """The way of grouping, and the number of pictures to keep of a group, 1 to 99."""
    group = str(parameters.get("group") or "prompt")
    per_group = whole_number(parameters.get("per", 1), "pictures to keep")
    if group not in UNITS or not 1 <= per_group <= 99:
        raise SoartError("Choose groups by prompt, burst, folder or look-alike, and 1 to 99 pictures to keep of each.")
    return group, per_group


def _images(body: Mapping[str, Any], name: str = "images") -> list[int]:
    """Picture ids of a group."""
    images = body.get(name)
    if not isinstance(images, list):
        raise SoartError("Expected a list of pictures.")
    return [whole_number(image, "a picture") for image in images]


def keepers_page(request: Request) -> Response:
    """The view; an earlier evaluation is read in the background."""
    current = current_collection(request)
    current.evaluation.recall()
    group, per_group = _grouping(request.query_params)
    return page(
        request, "keepers.html", current, view="keepers", judges=ranking_choices(request), ways=list(UNITS), group=group,
        per=per_group, chosen=current.evaluation.settings.by or OVERALL,
    )  # fmt: skip


def groups(request: Request) -> Response:
    """The groups, corrections, and moves that can be undone, as part of a page."""
    current, service = current_collection(request), _service(request)
    group, per_group = _grouping(request.query_params)
    most = max(GROUPS, whole_number(request.query_params.get("groups", GROUPS), "a number of groups"))
    found = service.keepers(group, per_group, rater_of(request))
    corrections = dict(list(service.corrections().items())[:CORRECTIONS])
    hidden = hidden_ids(current.collection)
    listed = [group for group in found.groups if hidden.isdisjoint(group.images)][:most] if found else []
    ids = {image for group in listed for image in group.images[:MEMBERS]}.union(*corrections.values())
    plan = None
    if found and found.others and is_owner(request) and current.evaluation.movable:
        # The files are being scanned anew: the page asks again when that is done.
        with suppress(CollectionError):
            plan = service.plan(found)
    return page(
        request, "keeper_groups.html", current, found=found, listed=listed, members=MEMBERS, step=GROUPS, plan=plan, culled=current.evaluation.culled,
        corrections=corrections, judge=name_of_stored(request, found.judge) if found else "", cell=cells_by_id(current.collection, ids, rater_of(request)),
        kept=set(current.evaluation.settings.keep), undo_files=current.evaluation.undo_files(),
        away=count_collection(current.collection).away,
    )  # fmt: skip


def keep(request: Request, body: dict[str, Any]) -> Response:
    """Choose which pictures of a group to keep, or restore the choice ``before``; answers the one before this."""
    service, members = _service(request), _images(body)
    if "before" in body:
        return JSONResponse({"before": service.evaluation.choose_of(members, _images(body, "before"))})
    image = whole_number(body.get("image"), "a picture")
    return JSONResponse({"before": service.keep(members, image, every=body.get("all") is True)})


def distinct(request: Request, body: dict[str, Any]) -> Response:
    """Remember that pictures are no duplicates, or forget a correction."""
    service = _service(request)
    if "undo" in body:
        service.undo_distinct(str(body["undo"]))
        return JSONResponse({})
    return JSONResponse({"name": service.mark_distinct(_images(body))})


def move(request: Request, body: dict[str, Any]) -> Response:
    """Move the pictures that are no keepers away; answers the name of the undo file."""
    group, per_group = _grouping(body)
    _, name = _service(request).move(group, per_group, str(body.get("plan", "")))
    return JSONResponse({"undo": name})


routes = [
    Route("/keepers", keepers_page),
    Route("/keepers/groups", groups),
    Route("/api/keepers/keep", json_endpoint(keep), methods=["POST"]),
    Route("/api/keepers/distinct", json_endpoint(distinct), methods=["POST"]),
    Route("/api/keepers/move", json_endpoint(move, owner=True), methods=["POST"]),
]
