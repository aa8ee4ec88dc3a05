"""The findings of a tuned study: best prompts, effects, batches and alarms.

A choice is only a winner after several seeds, so that a single lucky picture decides nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ImageError, NoFindingsError, expect
from ...metrics.damage.technical import TechnicalJudge
from ...metrics.damage.titles import stored_title
from ...notebooks import SHOWN, Cell, html_table
from ...prompts.rating_model.effects import RatingEffect
from ...prompts.space.rendering import RenderedChoice
from ...prompts.space.space import Choice
from ...prompts.steering.batches import larger_the_better
from ...prompts.steering.spaces import numbers_of
from ...prompts.steering.steering import Steering
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..collection.thumbnails import thumbnail_of_file
from ..judges.weighing import GENERAL, are_general
from ..scoring.measuring import measure
from ..support.figures import figures
from .alarms import MIN_PICTURES, adherence_alarm, appearance, find_alarms
from .panel import Judgements, RaterKey
from .proposing import SpaceStep
from .pruning import account
from .tuner import Tuner

if TYPE_CHECKING:
    import pandas as pd

    from ..optimizing.optimize import Optimized

#: Options that are listed of those that a judge likes most, and of those that it likes least.
MOST_LIKED = 3
#: Said where the pictures of a prompt seem to contradict what is expected of it, and where every interval of an effect holds 0.
WEIGHED = (
    "What is expected of a prompt follows from all pictures and from what they show: its own few may score otherwise."
)
UNSURE = "No option is certain to help or to harm yet: more pictures would tell."


@dataclass(frozen=True, slots=True)
class Winner:
    """One of the best choices that a judge of the goal has judged: options by slot, and words for each context."""

    choice: dict[str, str]
    words: list[RenderedChoice]
    mean: float  # mean, low, high: the expected goal with its 90 % interval, in the unit of the goal
    low: float
    high: float
    scores: list[float]  # the goal of each picture that all its judges have judged
    robustness: float  # their larger-the-better SN ratio in dB; NaN if one is not positive
    pictures: list[ImageRow]
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class OptionEffect:
    """The amount that an option adds to a judge's opinion, averaged over all other slots, with its 90 % interval."""

    slot: str
    option: str
    mean: float
    low: float
    high: float
    #: place of a number in its slot's range, from 0 for the lowest to 1 for the highest; None for words
    place: float | None = None


@dataclass(frozen=True, slots=True)
class NamedPairEffect:
    """The amount that two options add together beyond the sum of their effects, with its 90 % interval."""

    first: str
    second: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TradeOff:
    """A choice that no other choice beats for every judge, with the expected opinion of each, on its own scale."""

    words: RenderedChoice
    means: dict[str, float]


@dataclass(frozen=True, slots=True)
class BatchScore:
    """The goal over the pictures of a batch; mean and best are NaN if no picture was judged."""

    number: int
    count: int
    mean: float
    best: float
    pictures: list[ImageRow]
    again: bool = False  # of prompts drawn before and of the user's own words alone, to be surer of them


@dataclass(frozen=True, slots=True)
class StudyFindings:
    """The findings of a study."""

    goal: dict[str, float]  # weights of the judges of the goal
    unit: str  # unit of the goal: ``score``, ``stars``, or ``deviations`` for a weighted goal
    winners: list[Winner]  # best first
    #: of every option that is not banned, slot by slot: on the goal's only judge, or on the judges' common opinion
    effects: list[OptionEffect]
    importance: dict[str, float]  # share of each slot in the variance of the goal, 0…1
    conditions: dict[str, str]  # by slot that is not always in use, the options of another slot that it is in use with
    pairs: list[NamedPairEffect]  # the strongest pair effects
    #: by judge name, the ``MOST_LIKED`` options it likes most and as many that it likes least, in its own unit
    judges: dict[str, list[OptionEffect]]
    front: list[TradeOff]  # the trade-offs between the judges of the goal, if there are several, each in its own unit
    batches: list[BatchScore]  # in order
    #: the most that further pictures can be expected to gain, in the unit of the goal, and its standard error
    gain: tuple[float, float]
    steps: list[SpaceStep]  # changes of the options that were proposed, in order; also among the notes
    alarms: list[str]  # alarms, notes: sentences
    notes: list[str]
    yaml: str  # the space, ready to be used again
    #: the prompt as the user wrote it, drawn on seeds of the best; None if the space has no such prompt, or it was not
    #: drawn
    own: Winner | None = None
    optimized: Optimized | None = None  # the best picture of the best prompt, taken on; None if that was not asked for

    @property
    def judges_are_cut(self) -> bool:
        """True if ``judges`` leaves out options between those that are liked most and least."""
        return len(self.effects) > 2 * MOST_LIKED

    @property
    def best_beside_own(self) -> list[tuple[str, Winner]]:
        """The user's own prompt, where it was drawn, and the winners, each with the beginning of its heading."""
        own = [("yours: ", self.own)] if self.own is not None else []
        return [*own, *((f"{place}. ", winner) for place, winner in enumerate(self.winners, start=1))]

    @property
    def gain_over_own(self) -> str:
        """A sentence that compares the best prompt with the user's own; empty if that was not drawn."""
        if self.own is None or not self.winners:
            return ""
        if self.own.mean >= self.winners[0].mean:
            return "No prompt was found that is better than yours."
        gain, yours, best = figures((self.winners[0].mean - self.own.mean, self.own.mean, self.winners[0].mean))
        chance = (
            "do not overlap: this is hardly chance"
            if self.winners[0].low > self.own.high
            else "overlap: this may be chance"
        )
        return f"Gained {gain} over your own prompt: yours {yours}, best found {best}. Their 90 % intervals {chance}."

    def _repr_html_(self) -> str:
        """The best prompts as a table, for notebooks."""

        def cells(w: Winner) -> list[Cell]:
            picture = thumbnail_of_file(w.path) if w.path else ""
            return [picture, f"{w.mean:.1f}", f"{w.low:.1f} … {w.high:.1f}", w.words[0].prompt]

        below = filter(None, [self.gain_over_own, *self.alarms, *self.notes])
        winners = [winner for _, winner in self.best_beside_own[:SHOWN]]
        return html_table(["", self.unit, "90 %", "prompt"], map(cells, winners), below)

    def to_pandas(self) -> pd.DataFrame:
        """One row a winner: its options, prompt, expected goal with its 90 % interval, and the number of its pictures."""
        import pandas as pd

        def facts(w: Winner) -> dict[str, object]:
            return {
                "prompt": w.words[0].prompt,
                "mean": w.mean,
                "low": w.low,
                "high": w.high,
                "pictures": len(w.pictures),
            }

        return pd.DataFrame([w.choice | facts(w) for w in self.winners])


def findings_of(tuner: Tuner, judgements: Judgements | None = None) -> StudyFindings:
    """Compute the findings of a study from its judgements.

    Args:
        tuner: of the study.
        judgements: its present ones, if they are collected already; None to collect them.

    Raises:
        NoFindingsError: no picture can be judged yet.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> generator = soart.ImageGenerator(soart.load_model(device="cpu"))
        >>> space = soart.PromptSpace.from_text("a {boat|fox} in {warm|cool} colors")
        >>> with TemporaryDirectory() as folder, soart.Collection(folder) as collection:
        ...     tuner = soart.Tuner(collection, generator, space, soart.Panel("technical"), batch=2, budget=2)
        ...     _, findings = soart.tune(tuner), soart.findings_of(tuner)
        >>> findings.unit, findings.batches[0].count, sorted(findings.winners[0].choice)
        ('score', 2, ['choice1', 'choice2'])
    """
    expect("a Tuner", tuner, Tuner)
    judgements = judgements or tuner.judged()
    if not judgements.trials:
        raise NoFindingsError("No picture of this space can be judged yet, so there are no findings: raise the budget.")
    steering = tuner.steering(judgements)
    unit = judgements.goal_scale.step
    names = list(judgements.goal)
    judges: list[Hashable] = [RaterKey(name, context) for name in names for context in tuner.contexts]
    rater = judges[0] if len(judges) == 1 else None
    table = steering.effects(tuner.rng(5), rater)
    slots = tuner.space.slots

    def option(slot: int, number: int) -> str:
        return f"{slots[slot].name}: {slots[slot].texts[number] or '(nothing)'}"

    mean, error = steering.gain(tuner.rng(6), judgements.goal_limits)
    pruning = account(tuner.study, judgements)
    only = names[0] if len(names) == 1 else None
    winners = _winners(tuner, steering, judgements)
    ignored = tuner.generator.ignored(words.prompt for winner in winners for words in winner.words)
    effects = _named(
        tuner, [effect for effect in table.effects if effect.option not in tuner.space.banned[effect.slot]], unit
    )
    weighed = any(one.scores and not one.low <= float(np.mean(one.scores)) <= one.high for one in winners)
    unsure = bool(effects) and all(effect.low <= 0 <= effect.high for effect in effects)
    return StudyFindings(
        goal=judgements.goal,
        unit="deviations" if only is None else "stars" if only in judgements.people else "score",
        winners=winners,
        effects=effects,
        importance={slot.name: float(share) for slot, share in zip(slots, table.importance, strict=True)},
        conditions={
            slots[c.slot].name: " or ".join(option(c.parent, number) for number in sorted(c.options))
            for c in tuner.space.conditions
        },
        pairs=[
            NamedPairEffect(
                option(p.slots[0], p.options[0]), option(p.slots[1], p.options[1]),
                unit * p.mean, unit * p.low, unit * p.high,
            )
            for p in table.pairs
        ],
        judges=_judges(tuner, steering, judgements),
        front=_front(tuner, steering, judgements),
        batches=_batches(tuner, judgements),
        gain=(unit * mean, unit * error),
        steps=[step for step in tuner.steps if str(step)],
        alarms=[*tuner.dead_slots, *_alarms(tuner, judgements)],
        notes=[*tuner.beginnings, *filter(None, map(str, tuner.steps)), *tuner.study.notes, *judgements.problems, *_floor_note(tuner, judgements), *([str(pruning)] if pruning.previews else []), *([ignored] if ignored else []), *([UNSURE] if unsure else []), *([WEIGHED] if weighed else []), *([GENERAL] if are_general([judge for judge, weight in tuner.panel.judges if weight > 0]) else [])],
        yaml=tuner.space.to_yaml(),
        own=_own(tuner, steering, judgements, winners),
    )  # fmt: skip


def _named(tuner: Tuner, effects: Sequence[RatingEffect], unit: float) -> list[OptionEffect]:
    """Effects in the words of the space, and in a judge's unit; a slot that is off has none."""
    slots = tuner.space.slots
    effects = [e for e in effects if not slots[e.slot].conditional or slots[e.slot].texts[e.option]]
    places = [None if (numbers := numbers_of(slot)) is None else numbers.positions for slot in slots]

    def place(slot: int, option: int) -> float | None:
        numbers = places[slot]
        return None if numbers is None else numbers[option]

    return [
        OptionEffect(
            slots[e.slot].name, slots[e.slot].texts[e.option], unit * e.mean, unit * e.low, unit * e.high,
            place(e.slot, e.option),
        )
        for e in effects
    ]  # fmt: skip


def _winners(tuner: Tuner, steering: Steering, judgements: Judgements) -> list[Winner]:
    choices, draws = tuner.winners(steering, judgements)
    winners = [_winner(tuner, judgements, *one) for one in zip(choices, draws.T, strict=True)]
    # The range of the goal can change their order.
    return sorted(winners, key=lambda winner: -winner.mean)


def _own(tuner: Tuner, steering: Steering, judgements: Judgements, winners: Sequence[Winner]) -> Winner | None:
    """The user's own words with the settings of the best choice, if they were drawn and judged."""
    own = tuner.own_words(tuner.space.choice_of(winners[0].choice)) if winners else None
    if own is None or not any(trial.choice == own for trial in judgements.trials):
        return None
    return _winner(tuner, judgements, own, steering.values(np.array([own]), tuner.rng(3))[:, 0])


def _winner(tuner: Tuner, judgements: Judgements, choice: Choice, values: np.ndarray) -> Winner:
    """A judged choice with posterior draws (n,) of its goal, on the standard scale."""
    goal, (middle, unit) = judgements.goal_values(), judgements.goal_scale
    numbers = [number for number, trial in enumerate(judgements.trials) if trial.choice == choice]
    scores = [float(goal[number]) for number in numbers if np.isfinite(goal[number])]
    likely = np.clip(middle + unit * values, *judgements.goal_range)
    low, high = np.quantile(likely, [0.05, 0.95])
    return Winner(
        tuner.space.describe(choice),
        [tuner.space.render(choice, context) for context in range(len(tuner.contexts))],
        float(likely.mean()), float(low), float(high),
        scores,
        larger_the_better(np.array(scores)),
        [judgements.rows[number] for number in numbers],
        tuner.collection.locate(judgements.rows[numbers[0]]),
    )  # fmt: skip


def _judges(tuner: Tuner, steering: Steering, judgements: Judgements) -> dict[str, list[OptionEffect]]:
    """The ``MOST_LIKED`` best and worst options of each judge, on its first context."""
    judges = [
        judge for judge in steering.model.raters_ if isinstance(judge, RaterKey) and judge.context in tuner.contexts
    ]
    first = {judge.name: judge for judge in reversed(judges)}
    strongest = {}
    for name, judge in sorted(first.items()):
        effects = sorted(steering.effects(tuner.rng(5), judge).effects, key=lambda e: -e.mean)
        if len(effects) > 2 * MOST_LIKED:
            effects = [*effects[:MOST_LIKED], *effects[-MOST_LIKED:]]
        strongest[name] = _named(tuner, effects, judgements.scale(name).step)
    return strongest


def _front(tuner: Tuner, steering: Steering, judgements: Judgements) -> list[TradeOff]:
    if len(judgements.goal) < 2 or len(tuner.contexts) > 1:
        return []
    choices, means, judges = steering.front(tuner.rng(7))
    names = [judge.name for judge in judges if isinstance(judge, RaterKey)]
    scales = np.array([judgements.scale(name) for name in names])
    return [
        TradeOff(
            tuner.space.render(choice), dict(zip(names, (scales[:, 0] + scales[:, 1] * row).tolist(), strict=True))
        )
        for choice, row in zip(choices, means, strict=True)
    ]


def drawn_again(tuner: Tuner, judgements: Judgements, number: int) -> bool:
    """True of a batch that holds prompts of earlier batches and the user's own words alone."""
    earlier = {trial.choice for trial in judgements.trials if trial.batch < number}
    choices = {trial.choice for trial in judgements.trials if trial.batch == number}
    return bool(earlier) and all(choice in earlier or tuner.own_words(choice) == choice for choice in choices)


def _batches(tuner: Tuner, judgements: Judgements) -> list[BatchScore]:
    goal, batch = judgements.goal_values(), np.array([trial.batch for trial in judgements.trials])
    scores = []
    for number in np.unique(batch):
        members = np.flatnonzero(batch == number)
        values = goal[members][np.isfinite(goal[members])]
        mean, best = (float(values.mean()), float(values.max())) if len(values) else (float("nan"),) * 2
        again = drawn_again(tuner, judgements, int(number))
        scores.append(BatchScore(int(number), len(members), mean, best, [judgements.rows[i] for i in members], again))
    return scores


def _alarms(tuner: Tuner, judgements: Judgements) -> list[str]:
    """Compare the pictures of the first batch with those of the last."""
    ends = _first_and_last(judgements)
    if ends is None:
        return []
    first, last = ends
    appearances = {}
    for name, values in _appearances(tuner.collection, [judgements.rows[i] for i in (*first, *last)]).items():
        if np.isfinite(values).all():
            appearances[name] = (values[: len(first)], values[len(first) :])
    goal = judgements.goal_values()
    judge, technical = None, TechnicalJudge.load()
    if technical.stored_name not in judgements.goal:
        items, _ = measure(tuner.collection, judgements.rows, technical)
        if all(row.id in items for row in judgements.rows):
            scores = technical.score(np.array([items[row.id] for row in judgements.rows], dtype=np.float64))
            judge = (stored_title(technical.stored_name), scores[first], scores[last])
    items_of_ends = judgements.items[first], judgements.items[last]
    alarms = find_alarms(items_of_ends, appearances, (goal[first], goal[last]), judge)
    adherence = _adherence(tuner, judgements)
    lost = adherence_alarm((goal[first], goal[last]), (adherence[first], adherence[last]))
    return [*alarms, *([lost] if lost else [])]


def _adherence(tuner: Tuner, judgements: Judgements) -> np.ndarray:
    """(n,) adherence by the panel's floor, or by a judge of adherence that is not in the goal; else NaN."""
    if judgements.adherence is not None:
        return judgements.adherence
    names = [judge.stored_name for judge in tuner.panel.others if judge.name.startswith("adherence")]
    outside = [name for name in names if name not in judgements.goal]
    return judgements.values[outside[0]] if outside else np.full(len(judgements.rows), np.nan)


def _floor_note(tuner: Tuner, judgements: Judgements) -> list[str]:
    if tuner.panel.floor is None or judgements.adherence is None:
        return []
    told = judgements.adherence[np.isfinite(judgements.adherence)]
    if not len(told):
        asked = tuner.panel.floor.least is not None
        return ["Adherence: no phrase of the prompts can be judged, so the floor had no effect."] if asked else []
    least = tuner.panel.floor.among(told)
    reached = int((told >= least).sum())
    return [f"Adherence: {reached} of {len(told)} pictures reach {least:.2g}; mean {told.mean():.2f}."]


def _first_and_last(judgements: Judgements) -> tuple[np.ndarray, np.ndarray] | None:
    """Picture numbers of the first and the last batch that are large enough; None with fewer than two such batches."""
    # Replicated leaders look alike on purpose, so a choice counts only in the batch where it came first.
    _, fresh = np.unique([trial.choice for trial in judgements.trials], axis=0, return_index=True)
    fresh = np.sort(fresh)
    batch = np.array([trial.batch for trial in judgements.trials])[fresh]
    numbers, counts = np.unique(batch, return_counts=True)
    numbers = numbers[counts >= MIN_PICTURES]
    if len(numbers) < 2:
        return None
    return fresh[batch == numbers[0]], fresh[batch == numbers[-1]]


def _appearances(collection: Collection, rows: Sequence[ImageRow]) -> dict[str, np.ndarray]:
    """(n,) saturation and contrast of pictures, by name; NaN for an unreadable one."""
    values: dict[str, list[float]] = {"saturation": [], "contrast": []}
    for row in rows:
        try:
            measured = appearance(collection.pixels(row))
        except ImageError:
            measured = {}
        for name, column in values.items():
            column.append(measured.get(name, float("nan")))
    return {name: np.array(column) for name, column in values.items()}
