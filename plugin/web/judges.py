"""Judges that pages offer, and the names by which visitors know them."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request

from ...metrics.damage.names import JUDGE, OVERALL
from ...metrics.damage.titles import JudgeKey, Kind, shared_name
from ...pipelines.collection.counts import count_collection
from ...pipelines.scoring.opinions import who_judged
from ...pipelines.services.judge_choices import (
    JudgeChoice,
    counted_choices,
    judge_choices,
    offered_models,
    stored_judge,
    stored_models,
)
from .state import current_collection, is_owner, rater_of, server_of


def offered_choices(request: Request, people: Iterable[str] = ()) -> list[JudgeChoice]:
    """The judges that may be started: those of items, some people, and the models that the owner of the server allows."""
    return judge_choices(current_collection(request).tastes, people, offered_models(server_of(request).judges))


def usual_choice(request: Request, judges: Iterable[JudgeChoice]) -> str:
    """The judge that a form begins with: that of the page, else the taste of the rater if it can be relied on."""
    sure = {choice.name for choice in judges if not choice.doubt}
    wanted = [request.query_params.get("by", ""), rater_of(request)]
    return next((name for name in wanted if name in sure), OVERALL)


def ranking_choices(request: Request) -> list[JudgeChoice]:
    """The judges that can rank an evaluation."""
    return offered_choices(request, who_judged(current_collection(request).collection))


def scored_choices(request: Request) -> list[JudgeChoice]:
    """The judges whose values a collection holds or can compute, with the numbers of pictures that have none."""
    current = current_collection(request)
    counts = count_collection(current.collection)
    models = stored_models(counts.judges, shared=not is_owner(request))
    choices = judge_choices(current.tastes, who_judged(current.collection), models)
    return counted_choices(choices, current.tastes, counts.judges, counts.pictures - counts.problems)


def stored_name_of(request: Request, name: str) -> str:
    """The stored name of a judge that a visitor names; guests know models by their shared names."""
    current = current_collection(request)
    shared = name.startswith(JUDGE) and not is_owner(request)
    return stored_judge(current.tastes, name, count_collection(current.collection).judges if shared else ())


def name_of_stored(request: Request, stored: str) -> str:
    """The name by which a page asks for the scores of a judge; guests know models by their shared names."""
    key = JudgeKey.of(stored)
    if key.kind is Kind.MODEL:
        return stored if is_owner(request) else shared_name(stored)
    return key.name if key.points else stored
