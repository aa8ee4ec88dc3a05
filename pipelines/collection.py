"""The Collection: pictures, the requests behind them, their items and their scores, in one folder.

    FOLDER/soart.db        SQLite in WAL mode
    FOLDER/images/*.png    generated pictures, named by content hash

Pictures are written before the rows that speak of them, and every batch is one transaction: a killed process loses at
most the batch in flight, and leaves at most pictures that the next run writes again under the same names.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from sqlalchemy import Engine, create_engine, delete, event, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from ..errors import CollectionError
from ..metrics.image import Picture, read_content, read_image
from .files import write_whole
from .generate import Drawn
from .png import encode_png, parameters_text
from .schema import SCHEMA_VERSION, UPGRADABLE, Base, GenerationRow, ImageRow, ItemsRow, Meta, ScoreRow

DATABASE = "soart.db"
#: How long a writer waits for another one.
LOCK_SECONDS = 30.0
#: Rows asked for in one query, under SQLite's limit on bound variables.
_CHUNK = 500


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


class Collection:
    """A store of pictures. One writer at a time; any number of readers.

    Args:
        folder: where the collection lies; made if it does not exist. None keeps everything in memory (pictures are then
            only referred to, never stored).

    Raises:
        CollectionError: not a collection, of another schema version, locked, damaged, or not writable.
    """

    def __init__(self, folder: Path | str | None) -> None:
        self.folder = None if folder is None else Path(folder).expanduser()
        if self.folder is not None:
            if self.folder.exists() and not self.folder.is_dir():
                raise CollectionError(f"{str(self.folder)!r} is a file: a collection is a folder.")
            with self._trouble("be made"):
                (self.folder / "images").mkdir(parents=True, exist_ok=True)
        self._engine = self._connect()
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        try:
            self._prepare()
        except CollectionError:
            self.close()
            raise

    @staticmethod
    def is_collection(folder: Path) -> bool:
        """Whether ``folder`` holds a collection."""
        return (folder / DATABASE).is_file()

    @property
    def name(self) -> str:
        """The folder, for messages."""
        return "in memory" if self.folder is None else str(self.folder)

    def _connect(self) -> Engine:
        url = "sqlite://" if self.folder is None else f"sqlite:///{self.folder / DATABASE}"
        engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS})

        @event.listens_for(engine, "connect")
        def _set_up(connection: object, record: object) -> None:
            cursor = connection.cursor()  # type: ignore[attr-defined]
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        return engine

    def _prepare(self) -> None:
        with self.session("be opened", write=True) as session:
            Base.metadata.create_all(session.connection())
            found = session.get(Meta, "schema_version")
            if found is None:
                session.add(Meta(key="schema_version", value=str(SCHEMA_VERSION)))
            elif found.value in UPGRADABLE:
                found.value = str(SCHEMA_VERSION)
            elif found.value != str(SCHEMA_VERSION):
                raise CollectionError(
                    f"The collection {self.name!r} has schema version {found.value}, this soart reads version "
                    f"{SCHEMA_VERSION}: use the soart that wrote it, or another folder."
                )

    @contextlib.contextmanager
    def _trouble(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, SQLAlchemyError) as error:
            cause = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
            raise CollectionError(
                f"The collection {self.name!r} cannot {what}: {cause} (is the disk full, the folder read-only, or another "
                "soart writing to it?)."
            ) from error

    @contextlib.contextmanager
    def session(self, what: str, *, write: bool = False) -> Iterator[Session]:
        """A database session; one transaction where it writes. ``what`` completes "The collection cannot …"."""
        with self._trouble(what), self._sessions.begin() if write else self._sessions() as session:
            yield session

    def close(self) -> None:
        """Release the database."""
        self._engine.dispose()

    def __enter__(self) -> Collection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Pictures

    def add_drawn(self, batch: Sequence[Drawn], model: str, sampler: str) -> list[ImageRow]:
        """Write a batch of drawn pictures to disk, then their rows in one transaction; returns the rows."""
        written = [self._write_picture(drawn, model, sampler) for drawn in batch]
        with self.session("be written", write=True) as session:
            keys = [drawn.request.key(model) for drawn in batch]
            # A picture whose file was lost is drawn again: its row stays, with whatever hangs on it.
            query = select(ImageRow).join(ImageRow.generation).where(GenerationRow.request_key.in_(keys))
            by_key = {row.generation.request_key: row for row in session.scalars(query) if row.generation}
            query = select(ImageRow).where(ImageRow.sha256.in_([digest for digest, _ in written]))
            by_digest = {row.sha256: row for row in session.scalars(query)}
            rows = []
            for drawn, key, (digest, path) in zip(batch, keys, written, strict=True):
                request = drawn.request
                known = by_key.get(key) or by_digest.get(digest)
                row = known or ImageRow()
                if known is not None and known.sha256 != digest:
                    for table in (ItemsRow, ScoreRow):
                        session.execute(delete(table).where(table.image_id == known.id))
                row.sha256, row.path, row.problem = digest, path, drawn.problem
                row.height, row.width = drawn.pixels.shape[:2]
                row.generation = row.generation or GenerationRow(
                    request_key=key, model=model, prompt=request.prompt, negative=request.negative, seed=request.seed,
                    steps=request.steps, guidance=request.guidance, sampler=sampler, seconds=drawn.seconds,
                )  # fmt: skip
                session.add(row)
                rows.append(row)
        return rows

    def _write_picture(self, drawn: Drawn, model: str, sampler: str) -> tuple[str, str]:
        if self.folder is None:
            raise CollectionError("A collection in memory cannot hold generated pictures: give it a folder.")
        content = encode_png(drawn.pixels, parameters_text(drawn.request, drawn.pixels.shape, model, sampler))
        digest = hashlib.sha256(content).hexdigest()
        path = f"images/{digest[:20]}.png"
        with self._trouble("be written"):
            write_whole(self.folder / path, content)
        return digest, path

    def add_file(self, path: Path) -> tuple[ImageRow, Picture | None]:
        """Refer to a picture where it lies; returns its row, and its pixels if it was decoded just now.

        Raises:
            ImageError: the file is no sound picture; nothing is stored.
        """
        content = read_content(path)
        digest = hashlib.sha256(content).hexdigest()
        with self.session("be read") as session:
            known = session.scalar(select(ImageRow).where(ImageRow.sha256 == digest))
        if known is not None:
            return known, None
        picture = read_image(content, label=str(path))
        height, width = picture.pixels.shape[:2]
        row = ImageRow(sha256=digest, path=str(path.resolve()), width=width, height=height, generation=None)
        with self.session("be written", write=True) as session:
            session.add(row)
        return row, picture

    def images(self) -> list[ImageRow]:
        """All pictures in the order they came, with their generations."""
        with self.session("be read") as session:
            return list(session.scalars(select(ImageRow).order_by(ImageRow.id)))

    def ids(self) -> list[int]:
        """Ids of all sound pictures in the order they came."""
        with self.session("be read") as session:
            return list(session.scalars(select(ImageRow.id).where(ImageRow.problem.is_(None)).order_by(ImageRow.id)))

    def known_requests(self, keys: Iterable[str]) -> dict[str, ImageRow]:
        """Pictures already drawn for these request keys whose files are still there."""
        found: dict[str, ImageRow] = {}
        wanted = list(dict.fromkeys(keys))
        with self.session("be read") as session:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                query = select(ImageRow).join(ImageRow.generation).where(GenerationRow.request_key.in_(chunk))
                found.update({row.generation.request_key: row for row in session.scalars(query) if row.generation})
        return {key: row for key, row in found.items() if self.locate(row).is_file()}

    def locate(self, row: ImageRow) -> Path:
        """Where the file of a picture lies."""
        path = Path(row.path)
        return path if path.is_absolute() or self.folder is None else self.folder / path

    # Items and scores

    def items(self, version: str, ids: Sequence[int]) -> dict[int, np.ndarray]:
        """Stored items by picture, for those of ``ids`` that have them; each (p,) float32."""
        found = {}
        with self.session("be read") as session:
            for chunk in _chunks(ids):
                query = select(ItemsRow.image_id, ItemsRow.values).where(
                    ItemsRow.version == version, ItemsRow.image_id.in_(chunk)
                )
                found.update({image: np.frombuffer(values, dtype="<f4") for image, values in session.execute(query)})
        return found

    def add_items(self, version: str, items: dict[int, np.ndarray]) -> None:
        """Store items of pictures; those of this version that another thread or process has stored meanwhile are replaced by the same."""
        rows = [
            {"image_id": i, "version": version, "values": np.asarray(v, dtype="<f4").tobytes()}
            for i, v in items.items()
        ]
        if rows:
            with self.session("be written", write=True) as session:
                for chunk in _chunks(list(items)):
                    session.execute(delete(ItemsRow).where(ItemsRow.version == version, ItemsRow.image_id.in_(chunk)))
                session.execute(insert(ItemsRow), rows)

    def set_scores(self, profile: str, scores: dict[int, float]) -> None:
        """Store or replace the scores of pictures under ``profile``."""
        with self.session("be written", write=True) as session:
            for chunk in _chunks(list(scores)):
                session.execute(delete(ScoreRow).where(ScoreRow.profile == profile, ScoreRow.image_id.in_(chunk)))
                rows = [{"image_id": i, "profile": profile, "value": scores[i]} for i in chunk]
                session.execute(insert(ScoreRow), rows)

    def scores(self, profile: str) -> dict[int, float]:
        """All stored scores under ``profile``, by picture."""
        with self.session("be read") as session:
            return {r.image_id: r.value for r in session.scalars(select(ScoreRow).where(ScoreRow.profile == profile))}
