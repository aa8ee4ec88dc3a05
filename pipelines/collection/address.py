"""Addresses of collections: a folder, or the URL of a database, whose pictures lie in a folder beside it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ...errors import CollectionError, expect
from ...files import from_home
from ..support.file_stamps import file_stamp
from .names import DATABASE

EXAMPLE = "postgresql://user@host/database"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: A URL without its two slashes, as a Path of one, or with spaces before it: as a folder it would show its password.
_MISTYPED_URL = re.compile(r"\s*postgres(ql)?(\+\w+)?:", re.IGNORECASE)
_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
#: Query parameters that identify the database; all others may be secret and stay out of messages.
_IDENTIFYING = ("host", "port")


@dataclass(frozen=True, slots=True)
class Address:
    """Location of a collection: the URL of its database with the password, and a name without it, to open it again."""

    url: URL
    folder: Path | None  # of the pictures; None in memory, and if the database itself remembers it
    name: str
    title: str  # for headings

    @property
    def by_url(self) -> bool:
        """True if the collection is a database on a server."""
        return self.url.drivername != "sqlite"

    @property
    def default_folder(self) -> Path:
        """Folder for the pictures of a database that names none; the same for every user name in its URL."""
        database = hashlib.sha256(_shown(self.url._replace(username=None)).encode()).hexdigest()[:8]
        title = re.sub(r"\W", "_", self.title)
        return platformdirs.user_data_path("soart") / "collections" / f"{title}-{database}"


def is_url(where: Path | str) -> bool:
    """True if a collection is named by a URL instead of a folder."""
    return isinstance(where, str) and _URL.match(where) is not None


def address_of(where: Path | str | None) -> Address:
    """The address of a collection in a folder, at a URL, or, for None, in memory.

    The query parameter ``pictures`` of a URL is the folder of the pictures; the others are for the server's driver.
    """
    if "\0" in str(where):
        raise CollectionError("The name of the collection holds a zero byte: name a folder or a URL.")
    if where is None:
        return Address(URL.create("sqlite"), None, "in memory", "in memory")
    if is_url(where):
        return _server(str(where))
    if _MISTYPED_URL.match(str(where)):
        raise CollectionError(
            f"A collection's URL must be text, such as {EXAMPLE!r}: with two slashes, without spaces before it, and not a "
            "Path, which drops a slash."
        )
    expect("a collection as a folder or a URL", where, str, Path, error=CollectionError)
    if not str(where).strip():
        raise CollectionError("The name of the collection is empty: the current folder is '.'.")
    folder = from_home(where)
    return Address(URL.create("sqlite", database=str(folder / DATABASE)), folder, str(folder), folder.name)


def _server(text: str) -> Address:
    scheme = text.partition("://")[0]
    if scheme.lower() not in _POSTGRES:
        raise CollectionError(f"Expected a folder or a URL such as {EXAMPLE!r}, got a URL of scheme {scheme!r}.")
    try:
        url = make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        # The cause may hold the URL, and so the password.
        raise CollectionError(f"The URL of a collection cannot be read: expected one such as {EXAMPLE!r}.") from None
    if "@" in f"{url.host}{url.database}":
        raise CollectionError("The URL of a collection has more than one '@': write those of a password as '%40'.")
    pictures = url.query.get("pictures")
    named = pictures[-1] if isinstance(pictures, tuple) else pictures
    url = url.difference_update_query(["pictures"])
    folder = from_home(named).absolute() if named else None
    return Address(url, folder, _shown(url), url.database or "collection")


def _shown(url: URL) -> str:
    identifying = {name: value for name, value in url.query.items() if name in _IDENTIFYING}
    return url.set(drivername="postgresql", query=identifying)._replace(password=None).render_as_string()


def folder_inside(base: Path, name: str, host: str) -> Path:
    """The folder of a collection below a host's output folder; a document from elsewhere cannot lead out of that."""
    if not name.strip():
        raise CollectionError("Expected the name of a collection, got an empty one.")
    home = base.resolve()
    try:
        path = (home / name.strip()).resolve()
    except (OSError, ValueError) as error:
        raise CollectionError(f"{name!r} is not a name for a collection: {error}.") from error
    if path == home or home not in path.parents:
        raise CollectionError(f"Expected a collection inside {host}'s output folder, such as 'soart', got {name!r}.")
    return path


def collection_stamp(folder: Path) -> str:
    """A text that changes when the database of a collection in a folder does."""
    return file_stamp(folder / DATABASE, folder / f"{DATABASE}-wal")
