"""Results of ``soart evaluate`` as text and as JSON."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...pipelines.support.wording import counted
from .terminal import printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...pipelines.evaluation.contrast import Contrast
    from ...pipelines.evaluation.folders import EvaluatedCollection
    from ...pipelines.evaluation.gaps import Gap
    from ...pipelines.ingest.sync import Update


def _plain(value: Any) -> Any:  # noqa: ANN401
    """JSON values: floats rounded to 6 digits, None for those that are not finite."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if isfinite(value) else None
    return value


def _update(update: Update) -> dict[str, Any]:
    # Programs know the number by this name.
    return {"scan" if name == "scan_number" else name: value for name, value in asdict(update).items()}


def document(
    evaluated: EvaluatedCollection,
    contrasted: Contrast | None,
    top: int,
    report: Path | None,
    exports: Sequence[Path],
    notes: Sequence[str],
) -> dict[str, Any]:
    """The whole evaluation as plain JSON values; lists of pictures hold at most ``top`` of them."""
    from ...pipelines.evaluation.summary import summarise

    evaluation, summary = evaluated.evaluation, summarise(evaluated, top)
    facts = asdict(summary)
    for kind in ("looks", "prompts"):
        facts[kind] = [part | {"best": best} for part, best in facts[kind]]
    facts["decisions"] = [
        {**asdict(one), "action": one.action, "command": one.command} for one in summary.decisions[: 4 * top]
    ]
    plain: dict[str, Any] = _plain(
        {
            "collection": evaluated.collection.name,
            "update": _update(evaluated.update),
            **facts,
            "associations": [asdict(association) for association in evaluation.associations],
            "trends": [asdict(trend) for trend in evaluation.trends],
            "judges": _judges(evaluated),
            "phrases": [asdict(share) for share in evaluated.judged.phrases],
            "against": _against(contrasted) if contrasted else None,
            "report": str(report) if report else None,
            "exports": [str(path) for path in exports],
            "notes": [*notes, *evaluated.judged.problems],
        }
    )
    return plain


def _judges(evaluated: EvaluatedCollection) -> dict[str, Any]:
    """Number of judged pictures, mean and quartiles by judge, in the judge's own sign."""
    from ...pipelines.evaluation.judge_values import named_judges

    return {
        judge.name: {"pictures": judge.pictures, "mean": judge.mean, "quartiles": judge.quartiles}
        for judge in named_judges(evaluated)
    }


def print_judged(evaluated: EvaluatedCollection, top: int) -> None:
    """Print the values of judges, the pictures that miss most, and the phrases that are ignored most."""
    from ...metrics.damage.titles import stored_title
    from ...pipelines.collection.files import first_paths

    judged = evaluated.judged
    for name, facts in _judges(evaluated).items():
        if facts["pictures"]:
            quartiles = ", ".join(f"{value:.3g}" for value in facts["quartiles"])
            say(f"{stored_title(name)}: {counted(facts['pictures'])}, mean {facts['mean']:.3g}, quartiles {quartiles}")
    missed = judged.missed
    if judged.adherence:
        say(f"Asked for, not shown: {len(missed)} of {counted(len(judged.adherence))} with a prompt")
    paths = first_paths(evaluated.collection, evaluated.update.scan_number, missed[:top])
    for image in missed[:top]:
        say(f"  {printable(Path(paths[image]).name)}: {printable('; '.join(judged.not_shown(image)))}")
    told = [share for share in judged.phrases if isfinite(share.shown)]
    for share in [share for share in told if share.low < 1][:top]:
        say(
            f"  {share.kind} {printable(share.phrase)!r}: shown in {100 * share.shown:.0f} % of {share.pictures} "
            f"({100 * share.low:.0f} … {100 * share.high:.0f} %)"
        )
    if unknown := len(judged.phrases) - len(told):
        say(f"  {counted(unknown, 'phrase')} cannot be judged by adherence.")


def _against(contrast: Contrast) -> dict[str, Any]:
    # Programs know the AUC by this name.
    return {"apart" if name == "auc" else name: value for name, value in asdict(contrast).items()}


def print_next(evaluated: EvaluatedCollection, folders: Sequence[str]) -> None:
    """Print what to do with the folders after an evaluation."""
    from ...pipelines.evaluation.summary import summarise

    def command(*words: str) -> str:
        return shlex.join(["soart", words[0], *folders, *words[1:]])

    summary = summarise(evaluated, 1)
    steps = [
        f"{command('start')} learns what you like from a few ratings",
        f"{command('rank', '--copy-to', 'best')} copies the best 20",
    ]
    if summary.copies or summary.spare:
        steps.append(f"{command('cull', '--duplicates', '--to', 'culled')} moves copies and near-duplicates away")
    say(f"Next: {'; '.join(steps)}.")


def print_evaluation(evaluated: EvaluatedCollection, top: int) -> None:
    """Print the evaluation, at most ``top`` pictures of each list."""
    from ...pipelines.evaluation.summary import summarise

    summary, update = summarise(evaluated, top), _update(evaluated.update)
    missing = f", {update['missing']} missing" if update["missing"] else ""
    say(
        f"{counted(summary.pictures)} in {counted(summary.files, 'file')} ({update['looked']} inspected, "
        f"{update['recognised']} recognised, {update['unchanged']} unchanged{missing}); "
        f"stored in {evaluated.collection.name}"
    )
    for line in summary.lines(top):
        say(line)


def _print_gaps(title: str, gaps: Sequence[Gap], scale: float = 1.0, unit: str = "") -> None:
    from ...pipelines.support.figures import signed

    for gap in gaps:
        if gap.clear:
            say(
                f"  {title}{printable(gap.name)}: {scale * gap.first:.1f}{unit} against {scale * gap.second:.1f}{unit} "
                f"({signed(scale * gap.low, 1)} … {signed(scale * gap.high, 1)})"
            )


def print_contrast(contrasted: Contrast, name: str) -> None:
    """Print the differences from another collection."""
    from ...metrics.damage.titles import damage_noun, stored_title

    apart = f"; told apart with AUC {contrasted.auc:.2f} (chance 0.50)" if isfinite(contrasted.auc) else ""
    say(f"Against {printable(name)}: {counted(contrasted.shared)} in both{apart}")
    _print_gaps("mean score by ", [replace(gap, name=stored_title(gap.name)) for gap in contrasted.scores])
    _print_gaps("suspected ", [replace(gap, name=damage_noun(gap.name)) for gap in contrasted.damage], 100, " %")
    _print_gaps("", contrasted.looks[:6])
    _print_gaps("prompts with ", contrasted.words, 100, " %")
