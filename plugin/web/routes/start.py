"""Quick start view: sixteen pictures to rate while the others are read, then the best by this taste."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.queries import rows_of
from ....pipelines.collection.ratings import liked_and_disliked, ratings
from ....pipelines.scoring.taste_judge import TasteJudge
from ....pipelines.services.gallery import cells_by_id, cells_of, usable_judges
from ....pipelines.services.start import BEST, GOAL
from ....pipelines.tastes.agreement import best_and_worst
from ..answers import for_visitor, json_endpoint, page
from ..state import OpenCollection, current_collection, is_owner, rater_of
from .rating import progress_of

#: Pictures shown of the worst, and of those that the taste was learnt from.
WORST, EXAMPLES = 6, 8


def start_page(request: Request) -> Response:
    """The view."""
    return page(request, "start.html", current_collection(request), view="start", goal=GOAL)


def state(request: Request) -> Response:
    """The progress of the ratings, the reading and the taste."""
    current, rater = current_collection(request), rater_of(request)
    reading = asdict(current.start.state())
    reading["failed"] = for_visitor(request, reading["failed"])
    lacking, ranks = current.start.lacking(rater)
    return JSONResponse({
        "reading": reading, "progress": progress_of(request, current.rating(rater)), "lacking": lacking, "ranks": ranks,
    })  # fmt: skip


def _best(
    current: OpenCollection, rater: str, *, alike: bool
) -> tuple[TasteJudge | None, dict[int, list[int]], list[int]]:
    """The judge of a rater's taste, and the best and worst pictures by it, see ``best_and_worst``; no judge without a taste."""
    usable, _ = usable_judges(current.tastes, {rater} & {*current.tastes.own.names()})
    judge = usable.get(rater)
    if not isinstance(judge, TasteJudge):
        return None, {}, []
    return judge, *best_and_worst(current.collection, judge.stored_name, BEST, alike=alike)


def best(request: Request) -> Response:
    """The best pictures by the taste of the rater, and what it was learnt from, as part of a page."""
    current, rater = current_collection(request), rater_of(request)
    collection, alike = current.collection, request.query_params.get("alike") == "1"
    judge, behind, worst = _best(current, rater, alike=alike)
    liked, disliked = liked_and_disliked(ratings(collection, rater))
    cells = cells_by_id(collection, [*liked[:EXAMPLES], *disliked[:EXAMPLES]], rater)
    stored = judge.stored_name if judge else ""
    first, last = (
        cells_of(collection, rows_of(collection, some), rater, stored) for some in ([*behind], worst[:WORST])
    )
    return page(
        request, "start_best.html", current, taste=judge and judge.taste, name=rater, reading=current.start.state(),
        ranked=len(collection.scores(stored)) if judge else 0, target=str(current.start.target) if is_owner(request) else "",
        liked=(len(liked), [cells[image] for image in liked[:EXAMPLES] if image in cells]),
        disliked=(len(disliked), [cells[image] for image in disliked[:EXAMPLES] if image in cells]),
        best=first, behind={image: len(others) for image, others in behind.items()}, alike=alike, worst=last,
    )  # fmt: skip


def read(request: Request, body: dict[str, Any]) -> Response:
    """Read the pictures in the background, or go on with it."""
    return JSONResponse({"job": current_collection(request).start.read().number})


def copy(request: Request, body: dict[str, Any]) -> Response:
    """Copy the best pictures by the taste of the rater; answers their number and what undoes it."""
    current = current_collection(request)
    _, ids, _ = _best(current, rater_of(request), alike=body.get("alike") is True)
    if not ids:
        raise SoartError("There is no ranking by your taste yet: rate some pictures first.")
    copies, name = current.start.copy([*ids])
    problems = [for_visitor(request, text) for text in copies.problems]
    return JSONResponse({"count": copies.count, "folder": str(copies.folder), "undo": name, "problems": problems})


def undo_copy(request: Request, body: dict[str, Any]) -> Response:
    """Delete the copies that one copying made."""
    done, problems = current_collection(request).start.undo_copy(str(body.get("name", "")))
    return JSONResponse({"taken": done > 0, "problems": [for_visitor(request, text) for text in problems]})


routes = [
    Route("/start", start_page),
    Route("/start/best", best),
    Route("/api/start", state),
    Route("/api/start/read", json_endpoint(read), methods=["POST"]),
    Route("/api/start/copy", json_endpoint(copy, owner=True), methods=["POST"]),
    Route("/api/start/undo", json_endpoint(undo_copy, owner=True), methods=["POST"]),
]
