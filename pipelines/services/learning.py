"""Work of learning a rater's taste, as tasks of a process of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..collection import comparisons, ratings
from ..collection.collection import Collection
from ..judges.storing import score_all
from ..scoring.taste_judge import TasteJudge
from ..scoring.taste_store import TasteStore
from ..support.background import Job
from ..support.judge_names import TASTES_FOLDER
from ..tastes import learning as tastes


@dataclass(frozen=True)
class Lesson:
    """Outcome of a learning."""

    judged: int  # number of judgements that were stored before it began, see ``RaterJudgements``
    sentence: str


@dataclass(frozen=True, slots=True)
class RaterJudgements:
    """Judgements of a rater that teach the taste."""

    count: int  # number of ratings 1–5, "not for me" included, and of choices, not counting ties
    unequal: bool  # True if they tell pictures apart: a choice does, and so do two different ratings


def judgements_by(collection: Collection, rater: str, until: datetime | None = None) -> RaterJudgements:
    """Count the judgements of a rater; only those that were stored by ``until``, unless that is None."""
    rated, different = ratings.star_counts(collection, rater, until)
    chosen = comparisons.count_choices(collection, rater, until)
    return RaterJudgements(rated + chosen, different > 1 or chosen > 0)


def _store(collection: Collection) -> TasteStore:
    return TasteStore(collection.file(TASTES_FOLDER))


@dataclass(frozen=True, slots=True)
class Start:
    """Prior scores that raters' tastes start from, as far as they are available."""

    #: names of prior scores, see ``learn``; None for all that collections and items tell
    priors: Sequence[str] | None = None
    tastes: Path | None = None  # folder of the user's tastes; None for the usual one

    def options(self, collection: Collection) -> dict[str, Any]:
        """Arguments of ``learn``; other tastes may be those of the collection too."""
        stores = [_store(collection), TasteStore(self.tastes)]
        return {"priors": self.priors, "stores": stores, "if_available": True}


#: Without settings.
USUAL = Start()


def learn_taste(job: Job, where: Path | str, rater: str, start: Start = USUAL) -> Lesson:
    """Learn a rater's taste from the ratings and choices in a collection, and store it there."""
    with Collection(where) as collection:
        judged = judgements_by(collection, rater).count
        job.expect(len(collection.ids()))
        sources = tastes.Sources(rater=rater)
        learnt = tastes.learn(rater, collection, sources, progress=job.advance, **start.options(collection))
        _store(collection).save(learnt.taste)
        return Lesson(judged, learnt.taste.trust.sentence)


def score_by_taste(job: Job, where: Path | str, rater: str) -> None:
    """Score all pictures by a rater's stored taste; arguments and errors as for ``learn_taste``."""
    with Collection(where) as collection:
        score_all(collection, TasteJudge.of(_store(collection).load(rater)), job)
