"""Writes the records of an evaluated collection as CSV, JSON or Parquet, a thousand at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import CollectionError, install_command
from ...files import whole_file
from ..ingest.scan_records import check_undisturbed
from ..support.batching import batches
from ..support.wording import printable
from .folders import EvaluatedCollection
from .records import columns as columns_of
from .records import records as records_of

FORMATS = ("csv", "json", "parquet")
_BLOCK = 1000
#: First characters of texts that a spreadsheet takes for formulas.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Record = Mapping[str, Any]


def format_of(path: Path) -> str:
    """The format of a file, by its suffix."""
    name = path.suffix.removeprefix(".").lower()
    if name not in FORMATS:
        raise CollectionError(f"Expected a file to export to that ends in .{', .'.join(FORMATS)}, got {str(path)!r}.")
    return name


def export(records: Iterable[Record], columns: Mapping[str, type], path: Path) -> None:
    """Write records, with a value or None for every column, to a file of one of ``FORMATS``, whole or not at all.

    In CSV, texts that a spreadsheet would take for formulas get an apostrophe in front, and characters that disguise
    names are escaped.
    """
    write = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}[format_of(path)]
    try:
        with whole_file(path) as temporary:
            write(records, columns, temporary)
    except OSError as error:
        raise CollectionError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _cell(value: object) -> object:
    if isinstance(value, str):
        return "'" * value.startswith(_FORMULA) + printable(value, lines=True)
    return str(value).lower() if isinstance(value, bool) else value


class _Line:
    """A file for ``csv.writer`` whose ``write`` returns the text, so that ``writerow`` does."""

    def write(self, text: str) -> str:
        return text


def csv_lines(records: Iterable[Record], columns: Iterable[str]) -> Iterator[str]:
    """Records as lines of CSV, the names of the columns first."""
    writer = csv.writer(_Line())
    columns = list(columns)
    yield writer.writerow(columns)
    for record in records:
        yield writer.writerow(_cell(record[name]) for name in columns)


def json_lines(records: Iterable[Record], columns: Iterable[str]) -> Iterator[str]:
    """Records as the lines of a JSON array."""
    columns = list(columns)
    separator = "[\n"
    for record in records:
        yield separator + json.dumps({name: record[name] for name in columns}, allow_nan=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _write_csv(records: Iterable[Record], columns: Mapping[str, type], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(csv_lines(records, columns))


def _write_json(records: Iterable[Record], columns: Mapping[str, type], path: Path) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json_lines(records, columns))


def _write_parquet(records: Iterable[Record], columns: Mapping[str, type], path: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise CollectionError(
            f"Parquet needs the package pyarrow: {install_command('parquet')}, or export to CSV."
        ) from error
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        for block in batches(records, _BLOCK):
            writer.write_table(pa.Table.from_pylist([dict(record) for record in block], schema=schema))


def export_evaluation(evaluated: EvaluatedCollection, path: Path) -> None:
    """Write one record per file, unusable ones included; an earlier file stays if another scan took some meanwhile."""
    export(_all_records(evaluated), columns_of(evaluated.evaluation, evaluated.judged), path)


def _all_records(evaluated: EvaluatedCollection) -> Iterator[Record]:
    """The records of an evaluated collection; an error at the end if they are not all."""
    collection, update = evaluated.collection, evaluated.update
    yield from records_of(collection, update.scan_number, evaluated.evaluation, update.unusable, evaluated.judged)
    check_undisturbed(collection, update.scan_number, update.stored)
