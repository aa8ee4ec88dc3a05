"""Tuning prompts: ask the steering model for choices, draw them, collect the judgements, and again.

All that is known lies in the collection (choices, pictures, items, ratings), and the rating model is fitted afresh to it for every batch: a killed
run goes on where it was, ratings given meanwhile count at once, and a space that was edited keeps what still has a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np

from ...errors import SoartError
from ...prompts.space.space import Choice, PromptSpace
from ...prompts.steering.orthogonal_arrays import first_batch
from ...prompts.steering.search import Domain
from ...prompts.steering.steering import Steering
from .. import generate as jobs
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..models.generator import ImageGenerator
from ..models.request import Request
from . import pruning
from .panel import Judge, Judgements, Panel, collect_judgements
from .pruning import CANDIDATES, SHARES, add_previews, expected_scores, halve
from .study import Study, Trial, read_study, store_previews, store_trials

#: Pictures drawn between two questions to the model.
BATCH = 8
#: An orthogonal array opens a run where it takes no more than this share of the budget.
OPENING = 0.3
#: Share of the budget that is kept, at most, to show the winners again.
KEPT = 0.25


class Tuner:
    """Steers the prompts of one space on one collection.

    Args:
        collection: where everything is kept.
        generator: draws the pictures.
        space: what may be chosen.
        panel: who judges, and what the goal is.
        seed: of the images, counting up, and of the search.
        batch: pictures between two questions to the model.
        budget: pictures in all, earlier runs included.
        pareto: look for all trade-offs between the judges of the goal, not for the best of their weighted mean alone.
        prune: drop poor candidates after an early look, where looks have proved to agree with pictures; see ``pruning``.

    Raises:
        PromptError: a space of one choice.
        SoartError: numbers out of range.
    """

    def __init__(
        self,
        collection: Collection,
        generator: ImageGenerator,
        space: PromptSpace,
        panel: Panel,
        *,
        seed: int = 0,
        batch: int = BATCH,
        budget: int = 120,
        pareto: bool = False,
        prune: bool = True,
    ) -> None:
        space.check_tunable()
        if batch < 1 or budget < 1:
            raise SoartError(f"Expected a batch and a budget of at least one picture, got {batch} and {budget}.")
        if pareto and len(space.contexts) > 1:
            raise SoartError("Trade-offs between judges are looked for on one base subject: leave the others out.")
        self.collection, self.generator, self.space, self.panel = collection, generator, space, panel
        self.seed, self.batch, self.budget, self.pareto = seed, batch, budget, pareto
        self.prune = prune and generator.can_preview
        #: Base subjects, or one empty text.
        self.contexts = space.contexts or ("",)
        self.study = self._read()

    @property
    def done(self) -> int:
        """Pictures of this space that were asked for and drawn."""
        return sum(asked.row is not None for asked in self.study.own)

    @property
    def waiting(self) -> list[Trial]:
        """Choices of a killed run that are still allowed and would still be drawn as they were asked for."""
        allowed = [a for a in self.study.waiting if a.context in self.contexts and self.space.allows(a.choice)]
        return [asked for asked in allowed if self._key(asked) == asked.request_key]

    @property
    def left(self) -> int:
        """Pictures that the budget still allows."""
        return max(0, self.budget - self.done)

    @property
    def kept(self) -> int:
        """Pictures of the budget that are kept to show the leaders again on other seeds."""
        return min(WINNERS * (SEEDS - 1), int(KEPT * self.budget))

    def rng(self, purpose: int) -> np.random.Generator:
        """A generator that depends on the seed and on how far the study is, so that a resumed run takes the same steps."""
        return np.random.default_rng([self.seed, len(self.study.own), purpose])

    def request(self, asked: Trial) -> Request:
        """The picture of a choice."""
        words = self.space.render(asked.choice, self.contexts.index(asked.context))
        return self.generator.request(words.prompt, asked.seed, negative=words.negative, **words.settings)

    def ask(self, count: int) -> list[Trial]:
        """The next ``count`` choices, written down; those of a killed run first."""
        return self.waiting[:count] or self.write(self.steering().ask(count, self.rng(1)))

    def write(self, choices: Sequence[Choice] | np.ndarray) -> list[Trial]:
        """Write down a batch of choices, each on a seed of its own, for seeds are what a choice must be robust against."""
        start, batch = (
            len(self.study.own),
            1 + max((asked.batch for asked in (*self.study.earlier, *self.study.own)), default=-1),
        )
        written = []
        for number, choice in enumerate(choices, start=start):
            context = self.contexts[number % len(self.contexts)]
            asked = Trial(number, batch, self.space.check(choice), context, self.seed + number, "")
            written.append(replace(asked, request_key=self._key(asked)))
        store_trials(self.collection, self.space, self.generator.model.identity, written)
        return written

    def draw(self, asked: Sequence[Trial], progress: Callable[[int], None] = lambda done: None) -> list[ImageRow]:
        """Draw and measure choices, and read the study again.

        Raises:
            ModelError: the model fails, or its settings are out of range.
            SoartError: all pictures failed.
        """
        made = jobs.generate(
            self.collection, self.generator, [self.request(one) for one in asked], self.panel.scorers[0], progress
        )
        self.study = self._read()
        if asked and all(row.problem for row in made.rows):
            raise SoartError(
                f"All {len(asked)} pictures of the last batch failed ({made.rows[0].problem}): try another model, dtype or settings."
            )
        return made.rows

    def step(self, progress: Callable[[int], None] = lambda done: None) -> list[ImageRow]:
        """One batch; empty when the budget, but for what is kept, or the space is used up."""
        count = min(self.batch, self.left - self.kept)
        asked = self._candidates(count) if count > 0 else []
        return self.draw(asked, progress) if asked else []

    def _candidates(self, count: int) -> list[Trial]:
        """At most ``count`` choices to draw: the next ones, or the better half of twice as many after an early look."""
        judged = self.judged() if self.prune else None
        if judged is None or judged.people & set(judged.goal):
            return self.ask(count)
        share = pruning.account(self.study, judged).share
        looks = SHARES if len(judged.asked) < pruning.FEWEST else () if share is None else (share,)
        asked = self.ask(count * (CANDIDATES if share else 1))
        for one in looks:
            asked = add_previews(self.generator, self.panel, asked, one, self.request)
        if share:
            asked = halve(judged, asked, share, count)
        if looks:
            store_previews(self.collection, self.space, asked)
        return [one for one in asked if not one.dropped][:count]

    def judged(self) -> Judgements:
        """What the judges say of all sound pictures."""
        return collect_judgements(self.panel, self.collection, self.study.drawn)

    def steering(self, judged: Judgements | None = None) -> Steering:
        """The steering model after all that is known, every judge in units of its own."""
        judged = judged or self.judged()
        first = None
        if not judged.asked:
            design = first_batch(self.space, self.batch, self.rng(0)).choices
            first = design if len(design) <= max(self.batch, OPENING * self.budget) else None
        goal: dict[Hashable, float] = {
            Judge(name, context): weight for name, weight in judged.goal.items() for context in self.contexts
        }
        steering = Steering(
            Domain.of(self.space.levels, [mask.tolist() for mask in self.space.masks], self.space.allows),
            first=first,
            goal=goal or None,
            pareto=self.pareto,
        )
        # Another seed rarely helps, and nothing is told of them that would keep the search away.
        steering.reserve(np.array([one.choice for one in self.study.failed]).reshape(-1, len(self.space.slots)))
        told = [
            (asked, Judge(name, asked.context), value)
            for name in judged.said
            for asked, value in zip(judged.asked, judged.standard(name), strict=True)
            if np.isfinite(value)
        ]
        for scorer in self.panel.scorers:
            middle, unit = judged.unit(scorer.stored_name)
            told += [
                (asked, Judge(scorer.stored_name, asked.context), (value - middle) / unit)
                for asked, value in expected_scores(self.study, judged, scorer.stored_name)
            ]
        if told:
            steering.tell(
                np.array([asked.choice for asked, _, _ in told]),
                np.array([value for _, _, value in told]),
                raters=[judge for _, judge, _ in told],
                pictures=[asked.request_key for asked, _, _ in told],
            )
        return steering

    def _read(self) -> Study:
        return read_study(self.collection, self.space, self.generator.model.identity)

    def _key(self, asked: Trial) -> str:
        return self.request(asked).key(self.generator.model.identity)


#: Winners that are named, and pictures of each before they are.
WINNERS, SEEDS = 3, 4
