"""Tastes: how far each can be trusted, what it likes, and how tastes agree."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.collection.counts import count_collection
from ....pipelines.collection.queries import rows_of
from ....pipelines.reports.taste import draw_curve
from ....pipelines.tastes.agreement import agreement, best_and_worst
from ..answers import page
from ..state import Place, place_of, rater_of
from .gallery import cells

#: Pictures shown of each end, and of those that tastes disagree on.
SHOWN, APART = 12, 6


def _listed(place: Place) -> tuple[dict[str, Any], list[str]]:
    """Scorers by the name of their taste, and a sentence for each taste that cannot be used."""
    found, problems = {}, []
    for name in place.shelf.tastes():
        try:
            found[name] = place.shelf.scorer(name)
        except SoartError as error:
            problems.append(str(error))
    return found, problems


def taste_page(request: Request) -> Response:
    """The view."""
    place, rater = place_of(request), rater_of(request)
    scorers, problems = _listed(place)
    name = request.query_params.get("name") or (rater if rater in scorers else next(iter(scorers), ""))
    if name and name not in scorers:
        scorers[name] = place.shelf.scorer(name)
    chosen = scorers.get(name)
    counts = count_collection(place.collection)
    values: dict[str, Any] = {
        "name": name,
        "taste": chosen.taste if chosen else None,
        "curve": None,
        "most": [],
        "least": [],
    }
    if chosen is not None:
        profile = chosen.stored_name
        best, worst = best_and_worst(place.collection, profile, SHOWN)
        values["most"], values["least"] = (
            cells(place, rows_of(place.collection, side), rater, profile) for side in (best, worst)
        )
        values["scored"] = counts.profiles.get(profile, 0)
        examples = getattr(chosen.taste, "examples", None)
        values["curve"] = draw_curve(chosen.taste.trust, len(examples)) if examples is not None else None
    agreed, common = agreement(place.collection, {one: scorer.stored_name for one, scorer in scorers.items()})
    apart = []
    if agreed is not None:
        places = agreed.disagreements(min(APART, len(common)))
        shown = cells(place, rows_of(place.collection, [common[i] for i in places]), rater)
        apart = [(cell, agreed.percentiles[:, i].tolist()) for cell, i in zip(shown, places, strict=True)]
    return page(
        request, "taste.html", place, view="taste", names=list(scorers), problems=problems, agreed=agreed, apart=apart,
        common=len(common), sound=counts.pictures - counts.problems, **values,
    )  # fmt: skip


routes = [Route("/taste", taste_page)]
