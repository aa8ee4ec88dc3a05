"""Rankings as a table, a report page or JSON."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from ...errors import CollectionError, SoartError
from ...files import named_as_given
from ...metrics.damage.titles import JudgeKey, stored_title
from .terminal import Progress, emit, interruptible, out, print_problems, print_table, printable, say, show
from .tidy import undo_command, undo_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...metrics.protocols import Reason
    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.tables import ImageRow
    from ...pipelines.judges.finding import Weighted
    from ...pipelines.judges.ranking import RankedPicture
    from ...pipelines.models.generator import ImageGenerator
    from ...pipelines.models.request import Request

#: Most characters of a prompt in the table.
PROMPT = 120
#: Columns of numbers, and spaces before the reasons below a picture.
NUMBERS, INDENT = ("#", "score", "effect", "pct", "alike"), 4
#: Columns of a drawn picture that a JSON ranking repeats.
_DRAWN = ("prompt", "negative", "seed", "steps", "guidance", "model")


@dataclass(frozen=True, slots=True)
class RankingOutput:
    """The form in which a command shows a ranking: JSON or a table of ``top`` lines, a page with notes, and copies."""

    as_json: bool
    report: Path | None
    top: int
    title: str
    notes: tuple[str, ...] = ()
    copy_to: Path | None = None


def show_ranking(
    collection: Collection,
    rows: Sequence[ImageRow],
    output: RankingOutput,
    judges: Sequence[Weighted],
    problems: Sequence[str] = (),
    facts: dict[str, Any] | None = None,
    *,
    alike: bool = True,
    engine: str = "local",
    given: Sequence[str] = (),
) -> dict[str, Any]:
    """Rank pictures, write the report, copy the best, print the ranking unless JSON is wanted, and return the document.

    ``alike`` shows and copies the best in a row, see ``best_of``. ``facts`` are further values for the document; ``given``
    are files and folders as the user named them, for sentences.
    """
    from ...pipelines.judges.engines import judging_named
    from ...pipelines.judges.ranking import best_of, rank
    from ...pipelines.scoring.pictures import StoredPictures

    counting = [judge for judge, weight in judges if weight > 0]
    name = " + ".join(judge.stored_name for judge in counting)
    with Progress("judging", len(rows) * len(judges)) as progress:
        ranking, left_out = rank(
            StoredPictures(collection, rows), judges, progress, alike=alike,
            # JSON and reports have reasons for all pictures, a table for those that it shows.
            explained=output.top if not output.as_json and output.report is None else None,
            judging=judging_named(engine),
        )  # fmt: skip
    problems = [*problems, *left_out]
    best = best_of(ranking, output.top, alike=alike)
    # Before anything is printed: a closed pipe ends the command.
    copied, said, copied_lines = copied_best([picture.path for picture in best], output.copy_to)
    problems = named_as_given([*problems, *said], given)
    report = output.report
    if report is not None:
        from ...pipelines.reports.page import write_report
        from ...pipelines.reports.ranking import render_report

        page = render_report(collection, ranking, output.title, name, output.notes, problems)
        report = write_report(report, page)
    document = {
        **(facts or {}),
        "by": name,
        "ranking": ranking_rows(ranking),
        "best": [{"place": one.place, "alike": [other.place for other in one.more]} for one in best],
        "problems": problems,
        "notes": list(output.notes),
        "report": str(report) if report else None,
        **copied,
    }
    if not output.as_json:
        if ranking:
            several = len(counting) > 1
            print_ranking(ranking, best, points=not several and JudgeKey.of(name).points)
            by = " + ".join(stored_title(judge.stored_name) for judge in counting)
            unit = ", in standard deviations of these pictures" if several else ""
            say(
                f"Ranked by {by}{unit}. After + what lifts a score above the average of these pictures, after − what lowers it."
            )
            if any(picture.effect for picture in ranking):
                say(
                    "A place is by the score and the effect of the model's other pictures here; --set model_effect=off leaves that out."
                )
        print_problems(problems)
        if report is not None:
            say(f"Report: {report}")
        show(False, {}, copied_lines, [])
    if not ranking:
        if output.as_json:
            emit(document)
        if problems or not given:
            raise SoartError("No picture could be ranked.")
        from ...pipelines.ingest.roots import no_picture_in

        raise SoartError(no_picture_in(given))
    return document


def draw(
    collection: Collection,
    generator: ImageGenerator,
    requests: Sequence[Request],
    output: RankingOutput,
    judges: Sequence[Weighted],
) -> tuple[list[ImageRow], dict[str, Any]]:
    """Draw the pictures that are not in the collection yet, and show the ranking of all requested ones."""
    from ...pipelines import generate as generation

    with interruptible(), Progress("drawing", len(requests), doing=lambda: generator.doing) as progress:
        result = generation.generate(collection, generator, requests, [judge for judge, _ in judges], progress)
    if not output.as_json:
        again = f" ({result.redrawn} again, because their files are gone or changed)" if result.redrawn else ""
        say(f"{result.drawn} drawn{again}, {result.reused} already there; pictures in {collection.name}")
    facts = {
        "drawn": result.drawn,
        "reused": result.reused,
        "redrawn": result.redrawn,
        "collection": collection.name,
        "model": generator.model.identity,
    }
    return result.rows, show_ranking(collection, result.rows, output, judges, facts=facts)


def ranking_rows(ranking: Sequence[RankedPicture]) -> list[dict[str, Any]]:
    """The ranking as plain JSON values, with the settings of pictures that were drawn here."""
    rows = []
    for picture in ranking:
        row: dict[str, Any] = {
            "place": picture.place,
            "path": str(picture.path.resolve()),
            "score": round(picture.score, 4),
            "effect": round(picture.effect, 4),
            "percentile": round(picture.percentile, 2),
            "verdict": picture.verdict or None,
            "reasons": [reason_row(reason) for reason in picture.reasons],
            "parts": [reason_row(part) for part in picture.parts],
        }
        if picture.prompt is not None:
            row["prompt"] = picture.prompt
        if picture.row.generation is not None:
            row.update({name: getattr(picture.row.generation, name) for name in _DRAWN})
        rows.append(row)
    return rows


def reason_row(reason: Reason) -> dict[str, Any]:
    """A reason as plain JSON values."""
    examples = [{"picture": e.title, "file": e.file or None, "share": round(e.share, 6)} for e in reason.examples]
    row = {"text": reason.in_full, "contribution": round(reason.contribution, 6)}
    return {**row, "examples": examples} if examples else row


def names_from_common_folder(paths: Sequence[Path], within: Sequence[Path] = ()) -> list[str]:
    """Paths below the folder that holds all of them, and the folders ``within`` which they lie; whole paths if none does."""
    if not paths:
        return []
    try:
        folder = os.path.commonpath([*(path.absolute().parent for path in paths), *(one.absolute() for one in within)])
    # Drives of Windows have no folder in common.
    except ValueError:
        return [str(path.absolute()) for path in paths]
    return [str(path.absolute().relative_to(folder)) for path in paths]


def print_ranking(ranking: Sequence[RankedPicture], shown: Sequence[RankedPicture], *, points: bool = True) -> None:
    """Print some pictures, each on a line with its reasons below; names begin at the folder that holds all of the ranking.

    ``points`` for scores of 0 to 100; others are small numbers.
    """
    from rich.text import Text

    from ...pipelines.reports.score_words import reasons_line
    from ...pipelines.support.figures import signed, with_minus

    names, decimals = names_from_common_folder([picture.path for picture in ranking]), 1 if points else 3
    texts = {
        "#": [str(picture.place) for picture in shown],
        "score": [with_minus(f"{picture.score:.{decimals}f}") for picture in shown],
        "effect": [signed(picture.effect, decimals) if picture.effect else "" for picture in shown],
        "pct": [f"{picture.percentile:.0f}" for picture in shown],
        "alike": [f"+{len(picture.more)}" if picture.more else "" for picture in shown],
        "picture": [printable(names[picture.place - 1]) for picture in shown],
        "rendering": [picture.verdict for picture in shown],
        "prompt": [printable(_prompt(picture)) for picture in shown],
    }
    # Those without a prompt or a word about the rendering would be empty.
    texts = {name: column for name, column in texts.items() if any(column)}
    for header, *cells, reasons in zip(
        [True] + [False] * len(shown), *_columns(texts, out.width), [(), *(p.reasons for p in shown)], strict=True
    ):
        out.print(Text("  ".join(cells).rstrip(), style="bold" if header else ""), soft_wrap=True)
        if line := printable(reasons_line(reasons, out.width - INDENT)):
            out.print(Text(" " * INDENT + line, style="dim"), soft_wrap=True)
    if len(ranking) > len(shown):
        alike = sum(len(picture.more) for picture in shown)
        folded = f", {alike} of them like a better one above: --alike shows these too" if alike else ""
        out.print(f"… and {len(ranking) - len(shown)} more{folded}.")


def _columns(texts: Mapping[str, Sequence[str]], width: int) -> list[list[str]]:
    """Headings over texts, padded to columns that are at most ``width`` wide together, with two spaces between them."""
    whole = {name: max(len(name), *map(len, column)) for name, column in texts.items()}
    left = width - sum(whole[name] + 2 for name in whole if name not in ("picture", "prompt"))
    if "prompt" in whole:
        whole["picture"] = min(whole["picture"], max(left - whole["prompt"] - 2, 2 * left // 5))
        whole["prompt"] = max(left - whole["picture"] - 2, len("prompt"))
    whole["picture"] = max(min(whole["picture"], left), len("picture"))
    columns = []
    for name, column in texts.items():
        cut = [_cut(text, whole[name], middle=name == "picture") for text in (name, *column)]
        columns.append([text.rjust(whole[name]) if name in NUMBERS else text.ljust(whole[name]) for text in cut])
    return columns


def _cut(text: str, width: int, *, middle: bool) -> str:
    """A text of at most ``width`` characters, cut in the middle, or at the end."""
    if len(text) <= width:
        return text
    kept = (width - 1) // 2 if middle else 0
    return f"{text[: width - 1 - kept]}…{text[len(text) - kept :]}"


def _prompt(picture: RankedPicture) -> str:
    """The prompt of a line, cut if it is long, with the seed of a picture that was drawn here."""
    drawn = picture.row.generation
    return shorten(picture.prompt or "", PROMPT, placeholder=" …") + (f" (seed {drawn.seed})" if drawn else "")


def show_found(
    column: str, values: Sequence[str], paths: Sequence[Path], lines: Sequence[str] = (), within: Sequence[Path] = ()
) -> None:
    """Print files of some folders in their order as a table, each with its place and a value, and lines below it."""
    names = names_from_common_folder(paths, within)
    places = range(1, len(names) + 1)
    print_table(("#", column, "picture"), zip(places, values, names, strict=True), right=("#", column))
    show(False, {}, lines, [])


def copied_best(paths: Sequence[Path], folder: Path | None) -> tuple[dict[str, Any], list[str], list[str]]:
    """Copy pictures, best first, if a folder is named: facts as plain JSON values, sentences on problems, lines to print.

    A file in the current folder tells how to undo it.
    """
    if folder is None or not paths:
        return dict.fromkeys(["copied", "copied_to", "all_copied", "undo_file"]), [], []
    from ...pipelines.tidying.copying import copy_best
    from ...pipelines.tidying.journal import Journal, checked_undo_file

    journal = None
    # From a read-only folder pictures are copied all the same.
    with suppress(CollectionError):
        journal = Journal(checked_undo_file())
    if journal is None:
        copies = copy_best(paths, folder)
    else:
        with undo_named(journal.path), closing(journal):
            copies = copy_best(paths, folder, journal)
    facts = {"copied": copies.count, "copied_to": str(copies.folder), "all_copied": not copies.problems}
    undo = copies.undo_file
    lines = [f"{copies.count} copied to {copies.folder}", *([f"To undo: {undo_command(undo)}"] if undo else [])]
    return {**facts, "undo_file": undo and str(undo)}, [*copies.problems, *copies.hints], lines
