"""One way to connect to SQLite and PostgreSQL, write alone, and explain errors."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, text
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ...errors import CollectionError, install_command
from .address import EXAMPLE, Address
from .names import DATABASE

#: Seconds that a writer waits for another one, unless ``wait_at_most`` says less.
LOCK_SECONDS = 30.0
_most_seconds: ContextVar[float] = ContextVar("most_seconds", default=math.inf)
#: Seconds to wait for a server, unless the URL sets them.
_CONNECT_SECONDS = 10
#: Lets a writer of a PostgreSQL database wait for the lock that soart's writers share, and hold it for one transaction.
_ADVISORY = (
    f"SELECT set_config('lock_timeout', '{{milliseconds}}', true), pg_advisory_xact_lock({int.from_bytes(b'soart')})"
)
#: SQLSTATE of deadlocks, serialization failures and lock timeouts.
_BUSY = {"40001", "40P01", "55P03"}
#: Codes of SQLite for files that are damaged, or no databases.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def wait_at_most(seconds: float) -> None:
    """Limit the time that this task, with the threads it waits for, waits for other writers."""
    _most_seconds.set(seconds)


def lock_seconds() -> float:
    """Seconds that a writer waits here for another one."""
    return min(LOCK_SECONDS, _most_seconds.get())


def connect(address: Address) -> Engine:
    """An engine for the database of a collection; it connects when it is first used."""
    if address.by_url:
        return _connect_server(address)
    # A collection in memory is its connection: another one, as of a judge's thread, would find it empty.
    pool = StaticPool if address.folder is None else None
    engine = create_engine(
        address.url, connect_args={"timeout": lock_seconds(), "check_same_thread": False}, poolclass=pool
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: object, record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        _execute_patiently(cursor, "PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        # SQLite's own function changes ASCII letters only.
        connection.create_function("lower", 1, _lower, deterministic=True)  # type: ignore[attr-defined]

    @event.listens_for(engine, "checkout")
    def _set_patience(connection: object, record: object, proxy: object) -> None:
        # Pooled connections serve requests and background jobs in turn.
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA busy_timeout={round(1000 * lock_seconds())}")
        cursor.close()

    return engine


def is_read_only(file: Path) -> bool:
    """True if an existing SQLite file cannot be opened in its folder, because it or the folder cannot be written.

    False if another process has it open: then its log is there, and SQLite may read both.
    """
    if hasattr(os, "statvfs") and os.statvfs(file).f_flag & os.ST_RDONLY:
        return True
    effective = os.access in os.supports_effective_ids
    writable = all(os.access(path, os.W_OK, effective_ids=effective) for path in (file, file.parent))
    return not writable and not _log_of(file).exists()


def copy_with_log(file: Path, folder: Path) -> Path:
    """Copy an SQLite file that nobody writes, with the log of a process that ended early; returns the copy's path."""
    for source in (file, _log_of(file)):
        if source.exists():
            # Without its rights: the copy is written.
            shutil.copyfile(source, folder / source.name)
    return folder / file.name


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _execute_patiently(cursor: sqlite3.Cursor, command: str) -> None:
    """Execute a command that SQLite refuses, without waiting, while another process does the same."""
    end = time.monotonic() + lock_seconds()
    while True:
        try:
            cursor.execute(command)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _worth_logging(record: logging.LogRecord) -> bool:
    """False for psycopg's warnings that follow a failed statement, because that error is raised anyway."""
    return not record.msg.startswith("error ignored terminating")


def _connect_server(address: Address) -> Engine:
    defaults = {"connect_timeout": _CONNECT_SECONDS, "application_name": "soart", "client_encoding": "utf8"}
    arguments = {name: value for name, value in defaults.items() if name not in address.url.query}
    logging.getLogger("psycopg").addFilter(_worth_logging)
    try:
        # Hours may pass between two batches: a connection that was cut in the meantime is replaced.
        return create_engine(address.url, connect_args=arguments, pool_pre_ping=True)
    except ArgumentError:
        # The message may hold a secret.
        raise CollectionError(
            f"The URL of the collection {address.name!r} has parameters that cannot be read: expected one such as "
            f"{EXAMPLE!r}."
        ) from None
    except ImportError:
        raise CollectionError(
            f"The collection {address.name!r} needs the driver of PostgreSQL: {install_command('postgres')}."
        ) from None


def write_alone(session: Session | Connection) -> None:
    """Take the writers' lock, within ``lock_seconds()``, until the transaction ends; readers are not blocked."""
    dialect = session.get_bind().dialect if isinstance(session, Session) else session.dialect
    lock = _ADVISORY.format(milliseconds=round(1000 * lock_seconds()))
    session.execute(text("BEGIN IMMEDIATE" if dialect.name == "sqlite" else lock))


def write_durably(session: Session) -> None:
    """Let the next transaction, and all before it, be on the disk when it ends, so that no power cut takes it back."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA synchronous=FULL"))


@contextlib.contextmanager
def explained_errors(name: str, action: str) -> Iterator[None]:
    """Turn errors of a database or a disk into one sentence: "The collection ``name`` cannot ``action``…"."""
    try:
        yield
    except (OSError, OverflowError, SQLAlchemyError) as error:
        raise CollectionError(f"The collection {name!r} cannot {action}: {_cause(error)}.") from error


def _cause(error: Exception) -> str:
    cause: Any = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
    if not hasattr(cause, "sqlstate"):
        return f"{' '.join(str(cause).split())}{_hint(error, cause)}"
    # libpq appends a question; the hint below asks it better.
    message = cause.diag.message_primary or re.sub(r"Is the server running[^?]*\?", "", str(cause))
    if cause.sqlstate in _BUSY:
        hint = " (another soart is writing to it: try again)"
    elif cause.sqlstate is None or cause.sqlstate[:2] in ("08", "28", "3D", "57"):
        hint = " (is the server running, and are host, user, password and database right?)"
    else:
        hint = ""
    return f"{' '.join(message.split())}{hint}"


def _hint(error: Exception, cause: Any) -> str:  # noqa: ANN401
    """A hint at the cause of an SQLite error, for the end of its message; empty for mistakes in the data."""
    # A mistake in the data says nothing of the disk.
    if isinstance(error, OverflowError | IntegrityError):
        return ""
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return f" (its file {DATABASE} is damaged: put a backup in its place, or move it away to begin anew)"
    return " (is the disk full, the folder read-only, or another soart writing to it?)"


def is_outage(error: Exception) -> bool:
    """True if an error of a collection comes from its database or disk, so that the same request may succeed later."""
    return isinstance(error.__cause__, (SQLAlchemyError, OSError))
