"""Upgrades the tables of a collection to the version of this soart; the steps are in ``migrations``."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update

from ...errors import CollectionError
from .database import write_alone
from .tables import SCHEMA_VERSION, Base, Meta

_SCRIPTS = Path(__file__).parent / "migrations"
_VERSION = "schema_version"
#: The first version in which one judge gives one order everywhere.
_ONE_ORDER = 6
_log = logging.getLogger(__name__)


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
