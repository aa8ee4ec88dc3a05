"""Rating: the next pictures, what is said of them, and learning behind it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ..answers import page, posted, whole, wholes
from ..state import Place, place_of, rater_of
from .gallery import cells

#: Pictures sent ahead at once, at most.
AHEAD = 30


def progress_of(place: Place, rater: str) -> dict[str, Any]:
    """How far a rater is, and whether learning goes on."""
    desk = place.desk(rater)
    job = place.jobs.find(desk.key)
    learning = job is not None and job.live
    failed = job.message if job is not None and job.state == "failed" else ""
    return {**asdict(desk.progress()), "learning": learning, "failed": failed}


def same_rater(request: Request, body: dict[str, Any]) -> str:
    """Who is asking; a page that was opened under another name must not speak for this one."""
    rater = rater_of(request)
    if body.get("rater") != rater:
        raise SoartError(
            f"This page was opened by {str(body.get('rater'))[:64]!r}, and now {rater!r} is here: reload it."
        )
    return rater


def rate_page(request: Request) -> Response:
    """The view."""
    return page(request, "rate.html", place_of(request), view="rate")


def queue(request: Request) -> Response:
    """The next pictures."""
    place, rater = place_of(request), rater_of(request)
    count = min(AHEAD, max(1, whole(request.query_params.get("count", "8"), "a count")))
    rows = place.desk(rater).queue(count, wholes(request.query_params.get("skip", ""), "a picture's number"))
    return JSONResponse({"cells": cells(place, rows, rater), "progress": progress_of(place, rater)})


def rate(request: Request, body: dict[str, Any]) -> Response:
    """Store a rating, a rejection, or take either back."""
    place, rater = place_of(request), same_rater(request, body)
    given = body.get("stars")
    stars = None if given is None else whole(given, "a rating")
    before = place.desk(rater).say(whole(body.get("image"), "a picture's number"), stars)
    return JSONResponse({"before": before, "stars": stars})


def progress(request: Request) -> Response:
    """How far the rater is."""
    return JSONResponse(progress_of(place_of(request), rater_of(request)))


def learn(request: Request, body: dict[str, Any]) -> Response:
    """Learn the rater's taste now."""
    return JSONResponse({"job": place_of(request).desk(rater_of(request)).learn_now().number})


routes = [
    Route("/rate", rate_page),
    Route("/api/queue", queue),
    Route("/api/rate", posted(rate), methods=["POST"]),
    Route("/api/progress", progress),
    Route("/api/learn", posted(learn), methods=["POST"]),
]
