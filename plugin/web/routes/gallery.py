"""The gallery: pictures in order, one picture with its reasons, and the picture files themselves."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import ProfileError, SoartError
from ....metrics.damage.scorer import TechnicalScorer
from ....metrics.damage.suspicion import detectors
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.damage import suspected
from ....pipelines.collection.queries import (  # fmt: skip
    DAMAGE,
    Query,
    Scale,
    metadata_of,
    order,
    row_of,
    rows_of,
    scores_of,
    stars_of,
    title_of,
)
from ....pipelines.collection.ratings import ratings_of_picture
from ....pipelines.collection.tables import ImageRow
from ....pipelines.collection.thumbnails import LARGE, SIDE, for_browser
from ....pipelines.scoring.explaining import explain_score, heat_picture
from ....pipelines.scoring.rescoring import score_all
from ....pipelines.scoring.taste_scorer import TasteScorer
from ....pipelines.support.background import Job
from ..answers import page, posted, whole, wholes
from ..state import Place, place_of, rater_of

#: A picture's address holds part of its content's hash: what lies there never changes.
FOREVER = "private, max-age=31536000, immutable"


def cells(place: Place, rows: Sequence[ImageRow], rater: str, profile: str = "") -> list[dict[str, Any]]:
    """What scripts need to show pictures: size, words, rating, score and percentile."""
    ids = [row.id for row in rows]
    stars = stars_of(place.collection, rater, ids)
    scores = scores_of(place.collection, profile, ids) if profile else {}
    scale = Scale.of(place.collection, profile) if scores else None
    told = metadata_of(place.collection, [row.id for row in rows if not row.generation])
    return [
        {
            "id": row.id, "v": row.sha256[:10], "w": row.width, "h": row.height, "title": title_of(row, told.get(row.id)),
            "problem": row.problem, "stars": stars.get(row.id), "score": scores.get(row.id),
            "percentile": scale.percentile(scores[row.id]) if scale and row.id in scores else None,
        }
        for row in rows
    ]  # fmt: skip


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise SoartError(f"Expected a day such as 2026-01-31, got {text[:40]!r}.") from None


def _percentile(given: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(given.get(name) or default)
    except ValueError:
        raise SoartError(f"Expected a percentile 0–100, got {given[name][:40]!r}.") from None


def query_of(given: Mapping[str, str], stored: Callable[[str], str]) -> Query:
    """The query that an address asks."""
    name = given.get("profile", "")
    return Query(
        profile=stored(name) if name else "",
        sort=given.get("sort") or "date",
        ascending=given.get("up") == "1",
        low=_percentile(given, "low", 0.0),
        high=_percentile(given, "high", 100.0),
        words=tuple(given.get("words", "").split()),
        damage=given.get("damage", ""),
        rated=given.get("rated", ""),
        since=_day(given.get("since", "")),
        until=_day(given.get("until", "")),
    )


def usable(place: Place) -> dict[str, TasteScorer | TechnicalScorer]:
    """Profiles by name; a taste that cannot be used here is left out, for its own view says why."""
    found = {}
    for name in place.shelf.names():
        with contextlib.suppress(SoartError):
            found[name] = place.shelf.scorer(name)
    return found


def gallery(request: Request) -> Response:
    """The view."""
    place = place_of(request)
    counts = count_collection(place.collection)
    profiles = [(name, counts.profiles.get(scorer.stored_name, 0)) for name, scorer in usable(place).items()]
    sound = counts.pictures - counts.problems
    chosen = request.query_params.get("profile") or next((name for name, scored in profiles if scored), "technical")
    return page(
        request, "gallery.html", place, view="gallery", profiles=profiles, sound=sound, counts=counts,
        chosen=chosen, asked=request.query_params, damages=DAMAGE, examined=all(counts.profiles.get(d.stored_name) for d in detectors()),
    )  # fmt: skip


def ids(request: Request) -> Response:
    """Ids of all pictures that are asked for, in order."""
    place = place_of(request)
    query = query_of(request.query_params, lambda name: place.shelf.scorer(name).stored_name)
    return JSONResponse({"ids": order(place.collection, query, rater_of(request))})


def some(request: Request) -> Response:
    """Cells of pictures."""
    place = place_of(request)
    name = request.query_params.get("profile", "")
    rows = rows_of(place.collection, wholes(request.query_params.get("ids", ""), "a picture's number"))
    return JSONResponse(
        {"cells": cells(place, rows, rater_of(request), place.shelf.scorer(name).stored_name if name else "")}
    )


def picture(request: Request) -> Response:
    """A picture's file, small or large."""
    place = place_of(request)
    row = row_of(place.collection, request.path_params["image"])
    content, kind = for_browser(place.collection, row, SIDE if request.path_params["size"] == "small" else LARGE)
    lasting = request.query_params.get("v") == row.sha256[:10]
    return Response(content, media_type=kind, headers={"cache-control": FOREVER if lasting else "private, no-cache"})


def heat(request: Request) -> Response:
    """A picture under its heat map."""
    place = place_of(request)
    row = row_of(place.collection, request.path_params["image"])
    scorer = place.shelf.scorer(request.query_params.get("profile") or "technical")
    return Response(
        heat_picture(place.collection, row, scorer),
        media_type="image/jpeg",
        headers={"cache-control": "private, max-age=60"},
    )


def detail(request: Request) -> Response:
    """All that is known of a picture, as part of a page."""
    place = place_of(request)
    row = row_of(place.collection, request.path_params["image"])
    name = request.query_params.get("profile") or "technical"
    try:
        scorer = place.shelf.scorer(name)
    except ProfileError:
        name, scorer = "technical", place.shelf.scorer("technical")
    found = explain_score(place.collection, row, scorer)
    told = None if row.generation else metadata_of(place.collection, [row.id]).get(row.id)
    percentile = None
    if found.score is not None:
        scale = Scale.of(place.collection, scorer.stored_name)
        percentile = scale.percentile(found.score) if len(scale.values) > 1 else None
    return page(
        request, "detail.html", place, row=row, name=name, why=found, percentile=percentile,
        warning=getattr(scorer, "warning", None), said=ratings_of_picture(place.collection, row.id), file=str(place.collection.locate(row)),
        title=title_of(row, told), told=told, settings=json.loads(told.settings) if told else {},
        damage=suspected(place.collection, [row.id]).get(row.id),
    )  # fmt: skip


def score(request: Request, body: dict[str, Any]) -> Response:
    """Score the whole collection by a profile, in the background."""
    place = place_of(request)
    name = str(body.get("profile", ""))
    scorer = place.shelf.scorer(name)

    def work(job: Job) -> None:
        done, problems = score_all(place.collection, scorer, job)
        job.message = " ".join([f"{done} pictures scored.", *problems[:3]])

    job = place.jobs.start(f"score:{name}", f"Scoring by {name}", work)
    return JSONResponse({"job": job.number})


def jobs(request: Request) -> Response:
    """Background work."""
    found = [
        {
            "number": job.number, "key": job.key, "title": job.title, "state": job.state, "done": job.done,
            "total": job.total, "message": job.message, "live": job.live, "left": job.seconds_left,
        }
        for job in place_of(request).jobs.list()
    ]  # fmt: skip
    return JSONResponse({"jobs": found})


def cancel(request: Request, body: dict[str, Any]) -> Response:
    """Cancel background work."""
    job = place_of(request).jobs.get(whole(body.get("job"), "a job's number"))
    if job is None:
        raise SoartError("This work is over already.")
    job.cancel()
    return JSONResponse({})


routes = [
    Route("/gallery", gallery),
    Route("/api/ids", ids),
    Route("/api/cells", some),
    Route("/pictures/{image:int}/{size}", picture),
    Route("/heat/{image:int}", heat),
    Route("/detail/{image:int}", detail),
    Route("/api/score", posted(score), methods=["POST"]),
    Route("/api/jobs", jobs),
    Route("/api/jobs/cancel", posted(cancel), methods=["POST"]),
]
