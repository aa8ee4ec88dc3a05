"""Databases that hold collections: SQLite and PostgreSQL behind one way to connect, to write alone, and to say what went wrong."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ...errors import CollectionError
from .address import Address

#: How long a writer waits for another one.
LOCK_SECONDS = 30.0
#: How long to wait for a server, unless the URL says so.
_CONNECT_SECONDS = 10
#: How a writer of a PostgreSQL database waits for the lock that soart's writers share, and holds it for one transaction.
_ADVISORY = (
    f"SELECT set_config('lock_timeout', '{{milliseconds}}', true), pg_advisory_xact_lock({int.from_bytes(b'soart')})"
)
_BUSY = {"40001", "40P01", "55P03"}


def connect(address: Address) -> Engine:
    """An engine for the database of a collection; it connects when it is first used.

    Raises:
        CollectionError: the driver is missing.
    """
    if address.by_url:
        return _connect_server(address)
    engine = create_engine(address.url, connect_args={"timeout": LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def _set_up(connection: object, record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        _patient(cursor, "PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        # SQLite's own knows no letters but those of ASCII.
        connection.create_function("lower", 1, _lower, deterministic=True)  # type: ignore[attr-defined]

    return engine


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _patient(cursor: sqlite3.Cursor, command: str) -> None:
    """Execute what SQLite refuses at once, without waiting, where another process is doing the same."""
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            cursor.execute(command)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _connect_server(address: Address) -> Engine:
    wanted = {"connect_timeout": _CONNECT_SECONDS, "application_name": "soart", "client_encoding": "utf8"}
    given = {name: value for name, value in wanted.items() if name not in address.url.query}
    try:
        # Hours may pass between two batches: a connection that was cut meanwhile is replaced.
        return create_engine(address.url, connect_args=given, pool_pre_ping=True)
    except ImportError:
        raise CollectionError(
            f"The collection {address.name!r} needs the driver of PostgreSQL: pip install 'soart[postgres]'."
        ) from None


def write_alone(session: Session | Connection) -> None:
    """Take the lock of the one writer until the transaction ends, so that what it reads stays true; readers go on.

    Raises:
        SQLAlchemyError: another writer kept it for ``LOCK_SECONDS``.
    """
    dialect = session.get_bind().dialect if isinstance(session, Session) else session.dialect
    lock = _ADVISORY.format(milliseconds=round(1000 * LOCK_SECONDS))
    session.execute(text("BEGIN IMMEDIATE" if dialect.name == "sqlite" else lock))


@contextlib.contextmanager
def trouble(name: str, what: str) -> Iterator[None]:
    """Turn what a database or a disk complains of into one sentence: "The collection ``name`` cannot ``what``…"."""
    try:
        yield
    except (OSError, OverflowError, SQLAlchemyError) as error:
        raise CollectionError(f"The collection {name!r} cannot {what}: {_cause(error)}.") from error


def _cause(error: Exception) -> str:
    found: Any = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
    if not hasattr(found, "sqlstate"):
        hint = "is the disk full, the folder read-only, or another soart writing to it?"
        return f"{' '.join(str(found).split())} ({hint})"
    # libpq asks a question of its own.
    said = found.diag.message_primary or re.sub(r"Is the server running[^?]*\?", "", str(found))
    if found.sqlstate in _BUSY:
        hint = " (another soart is writing to it: try again)"
    elif found.sqlstate is None or found.sqlstate[:2] in ("08", "28", "3D", "57"):
        hint = " (is the server running, and are host, user, password and database right?)"
    else:
        hint = ""
    return f"{' '.join(said.split())}{hint}"


def is_outage(error: Exception) -> bool:
    """True if an error of a collection comes from its database or disk, so that the same request may succeed later."""
    return isinstance(error.__cause__, (SQLAlchemyError, OSError))
