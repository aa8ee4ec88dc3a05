"""``soart compare-attention``: versions of attention on folders of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal import Progress, emit, note, out, printable, say


def compare_attention(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders of pictures, one a mode; the folder's name is the mode's.")
    ],
    versions: Annotated[
        str, typer.Option(help="The two versions whose tables are compared, first and second.")
    ] = "A,B",
    unit_space: Annotated[
        str | None, typer.Option(help="Mode that version B takes as its unit space; default: the first folder.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for the tables (CSV) and their picture (PNG).")] = Path(
        "soart-attention"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Compare versions of attention: transposed, difference and plus–minus tables, and how well each tells modes apart."""
    from ...pipelines.attention.modes import compare_versions, measure_modes, write_comparison

    named = {folder.resolve().name: folder for folder in folders}
    if len(named) < len(folders):
        raise typer.BadParameter("two folders have the same name; modes are named after folders", param_hint="FOLDERS")
    with Progress("measuring", 0) as progress:
        data = measure_modes(named, progress, progress.expect)
    report = compare_versions(data, [v.strip().upper() for v in versions.split(",")], unit_space)
    files = write_comparison(report.comparison, output)
    if as_json:
        emit(
            {
                "versions": list(report.comparison.names),
                "balanced_accuracy": dict(report.accuracy),
                "chance": report.chance,
                "folds": report.folds,
                "lopsidedness": report.comparison.lopsidedness,
                "blocks": report.comparison.blocks.to_dict(orient="index"),
                "pictures": len(data.files),
                "files": [str(file) for file in files],
                "problems": list(data.problems),
            }
        )
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("version", "balanced accuracy"):
        table.add_column(name, justify="right")
    for version, accuracy in report.accuracy.items():
        table.add_row(version, f"{accuracy:.2f}")
    out.print(table)
    first, second = report.comparison.names
    say(f"{len(data.files)} pictures, {report.folds} folds, chance {report.chance:.2f}")
    say(f"Plus–minus {second} − {first}: lop-sidedness {report.comparison.lopsidedness:.2f}")
    for problem in data.problems:
        note(printable(problem))
    say(f"Tables: {', '.join(str(file) for file in files)}")
