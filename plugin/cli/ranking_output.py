"""How commands show a ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import SoartError
from .terminal import Progress, emit, interruptible, note, print_ranking, printable, ranking_rows, say

if TYPE_CHECKING:
    from ...metrics.protocols import Scorer
    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.tables import ImageRow
    from ...pipelines.models.generator import ImageGenerator
    from ...pipelines.models.request import Request


@dataclass(frozen=True, slots=True)
class Output:
    """How a ranking is to be shown."""

    as_json: bool
    report: Path | None
    top: int
    title: str
    notes: tuple[str, ...] = ()


def show_ranking(
    collection: Collection,
    rows: Sequence[ImageRow],
    output: Output,
    problems: Sequence[str] = (),
    facts: dict[str, Any] | None = None,
    scorer: Scorer | None = None,
    min_distance: float | None = None,
) -> dict[str, Any]:
    """Rank ``rows``, write the report, print the ranking unless JSON is wanted; returns all as plain JSON values.

    Raises:
        SoartError: nothing could be ranked.
    """
    from ...metrics.damage.scorer import TechnicalScorer
    from ...pipelines.scoring.ranking import rank

    scorer = scorer or TechnicalScorer.load()
    with Progress("measuring", len(rows)) as progress:
        ranking, left_out = rank(collection, rows, scorer, progress, min_distance)
    problems = [*problems, *left_out]
    report = output.report
    if report is not None:
        from ...pipelines.reports.page import write_report
        from ...pipelines.reports.ranking import render_report

        report = write_report(
            report, render_report(collection, ranking, output.title, scorer.stored_name, output.notes, problems)
        )
    shown = {
        "profile": scorer.stored_name,
        "ranking": ranking_rows(ranking),
        "problems": problems,
        "notes": list(output.notes),
    }
    document = {**(facts or {}), **shown, "report": str(report) if report else None}
    if not output.as_json:
        if ranking:
            print_ranking(ranking, output.top)
        for problem in problems:
            note(printable(problem))
        if report is not None:
            say(f"Report: {report}")
    if not ranking:
        if output.as_json:
            emit(document)
        raise SoartError("No picture could be ranked.")
    return document


def draw(
    collection: Collection, generator: ImageGenerator, requests: Sequence[Request], output: Output
) -> tuple[list[ImageRow], dict[str, Any]]:
    """Draw what the collection lacks, and show the ranking of all that was asked for; returns the pictures and the ranking."""
    from ...metrics.damage.scorer import TechnicalScorer
    from ...pipelines import generate as jobs

    with interruptible(), Progress("drawing", len(requests)) as progress:
        made = jobs.generate(collection, generator, requests, TechnicalScorer.load(), progress)
    if not output.as_json:
        say(f"{made.drawn} drawn, {made.reused} already there; pictures in {collection.name}")
    facts = {
        "drawn": made.drawn,
        "reused": made.reused,
        "collection": collection.name,
        "model": generator.model.identity,
    }
    return made.rows, show_ranking(collection, made.rows, output, facts=facts)
