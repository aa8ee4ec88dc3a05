"""Rate view: the next pictures, ratings, and learning in the background."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.ratings import HALF_STAR, as_stars
from ....pipelines.services.gallery import cells_of
from ....pipelines.services.rating import RatingService
from ..answers import for_visitor, json_endpoint, page, whole_number, whole_numbers
from ..state import current_collection, rater_of

#: Most pictures that are sent ahead at once.
MOST_AHEAD = 30


def check_rater(request: Request, body: dict[str, Any]) -> str:
    """The rater of a request; refuse a page opened under another name, whose ratings must not go under this one."""
    rater = rater_of(request)
    if body.get("rater") != rater:
        opened_by = str(body.get("rater"))[:64]
        raise SoartError(f"This page was opened by {opened_by!r}, but the rater is now {rater!r}: reload it.")
    return rater


def rate_page(request: Request) -> Response:
    """The view."""
    return page(request, "rate.html", current_collection(request), view="rate")


def queue(request: Request) -> Response:
    """The next pictures."""
    current, rater = current_collection(request), rater_of(request)
    service = current.rating(rater)
    count = min(MOST_AHEAD, max(1, whole_number(request.query_params.get("count", "8"), "a count")))
    rows = service.queue(count, whole_numbers(request.query_params.get("shown", ""), "a picture's number"))
    return JSONResponse({
        "cells": cells_of(current.collection, rows, rater), "progress": progress_of(request, service),
    })  # fmt: skip


def progress_of(request: Request, service: RatingService) -> dict[str, Any]:
    """The progress of a rater."""
    progress = asdict(service.progress())
    return progress | {name: for_visitor(request, progress[name]) for name in ("sentence", "advice", "failed")}


def rate(request: Request, body: dict[str, Any]) -> Response:
    """Store a rating or a skip, or undo either; an undo names the rating that it takes back."""
    service = current_collection(request).rating(check_rater(request, body))
    image, stars = whole_number(body.get("image"), "a picture's number"), stars_in(body.get("stars"))
    if "instead_of" in body:
        return JSONResponse({"stars": service.undo(image, stars_in(body["instead_of"]), stars)})
    return JSONResponse({"before": service.rate(image, stars), "stars": stars})


def stars_in(value: object) -> float | None:
    """A rating in a request: in half stars, 0 for a skip, None for none; others are refused when it is stored."""
    if isinstance(value, float) and (value / HALF_STAR).is_integer():
        return as_stars(value)
    return None if value is None else whole_number(value, "a rating")


def progress(request: Request) -> Response:
    """The progress of the rater."""
    return JSONResponse(progress_of(request, current_collection(request).rating(rater_of(request))))


def learn(request: Request, body: dict[str, Any]) -> Response:
    """Learn the rater's taste now."""
    return JSONResponse({"job": current_collection(request).rating(rater_of(request)).learn_now().number})


routes = [
    Route("/rate", rate_page),
    Route("/api/queue", queue),
    Route("/api/rate", json_endpoint(rate), methods=["POST"]),
    Route("/api/progress", progress),
    Route("/api/learn", json_endpoint(learn), methods=["POST"]),
]
