"""Tables of a folder's pictures, as of Hugging Face's imagefolder: ``metadata.jsonl`` and ``metadata.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....files import read_regular
from .record import PictureMetadata, clean, guarded, read_json
from .sidecars import decoded, read_any_object

_LONGEST_FILE = 256 * 2**20
_LONGEST_LINE = 2**20
_MOST_PROBLEMS = 20


@dataclass
class FolderTable:
    """The tables of one folder: metadata by file name relative to it, with ``/`` between folders."""

    entries: dict[str, PictureMetadata] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)  # a sentence for each table or line that could not be read

    @classmethod
    def read(cls, folder: Path) -> FolderTable:
        """Read both tables of ``folder``; without any the result is empty. Never raises."""
        table = cls()
        doubtful: set[str] = set()
        for name, rows in _READERS.items():
            path = folder / name
            try:
                if not path.is_file():
                    continue
                if path.stat().st_size > _LONGEST_FILE:
                    table._problem(
                        f"{str(path)!r} is larger than {_LONGEST_FILE >> 20} MiB and was not read; split it."
                    )
                    continue
                content = read_regular(path)
            except (OSError, ValueError) as error:
                table._problem(f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}.")
                continue
            for line, row in rows(decoded(content)):
                if isinstance(row, str):
                    table._problem(f"{str(path)!r}, line {line}: {row}.")
                else:
                    table._add(path, line, row, doubtful)
        for name in doubtful:
            table.entries.pop(name, None)
        return table

    def get(self, file_name: str) -> PictureMetadata | None:
        """The metadata of a picture, by its name relative to the folder."""
        return self.entries.get(_normal(file_name) or "")

    def _problem(self, sentence: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS - 1:
            self.problems.append(clean(sentence) or sentence[:200])
        elif len(self.problems) < _MOST_PROBLEMS:
            self.problems.append("Further lines of these tables cannot be used.")

    def _add(self, path: Path, line: int, row: dict[str, Any], doubtful: set[str]) -> None:
        name = _normal(row.get("file_name"))
        if name is None:
            self._problem(
                f"{str(path)!r}, line {line}: 'file_name' is missing or leads out of the folder; name a file in it."
            )
            return
        source = f"table:{path.name}"
        entry = guarded(read_any_object, row, source)
        if not entry:
            return
        known = self.entries.setdefault(name, entry)
        if _facts(known) != _facts(entry) and name not in doubtful:
            doubtful.add(name)
            self._problem(
                f"{str(path)!r}, line {line}: {name!r} has two different entries, so neither counts; keep one."
            )


def _facts(entry: PictureMetadata) -> tuple[object, ...]:
    return entry.prompt, entry.negative, entry.model, entry.sampler, entry.seed, entry.steps, entry.guidance


def _normal(name: object) -> str | None:
    if not isinstance(name, str) or not 0 < len(name) <= 4096 or name.startswith("/") or "\0" in name:
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts) if parts and ".." not in parts else None


def _jsonl(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for line, content in enumerate(io.StringIO(text), 1):
        if not content.strip():
            continue
        row = read_json(content) if len(content) <= _LONGEST_LINE else None
        yield line, row if isinstance(row, dict) else "not a JSON object, or too long; the line was left out"


def _csv(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text.replace("\0", ""), newline=""))
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, f"{error}; the line was left out"
            continue
        row.pop(None, None)
        yield reader.line_num, row


_READERS = {"metadata.jsonl": _jsonl, "metadata.csv": _csv}
#: Names of the tables.
TABLES = frozenset(_READERS)
