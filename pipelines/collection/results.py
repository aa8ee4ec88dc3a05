"""Results that a collection keeps because computing them takes long, until the data behind them change."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import delete, select

from ..support.batching import batches
from .collection import Collection
from .tables import DerivedRow, ScoreRow

#: Scores that one statement names.
_BLOCK = 400


def stored_result(collection: Collection, name: str, fingerprint: str) -> bytes | None:
    """The result stored under a name; None if there is none of this fingerprint of the data behind it."""
    with collection.session("be read") as session:
        row = session.get(DerivedRow, name)
        return None if row is None or row.fingerprint != fingerprint else row.value


def has_result(collection: Collection, prefix: str) -> bool:
    """True if a result is kept under a name that begins so."""
    query = select(DerivedRow.name).where(DerivedRow.name.startswith(prefix)).limit(1)
    with collection.session("be read") as session:
        return session.scalar(query) is not None


def store_result(collection: Collection, name: str, fingerprint: str, value: bytes) -> None:
    """Store a result in place of an earlier one of the same name."""
    with collection.session("be written", write=True) as session:
        session.merge(DerivedRow(name=name, fingerprint=fingerprint, value=value))


def store_changed_scores(
    collection: Collection, judge: str, scores: Mapping[int, float], why: Mapping[int, str] = MappingProxyType({})
) -> None:
    """Store the scores, and the reasons why pictures have none, by picture id, that differ from the stored ones."""
    query = select(ScoreRow.image_id, ScoreRow.value, ScoreRow.why).where(ScoreRow.judge == judge)
    known: dict[int, float | str | None] = {}
    with collection.session("be read") as session:
        for block in batches([*scores, *why], _BLOCK):
            rows = session.execute(query.where(ScoreRow.image_id.in_(block)))
            known |= {image: reason if value is None else value for image, value, reason in rows}
    changed = {image: value for image, value in scores.items() if known.get(image) != value}
    reasons = {image: reason for image, reason in why.items() if known.get(image) != reason}
    if changed or reasons:
        collection.set_scores(judge, changed, reasons)


def replace_scores(
    collection: Collection, judge: str, scores: Mapping[int, float], why: Mapping[int, str] = MappingProxyType({})
) -> None:
    """Store scores and reasons by picture id in place of all that are stored under ``judge``."""
    with collection.session("be written", write=True) as session:
        stored = set(session.scalars(select(ScoreRow.image_id).where(ScoreRow.judge == judge)))
        for block in batches(sorted(stored - scores.keys() - why.keys()), _BLOCK):
            session.execute(delete(ScoreRow).where(ScoreRow.judge == judge, ScoreRow.image_id.in_(block)))
    store_changed_scores(collection, judge, scores, why)
