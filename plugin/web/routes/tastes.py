"""Taste view: trust in each taste, its best pictures, and agreement of tastes."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ....metrics.tastes.blend import Blend
from ....metrics.tastes.liked_makings import effects_of
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.queries import Query, order, rows_of
from ....pipelines.collection.score_statistics import unfit_ids
from ....pipelines.reports.taste import draw_curve
from ....pipelines.scoring.taste_judge import TasteJudge
from ....pipelines.services.gallery import cells_by_id, cells_of, taste_judge, usable_judges
from ....pipelines.tastes.agreement import NO_DISAGREEMENT, agreement, best_and_worst
from ..answers import page
from ..state import current_collection, rater_of

#: Pictures shown of the best and of the worst, and of those that tastes disagree on.
TOP, DISAGREEMENTS = 12, 6


def taste_page(request: Request) -> Response:
    """The view."""
    current, rater = current_collection(request), rater_of(request)
    collection = current.collection
    usable, problems = usable_judges(current.tastes, current.tastes.names())
    judges = {name: judge for name, judge in usable.items() if isinstance(judge, TasteJudge)}
    name = request.query_params.get("name") or (rater if rater in judges else "")
    if name and name not in judges:
        judges[name] = taste_judge(current.tastes, name)
    judge = judges.get(name)
    counts = count_collection(collection)
    unfit = len(unfit_ids(collection))
    values: dict[str, Any] = {"taste": None, "curve": None, "effects": [], "most": [], "least": []}
    if judge is not None:
        stored, taste = judge.stored_name, judge.taste
        values["taste"] = taste
        best, worst = best_and_worst(collection, stored, TOP)
        values["most"], values["least"] = (
            cells_of(collection, rows_of(collection, ids), rater, stored) for ids in ([*best], worst)
        )
        values["scored"] = len(order(collection, Query(judge=stored, sound=True, scored=True), rater))
        if not isinstance(taste, Blend):
            values |= {"curve": draw_curve(taste.trust), "effects": effects_of(taste)}
    agreed, common = agreement(collection, {name: judge.stored_name for name, judge in judges.items()})
    disagreements: list[tuple[dict[str, Any], list[float]]] = []
    if agreed is not None:
        columns = agreed.disagreements(min(DISAGREEMENTS, len(common)))
        cells = cells_by_id(collection, [common[i] for i in columns], rater)
        disagreements = [(cells[common[i]], agreed.percentiles[:, i].tolist()) for i in columns if common[i] in cells]
    return page(
        request, "taste.html", current, view="taste", name=name, names=list(judges), problems=problems, agreed=agreed,
        disagreements=disagreements, no_disagreement=NO_DISAGREEMENT, common=len(common), sound=counts.pictures - counts.problems - unfit, unfit=unfit, **values,
    )  # fmt: skip


routes = [Route("/taste", taste_page)]
