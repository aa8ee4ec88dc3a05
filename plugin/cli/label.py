"""The command ``soart label``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import EvaluationOption, Json, Rater
from .terminal import emit, print_notes, printable, say

if TYPE_CHECKING:
    from ...pipelines.tidying.labelling import Labelling


def label(
    folder: Annotated[str, typer.Argument(help="Folder that was evaluated with soart evaluate, or a collection.")],
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Picture files to label; leave out to list all labels.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Add this tag; repeatable.")] = None,
    album: Annotated[list[str] | None, typer.Option("--album", help="Add to this album; repeatable.")] = None,
    favourite: Annotated[bool, typer.Option("--favourite", help="Mark as a favourite of --rater.")] = False,
    not_duplicates: Annotated[
        bool,
        typer.Option("--not-duplicates", help="Mark these pictures as not duplicates of each other."),
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove these labels, or the not-duplicates mark, instead of adding them.")
    ] = False,
    rater: Rater = "me",
    collection: EvaluationOption = None,
    as_json: Json = False,
) -> None:
    """Give pictures tags, albums and favourites, or mark them as not duplicates of each other.

    The gallery shows and edits the same labels; soart annotate writes tags and albums for photo managers.
    """
    from ...pipelines.collection.distinct import corrections
    from ...pipelines.collection.labels import ALBUM, FAVOURITE, KINDS, TAG, label_counts
    from ...pipelines.ingest.roots import open_evaluated
    from ...pipelines.tidying.labelling import label_files, title_of

    labels = [*((TAG, name) for name in tag or ()), *((ALBUM, name) for name in album or ())]
    labels += [(FAVOURITE, rater)] if favourite else []
    asked = bool(labels or not_duplicates)
    if pictures and not asked:
        raise typer.BadParameter(
            "nothing to do with these pictures: add --tag, --album, --favourite or --not-duplicates",
            param_hint="PICTURES",
        )
    if asked and not pictures:
        raise typer.BadParameter("no pictures named: add the files to label", param_hint="PICTURES")
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
            if apart:
                say(f"groups marked as not duplicates: {apart}")
            if not apart and not any(counts.values()):
                say("No picture has a label yet: add --tag, --album or --favourite and the files to label.")
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
    else:
        _print_labelling(done, remove=remove, not_duplicates=not_duplicates)
    if done.problems:
        raise typer.Exit(1)


def _print_labelling(done: Labelling, *, remove: bool, not_duplicates: bool) -> None:
    from ...pipelines.tidying.labelling import title_of

    for (kind, name), count in done.changed.items():
        already = f"; {done.pictures - count} {'did not have' if remove else 'had'} it" if count < done.pictures else ""
        say(
            f"{printable(title_of(kind, name))}: {'removed from' if remove else 'added to'} {count} of {done.pictures}{already}"
        )
    if not_duplicates and not remove:
        say("Marked as not duplicates of each other.")
    elif not_duplicates and done.corrections:
        say("No longer marked as not duplicates.")
    elif not_duplicates:
        say("These pictures were not marked as not duplicates: name exactly the pictures that you marked.")
    print_notes(done.problems)
