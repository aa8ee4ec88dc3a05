"""The Collection: pictures with their requests, items and scores.

    FOLDER/soart.db        SQLite in WAL mode, unless the collection is a database named by its URL
    FOLDER/images/*.png    generated pictures, named by content hash

Pictures are written before the rows that refer to them, and every batch is one transaction. A killed process loses at
most the batch in flight, and leaves at most pictures that the next run writes again under the same names.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from sqlalchemy import delete, func, insert, or_, select

from ...errors import CollectionError, ImageError, expect
from ...files import read_regular, write_whole
from ...metrics.image import Picture, read_content, read_image
from ..models.request import DrawnPicture, drawn_by
from .names import IMAGES, LIKENESS
from .png import encode_png, holds_picture, parameters_text, picture_digest, unchanged_content
from .storage import Storage, limits
from .tables import ComparisonRow, FingerprintRow, GenerationRow, ImageRow, ItemsRow, RatingRow, ScoreRow

T = TypeVar("T")
#: Rows selected by one query, below the databases' limits on bound variables.
_CHUNK = 500


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def decode_here(content: bytes, label: str) -> Picture:
    """Decode the content of a file in this process; see ``read_image``."""
    return read_image(content, label=label)


class Collection(Storage):
    """Pictures in a ``Storage``, which says where it lies. One writer at a time, any number of readers.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder, soart.Collection(Path(folder, "collection")) as collection:
        ...     Image.radial_gradient("L").convert("RGB").save(Path(folder, "grey.png"))
        ...     row, picture = collection.add_file(Path(folder, "grey.png"))
        ...     print(row.width, row.height, len(collection.images()))
        256 256 1
    """

    #: Decodes the content of a file; the text names it in messages. A server puts a decoder in its place that it outlives.
    decode: Callable[[bytes, str], Picture] = staticmethod(decode_here)
    #: Whether models have an effect on places while it is open; None for its own setting, see ``makes.counts_models``.
    model_effect: bool | None = None

    # Pictures

    def add_drawn(
        self,
        batch: Sequence[DrawnPicture],
        model: str,
        sampler: str,
        texts: Mapping[str, str] | None = MappingProxyType({}),
    ) -> list[ImageRow]:
        """Write a batch of drawn pictures to disk, then their rows in one transaction; returns the rows.

        Args:
            batch: the pictures.
            model: identity of the model that drew them.
            sampler: name of its sampler.
            texts: further texts of the files by keyword, such as the workflow of a host; None for files without any text,
                except a hash where another request has drawn the same pixels.
        """
        keys = [drawn.request.key(model) for drawn in batch]
        if texts is None:
            contents = self._plain_contents(batch, keys)
        else:
            others = {keyword: text for keyword, text in texts.items() if keyword != "parameters"}
            own = [parameters_text(drawn.request, drawn.pixels.shape, model, sampler) for drawn in batch]
            contents = [
                encode_png(drawn.pixels, {"parameters": text} | others) for drawn, text in zip(batch, own, strict=True)
            ]
        written = [self._write_picture(content) for content in contents]
        with self.session("be written", write=True) as session:
            # A picture whose file is gone or changed is drawn again: its row is kept, with everything that refers to it.
            query = select(ImageRow).join(ImageRow.generation).where(GenerationRow.request_key.in_(keys))
            by_key = {row.generation.request_key: row for row in session.scalars(query) if row.generation}
            query = select(ImageRow).where(ImageRow.sha256.in_([digest for digest, _ in written]))
            by_digest = {row.sha256: row for row in session.scalars(query)}
            rows, replaced = [], False
            for drawn, key, (digest, path) in zip(batch, keys, written, strict=True):
                request = drawn.request
                asked_for = by_key.get(key)
                row = by_digest.get(digest) or asked_for or ImageRow()
                if asked_for is not None and asked_for is not row and row.generation is None:
                    # These very pixels were added from elsewhere.
                    row.generation = asked_for.generation
                if row is asked_for and row.sha256 != digest:
                    by_digest.pop(row.sha256, None)
                    replaced = True
                    stale: list[type[ItemsRow | ScoreRow | FingerprintRow | RatingRow]] = [
                        ItemsRow,
                        ScoreRow,
                        FingerprintRow,
                    ]
                    if self._shows_another(row, drawn.pixels):
                        stale.append(RatingRow)
                        mentioned = or_(ComparisonRow.winner == row.id, ComparisonRow.loser == row.id)
                        session.execute(delete(ComparisonRow).where(mentioned))
                    for table in stale:
                        session.execute(delete(table).where(table.image_id == row.id))
                row.sha256, row.path, row.problem = digest, path, drawn.problem
                row.height, row.width = drawn.pixels.shape[:2]
                row.generation = row.generation or GenerationRow(
                    request_key=key, model=drawn_by(model, request.loras), prompt=request.prompt, negative=request.negative, seed=request.seed,
                    steps=request.steps, guidance=request.guidance, sampler=sampler, seconds=drawn.seconds,
                )  # fmt: skip
                session.add(row)
                by_key[key] = by_digest[digest] = row
                rows.append(row)
        if replaced and self.folder is not None:
            # It knows pictures by their ids.
            shutil.rmtree(self.folder / LIKENESS, ignore_errors=True)
        return rows

    def _shows_another(self, row: ImageRow, pixels: np.ndarray) -> bool:
        """True if the file of a picture is unchanged, and other pixels differ from it by more than one grey level."""
        try:
            own = self.pixels(row)
        except ImageError:
            # A lost picture is drawn anew as it was, but for roundings.
            return False
        return own.shape != pixels.shape or int(np.abs(own.astype(np.int16) - pixels).max()) > 1

    def _plain_contents(self, batch: Sequence[DrawnPicture], keys: Sequence[str]) -> list[bytes]:
        """PNGs without texts. A picture is known by its content, so equal ones of other requests get a hash as text."""
        contents = [encode_png(drawn.pixels, {}) for drawn in batch]
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        query = select(ImageRow.sha256, GenerationRow.request_key).join(ImageRow.generation)
        with self.session("be read") as session:
            owners = {row.sha256: row.request_key for row in session.execute(query.where(ImageRow.sha256.in_(digests)))}
        return [
            content if owners.setdefault(digest, key) == key else encode_png(drawn.pixels, {"request": key})
            for drawn, key, content, digest in zip(batch, keys, contents, digests, strict=True)
        ]

    def _write_picture(self, content: bytes) -> tuple[str, str]:
        """Write the content of a picture; returns its SHA-256 and its path in the collection's folder."""
        digest = hashlib.sha256(content).hexdigest()
        path = f"{IMAGES}/{digest[:20]}.png"
        with self._errors("be written"):
            target = self.file(path)
            earlier = read_regular(target) if target.is_file() else b""
            if not holds_picture(earlier, digest):
                if earlier:
                    # It may be the user's work on the picture.
                    target.replace(target.with_name(f"{target.stem}-{hashlib.sha256(earlier).hexdigest()[:8]}.png"))
                write_whole(target, content)
        return digest, path

    def add_file(self, path: Path | str) -> tuple[ImageRow, Picture | None]:
        """Add a picture that stays where it lies; returns its row, and its pixels if it was decoded just now.

        Raises:
            ImageError: the file does not hold a sound picture; nothing is stored.
        """
        expect("a picture as a path", path, str, Path, error=ImageError)
        path = Path(path)
        content = read_content(path)
        digest = picture_digest(content)
        with self.session("be read") as session:
            known = session.scalar(select(ImageRow).where(ImageRow.sha256 == digest))
        if known is not None:
            return known, None
        picture = read_image(content, label=str(path))
        height, width = picture.pixels.shape[:2]
        return self.add_inspected(path, digest, width, height), picture

    def add_inspected(self, path: Path, digest: str, width: int, height: int) -> ImageRow:
        """Add a picture that stays where it lies and that was decoded already; returns its row, or that of an equal one.

        ``digest`` is the SHA-256 of its content, see ``picture_digest``.
        """
        row = ImageRow(sha256=digest, path=str(path.resolve()), width=width, height=height, generation=None)
        with self.session("be written", write=True) as session:
            # It may be there, or another process may have added it while this one decoded.
            known = session.scalar(select(ImageRow).where(ImageRow.sha256 == digest))
            if known is None:
                session.add(row)
        return known or row

    def content(self, row: ImageRow) -> bytes:
        """The content of the file of a picture.

        Raises:
            ImageError: the file cannot be read, or holds another picture by now.
        """
        return unchanged_content(self.locate(row), row.sha256, limits())

    def pixels(self, row: ImageRow) -> np.ndarray:
        """(height, width, 3) uint8 sRGB, read-only: the pixels of a picture.

        Raises:
            ImageError: the file cannot be read or decoded, or holds another picture by now.
        """
        return self.decode(self.content(row), str(self.locate(row))).pixels

    def images(self) -> list[ImageRow]:
        """All pictures in the order they came, with their generations."""
        with self.session("be read") as session:
            return list(session.scalars(select(ImageRow).order_by(ImageRow.id)))

    def ids(self) -> list[int]:
        """Ids of all sound pictures in the order they came."""
        with self.session("be read") as session:
            sound = select(ImageRow.id).where(ImageRow.problem.is_(None)).order_by(ImageRow.id)
            # As there may be very many, without the work of the ORM on each.
            return list(session.connection().scalars(sound).all())

    def known_requests(self, keys: Iterable[str]) -> dict[str, ImageRow]:
        """Pictures drawn for these request keys earlier, by key, whose files are there and hold the same pictures."""
        return {key: row for key, row in self.requested(keys).items() if self._is_intact(row)}

    def holds(self, row: ImageRow) -> bool:
        """True if the file of a picture is there and still holds it.

        A file that was not written to, or put in its place, since the picture was added is not read for that.
        """
        try:
            status = self.locate(row).stat()
        except OSError:
            return False
        # An older file that takes the place of another keeps its own time of writing.
        touched = max(status.st_mtime, status.st_ctime)
        return touched <= row.created_at.timestamp() or self._is_intact(row)

    def _is_intact(self, row: ImageRow) -> bool:
        try:
            return holds_picture(read_content(self.locate(row)), row.sha256)
        except ImageError:
            return False

    def requested(self, keys: Iterable[str]) -> dict[str, ImageRow]:
        """Pictures drawn for these request keys earlier, by key, whatever became of their files."""
        rows: dict[str, ImageRow] = {}
        unique = list(dict.fromkeys(keys))
        with self.session("be read") as session:
            for chunk in _chunks(unique):
                query = select(ImageRow).join(ImageRow.generation).where(GenerationRow.request_key.in_(chunk))
                rows.update({row.generation.request_key: row for row in session.scalars(query) if row.generation})
        return rows

    # Items and scores

    def items(self, version: str, ids: Sequence[int]) -> dict[int, np.ndarray]:
        """Stored items by picture id, for those of ``ids`` that have them; each (p,) float32."""
        items = {}
        with self.session("be read") as session:
            # SQLite would take whole numbers of NumPy for bytes.
            for chunk in _chunks(list(map(int, ids))):
                query = select(ItemsRow.image_id, ItemsRow.values).where(
                    ItemsRow.version == version, ItemsRow.image_id.in_(chunk)
                )
                items.update({image: np.frombuffer(values, dtype="<f4") for image, values in session.execute(query)})
        return items

    def item_versions(self, image: int) -> list[str]:
        """Versions of the stored items of a picture, sorted."""
        with self.session("be read") as session:
            return sorted(session.scalars(select(ItemsRow.version).where(ItemsRow.image_id == image)))

    def measured(self, version: str) -> tuple[int, int]:
        """Number of pictures with items of a version, and the largest of their ids; 0 and 0 if there is none."""
        with self.session("be read") as session:
            query = select(func.count(), func.max(ItemsRow.image_id)).where(ItemsRow.version == version)
            count, last = session.execute(query).one()
        return count, last or 0

    def measured_ids(self, version: str) -> list[int]:
        """Ids of the pictures with items of a version, ascending."""
        with self.session("be read") as session:
            query = select(ItemsRow.image_id).where(ItemsRow.version == version).order_by(ItemsRow.image_id)
            return list(session.scalars(query))

    def add_items(self, version: str, items: dict[int, np.ndarray]) -> None:
        """Store items by picture id; pictures that have items of this version keep theirs."""
        if not items:
            return
        with self.session("be written", write=True) as session:
            for chunk in _chunks(list(items)):
                query = select(ItemsRow.image_id).where(ItemsRow.version == version, ItemsRow.image_id.in_(chunk))
                known = set(session.scalars(query))
                rows = [
                    {"image_id": i, "version": version, "values": np.asarray(items[i], dtype="<f4").tobytes()}
                    for i in chunk
                    if i not in known
                ]
                if rows:
                    session.execute(insert(ItemsRow), rows)

    def set_scores(
        self, judge: str, scores: Mapping[int, float], why: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        """Store or replace scores under ``judge``, by picture id, and the lasting reasons why pictures have none.

        Raises:
            CollectionError: values of a wrong type, NaN, a picture that does not exist, or a collection that cannot be
                written; nothing is stored then.
        """
        expect("the name of the scores as text", judge, str, error=CollectionError)
        expect("scores by the ids of pictures", scores, Mapping, error=CollectionError)
        for image, score in scores.items():
            expect("the ids of pictures as whole numbers", image, int, error=CollectionError)
            expect("scores as numbers", score, int, float, error=CollectionError)
            if math.isnan(score):
                raise CollectionError(f"Expected scores of {judge!r} as numbers, got NaN: leave such pictures out.")
        stored: dict[int, tuple[float | None, str | None]] = {
            int(image): (float(score), None) for image, score in scores.items()
        }
        stored |= {int(image): (None, reason) for image, reason in why.items()}
        with self.session("be written", write=True) as session:
            for chunk in _chunks(list(stored)):
                session.execute(delete(ScoreRow).where(ScoreRow.judge == judge, ScoreRow.image_id.in_(chunk)))
                rows = [{"image_id": i, "judge": judge, "value": stored[i][0], "why": stored[i][1]} for i in chunk]
                session.execute(insert(ScoreRow), rows)

    def scores(self, judge: str) -> dict[int, float]:
        """All stored scores under ``judge``, by picture id."""
        with self.session("be read") as session:
            # Columns alone: objects would take several times as long.
            query = select(ScoreRow.image_id, ScoreRow.value).where(
                ScoreRow.judge == judge, ScoreRow.value.is_not(None)
            )
            return {row.image_id: row.value for row in session.execute(query.order_by(ScoreRow.image_id))}
