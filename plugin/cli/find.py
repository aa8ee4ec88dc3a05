"""The command ``soart find``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import SoartError
from ...files import named_as_given
from ...pipelines.ingest.fork_server import start_for
from .options import CopyTo, Json, Pictures, Processes, Top, load_judges
from .ranking_output import show_found
from .terminal import Progress, emit, print_notes, print_problems, say

#: Most digits after the point of a value.
_DECIMALS = 4


def find(
    words: Annotated[str, typer.Argument(help='What the pictures should show, such as "a red fox in the snow".')],
    paths: Pictures,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="NAME[:ARGUMENT]",
            help="Judge that reads the words: adherence, clip:HUB_ID, siglip:HUB_ID or another that needs prompts. By default adherence, or a CLIP or SigLIP model on this machine if adherence cannot tell all of the words.",
        ),
    ] = "",
    top: Top = 20,
    copy_to: CopyTo = None,
    workers: Processes = None,
    as_json: Json = False,
) -> None:
    """Find pictures that show what you describe in words, the best first."""
    start_for(paths)
    from ...metrics.damage.technical import TechnicalJudge
    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.judges.searching import item_kinds, pictures_showing, reader_of
    from ...pipelines.scoring.measuring import open_pictures
    from ...pipelines.support.figures import decimals_of, fixed

    if copy_to is not None:
        # Imported only if needed, so that a search is quick.
        from ...pipelines.tidying.copying import check_copy_target, copy_best

        check_copy_target(copy_to, [Path(path) for path in paths])
    chosen, notes = reader_of(words, by, lambda name: load_judges([name])[0][0])
    print_notes(notes if not as_json else [])
    with Progress("reading", 0) as progress:
        collection, rows, problems = open_pictures(
            paths,
            TechnicalJudge.load(),
            progress,
            progress.expect,
            LocalEngine(workers),
            item_kinds(words, chosen),
        )
    with collection, Progress("looking", len(rows)) as progress:
        found, left_out = pictures_showing(collection, rows, words, chosen, progress)
    problems = named_as_given([*problems, *left_out], paths)
    shown, copied = found[:top], None
    if copy_to is not None and shown:
        copied = copy_best([one.path for one in shown], copy_to)
        problems += [*copied.problems, *copied.hints]
    if as_json:
        emit(
            {
                "by": chosen.name,
                "found": [
                    {"place": one.place, "path": str(one.path.resolve()), "value": round(one.value, _DECIMALS)}
                    for one in shown
                ],
                "problems": [*notes, *problems],
                "copied": copied.count if copied else None,
            }
        )
    elif shown:
        # At most as many as in JSON: the probabilities of most pictures are next to 0.
        decimals = min(decimals_of(one.value for one in shown), _DECIMALS)
        show_found(chosen.name, [fixed(one.value, decimals) for one in shown], [one.path for one in shown])
        if copied:
            say(f"{copied.count} copied to {copied.folder}")
    print_problems(problems if not as_json else [])
    if not found:
        from ...pipelines.ingest.roots import no_picture_in

        raise SoartError("None of the pictures can be looked at." if problems else no_picture_in(paths))
    if copied and copied.problems:
        raise typer.Exit(1)
