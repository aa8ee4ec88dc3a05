"""Exports pictures that were selected, as streams: a table of what is known of them, and an archive of their files.

Source: PKWARE's APPNOTE.TXT 6.3.10; an archive is written piece by piece, with the sizes behind the data of each file.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import CollectionError, ImageError
from ...files import MOST_TEXT, leads_out, read_regular, shortened
from ...metrics.damage.titles import shared_name
from ...metrics.image import read_content
from ..collection.collection import Collection
from ..collection.counts import count_collection
from ..collection.labels import ALBUM, FAVOURITE, TAG, labels_of
from ..collection.pictures import known_ids
from ..collection.png import holds_picture
from ..collection.provenance import Provenance, provenance_of
from ..collection.queries import WINDOW, rows_of, scores_of
from ..collection.ratings import NOT_FOR_ME, judgements_of
from ..collection.tables import ImageRow
from ..evaluation.export import csv_lines, json_lines
from ..ingest.metadata import maker
from ..support.batching import batches
from ..support.wording import BIDI_CONTROLS
from ..tidying.cull import Move, with_companions

#: Bytes handed on at once, at least.
_PIECE = 1 << 16
#: The years that an archive can hold.
_FIRST, _LAST = datetime(1980, 1, 1), datetime(2107, 12, 31)
#: Kinds of exports, with their media types.
KINDS = {"zip": "application/zip", "csv": "text/csv; charset=utf-8", "json": "application/json"}
#: Columns of every table; ``file`` comes before, ``rating:NAME`` and ``score:JUDGE`` come after them.
_COLUMNS = (
    "sha256", "width", "height", "added", "problem", "tool", "prompt", "negative", "model", "sampler",
    "scheduler", "seed", "steps", "guidance", "settings", "tags", "albums", "favourite_of", "not_for",
)  # fmt: skip
#: Characters that a name in an archive must not have on some system, or that disguise its suffix, and most characters of such a name.
_UNSAFE, _LONGEST = re.compile(rf'[\x00-\x1f\x7f<>:"/\\|?*{BIDI_CONTROLS}]'), 100
#: Most bytes of such a name in UTF-8: file systems take 255, and a number may be added.
_MOST_BYTES = 200

Record = dict[str, Any]


class _Pieces(io.RawIOBase):
    """A stream that cannot seek and gives away everything that was written to it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._written += view
        return len(view)

    def __len__(self) -> int:
        return len(self._written)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def zip_stream(files: Iterable[tuple[str, datetime, Iterable[bytes]]]) -> Iterator[bytes]:
    """The bytes of a ZIP archive, in pieces, of files below 2 GiB by name, local time of their last change, and content."""
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w") as archive:
        for name, changed, content in files:
            time = min(max(changed, _FIRST), _LAST)
            # Pictures are compressed already: the archive only holds them.
            entry = zipfile.ZipInfo(name, time.timetuple()[:6])
            with archive.open(entry, "w") as stream:
                for piece in content:
                    stream.write(piece)
                    if len(pieces) >= _PIECE:
                        yield pieces.take()
    yield pieces.take()


def safe_name(name: str) -> str:
    """A file name without characters that some systems refuse: at most 100, and 200 bytes, with its suffix."""
    path = Path(_UNSAFE.sub("_", name.encode(errors="replace").decode()))
    return shortened(path.stem[: _LONGEST - 10] + path.suffix[:10], _MOST_BYTES).strip(" .") or "picture"


def original(collection: Collection, row: ImageRow, allowed: Sequence[Path]) -> bytes:
    """The file of a picture, as long as it is the one that the collection knows.

    ``allowed`` are folders, links resolved, into which links may lead.
    """
    path = collection.locate(row)
    if leads_out(path, allowed):
        raise ImageError("Its path is a link out of the folders of this collection.")
    try:
        content = read_content(path, allowed)
    except ImageError as error:
        # Its message names the path, which guests must not see.
        raise ImageError("Its file cannot be read: it is gone, or this server may not read it.") from error
    if not holds_picture(content, row.sha256):
        raise ImageError("Its file was changed since it was scanned: evaluate the collection again.")
    return content


@dataclass
class PictureExport:
    """An export of pictures by id; those that are gone are left out."""

    collection: Collection
    ids: Sequence[int]
    kind: str
    allowed: Sequence[Path]  # folders that links may lead into, links resolved
    private: bool = False  # True to export paths and the texts beside pictures
    #: why files of pictures are not in the archive, by id, once it is read
    left_out: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CollectionError(f"Expected an export as {', '.join(KINDS)}, got {self.kind[:20]!r}.")
        known = known_ids(self.collection, self.ids)
        self.ids = [row.id for block in batches(known, WINDOW) for row in rows_of(self.collection, block)]
        if not self.ids:
            raise CollectionError("None of these pictures is in the collection any more: select others.")
        self._digits = len(str(len(self.ids)))
        counts = count_collection(self.collection)
        self._raters, self._judges = list(counts.raters), list(counts.judges)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the table."""
        optional = {"left_out": self.kind == "zip", "path": self.private}
        ratings = [f"rating:{rater}" for rater in self._raters]
        scores = dict.fromkeys(self._score_column(judge) for judge in self._judges)
        return ["file", *(name for name, there in optional.items() if there), *_COLUMNS, *ratings, *scores]

    def stream(self) -> Iterator[bytes]:
        """The export in pieces."""
        return zip_stream(self._files()) if self.kind == "zip" else self._table(self.kind)

    def records(self) -> Iterator[Record]:
        """A record for every picture, with a value or None for every column, and further values."""
        for number, row, provenance, facts in self._pictures():
            record = dict.fromkeys(self.columns) | facts | {
                "file": self._name(number, row), "left_out": self.left_out.get(row.id),
                "path": str(self.collection.locate(row)), "sha256": row.sha256, "width": row.width,
                "height": row.height, "added": row.created_at.isoformat(timespec="seconds"), "problem": row.problem,
            }  # fmt: skip
            yield record | (_provenance_columns(provenance) if provenance else {})

    def _table(self, kind: str) -> Iterator[bytes]:
        lines = {"csv": csv_lines, "json": json_lines}[kind](self.records(), self.columns)
        return (line.encode() for line in lines)

    def _files(self) -> Iterator[tuple[str, datetime, Iterable[bytes]]]:
        for number, row, _, _ in self._pictures():
            source, name = self.collection.locate(row), self._name(number, row)
            try:
                content = original(self.collection, row, self.allowed)
            except ImageError as error:
                self.left_out[row.id] = str(error)
                continue
            yield name, _changed(source), [content]
            for file in with_companions(Move(source, Path(name), row.id)) if self.private else ():
                if file.source != source and not leads_out(file.source, self.allowed):
                    yield file.target.name, _changed(file.source), _pieces(file.source, self.allowed)
        # Last, because they say which files were left out.
        for kind in ("csv", "json"):
            yield f"pictures.{kind}", datetime.now(), self._table(kind)

    def _name(self, number: int, row: ImageRow) -> str:
        """Name of a picture: in an archive, a number makes it unique and keeps the order."""
        if self.kind != "zip":
            return Path(row.path).name
        return f"{number:0{self._digits}d} {safe_name(Path(row.path).name)}"

    def _pictures(self) -> Iterator[tuple[int, ImageRow, Provenance | None, Record]]:
        """Number, row, provenance, and columns of ratings, scores and labels, of every picture."""
        number = 0
        for block in batches(self.ids, WINDOW):
            rows = rows_of(self.collection, block)
            known = provenance_of(self.collection, rows)
            columns = self._block_columns(block)
            for row in rows:
                number += 1
                facts = {name: value(row.id) for name, value in columns.items()}
                yield number, row, known.get(row.id), facts

    def _score_column(self, judge: str) -> str:
        """Name of the column of a judge's scores; one that is not private holds no folder of a judge."""
        return f"score:{judge if self.private else shared_name(judge)}"

    def _block_columns(self, ids: Sequence[int]) -> Mapping[str, Any]:
        """Columns that are read for some hundred pictures at once: the value by picture id, by name."""
        columns: dict[str, Any] = {}
        not_for: dict[int, list[str]] = {}
        for rater in self._raters:
            judgements = judgements_of(self.collection, rater, ids)
            columns[f"rating:{rater}"] = {i: value for i, value in judgements.items() if value != NOT_FOR_ME}.get
            for image in (i for i, value in judgements.items() if value == NOT_FOR_ME):
                not_for.setdefault(image, []).append(rater)
        columns["not_for"] = partial(_joined, not_for)
        for judge in self._judges:
            scores = scores_of(self.collection, judge, ids)
            columns[self._score_column(judge)] = {i: value for i, value in scores.items() if math.isfinite(value)}.get
        for name, kind in (("tags", TAG), ("albums", ALBUM), ("favourite_of", FAVOURITE)):
            columns[name] = partial(_joined, labels_of(self.collection, kind, ids))
        return columns


def _joined(labels: Mapping[int, Sequence[str]], image: int) -> str | None:
    return ", ".join(labels.get(image, ())) or None


def _provenance_columns(provenance: Provenance) -> Record:
    names = ("prompt", "negative", "model", "sampler", "scheduler", "seed", "steps", "guidance")
    settings = "; ".join(f"{name}: {value}" for name, value in provenance.settings.items())
    facts = {name: getattr(provenance, name) for name in names}
    return {"tool": maker(provenance.tool)} | facts | {"settings": settings or None}


def _changed(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime)
    except (OSError, OverflowError, ValueError):
        return datetime.now()


def _pieces(path: Path, allowed: Sequence[Path]) -> Iterator[bytes]:
    """The content of a small text file; nothing if it is gone."""
    try:
        yield read_regular(path, most=MOST_TEXT, within=allowed)
    except OSError:
        return
