"""Tuning: start, pause and resume; what arrives, what is found, and bans and pins."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.queries import title_of
from ....pipelines.collection.ratings import raters
from ....pipelines.reports.tuning import draw_course, draw_effects, draw_front, words_of
from ....pipelines.services.tuning import READ
from ....pipelines.tuning.settings import TuneSettings
from ..answers import finite, page, posted, whole
from ..state import place_of, rater_of, site_of

#: Budgets that may be asked for.
LEAST, LARGEST = 2, 5000
#: Pictures shown as they arrive, the newest.
SHOWN = 240


def tune_page(request: Request) -> Response:
    """The view."""
    place = place_of(request)
    people = sorted({*raters(place.collection), rater_of(request)})
    return page(request, "tune.html", place, view="tune", profiles=place.shelf.names(), people=people)


def _weights(given: object) -> dict[str, float]:
    if not isinstance(given, dict):
        return {}
    try:
        return {str(name): float(weight) for name, weight in given.items()}
    except (TypeError, ValueError):
        raise SoartError("Expected a number as every judge's weight.") from None


def budget_of(given: object) -> int:
    """A number of pictures.

    Raises:
        SoartError: out of range.
    """
    budget = whole(given, "a number of pictures")
    if not LEAST <= budget <= LARGEST:
        raise SoartError(f"Expected {LEAST} to {LARGEST} pictures, got {budget}.")
    return budget


def start(request: Request, body: dict[str, Any]) -> Response:
    """Begin a tune."""
    place = place_of(request)
    text = str(body.get("text", "")).strip()
    if not text:
        raise SoartError("Name a prompt to tune, such as: a boat.")
    profiles, people = _weights(body.get("profiles")), _weights(body.get("raters"))
    settings = TuneSettings.of_text(
        text,
        site_of(request).settings.vocabulary,
        budget=budget_of(body.get("budget", 60)),
        profiles=profiles or ({} if people else {"technical": 1.0}),
        raters=people,
        pareto=bool(body.get("pareto")),
        prune=bool(body.get("prune", True)),
        seed=whole(body.get("seed", 0), "a seed"),
    )
    place.tune.start(settings)
    return state(request)


def pause(request: Request, body: dict[str, Any]) -> Response:
    """Pause after the batch that is being drawn."""
    place_of(request).tune.pause()
    return state(request)


def resume(request: Request, body: dict[str, Any]) -> Response:
    """Go on."""
    more = body.get("budget")
    place_of(request).tune.resume(None if more is None else budget_of(more))
    return state(request)


def narrow(request: Request, body: dict[str, Any]) -> Response:
    """Change bans and pins."""
    kinds = [body.get(kind) for kind in ("bans", "pins")]
    if not all(isinstance(kind, list) and all(isinstance(text, str) for text in kind) for kind in kinds):
        raise SoartError("Expected lists of SLOT=OPTION as bans and pins.")
    bans, pins = (tuple(dict.fromkeys(kind or ())) for kind in kinds)
    place_of(request).tune.narrow(bans, pins)
    return state(request)


def state(request: Request) -> Response:
    """Where the tune stands; findings of one that was left are read in the background."""
    place = place_of(request)
    desk = place.tune
    settings, seen, drawn = desk.settings, desk.seen, desk.pictures()
    job = place.jobs.find(READ)
    # What failed once is not tried with every question again; resuming says what is wrong.
    if drawn and seen is None and not desk.live and (job is None or job.state != "failed"):
        job = desk.look()
    goal = seen.goal if seen else {}
    return JSONResponse({
        "state": desk.state,
        "version": desk.version,
        "found": seen is not None,
        "reading": job is not None and job.live,
        "done": len(drawn),
        "budget": settings.budget if settings else 0,
        "left": finite(desk.seconds_left(len(drawn))),
        "why": (settings.why if settings else "") or (job.message if job and job.state == "failed" else ""),
        "bans": settings.bans if settings else [],
        "pins": settings.pins if settings else [],
        "pictures": [
            {"id": image, "batch": batch, "goal": finite(goal.get(image))} for image, batch in drawn[: -SHOWN - 1 : -1]
        ],
    })  # fmt: skip


def findings(request: Request) -> Response:
    """What was found, as part of a page."""
    place = place_of(request)
    seen, settings = place.tune.seen, place.tune.settings
    if seen is None or settings is None:
        return page(request, "findings.html", place, tuned=None)
    tuned = seen.tuned
    return page(
        request, "findings.html", place, tuned=tuned, settings=settings, effects=draw_effects(tuned.effects),
        course=draw_course(tuned), words=words_of, title=title_of,
        front=draw_front(tuned.front),
        judges={name: draw_effects(effects) for name, effects in tuned.judges.items()},
    )  # fmt: skip


routes = [
    Route("/tune", tune_page),
    Route("/api/tune", state),
    Route("/tune/findings", findings),
    Route("/api/tune/start", posted(start), methods=["POST"]),
    Route("/api/tune/pause", posted(pause), methods=["POST"]),
    Route("/api/tune/resume", posted(resume), methods=["POST"]),
    Route("/api/tune/narrow", posted(narrow), methods=["POST"]),
]
