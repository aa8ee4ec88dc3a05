"""The command ``soart rank``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ...metrics.damage.names import OVERALL
from ...metrics.damage.titles import WORTH_OF_OVERALL, Kind
from ...pipelines.ingest.fork_server import start_for
from .options import (
    By,
    CopyTo,
    Json,
    Matching,
    Open,
    Pictures,
    Report,
    Top,
    engine,
    load_judges,
    matched,
    model_effect,
    processes,
    read_pictures,
    search_of,
)
from .ranking_output import RankingOutput, show_ranking
from .terminal import emit, print_notes, say, show_in_desktop


def rank(
    paths: Pictures,
    report: Report = None,
    top: Top = 50,
    by: By = None,
    matching: Matching = "",
    alike: Annotated[
        bool,
        typer.Option(
            "--alike", help="Show and copy the best even where they are alike, not few of each look or prompt."
        ),
    ] = False,
    copy_to: CopyTo = None,
    open_result: Open = False,
    as_json: Json = False,
) -> None:
    """Rank pictures, best first, with scores, percentiles and reasons. Nothing is written beside the pictures."""
    if open_result and report is None and copy_to is None:
        raise typer.BadParameter("there is nothing to open: add --report or --copy-to", param_hint="--open")
    start_for(paths)
    from ...pipelines.judges.finding import doubts_of, kinds_of, measurer_of

    if copy_to is not None:
        # Imported only if needed, so that a ranking is quick.
        from ...pipelines.tidying.copying import check_copy_target

        check_copy_target(copy_to, [Path(path) for path in paths])
    judges, search = load_judges(by, paths), search_of(matching)
    warnings = doubts_of(judges)
    kinds = [*kinds_of(judges), *(search.kinds if search else [])]
    collection, rows, problems = read_pictures(paths, measurer_of(judges), kinds, workers=processes())
    title = f"soart: {collection.title}" if collection.where == paths[0] else "soart: ranking"
    with collection:
        collection.model_effect = model_effect()
        rows = matched(search, collection, rows) if search else rows
        output = RankingOutput(as_json, report, top, title, tuple(warnings), copy_to)
        facts = show_ranking(collection, rows, output, judges, problems, alike=alike, engine=engine(), given=paths)
    if as_json:
        emit(facts)
    print_notes(warnings)
    if not as_json and [judge.name for judge, _ in judges] == [OVERALL]:
        say(WORTH_OF_OVERALL)
    if not as_json and not any(judge.key.kind is Kind.TASTE for judge, _ in judges):
        folder = shlex.quote(paths[0]) if len(paths) == 1 and Path(paths[0]).is_dir() else "FOLDER"
        say(f"For a ranking of your own in about a minute: soart start {folder}")
    if open_result:
        show_in_desktop(facts["report"] or facts["copied_to"])
    if facts["all_copied"] is False:
        raise typer.Exit(1)
