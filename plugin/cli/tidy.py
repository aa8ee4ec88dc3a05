"""The commands ``soart cull`` and ``undo``: changes to the user's files, on request only."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...files import named_as_given, plain_path
from ...pipelines.ingest.fork_server import start_for
from ...pipelines.support.wording import counted
from .evaluate import evaluate_with_progress
from .options import By, Folders, Json, Only, finite, load_judges, processes, wrong_usage
from .terminal import Progress, interruptible, note, print_notes, printable, say, show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...pipelines.collection.collection import Collection
    from ...pipelines.evaluation.folders import EvaluatedCollection

Dry = Annotated[bool, typer.Option("--dry-run", help="Show the changes without making them.")]


def undo_command(journal: Path) -> str:
    """The command that undoes the changes in an undo file, ready to be copied.

    >>> from pathlib import Path
    >>> from soart.plugin.cli.tidy import undo_command
    >>> undo_command(Path("my undo")), undo_command(Path("-x"))
    ("soart undo 'my undo'", 'soart undo -- -x')
    """
    # A name that begins with a dash would be taken for an option.
    options = ["--"] if str(journal).startswith("-") else []
    return shlex.join(["soart", "undo", *options, str(journal)])


@contextmanager
def undo_named(journal: Path) -> Iterator[None]:
    """Print how to undo the changes so far, if the block is interrupted or fails."""
    try:
        yield
    except BaseException:
        if journal.exists():
            note(f"To undo the changes so far: {undo_command(journal)}")
        raise


@contextmanager
def evaluated_folders(
    folders: list[str],
    only: list[str] | None,
    by: list[str] | None,
    check: Callable[[Collection, Sequence[Path]], None],
    apart: Path | None = None,
    *,
    reads_only: bool = False,
) -> Iterator[tuple[list[Path], EvaluatedCollection]]:
    """The scanned folders and their evaluation, open for the block.

    ``folders`` name folders and pictures, or a collection; ``only`` has patterns of files. ``check`` is called with the
    open collection and the folders; it raises before anything is scanned. ``apart`` is a folder that is not scanned.
    ``reads_only`` if the block changes nothing: a collection on read-only media will do.
    """
    start_for(folders)
    from ...pipelines.ingest.local_engine import LocalEngine
    from ...pipelines.ingest.roots import open_collection_for
    from ...pipelines.ingest.scan import Scan
    from ...pipelines.judges.finding import doubts_of

    judges = load_judges(by, folders)
    print_notes(doubts_of(judges))
    with interruptible():
        # With the folder apart, so that its check comes first.
        store, roots = open_collection_for(folders, scan_of=lambda roots: Scan(roots, only or ()), scratch=reads_only)
        with store:
            check(store, roots)
            scan = Scan(roots, only or (), exclude=apart)
            yield roots, evaluate_with_progress(store, scan, LocalEngine(processes()), judges)


def cull(
    folders: Folders,
    to: Annotated[Path, typer.Option("--to", help="Destination; one sub-folder per reason.")],
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Move all but the best of near-duplicates, and exact copies.")
    ] = False,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Move pictures suspected of damage, and those that are black or plain.")
    ] = False,
    outliers: Annotated[bool, typer.Option("--outliers", help="Move pictures far from the rest.")] = False,
    worst: Annotated[
        float | None,
        typer.Option("--worst", callback=finite, help="Move this share of the lowest scores, in percent."),
    ] = None,
    below: Annotated[
        float | None, typer.Option("--below", callback=finite, help="Move pictures with a score below this.")
    ] = None,
    dry_run: Dry = False,
    by: By = None,
    only: Only = None,
    as_json: Json = False,
) -> None:
    """Move the pictures that a rule selects to folders, with their text files.

    Nothing is deleted, and all can be undone.
    """
    from ...pipelines.tidying.cull import Rule, check_target, plan_cull, threshold_since
    from ...pipelines.tidying.cull import cull as move
    from ...pipelines.tidying.journal import checked_undo_file
    from ...pipelines.tidying.moved_away import mark_moved

    if not (duplicates or damaged or outliers) and worst is below is None:
        raise typer.BadParameter(
            "name at least one, because they say what to move",
            param_hint="--duplicates, --damaged, --outliers, --worst or --below",
        )
    with wrong_usage("--worst or --below"):
        rule = Rule(duplicates, damaged, outliers, worst, below)
    check_target(to)
    target = plain_path(to)
    journal = None if dry_run else checked_undo_file()

    def check(_: Collection, roots: Sequence[Path]) -> None:
        check_target(to, roots)

    with evaluated_folders(folders, only, by, check, to, reads_only=dry_run) as (roots, evaluated):
        moves = plan_cull(evaluated, rule, roots, target)
        if below is not None and (
            said := threshold_since(evaluated.collection, evaluated.judged.main, below, remember=not dry_run)
        ):
            note(said)
        done, problems = moves, list[str]()
        if moves and journal is not None:
            with undo_named(journal), Progress("moving", len(moves)) as bar:
                done, problems = move(moves, journal, bar)
            mark_moved(evaluated.collection, {step.image for step in done})
    problems = named_as_given(problems, folders)
    facts = [{"from": str(s.source), "to": str(s.target), "stays": s.staying and str(s.staying)} for s in done]
    reasons = Counter(step.target.relative_to(target).parts[0] for step in done)
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "nothing"
    stays = [f" (stays: {step.staying})" if step.staying else "" for step in done]
    lines = [f"{step.source} → {step.target}{why}" for step, why in zip(done, stays, strict=True)] if dry_run else []
    lines.append(f"{'Would move' if dry_run else 'Moved'}: {counts}, of {counted(len(evaluated.evaluation.ids))}")
    moved = 0 if dry_run else len(done)
    conclude(as_json, {"moves": facts, "moved": moved}, lines, problems, journal if moved else None)


def conclude(
    as_json: bool, facts: dict[str, Any], lines: Sequence[str], problems: Sequence[str], journal: Path | None
) -> None:
    """Print what was changed, what could not be, and how to undo it; exit code 1 if something could not be changed."""
    show(
        as_json,
        {**facts, "problems": problems, "undo_file": None if journal is None else str(journal)},
        lines,
        problems,
    )
    if journal is not None and not as_json:
        say(f"To undo: {undo_command(journal)}")
    if problems:
        raise typer.Exit(1)


def undo(
    file: Annotated[Path, typer.Argument(help="The undo file that the command printed.")],
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Undo without a question, also what another user or an earlier soart recorded."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Undo what cull, keep, label or --copy-to changed; files that were changed since then stay as they are.

    If another user or an earlier soart recorded the changes, they are listed first, and you are asked.
    """
    from ...pipelines.tidying.undoing import RecordedChanges, UnconfirmedError

    changes = RecordedChanges.read(file)
    if changes.doubt and not yes:
        note(printable(changes.doubt))
        print_notes(changes.listing())
        if not sys.stdin.isatty():
            raise UnconfirmedError(f"To undo {str(file)!r} without being asked, add --yes.")
        typer.confirm("Undo these changes?", abort=True, err=True)
    done, problems = changes.undo(confirmed=True)
    show(as_json, {"undone": done, "problems": problems}, [f"{counted(done, 'change')} undone"], problems)
    if problems:
        raise typer.Exit(1)
