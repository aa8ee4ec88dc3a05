"""``soart cull``, ``annotate`` and ``undo``: what an evaluation changes among the user's files, on request only."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .evaluate import Folders, Only, Processes, Store, named_scorers
from .options import Json
from .taste import Profiles, warning_of
from .terminal import Progress, emit, interruptible, note, printable, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...pipelines.collection.collection import Collection
    from ...pipelines.evaluation.folders import EvaluatedCollection

Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
UndoFile = Annotated[
    Path | None, typer.Option("--undo-file", help="Where to note how to undo it; default: soart-undo-TIME.jsonl here.")
]
ByTaste = Annotated[
    str | None, typer.Option("--taste", help="Score by this taste or detector; default: the technical score.")
]


def _journal(given: Path | None) -> Path:
    return given or Path(f"soart-undo-{datetime.now():%Y%m%d-%H%M%S}.jsonl")


def _look(
    folders: list[str],
    collection: str | None,
    only: list[str] | None,
    taste: str | None,
    profiles: Path | None,
    workers: int | None,
    check: Callable[[Collection, Sequence[Path]], None],
    apart: Path | None = None,
) -> tuple[Collection, list[Path], EvaluatedCollection]:
    """The collection, to be closed by the caller, what was scanned, and what was found; ``check`` may refuse before that."""
    from ...pipelines.evaluation.folders import sync_and_evaluate
    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.ingest.roots import open_collection_for
    from ...pipelines.ingest.scan import Scan

    scorers = named_scorers([] if taste is None else [taste], profiles)
    for text in (text for scorer in scorers for text in warning_of(scorer)):
        note(text)
    store, roots = open_collection_for(folders, collection)
    try:
        check(store, roots)
        scan = Scan(roots, only or (), exclude=apart)
        with Progress("looking", 0) as bar:
            found = sync_and_evaluate(store, scan, LocalEngine(workers), scorers, progress=bar, expect=bar.expect)
    except BaseException:
        store.close()
        raise
    return store, roots, found


def cull(
    folders: Folders,
    to: Annotated[
        Path, typer.Option("--to", help="Folder that takes what is picked out, in a folder for each reason.")
    ],
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Pick all but the best of near-duplicates, and exact copies.")
    ] = False,
    damaged: Annotated[bool, typer.Option("--damaged", help="Pick pictures suspected of damage.")] = False,
    outliers: Annotated[bool, typer.Option("--outliers", help="Pick pictures far from the rest.")] = False,
    worst: Annotated[
        float | None, typer.Option("--worst", help="Pick this share of lowest scores, in percent.")
    ] = None,
    below: Annotated[float | None, typer.Option("--below", help="Pick pictures of a lower score.")] = None,
    dry_run: Dry = False,
    undo_file: UndoFile = None,
    taste: ByTaste = None,
    profiles: Profiles = None,
    collection: Store = None,
    only: Only = None,
    workers: Processes = None,
    as_json: Json = False,
) -> None:
    """Move pictures that a rule picks out to folders, with the texts beside them; nothing is deleted, all can be undone."""
    from ...pipelines.tidying.cull import Rule, check_target, plan_cull
    from ...pipelines.tidying.cull import cull as move

    rule = Rule(duplicates, damaged, outliers, worst, below)
    check_target(to)

    def check(_: Collection, roots: Sequence[Path]) -> None:
        check_target(to, roots)

    with interruptible():
        store, roots, found = _look(folders, collection, only, taste, profiles, workers, check, to)
        with store:
            moves = plan_cull(found, rule, roots, to.absolute())
            journal = _journal(undo_file)
            done, problems = moves, list[str]()
            if moves and not dry_run:
                with Progress("moving", len(moves)) as bar:
                    done, problems = move(moves, journal, bar)
    moved = 0 if dry_run else len(done)
    if as_json:
        emit(
            {
                "moves": [{"from": str(step.source), "to": str(step.target)} for step in done],
                "moved": moved,
                "problems": problems,
                "undo_file": str(journal) if moved else None,
            }
        )
    else:
        if dry_run:
            for step in done:
                say(f"{printable(str(step.source))} → {printable(str(step.target))}")
        reasons = Counter(step.target.relative_to(to.absolute()).parts[0] for step in done)
        counted = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "nothing"
        say(f"{'Would move' if dry_run else 'Moved'}: {counted}, of {len(found.evaluation.ids)} pictures")
        for problem in problems:
            note(printable(problem))
        if moved:
            say(f"To undo: soart undo {journal}")
    if moves and not done:
        raise typer.Exit(1)


def annotate(
    folders: Folders,
    xmp: Annotated[
        bool, typer.Option("--xmp/--no-xmp", help="Write NAME.xmp, or NAME.png.xmp, beside each picture.")
    ] = True,
    png: Annotated[bool, typer.Option("--png", help="Write a text into PNG files, before their pixels.")] = False,
    rater: Annotated[
        str | None, typer.Option("--rater", help="Write the stars this rater gave instead of those of the score.")
    ] = None,
    dry_run: Dry = False,
    undo_file: UndoFile = None,
    taste: ByTaste = None,
    profiles: Profiles = None,
    collection: Store = None,
    only: Only = None,
    workers: Processes = None,
    as_json: Json = False,
) -> None:
    """Write one to five stars, by score or by a rater, to XMP sidecars that photo managers read; pixels are never touched."""
    from ...pipelines.collection.ratings import check_has_rated
    from ...pipelines.tidying.annotate import annotate as write
    from ...pipelines.tidying.annotate import annotations_of

    if not (xmp or png):
        raise typer.BadParameter("with --no-xmp there is nothing to write: add --png", param_hint="--no-xmp")

    def check(store: Collection, _: Sequence[Path]) -> None:
        if rater is not None:
            check_has_rated(store, rater)

    with interruptible():
        store, _, found = _look(folders, collection, only, taste, profiles, workers, check)
        with store:
            notes = list(annotations_of(found, rater))
            journal = _journal(undo_file)
            done, problems = 0, list[str]()
            if notes and not dry_run:
                with Progress("writing", len(notes)) as bar:
                    done, problems = write(found, notes, journal, xmp=xmp, png=png, progress=bar)
    if as_json:
        stars = [{"path": str(one.path), "stars": one.stars} for one in notes]
        emit(
            {
                "notes": stars,
                "written": done,
                "problems": problems,
                "undo_file": str(journal) if journal.exists() else None,
            }
        )
    else:
        if dry_run:
            for one in notes:
                say(f"{printable(str(one.path))}: {one.stars}")
        say(f"{'Would annotate' if dry_run else 'Annotated'} {len(notes) if dry_run else done} files")
        for problem in problems:
            note(printable(problem))
        if journal.exists():
            say(f"To undo: soart undo {journal}")
    if problems and not done:
        raise typer.Exit(1)


def undo(
    file: Annotated[Path, typer.Argument(help="The undo file that cull or annotate named.")], as_json: Json = False
) -> None:
    """Undo a cull or an annotation; files that were changed since are left as they are."""
    from ...pipelines.tidying.journal import undo as undo_rating

    done, problems = undo_rating(file)
    if as_json:
        emit({"undone": done, "problems": problems})
    else:
        say(f"{done} changes undone")
        for problem in problems:
            note(printable(problem))
    if problems:
        raise typer.Exit(1)
