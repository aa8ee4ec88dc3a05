"""The command ``soart label``: gives labels, and writes stars and labels for photo managers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...files import named_as_given
from ...pipelines.support.wording import counted
from .options import By, Json, Only, rater_name
from .terminal import Progress, emit, print_notes, printable, say
from .tidy import Dry, evaluated_folders, undo_command, undo_named

if TYPE_CHECKING:
    from ...pipelines.collection.collection import Collection
    from ...pipelines.tidying.labelling import Labelling


def label(
    folder: Annotated[str, typer.Argument(help="Folder that was evaluated with soart evaluate, or a collection.")],
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            help="Picture files to label; leave out to list all labels. With --xmp or --png, more folders and pictures."
        ),
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
    xmp: Annotated[
        bool,
        typer.Option(
            "--xmp",
            help="Write one to five stars, tags and albums to NAME.xmp, or NAME.png.xmp, beside each picture, where photo "
            "managers read them.",
        ),
    ] = False,
    png: Annotated[
        bool, typer.Option("--png", help="Write them into a text chunk of PNG files; pixels are not touched.")
    ] = False,
    rater: Annotated[
        str | None,
        typer.Option(
            "--rater",
            callback=rater_name,
            help="Whose favourites, by default me; with --xmp or --png write this rater's stars instead of those of the score.",
        ),
    ] = None,
    dry_run: Dry = False,
    by: By = None,
    only: Only = None,
    as_json: Json = False,
) -> None:
    """Give pictures tags, albums and favourites, or write stars and labels to files for photo managers.

    The gallery shows and edits the same labels. Stars are those of the score by --by, or of --rater. Pixels are never
    touched, and what is written can be undone.
    """
    from ...pipelines.collection.labels import ALBUM, FAVOURITE, TAG
    from ...pipelines.ingest.roots import open_evaluated
    from ...pipelines.tidying.labelling import label_files

    labels = [*((TAG, name) for name in tag or ()), *((ALBUM, name) for name in album or ())]
    labels += [(FAVOURITE, rater or "me")] if favourite else []
    asked = bool(labels or not_duplicates)
    if xmp or png:
        if asked or remove:
            raise typer.BadParameter(
                "label the pictures first, because these write what is stored", param_hint="--xmp, --png"
            )
        return _annotate([folder, *(pictures or ())], xmp, png, rater, dry_run, by, only, as_json)
    if pictures and not asked:
        raise typer.BadParameter(
            "nothing to do with these pictures: add --tag, --album, --favourite or --not-duplicates",
            param_hint="PICTURES",
        )
    if asked and not pictures:
        raise typer.BadParameter("no pictures named: add the files to label", param_hint="PICTURES")
    if dry_run or only or by:
        raise typer.BadParameter("these are for --xmp and --png", param_hint="--dry-run, --only, --by")
    with open_evaluated(folder) as store:
        if not pictures:
            return _list_labels(store, as_json)
        done = label_files(store, [*map(Path, pictures)], labels, on=not remove, distinct=not_duplicates)
    if as_json:
        changed = [{"kind": kind, "name": name, "changed": count} for (kind, name), count in done.changed.items()]
        facts = {"pictures": done.pictures, "labels": changed, "corrections": done.corrections}
        emit({**facts, "problems": done.problems})
    else:
        _print_labelling(done, remove=remove, not_duplicates=not_duplicates)
    if done.problems:
        raise typer.Exit(1)
    return None


def _list_labels(store: Collection, as_json: bool) -> None:
    from ...pipelines.collection.distinct import corrections
    from ...pipelines.collection.labels import KINDS, label_counts
    from ...pipelines.tidying.labelling import title_of

    counts = {kind: label_counts(store, kind) for kind in KINDS}
    apart = len(corrections(store))
    if as_json:
        return emit({**counts, "not_duplicates": apart})
    for kind, names in counts.items():
        for name, count in names.items():
            say(f"{printable(title_of(kind, name))}: {count}")
    if apart:
        say(f"groups marked as not duplicates: {apart}")
    elif not any(counts.values()):
        say("No picture has a label yet: add --tag, --album or --favourite and the files to label.")
    return None


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


def _annotate(
    folders: list[str],
    xmp: bool,
    png: bool,
    rater: str | None,
    dry_run: bool,
    by: list[str] | None,
    only: list[str] | None,
    as_json: bool,
) -> None:
    """Write stars, tags and albums of evaluated pictures to sidecars and PNG files."""
    from ...pipelines.collection.ratings import check_has_rated
    from ...pipelines.tidying.annotate import annotate, annotations_of
    from ...pipelines.tidying.journal import checked_undo_file

    journal = None if dry_run else checked_undo_file()

    def check(store: Collection, _: Sequence[Path]) -> None:
        if rater is not None:
            check_has_rated(store, rater)

    with evaluated_folders(folders, only, by, check, reads_only=dry_run) as (_, evaluated):
        annotations = list(annotations_of(evaluated, rater))
        done, problems = 0, list[str]()
        if annotations and journal is not None:
            with undo_named(journal), Progress("writing", len(annotations)) as bar:
                done, problems = annotate(evaluated, annotations, journal, xmp=xmp, png=png, progress=bar)
    problems = named_as_given(problems, folders)
    written = journal if journal is not None and journal.exists() else None
    if as_json:
        notes = [{"path": str(annotation.path), "stars": annotation.stars} for annotation in annotations]
        facts: dict[str, Any] = {"notes": notes, "written": done, "problems": problems}
        emit({**facts, "undo_file": None if written is None else str(written)})
    else:
        for annotation in annotations if dry_run else ():
            say(f"{printable(str(annotation.path))}: {counted(annotation.stars, 'star')}")
        if done and written is None:
            say(f"Nothing to write: the annotations of {counted(done, 'file')} are there already")
        elif dry_run:
            say(f"Would annotate {counted(len(annotations), 'file')}")
        else:
            say(f"Annotated {counted(done, 'file')}")
        print_notes(problems)
        if written is not None:
            say(f"To undo: {undo_command(written)}")
    if problems:
        raise typer.Exit(1)
