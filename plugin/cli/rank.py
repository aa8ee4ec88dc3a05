"""The command ``soart rank``."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Json, Judges, Pictures, Profiles, Report, Top, load_judges
from .ranking_output import RankingOutput, show_ranking
from .terminal import Progress, emit, print_notes


def rank(
    paths: Pictures,
    report: Report = None,
    top: Top = 50,
    by: Annotated[
        str | None,
        typer.Option(
            "--taste",
            help="Rank by this taste, or by freedom from blur, noise, jpeg, fade, saturate, pixelate, halo, band, burn or grid; "
            "default: the technical score.",
        ),
    ] = None,
    judge: Judges = None,
    min_distance: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Drop pictures closer than this to a better one (0.3 removes look-alikes, 1 keeps only a few).",
        ),
    ] = None,
    profiles: Profiles = None,
    as_json: Json = False,
) -> None:
    """Rank pictures, best first, with scores, percentiles and reasons. Nothing is written beside the pictures."""
    from ...metrics.damage.scorer import TechnicalScorer
    from ...pipelines.scoring.measuring import open_pictures
    from ...pipelines.scoring.profile_store import ProfileStore, scorer_named, warnings_of

    judges = load_judges(judge)
    scorer = TechnicalScorer.load() if by is None else scorer_named(by, ProfileStore(profiles))
    warnings = warnings_of(scorer)
    with Progress("reading", 0) as progress:
        collection, rows, problems = open_pictures(paths, scorer, progress, progress.expect)
    title = f"soart: {collection.title}" if collection.folder is not None else "soart: ranking"
    with collection:
        output = RankingOutput(as_json, report, top, title, tuple(warnings))
        facts = show_ranking(
            collection,
            rows,
            output,
            problems,
            scorer=scorer,
            min_distance=min_distance,
            judges=judges,
            with_scorer=by is not None,
        )
    if as_json:
        emit(facts)
    print_notes(warnings)
