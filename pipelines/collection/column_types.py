"""Columns for texts and times that every database gives back as they were.

Texts hold any file name and any stranger's prompt. PostgreSQL refuses NUL in text, and all databases refuse lone surrogates,
which stand for bytes of a file name that are not UTF-8. Both are stored as four hexadecimal digits behind the control
character SUBSTITUTE, and read back unchanged.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

_SUBSTITUTE = "\x1a"
_REFUSED = re.compile("[\x00\x1a\ud800-\udfff]")
_STORED = re.compile("\x1a([0-9a-f]{4})")


def storable(text: str) -> str:
    """The text without characters that a database refuses; ``restored`` is its inverse."""
    return _REFUSED.sub(lambda match: f"{_SUBSTITUTE}{ord(match[0]):04x}", text)


def restored(text: str) -> str:
    """The original of a text made by ``storable``."""
    return _STORED.sub(lambda match: chr(int(match[1], 16)), text) if _SUBSTITUTE in text else text


class _Storable(TypeDecorator[str]):
    impl: type[sa.String] = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else storable(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else restored(value)


class Text(_Storable):
    """Text of any length."""

    impl = sa.Text
    cache_ok = True


class String(_Storable):
    """Text of limited length, for keys."""

    impl = sa.String
    cache_ok = True


class Time(TypeDecorator[datetime]):
    """A time with its time zone: UTC, because SQLite keeps none, and PostgreSQL answers in that of its server."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the time as the database stores it."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return a stored time with its time zone."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
