"""Tables of a collection, in plain SQL types that any database can hold, and gives back as they were.

Texts hold any file name and any stranger's prompt. PostgreSQL refuses NUL in text, and all databases refuse lone surrogates,
which stand for bytes of a file name that are not UTF-8. Both are stored as four hexadecimal digits behind the control
character SUBSTITUTE, and read back unchanged.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import BigInteger, Double, ForeignKey, LargeBinary, and_, case, false, not_, or_, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

_SUBSTITUTE = "\x1a"
_REFUSED = re.compile("[\x00\x1a\ud800-\udfff]")
_STORED = re.compile("\x1a([0-9a-f]{4})")
#: Increased whenever a table changes, with a revision in ``migrations``; checked when a collection is opened.
SCHEMA_VERSION = 6
#: Problem of a picture whose files a cull has moved away.
AWAY = "moved away"
#: Earliest time of change of a file in nanoseconds since 1970: in June 1922. Numbers below it are recent times, each with a
#: minus that says that the time cannot be relied on.
EARLIEST_NS = -15 * 10**17


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


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of the tables."""

    type_annotation_map = {float: Double}  # noqa: RUF012


class Meta(Base):
    """Facts about the collection itself."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class ImageRow(Base):
    """A picture; its identity is the SHA-256 of its file."""

    __tablename__ = "images"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    #: Relative to the collection for its own pictures, absolute for those left in place.
    path: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    #: Why the picture stays out of rankings; NULL for a sound one.
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Time, default=_now)
    generation: Mapped[GenerationRow | None] = relationship(back_populates="image", lazy="selectin")


class GenerationRow(Base):
    """The request a picture was drawn for."""

    __tablename__ = "generations"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    request_key: Mapped[str] = mapped_column(String(64), unique=True)
    model: Mapped[str] = mapped_column(Text)
    prompt: Mapped[str] = mapped_column(Text)
    negative: Mapped[str] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    steps: Mapped[int]
    guidance: Mapped[float]
    sampler: Mapped[str] = mapped_column(Text)
    seconds: Mapped[float]
    image: Mapped[ImageRow] = relationship(back_populates="generation")


class ItemsRow(Base):
    """Items of a picture under one extractor version, float32 little-endian."""

    __tablename__ = "items"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    version: Mapped[str] = mapped_column(String(128), primary_key=True)
    values: Mapped[bytes] = mapped_column(LargeBinary)


class ScoreRow(Base):
    """Score of a picture under one judge; derived, so it may be deleted."""

    __tablename__ = "scores"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    #: Called a profile when the table was made.
    judge: Mapped[str] = mapped_column("profile", String(128), primary_key=True)
    #: NULL for a picture that the judge can give none.
    value: Mapped[float | None]
    #: Why there is none, in words that last, such as ``all black``; NULL where there is a value.
    why: Mapped[str | None] = mapped_column(Text)


class RatingRow(Base):
    """A rater's latest judgement of a picture on one kind of scale."""

    __tablename__ = "ratings"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    rater: Mapped[str] = mapped_column(String(128), primary_key=True)
    #: ``stars`` 1…5; ``personal`` (value 1): not for this rater, good or bad; or ``reject`` (value 0): not to be rated.
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(Time, default=_now)


class LabelRow(Base):
    """A label of a picture: a tag, an album that it is in, or the rater whose favourite it is."""

    __tablename__ = "labels"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    #: ``tag``, ``album`` or ``favourite``.
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    #: Of the tag, the album or the rater.
    name: Mapped[str] = mapped_column(String(128), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(Time, default=_now)


class SpaceRow(Base):
    """A prompt space that was tuned, as YAML."""

    __tablename__ = "spaces"
    fingerprint: Mapped[str] = mapped_column(String(16), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class ChoiceRow(Base):
    """A choice of a space that was requested; its picture has the same request key, once it is drawn."""

    __tablename__ = "choices"
    fingerprint: Mapped[str] = mapped_column(ForeignKey("spaces.fingerprint"), primary_key=True)
    request_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: Position in the order of requests within the space, counting from 0.
    number: Mapped[int]
    batch: Mapped[int]
    #: Option numbers as a JSON list.
    options: Mapped[str] = mapped_column(Text)
    context: Mapped[str] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    model: Mapped[str] = mapped_column(Text)
    #: Scores of previews as JSON: share of the steps → judge → score.
    previews: Mapped[str] = mapped_column(Text, default="{}")
    #: Not to be drawn, because its preview scored poorly.
    dropped: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Time, default=_now)


class FileRow(Base):
    """A file in a scanned folder. Several files may hold one picture; a broken file holds none."""

    __tablename__ = "files"
    id: Mapped[int] = mapped_column(primary_key=True)
    #: Absolute.
    path: Mapped[str] = mapped_column(Text, unique=True)
    size: Mapped[int] = mapped_column(BigInteger, index=True)
    #: Time of the last change in nanoseconds since 1970, with a minus if it was too recent to be relied on; see ``time_of``.
    changed: Mapped[int] = mapped_column(BigInteger)
    image_id: Mapped[int | None] = mapped_column(ForeignKey("images.id"), index=True)
    #: Why it holds no picture.
    problem: Mapped[str | None] = mapped_column(Text)
    #: Number of the last scan that saw it.
    scan: Mapped[int] = mapped_column(index=True)
    #: Time of the first scan that missed it.
    missing_since: Mapped[datetime | None] = mapped_column(Time)


#: ``time_of`` of files, in SQL.
TIME = case((FileRow.changed < EARLIEST_NS, -FileRow.changed), else_=FileRow.changed)


def time_of(changed: int) -> int:
    """The time in nanoseconds since 1970 at which a file changed, from ``FileRow.changed``.

    >>> from soart.pipelines.collection.tables import time_of
    >>> time_of(-1_800_000_000_000_000_000), time_of(-5)
    (1800000000000000000, -5)
    """
    return -changed if changed < EARLIEST_NS else changed


_gone, _left = aliased(FileRow), aliased(FileRow)
#: Condition for pictures of which scans have missed all files.
MISSING = and_(
    ImageRow.id.in_(select(_gone.image_id).where(_gone.image_id.is_not(None), _gone.missing_since.is_not(None))),
    ImageRow.id.not_in(select(_left.image_id).where(_left.image_id.is_not(None), _left.missing_since.is_(None))),
)
#: Condition for pictures that were not moved away, and whose files are not missing.
HERE = and_(or_(ImageRow.problem.is_(None), ImageRow.problem != AWAY), not_(MISSING))


class FingerprintRow(Base):
    """Results of inspecting a picture, besides its items."""

    __tablename__ = "fingerprints"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    #: 64-bit perceptual hash, as a signed number.
    phash: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str] = mapped_column(String(32))
    #: Sentences on what decoding had to correct, one a line.
    notes: Mapped[str] = mapped_column(Text)
    #: A very small JPEG, so that pages need not decode the picture again.
    thumbnail: Mapped[bytes] = mapped_column(LargeBinary)
    #: Version of the readers of metadata that have read those of all its files.
    readers: Mapped[int] = mapped_column(server_default=text("0"))


class MetadataRow(Base):
    """Metadata of a picture, as the tool that made it wrote."""

    __tablename__ = "metadata"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    tool: Mapped[str] = mapped_column(String(64))
    prompt: Mapped[str | None] = mapped_column(Text)
    negative: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    sampler: Mapped[str | None] = mapped_column(Text)
    scheduler: Mapped[str | None] = mapped_column(Text)
    #: As text, because some tools draw seeds of more than 63 bits.
    seed: Mapped[str | None] = mapped_column(Text)
    steps: Mapped[int | None] = mapped_column(BigInteger)
    guidance: Mapped[float | None]
    #: Other values as a JSON object of texts.
    settings: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    #: Whether the prompt is a guess.
    guessed: Mapped[bool] = mapped_column(server_default=false())


class DerivedRow(Base):
    """A result that is kept because computing it again takes long."""

    __tablename__ = "derived"
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    #: Of all data it was computed from.
    fingerprint: Mapped[str] = mapped_column(String(64))
    value: Mapped[bytes] = mapped_column(LargeBinary)


class ComparisonRow(Base):
    """A rater preferred one picture to another; one choice among four pictures makes three rows."""

    __tablename__ = "comparisons"
    id: Mapped[int] = mapped_column(primary_key=True)
    #: Name of the choice that a row belongs to, so that a choice sent twice counts once.
    choice: Mapped[str] = mapped_column(String(36), index=True)
    rater: Mapped[str] = mapped_column(String(128), index=True)
    winner: Mapped[int] = mapped_column(ForeignKey("images.id"))
    loser: Mapped[int] = mapped_column(ForeignKey("images.id"))
    created_at: Mapped[datetime] = mapped_column(Time, default=_now)


class ClaimRow(Base):
    """A request that a process is drawing, so that no other one draws it, see ``claims``."""

    __tablename__ = "claims"
    request_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(128), index=True)
    #: Time at which the claim is lost unless it was renewed.
    until: Mapped[datetime] = mapped_column(Time, index=True)
