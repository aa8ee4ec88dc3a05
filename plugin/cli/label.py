"""The command ``soart label``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import EvaluationOption, Json, Rater
from .terminal import emit, print_notes, printable, say


def label(
    folder: Annotated[str, typer.Argument(help="Folder of pictures that was evaluated, or a collection.")],
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Files of the pictures to label; none to list all labels.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Give this tag; repeatable.")] = None,
    album: Annotated[list[str] | None, typer.Option("--album", help="Put them into this album; repeatable.")] = None,
    favourite: Annotated[bool, typer.Option("--favourite", help="Make them favourites of --rater.")] = False,
    not_duplicates: Annotated[
        bool,
        typer.Option("--not-duplicates", help="Remember that these pictures are no duplicates of each other."),
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the labels away, or forget the correction.")] = False,
    rater: Rater = "me",
    collection: EvaluationOption = None,
    as_json: Json = False,
) -> None:
    """Give pictures tags and albums, make them favourites, or say that they are no duplicates; as in the gallery.

    soart annotate writes tags and albums for photo managers.
    """
    from ...pipelines.collection.distinct import corrections
    from ...pipelines.collection.labels import ALBUM, FAVOURITE, KINDS, TAG, label_counts
    from ...pipelines.ingest.roots import open_evaluated
    from ...pipelines.tidying.labelling import label_files, title_of

    labels = [*((TAG, name) for name in tag or ()), *((ALBUM, name) for name in album or ())]
    labels += [(FAVOURITE, rater)] if favourite else []
    asked = bool(labels or not_duplicates)
    if pictures and not asked:
        raise typer.BadParameter("name --tag, --album, --favourite or --not-duplicates", param_hint="PICTURES")
    if asked and not pictures:
        raise typer.BadParameter("name the pictures to label", param_hint="PICTURES")
    with open_evaluated(folder, collection) as store:
        if not pictures:
            counts = {kind: label_counts(store, kind) for kind in KINDS}
            apart = len(corrections(store))
            if as_json:
                emit({**counts, "not_duplicates": apart})
                return
            for kind, names in counts.items():
                for name, count in names.items():
                    say(f"{printable(title_of(kind, name))}: {count}")
            say(f"groups called no duplicates: {apart}")
            return
        done = label_files(store, pictures, labels, on=not remove, distinct=not_duplicates)
    if as_json:
        changed = [{"kind": kind, "name": name, "changed": count} for (kind, name), count in done.changed.items()]
        emit(
            {
                "pictures": done.pictures,
                "labels": changed,
                "corrections": done.corrections,
                "problems": done.problems,
            }
        )
        return
    for (kind, name), count in done.changed.items():
        say(
            f"{printable(title_of(kind, name))}: {'taken from' if remove else 'given to'} {count} of {done.pictures} pictures"
        )
    if not_duplicates:
        say("Not duplicates: " + (f"{done.corrections} corrections forgotten" if remove else "remembered"))
    print_notes(done.problems)
