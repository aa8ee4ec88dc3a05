"""Comparing: choices between two or four pictures, and the order they make."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....metrics.tastes.bradley_terry import MOST_TO_ORDER, standing
from ....pipelines.collection.comparisons import comparisons, store_choice, undo_choice
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.queries import Query, order, rows_of
from ..answers import page, posted, whole, wholes
from ..state import Place, place_of, rater_of
from .gallery import cells, usable
from .rating import same_rater


def compare_page(request: Request) -> Response:
    """The view."""
    place = place_of(request)
    known = count_collection(place.collection).profiles
    profiles = [name for name, scorer in usable(place).items() if scorer.stored_name in known]
    return page(request, "compare.html", place, view="compare", profiles=profiles, most=MOST_TO_ORDER)


def pool(request: Request) -> Response:
    """Pictures to put in order: the best by a profile, the best rated, the newest, or any."""
    place, given = place_of(request), request.query_params
    count = min(MOST_TO_ORDER, max(1, whole(given.get("count", "12"), "a count")))
    source, words = given.get("source", ""), tuple(given.get("words", "").split())
    if source.startswith("by:"):
        profile = place.shelf.scorer(source.removeprefix("by:")).stored_name
        query = Query(profile=profile, sort="score", words=words, sound=True, scored=True)
    elif source == "liked":
        query = Query(sort="rating", rated="liked", words=words, sound=True)
    else:
        query = Query(words=words, sound=True)
    found = order(place.collection, query, rater_of(request))
    if source == "any":
        found = [int(image) for image in np.random.default_rng().permutation(found)]
    return JSONResponse({"ids": found[:count]})


def _state(place: Place, rater: str, ids: list[int], count: int, passed: list[int]) -> dict[str, Any]:
    rows = rows_of(place.collection, ids)
    there = [row.id for row in rows]
    choices = comparisons(place.collection, rater, there)
    now = standing(there, choices)
    shown = {cell["id"]: cell for cell in cells(place, rows, rater)}
    made = len(choices)
    skipped = [frozenset(pair) for pair in zip(passed[::2], passed[1::2], strict=False)]
    rng = np.random.default_rng([made, len(there)])
    return {
        "ask": [shown[image] for image in now.next_to_show(count, rng, skipped)],
        "order": [
            {**shown[there[i]], "strength": float(now.strengths[i]), "deviation": float(now.deviations[i])}
            for i in now.order
        ],
        "clear": now.is_decided,
        "settled": now.decided_share,
        "gone": len(ids) - len(there),
        "made": made,
    }


def state(request: Request) -> Response:
    """The order so far, and what to ask next."""
    given = request.query_params
    ids = wholes(given.get("ids", ""), "a picture's number")
    count = whole(given.get("up", "2"), "a number of pictures")
    passed = wholes(given.get("passed", ""), "a picture's number")
    return JSONResponse(_state(place_of(request), rater_of(request), ids, count, passed))


def prefer(request: Request, body: dict[str, Any]) -> Response:
    """Store a choice."""
    place, rater = place_of(request), same_rater(request, body)
    losers = body.get("losers")
    others = [whole(image, "a picture's number") for image in losers] if isinstance(losers, list) else []
    new = store_choice(
        place.collection, rater, str(body.get("choice", "")), whole(body.get("winner"), "a picture's number"), others
    )
    return JSONResponse({"new": new})


def undo(request: Request, body: dict[str, Any]) -> Response:
    """Take a choice back."""
    place, rater = place_of(request), same_rater(request, body)
    return JSONResponse({"taken": undo_choice(place.collection, rater, str(body.get("choice", "")))})


routes = [
    Route("/compare", compare_page),
    Route("/api/pool", pool),
    Route("/api/compare", state),
    Route("/api/compare", posted(prefer), methods=["POST"]),
    Route("/api/compare/undo", posted(undo), methods=["POST"]),
]
