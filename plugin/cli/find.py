"""The command ``soart find``: by words, or by pictures that are alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import SoartError
from ...files import named_as_given
from ...pipelines.ingest.fork_server import start_for
from .options import CopyTo, Json, Network, Top, load_judges, processes
from .ranking_output import copied_best, show_found
from .terminal import Progress, emit, print_notes, print_problems

#: Most digits after the point of a value.
_DECIMALS = 4


def find(
    words: Annotated[
        str,
        typer.Argument(help='What the pictures should show, such as "a red fox in the snow"; not needed with --like.'),
    ],
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATHS", help="Pictures, folders of pictures, or a collection (folder or URL)."),
    ] = None,
    like: Annotated[
        list[Path] | None,
        typer.Option("--like", metavar="PICTURE", help="Find pictures like this one; repeatable."),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="NAME[:ARGUMENT]",
            help="Judge that reads the words: adherence, clip:HUB_ID, siglip:HUB_ID or another that needs prompts. By default adherence, or a CLIP or SigLIP model on this machine if adherence cannot tell all of the words.",
        ),
    ] = "",
    network: Network = "efficientnet-lite0",
    top: Top = 20,
    copy_to: CopyTo = None,
    as_json: Json = False,
) -> None:
    """Find pictures that show what you describe in words, or that are like some that you name, the best first."""
    places = [words, *(paths or ())] if like else list(paths or ())
    if not places:
        raise typer.BadParameter("name pictures or folders to look through", param_hint="PATHS")
    start_for(places)
    from ...metrics.damage.technical import TechnicalJudge
    from ...metrics.items.combined import taste_extractor
    from ...metrics.protocols import Measures
    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.judges.searching import item_kinds, pictures_showing, reader_of
    from ...pipelines.scoring.measuring import open_pictures
    from ...pipelines.scoring.similar import check_liked, similar
    from ...pipelines.support.figures import decimals_of, fixed

    if copy_to is not None:
        # Imported only if needed, so that a search is quick.
        from ...pipelines.tidying.copying import check_copy_target

        check_copy_target(copy_to, [Path(path) for path in places])
    chosen, notes = None, list[str]()
    if like:
        check_liked(like)
        measurer = Measures(taste_extractor(None if network == "none" else network))
    else:
        chosen, notes = reader_of(words, by, lambda name: load_judges([name])[0][0])
        print_notes(notes if not as_json else [])
    kinds = () if chosen is None else (item_kinds(words, chosen),)
    with Progress("reading", 0) as progress:
        collection, rows, problems = open_pictures(
            places,
            TechnicalJudge.load() if chosen else measurer,
            progress,
            progress.expect,
            LocalEngine(processes()),
            *kinds,
        )
    with collection, Progress("looking", len(rows)) as progress:
        if chosen is None:
            alike, left_out = similar(collection, rows, like or (), measurer, progress)
            found = [(one.path, one.likeness) for one in alike]
        else:
            shown, left_out = pictures_showing(collection, rows, words, chosen, progress)
            found = [(one.path, one.value) for one in shown]
    problems = named_as_given([*problems, *left_out], places)
    found, name = found[:top], "likeness" if chosen is None else chosen.name
    copied, not_copied, hints = copied_best([path for path, _ in found], copy_to)
    problems += [*not_copied, *hints]
    if as_json:
        rows_found = [
            {"place": place, "path": str(path.resolve()), "value": round(value, _DECIMALS)}
            for place, (path, value) in enumerate(found, start=1)
        ]
        emit({"by": name, "found": rows_found, "problems": [*notes, *problems], "copied": copied})
    elif found:
        # At most as many as in JSON: the probabilities of most pictures are next to 0.
        decimals = 2 if chosen is None else min(decimals_of(value for _, value in found), _DECIMALS)
        show_found(name, [fixed(value, decimals) for _, value in found], [path for path, _ in found], copied, copy_to)
    print_problems(problems if not as_json else [])
    if not found and chosen is None:
        raise SoartError("There is no other picture to compare with: name a folder with more pictures.")
    if not found:
        from ...pipelines.ingest.roots import no_picture_in

        raise SoartError("None of the pictures can be looked at." if problems else no_picture_in(places))
    if not_copied:
        raise typer.Exit(1)
