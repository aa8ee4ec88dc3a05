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
    """A choice to be drawn elsewhere, with everything that ``tell`` needs for its result.

    Attributes:
        study: the study it belongs to.
        trial: the choice, as it is stored.
        request: prompt, negative prompt, seed and settings to draw with.
        together: number of choices asked at once.
    """

    study: ExternalStudy
    trial: Trial
    request: Request
    together: int = 1


@dataclass(frozen=True)
class ExternalStudy:
    """A space that is tuned on pictures drawn elsewhere.

    Attributes:
        folder: of the collection.
        space: the prompts to choose from.
        judge: judges every picture; ratings, choices between pictures and scores from outside count in its place as soon
            as there are any.
        generator: stands for the model that draws.
        seed: of the search, and of the first image; image seeds count up.
    """

    folder: Path
    space: PromptSpace
    judge: GuardedJudge
    generator: ExternalGenerator
    seed: int = 0

    def tuner(self, collection: Collection, batch: int = BATCH) -> Tuner:
        """The tuner of this study, for everything but drawing."""
        people = {f"{PERSON}{name}": 1.0 for name in who_judged(collection)}
        panel = Panel({self.judge: 0.0, **people}, observed=(OBSERVED,))
        return Tuner(collection, self.generator, self.space, panel, seed=self.seed, batch=batch, prune=False)

    def ask(self, count: int = 1) -> list[Question]:
        """The next choices; once every choice is drawn, the leaders on new seeds.

        Args:
            count: number of choices, at least 1; fewer come back if the space has run out.

        Raises:
            CollectionError: the collection cannot be opened or written.
            SoartError: a space of a single choice, or one that is used up.
        """
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
    """The result of a choice as it was stored.

    Attributes:
        row: the picture in the collection.
        score: by the study's judge; None without one.
        reasons: at most three, which moved the score most against the usual picture.
        problem: why there is no score, in words such as ``"nothing but one tone"``; empty if there is one.
    """

    row: ImageRow
    score: float | None
    reasons: Sequence[Reason] = ()
    problem: str = ""


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
    """Store the picture of a choice, with its score and rating.

    Args:
        question: as ``ask`` returned it.
        pixels: (h, w, 3) uint8.
        problem: a reason to learn nothing from the picture, such as ``"all black"``.
        score: of any other judge, higher is better; all such scores of a study must be on one scale.
        rating: 1–5, by ``rater``.
        rater: name of the person who rated.
        texts: further texts of the stored file by keyword; None for a file without any text.

    Raises:
        CollectionError: an invalid rating, score or rater's name (nothing is stored then), or the collection cannot be
            written.
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
