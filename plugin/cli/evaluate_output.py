"""How ``soart evaluate`` shows what it found: lines for people, a document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .terminal import printable, say

if TYPE_CHECKING:
    from ...pipelines.evaluation.contrast import Contrast, Gap
    from ...pipelines.evaluation.folders import EvaluatedCollection
    from ...pipelines.evaluation.summary import ListedPicture


def _plain(value: Any) -> Any:  # noqa: ANN401
    """JSON values: no number that is not finite, nothing that is not plain."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if isfinite(value) else None
    return value


def document(
    found: EvaluatedCollection,
    differing: Contrast | None,
    top: int,
    report: Path | None,
    exports: Sequence[Path],
    notes: Sequence[str],
) -> dict[str, Any]:
    """All that was found as plain JSON values; lists of pictures hold ``top`` of them."""
    from ...pipelines.evaluation.summary import summarise

    evaluation, summary = found.evaluation, summarise(found, top)
    facts = asdict(summary)
    facts["damage"] = {name: {"pictures": n, "worst": shown} for name, (n, shown) in facts["damage"].items()}
    facts["groups"] = {"count": facts["groups"][0], "largest": facts["groups"][1]}
    facts["outliers"] = {"count": facts["outliers"][0], "farthest": facts["outliers"][1]}
    facts["styles"] = [style | {"typical": shown} for style, shown in facts["styles"]]
    update = asdict(found.update)
    plain: dict[str, Any] = _plain(
        {
            "collection": found.collection.name,
            "profile": evaluation.main,
            "pictures": len(evaluation.ids),
            "update": update,
            **facts,
            "associations": [asdict(one) for one in evaluation.associations],
            "trends": [asdict(one) for one in evaluation.trends],
            "timeline": [asdict(one) for one in evaluation.timeline],
            "against": asdict(differing) if differing else None,
            "report": str(report) if report else None,
            "exports": [str(path) for path in exports],
            "notes": list(notes),
        }
    )
    return plain


def _names(pictures: Sequence[ListedPicture]) -> str:
    return ", ".join(f"{printable(Path(one.path).name)} ({one.score:.0f})" for one in pictures)


def print_survey(found: EvaluatedCollection, top: int) -> None:
    """Print what was found."""
    from ...metrics.damage.titles import damage_noun, stored_title
    from ...pipelines.evaluation.summary import summarise

    e, s, u = found.evaluation, summarise(found, top), found.update
    say(
        f"{len(e.ids)} pictures in {s.files} files ({u.looked} looked at, {u.recognised} recognised, {u.unchanged} unchanged"
        f"{f', {u.missing} gone' if u.missing else ''}); kept in {found.collection.name}"
    )
    say(f"Scores by {stored_title(e.main)}: mean {s.mean:.1f}, middle half {s.quartiles[0]:.1f} … {s.quartiles[1]:.1f}")
    for name, pictures in (("Best", s.best), ("Worst", s.worst)):
        if pictures:
            say(f"{name}: {_names(pictures)}")
    damaged = [
        f"{damage_noun(name)} {count} ({100 * count / len(e.ids):.0f} %)"
        for name, (count, _) in s.damage.items()
        if count
    ]
    say(f"Suspected damage: {', '.join(damaged) or 'none'}")
    say(f"Near-duplicates: {s.groups[0]} groups, {s.spare} pictures could go; exact copies: {s.copies}")
    for group in s.groups[1]:
        say(f"  {_names(group[:top])}{f' and {len(group) - top} more' if len(group) > top else ''}")
    say(f"Far from the rest: {s.outliers[0]}" + (f": {_names(s.outliers[1])}" if s.outliers[1] else ""))
    if len(s.styles) > 1:
        say(f"Styles: {', '.join(f'{style.pictures} pictures with mean {style.score:.0f}' for style, _ in s.styles)}")
    sure = [one for one in e.associations if one.q <= 0.05]
    for one in sure[: 2 * top]:
        say(
            f"  {one.kind} {printable(one.value)!r}: {one.difference:+.1f} ({one.low:+.1f} … {one.high:+.1f}), {one.pictures} "
            f"pictures of {one.prompts} prompts"
        )
    if e.associations and not sure:
        say("No word or setting clearly goes with better or worse pictures.")
    for trend in e.trends:
        if trend.low > 0 or trend.high < 0:
            say(f"  {trend.name}: rank correlation {trend.rho:+.2f} ({trend.low:+.2f} … {trend.high:+.2f})")


def _gaps(title: str, gaps: Sequence[Gap], scale: float = 1.0, unit: str = "") -> None:
    for gap in gaps:
        if gap.clear:
            say(
                f"  {title}{printable(gap.name)}: {scale * gap.first:.1f}{unit} against {scale * gap.second:.1f}{unit} "
                f"({scale * gap.low:+.1f} … {scale * gap.high:+.1f})"
            )


def print_contrast(found: Contrast, name: str) -> None:
    """Print what differs from another collection."""
    from ...metrics.damage.titles import damage_noun, stored_title

    apart = "" if not isfinite(found.apart) else f"; told apart with AUC {found.apart:.2f} (chance 0.50)"
    say(f"Against {printable(name)}: {found.shared} pictures in both{apart}")
    _gaps("mean score by ", [replace(gap, name=stored_title(gap.name)) for gap in found.scores])
    _gaps("suspected ", [replace(gap, name=damage_noun(gap.name)) for gap in found.damage], 100, " %")
    _gaps("", found.looks[:6])
    _gaps("prompts with ", found.words, 100, " %")
