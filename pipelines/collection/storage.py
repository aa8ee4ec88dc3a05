"""What a collection lies in, opened: its database and the folder of its pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session, sessionmaker

from ...errors import CollectionError
from .address import DATABASE, address_of, is_url
from .database import connect, trouble, write_alone
from .tables import ImageRow, Meta
from .upgrade import is_current, stored_version, upgrade_if_needed

#: Where a database says in which folder its pictures lie.
_PICTURES = "pictures"


class Storage:
    """A database and a folder, made, upgraded and opened. One writer at a time; any number of readers.

    Args:
        where: a folder, made if it does not exist; or the URL of a PostgreSQL database, such as
            ``postgresql://user@host/database?pictures=/shared/folder``. The database remembers the folder of its pictures: the
            one first given, or one in the data folder of the user; another one in the URL holds for this machine. None keeps
            everything in memory (pictures are then only referred to, never stored).

    Attributes:
        folder: where its pictures lie; None in memory.
        name: the folder or the URL, without password; for messages, and to name the collection again.
        title: the last part of it, for headings.

    Raises:
        CollectionError: not a collection, of a later schema version, locked, damaged, not writable, or not reached.
    """

    def __init__(self, where: Path | str | None) -> None:
        self._address = address_of(where)
        self.name, self.title = self._address.name, self._address.title
        self.folder = self._address.folder
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise CollectionError(f"{str(self.folder)!r} is a file: a collection is a folder.")
        if self.folder is not None and not self._address.by_url:
            self._make_folder(self.folder)
        self._engine = connect(self._address)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def is_collection(where: Path | str) -> bool:
        """Whether a folder, or the database of a URL, holds a collection.

        Raises:
            CollectionError: the URL is wrong, or its server is not reached.
        """
        if not is_url(where):
            return (Path(where).expanduser() / DATABASE).is_file()
        address = address_of(where)
        engine = connect(address)
        try:
            with trouble(address.name, "be opened"), engine.connect() as connection:
                return stored_version(connection) is not None
        finally:
            engine.dispose()

    def _make_folder(self, folder: Path) -> None:
        with self._trouble("be made"):
            (folder / "images").mkdir(parents=True, exist_ok=True)

    def _prepare(self) -> None:
        with self._trouble("be opened"):
            with self._engine.connect() as connection:
                current = is_current(connection, self.name)
            if not current:
                upgrade_if_needed(self._engine, self.name)
        if self._address.by_url:
            self.folder = self._shared_folder()

    def _shared_folder(self) -> Path:
        """The folder of a server's pictures; remembered in the database when it is first known."""
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
                f"The pictures of {self.name!r} lie in {str(folder)!r}, which is not on this machine: mount it there, or "
                "say where it is by ?pictures=FOLDER in the URL."
            )
        return folder

    def _trouble(self, what: str) -> contextlib.AbstractContextManager[None]:
        return trouble(self.name, what)

    @contextlib.contextmanager
    def session(self, what: str, *, write: bool = False) -> Iterator[Session]:
        """A database session; one that writes is one transaction, alone, however many processes there are.

        ``what`` completes "The collection cannot …".
        """
        with self._trouble(what), self._sessions.begin() if write else self._sessions() as session:
            if write:
                write_alone(session)
            yield session

    def close(self) -> None:
        """Release the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def locate(self, row: ImageRow) -> Path:
        """Where the file of a picture lies."""
        path = Path(row.path)
        return path if path.is_absolute() or self.folder is None else self.folder / path

    def file(self, name: str) -> Path:
        """Where a file of the collection's own lies, by its name in the folder.

        Raises:
            CollectionError: a collection in memory has none.
        """
        if self.folder is None:
            raise CollectionError("A collection in memory holds no files: give it a folder.")
        return self.folder / name
