"""Reads what lies beside a picture: ``NAME.json``, ``.txt``, ``.caption``, ``.xmp``, and tables of a folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....files import open_regular, read_regular
from .a1111 import read_parameters
from .comfyui import read_comfyui
from .containers import rating_of, xmp_texts
from .invokeai import read_invokeai_object
from .others import read_drawthings, read_fooocus_object, read_swarm_object
from .record import (
    LONGEST_PROMPT,
    RATING_ONLY,
    PictureMetadata,
    clean,
    guarded,
    read_flat,
    read_json,
    read_object,
    record,
)

_LONGEST_FILE = 256 * 2**20
_LONGEST_LINE = 2**20
_MOST_PROBLEMS = 20
_LONGEST = 16 * 2**20


def sidecar_metadata(path: Path) -> PictureMetadata | None:
    """The metadata in a file beside the picture ``path``: JSON before text before XMP.

    ``NAME.png.SUFFIX`` comes before ``NAME.SUFFIX``, which several pictures may share.
    A ``.txt`` holds A1111's parameters, or else a caption. Never raises.
    """
    return next(filter(None, (_first(path, suffix, reader) for suffix, reader in _READERS.items())), None)


def sidecar_rating(path: Path) -> PictureMetadata | None:
    """The rating, and nothing else, in an XMP file beside the picture ``path``. Never raises."""
    return _first(path, ".xmp", _xmp_rating)


def _first(path: Path, suffix: str, reader: Callable[[bytes, str], PictureMetadata | None]) -> PictureMetadata | None:
    """The metadata from the first file of a suffix beside a picture in which the reader finds any."""
    for beside in _beside(path, suffix):
        content = _content(beside) if beside != path else None
        metadata = None if content is None else guarded(reader, content, f"sidecar:{beside.name}")
        if metadata:
            return metadata
    return None


def _beside(path: Path, suffix: str) -> tuple[Path, Path]:
    return path.with_name(path.name + suffix), path.with_suffix(suffix)


def texts_beside(path: Path) -> Iterator[Path]:
    """Paths of all files beside a picture that may describe it."""
    for suffix in _READERS:
        yield from _beside(path, suffix)


def _content(path: Path) -> bytes | None:
    """The bytes of a regular file of at most 16 MiB; ``None`` for any other."""
    try:
        with open_regular(path) as stream:
            content = stream.read(_LONGEST + 1)
        return content if len(content) <= _LONGEST else None
    except (OSError, ValueError):
        return None


def decoded(content: bytes) -> str:
    """The text of bytes in UTF-8, or in UTF-16 by its mark, else in Latin-1."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_note(content: bytes, source: str) -> PictureMetadata | None:
    """Read A1111's parameters, an object of any tool, or a caption."""
    text = decoded(content)
    metadata = read_parameters(text, source)
    if metadata is None and text.lstrip().startswith("{"):
        metadata = _json(content, source)
    if metadata is None and len(text) <= LONGEST_PROMPT and "\0" not in text:
        # Editors end a file with a new line, which is not of the caption.
        metadata = record("caption", source, prompt=text.strip("\r\n"))
    return metadata


def _json(content: bytes, source: str) -> PictureMetadata | None:
    values = read_object(decoded(content))
    return read_any_object(values, source) if values is not None else None


def read_any_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read an object by the marks of its tool, else as a ``"table"`` by the usual names of fields."""
    for reader in (read_swarm_object, read_fooocus_object, read_invokeai_object):
        metadata = reader(values, source)
        if metadata is not None:
            return metadata
    inner = values.get("meta")
    if isinstance(inner, dict) and "prompt" in inner:
        return read_flat("table", source, inner)
    if isinstance(values.get("parameters"), str):
        return read_parameters(values["parameters"], source)
    if "num_inference_steps" in values and "prompt" in values:
        return read_flat("Easy Diffusion", source, values)
    texts, places = {"UserComment": json.dumps(values)}, {"UserComment": source}
    metadata = read_drawthings(texts, places) or read_comfyui(texts, places)
    return metadata if metadata is not None else read_flat("table", source, values)


def _xmp(content: bytes, source: str) -> PictureMetadata | None:
    texts = _xmp_texts(content)
    return read_drawthings(texts, dict.fromkeys(texts, source)) or _xmp_rating(content, source)


def _xmp_rating(content: bytes, source: str) -> PictureMetadata | None:
    rating = rating_of(_xmp_texts(content))
    return None if rating is None else record(RATING_ONLY, source, settings={"rating": rating})


def _xmp_texts(content: bytes) -> dict[str, str]:
    return {name: text for name, _, text in xmp_texts(content)}


_READERS = {".json": _json, ".txt": read_note, ".caption": read_note, ".xmp": _xmp}
#: Suffixes of texts beside a picture.
SUFFIXES = frozenset(_READERS)


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
        for name, rows in _TABLE_READERS.items():
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


_TABLE_READERS = {"metadata.jsonl": _jsonl, "metadata.csv": _csv}
#: Names of the tables.
TABLES = frozenset(_TABLE_READERS)
