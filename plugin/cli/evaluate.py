"""``soart evaluate``: what is in a collection of pictures."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import SoartError
from .evaluate_output import document, print_contrast, print_survey
from .options import Engine, Json
from .taste import Profiles, warning_of
from .terminal import Progress, emit, interruptible, note, printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...metrics.protocols import Scorer
    from ...pipelines.collection.collection import Collection
    from ...pipelines.evaluation.folders import EvaluatedCollection

Folders = Annotated[list[str], typer.Argument(help="Folders of pictures, single pictures, or a collection.")]
Store = Annotated[
    str | None,
    typer.Option(
        "--collection", help="Folder or URL that keeps what is found; default: a place of its own for these folders."
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GLOB", help="Take only files that match, such as '*.png' or '2026/*'; repeatable."),
]


def _one_place(names: list[str] | None) -> list[str] | None:
    """A report that is named twice, or not at all, is a mistake: of several the command line would keep the last."""
    if names and (len(names) > 1 or not names[0]):
        raise typer.BadParameter(f"expected one file or folder, got {', '.join(map(repr, names))}")
    return names


Processes = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes that look at pictures; default: one for each core.")
]


def named_scorers(names: Sequence[str], profiles: Path | None) -> list[Scorer]:
    """What scores under some names: tastes, detectors, or the technical score."""
    if not names:
        return []
    from ...pipelines.scoring.profile_store import ProfileStore, scorer_named

    return [scorer_named(name, ProfileStore(profiles)) for name in names]


def evaluate(
    folders: Folders,
    tastes: Annotated[
        list[str] | None,
        typer.Option("--taste", help="Score by this taste too; repeatable, the first one ranks; default: technical."),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="PATH",
            callback=_one_place,
            help="Write a page: OUT.html with everything inside, or a folder for many pictures.",
        ),
    ] = None,
    export: Annotated[
        list[Path] | None,
        typer.Option("--export", help="Write a row for every file to FILE.csv, .json or .parquet; repeatable."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--against", help="Say what differs in the pictures of this folder or collection."),
    ] = None,
    collection: Store = None,
    only: Only = None,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow links to folders.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Look again at files that could not be decoded.")] = False,
    workers: Processes = None,
    engine: Engine = "local",
    profiles: Profiles = None,
    top: Annotated[int, typer.Option(min=0, help="Lines to print of each list.")] = 5,
    as_json: Json = False,
) -> None:
    """Say what is in a collection: what is good, broken, double or strange, and what goes with better pictures.

    Nothing is written beside the pictures. A second run opens new and changed files only.
    """
    from ...pipelines.evaluation.export import export as write
    from ...pipelines.evaluation.export import format_of
    from ...pipelines.evaluation.folders import sync_and_evaluate
    from ...pipelines.evaluation.records import columns, records
    from ...pipelines.ingest.engines import engine_named
    from ...pipelines.ingest.roots import open_collection_for
    from ...pipelines.ingest.scan import Scan

    for path in export or ():
        format_of(path)
    scorers = named_scorers(tastes or (), profiles)
    notes = [text for scorer in scorers for text in warning_of(scorer)]
    target = Path(report[0]) if report else None

    def look(store: Collection, roots: list[Path]) -> EvaluatedCollection:
        scan = Scan(roots, only or (), follow_links)
        with Progress("looking", 0) as bar:
            return sync_and_evaluate(
                store, scan, engine_named(engine, workers), scorers, retry=retry, progress=bar, expect=bar.expect
            )

    with interruptible(), ExitStack() as stack:
        opened: list[tuple[Collection, list[Path]]] = []
        for places, where in ((folders, collection), *([(against, None)] if against else [])):
            opened.append(open_collection_for(places, where))
            stack.enter_context(opened[-1][0])
        if len({store.name for store, _ in opened}) < len(opened):
            raise SoartError(f"Expected another collection to compare with, got {opened[0][0].name!r} twice.")
        if target:
            from ...pipelines.reports.evaluation import check_report

            check_report(target, [root for _, roots in opened for root in roots])
        found, *others = (look(store, roots) for store, roots in opened)
        other = others[0] if others else None
        differing = page = None
        # What only some calls need is loaded only for them: a second run shall be quick.
        if other:
            from ...pipelines.evaluation.contrast import contrast

            differing = contrast(found, other)
        for path in export or ():
            rows = records(found.collection, found.update.scan_number, found.evaluation, found.update.unusable)
            write(rows, columns(found.evaluation), path)
        if target:
            from ...pipelines.reports.evaluation import write_evaluation

            page = write_evaluation(target, found, differing, notes)
        if as_json:
            emit(document(found, differing, top, page, export or [], notes))
            return
        print_survey(found, top)
        if differing:
            print_contrast(differing, ", ".join(against or ()))
        for problem in found.update.problems:
            note(printable(problem))
        for text in notes:
            note(text)
        for path in (*(export or ()), *([page] if page else ())):
            say(f"Written: {path}")
