"""The command ``soart rank``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import taste
from .options import (
    Json,
    Pictures,
    Report,
)
from .ranking_output import Output, show_ranking
from .terminal import Progress, emit, note

if TYPE_CHECKING:
    from ...metrics.protocols import Scorer


def rank(
    paths: Pictures,
    report: Report = None,
    top: Annotated[int, typer.Option(min=1, help="Lines of the ranking to print.")] = 50,
    by: Annotated[
        str | None,
        typer.Option(
            "--taste",
            help="Rank by this taste, or by freedom from blur, noise, jpeg, fade, saturate or pixelate; default: technical.",
        ),
    ] = None,
    min_distance: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Leave out what lies nearer than this to a better picture: 0.3 drops look-alikes, 1 leaves few.",
        ),
    ] = None,
    profiles: taste.Profiles = None,
    as_json: Json = False,
) -> None:
    """Rank pictures, best first, with scores, percentiles and reasons. Nothing is written beside the pictures."""
    from ...metrics.damage.scorer import TechnicalScorer
    from ...pipelines.scoring.measuring import open_pictures
    from ...pipelines.scoring.profile_store import ProfileStore, scorer_named

    scorer: Scorer = TechnicalScorer.load() if by is None else scorer_named(by, ProfileStore(profiles))
    notes = taste.warning_of(scorer)
    with Progress("reading", 0) as progress:
        collection, rows, problems = open_pictures(paths, scorer, progress, progress.expect)
    title = f"soart: {collection.title}" if collection.folder is not None else "soart: ranking"
    with collection:
        output = Output(as_json, report, top, title, notes)
        facts = show_ranking(collection, rows, output, problems, scorer=scorer, min_distance=min_distance)
    if as_json:
        emit(facts)
    for text in notes:
        note(text)
