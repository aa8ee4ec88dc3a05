"""The command ``soart similar``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import SoartError
from ...pipelines.ingest.fork_server import start_for
from .options import CopyTo, Json, Network, Pictures, Processes, Top
from .ranking_output import show_found
from .terminal import Progress, emit, print_problems, say


def similar(
    picture: Annotated[Path, typer.Argument(help="Picture to compare with.")],
    paths: Pictures,
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", metavar="PICTURE", help="Another picture to compare with; repeatable."),
    ] = None,
    top: Top = 20,
    network: Network = "efficientnet-lite0",
    copy_to: CopyTo = None,
    workers: Processes = None,
    as_json: Json = False,
) -> None:
    """Find pictures like one or several that you name, the most alike first."""
    start_for(paths)
    from ...metrics.items.combined import taste_extractor
    from ...metrics.protocols import Measures
    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.scoring import similar as neighbours
    from ...pipelines.scoring.measuring import open_pictures
    from ...pipelines.support.figures import fixed

    if copy_to is not None:
        # Imported only if needed, so that a search is quick.
        from ...pipelines.tidying.copying import check_copy_target, copy_best

        check_copy_target(copy_to, [Path(path) for path in paths])
    liked = [picture, *(also or ())]
    neighbours.check_liked(liked)
    measurer = Measures(taste_extractor(None if network == "none" else network))
    with Progress("reading", 0) as progress:
        collection, rows, problems = open_pictures(paths, measurer, progress, progress.expect, LocalEngine(workers))
    with collection, Progress("comparing", len(rows)) as progress:
        found, unreadable = neighbours.similar(collection, rows, liked, measurer, progress)
    problems += unreadable
    shown, copied = found[:top], None
    if copy_to is not None and shown:
        copied = copy_best([one.path for one in shown], copy_to)
        problems += [*copied.problems, *copied.hints]
    if as_json:
        emit(
            {
                "similar": [
                    {"place": one.place, "path": str(one.path.resolve()), "likeness": round(one.likeness, 4)}
                    for one in shown
                ],
                "problems": problems,
                "copied": copied.count if copied else None,
            }
        )
    elif shown:
        show_found("likeness", [fixed(one.likeness, 2) for one in shown], [one.path for one in shown])
        if copied:
            say(f"{copied.count} copied to {copy_to}")
    print_problems(problems if not as_json else [])
    if not found:
        raise SoartError("There is no other picture to compare with: name a folder with more pictures.")
    if copied and copied.problems:
        raise typer.Exit(1)
