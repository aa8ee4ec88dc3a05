"""Gallery view: pictures in order, one picture with reasons, and the files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....metrics.damage.names import JUDGE, OVERALL, PERSON, TECHNICAL
from ....metrics.damage.technical import detectors
from ....metrics.damage.titles import JudgeKey, shared_name
from ....metrics.formats.decoders import SUFFIXES
from ....metrics.tastes.bradley_terry import MOST_TO_ORDER
from ....metrics.tastes.overall import stored_name
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.labels import ALBUM, TAG, label_counts
from ....pipelines.collection.makes import count_models, counts_models, place_effects
from ....pipelines.collection.pictures import newest_id
from ....pipelines.collection.queries import DAMAGE, Query, row_of, rows_of
from ....pipelines.collection.thumbnails import LARGE, SIDE, for_browser
from ....pipelines.ingest.roots import known_roots
from ....pipelines.judges.catalogue import Entry, known_judges
from ....pipelines.judges.searching import filters_in, sought
from ....pipelines.keepers.finding import UNITS
from ....pipelines.keepers.stacks import stacked
from ....pipelines.scoring.explaining import heat_picture
from ....pipelines.scoring.similar import by_likeness
from ....pipelines.services.gallery import cells_of, picture_details, start_scoring
from ....pipelines.services.importing import MOST_BYTES
from ....pipelines.services.judge_choices import ordered
from ....pipelines.services.judging import KEY, adherence_among, adherence_of_picture, limits_of_shown, start_judging
from ....pipelines.services.looking import Answer
from ....pipelines.services.start import GOAL
from ....pipelines.support.background import Job
from ....pipelines.support.judge_names import ITEM_SCORES
from ..answers import for_visitor, json_endpoint, page, reading, whole_number, whole_numbers
from ..judges import scored_choices, stored_name_of
from ..state import ForbiddenError, NotFoundError, current_collection, is_owner, rater_of, server_of

#: Longest side of a picture by the size in its address; None for all pixels.
SIZES = {"small": SIDE, "large": LARGE, "full": None}
#: Choices of the number of faces.
FACES = ("0", "1", "2+", "5+")
#: The address of a picture holds the start of its hash, so that its content never changes.
FOREVER = "private, max-age=31536000, immutable"


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise SoartError(f"Expected a day such as 2026-01-31, got {text[:40]!r}.") from None


def _zone(name: str) -> dt.tzinfo | None:
    """The time zone of a browser; None, for that of the server, if it is not known here."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _percentile(parameters: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(parameters.get(name) or default)
    except ValueError:
        raise SoartError(f"Expected a percentile 0–100, got {parameters[name][:40]!r}.") from None


def query_of(parameters: Mapping[str, str], stored: Callable[[str], str]) -> Query:
    """The query of an address; ``stored`` returns the stored name of a judge."""
    name = parameters.get("by", "")
    return Query(
        judge=stored(name) if name else "", sort=parameters.get("sort") or "date",
        ascending=parameters.get("up") == "1", low=_percentile(parameters, "low", 0.0),
        high=_percentile(parameters, "high", 100.0), words=sought(parameters.get("words", "")), names=True,
        damage=parameters.get("damage", ""), rated=parameters.get("rated", ""), tag=parameters.get("tag", ""),
        album=parameters.get("album", ""), favourite=parameters.get("favourite") == "1",
        since=_day(parameters.get("since", "")), until=_day(parameters.get("until", "")),
        zone=_zone(parameters.get("zone", "")),
    )  # fmt: skip


#: Names of the fields of the form, and of the address.
FILTERS = frozenset({
    "words", "faces", "sort", "up", "stacks", "stack", "like", "by", "low", "high", "rated", "favourite", "damage", "shown", "tag", "album",
    "since", "until",
})  # fmt: skip


def parameters_of(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters of an address; filters among its words count as such."""
    words, inside = filters_in(given.get("words", ""))
    return {**given, "words": words, **inside}


def _query(request: Request, parameters: Mapping[str, str]) -> Query:
    """The query of an address in an open collection."""
    current = current_collection(request)
    query = query_of(parameters, lambda name: stored_name_of(request, name))
    shown = parameters.get("shown", "")
    if not shown:
        return query
    judges = count_collection(current.collection).judges
    return replace(query, **limits_of_shown(shown, current.collection, judges))


def _ignored(parameters: Mapping[str, str], judges: Sequence[str], *, examined: bool) -> dict[str, str]:
    """Filters of an address, values by name, that the form cannot hold; it offers damage if ``examined``."""
    choices = {"stacks": [*UNITS], "shown": ["yes", "no"], "by": judges, "faces": FACES} | (
        {} if examined else {"damage": []}
    )
    wrong = [name for name, offered in choices.items() if parameters.get(name, "") not in ("", *offered)]
    for name in ("sort", "rated", "damage", "low", "high", "since", "until"):
        try:
            query_of({name: parameters.get(name, "")}, str)
        except SoartError:
            wrong.append(name)
    # A bookmark may still hold the token of an earlier start; what a link lets look for is no filter.
    wrong += [name for name in parameters if name not in {*FILTERS, "token", "look"}]
    return {name: parameters[name] for name in wrong}


def startable_models(request: Request) -> list[Entry]:
    """The models that the owner may start; the judges of items score all pictures instead."""
    known = {one.name: one for one in known_judges()}
    own = {label: one.entry for label, one in server_of(request).judges.offered.items() if label not in known}
    return [one for one in (known | own).values() if one.name not in ITEM_SCORES]


def gallery(request: Request) -> Response:
    """The view."""
    current = current_collection(request)
    counts = count_collection(current.collection)
    judges = scored_choices(request)
    examined = all(counts.judges.get(detector.stored_name) for detector in detectors())
    ignored = _ignored(request.query_params, [judge.name for judge in judges], examined=examined)
    # The form would send the others again, and a refused one hides all pictures.
    parameters = {name: value for name, value in request.query_params.items() if name not in ignored}
    # A tag that no picture bears any more still filters: the form keeps it.
    labels = {
        kind: {name: 0 for name in [parameters.get(kind)] if name} | label_counts(current.collection, kind)
        for kind in (TAG, ALBUM)
    }
    rater, newest, effect = rater_of(request), newest_id(current.collection), counts_models(current.collection)
    # Whoever opened a folder may not know yet that it can be ranked so.
    offer = (
        counts.pictures >= GOAL
        and counts.raters.get(rater, 0) < GOAL
        and rater not in current.tastes.own.names()
        and bool(known_roots(current.collection))
    )
    return page(
        request, "gallery.html", current, view="gallery", offer=offer, judges=judges, chosen=parameters.get("by") or OVERALL, counts=counts, parameters=parameters, damages=DAMAGE,
        most=MOST_TO_ORDER, suffixes=sorted(SUFFIXES), most_bytes=MOST_BYTES, tags=labels[TAG], albums=labels[ALBUM],
        newest=newest, startable=startable_models(request), adherence=adherence_among(current.collection, counts.judges),
        examined=examined, effect=effect, differ=not effect or len(place_effects(current.collection, stored_name()).ids) > 0,
        ignored=[f"{name[:40]}={value[:40]}" for name, value in ignored.items()],
    )  # fmt: skip


def judges(request: Request) -> Response:
    """The judges to sort by, with the numbers of pictures that each has not scored, as part of a page."""
    return page(request, "judge_options.html", current_collection(request), judges=scored_choices(request))


def ids(request: Request) -> Response:
    """Ids of all pictures of a query, in order; with ``like`` in that of their likeness to a picture.

    With ``stacks`` each stack is one picture, and the answer names the others; ``stack`` names a picture whose stack alone
    is shown, spread out.
    """
    current, parameters = current_collection(request), parameters_of(request.query_params)
    query = _query(request, parameters)
    answer = _searched(request, query, parameters)
    found = answer.ids
    told: dict[str, Any] = {"evidence": answer.evidence, "note": answer.note, "unseen": answer.unseen}
    told = {name: value for name, value in told.items() if value}
    if like := parameters.get("like"):
        example = row_of(current.collection, whole_number(like, "the picture's number"))
        found = by_likeness(current.collection, found, example.id)
    way, opened = parameters.get("stacks"), parameters.get("stack")
    if not way:
        return JSONResponse({"ids": found, **told})
    number = whole_number(opened, "the picture's number") if opened else None
    found, by_top = stacked(found, current.stacks.stacks(way, query.judge), number)
    return JSONResponse({"ids": found, "stacks": list(by_top.values()), **told})


def _searched(request: Request, query: Query, parameters: Mapping[str, str]) -> Answer:
    """The pictures of a query that fit the words and the number of faces of an address."""
    collection, rater = current_collection(request).collection, rater_of(request)
    find = partial(ordered, collection, rater=rater)
    return current_collection(request).search.answer(
        query, parameters.get("words", ""), parameters.get("faces", ""), find
    )


def look(request: Request, body: dict[str, Any]) -> Response:
    """Look for words and faces in all pictures, in the background."""
    asked = parameters_of({"words": str(body.get("words", "")), "faces": str(body.get("faces", ""))})
    job = current_collection(request).search.look(asked["words"], asked["faces"])
    return JSONResponse({"job": job.number})


def cells(request: Request) -> Response:
    """Cells of pictures."""
    current = current_collection(request)
    name = request.query_params.get("by", "")
    rows = rows_of(current.collection, whole_numbers(request.query_params.get("ids", ""), "a picture's number"))
    stored = stored_name_of(request, name) if name else ""
    return JSONResponse(
        {"cells": cells_of(current.collection, rows, rater_of(request), stored), "points": JudgeKey.of(stored).points}
    )


def picture(request: Request) -> Response:
    """A picture: small, large, or with all its pixels."""
    current = current_collection(request)
    row = row_of(current.collection, request.path_params["image"])
    size = request.path_params["size"]
    if size not in SIZES:
        raise NotFoundError("Pictures are served small, large and full.")
    content, kind = for_browser(current.collection, row, SIZES[size])
    lasting = request.query_params.get("v") == row.sha256[:10]
    return Response(content, media_type=kind, headers={"cache-control": FOREVER if lasting else "private, no-cache"})


def heat(request: Request) -> Response:
    """A picture under its heat map."""
    current = current_collection(request)
    row = row_of(current.collection, request.path_params["image"])
    name = request.query_params.get("by") or OVERALL
    # Models and people have no heat map.
    judge = current.tastes.judge(TECHNICAL if name.startswith((JUDGE, PERSON)) else name)
    return Response(
        heat_picture(current.collection, row, judge),
        media_type="image/jpeg",
        headers={"cache-control": "private, max-age=60"},
    )


def detail(request: Request) -> Response:
    """Everything known about a picture, as part of a page."""
    current = current_collection(request)
    name = request.query_params.get("by") or OVERALL
    judge = stored_name_of(request, name) if name.startswith(JUDGE) else name
    details = picture_details(current.collection, current.tastes, request.path_params["image"], judge)
    return page(request, "detail.html", current, details=details)


def phrases(request: Request) -> Response:
    """The phrases of a picture's prompt that it shows and does not show, as part of a page; empty if it is not judged."""
    current = current_collection(request)
    adherence = adherence_of_picture(current.collection, request.path_params["image"])
    return page(request, "phrases.html", current, adherence=adherence)


def score(request: Request, body: dict[str, Any]) -> Response:
    """Score the whole collection by a judge, in the background."""
    current = current_collection(request)
    job = start_scoring(current.jobs, current.collection, current.tastes, str(body.get("by", "")))
    return JSONResponse({"job": job.number})


def judge(request: Request, body: dict[str, Any]) -> Response:
    """Judge all pictures of a query, in the background."""
    current = current_collection(request)
    filters = body.get("filters", {})
    if not isinstance(filters, dict):
        raise SoartError("Expected filters by name.")
    parameters = parameters_of({str(name): str(value) for name, value in filters.items()})
    found = _searched(request, _query(request, parameters), parameters).ids
    job = start_judging(
        current.jobs, current.collection, current.tastes, str(body.get("judge", "")), found, server_of(request).judges
    )
    return JSONResponse({"job": job.number})


def model_effect(request: Request, body: dict[str, Any]) -> Response:
    """Let models have an effect on places in this collection, or none."""
    count_models(current_collection(request).collection, body.get("on") is True)
    return JSONResponse({})


def jobs(request: Request) -> Response:
    """Background jobs, and the newest picture; guests do not see which argument a judge has, because it may be a path."""
    owner, current = is_owner(request), current_collection(request)
    return JSONResponse({
        "newest": newest_id(current.collection),
        "jobs": [
            {
                "number": job.number, "key": job.key if owner or not job.key.startswith(KEY) else KEY, "title": for_visitor(request, job.title), "state": job.state, "done": job.done,
                "total": job.total, "message": for_visitor(request, job.message), "live": job.live, "left": job.seconds_left,
                "judged": _judged(job.result, owner) if job.key.startswith(KEY) else None,
                "cancellable": _may_cancel(request, job),
            }
            for job in current.jobs.list()
        ],
    })  # fmt: skip


def _judged(result: object, owner: bool) -> object:
    """The stored name of a judge that is done, for guests without the folder of its model."""
    return shared_name(result) if isinstance(result, str) and not owner else result


def _may_cancel(request: Request, job: Job) -> bool:
    """True if a visitor may cancel a job: the owner, and the guest who started it."""
    return is_owner(request) or job.starter == rater_of(request)


def cancel(request: Request, body: dict[str, Any]) -> Response:
    """Cancel a background job; guests only their own ones."""
    job = current_collection(request).jobs.get(whole_number(body.get("job"), "a job's number"))
    if job is None:
        raise SoartError("This job has already ended.")
    if not _may_cancel(request, job):
        raise ForbiddenError(
            "Only the owner of this server and whoever started this job may cancel it: wait until it ends."
        )
    job.cancel()
    return JSONResponse({})


routes = [
    Route("/gallery", gallery),
    Route("/judges", judges),
    Route("/api/ids", ids),
    Route("/api/cells", cells),
    Route("/pictures/{image:number}/{size}", reading(picture)),
    Route("/heat/{image:number}", reading(heat)),
    Route("/detail/{image:number}", reading(detail)),
    Route("/phrases/{image:number}", reading(phrases)),
    Route("/api/look", json_endpoint(look), methods=["POST"]),
    Route("/api/score", json_endpoint(score), methods=["POST"]),
    Route("/api/judge", json_endpoint(judge, owner=True), methods=["POST"]),
    Route("/api/model-effect", json_endpoint(model_effect, owner=True), methods=["POST"]),
    Route("/api/jobs", jobs),
    Route("/api/jobs/cancel", json_endpoint(cancel), methods=["POST"]),
]
