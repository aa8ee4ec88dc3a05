"""Results that a collection keeps because they take long, and throws away when what they were computed from has changed."""

from __future__ import annotations

from sqlalchemy import select

from .collection import Collection
from .tables import DerivedRow, ScoreRow


def stored_result(collection: Collection, name: str, fingerprint: str) -> bytes | None:
    """The result kept under a name, if it was computed from what the fingerprint stands for."""
    with collection.session("be read") as session:
        row = session.get(DerivedRow, name)
        return None if row is None or row.fingerprint != fingerprint else row.value


def has_result(collection: Collection, prefix: str) -> bool:
    """True if a result is kept under a name that begins so."""
    query = select(DerivedRow.name).where(DerivedRow.name.startswith(prefix)).limit(1)
    with collection.session("be read") as session:
        return session.scalar(query) is not None


def store_result(collection: Collection, name: str, fingerprint: str, value: bytes) -> None:
    """Keep a result in place of an earlier one of its name."""
    with collection.session("be written", write=True) as session:
        session.merge(DerivedRow(name=name, fingerprint=fingerprint, value=value))


def store_changed_scores(collection: Collection, profile: str, scores: dict[int, float]) -> None:
    """Store those scores by picture id that differ from what is stored; at most some thousand at once."""
    query = select(ScoreRow.image_id, ScoreRow.value).where(ScoreRow.profile == profile, ScoreRow.image_id.in_(scores))
    with collection.session("be read") as session:
        known = dict(session.execute(query).all())
    changed = {image: value for image, value in scores.items() if known.get(image) != value}
    if changed:
        collection.set_scores(profile, changed)
