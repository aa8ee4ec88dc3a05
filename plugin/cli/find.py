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
    words: Annotated[
        str,
        typer.Argument(
            help='What the pictures should show, such as "a red fox in the snow"; a leading minus excludes.'
        ),
    ],
    paths: Pictures,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="NAME[:ARGUMENT]",
            help="Judge that reads the words: adherence, clip:HUB_ID, siglip:HUB_ID or another that needs prompts. By default adherence, or a CLIP or SigLIP model on this machine if adherence cannot tell all of the words.",
        ),
    ] = "",
    faces: Annotated[
        str,
        typer.Option(
            "--faces", metavar="N", help="Only pictures with this many faces: 0, 1, 2 …, or 2+ for two and more."
        ),
    ] = "",
    top: Top = 20,
    copy_to: CopyTo = None,
    workers: Processes = None,
    as_json: Json = False,
) -> None:
    """Find pictures by words: in prompts, tags and file names first, then in what the pictures show."""
    start_for(paths)
    from ...metrics.damage.technical import TechnicalJudge
    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.judges.searching import find_pictures_for, item_kinds, reader_of, with_face_count
    from ...pipelines.scoring.measuring import open_pictures

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
            item_kinds(words, chosen, faces),
        )
    with collection, Progress("looking", len(rows)) as progress:
        asked = with_face_count(collection, rows, faces)
        found, left_out = find_pictures_for(collection, asked, words, chosen, progress)
        files = [collection.locate(hit.row) for hit in found[:top]]
    problems = named_as_given([*problems, *left_out], paths)
    shown, copied = found[:top], None
    if copy_to is not None and shown:
        copied = copy_best(files, copy_to)
        problems += [*copied.problems, *copied.hints]
    if as_json:
        emit(
            {
                "by": chosen.name if chosen else "words",
                "found": [
                    {
                        "place": place,
                        "path": str(file.resolve()),
                        "value": round(one.value, _DECIMALS),
                        "evidence": one.evidence,
                    }
                    for place, (one, file) in enumerate(zip(shown, files, strict=True), start=1)
                ],
                "problems": [*notes, *problems],
                "copied": copied.count if copied else None,
            }
        )
    elif shown:
        show_found("found by", [one.evidence for one in shown], files)
        if copied:
            say(f"{copied.count} copied to {copy_to}")
    print_problems(problems if not as_json else [])
    if not found:
        from ...pipelines.ingest.roots import no_picture_in

        if not rows:
            raise SoartError(no_picture_in(paths))
        with_faces = f" and {faces} faces" if faces else ""
        raise SoartError(
            f"No picture has the words {words!r}{with_faces}, and none that can be looked at surely shows them: "
            "try fewer or other words."
        )
    if copied and copied.problems:
        raise typer.Exit(1)
