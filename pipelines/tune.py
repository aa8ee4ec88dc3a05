"""Tuning prompts: ask the steering model for choices, draw them, judge them, and again.

All that is known lies in the collection (choices, pictures, items, ratings), and the rating model is fitted afresh to it for every batch: a killed
run goes on where it was, ratings given meanwhile count at once, and a space that was edited keeps what still has a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..errors import ItemsError, SoartError
from ..prompts.arrays import first_batch
from ..prompts.search import Domain
from ..prompts.space import PromptSpace
from ..prompts.steering import Steering
from . import jobs, ratings
from .collection import Collection
from .generate import ImageGenerator, Request
from .rank import Scorer, measure
from .schema import ImageRow
from .studies import Asked, read_study, write_down

#: Pictures drawn between two questions to the model.
BATCH = 8
#: Middle and unit of ratings from 1 to 5.
MIDDLE, STEP = 3.0, 1.0
#: An orthogonal array opens a run where it takes no more than this share of the budget.
OPENING = 0.3


class Judge(NamedTuple):
    """A rater of the rating model: a profile or a person, on pictures of one base subject."""

    name: str
    context: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of the pictures of a study.

    Attributes:
        asked: (n,) choices whose pictures are sound and readable.
        scores: (n,) under the profile.
        items: (n, p).
        stars: ratings 1–5 by rater, each by picture id.
    """

    asked: list[Asked]
    scores: np.ndarray
    items: np.ndarray
    stars: dict[str, dict[int, float]]

    @property
    def location(self) -> float:
        """Mean score."""
        return float(self.scores.mean()) if len(self.scores) else 0.0

    @property
    def spread(self) -> float:
        """Deviation of the scores; 1 where all are equal."""
        deviation = float(self.scores.std()) if len(self.scores) else 0.0
        return deviation if deviation > 1e-9 * (1 + abs(self.location)) else 1.0


class Tuner:
    """Steers the prompts of one space on one collection.

    Args:
        collection: where everything is kept.
        generator: draws the pictures.
        space: what may be chosen.
        scorer: judges every picture.
        raters: people of the collection whose ratings are the goal; without them the goal is the score.
        seed: of the images, counting up, and of the search.
        batch: pictures between two questions to the model.
        budget: pictures in all, earlier runs included.
    """

    def __init__(
        self,
        collection: Collection,
        generator: ImageGenerator,
        space: PromptSpace,
        scorer: Scorer,
        *,
        raters: Sequence[str] = (),
        seed: int = 0,
        batch: int = BATCH,
        budget: int = 120,
    ) -> None:
        space.check_tunable()
        if batch < 1 or budget < 1:
            raise SoartError(f"Expected a batch and a budget of at least one picture, got {batch} and {budget}.")
        self.collection, self.generator, self.space, self.scorer = collection, generator, space, scorer
        self.raters, self.seed, self.batch, self.budget = tuple(raters), seed, batch, budget
        self.study = read_study(collection, space)

    @property
    def contexts(self) -> tuple[str, ...]:
        """Base subjects, or one empty text."""
        return self.space.contexts or ("",)

    @property
    def done(self) -> int:
        """Pictures of this space that were asked for and drawn."""
        return len(self.study.own) - len(self.study.waiting)

    @property
    def left(self) -> int:
        """Pictures that the budget still allows."""
        return max(0, self.budget - self.done)

    def rng(self, purpose: int) -> np.random.Generator:
        """A generator that depends on the seed and on how far the study is, so that a resumed run takes the same steps."""
        return np.random.default_rng([self.seed, len(self.study.own), purpose])

    def request(self, asked: Asked) -> Request:
        """The picture of a choice."""
        context = self.contexts.index(asked.context) if asked.context in self.contexts else 0
        words = self.space.render(asked.choice, context)
        return self.generator.request(words.prompt, asked.seed, negative=words.negative, **words.settings)

    def ask(self, count: int, leaders: int = 0) -> list[Asked]:
        """The next ``count`` choices, written down; those of a killed run first."""
        waiting = [asked for asked in self.study.waiting if self.space.allows(asked.choice)]
        if waiting:
            return waiting[:count]
        steering = self.steering()
        choices = steering.ask(count, self.rng(1), leaders=min(leaders, count) if steering.pictures else 0)
        start, batch = len(self.study.own), 1 + max((a.batch for a in self.study.own), default=-1)
        known = {asked.request_key for asked in self.study.own}
        asked = []
        for number, choice in enumerate(choices, start=start):
            # The seed is what a choice must be robust against, so every picture has its own.
            context = self.contexts[number % len(self.contexts)]
            one = Asked(number, batch, self.space.check(choice), context, self.seed + number, "")
            key = self.request(one).key(self.generator.model.identity)
            if key not in known:
                asked.append(replace(one, request_key=key))
        write_down(self.collection, self.space, asked)
        return asked

    def draw(self, asked: Sequence[Asked], progress: Callable[[int], None] = lambda done: None) -> list[ImageRow]:
        """Draw and measure choices, and read the study again.

        Raises:
            ModelError: the model fails, or its settings are out of range.
            SoartError: not one picture of the batch can be judged.
        """
        requests = [self.request(one) for one in asked]
        made = jobs.generate(self.collection, self.generator, requests, self.scorer, progress)
        self.study = read_study(self.collection, self.space)
        if asked and all(row.problem for row in made.rows):
            raise SoartError(
                f"All {len(asked)} pictures of the last batch failed ({made.rows[0].problem}): try another model, dtype or settings."
            )
        return made.rows

    def step(self, progress: Callable[[int], None] = lambda done: None) -> list[ImageRow]:
        """One batch; empty when the budget or the space is used up."""
        count = min(self.batch, self.left)
        # Towards the end the leaders are shown again, on other seeds.
        leaders = self.batch // 4 if self.left <= self.budget // 3 else 0
        asked = self.ask(count, leaders) if count else []
        return self.draw(asked, progress) if asked else []

    def judged(self) -> Judged:
        """All sound pictures with their scores and ratings."""
        drawn = self.study.drawn
        rows = [asked.row for asked in drawn if asked.row is not None]
        items, _ = measure(self.collection, rows, self.scorer)
        kept = [asked for asked in drawn if asked.row is not None and asked.row.id in items]
        matrix = np.array([items[a.row.id] for a in kept if a.row is not None], dtype=np.float64)
        scores = self.scorer.score(matrix) if kept else np.zeros(0)
        if not np.isfinite(scores).all():
            raise ItemsError(f"The score {self.scorer.name!r} is not a number for some pictures: learn it anew.")
        stars = {rater: ratings.ratings(self.collection, rater) for rater in self.raters}
        return Judged(kept, scores, matrix, stars)

    def steering(self, judged: Judged | None = None) -> Steering:
        """The steering model after all that is known, in deviations of the score (ratings: in stars from the middle)."""
        judged = judged or self.judged()
        first = None
        if not judged.asked:
            design = first_batch(self.space, self.batch, self.rng(0)).choices
            first = design if len(design) <= max(self.batch, OPENING * self.budget) else None
        people = [rater for rater in self.raters if judged.stars[rater]]
        judges: list[str] = people or [self.scorer.name]
        goal: dict[Hashable, float] = {Judge(judge, context): 1.0 for judge in judges for context in self.contexts}
        steering = Steering(
            Domain.of(self.space.levels, [mask.tolist() for mask in self.space.masks], self.space.allows),
            first=first,
            goal=goal if judged.asked else None,
        )
        choices, values, who, pictures = [], [], [], []
        for asked, score in zip(judged.asked, judged.scores, strict=True):
            said: dict[str, float] = {self.scorer.name: (score - judged.location) / judged.spread}
            for rater in people:
                if asked.row is not None and asked.row.id in judged.stars[rater]:
                    said[rater] = (judged.stars[rater][asked.row.id] - MIDDLE) / STEP
            for judge, value in said.items():
                choices.append(asked.choice)
                values.append(value)
                who.append(Judge(judge, asked.context))
                pictures.append(asked.request_key)
        if choices:
            steering.tell(np.array(choices), np.array(values), raters=who, pictures=pictures)
        return steering


def tune(
    tuner: Tuner,
    *,
    stop_below: float = 0.0,
    on_batch: Callable[[Tuner, list[ImageRow]], None] = lambda tuner, rows: None,
    progress: Callable[[int], None] = lambda done: None,
) -> str:
    """Run a tuner until its budget is spent, the space is used up, or going on can gain little.

    Args:
        tuner: ready to go, or back from an interruption.
        stop_below: stop when what going on can still gain, in deviations of the score, is surely below this; 0 for never.
        on_batch: called after each batch with its pictures.
        progress: called with the number of pictures drawn.

    Returns:
        why it ended, in a sentence.
    """
    progress(tuner.done)
    while tuner.left:
        rows = tuner.step(progress)
        if not rows:
            return "Every allowed choice has been shown."
        on_batch(tuner, rows)
        if stop_below > 0 and tuner.done >= 3 * tuner.batch and tuner.steering().should_stop(tuner.rng(2), stop_below):
            return f"Going on can gain less than {stop_below:g} deviations of the score."
    return f"The budget of {tuner.budget} pictures is spent."
