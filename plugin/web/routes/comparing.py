"""Compare view: choices among two to four pictures, and the order they make."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....metrics.damage.names import OVERALL
from ....metrics.tastes.bradley_terry import FEWEST_TO_ORDER, MOST_TO_ORDER
from ....pipelines.services.comparing import BEST, comparison_round, differences_between, pictures_to_compare
from ....pipelines.services.gallery import cells_of
from ..answers import json_endpoint, page, whole_number, whole_numbers
from ..judges import scored_choices, stored_name_of
from ..state import current_collection, rater_of
from .rating import check_rater

#: Name of picture ids in messages.
_PICTURE = "a picture's number"


def compare_page(request: Request) -> Response:
    """The view."""
    current = current_collection(request)
    judges = scored_choices(request)
    return page(
        request,
        "compare.html",
        current,
        view="compare",
        judges=judges,
        chosen=OVERALL,
        source=BEST if any(judge.known for judge in judges if judge.name == OVERALL) else "newest",
        most=MOST_TO_ORDER,
        fewest=FEWEST_TO_ORDER,
    )


def pool(request: Request) -> Response:
    """Ids of pictures to put in order."""
    current, parameters = current_collection(request), request.query_params
    source = parameters.get("source", "")
    ids = pictures_to_compare(
        current.collection,
        rater_of(request),
        source,
        stored_name_of(request, parameters.get("by") or OVERALL) if source == BEST else "",
        parameters.get("words", "").split(),
        whole_number(parameters.get("count", "12"), "a count"),
        np.random.default_rng(),
    )
    return JSONResponse({"ids": ids})


def state(request: Request) -> Response:
    """The order so far, and the next choice."""
    current, rater, parameters = current_collection(request), rater_of(request), request.query_params
    ids = whole_numbers(parameters.get("ids", ""), _PICTURE)
    count = whole_number(parameters.get("up", "2"), "a number of pictures")
    skipped = whole_numbers(parameters.get("passed", ""), _PICTURE)
    now = comparison_round(current.collection, rater, ids, count, skipped)
    cells = cells_of(current.collection, now.rows, rater)
    by_id = {cell["id"]: cell for cell in cells}
    standing = now.standing
    return JSONResponse({
        "ask": [by_id[image] for image in now.choice],
        "order": [
            {**cells[i], "strength": float(standing.strengths[i]), "deviation": float(standing.deviations[i])}
            for i in standing.order
        ],
        "clear": standing.is_decided,
        "settled": standing.decided_share,
        "gone": len(ids) - len(now.rows),
        "made": now.choices,
    })  # fmt: skip


def differences(request: Request) -> Response:
    """The differences between prompts and settings of pictures, as part of a page."""
    current = current_collection(request)
    ids = whole_numbers(request.query_params.get("ids", ""), _PICTURE)
    return page(request, "differences.html", current, differences=differences_between(current.collection, ids))


def prefer(request: Request, body: dict[str, Any]) -> Response:
    """Store a choice; without a winner all pictures are equal."""
    current, rater = current_collection(request), check_rater(request, body)
    losers = body.get("losers")
    others = [whole_number(image, _PICTURE) for image in losers] if isinstance(losers, list) else []
    winner = None if body.get("winner") is None else whole_number(body["winner"], _PICTURE)
    return JSONResponse({"new": current.rating(rater).choose(str(body.get("choice", "")), winner, others)})


def undo(request: Request, body: dict[str, Any]) -> Response:
    """Undo a choice."""
    current, rater = current_collection(request), check_rater(request, body)
    return JSONResponse({"taken": current.rating(rater).undo_choice(str(body.get("choice", "")))})


routes = [
    Route("/compare", compare_page),
    Route("/compare/differences", differences),
    Route("/api/pool", pool),
    Route("/api/compare", state),
    Route("/api/compare", json_endpoint(prefer), methods=["POST"]),
    Route("/api/compare/undo", json_endpoint(undo), methods=["POST"]),
]
