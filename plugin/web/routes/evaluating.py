"""Evaluate view: findings, pictures to keep, moves of pictures, and their undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....metrics.damage.names import OVERALL
from ....metrics.damage.titles import stored_title
from ....pipelines.collection.counts import count_collection
from ....pipelines.evaluation.summary import Summary, summarise
from ....pipelines.ingest.roots import known_roots
from ....pipelines.reports.charts import histogram_chart
from ....pipelines.reports.evaluation import SHOWN
from ....pipelines.services.gallery import cells_by_id
from ....pipelines.tidying.cull import Rule
from ..answers import folders_of, for_visitor, json_endpoint, page, whole_number
from ..judges import name_of_stored, ranking_choices
from ..state import current_collection, is_owner, rater_of

#: Pictures of each kind, groups of near-duplicates at first, pictures of a group, pictures of a reason in a plan.
TOP, GROUPS, MEMBERS, PLANNED = 12, 12, 24, 24


def _state(request: Request) -> Response:
    now = current_collection(request).evaluation.state()
    return JSONResponse(asdict(now) | {"message": for_visitor(request, now.message)})


def evaluate_page(request: Request) -> Response:
    """The view; an earlier evaluation is read in the background."""
    current = current_collection(request)
    current.evaluation.recall()
    folders = "\n".join(map(str, known_roots(current.collection))) if is_owner(request) else ""
    return page(
        request, "evaluate.html", current, view="evaluate", folders=folders, judges=ranking_choices(request),
        chosen=current.evaluation.settings.by or OVERALL,
    )  # fmt: skip


def state(request: Request) -> Response:
    """The state of the evaluation."""
    current = current_collection(request)
    current.evaluation.recall()
    return _state(request)


def _listed(summary: Summary) -> set[int]:
    """Ids of the pictures that a summary lists."""
    lists = [summary.best, summary.worst, *(pictures for _, pictures in summary.looks)]
    lists += [one.pictures[:SHOWN] for one in summary.decisions]
    return {picture.id for pictures in lists for picture in pictures}


def findings(request: Request) -> Response:
    """The findings and the moves that can be undone, as part of a page."""
    current = current_collection(request)
    service = current.evaluation
    result = service.result
    values: dict[str, Any] = {
        "result": result,
        "undo_files": service.undo_files(),
        "away": count_collection(current.collection).away,
    }
    if result is None:
        return page(request, "evaluated.html", current, **values)
    most = max(GROUPS, whole_number(request.query_params.get("groups", GROUPS), "a number of groups"))
    groups = service.groups()
    e, summary = result.evaluation, summarise(result, TOP)
    listed = [group[:MEMBERS] for group in groups[:most]]
    return page(
        request, "evaluated.html", current, **values, e=e, summary=summary, update=result.update, step=GROUPS,
        judge=name_of_stored(request, e.main), histogram=histogram_chart(e.standing, stored_title(e.main)), groups=groups, listed=listed,
        keep=set(e.ids[e.best].tolist()), scores=dict(zip(e.ids.tolist(), e.scores[e.main].tolist(), strict=True)),
        cell=cells_by_id(current.collection, _listed(summary).union(*listed), rater_of(request)),
        movable=service.movable and is_owner(request),
    )  # fmt: skip


def evaluate(request: Request, body: dict[str, Any]) -> Response:
    """Start an evaluation in the background; without folders those of the last one, which guests do not see."""
    current, text = current_collection(request), str(body.get("folders", ""))
    named = text.strip() or ("folders" in body and is_owner(request))
    folders = folders_of(current, text) if named else None
    current.evaluation.evaluate(str(body.get("by", "")), folders)
    return _state(request)


def keep(request: Request, body: dict[str, Any]) -> Response:
    """Choose which near-duplicates to keep; answers their group, and the choice before, for an undo."""
    evaluation = current_collection(request).evaluation
    images, before = evaluation.keep(whole_number(body.get("image"), "a picture"), every=body.get("all") is True)
    return JSONResponse({"images": images, "before": before})


def rule_of(parameters: Mapping[str, Any]) -> Rule | None:
    """The rule that a request names; None for a rule that picks nothing."""
    kinds = {name: str(parameters.get(name, "")) == "1" for name in ("duplicates", "damaged", "outliers")}
    text = str(parameters.get("worst") or "").strip()
    try:
        worst = float(text) if text else None
    except ValueError:
        raise SoartError(f"Expected a share in percent, got {text[:40]!r}.") from None
    return Rule(**kinds, worst=worst) if any(kinds.values()) or worst else None


def plan(request: Request) -> Response:
    """The moves that a rule would make, as part of a page."""
    current, rule = current_collection(request), rule_of(request.query_params)
    moves = current.evaluation.plan(rule) if rule else None
    pictures = {reason: list(dict.fromkeys(ids)) for reason, ids in moves.pictures.items()} if moves else {}
    visible = (image for ids in pictures.values() for image in ids[:PLANNED])
    return page(
        request, "plan.html", current, plan=moves, pictures=pictures, most=PLANNED,
        cell=cells_by_id(current.collection, visible, rater_of(request)),
    )  # fmt: skip


def move(request: Request, body: dict[str, Any]) -> Response:
    """Move the pictures of a plan away; answers the name of the undo file."""
    current, rule = current_collection(request), rule_of(body)
    if rule is None:
        raise SoartError("Choose what to move away.")
    _, name = current.evaluation.move(rule, str(body.get("plan", "")))
    return JSONResponse({"undo": name})


def undo_move(request: Request, body: dict[str, Any]) -> Response:
    """Undo a move."""
    current = current_collection(request)
    current.evaluation.undo_move(str(body.get("name", "")))
    return _state(request)


routes = [
    Route("/evaluate", evaluate_page),
    Route("/evaluate/findings", findings),
    Route("/evaluate/plan", plan),
    Route("/api/evaluate", state),
    Route("/api/evaluate", json_endpoint(evaluate), methods=["POST"]),
    Route("/api/evaluate/keep", json_endpoint(keep), methods=["POST"]),
    Route("/api/evaluate/move", json_endpoint(move, owner=True), methods=["POST"]),
    Route("/api/evaluate/undo", json_endpoint(undo_move, owner=True), methods=["POST"]),
]
