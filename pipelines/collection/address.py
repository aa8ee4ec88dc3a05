"""Where a collection lies: in a folder, or in a database by URL with its pictures in a folder beside."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ...errors import CollectionError

DATABASE = "soart.db"
EXAMPLE = "postgresql://user@host/database"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: What a Path makes of a URL.
_EATEN = re.compile(r"postgres(ql)?(\+\w+)?:/(?!/)")
_POSTGRES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
#: Parts of the query that say which database it is; all others stay out of messages, for they may be secret.
_PLACE = ("host", "port")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a collection lies.

    Attributes:
        url: of the database, with the password if one was given.
        folder: of the pictures; None in memory, and where a database is to say it.
        name: for messages, and to name the collection again: the folder, or the URL without password.
        title: the last part of the name, for headings.
    """

    url: URL
    folder: Path | None
    name: str
    title: str

    @property
    def by_url(self) -> bool:
        """Whether it is a database on a server."""
        return self.url.drivername != "sqlite"

    @property
    def default_folder(self) -> Path:
        """Where pictures of a database lie that was given no folder for them: one for each database, whoever asks."""
        place = hashlib.sha256(_shown(self.url._replace(username=None)).encode()).hexdigest()[:8]
        title = re.sub(r"\W", "_", self.title)
        return platformdirs.user_data_path("soart") / "collections" / f"{title}-{place}"


def is_url(where: Path | str) -> bool:
    """Whether a collection is named by a URL rather than a folder."""
    return isinstance(where, str) and _URL.match(where) is not None


def address_of(where: Path | str | None) -> Address:
    """Where the collection lies that is named by a folder, a URL, or None for one in memory.

    Of a URL's query ``pictures`` is the folder of the pictures; the rest is for the server's driver.

    Raises:
        CollectionError: a URL of another scheme, or one that cannot be read.
    """
    if where is None:
        return Address(URL.create("sqlite"), None, "in memory", "in memory")
    if is_url(where):
        return _server(str(where))
    if _EATEN.match(str(where)):
        raise CollectionError(f"A collection's URL is given as text, such as {EXAMPLE!r}: a Path eats its slashes.")
    folder = Path(where).expanduser()
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
    given = pictures[-1] if isinstance(pictures, tuple) else pictures
    url = url.difference_update_query(["pictures"])
    folder = Path(given).expanduser().absolute() if given else None
    return Address(url, folder, _shown(url), url.database or "collection")


def _shown(url: URL) -> str:
    place = {name: value for name, value in url.query.items() if name in _PLACE}
    return url.set(drivername="postgresql", query=place)._replace(password=None).render_as_string()
