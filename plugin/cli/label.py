"""The command ``soart label``: gives labels, and writes stars and labels for photo managers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...files import named_as_given
from ...pipelines.support.wording import counted
from .options import By, Json, Matching, Only, matched, rater_name, search_of
from .terminal import Progress, show
from .tidy import Dry, conclude, evaluated_folders, undo_named

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
        bool, typer.Option("--not-duplicates", help="Mark these pictures as not duplicates of each other.")
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
    matching: Matching = "",
    as_json: Json = False,
) -> None:
    """Give pictures tags, albums and favourites, or write stars and labels to files for photo managers.

    The gallery shows and edits the same labels. Stars are those of the score by --by, or of --rater. Pixels are never
    touched, and what is written can be undone.
    """
    from ...pipelines.collection.labels import ALBUM, FAVOURITE, TAG
    from ...pipelines.ingest.roots import open_evaluated
    from ...pipelines.tidying.journal import Journal, checked_undo_file
    from ...pipelines.tidying.labelling import label_files

    labels = [*((TAG, name) for name in tag or ()), *((ALBUM, name) for name in album or ())]
    labels += [(FAVOURITE, rater or "me")] if favourite else []
    asked = bool(labels or not_duplicates)
    if xmp or png:
        if asked or remove:
            raise typer.BadParameter(
                "label the pictures first, because these write what is stored", param_hint="--xmp, --png"
            )
        return _annotate([folder, *(pictures or ())], xmp, png, rater, dry_run, by, only, matching, as_json)
    if pictures and not asked:
        raise typer.BadParameter(
            "nothing to do with these pictures: add --tag, --album, --favourite or --not-duplicates",
            param_hint="PICTURES",
        )
    if asked and not pictures and not matching:
        raise typer.BadParameter("no pictures named: add the files to label, or --matching", param_hint="PICTURES")
    if dry_run or only or by:
        raise typer.BadParameter("these are for --xmp and --png", param_hint="--dry-run, --only, --by")
    search = search_of(matching)
    with open_evaluated(folder) as store:
        if search:
            pictures = [*(pictures or ()), *(str(store.locate(row)) for row in matched(search, store, store.images()))]
        if not pictures:
            return _list_labels(store, as_json)
        journal = Journal(checked_undo_file()) if search else None
        files = [*map(Path, pictures)]
        with closing(journal) if journal else nullcontext():
            done = label_files(store, files, labels, on=not remove, distinct=not_duplicates, journal=journal)
    changed = [{"kind": kind, "name": name, "changed": count} for (kind, name), count in done.changed.items()]
    facts = {"pictures": done.pictures, "labels": changed, "corrections": done.corrections}
    undo = journal.path if journal and journal.path.exists() else None
    lines = [*_labelled(done, remove=remove, not_duplicates=not_duplicates)]
    return conclude(as_json, facts, lines, done.problems, undo)


def _list_labels(store: Collection, as_json: bool) -> None:
    from ...pipelines.collection.labels import KINDS, corrections, label_counts
    from ...pipelines.tidying.labelling import title_of

    counts = {kind: label_counts(store, kind) for kind in KINDS}
    apart = len(corrections(store))
    lines = [f"{title_of(kind, name)}: {count}" for kind, names in counts.items() for name, count in names.items()]
    lines += [f"groups marked as not duplicates: {apart}"] if apart else []
    none = "No picture has a label yet: add --tag, --album or --favourite and the files to label."
    show(as_json, {**counts, "not_duplicates": apart}, lines or [none])


def _labelled(done: Labelling, *, remove: bool, not_duplicates: bool) -> Iterator[str]:
    from ...pipelines.tidying.labelling import title_of

    for (kind, name), count in done.changed.items():
        already = f"; {done.pictures - count} {'did not have' if remove else 'had'} it" if count < done.pictures else ""
        verb = "removed from" if remove else "added to"
        yield f"{title_of(kind, name)}: {verb} {count} of {done.pictures}{already}"
    if not_duplicates and not remove:
        yield "Marked as not duplicates of each other."
    elif not_duplicates and done.corrections:
        yield "No longer marked as not duplicates."
    elif not_duplicates:
        yield "These pictures were not marked as not duplicates: name exactly the pictures that you marked."


def _annotate(
    folders: list[str],
    xmp: bool,
    png: bool,
    rater: str | None,
    dry_run: bool,
    by: list[str] | None,
    only: list[str] | None,
    matching: str,
    as_json: bool,
) -> None:
    """Write stars, tags and albums of evaluated pictures to sidecars and PNG files."""
    from ...pipelines.collection.ratings import check_has_rated
    from ...pipelines.tidying.annotate import annotate, annotations_of
    from ...pipelines.tidying.journal import checked_undo_file

    search = search_of(matching)
    journal = None if dry_run else checked_undo_file()

    def check(store: Collection, _: Sequence[Path]) -> None:
        if rater is not None:
            check_has_rated(store, rater)

    with evaluated_folders(folders, only, by, check, reads_only=dry_run) as (_, evaluated):
        annotations = list(annotations_of(evaluated, rater))
        if search:
            store = evaluated.collection
            places = {store.locate(row) for row in matched(search, store, store.images())}
            annotations = [annotation for annotation in annotations if annotation.path in places]
        done, problems = 0, list[str]()
        if annotations and journal is not None:
            with undo_named(journal), Progress("writing", len(annotations)) as bar:
                done, problems = annotate(evaluated, annotations, journal, xmp=xmp, png=png, progress=bar)
    problems = named_as_given(problems, folders)
    written = journal if journal is not None and journal.exists() else None
    notes = [{"path": str(annotation.path), "stars": annotation.stars} for annotation in annotations]
    if dry_run:
        lines = [f"{annotation.path}: {counted(annotation.stars, 'star')}" for annotation in annotations]
        lines.append(f"Would annotate {counted(len(annotations), 'file')}")
    elif done and written is None:
        lines = [f"Nothing to write: the annotations of {counted(done, 'file')} are there already"]
    else:
        lines = [f"Annotated {counted(done, 'file')}"]
    conclude(as_json, {"notes": notes, "written": done}, lines, problems, written)
