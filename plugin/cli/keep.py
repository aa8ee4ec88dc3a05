"""The command ``soart keep``."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...files import named_as_given, plain_path
from ...pipelines.support.wording import counted
from .options import By, Folders, Json, Matching, Only, Rater, matched, model_effect, search_of
from .ranking_output import PROMPT, copied_best, names_from_common_folder
from .taste import within_values
from .terminal import Progress, emit, print_problems, printable, say
from .tidy import Dry, evaluated_folders, undo_command, undo_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...pipelines.collection.collection import Collection
    from ...pipelines.keepers.finding import KeeperGroup, Keepers


def keep(
    folders: Folders,
    group: Annotated[
        str,
        typer.Option(
            "--group",
            metavar="prompt|burst|folder|look-alike",
            help="Group pictures of one prompt and all its settings but the seed; those of one prompt that were saved "
            "within 5 minutes of each other or with consecutive file numbers; those of one folder; or near-duplicates and exact copies.",
        ),
    ] = "prompt",
    per_group: Annotated[int, typer.Option("--per-group", min=1, help="Pictures to keep of each group.")] = 1,
    by: By = None,
    copy_to: Annotated[
        Path | None,
        typer.Option(
            "--copy-to",
            metavar="FOLDER",
            help="Copy the keepers and the pictures in no group into this folder, numbered, best first.",
        ),
    ] = None,
    move_others_to: Annotated[
        Path | None,
        typer.Option(
            "--move-others-to", metavar="FOLDER", help="Move the other pictures of the groups into this folder."
        ),
    ] = None,
    dry_run: Dry = False,
    rater: Rater = "me",
    top: Annotated[int, typer.Option("--top", min=0, help="Groups to print.")] = 20,
    only: Only = None,
    matching: Matching = "",
    as_json: Json = False,
) -> None:
    """Find the keepers: the best picture of each prompt, burst, folder or group of look-alikes.

    Says why each is chosen, and how often such a choice is yours. Nothing is deleted, and moves can be undone.
    """
    from ...pipelines.collection.pictures import images_by_id
    from ...pipelines.keepers.finding import UNITS, find_keepers
    from ...pipelines.tidying.copying import check_copy_target
    from ...pipelines.tidying.cull import check_target, cull, moves_of_others
    from ...pipelines.tidying.journal import checked_undo_file
    from ...pipelines.tidying.moved_away import mark_moved

    if group not in UNITS:
        raise typer.BadParameter(f"expected {', '.join(UNITS)}, got {group!r}", param_hint="--group")
    if copy_to is not None and move_others_to is not None:
        raise typer.BadParameter("name --copy-to or --move-others-to, not both", param_hint="--move-others-to")

    def check(_: Collection, roots: Sequence[Path]) -> None:
        if copy_to is not None:
            check_copy_target(copy_to, roots)
        if move_others_to is not None:
            check_target(move_others_to, roots)

    search = search_of(matching)
    journal = checked_undo_file() if move_others_to is not None and not dry_run else None
    moved, undone = None, list[str]()
    with evaluated_folders(folders, only, by, check, move_others_to, reads_only=dry_run or move_others_to is None) as (
        roots,
        evaluated,
    ):
        evaluated.collection.model_effect = model_effect()
        if search:
            store, ids = evaluated.collection, evaluated.evaluation.ids.tolist()
            rows = matched(search, store, [*images_by_id(store, ids).values()])
            evaluated = evaluated.part({row.id for row in rows})
        found = find_keepers(evaluated, group, per_group, rater=rater)
        problems = [*evaluated.update.problems, *found.problems]
        moves = [] if move_others_to is None else moves_of_others(evaluated, found, roots, plain_path(move_others_to))
        # Where there is nothing to choose between, all would be copied.
        target = copy_to if found.groups and not dry_run else None
        copied, said, lines = copied_best([Path(path) for path in found.staying], target)
        if copy_to is not None and not found.groups:
            lines.append("Nothing was copied, because there is nothing to choose between.")
        if move_others_to is not None and journal is not None:
            with undo_named(journal), Progress("moving", len(moves)) as bar:
                done, undone = cull(moves, journal, bar)
            mark_moved(evaluated.collection, {step.image for step in done})
            moved = len(done)
            lines.append(f"{moved} moved to {move_others_to}")
    problems = named_as_given([*problems, *said, *undone], folders)
    if moved and journal is not None:
        copied["undo_file"] = str(journal)
        lines.append(f"To undo: {undo_command(journal)}")
    if as_json:
        emit(_document(found, rater) | {"problems": problems, **copied, "moved": moved})
    else:
        _print_groups(found, top)
        print_problems(problems)
        for step in moves if dry_run else ():
            say(printable(f"{step.source} → {step.target}"))
        would = (
            dry_run and found.groups and [("copy", len(found.staying), copy_to), ("move", len(moves), move_others_to)]
        )
        for verb, number, folder in would or ():
            if folder is not None:
                say(f"Would {verb} {counted(number)} to {folder}")
        for line in lines:
            say(line)
    if undone or copied["all_copied"] is False:
        raise typer.Exit(1)


def _document(found: Keepers, rater: str) -> dict[str, Any]:
    """The keepers as plain JSON values."""
    from ...metrics.tastes.within_groups import WithinGroups

    trust = within_values(found.trust or WithinGroups(), found.unit)
    trust |= {
        "sentence": f"{found.trust_sentence}.",
        "unit": found.unit,
        "checked_by": "taste" if found.by_taste else "ratings",
        "rater": None if found.by_taste else rater,
    }
    return {
        "group": found.group,
        "by": found.judge,
        "trust": trust,
        "trust_sentence": f"{found.trust_sentence}.",
        "groups": [
            {
                "prompt": group.prompt or None,
                "why": group.why,
                "margin": round(group.margin, 4) if isfinite(group.margin) else None,
                "too_close": group.close,
                "pictures": [
                    {"path": path, "score": round(score, 4) if isfinite(score) else None, "keep": keep, "copy_of": of}
                    for path, score, keep, of in _files(group)
                ],
            }
            for group in found.groups
        ],
        "alone": len(found.alone),
    }


def _files(group: KeeperGroup) -> Iterator[tuple[str, float, bool, str | None]]:
    """Path and score of each file of a group, True if it is kept, and of an exact copy the path of the original."""
    for place, (path, score, copies) in enumerate(zip(group.paths, group.scores, group.copies, strict=True)):
        yield path, score, place < group.kept, None
        yield from ((copy, score, False, path) for copy in copies)


def _print_groups(found: Keepers, top: int) -> None:
    from ...metrics.damage.titles import JudgeKey

    digits = ".1f" if JudgeKey.of(found.judge).points else ".3g"
    names = iter(names_from_common_folder([Path(path) for group in found.groups for path, *_ in _files(group)]))
    for group in found.groups[:top]:
        files = list(_files(group))
        named = Path(group.paths[0]).parent.name if found.group == "folder" else group.prompt
        title = printable(shorten(named, PROMPT, placeholder=" …")) or f"{len(files)} look-alikes"
        say(f"{title}: {group.why}")
        for _, score, keep, original in files:
            value = f"{score:{digits}}" if isfinite(score) else "–"
            copy = "" if original is None or len(group.paths) == 1 else "  (exact copy)"
            say(f"  {'keep' if keep else '    '} {value:>7}  {printable(next(names))}{copy}")
    if len(found.groups) > top:
        say(f"… and {counted(len(found.groups) - top, 'more group')}.")
    alone = len(found.alone)
    if not found.groups:
        none = {
            "prompt": "have one prompt and the same settings apart from the seed",
            "burst": "have one prompt and were saved one after the other",
            "folder": "lie in one folder",
            "look-alike": "are look-alikes",
        }[found.group]
        by_look = "; soart keep --group look-alike groups pictures by their looks, --group folder by their folders"
        others = "" if found.group == "look-alike" else by_look
        say(
            "Only one picture is here: keep chooses among several."
            if alone == 1
            else f"No two of {alone} pictures {none}{others}."
        )
        return
    close = sum(group.close for group in found.groups)
    say(
        f"{counted(len(found.groups), 'group')} by {found.group}: {len(found.kept)} to keep, "
        f"{counted(len(found.others) + found.copies, 'other')}; {close} too close to call; {counted(alone)} in no group."
    )
    if found.group == "look-alike":
        say(
            "Listed first: lossless files that say how they were made, then pictures without suspected damage, then most pixels, then files that are lossless or say how they were made, then the highest score."
        )
    say(f"{found.trust_sentence}.")
