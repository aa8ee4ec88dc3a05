"""Opens a collection's storage: its database and its picture folder.

Tables of an older version are upgraded; the steps are in ``migrations``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from ...errors import CollectionError
from ...files import check_writable, from_home
from .address import Address, address_of, is_url
from .database import connect, copy_with_log, explained_errors, is_read_only, write_alone, write_durably
from .names import DATABASE, IMAGES
from .tables import SCHEMA_VERSION, Base, ImageRow, Meta

_SCRIPTS = Path(__file__).parent / "migrations"
_VERSION = "schema_version"
#: The first version in which one judge gives one order everywhere.
_ONE_ORDER = 6
_log = logging.getLogger(__name__)
#: Key under which a database remembers the folder of its pictures.
_PICTURES = "pictures"
_LIMITS: ContextVar[Sequence[Path] | None] = ContextVar("limits", default=None)


def is_current(connection: Connection, name: str) -> bool:
    """True if the tables are of this soart's version; False if they are older, or if there are none."""
    version = stored_version(connection)
    if version is not None and not (version.isdecimal() and 1 <= int(version) <= SCHEMA_VERSION):
        raise CollectionError(
            f"The collection {name!r} has schema version {version}, this soart reads version {SCHEMA_VERSION}: use the "
            "soart that wrote it, or another folder."
        )
    return version == str(SCHEMA_VERSION)


def stored_version(connection: Connection) -> str | None:
    """The version of the tables; None if there are none."""
    if not inspect(connection).has_table(Meta.__tablename__):
        return None
    return connection.scalar(select(Meta.value).where(Meta.key == _VERSION))


def upgrade_if_needed(engine: Engine, name: str) -> None:
    """Make the tables of a new collection, or upgrade those of an older one; all of it or nothing."""
    with _alone(engine) as connection:
        # Another process may have upgraded them while this one waited.
        if is_current(connection, name):
            return
        version = stored_version(connection)
        if version is None:
            _check_encoding(connection, name)
            _check_no_other_tables(connection, name)
            Base.metadata.create_all(connection)
            connection.execute(insert(Meta).values(key=_VERSION, value=str(SCHEMA_VERSION)))
        else:
            upgrade(connection, version)
            connection.execute(update(Meta).where(Meta.key == _VERSION).values(value=str(SCHEMA_VERSION)))
    if version is not None and int(version) < _ONE_ORDER:
        _log.warning(
            "%s was upgraded: pictures may come in another order than before, because one judge now gives the same order "
            "everywhere (see CHANGELOG.md).",
            name,
        )


def upgrade(connection: Connection, version: str | None, target: str = "head") -> None:
    """Run Alembic's revisions from ``version`` (None: no tables) to ``target`` in the open transaction."""
    # Alembic takes a fifth of a second to import, and is seldom needed.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    sqlite = connection.dialect.name == "sqlite"
    if version is not None:
        steps = ScriptDirectory.from_config(config).iterate_revisions(target, version)
        file = connection.engine.url.database
        if sqlite and file and any(step.module.ALTERS_TABLES for step in steps):
            copy_database(Path(file), Path(file).with_name(f"{Path(file).stem}-schema-{version}.db"))
        command.stamp(config, version, purge=True)
    command.upgrade(config, target)
    if sqlite and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise CollectionError(
            "The upgrade of a collection was undone: it would have left rows that refer to missing rows."
        )


def copy_database(source: Path, copy: Path) -> None:
    """Copy a whole SQLite database, even while others read it; OSError if it cannot be written."""
    unfinished = copy.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as reader,
            contextlib.closing(sqlite3.connect(unfinished)) as writer,
        ):
            reader.backup(writer)
    except sqlite3.Error as error:
        unfinished.unlink(missing_ok=True)
        raise OSError(f"no copy could be made before the upgrade: {error}") from error
    unfinished.replace(copy)


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """One transaction under the writers' lock, without foreign keys, because SQLite cannot rebuild tables with them."""
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            connection.execute(text("PRAGMA foreign_keys=OFF"))
        try:
            write_alone(connection)
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            if sqlite:
                connection.execute(text("PRAGMA foreign_keys=ON"))


def _check_no_other_tables(connection: Connection, name: str) -> None:
    if others := sorted(Base.metadata.tables.keys() & set(inspect(connection).get_table_names())):
        raise CollectionError(
            f"{name!r} is not a collection, but has a table {others[0]!r} of another program: give soart a database of "
            "its own."
        )


def _check_encoding(connection: Connection, name: str) -> None:
    if connection.dialect.name == "postgresql":
        encoding = connection.scalar(text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise CollectionError(
                f"The database {name!r} has encoding {encoding}, which cannot hold every prompt and file name: create "
                "it by createdb --encoding UTF8 --locale C --template template0."
            )


def show_within(folders: Sequence[Path] | None) -> None:
    """Hide, in this thread or task, all pictures that links out of some folders lead to; None hides none."""
    _LIMITS.set(folders)


def limits() -> Sequence[Path] | None:
    """The folders that no link may lead out of to what is shown now; see ``show_within``."""
    return _LIMITS.get()


def _check_is_folder(folder: Path) -> None:
    if os.path.exists(folder) and not os.path.isdir(folder):  # noqa: PTH110, PTH112
        raise CollectionError(f"{str(folder)!r} is a file: a collection is a folder.")


class Storage:
    """A database and a folder, made, upgraded and opened. One writer at a time; any number of readers.

    Args:
        where: a folder, made if it does not exist; or the URL of a PostgreSQL database, such as
            ``postgresql://user@host/database?pictures=/shared/folder``. The database remembers the folder of its
            pictures: that of the first URL, or one in the user's data folder. Another folder in a later URL holds for
            this machine. None keeps everything in memory, where pictures are only referred to, never stored.
        scratch: True to work on a copy of a database in a folder that cannot be written, such as on read-only media. All
            that is stored in the copy is lost in the end; its pictures are those of the folder.

    Raises:
        CollectionError: the collection is of a later schema version, locked, damaged, not writable, or out of reach; or
            ``where`` is not a collection.
    """

    def __init__(self, where: Path | str | None, *, scratch: bool = False) -> None:
        self.where = where
        self._address = address_of(where)
        self.name, self.title = self._address.name, self._address.title
        self.folder = self._address.folder
        if self.folder is not None:
            _check_is_folder(self.folder)
        self._copies: TemporaryDirectory[str] | None = None
        if self.folder is not None and not self._address.by_url:
            if scratch and self.is_collection(self.folder) and is_read_only(self.folder / DATABASE):
                self._address = self._copied(self.folder / DATABASE)
            else:
                self._make_folder(self.folder)
        self.kept = self._copies is None
        self._engine = connect(self._address)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def is_collection(where: Path | str) -> bool:
        """True if a folder, or the database of a URL, holds a collection."""
        if not is_url(where):
            # A name that is too long for a file, such as a prompt, is no collection.
            return os.path.isfile(from_home(where) / DATABASE)  # noqa: PTH113
        address = address_of(where)
        engine = connect(address)
        try:
            with explained_errors(address.name, "be opened"), engine.connect() as connection:
                return stored_version(connection) is not None
        finally:
            engine.dispose()

    @classmethod
    def check_place(cls, where: Path | str | None) -> None:
        """Check that a collection can be opened or made, before work that takes long; no new one is made."""
        address = address_of(where)
        if where is not None and cls.is_collection(where):
            cls(where).close()
            return
        if address.folder is not None and not address.by_url:
            _check_is_folder(address.folder)
            with explained_errors(address.name, "be made"):
                check_writable(address.folder / DATABASE, parents=True)

    def _copied(self, file: Path) -> Address:
        """The address of a temporary copy of a database."""
        with self._errors("be opened"):
            self._copies = TemporaryDirectory(prefix="soart-", ignore_cleanup_errors=True)
            try:
                copy = copy_with_log(file, Path(self._copies.name))
            except BaseException:
                self._copies.cleanup()
                raise
        return replace(self._address, url=self._address.url.set(database=str(copy)))

    def _make_folder(self, folder: Path) -> None:
        with self._errors("be made"):
            (folder / IMAGES).mkdir(parents=True, exist_ok=True)

    def _prepare(self) -> None:
        with self._errors("be opened"):
            with self._engine.connect() as connection:
                current = is_current(connection, self.name)
            if not current:
                upgrade_if_needed(self._engine, self.name)
        if self._address.by_url:
            self.folder = self._shared_folder()

    def _shared_folder(self) -> Path:
        """The folder of the pictures of a database on a server, which remembers the first one."""
        with self.session("be opened") as session:
            known = session.get(Meta, _PICTURES)
        if known is None:
            with self.session("be opened", write=True) as session:
                known = session.get(Meta, _PICTURES)
                if known is None:
                    known = Meta(key=_PICTURES, value=str(self.folder or self._address.default_folder))
                    self._make_folder(Path(known.value))
                    session.add(known)
        folder = self.folder or Path(known.value)
        if not folder.is_dir():
            raise CollectionError(
                f"The pictures of {self.name!r} lie in {str(folder)!r}, which is not on this machine: mount it there, "
                "or name its place by ?pictures=FOLDER in the URL."
            )
        return folder

    def _errors(self, action: str) -> contextlib.AbstractContextManager[None]:
        return explained_errors(self.name, action)

    @contextlib.contextmanager
    def session(self, action: str, *, write: bool = False, durable: bool = False) -> Iterator[Session]:
        """A database session; one that writes is one transaction, the only one among all processes.

        Args:
            action: completes "The collection cannot …" if it fails.
            write: True to write.
            durable: True if what is written must survive a power cut from the end of the block on, as people's judgements.
        """
        with self._errors(action), self._sessions.begin() if write else self._sessions() as session:
            if durable:
                write_durably(session)
            if write:
                write_alone(session)
            yield session

    def close(self) -> None:
        """Release the database."""
        self._engine.dispose()
        if self._copies is not None:
            self._copies.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def locate(self, row: ImageRow) -> Path:
        """Path of the file of a picture."""
        # No file has a zero byte in its name.
        path = Path(row.path.replace("\0", "\\0"))
        return path if path.is_absolute() or self.folder is None else self.folder / path

    def file(self, name: str) -> Path:
        """Path of a file in the collection's folder."""
        if self.folder is None:
            raise CollectionError("A collection in memory cannot hold files: open it in a folder.")
        return self.folder / name
