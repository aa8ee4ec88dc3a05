"""Tunes prompts when pictures are drawn elsewhere: ask, draw there, tell.

The collection holds everything, as it does for ``Tuner``, so asking and telling may happen in different processes and
days apart. A choice without a result is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ...errors import CollectionError, SoartError
from ...metrics.damage.names import PERSON
from ...metrics.protocols import Reason
from ...prompts.space.space import PromptSpace
from ..collection.collection import Collection
from ..collection.ratings import OBSERVED, check_rater, check_rating, rate
from ..collection.tables import ImageRow
from ..judges.guarded import GuardedJudge
from ..judges.ranking import own_parts
from ..judges.storing import judge_pictures
from ..models.external import ExternalGenerator
from ..models.request import DrawnPicture, Request
from ..scoring.opinions import who_judged
from ..scoring.pictures import StoredPictures
from ..scoring.reasons import chosen
from .panel import Panel
from .study import Trial
from .tuner import BATCH, Tuner


@dataclass(frozen=True)
class Question:
    """A choice to be drawn elsewhere, with all that ``tell`` needs, and how many were asked ``together``."""

    study: ExternalStudy
    trial: Trial
    request: Request
    together: int = 1


@dataclass(frozen=True)
class ExternalStudy:
    """A space that is tuned on pictures drawn elsewhere, into the collection in ``folder``."""

    folder: Path
    space: PromptSpace
    judge: GuardedJudge  # ratings, choices and scores from outside count in its place as soon as there are any
    generator: ExternalGenerator
    seed: int = 0  # of the search, and of the first image; image seeds count up

    def tuner(self, collection: Collection, batch: int = BATCH) -> Tuner:
        """The tuner of this study, for everything but drawing."""
        people = {f"{PERSON}{name}": 1.0 for name in who_judged(collection)}
        panel = Panel({self.judge: 0.0, **people}, observed=(OBSERVED,))
        return Tuner(collection, self.generator, self.space, panel, seed=self.seed, batch=batch, prune=False)

    def ask(self, count: int = 1) -> list[Question]:
        """The next choices, fewer if the space has run out; once every choice is drawn, the leaders on new seeds."""
        with Collection(self.folder) as collection:
            tuner = self.tuner(collection, max(count, 1))
            trials = tuner.waiting[:count]
            if missing := count - len(trials):
                steering = tuner.steering()
                steering.reserve(np.array([trial.choice for trial in trials]).reshape(-1, len(self.space.slots)))
                trials += tuner.write(steering.ask(missing, tuner.rng(1)))
            trials = trials or tuner.replicate(count)
            if not trials:
                raise SoartError(
                    f"All {self.space.size} choices of the space have been drawn, the best ones several times: "
                    "add options, or look at the effects."
                )
            return [Question(self, trial, tuner.request(trial), len(trials)) for trial in trials]


class Told(NamedTuple):
    """The result of a choice as it was stored, with at most three reasons for its score against the usual picture."""

    row: ImageRow
    score: float | None
    reasons: Sequence[Reason] = ()
    problem: str = ""  # why there is no score, such as ``"nothing but one tone"``; empty if there is one


def tell(
    question: Question,
    pixels: np.ndarray,
    *,
    problem: str | None = None,
    score: float | None = None,
    rating: float | None = None,
    rater: str = "me",
    texts: Mapping[str, str] | None = MappingProxyType({}),
) -> Told:
    """Store the picture of a choice, (h, w, 3) uint8, with its score and rating; nothing if one of these is invalid.

    ``problem`` is a reason to learn nothing from the picture, such as ``"all black"``. The ``score`` is of any other
    judge, higher is better; all such scores of a study must be on one scale. The ``rating`` is 1–5. ``texts`` are
    further texts of the stored file by keyword; None for a file without any.
    """
    if score is not None and not np.isfinite(score):
        raise CollectionError(f"Expected a finite score, got {score}.")
    study = question.study
    if rating is not None:
        check_rating(rating)
        if check_rater(rater) == study.judge.stored_name:
            raise CollectionError(f"{rater!r} is the name of the judge: choose another name for the rater.")
    with Collection(study.folder) as collection:
        drawn = DrawnPicture(question.request, pixels, problem, 0.0)
        identity = study.generator.model.identity
        row = collection.add_drawn([drawn], identity, question.request.scheduler or "unknown", texts)[0]
        if problem:
            return Told(row, None, problem=problem)
        pictures = StoredPictures(collection, [row], pixels={row.id: pixels})
        values, problems = judge_pictures(pictures, study.judge)
        if score is not None:
            collection.set_scores(OBSERVED, {row.id: float(score)})
        if rating is not None:
            rate(collection, rater, {row.id: rating})
        if row.id not in values:
            why = study.judge.why.get(row.id) or " ".join(problems) or f"none by the judge {study.judge.name!r}"
            return Told(row, None, problem=why)
        return Told(row, values[row.id], chosen(own_parts(pictures, study.judge).get(row.id, ())))
