"""The command ``soart find``: by words, or by pictures that are alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import SoartError
from ...files import named_as_given
from ...pipelines.ingest.fork_server import start_for
from .options import CopyTo, Json, Network, Top, load_judges, processes, read_pictures
from .ranking_output import copied_best, show_found
from .terminal import Progress, emit, print_notes, print_problems

#: Most digits after the point of a value.
_DECIMALS = 4


def find(
    words: Annotated[
        str,
        typer.Argument(
            help='What the pictures should show, such as "a red fox in the snow"; a leading minus excludes, and faces:2+ asks for a number of faces; not needed with --like.'
        ),
    ],
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATHS", help="Pictures, folders of pictures, or a collection (folder or URL)."),
    ] = None,
    like: Annotated[
        list[Path] | None, typer.Option("--like", metavar="PICTURE", help="Find pictures like this one; repeatable.")
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
    """Find pictures by words, in prompts, tags and file names first, then in what they show; or those like some that you name."""
    places = [words, *(paths or ())] if like else list(paths or ())
    if not places:
        raise typer.BadParameter("name pictures or folders to look through", param_hint="PATHS")
    if not like and "://" not in places[0] and not Path(places[0]).exists() and Path(words).is_dir():
        raise typer.BadParameter(f"words come before pictures: soart find {places[0]!r} {words!r}", param_hint="WORDS")
    start_for(places)
    from ...metrics.damage.technical import TechnicalJudge
    from ...metrics.items.combined import taste_extractor
    from ...metrics.protocols import Measures
    from ...pipelines.judges.searching import Search
    from ...pipelines.scoring.similar import check_liked, similar
    from ...pipelines.support.figures import fixed

    if copy_to is not None:
        # Imported only if needed, so that a search is quick.
        from ...pipelines.tidying.copying import check_copy_target

        check_copy_target(copy_to, [Path(path) for path in places])
    search, notes = None, list[str]()
    if like:
        check_liked(like)
        measurer = Measures(taste_extractor(None if network == "none" else network))
    else:
        search = Search.of(words, lambda name: load_judges([name])[0][0], by)
        notes = search.notes
        print_notes(notes if not as_json else [])
    own = measurer if like else TechnicalJudge.load()
    collection, rows, problems = read_pictures(places, own, search.kinds if search else [], workers=processes())
    with collection, Progress("looking", len(rows)) as progress:
        if search is None:
            alike, left_out = similar(collection, rows, like or (), measurer, progress)
            found = [(one.path, one.likeness, fixed(one.likeness, 2)) for one in alike]
        else:
            hits, left_out = search.find(collection, rows, progress)
            found = [(collection.locate(hit.row), hit.value, hit.evidence) for hit in hits]
    problems = named_as_given([*problems, *left_out], places)
    found, name = found[:top], "likeness" if search is None else search.judge.name if search.judge else "words"
    copied, said, lines = copied_best([path for path, *_ in found], copy_to)
    problems += said
    if as_json:
        rows_found = [
            {"place": place, "path": str(path.resolve()), "value": round(value, _DECIMALS), "evidence": why}
            for place, (path, value, why) in enumerate(found, start=1)
        ]
        emit({"by": name, "found": rows_found, "problems": [*notes, *problems], **copied})
    elif found:
        heading = "likeness" if like else "found by"
        shown = [path for path, *_ in found]
        named = [Path(place).absolute() for place in places]
        within = [folder for folder in named if any(path.is_relative_to(folder) for path in shown)]
        show_found(heading, [why for *_, why in found], shown, lines, within)
    print_problems(problems if not as_json else [])
    if not found and like:
        raise SoartError("There is no other picture to compare with: name a folder with more pictures.")
    if not found:
        from ...pipelines.ingest.roots import no_picture_in

        if not rows:
            raise SoartError(no_picture_in(places))
        raise SoartError(
            f"No picture has the words {words!r}, and none that can be looked at surely shows them: "
            "try fewer or other words."
        )
    if copied["all_copied"] is False:
        raise typer.Exit(1)
