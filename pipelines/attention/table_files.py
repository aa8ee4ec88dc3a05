"""Writes comparison tables of attention as CSV files and as a picture."""

from __future__ import annotations

from pathlib import Path

from ...errors import CollectionError
from ...metrics.attention.comparison import Comparison


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the two transposed tables, the difference, the plus–minus table and its block means, and one picture.

    Args:
        comparison: the tables.
        folder: made if it does not exist; files of the same names are replaced.

    Returns:
        the paths of the files.

    Raises:
        CollectionError: the folder cannot be written to.
    """
    first, second = comparison.names
    tables = {
        f"attention-{first}.csv": comparison.first,
        f"attention-{second}.csv": comparison.second,
        "difference.csv": comparison.difference,
        "plus-minus.csv": comparison.plus_minus,
        "plus-minus-blocks.csv": comparison.blocks,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(folder / name)
        comparison.figure().savefig(folder / "comparison.png", dpi=110)
    except OSError as error:
        raise CollectionError(f"The tables cannot be written to {str(folder)!r}: {error.strerror or error}.") from error
    return [folder / name for name in (*tables, "comparison.png")]
