"""What ``soart tune`` prints: the best so far, one line a batch, the findings as text and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .terminal import printable, say

if TYPE_CHECKING:
    from rich.table import Table

    from ...pipelines.collection.collection import Collection
    from ...pipelines.tuning.findings import OptionEffect, StudyFindings
    from ...pipelines.tuning.panel import Judgements
    from ...pipelines.tuning.tuner import Tuner
    from ...prompts.space.rendering import RenderedChoice

#: Lines of the table of the best, and of the printed effects.
SHOWN = 5


def best_table(judged: Judgements) -> Table:
    """The best pictures so far."""
    from rich.table import Table
    from rich.text import Text

    from ...pipelines.reports.page import figure

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("goal", justify="right", no_wrap=True)
    table.add_column("prompt", overflow="fold")
    goal = judged.goal_values()
    for number in np.argsort(np.where(np.isfinite(goal), -goal, np.inf), kind="stable")[:SHOWN]:
        drawn = judged.rows[number].generation
        if np.isfinite(goal[number]) and drawn is not None:
            table.add_row(figure(float(goal[number])), Text(printable(f"{drawn.prompt} (seed {drawn.seed})")))
    return table


def batch_line(judged: Judgements, tuner: Tuner) -> str:
    """How the last batch went, and its best picture."""
    from ...pipelines.reports.page import figure

    last = max((trial.batch for trial in judged.trials), default=0)
    own = [number for number, trial in enumerate(judged.trials) if trial.batch == last]
    goal = judged.goal_values()
    known = [number for number in own if np.isfinite(goal[number])]
    start = f"{tuner.done}/{tuner.budget} batch {last + 1}: "
    if not known:
        return f"{start}{len(own)} pictures, none judged yet"
    best = max(known, key=lambda number: goal[number])
    mean = figure(float(np.mean(goal[known])))
    path = tuner.collection.locate(judged.rows[best])
    return f"{start}mean {mean}, best {figure(float(goal[best]))}  {printable(str(path))}"


def print_tuned(tuned: StudyFindings) -> None:
    """The findings in short."""
    from ...pipelines.reports.page import figure
    from ...pipelines.reports.tuning import words_of

    for place, w in enumerate(tuned.winners, start=1):
        say("")
        scores = ", ".join(figure(score) for score in w.scores) or "none judged"
        say(f"{place}. expected {figure(w.mean)} (90 %: {figure(w.low)} … {figure(w.high)}); its pictures: {scores}")
        for words in w.words:
            say("\n".join("   " + printable(line) for line in words_of(words).splitlines()))
    say("")
    say("What helped most and least:")
    ordered = sorted(tuned.effects, key=lambda e: -e.mean)
    shown = [*ordered[:SHOWN], *ordered[-SHOWN:]] if len(ordered) > 2 * SHOWN else ordered
    for e in shown:
        interval = f"({figure(e.low, 2, '+')} … {figure(e.high, 2, '+')})"
        say(printable(f"  {figure(e.mean, 2, '+'):>6} {interval}  {e.slot}: {e.option or '(nothing)'}"))
    mean, error = tuned.gain
    say(f"Going on can still gain {figure(mean, 2)} ± {figure(error, 2)}.")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _words(words: RenderedChoice) -> dict[str, Any]:
    return {"prompt": words.prompt, "negative": words.negative, **words.settings}


def _effects(effects: list[OptionEffect]) -> list[dict[str, Any]]:
    return [{"slot": e.slot, "option": e.option, "mean": e.mean, "interval": [e.low, e.high]} for e in effects]


def tuned_facts(collection: Collection, tuned: StudyFindings) -> dict[str, Any]:
    """The findings as plain JSON values."""
    return {
        "goal": tuned.goal,
        "unit": tuned.unit,
        "winners": [
            {
                "choice": w.choice, "words": [_words(words) for words in w.words], "mean": w.mean,
                "interval": [w.low, w.high], "scores": w.scores, "sn_ratio": _number(w.robustness),
                "pictures": [str(collection.locate(row)) for row in w.pictures],
            }
            for w in tuned.winners
        ],
        "effects": _effects(tuned.effects),
        "importance": tuned.importance,
        "pairs": [
            {"options": [p.first, p.second], "mean": p.mean, "interval": [p.low, p.high]} for p in tuned.pairs
        ],
        "judges": {name: _effects(effects) for name, effects in tuned.judges.items()},
        "trade_offs": [{**_words(t.words), "means": t.means} for t in tuned.front],
        "batches": [
            {"number": b.number, "pictures": b.count, "mean": _number(b.mean), "best": _number(b.best)}
            for b in tuned.batches
        ],
        "gain": {"mean": tuned.gain[0], "standard_error": tuned.gain[1]},
        "alarms": tuned.alarms,
        "notes": tuned.notes,
        "space": tuned.yaml,
    }  # fmt: skip
