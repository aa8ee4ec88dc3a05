"""Tunes prompts in rounds of choices, pictures and judgements.

The collection holds everything: choices, pictures, items and ratings. The rating model is fitted to it afresh for every
batch. So a killed run continues where it was, new ratings count at once, and an edited space keeps the choices that
still have a meaning.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ImageError, PromptError, SoartError, expect
from ...notebooks import SHOWN, html_table
from ...prompts.space.space import Choice, PromptSpace
from ...prompts.steering.orthogonal_arrays import first_batch
from ...prompts.steering.proposals import Proposer
from ...prompts.steering.spaces import domain_of, words_of
from ...prompts.steering.steering import Steering
from .. import generate as generation
from ..collection.collection import Collection
from ..collection.provenance import good_prompts
from ..collection.tables import ImageRow
from ..collection.thumbnails import thumbnail
from ..judges.catalogue import Tastes
from ..models.request import Lora, Request
from ..scoring.taste_store import StoresInTurn, TasteStore, tastes_of
from ..support.progress import Advance, silent
from . import pruning
from .dead_slots import dead_slots, left_out
from .evidence import JudgedChoices
from .panel import Judgements, Panel, RaterKey, collect_judgements
from .panel_tastes import Known, PanelTastes
from .proposing import PROMPTS, SpaceStep, history_of, next_step, store_steps, take
from .pruning import CANDIDATES, SHARES, add_previews, expected_scores, halve
from .study import Study, Trial, read_study, store_previews, store_trials

if TYPE_CHECKING:
    from ...metrics.protocols import Making
    from ..models.generator import ImageGenerator

#: Pictures drawn between two decisions of the steering model.
BATCH = 8
#: An orthogonal array opens a run if it takes no more than this share of the budget.
OPENING_SHARE = 0.3
#: Failed pictures in a row that end a run, in batches of one too.
MOST_FAILURES = 3
#: Largest share of the budget that is reserved for drawing the leaders on new seeds.
RESERVED_SHARE = 0.25
#: Winners that are named, and pictures of each before they are.
WINNERS, SEEDS = 3, 4


class Tuner:
    """Steers the prompts of one space in one collection.

    Args:
        collection: holds the choices, pictures and judgements.
        generator: draws the pictures.
        space: the prompts to choose from.
        panel: the judges and the goal.
        seed: of the search, and of the first image; image seeds count up.
        batch: pictures between two decisions of the steering model, at least 1.
        budget: pictures in all, those of earlier runs included, at least 1.
        pareto: look for all trade-offs between the judges of the goal, not only for the best weighted mean.
        prune: drop poor candidates after a preview, once previews have proved to rank like final pictures; see
            ``pruning``.
        proposer: adds and retires options between batches, such as ``soart.vocabulary_proposer()``; None leaves the space
            as it is.
        tastes: where the tastes of people who judge are looked for, by their names; by default in the collection, then among
            the user's.

    Raises:
        PromptError: a space of a single choice.
        LoraError: a prompt of the space names a LoRA that there is not.
        ModelError: the model takes no negative prompt or no word weights, and the space has some; or it is the embedded
            model, and no prompt of the space names a subject that it knows.
        SoartError: numbers out of range, or ``pareto`` with several base subjects.

    Examples:
        >>> import soart
        >>> generator = soart.ImageGenerator(soart.load_model(device="cpu"))
        >>> space = soart.PromptSpace.from_text("a {boat|fox} in {warm|cool} colors")
        >>> tuner = soart.Tuner(soart.Collection(None), generator, space, soart.Panel("technical"), budget=4)
        >>> tuner.done, tuner.left
        (0, 4)
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
        proposer: Proposer | None = None,
        tastes: Tastes | None = None,
    ) -> None:
        from ..models.generator import ImageGenerator

        for what, value, kind in (
            ("a collection", collection, Collection),
            ("a generator such as ImageGenerator(load_model())", generator, ImageGenerator),
            ("a PromptSpace", space, PromptSpace),
            ("a Panel of judges", panel, Panel),
        ):
            expect(what, value, kind)
        if proposer is not None and not hasattr(proposer, "propose"):
            raise SoartError(f"Expected a proposer such as soart.vocabulary_proposer(), got {proposer!r:.80}.")
        space.check_tunable()
        for what, number in (("batch", batch), ("budget", budget), ("seed", seed)):
            expect(f"the {what} as a whole number", number, int)
        if batch < 1 or budget < 1:
            raise SoartError(f"Expected a batch and a budget of at least one picture, got {batch} and {budget}.")
        if pareto and len(space.contexts) > 1:
            raise SoartError("Trade-offs between judges need a single base subject: leave the others out.")
        self.collection, self.generator, self.space, self.panel = collection, generator, space, panel
        self.proposer = proposer
        # SQLite would store whole numbers of NumPy as bytes.
        self.seed, self.batch, self.budget, self.pareto = int(seed), int(batch), int(budget), pareto
        self.prune = prune and generator.can_preview
        #: Base subjects, or one empty text.
        self.contexts = space.contexts or ("",)
        #: Changes of the options, of earlier runs too, and the versions of the space before them.
        self.steps, self._stages = self._resume()
        #: The LoRAs that prompts of the space name.
        self._loras = self._named_loras()
        self.study = self._read()
        own = [tastes_of(collection.folder)] if collection.folder else []
        self._tastes = PanelTastes(panel, tastes or StoresInTurn(*own, TasteStore()))
        self._hints: JudgedChoices | None = None
        #: Pictures at the end of what was drawn that failed, one after the other.
        self._failures = 0
        #: Slots that change nothing, as sentences; see ``find_dead_slots``.
        self.dead_slots: list[str] = []

    @property
    def done(self) -> int:
        """Number of drawn pictures of this space."""
        return sum(trial.row is not None for trial in self.study.own)

    @property
    def waiting(self) -> list[Trial]:
        """Choices of a killed run that are still allowed and would give the same picture now."""
        allowed = [t for t in self.study.waiting if t.context in self.contexts and self.space.allows(t.choice)]
        return [trial for trial in allowed if self._key(trial) == trial.request_key]

    @property
    def left(self) -> int:
        """Number of pictures that the budget still allows."""
        return max(0, self.budget - self.done)

    @property
    def reserved(self) -> int:
        """Number of pictures of the budget that are reserved for drawing the leaders on new seeds."""
        own = SEEDS if self.own_words() is not None else 0
        return min(WINNERS * (SEEDS - 1) + own, int(RESERVED_SHARE * self.budget))

    def own_words(self, like: Choice | None = None) -> Choice | None:
        """The prompt as the user wrote it, with the settings of another choice; None if the space always adds words."""
        described = self.space.describe(like) if like is not None else {}
        settings = {
            slot.name: described.get(slot.name, slot.texts[0]) for slot in self.space.slots if slot.kind == "setting"
        }
        if len(self.contexts) > 1 or len(settings) == len(self.space.slots):
            return None
        with suppress(PromptError):
            own = self.space.choice_of(settings)
            return own if self.space.allows(own) else None
        return None

    def rng(self, purpose: int) -> np.random.Generator:
        """Random numbers by seed and number of choices, so that a resumed run takes the same steps."""
        return np.random.default_rng([self.seed, len(self.study.own), purpose])

    def request(self, trial: Trial) -> Request:
        """The request for the picture of a choice."""
        words = self.space.render(trial.choice, self.contexts.index(trial.context))
        return self.generator.request(words.prompt, trial.seed, negative=words.negative, **words.settings)

    def find_dead_slots(self) -> list[str]:
        """Leave out slots that change nothing, found by drawing small trial pictures; returns a sentence for each."""

        def request(choice: Choice) -> Request:
            return self.request(Trial(0, 0, choice, self.contexts[0], self.seed, ""))

        dead = dead_slots(self.space, self.generator, request)
        self.space = left_out(self.space, dead)
        # Of slots that are left out already nothing more is found.
        self.dead_slots = list(dict.fromkeys([*self.dead_slots, *dead.values()]))
        return self.dead_slots

    def ask(self, count: int, judgements: Judgements | None = None) -> list[Trial]:
        """The next ``count`` choices, stored; those of a killed run first."""
        if waiting := self.waiting[:count]:
            return waiting
        steering = self.steering(judgements)
        # Without a value nobody told of what is drawn, which would be asked for again.
        if judgements is not None and not judgements.goal and self.study.drawn:
            steering.reserve(np.array([trial.choice for trial in self.study.drawn]))
        return self.write(steering.ask(count, self.rng(1)))

    def write(self, choices: Sequence[Choice] | np.ndarray, seeds: Sequence[int] = ()) -> list[Trial]:
        """Store a batch of choices, each with a new image seed: a good choice must be good on every seed.

        ``seeds`` are those of the last choices, where they are to be drawn beside others.
        """
        known = [*self.study.earlier, *self.study.own]
        start, model = len(self.study.own), self.generator.model.identity
        batch = 1 + max((trial.batch for trial in known), default=-1)
        used, seed = {trial.request_key for trial in known}, max((trial.seed for trial in known), default=-1)
        trials = []
        for number, choice in enumerate(choices, start=start):
            context = self.contexts[number % len(self.contexts)]
            told = number - start - len(choices) + len(seeds)
            given = seeds[told] if told >= 0 else self.seed + number
            trial = Trial(number, batch, self.space.check(choice), context, given, "")
            # An earlier version of the space began with the same seeds: its pictures would come again.
            while (request := self.request(trial)).key(model) in used:
                seed = max(seed, self.seed + number) + 1
                trial = replace(trial, seed=seed)
            used.add(key := request.key(model))
            trials.append(replace(trial, request_key=key, loras=request.loras))
        store_trials(self.collection, self.space, model, trials)
        return trials

    def draw(self, trials: Sequence[Trial], progress: Advance = silent) -> list[ImageRow]:
        """Draw and measure choices, and read the study again.

        Raises:
            ModelError: the model fails, or its settings are out of range.
            SoartError: every picture of several failed, or ``MOST_FAILURES`` in a row.
        """
        requests = [self.request(trial) for trial in trials]
        made = generation.generate(self.collection, self.generator, requests, self.panel.item_judges, progress)
        self.study = self._read()
        for row in made.rows:
            self._failures = self._failures + 1 if row.problem else 0
        all_failed = len(made.rows) > 1 and self._failures >= len(made.rows)
        if all_failed or self._failures >= MOST_FAILURES:
            which = (
                f"All {len(made.rows)} pictures of the last batch"
                if all_failed
                else f"The last {self._failures} pictures"
            )
            raise SoartError(f"{which} failed ({made.rows[-1].problem}): try another model, dtype or settings.")
        return made.rows

    def step(self, progress: Advance = silent) -> list[ImageRow]:
        """Draw one batch; returns no pictures when the budget (without its reserve) or the space is used up."""
        count = min(self.batch, self.left - self.reserved)
        if count <= 0:
            return []
        # Judged once for a batch, which takes a while with many pictures.
        judgements = self.judged()
        if self._propose(judgements):
            judgements = self.judged()
        trials = self._candidates(count, judgements)
        return self.draw(trials, progress) if trials else []

    def _resume(self) -> tuple[list[SpaceStep], set[str]]:
        """The steps taken so far, and the fingerprints of earlier stages; with a proposer, the space becomes the last one."""
        model = self.generator.model.identity
        self._root, steps = history_of(
            self.collection, self.space.fingerprint, model, self.seed, proposing=self.proposer is not None
        )
        steps = [step.judged_by(self.panel.counting) for step in steps]
        for step in steps:
            self.space = take(self.space, step)
        return steps, {self._root, *(step.fingerprint for step in steps)} if steps else set()

    def _propose(self, judgements: Judgements) -> bool:
        """Add and retire options, once between two batches, from the second on; True if that changed the space."""
        done = len(self.study.own)
        last = self.steps[-1].after if self.steps else 0
        if self.proposer is None or self.waiting or done < last + self.batch or done < 2 * self.batch:
            return False
        if not judgements.trials:
            return False
        prompts = good_prompts(self.collection, [*judgements.goal], {trial.request_key for trial in self.study.drawn})
        space, step = next_step(
            self.space, self.steering(judgements), self.proposer, prompts[:PROMPTS], self.generator.meanings, done,
            self.rng(8),
        )  # fmt: skip
        self.steps.append(replace(step, goal=self.panel.counting))
        model = self.generator.model.identity
        store_steps(self.collection, self._root, model, self.seed, self.steps)
        self.space, self._stages = space, {*self._stages, self._root, step.fingerprint}
        self.study = self._read()
        return True

    def _candidates(self, count: int, judgements: Judgements) -> list[Trial]:
        """At most ``count`` choices to draw: the next ones, or the better half of twice as many after a preview."""
        # Only judges of items see previews.
        final_only = {*self.panel.people, *(judge.stored_name for judge in self.panel.others)}
        floored = self.panel.floor is not None and self.panel.floor.least is not None
        if not self.prune or floored or final_only & set(judgements.goal):
            return self.ask(count, judgements)
        share = pruning.account(self.study, judgements).share
        previewed = () if share is None else (share,)
        shares = SHARES if len(judgements.trials) < pruning.MIN_PAIRS else previewed
        trials = self.ask(count * (CANDIDATES if share else 1), judgements)
        for each in shares:
            trials = add_previews(self.generator, self.panel, trials, each, self.request)
        if share:
            trials = halve(judgements, trials, share, count)
        if shares:
            store_previews(self.collection, self.space, trials)
        return [trial for trial in trials if not trial.dropped][:count]

    def judged(self) -> Judgements:
        """The judgements of all sound pictures."""
        return collect_judgements(self.panel, self.collection, self.study.drawn)

    def _repr_html_(self) -> str:
        """The best pictures so far as a table, for notebooks."""
        judgements = self.judged()
        goal = judgements.goal_values() if judgements.trials else np.zeros(0)
        best = [i for i in np.argsort(-goal, kind="stable") if np.isfinite(goal[i])][:SHOWN]
        rows = []
        for i in best:
            row = judgements.rows[i]
            try:
                picture = thumbnail(self.collection, row)
            except ImageError:
                picture = b""
            rows.append([picture, f"{goal[i]:.1f}", row.generation.prompt if row.generation else ""])
        below = [f"{self.done} of {self.budget} pictures drawn", *self.dead_slots]
        return html_table(["", "goal", "prompt"], rows, below)

    def steering(self, judgements: Judgements | None = None) -> Steering:
        """The steering model fitted to all judgements, every judge on a standard scale."""
        judgements = judgements or self.judged()
        # Before any judgement, what is known beforehand counts alone.
        weights = judgements.goal or {judge.name: self.panel.weight(judge.name) for judge in self._known_options()}
        goal: dict[Hashable, float] = {
            RaterKey(name, context): weight
            for name, weight in weights.items()
            if weight > 0
            for context in self.contexts
        }
        steering = Steering(
            domain_of(self.space, self.generator.meanings(words_of(self.space))),
            first=None if judgements.trials or self._known_hints() else self._opening(),
            goal=goal or None,
            pareto=self.pareto,
            # Every picture has a seed of its own.
            repeats=True,
            expected=self._tastes.expected(self._known_options(), judgements),
        )
        # Another seed rarely helps a failed choice, and without a judgement the search would come back to it.
        steering.reserve(self._choices(self.study.failed))
        for evidence, hints in ((self._known_hints(), True), (self._evidence(judgements), False)):
            if evidence:
                # Without the items of the pictures: they would take effects away from the options that they come from.
                steering.tell(
                    self._choices(evidence.trials),
                    evidence.feedback,
                    raters=evidence.judges,
                    pictures=[trial.request_key for trial in evidence.trials],
                    hints=hints,
                )
        return steering

    @property
    def beginnings(self) -> list[str]:
        """A sentence for each taste that the search begins with, or not yet."""
        return self._tastes.beginnings(self._known_options())

    def _known_options(self) -> Known:
        def drawn() -> set[str]:
            return {t.row.sha256[:16] for t in (*self.study.drawn, *self.study.hints) if t.row is not None}

        def making(context: str, choice: Choice) -> Making | None:
            from .from_taste import making_of_request

            request = self.request(Trial(0, 0, choice, context, self.seed, ""))
            return making_of_request(request, self.generator.model.identity, self.generator.model.sampler)

        return self._tastes.known(self.space, self.contexts, drawn, making)

    def leaders(self, steering: Steering, judgements: Judgements) -> tuple[list[Choice], np.ndarray]:
        """Allowed choices by expected goal, best first: every judged one, and the best of the whole space.

        Returns:
            n choices, and (draws, n) posterior draws of their goal.
        """
        unique = {self.space.check(steering.recommend(self.rng(4)).choice): None}
        unique.update({trial.choice: None for trial in judgements.trials if self.space.allows(trial.choice)})
        choices = list(unique)
        values = steering.values(np.array(choices), self.rng(3))
        order = np.argsort(-values.mean(axis=0), kind="stable")
        return [choices[i] for i in order], values[:, order]

    def winners(self, steering: Steering, judgements: Judgements) -> tuple[list[Choice], np.ndarray]:
        """The first ``WINNERS`` of the leaders that a judge of the goal has judged, with their draws; of all if none is.

        A prompt that only the model praises has not shown anything yet. But people rate few of the pictures, and those
        few need not be good.
        """
        choices, draws = self.leaders(steering, judgements)
        counting = [judgements.values[name] for name, weight in judgements.goal.items() if weight > 0]
        judged = {
            trial.choice for at, trial in enumerate(judgements.trials) if any(np.isfinite(of[at]) for of in counting)
        }
        first = [place for place, choice in enumerate(choices) if choice in judged or not judged][:WINNERS]
        return [choices[place] for place in first], draws[:, first]

    def replicate(self, count: int) -> list[Trial]:
        """Store leaders as choices on another seed each: at most ``count``, and none that has ``SEEDS`` pictures.

        One seed at a time, because a leader that was lucky soon gives way to others. The user's own words are drawn on
        a seed of the first leader.
        """
        if waiting := self.waiting[:count]:
            return waiting
        judgements = self.judged()
        if not judgements.trials:
            return []
        leaders, _ = self.leaders(self.steering(judgements), judgements)
        fewer = [leader for leader in leaders[:WINNERS] if _seeds_of(leader, judgements) < SEEDS]
        own = self.own_words(leaders[0]) if leaders else None
        seeds = {choice: [t.seed for t in judgements.trials if t.choice == choice] for choice in (own, *leaders[:1])}
        free = [seed for seed in seeds[leaders[0]] if seed not in seeds[own]][: SEEDS - len(seeds[own])] if own else []
        fewer = [choice for choice in fewer if choice != own or not free][: count - len(free[:1])]
        return self.write([*fewer, own], free[:1]) if own and free else self.write(fewer)

    def seeds_of_winners(self) -> list[int]:
        """Number of pictures of each of the ``winners``; empty before there are pictures."""
        judgements = self.judged()
        if not judgements.trials:
            return []
        return [_seeds_of(choice, judgements) for choice in self.winners(self.steering(judgements), judgements)[0]]

    def _opening(self) -> np.ndarray | None:
        """(n, slots) choices of an orthogonal array for the first batch; None if they exceed their share of the budget."""
        design = first_batch(self.space, self.batch, self.rng(0))
        return design if len(design) <= max(self.batch, OPENING_SHARE * self.budget) else None

    def _evidence(self, judgements: Judgements) -> JudgedChoices:
        """Every judgement, and the expected scores of dropped candidates."""
        evidence = JudgedChoices.of(judgements)
        for judge in self.panel.item_judges:
            middle, unit = judgements.scale(judge.stored_name)
            for trial, value in expected_scores(self.study, judgements, judge.stored_name):
                evidence.rate(trial, judge.stored_name, (value - middle) / unit)
        return evidence

    def _known_hints(self) -> JudgedChoices:
        """The judgements of hints, of the time when the tuner was made."""
        if self._hints is None:
            hints = [trial for trial in self.study.hints if trial.sound]
            judged = collect_judgements(self.panel.of_hints(), self.collection, hints) if hints else None
            self._hints = JudgedChoices.of(judged) if judged else JudgedChoices()
        return self._hints

    def _choices(self, trials: Sequence[Trial]) -> np.ndarray:
        return np.array([trial.choice for trial in trials]).reshape(-1, len(self.space.slots))

    def _read(self) -> Study:
        return read_study(self.collection, self.space, self.generator.model.identity, self._loras, self._stages)

    def _named_loras(self) -> set[Lora]:
        """The LoRAs of all prompts of the space; what cannot be drawn is a ``ModelError`` before the first picture."""
        loras: set[Lora] = set()
        rendered = [self.space.render(choice) for choice in self.space.covering()]
        for words in rendered:
            loras |= set(self.generator.request(words.prompt, self.seed, negative=words.negative).loras)
        self.generator.refuse_unknown(words.prompt for words in rendered)
        return loras

    def _key(self, trial: Trial) -> str:
        return self.request(trial).key(self.generator.model.identity)


def _seeds_of(choice: Choice, judgements: Judgements) -> int:
    """Number of judged pictures of a choice."""
    return sum(trial.choice == choice for trial in judgements.trials)
