"""Output of ``soart tune``: the best so far, one line per batch, and the findings as text and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .ranking_output import PROMPT
from .terminal import plain_table, printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from ...pipelines.collection.collection import Collection
    from ...pipelines.tuning.findings import OptionEffect, StudyFindings, TradeOff, Winner
    from ...pipelines.tuning.panel import Judgements
    from ...pipelines.tuning.tuner import Tuner
    from ...prompts.space.rendering import RenderedChoice

#: Lines of the table of the best, and of each end of the printed effects.
SHOWN = 5


def best_table(judged: Judgements) -> Table:
    """A table of the best pictures so far."""
    from rich.text import Text

    from ...pipelines.support.figures import figures
    from ...pipelines.support.wording import first_and_last

    table = plain_table("goal", "prompt", right=("goal",))
    goal = judged.goal_values()
    best = np.argsort(np.where(np.isfinite(goal), -goal, np.inf), kind="stable")[:SHOWN]
    for number, value in zip(best, figures(goal[best].tolist()), strict=True):
        drawn = judged.rows[number].generation
        if np.isfinite(goal[number]) and drawn is not None:
            # The words that tell the prompts of a study apart can be its last.
            shown = first_and_last(drawn.prompt, PROMPT)
            table.add_row(value, Text(printable(f"{shown} (seed {drawn.seed})")))
    return table


def batch_line(judged: Judgements, tuner: Tuner) -> str:
    """The mean goal of the last batch, and its best picture."""
    from ...pipelines.support.figures import figures
    from ...pipelines.support.wording import counted
    from ...pipelines.tuning.findings import drawn_again

    last = max((trial.batch for trial in judged.trials), default=0)
    batch = [number for number, trial in enumerate(judged.trials) if trial.batch == last]
    goal = judged.goal_values()
    known = [number for number in batch if np.isfinite(goal[number])]
    again = ", the best prompts and yours again" if drawn_again(tuner, judged, last) else ""
    start = f"{tuner.done}/{tuner.budget} batch {last + 1}{again}: "
    if not known:
        return f"{start}{counted(len(batch))}, none judged yet"
    best = max(known, key=lambda number: goal[number])
    mean, top = figures((float(np.mean(goal[known])), float(goal[best])))
    path = tuner.collection.locate(judged.rows[best])
    return f"{start}mean {mean}, best {top}  {printable(str(path))}"


def print_findings(findings: StudyFindings) -> None:
    """Print the best prompts, the trade-offs of several judges, and the options that helped most and least.

    Of a slot of numbers only the lowest, the best and the highest are printed; the JSON output and the report have all.
    """
    from ...pipelines.reports.score_words import gain_text
    from ...pipelines.reports.study_charts import curves_of, ends_and_best
    from ...pipelines.reports.tuning import goal_of, words_of
    from ...pipelines.support.figures import figures

    if findings.unit == "deviations":
        say(printable(f"Goal: {goal_of(findings.goal)}, in {findings.unit}."))
    for heading, winner in findings.best_beside_own:
        say("")
        scores = ", ".join(figures(winner.scores)) or "none judged by all judges"
        mean, low, high = figures((winner.mean, winner.low, winner.high))
        say(f"{heading}expected {mean} (90 %: {low} … {high}); its pictures: {scores}")
        for words in winner.words:
            say("\n".join("   " + printable(line) for line in words_of(words).splitlines()))
    print_trade_offs(findings.front)

    def print_effect(effect: OptionEffect, note: str = "") -> None:
        mean, low, high = figures((effect.mean, effect.low, effect.high), 2, "+")
        option = f"{effect.slot}: {effect.option or '(nothing)'}{note}"
        say(printable(f"  {mean:>6} ({low} … {high})  {option}"))

    numbers = curves_of(findings.effects)
    ordered = sorted((e for e in findings.effects if e.slot not in numbers), key=lambda effect: -effect.mean)
    if ordered:
        say("")
        say("Options that helped most and least:")
        for effect in [*ordered[:SHOWN], *ordered[-SHOWN:]] if len(ordered) > 2 * SHOWN else ordered:
            print_effect(effect)
    if numbers:
        say("")
        say("Numbers, at the lowest, the best and the highest:")
        for curve in numbers.values():
            shown = ends_and_best(curve)
            best = max(shown, key=lambda effect: effect.mean)
            for effect in shown:
                print_effect(effect, " (best)" if effect is best else "")
    say(gain_text(findings.gain, findings.unit))


def print_trade_offs(front: Sequence[TradeOff]) -> None:
    """Print the prompts that no other prompt is expected to beat for every judge, if there is a choice among them."""
    from ...metrics.damage.titles import stored_title
    from ...pipelines.reports.tuning import words_of
    from ...pipelines.support.figures import figure

    if len(front) < 2:
        return
    say("")
    say("Trade-offs (prompts that no other prompt is expected to beat for every judge):")
    for trade in front[:SHOWN]:
        say(printable("  " + ", ".join(f"{stored_title(name)} {figure(mean)}" for name, mean in trade.means.items())))
        say("\n".join("   " + printable(line) for line in words_of(trade.words).splitlines()))
    if len(front) > SHOWN:
        say(f"  … and {len(front) - SHOWN} more in the report.")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _words(words: RenderedChoice) -> dict[str, Any]:
    return {"prompt": words.prompt, "negative": words.negative or "", **words.settings}


def _effects(effects: list[OptionEffect]) -> list[dict[str, Any]]:
    return [{"slot": e.slot, "option": e.option, "mean": e.mean, "interval": [e.low, e.high]} for e in effects]


def _winner(collection: Collection, winner: Winner) -> dict[str, Any]:
    return {
        "choice": winner.choice, "words": [_words(words) for words in winner.words], "mean": winner.mean,
        "interval": [winner.low, winner.high], "scores": winner.scores, "evenness": _number(winner.robustness),
        "pictures": [str(collection.locate(row)) for row in winner.pictures],
    }  # fmt: skip


def findings_facts(collection: Collection, findings: StudyFindings) -> dict[str, Any]:
    """The findings as plain JSON values."""
    return {
        "goal": findings.goal,
        "unit": findings.unit,
        "winners": [_winner(collection, winner) for winner in findings.winners],
        "own": _winner(collection, findings.own) if findings.own else None,
        "effects": _effects(findings.effects),
        "importance": findings.importance,
        "conditions": findings.conditions,
        "pairs": [
            {"options": [p.first, p.second], "mean": p.mean, "interval": [p.low, p.high]} for p in findings.pairs
        ],
        "judges": {name: _effects(effects) for name, effects in findings.judges.items()},
        "trade_offs": [{**_words(t.words), "means": t.means} for t in findings.front],
        "batches": [
            {"number": b.number, "pictures": b.count, "mean": _number(b.mean), "best": _number(b.best), "again": b.again}
            for b in findings.batches
        ],
        "gain": {"mean": findings.gain[0], "standard_error": findings.gain[1]},
        "alarms": findings.alarms,
        "notes": findings.notes,
        "space": findings.yaml,
    }  # fmt: skip
