"""Evaluating a collection and tidying it: what was found, what to keep, what to move away, and how to get it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.queries import WINDOW, rows_of
from ....pipelines.evaluation.summary import Summary, summarise
from ....pipelines.ingest.roots import known_roots
from ....pipelines.reports.evaluation import histogram
from ....pipelines.tidying.cull import Rule
from ..answers import page, posted, whole
from ..state import Place, place_of, rater_of, site_of
from .gallery import cells

#: Pictures of each kind, groups of near-duplicates shown at first, pictures of a group, and pictures of a plan by reason.
TOP, GROUPS, MEMBERS, PLANNED = 12, 12, 24, 24


def _cells(place: Place, rater: str, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    wanted = sorted(set(ids))
    parts = (wanted[start : start + WINDOW] for start in range(0, len(wanted), WINDOW))
    return {cell["id"]: cell for part in parts for cell in cells(place, rows_of(place.collection, part), rater)}


def _state(place: Place) -> dict[str, Any]:
    job = place.evaluation.job
    live = job is not None and job.live
    return {
        "version": place.evaluation.version,
        "live": live,
        "found": place.evaluation.found is not None,
        "message": job.message if job is not None and not live else "",
        "failed": job is not None and job.state == "failed",
    }


def evaluate_page(request: Request) -> Response:
    """The view; an evaluation of earlier is read in the background."""
    place = place_of(request)
    place.evaluation.recall()
    folders = "\n".join(map(str, known_roots(place.collection))) if site_of(request).settings.local else ""
    return page(
        request, "evaluate.html", place, view="evaluate", profiles=place.shelf.names(), folders=folders, state=_state(place),
        chosen=place.evaluation.wishes.profile or "technical",
    )  # fmt: skip


def state(request: Request) -> Response:
    """Where it stands."""
    place_of(request).evaluation.recall()
    return JSONResponse(_state(place_of(request)))


def _shown(summary: Summary) -> set[int]:
    lists = [summary.best, summary.worst, summary.outliers[1], *(shown for _, shown in summary.damage.values())]
    return {one.id for shown in [*lists, *(shown for _, shown in summary.styles)] for one in shown}


def findings(request: Request) -> Response:
    """What was found and what can be undone, as part of a page."""
    place = place_of(request)
    desk = place.evaluation
    values: dict[str, Any] = {
        "found": desk.found,
        "undo": desk.undo_files(),
        "away": count_collection(place.collection).away,
    }
    if desk.found is None:
        return page(request, "evaluated.html", place, **values)
    asked = max(GROUPS, whole(request.query_params.get("groups", GROUPS), "a number of groups"))
    found, groups = desk.found, desk.groups()
    e, summary = found.evaluation, summarise(found, TOP)
    shown = [group[:MEMBERS] for group in groups[:asked]]
    ids = _shown(summary).union(*shown)
    return page(
        request, "evaluated.html", place, **values, e=e, summary=summary, update=found.update, top=TOP, step=GROUPS,
        histogram=histogram(e.scores[e.main]), damaged=int((e.damage >= 0).sum()), groups=groups, shown=shown,
        kept=set(e.ids[e.best].tolist()), scores=dict(zip(e.ids.tolist(), e.scores[e.main].tolist(), strict=True)),
        cell=_cells(place, rater_of(request), ids), movable=desk.movable,
        associations=[a for a in e.associations if a.q <= 0.5][:24],
    )  # fmt: skip


def evaluate(request: Request, body: dict[str, Any]) -> Response:
    """Begin an evaluation in the background."""
    place, folders = place_of(request), None
    if "folders" in body:
        if not site_of(request).settings.local:
            raise SoartError("Folders can only be named where the server listens to this machine alone.")
        lines = [line.strip() for line in str(body["folders"]).splitlines()]
        folders = [Path(line).expanduser().absolute() for line in dict.fromkeys(lines) if line]
        if missing := [folder for folder in folders if not folder.is_dir()]:
            raise SoartError(f"There is no folder {str(missing[0])!r}: name one folder a line.")
    place.evaluation.evaluate(str(body.get("profile", "")), folders)
    return JSONResponse(_state(place))


def keep(request: Request, body: dict[str, Any]) -> Response:
    """Choose what to keep of near-duplicates."""
    place = place_of(request)
    place.evaluation.keep(whole(body.get("image"), "a picture"), every=body.get("all") is True)
    return JSONResponse(_state(place))


def rule_of(given: Mapping[str, Any]) -> Rule | None:
    """The rule that is asked for; None where it picks nothing.

    Raises:
        SoartError: a share that is no number, or out of range.
    """
    parts = {name: str(given.get(name, "")) == "1" for name in ("duplicates", "damaged", "outliers")}
    text = str(given.get("worst") or "").strip()
    try:
        worst = float(text) if text else None
    except ValueError:
        raise SoartError(f"Expected a share in percent, got {text[:40]!r}.") from None
    return Rule(**parts, worst=worst) if any(parts.values()) or worst else None


def plan(request: Request) -> Response:
    """What would be moved, as part of a page."""
    place, rule = place_of(request), rule_of(request.query_params)
    planned = place.evaluation.plan(rule) if rule else None
    parts = {reason: list(dict.fromkeys(ids)) for reason, ids in planned.pictures.items()} if planned else {}
    return page(
        request, "plan.html", place, plan=planned, parts=parts, most=PLANNED,
        cell=_cells(place, rater_of(request), (image for ids in parts.values() for image in ids[:PLANNED])),
    )  # fmt: skip


def move(request: Request, body: dict[str, Any]) -> Response:
    """Move away what a plan said."""
    place, rule = place_of(request), rule_of(body)
    if rule is None:
        raise SoartError("Choose what to move away.")
    place.evaluation.move(rule, str(body.get("plan", "")))
    return JSONResponse(_state(place))


def undo_rating(request: Request, body: dict[str, Any]) -> Response:
    """Undo a cull."""
    place = place_of(request)
    place.evaluation.undo_rating(str(body.get("name", "")))
    return JSONResponse(_state(place))


routes = [
    Route("/evaluate", evaluate_page),
    Route("/evaluate/findings", findings),
    Route("/evaluate/plan", plan),
    Route("/api/evaluate", state),
    Route("/api/evaluate", posted(evaluate), methods=["POST"]),
    Route("/api/evaluate/keep", posted(keep), methods=["POST"]),
    Route("/api/evaluate/move", posted(move), methods=["POST"]),
    Route("/api/evaluate/undo", posted(undo_rating), methods=["POST"]),
]
