"""Comparing pictures in the gallery: the pictures to compare, and the order so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...metrics.tastes.bradley_terry import MOST_TO_ORDER, Standing, standing
from ...prompts.phrases.cutting import mark_differences
from ..collection.collection import Collection
from ..collection.comparisons import comparisons, ties
from ..collection.provenance import Provenance, provenance_of
from ..collection.queries import Query, rows_of
from ..collection.tables import ImageRow
from .judge_choices import ordered

#: Source of pictures that are the best by a judge.
BEST = "best"


@dataclass(frozen=True)
class ComparisonRound:
    """The order of compared pictures so far, and the next choice."""

    rows: list[ImageRow]
    standing: Standing  # their order; its row numbers are those of ``rows``
    choice: list[int]  # ids of the pictures to choose from next
    choices: int


@dataclass(frozen=True)
class Differences:
    """Differences between pictures."""

    rows: list[ImageRow]
    #: (n,) parts of their prompts, True for those that not all have; see ``mark_differences``
    prompts: list[list[tuple[str, bool]]]
    #: (n,) values by the name of a setting in which they differ; empty for one that is not known
    settings: dict[str, list[str]]


def differences_between(collection: Collection, ids: Sequence[int]) -> Differences:
    """Compare prompts and settings of some hundred pictures; those that are gone are left out."""
    rows = rows_of(collection, ids)
    known = provenance_of(collection, rows)
    made = [known.get(row.id) or Provenance("", (row.width, row.height)) for row in rows]
    values: dict[str, list[object]] = {
        "Negative": [p.negative for p in made], "Seed": [p.seed for p in made], "Steps": [p.steps for p in made],
        "Guidance": [p.guidance for p in made], "Sampler": [p.sampler for p in made],
        "Scheduler": [p.scheduler for p in made], "Model": [p.model for p in made],
        "Size": [f"{p.size[0]} × {p.size[1]}" for p in made],
    }  # fmt: skip
    for name in dict.fromkeys(name for p in made for name in p.settings):
        values.setdefault(name, [p.settings.get(name) for p in made])
    settings = {
        name: ["" if value is None else f"{value:g}" if isinstance(value, float) else str(value) for value in column]
        for name, column in values.items()
        if len(set(column)) > 1
    }
    return Differences(rows, mark_differences([p.prompt or "" for p in made]), settings)


def pictures_to_compare(
    collection: Collection,
    rater: str,
    source: str,
    judge: str,
    words: Sequence[str],
    count: int,
    rng: np.random.Generator,
) -> list[int]:
    """Ids of pictures to put in order.

    ``source`` is ``best`` by the judge, ``liked`` for the best rated, ``any`` for random; any other text takes the
    newest.
    """
    if source == BEST:
        query = Query(judge=judge, sort="score", words=tuple(words), sound=True, scored=True)
    elif source == "liked":
        query = Query(sort="rating", rated="liked", words=tuple(words), sound=True)
    else:
        query = Query(words=tuple(words), sound=True)
    ids = ordered(collection, query, rater)
    if source == "any":
        ids = [int(image) for image in rng.permutation(ids)]
    return ids[: min(MOST_TO_ORDER, max(1, count))]


def comparison_round(
    collection: Collection, rater: str, ids: Sequence[int], count: int, skipped: Sequence[int]
) -> ComparisonRound:
    """Compute the order of pictures from a rater's choices, and the next choice."""
    rows = rows_of(collection, ids)
    present = [row.id for row in rows]
    choices, equal = comparisons(collection, rater, present), ties(collection, rater, present)
    now = standing(present, choices, equal)
    pairs = [frozenset(pair) for pair in zip(skipped[::2], skipped[1::2], strict=False)]
    # The same question after a reload.
    rng = np.random.default_rng([len(choices) + len(equal), len(present)])
    return ComparisonRound(rows, now, now.next_to_show(count, rng, pairs), len(choices) + len(equal))
