"""What a tuned study has found: the best prompts over several seeds, what each option does, how the batches went, and alarms."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ImageError
from ..metrics.image import read_image
from ..metrics.technical import TechnicalScorer
from ..prompts.batches import larger_the_better
from ..prompts.rendering import RenderedChoice
from ..prompts.space import Choice
from ..prompts.steering import Steering
from .alarms import appearance, find_alarms
from .rank import measure
from .schema import ImageRow
from .studies import Asked, write_down
from .tune import MIDDLE, STEP, Judge, Judged, Tuner

#: Winners that are named, and pictures of each before they are.
WINNERS, SEEDS = 3, 4
#: Posterior draws that intervals are read from.
_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Winner:
    """One of the best choices.

    Attributes:
        choice: options by slot.
        words: prompt, negative prompt and settings for each context.
        mean, low, high: expected goal with its 90 % interval, in the unit of the goal.
        scores: what its pictures scored, one a seed.
        robustness: larger-the-better SN ratio of those scores in dB; NaN where one is not positive.
        pictures: the pictures behind ``scores``.
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
    """What an option adds to the goal, the rest averaged, with its 90 % interval."""

    slot: str
    option: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pair:
    """What two options add together beyond the sum of their effects."""

    first: str
    second: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BatchScore:
    """How the pictures of a batch scored."""

    number: int
    count: int
    mean: float
    best: float
    pictures: list[ImageRow]


@dataclass(frozen=True, slots=True)
class Tuned:
    """The findings.

    Attributes:
        goal: what was to be raised: a profile's name, or raters.
        winners: best first.
        effects: of every option, slot by slot.
        importance: share of each slot in what varies.
        pairs: the strongest.
        raters: by judge, the options it likes most and least.
        batches: in order.
        gain: what going on can still gain, in the unit of the goal, and its standard error.
        alarms, notes: sentences.
        yaml: the space, to be used again.
    """

    goal: str
    winners: list[Winner]
    effects: list[OptionEffect]
    importance: dict[str, float]
    pairs: list[Pair]
    raters: dict[str, list[OptionEffect]]
    batches: list[BatchScore]
    gain: tuple[float, float]
    alarms: list[str]
    notes: list[str]
    yaml: str


def replicate(tuner: Tuner, winners: int = WINNERS, seeds: int = SEEDS) -> list[Asked]:
    """Ask for the leaders on further seeds, until each has ``seeds`` pictures or the budget is spent; nothing is drawn here."""
    judged = tuner.judged()
    steering = tuner.steering(judged)
    start, batch = len(tuner.study.own), 1 + max((a.batch for a in tuner.study.own), default=-1)
    wanted: list[Asked] = []
    for choice in _leaders(tuner, steering, judged)[0][:winners]:
        shown = sum(asked.choice == choice for asked in judged.asked)
        for _ in range(max(0, seeds - shown)):
            number = start + len(wanted)
            context = tuner.contexts[number % len(tuner.contexts)]
            one = Asked(number, batch, choice, context, tuner.seed + number, "")
            wanted.append(replace(one, request_key=tuner.request(one).key(tuner.generator.model.identity)))
    wanted = wanted[: tuner.left]
    write_down(tuner.collection, tuner.space, wanted)
    return wanted


def _goal(tuner: Tuner, steering: Steering) -> list[Hashable]:
    return list(steering.goal or {Judge(tuner.scorer.name, context): 1.0 for context in tuner.contexts})


def _values(tuner: Tuner, steering: Steering, choices: np.ndarray) -> np.ndarray:
    """(draws, n) posterior draws of the goal."""
    tables = steering.model.draws(tuner.rng(3), _DRAWS, _goal(tuner, steering))
    values: np.ndarray = np.mean([table(choices) for table in tables], axis=0)
    return values


def _leaders(tuner: Tuner, steering: Steering, judged: Judged) -> tuple[list[Choice], np.ndarray]:
    """Allowed choices, best expected goal first, and their posterior draws (draws, n)."""
    found = {tuner.space.check(steering.recommend(tuner.rng(4)).choice): None}
    found.update({asked.choice: None for asked in judged.asked if tuner.space.allows(asked.choice)})
    choices = list(found)
    values = _values(tuner, steering, np.array(choices))
    order = np.argsort(-values.mean(axis=0), kind="stable")
    return [choices[i] for i in order], values[:, order]


def find_out(tuner: Tuner) -> Tuned:
    """Everything that a study says; needs at least one judged picture."""
    judged = tuner.judged()
    steering = tuner.steering(judged)
    people = [rater for rater in tuner.raters if judged.stars[rater]]
    unit, zero = (STEP, MIDDLE) if people else (judged.spread, judged.location)
    choices, draws = _leaders(tuner, steering, judged)
    winners = []
    for number, choice in enumerate(choices[:WINNERS]):
        own = [
            (a.row, float(s)) for a, s in zip(judged.asked, judged.scores, strict=True) if a.choice == choice and a.row
        ]
        low, high = zero + unit * np.quantile(draws[:, number], [0.05, 0.95])
        scores = [score for _, score in own]
        winners.append(
            Winner(
                tuner.space.describe(choice),
                [tuner.space.render(choice, context) for context in range(len(tuner.contexts))],
                zero + unit * float(draws[:, number].mean()),
                float(low),
                float(high),
                scores,
                larger_the_better(np.array(scores)),
                [row for row, _ in own],
            )
        )
    goal = _goal(tuner, steering)
    table = steering.effects(tuner.rng(5), goal[0] if len(goal) == 1 else None)
    slots = tuner.space.slots

    def named(slot: int, option: int) -> str:
        return f"{slots[slot].name}: {slots[slot].texts[option] or '(nothing)'}"

    mean, error = steering.gain(tuner.rng(6))
    return Tuned(
        ", ".join(people) or tuner.scorer.name,
        winners,
        _effects(tuner, steering, goal[0] if len(goal) == 1 else None, unit),
        {slot.name: float(share) for slot, share in zip(slots, table.importance, strict=True)},
        [
            Pair(
                named(p.slots[0], p.options[0]),
                named(p.slots[1], p.options[1]),
                unit * p.mean,
                unit * p.low,
                unit * p.high,
            )
            for p in table.pairs
        ],
        _raters(tuner, steering, judged),
        _batches(judged),
        (unit * mean, unit * error),
        _alarms(tuner, judged),
        [*tuner.study.notes],
        tuner.space.to_yaml(),
    )


def _effects(tuner: Tuner, steering: Steering, rater: Hashable | None, unit: float) -> list[OptionEffect]:
    slots = tuner.space.slots
    return [
        OptionEffect(slots[e.slot].name, slots[e.slot].texts[e.option], unit * e.mean, unit * e.low, unit * e.high)
        for e in steering.effects(tuner.rng(5), rater).effects
    ]


def _raters(tuner: Tuner, steering: Steering, judged: Judged, top: int = 3) -> dict[str, list[OptionEffect]]:
    """The strongest effects of each judge in its own unit, on its first context."""
    found = {}
    judges = [judge for judge in steering.model.raters_ if isinstance(judge, Judge)]
    for judge in {judge.name: judge for judge in reversed(judges)}.values():
        unit = judged.spread if judge.name == tuner.scorer.name else STEP
        ordered = sorted(_effects(tuner, steering, judge, unit), key=lambda e: -e.mean)
        found[judge.name] = [*ordered[:top], *ordered[-top:]] if len(ordered) > 2 * top else ordered
    return found


def _batches(judged: Judged) -> list[BatchScore]:
    rows: dict[int, list[tuple[ImageRow, float]]] = {}
    for asked, score in zip(judged.asked, judged.scores, strict=True):
        if asked.row is not None:
            rows.setdefault(asked.batch, []).append((asked.row, float(score)))
    return [
        BatchScore(
            number, len(own), float(np.mean([s for _, s in own])), max(s for _, s in own), [row for row, _ in own]
        )
        for number, own in sorted(rows.items())
    ]


def _alarms(tuner: Tuner, judged: Judged) -> list[str]:
    if not judged.asked:
        return []
    batch = np.array([asked.batch for asked in judged.asked])
    first, last = batch == batch.min(), batch == batch.max()
    looks: dict[str, list[float]] = {}
    for asked in (a for a, kept in zip(judged.asked, first | last, strict=True) if kept):
        try:
            found = appearance(read_image(tuner.collection.locate(asked.row)).pixels) if asked.row else {}
        except ImageError:
            found = {}
        for name in ("saturation", "contrast"):
            looks.setdefault(name, []).append(found.get(name, float("nan")))
    early = first[first | last]
    shown = {name: (np.array(v)[early], np.array(v)[~early]) for name, v in looks.items() if np.isfinite(v).all()}
    judge = None
    technical = TechnicalScorer.load()
    if tuner.scorer.name != technical.name:
        rows = [asked.row for asked in judged.asked if asked.row is not None]
        items, _ = measure(tuner.collection, rows, technical)
        if len(items) == len(rows):
            scores = technical.score(np.array([items[row.id] for row in rows], dtype=np.float64))
            judge = (f"the {technical.name} score", scores[first], scores[last])
    return find_alarms(
        (judged.items[first], judged.items[last]), shown, (judged.scores[first], judged.scores[last]), judge
    )
