"""The command ``soart evaluate``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import SoartError
from ...pipelines.ingest.fork_server import start_for
from .evaluate_output import document, print_contrast, print_evaluation, print_judged, print_next
from .options import By, Folders, Json, Only, engine, load_judges, model_effect, output_file, processes, wrong_usage
from .terminal import Progress, emit, interruptible, note, print_problems, say, show_in_desktop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...pipelines.collection.collection import Collection
    from ...pipelines.evaluation.folders import EvaluatedCollection
    from ...pipelines.ingest.engines import Engine as InspectionEngine
    from ...pipelines.ingest.scan import Scan
    from ...pipelines.judges.engines import Judging
    from ...pipelines.judges.finding import Weighted


def _single(names: list[str] | None) -> list[str] | None:
    """Refuse an option that is repeated or empty; without this the command line would silently use the last one."""
    if names and (len(names) > 1 or not names[0]):
        raise typer.BadParameter(f"expected one file or folder, got {', '.join(map(repr, names))}")
    return names


def evaluate_with_progress(
    store: Collection,
    scan: Scan,
    inspecting: InspectionEngine,
    judges: Sequence[Weighted],
    *,
    judging: Judging | None = None,
    retry: bool = False,
    faces: bool = False,
) -> EvaluatedCollection:
    """Bring a collection in step with folders and evaluate it, behind a progress bar with first findings."""
    from ...pipelines.evaluation.first_findings import FirstFindings
    from ...pipelines.evaluation.folders import sync_and_evaluate
    from ...pipelines.judges.storing import judge_pictures

    findings = FirstFindings()
    with Progress("inspecting", 0, lambda: findings.sentence) as bar:
        return sync_and_evaluate(
            store, scan, inspecting, dict(judges), judging=judging or judge_pictures, retry=retry, faces=faces,
            progress=bar, expect=bar.expect, inspected=findings.add,
        )  # fmt: skip


def evaluate(
    folders: Folders,
    by: By = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="PATH",
            callback=_single,
            help="Write a report: OUT.html with everything inside, or a folder (for many pictures).",
        ),
    ] = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report when it is written.")] = False,
    export: Annotated[
        list[Path] | None,
        typer.Option(
            "--export", callback=output_file, help="Write one row per file to FILE.csv, .json or .parquet; repeatable."
        ),
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option("--against", help="Compare with the pictures of this folder or collection.")
    ] = None,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            help="Folder or URL that stores the evaluation; default: one for these folders, in your data folder.",
        ),
    ] = None,
    only: Only = None,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow links to folders.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Inspect files again that could not be decoded before.")
    ] = False,
    top: Annotated[int, typer.Option(min=0, help="Lines to print of each list; of decisions four times as many.")] = 5,
    as_json: Json = False,
) -> None:
    """Evaluate folders of pictures: what is in them, what is good and goes with it, and what needs a decision.

    Nothing is written beside the pictures. A second run opens new and changed files only.
    """
    if open_report and not report:
        raise typer.BadParameter("there is nothing to open: add --report", param_hint="--open")
    where, workers = engine(), processes()
    if collection is None and where == "local":
        start_for(folders)
    from ...pipelines.evaluation.export import export_evaluation, format_of
    from ...pipelines.evaluation.folders import unkept
    from ...pipelines.ingest.engines import engine_named
    from ...pipelines.ingest.roots import open_collection_for
    from ...pipelines.ingest.scan import Scan
    from ...pipelines.judges.engines import judging_named
    from ...pipelines.judges.finding import doubts_of

    with wrong_usage("--export"):
        for path in export or ():
            format_of(path)
    target = Path(report[0]) if report else None
    judges = load_judges(by, [collection] if collection else folders)
    warnings = doubts_of(judges)
    judging = judging_named(where, workers)

    def scan_of(roots: Sequence[Path]) -> Scan:
        return Scan(roots, only or (), follow_links)

    sides = [(folders, collection), *([(against, None)] if against else [])]
    with interruptible(), ExitStack() as stack:
        stores: list[tuple[Collection, list[Path]]] = []
        for names, place in sides:
            stores.append(open_collection_for(names, place, scan_of=scan_of, scratch=True))
            store = stack.enter_context(stores[-1][0])
            store.model_effect = model_effect()
            warnings += unkept(store)
        if len({store.name for store, _ in stores}) < len(stores):
            raise SoartError(f"Expected another collection to compare with, got {stores[0][0].name!r} twice.")
        if target:
            from ...pipelines.reports.evaluation import check_report

            check_report(target, [root for _, roots in stores for root in roots])
        evaluated, *others = (
            evaluate_with_progress(
                store, scan_of(roots), engine_named(where, workers), judges, judging=judging, retry=retry, faces=True
            )
            for store, roots in stores
        )
        contrasted = page = None
        # Some modules are loaded only by the calls that need them, so that a second run is quick.
        if others:
            from ...pipelines.evaluation.contrast import contrast

            contrasted = contrast(evaluated, others[0])
        written: list[Path] = []
        failed: dict[str, None] = {}
        for path in export or ():
            try:
                export_evaluation(evaluated, path)
                written.append(path)
            except SoartError as error:
                failed[str(error)] = None
        if target:
            from ...pipelines.reports.evaluation import write_evaluation

            page = write_evaluation(target, evaluated, contrasted, warnings)
        if open_report and page:
            show_in_desktop(page)
        if as_json:
            emit(document(evaluated, contrasted, top, page, written, warnings))
        else:
            print_evaluation(evaluated, top)
            if contrasted:
                print_contrast(contrasted, ", ".join(against or ()))
            print_judged(evaluated, top)
            print_problems([*evaluated.update.problems, *evaluated.update.table_problems, *evaluated.judged.problems])
            for text in warnings:
                note(text)
            for path in (*written, *([page] if page else ())):
                say(f"Written: {path}")
            print_next(evaluated, folders)
        if failed:
            raise SoartError(" ".join(failed))
