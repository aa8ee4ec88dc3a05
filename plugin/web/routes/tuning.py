"""Tune view: start, pause and resume; pictures, findings, bans and pins."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....metrics.damage.names import OVERALL
from ....pipelines.collection.queries import title_of
from ....pipelines.reports.study_charts import draw_course, draw_effects, draw_front, draw_judges
from ....pipelines.reports.tuning import words_of
from ....pipelines.scoring.opinions import who_judged
from ....pipelines.tuning.findings import MOST_LIKED
from ....pipelines.tuning.settings import TuneSettings
from ..answers import finite, for_visitor, json_endpoint, judge_title, number, page, weights_of, whole_number
from ..judges import offered_choices, usual_choice
from ..state import current_collection, rater_of, server_of
from .generating import example_of

#: Smallest and largest budget.
LEAST, LARGEST = 2, 5000
#: Pictures shown as they arrive, the newest.
NEWEST = 240


def tune_page(request: Request) -> Response:
    """The view."""
    current = current_collection(request)
    people = sorted({*who_judged(current.collection), rater_of(request)})
    example, judges = example_of(request), offered_choices(request, people)
    return page(
        request, "tune.html", current, view="tune", judges=judges, chosen=usual_choice(request, judges),
        text=(example and example.prompt) or "", negative=(example and example.negative) or "",
    )  # fmt: skip


def budget_of(value: object) -> int:
    """The number of pictures in a request."""
    budget = whole_number(value, "a number of pictures")
    if not LEAST <= budget <= LARGEST:
        raise SoartError(f"Expected {LEAST} to {LARGEST} pictures, got {budget}.")
    return budget


def start(request: Request, body: dict[str, Any]) -> Response:
    """Start a tune."""
    text = str(body.get("text", "")).strip()
    if not text:
        raise SoartError("Name a prompt to tune, such as: a boat.")
    least = body.get("adherence")
    settings = TuneSettings.of_text(
        text, server_of(request).settings.vocabulary, str(body.get("negative") or ""),
        budget=budget_of(body.get("budget", 60)), by=weights_of(body.get("by")) or {OVERALL: 1.0},
        adherence=None if least in (None, "") else number(least, "a least adherence"),
        pareto=bool(body.get("pareto")), prune=bool(body.get("prune", True)), propose=bool(body.get("propose")),
        seed=whole_number(body.get("seed", 0), "a seed"),
    )  # fmt: skip
    current_collection(request).tuning.start(settings)
    return state(request)


def earlier(request: Request) -> Response:
    """The earlier tunes, and the present ones of other collections, as part of a page."""
    current = current_collection(request)
    tunes = [(tune, _judges(request, tune.settings)) for tune in current.tuning.earlier()]
    others = [(one, one.tuning.present()) for one in server_of(request).collections if one is not current]
    return page(request, "earlier_tunes.html", current, tunes=tunes, others=[each for each in others if each[1]])


def reopen(request: Request, body: dict[str, Any]) -> Response:
    """Put an earlier tune in the place of the present one."""
    current_collection(request).tuning.reopen(str(body.get("key", "")))
    return state(request)


def pause(request: Request, body: dict[str, Any]) -> Response:
    """Pause after the batch that is being drawn, or at once if the request says so."""
    current_collection(request).tuning.pause(at_once=body.get("now") is True)
    return state(request)


def resume(request: Request, body: dict[str, Any]) -> Response:
    """Resume, with a larger budget if the request names one."""
    budget = body.get("budget")
    current_collection(request).tuning.resume(None if budget is None else budget_of(budget))
    return state(request)


def narrow(request: Request, body: dict[str, Any]) -> Response:
    """Add an option to the bans or to the pins, or remove it from there."""
    kind, option, on = (body.get(name) for name in ("kind", "option", "on"))
    if kind not in ("bans", "pins") or not isinstance(option, str) or not isinstance(on, bool):
        raise SoartError("Expected 'bans' or 'pins' as the kind, SLOT=OPTION as the option, and true or false as on.")
    current_collection(request).tuning.switch(kind, option, on=on)
    return state(request)


def _judges(request: Request, settings: TuneSettings) -> list[str]:
    """Titles of the judges of a tune."""
    offered = server_of(request).judges.offered
    return [judge_title(name, model=name in offered) for name in settings.by or {OVERALL: 1.0}]


def state(request: Request) -> Response:
    """The state of the tune, with its newest pictures."""
    progress = current_collection(request).tuning.progress()
    settings = progress.settings
    return JSONResponse({
        "state": progress.state, "version": progress.version, "found": progress.judged, "reading": progress.reading,
        "done": len(progress.pictures), "budget": settings.budget if settings else 0, "left": finite(progress.seconds_left),
        "doing": for_visitor(request, progress.doing), "why": for_visitor(request, progress.reason),
        "exhausted": progress.exhausted, "subject": progress.subject, "points": progress.in_points,
        "judges": _judges(request, settings) if settings else [],
        "bans": settings.bans if settings else [], "pins": settings.pins if settings else [],
        "pictures": [
            {"id": image, "batch": batch, "goal": finite(progress.goal.get(image))}
            for image, batch in progress.pictures[: -NEWEST - 1 : -1]
        ],
    })  # fmt: skip


def findings(request: Request) -> Response:
    """The findings, as part of a page."""
    current = current_collection(request)
    latest, settings = current.tuning.latest, current.tuning.settings
    if latest is None or settings is None:
        return page(request, "findings.html", current, findings=None)
    study = latest.findings
    return page(
        request, "findings.html", current, findings=study, settings=settings,
        effects=draw_effects(study.effects, study.unit), course=draw_course(study), words=words_of, title=title_of,
        front=draw_front(study.front),
        judges=draw_judges(study.judges), most_liked=MOST_LIKED,
    )  # fmt: skip


routes = [
    Route("/tune", tune_page),
    Route("/api/tune", state),
    Route("/tune/findings", findings),
    Route("/tune/earlier", earlier),
    Route("/api/tune/reopen", json_endpoint(reopen), methods=["POST"]),
    Route("/api/tune/start", json_endpoint(start), methods=["POST"]),
    Route("/api/tune/pause", json_endpoint(pause), methods=["POST"]),
    Route("/api/tune/resume", json_endpoint(resume), methods=["POST"]),
    Route("/api/tune/narrow", json_endpoint(narrow), methods=["POST"]),
]
