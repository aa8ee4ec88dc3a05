"""What a tuned study has found: the best prompts over several seeds, what each option does, how the batches went, and alarms."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from ...errors import ImageError, SoartError
from ...metrics.damage.scorer import TechnicalScorer
from ...metrics.damage.titles import stored_title
from ...metrics.image import read_image
from ...prompts.space.rendering import RenderedChoice
from ...prompts.steering.batches import larger_the_better
from ...prompts.steering.steering import Steering
from ..collection.tables import ImageRow
from ..scoring.measuring import measure
from .alarms import FEWEST, appearance, find_alarms
from .leaders import leaders
from .panel import Judge, Judgements
from .pruning import account
from .tuner import WINNERS, Tuner


@dataclass(frozen=True, slots=True)
class Winner:
    """One of the best choices.

    Attributes:
        choice: options by slot.
        words: prompt, negative prompt and settings for each context.
        mean, low, high: expected goal with its 90 % interval, in the unit of the goal.
        scores: the goal of each of its pictures, as far as it was judged.
        robustness: larger-the-better SN ratio of those scores in dB; NaN where one is not positive.
        pictures: on different seeds.
    """

    choice: dict[str, str]
    words: list[RenderedChoice]
    mean: float
    low: float
    high: float
    scores: list[float]
    robustness: float
    pictures: list[ImageRow]


@dataclass(frozen=True, slots=True)
class OptionEffect:
    """What an option adds to a judge's opinion, the rest averaged, with its 90 % interval."""

    slot: str
    option: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class NamedPairEffect:
    """What two options add together beyond the sum of their effects."""

    first: str
    second: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TradeOff:
    """A choice that no other one beats for every judge: its words on the first context, and what each judge is expected to say."""

    words: RenderedChoice
    means: dict[str, float]


@dataclass(frozen=True, slots=True)
class BatchScore:
    """The goal over the judged pictures of a batch; NaN where none was judged."""

    number: int
    count: int
    mean: float
    best: float
    pictures: list[ImageRow]


@dataclass(frozen=True, slots=True)
class StudyFindings:
    """The findings.

    Attributes:
        goal: weights of the judges of the goal.
        unit: what a goal of 1 is: ``score``, ``stars``, or ``deviations`` of a weighted goal.
        winners: best first.
        effects: of every option that is not banned, on the goal's judge, or on what the judges have in common; slot by slot.
        importance: share of each slot in what varies.
        pairs: the strongest.
        raters: by judge, the options it likes most and least, in its own unit.
        front: the trade-offs between the judges of the goal, if there are several, each in its own unit.
        batches: in order.
        gain: what going on can still gain, in the unit of the goal, and its standard error.
        alarms, notes: sentences.
        yaml: the space, to be used again.
    """

    goal: dict[str, float]
    unit: str
    winners: list[Winner]
    effects: list[OptionEffect]
    importance: dict[str, float]
    pairs: list[NamedPairEffect]
    raters: dict[str, list[OptionEffect]]
    front: list[TradeOff]
    batches: list[BatchScore]
    gain: tuple[float, float]
    alarms: list[str]
    notes: list[str]
    yaml: str


def findings_of(tuner: Tuner) -> StudyFindings:
    """Everything that a study says.

    Raises:
        SoartError: no picture is judged yet.
    """
    judged = tuner.judged()
    if not judged.asked:
        raise SoartError("No picture of this space is there yet, so nothing can be said about it: raise the budget.")
    steering = tuner.steering(judged)
    middle, unit = judged.goal_unit
    named = list(judged.goal)
    judges: list[Hashable] = [Judge(name, context) for name in named for context in tuner.contexts]
    rater = judges[0] if len(judges) == 1 else None
    table = steering.effects(tuner.rng(5), rater)
    slots = tuner.space.slots

    def option(slot: int, number: int) -> str:
        return f"{slots[slot].name}: {slots[slot].texts[number] or '(nothing)'}"

    mean, error = steering.gain(tuner.rng(6))
    pruned = account(tuner.study, judged)
    only = named[0] if len(named) == 1 else None
    return StudyFindings(
        goal=judged.goal,
        unit="deviations" if only is None else "stars" if only in judged.people else "score",
        winners=_winners(tuner, steering, judged, middle, unit),
        effects=[
            OptionEffect(slots[e.slot].name, slots[e.slot].texts[e.option], unit * e.mean, unit * e.low, unit * e.high)
            for e in table.effects
            if e.option not in tuner.space.banned[e.slot]
        ],
        importance={slot.name: float(share) for slot, share in zip(slots, table.importance, strict=True)},
        pairs=[
            NamedPairEffect(
                option(p.slots[0], p.options[0]), option(p.slots[1], p.options[1]),
                unit * p.mean, unit * p.low, unit * p.high,
            )
            for p in table.pairs
        ],
        raters=_raters(tuner, steering, judged),
        front=_front(tuner, steering, judged),
        batches=_batches(judged),
        gain=(unit * mean, unit * error),
        alarms=_alarms(tuner, judged),
        notes=[*tuner.study.notes, *([str(pruned)] if pruned.looked else [])],
        yaml=tuner.space.to_yaml(),
    )  # fmt: skip


def _winners(tuner: Tuner, steering: Steering, judged: Judgements, middle: float, unit: float) -> list[Winner]:
    choices, draws = leaders(tuner, steering, judged)
    goal = judged.goal_values()
    winners = []
    for choice, values in zip(choices[:WINNERS], draws.T, strict=False):
        own = [number for number, asked in enumerate(judged.asked) if asked.choice == choice]
        scores = [float(goal[number]) for number in own if np.isfinite(goal[number])]
        mean, low, high = middle + unit * np.array([values.mean(), *np.quantile(values, [0.05, 0.95])])
        winners.append(
            Winner(
                tuner.space.describe(choice),
                [tuner.space.render(choice, context) for context in range(len(tuner.contexts))],
                float(mean), float(low), float(high),
                scores,
                larger_the_better(np.array(scores)),
                [judged.rows[number] for number in own],
            )
        )  # fmt: skip
    return winners


def _raters(tuner: Tuner, steering: Steering, judged: Judgements, top: int = 3) -> dict[str, list[OptionEffect]]:
    """The strongest effects on each judge, on its first context."""
    found, slots = {}, tuner.space.slots
    known = {judge.name: judge for judge in reversed(steering.model.raters_) if isinstance(judge, Judge)}
    for name, judge in sorted(known.items()):
        unit = judged.unit(name)[1]
        ordered = sorted(steering.effects(tuner.rng(5), judge).effects, key=lambda e: -e.mean)
        shown = [*ordered[:top], *ordered[-top:]] if len(ordered) > 2 * top else ordered
        found[name] = [
            OptionEffect(slots[e.slot].name, slots[e.slot].texts[e.option], unit * e.mean, unit * e.low, unit * e.high)
            for e in shown
        ]
    return found


def _front(tuner: Tuner, steering: Steering, judged: Judgements) -> list[TradeOff]:
    if len(judged.goal) < 2 or len(tuner.contexts) > 1:
        return []
    choices, means, who = steering.front(tuner.rng(7))
    names = [judge.name for judge in who if isinstance(judge, Judge)]
    units = np.array([judged.unit(name) for name in names])
    return [
        TradeOff(tuner.space.render(choice), dict(zip(names, (units[:, 0] + units[:, 1] * row).tolist(), strict=True)))
        for choice, row in zip(choices, means, strict=True)
    ]


def _batches(judged: Judgements) -> list[BatchScore]:
    goal, batch = judged.goal_values(), np.array([asked.batch for asked in judged.asked])
    found = []
    for number in np.unique(batch):
        own = np.flatnonzero(batch == number)
        values = goal[own][np.isfinite(goal[own])]
        mean, best = (float(values.mean()), float(values.max())) if len(values) else (float("nan"),) * 2
        found.append(BatchScore(int(number), len(own), mean, best, [judged.rows[i] for i in own]))
    return found


def _alarms(tuner: Tuner, judged: Judgements) -> list[str]:
    # Leaders that are shown again look alike on purpose: choices count where they came first.
    _, fresh = np.unique([asked.choice for asked in judged.asked], axis=0, return_index=True)
    batch = np.array([asked.batch for asked in judged.asked])
    numbers, counts = np.unique(batch[fresh], return_counts=True)
    numbers = numbers[counts >= FEWEST]
    if len(numbers) < 2:
        return []
    ends = np.sort(fresh[np.isin(batch[fresh], numbers[[0, -1]])])
    looks: dict[str, list[float]] = {"saturation": [], "contrast": []}
    for number in ends:
        try:
            found = appearance(read_image(tuner.collection.locate(judged.rows[number])).pixels)
        except ImageError:
            found = {}
        for name, values in looks.items():
            values.append(found.get(name, float("nan")))
    early = batch[ends] == numbers[0]
    shown = {name: (np.array(v)[early], np.array(v)[~early]) for name, v in looks.items() if np.isfinite(v).all()}
    first, last = ends[early], ends[~early]
    goal = judged.goal_values()
    judge, technical = None, TechnicalScorer.load()
    if technical.stored_name not in judged.goal:
        items, _ = measure(tuner.collection, judged.rows, technical)
        if all(row.id in items for row in judged.rows):
            scores = technical.score(np.array([items[row.id] for row in judged.rows], dtype=np.float64))
            judge = (stored_title(technical.stored_name), scores[first], scores[last])
    return find_alarms((judged.items[first], judged.items[last]), shown, (goal[first], goal[last]), judge)
