"""Tuning where somebody else draws: ask for a choice, let it be drawn anywhere, tell the picture and what is thought of it.

All that is known lies in the collection, as it does for ``Tuner``, so that the asking and the telling may be in different processes and
days apart. A choice that was asked for and never told comes again with the next question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from ...errors import CollectionError, ModelError, SoartError
from ...metrics.protocols import Scorer
from ...prompts.space.space import PromptSpace
from ..collection.collection import Collection
from ..collection.ratings import OBSERVED, check_rater, check_rating, rate, raters
from ..collection.tables import ImageRow
from ..models.generator import ImageGenerator
from ..models.loading import LoadedModel
from ..models.request import DrawnPicture, Request
from ..scoring.measuring import measure
from .leaders import replicate
from .panel import Panel
from .study import Trial
from .tuner import BATCH, Tuner


class ExternalGenerator(ImageGenerator):
    """Stands where the generator is when pictures are drawn elsewhere: it makes requests, and draws nothing.

    Args:
        name: of whatever draws; what is learnt from pictures of one name says nothing of another.
        steps: where a choice decides none.
        guidance: likewise.
        size: width and height, likewise.
    """

    def __init__(self, name: str, steps: int = 20, guidance: float = 7.0, size: tuple[int, int] | None = None) -> None:
        if not name.strip():
            raise ModelError("Expected a name for the model that draws, got none: choices are kept apart by it.")
        takes = frozenset({"prompt", "negative_prompt", "guidance_scale", "width", "height"})
        super().__init__(LoadedModel(None, name.strip(), "", "", "none", steps, guidance, size, 1, takes))

    def _scheduler(self, name: str | None) -> None:
        """Whatever draws knows its own schedulers."""

    def draw(self, requests: Iterable[Request]) -> NoReturn:
        """Refuse.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"The pictures of {self.model.identity!r} are drawn elsewhere: ask, draw there, and tell.")

    def preview(self, requests: Iterable[Request], share: float) -> Iterator[list[DrawnPicture]]:
        """Refuse, as ``draw`` does."""
        return self.draw(requests)


@dataclass(frozen=True)
class Question:
    """A choice asked of somebody who draws elsewhere, and all that is needed to tell the result.

    Attributes:
        study: folder of the collection, space, profile, and who draws.
        asked: the choice, as it was written down.
        request: prompt, negative prompt, seed and settings to draw with.
        together: how many were asked at once.
    """

    study: ExternalStudy
    asked: Trial
    request: Request
    together: int = 1


@dataclass(frozen=True)
class ExternalStudy:
    """A space that is tuned on pictures drawn elsewhere.

    Attributes:
        folder: of the collection.
        space: what may be chosen.
        scorer: judges every picture; ratings and scores that are told count in its place as soon as there are any.
        outside: who draws.
        seed: of the images, counting up, and of the search.
    """

    folder: Path
    space: PromptSpace
    scorer: Scorer
    outside: ExternalGenerator
    seed: int = 0

    def tuner(self, collection: Collection, batch: int = BATCH) -> Tuner:
        """The tuner of this study, which can do all but draw."""
        panel = Panel([self.scorer], raters(collection), outside=(OBSERVED,))
        return Tuner(collection, self.outside, self.space, panel, seed=self.seed, batch=batch, prune=False)

    def ask(self, count: int = 1) -> list[Question]:
        """The next choices; once all were shown, the best ones again on further seeds.

        Args:
            count: how many, at least 1; there may be fewer where the space has no more to give.

        Raises:
            CollectionError: the collection cannot be opened or written.
            SoartError: a space of one choice, or one that is used up.
        """
        with Collection(self.folder) as collection:
            tuner = self.tuner(collection, max(count, 1))
            asked = tuner.waiting[:count]
            if missing := count - len(asked):
                steering = tuner.steering()
                steering.reserve(np.array([one.choice for one in asked]).reshape(-1, len(self.space.slots)))
                asked += tuner.write(steering.ask(missing, tuner.rng(1)))
            asked = asked or replicate(tuner, count)
            if not asked:
                raise SoartError(
                    f"All {self.space.size} choices of the space have been shown, the best ones several times: add options, or "
                    "look at the effects."
                )
            return [Question(self, one, tuner.request(one), len(asked)) for one in asked]


def tell(
    question: Question,
    pixels: np.ndarray,
    *,
    problem: str | None = None,
    score: float | None = None,
    rating: float | None = None,
    rater: str = "me",
) -> tuple[ImageRow, float | None]:
    """Put the picture of a choice into the collection, and what is thought of it.

    Args:
        question: as it was asked.
        pixels: (h, w, 3) uint8.
        problem: why the picture is not to be learnt from, such as ``"all black"``.
        score: of any other judge, on any scale, higher is better; all such scores of a study must be of one scale.
        rating: 1–5, by ``rater``.
        rater: who rated.

    Returns:
        the picture in the collection, and its score under the study's profile; None with a problem.

    Raises:
        CollectionError: a rating, score or rater's name that is none (nothing is stored then), or a collection that cannot be written.
    """
    if score is not None and not np.isfinite(score):
        raise CollectionError(f"Expected a finite score, got {score}.")
    study = question.study
    if rating is not None:
        check_rating(rating)
        if check_rater(rater) == study.scorer.stored_name:
            raise CollectionError(
                f"{rater!r} is the name of the profile that judges: choose another for whoever rates."
            )
    with Collection(study.folder) as collection:
        drawn = DrawnPicture(question.request, pixels, problem, 0.0)
        identity = study.outside.model.identity
        row = collection.add_drawn([drawn], identity, question.request.scheduler or "unknown")[0]
        if problem:
            return row, None
        items, unreadable = measure(collection, [row], study.scorer, {row.id: pixels})
        if unreadable:
            raise CollectionError(unreadable[0])
        own = float(study.scorer.score(items[row.id][None].astype(np.float64))[0])
        collection.set_scores(study.scorer.stored_name, {row.id: own})
        if score is not None:
            collection.set_scores(OBSERVED, {row.id: float(score)})
        if rating is not None:
            rate(collection, rater, {row.id: rating})
    return row, own
