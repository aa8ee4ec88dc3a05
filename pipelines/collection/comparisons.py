"""Comparisons between pictures, stored by rater."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from ...errors import CollectionError
from ...metrics.tastes.bradley_terry import MOST_SHOWN
from .collection import Collection
from .tables import ComparisonRow, ImageRow


def store_choice(collection: Collection, rater: str, choice: str, winner: int, losers: Sequence[int]) -> bool:
    """Store that a rater prefers a picture to the others shown with it.

    Args:
        collection: the store.
        rater: whose choice it is.
        choice: a name of the choice made by the asker, up to 36 characters; the same one again changes nothing.
        winner: picture id.
        losers: picture ids.

    Returns:
        whether it was new.

    Raises:
        CollectionError: no rater or name, a picture that is not there or stands against itself, or a collection that cannot be written.
    """
    if not (0 < len(rater) <= 128 and 0 < len(choice) <= 36):
        raise CollectionError("Expected a rater's name of 1 to 128 characters, and one of 1 to 36 for the choice.")
    if not 1 <= len(set(losers)) == len(losers) < MOST_SHOWN or winner in losers:
        raise CollectionError(f"Expected a choice among 2 to {MOST_SHOWN} different pictures, got {[winner, *losers]}.")
    shown = [winner, *losers]
    with collection.session("be written", write=True) as session:
        if session.scalar(select(ComparisonRow.id).where(ComparisonRow.choice == choice).limit(1)) is not None:
            return False
        known = set(session.scalars(select(ImageRow.id).where(ImageRow.id.in_(shown))))
        if missing := [image for image in shown if image not in known]:
            raise CollectionError(f"There is no picture {missing[0]} in this collection: reload the page.")
        session.add_all(ComparisonRow(choice=choice, rater=rater, winner=winner, loser=loser) for loser in losers)
    return True


def undo_choice(collection: Collection, rater: str, choice: str) -> bool:
    """Forget a choice of a rater; says whether it was there."""
    mine = (ComparisonRow.rater == rater, ComparisonRow.choice == choice)
    with collection.session("be written", write=True) as session:
        there = session.scalar(select(ComparisonRow.id).where(*mine).limit(1)) is not None
        session.execute(delete(ComparisonRow).where(*mine))
    return there


def comparisons(collection: Collection, rater: str, ids: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """Choices (chosen, other) of a rater in the order they were made; only those between ``ids`` where given."""
    query = select(ComparisonRow.winner, ComparisonRow.loser).where(ComparisonRow.rater == rater)
    if ids is not None:
        query = query.where(ComparisonRow.winner.in_(ids), ComparisonRow.loser.in_(ids))
    with collection.session("be read") as session:
        return [(winner, loser) for winner, loser in session.execute(query.order_by(ComparisonRow.id))]
