"""Judges to choose from in the gallery, and the values of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import SoartError
from ...metrics.damage.names import DETECTORS, OVERALL, PERSON, TECHNICAL
from ...metrics.damage.titles import JudgeKey, Kind, shared_name
from ...metrics.tastes.overall import stored_name
from ..collection.collection import Collection
from ..collection.pictures import sha256_by_id
from ..collection.queries import Query, ScoreScale, order, scores_of
from ..judges.catalogue import Catalogue, Entry
from ..scoring.collection_tastes import CollectionTastes
from ..scoring.opinions import Opinion
from ..support.judge_names import ITEM_SCORES

#: Kinds of judges, in the order in which pages list them.
SCORE, TASTE, PEOPLE, MODEL, FAULT = "score", "taste", "person", "model", "fault"


@dataclass(frozen=True, slots=True)
class JudgeChoice:
    """A judge that a page offers; ``doubt`` is the word of trust of a taste in doubt, ``missing`` counts pictures without one."""

    name: str
    kind: str
    doubt: str = ""
    weight: float = 1.0
    source: Entry | None = None
    missing: int = 0
    known: bool = True


def judge_choices(
    tastes: CollectionTastes, people: Iterable[str], offered: Iterable[JudgeChoice] = ()
) -> list[JudgeChoice]:
    """The judges that a page offers: overall first, then technical, tastes, people, models, and faults last.

    A taste that cannot be used, or that has the name of a model, is left out. Overall stays where its network is not
    installed: choosing it tells what is missing. A built-in judge or person among the models only proposes its weight.
    """
    models = {choice.name: choice for choice in offered}
    doubtful = tastes.doubtful()
    own_tastes = [name for name in tastes.judges() if name not in (*ITEM_SCORES, *models)]
    before = [
        *(JudgeChoice(name, SCORE) for name in (OVERALL, TECHNICAL)),
        *(JudgeChoice(name, TASTE, doubtful.get(name, "")) for name in own_tastes if _usable(tastes, name)),
        *(JudgeChoice(f"{PERSON}{name}", PEOPLE) for name in people),
    ]
    faults = [JudgeChoice(name, FAULT) for name in DETECTORS]
    own = {choice.name for choice in (*before, *faults)}
    others = [choice for name, choice in models.items() if name not in own]
    return [
        replace(choice, weight=models[choice.name].weight) if choice.name in own & models.keys() else choice
        for choice in (*before, *others, *faults)
    ]


def offered_models(catalogue: Catalogue) -> list[JudgeChoice]:
    """The models that visitors may name, by their labels."""
    return [JudgeChoice(label, MODEL, "", one.weight, one.entry) for label, one in catalogue.offered.items()]


def stored_models(stored: Iterable[str], *, shared: bool) -> list[JudgeChoice]:
    """The models whose values a collection holds, by stored names or, if ``shared``, by those that guests may see."""
    return [
        JudgeChoice(shared_name(name) if shared else name, MODEL)
        for name in stored
        if JudgeKey.of(name).kind is Kind.MODEL
    ]


def counted_choices(
    choices: Iterable[JudgeChoice], tastes: CollectionTastes, stored: Mapping[str, int], sound: int
) -> list[JudgeChoice]:
    """Choices with the numbers of pictures that have no value yet; of people these are not counted."""
    counted = []
    for choice in choices:
        if choice.kind == PEOPLE:
            counted.append(choice)
            continue
        values = stored.get(stored_judge(tastes, choice.name, stored), 0)
        counted.append(replace(choice, missing=max(0, sound - values), known=values > 0))
    return counted


def _usable(tastes: CollectionTastes, taste: str) -> bool:
    try:
        tastes.judge(taste)
    except SoartError:
        return False
    return True


def stored_judge(tastes: CollectionTastes, name: str, stored: Iterable[str] = ()) -> str:
    """The name under which a judge's values are stored; that of a person, or of a model, is its own.

    ``stored`` are the names among which the model of a shared name is.
    """
    kind = JudgeKey.of(name).kind
    if kind is Kind.MODEL:
        return next((known for known in stored if name in (known, shared_name(known))), name)
    if kind is Kind.PERSON:
        return name
    # Values are shown where the network that makes them is not installed, too.
    return stored_name() if name == OVERALL else tastes.judge(name).stored_name


def values_and_scale(collection: Collection, judge: str, ids: Sequence[int]) -> tuple[dict[int, float], ScoreScale]:
    """Stored values of pictures by id, or a person's stars, and all values of the judge, from which percentiles are read."""
    if JudgeKey.of(judge).kind is not Kind.PERSON:
        return scores_of(collection, judge, ids), ScoreScale.of(collection, judge)
    stars = _stars(collection, judge)
    return {image: stars[image] for image in ids if image in stars}, _scale(stars)


def _stars(collection: Collection, person: str) -> dict[int, float]:
    """The stars of a person by picture id. All choices count, also those between other pictures than the ones shown."""
    return Opinion.of(collection, JudgeKey.of(person).name, collection.ids()).stars


def _scale(stars: Mapping[int, float]) -> ScoreScale:
    return ScoreScale(np.sort(np.array([*stars.values()], dtype=np.float64)))


def ordered(collection: Collection, query: Query, rater: str) -> list[int]:
    """Ids of a query's pictures in its order, as ``order``; the judge whose values sort and limit may be a person."""
    if JudgeKey.of(query.judge).kind is not Kind.PERSON:
        return order(collection, query, rater)
    by_value = query.sort == "score"
    plain = replace(query, judge="", low=0.0, high=100.0, scored=False)
    if by_value:
        plain = replace(plain, sort="date", ascending=False)
    found = order(collection, plain, rater)
    stars = _stars(collection, query.judge)
    if query.low > 0 or query.high < 100:
        scale = _scale(stars)
        low, high = scale.value_at(query.low), scale.value_at(query.high)
        found = [image for image in found if image in stars and low <= stars[image] <= high]
    elif query.scored:
        found = [image for image in found if image in stars]
    if not by_value:
        return found
    sign, hashes = 1.0 if query.ascending else -1.0, sha256_by_id(collection, found)
    # Those without stars stay the newest first.
    return sorted(found, key=lambda image: (sign * stars[image], hashes[image]) if image in stars else (np.inf, ""))
