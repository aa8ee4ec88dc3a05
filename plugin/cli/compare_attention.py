"""The command ``soart compare-attention``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Json, output_folder, wrong_usage
from .terminal import Progress, emit, print_notes, print_table, say


def compare_attention(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of pictures, one per mode, which is named after it; the first is the unit space of version B."
        ),
    ],
    versions: Annotated[str, typer.Option(help="Two versions of attention to compare, first and second.")] = "A,B",
    output: Annotated[
        Path, typer.Option(callback=output_folder, help="Folder for the tables (CSV) and their picture (PNG).")
    ] = Path("soart-attention"),
    as_json: Json = False,
) -> None:
    """Compare versions of attention: tables of their differences, and how well each version tells modes apart.

    The tables are transposed, difference and plus–minus.
    """
    from ...pipelines.attention.modes import check_versions, compare_versions, measure_modes, write_comparison
    from ...pipelines.support.figures import signed

    modes = {folder.resolve().name: folder for folder in folders}
    if len(modes) < len(folders):
        raise typer.BadParameter("two folders have the same name; modes are named after folders", param_hint="FOLDERS")
    pair = [version.strip().upper() for version in versions.split(",")]
    with wrong_usage("--versions"):
        check_versions(pair)
    with Progress("measuring", 0) as progress:
        data = measure_modes(modes, progress, progress.expect)
    report = compare_versions(data, pair)
    files = write_comparison(report.comparison, output)
    found = report.evidence
    if as_json:
        emit(
            {
                "versions": list(report.comparison.names),
                "balanced_accuracy": dict(found.accuracy),
                "intervals": {version: list(interval) for version, interval in found.intervals.items()},
                "difference": found.difference,
                "difference_interval": list(found.difference_interval),
                "p_value": found.p_value,
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
    headings = ("version", "balanced accuracy", "95 %")
    rows = [
        (name, f"{value:.2f}", "{:.2f} … {:.2f}".format(*found.intervals[name]))
        for name, value in found.accuracy.items()
    ]
    print_table(headings, rows, right=headings)
    first, second = report.comparison.names
    say(f"{len(data.files)} pictures, {report.folds} folds, chance {report.chance:.2f}")
    low, high = found.difference_interval
    say(
        f"{second} − {first}: {signed(found.difference, 2)} ({signed(low, 2)} … {signed(high, 2)}); by chance as large in "
        f"{100 * found.p_value:.0f} % of random exchanges"
    )
    say(f"Plus–minus {second} − {first}: lop-sidedness {report.comparison.lopsidedness:.2f}")
    print_notes(data.problems)
    say(f"Tables: {', '.join(str(file) for file in files)}")
