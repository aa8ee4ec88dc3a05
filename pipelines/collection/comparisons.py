"""Comparisons between pictures, stored by rater."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import permutations

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import aliased

from ...errors import CollectionError
from ...metrics.tastes.bradley_terry import MOST_SHOWN, strengths_of
from .collection import Collection
from .ratings import check_rater
from .tables import ComparisonRow, ImageRow


def store_choice(collection: Collection, rater: str, choice: str, winner: int, losers: Sequence[int]) -> bool:
    """Store that a rater prefers a picture to the others shown with it; True if the choice was new.

    ``choice`` is a unique name of up to 36 characters; storing the same one again changes nothing.
    """
    return _store(collection, rater, choice, [winner, *losers], [(winner, loser) for loser in losers])


def store_tie(collection: Collection, rater: str, choice: str, images: Sequence[int]) -> bool:
    """Store that a rater likes pictures shown together equally well; arguments and errors as for ``store_choice``.

    Each pair is stored both ways under the name of the choice, which earlier versions of soart read as one win each.
    """
    return _store(collection, rater, choice, images, list(permutations(images, 2)))


def _store(
    collection: Collection, rater: str, choice: str, images: Sequence[int], pairs: Sequence[tuple[int, int]]
) -> bool:
    """Store (winner, loser) pairs of the pictures shown for a choice."""
    check_rater(rater)
    if not 0 < len(choice) <= 36:
        raise CollectionError(f"Expected a choice's name of 1 to 36 characters, got {len(choice)}.")
    if not 2 <= len(set(images)) == len(images) <= MOST_SHOWN:
        raise CollectionError(f"Expected a choice among 2 to {MOST_SHOWN} different pictures, got {list(images)}.")
    with collection.session("be written", write=True, durable=True) as session:
        if session.scalar(select(ComparisonRow.id).where(ComparisonRow.choice == choice).limit(1)) is not None:
            return False
        known = set(session.scalars(select(ImageRow.id).where(ImageRow.id.in_(images))))
        if missing := [image for image in images if image not in known]:
            raise CollectionError(f"There is no picture {missing[0]} in this collection: reload the page.")
        session.add_all(ComparisonRow(choice=choice, rater=rater, winner=a, loser=b) for a, b in pairs)
    return True


def undo_choice(collection: Collection, rater: str, choice: str) -> bool:
    """Delete a choice of a rater; returns True if it was stored."""
    rows = (ComparisonRow.rater == rater, ComparisonRow.choice == choice)
    with collection.session("be written", write=True, durable=True) as session:
        existed = session.scalar(select(ComparisonRow.id).where(*rows).limit(1)) is not None
        session.execute(delete(ComparisonRow).where(*rows))
    return existed


def comparisons(collection: Collection, rater: str, ids: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """Choices (winner, loser) of a rater in the order of making; only those between ``ids`` unless that is None."""
    return choices_and_ties(collection, rater, ids)[0]


def count_choices(collection: Collection, rater: str, until: datetime | None = None) -> int:
    """Number of pairs of ``comparisons`` of a rater, stored by ``until``."""
    reverse = aliased(ComparisonRow)
    tied = exists().where(
        reverse.choice == ComparisonRow.choice,
        reverse.winner == ComparisonRow.loser,
        reverse.loser == ComparisonRow.winner,
    )
    query = select(func.count(ComparisonRow.id)).where(ComparisonRow.rater == rater, ~tied)
    if until is not None:
        query = query.where(ComparisonRow.created_at <= until)
    with collection.session("be read") as session:
        return session.scalars(query).one()


def ties(collection: Collection, rater: str, ids: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """Pairs that a rater called equal, each once, the smaller id first; otherwise as ``comparisons``."""
    return choices_and_ties(collection, rater, ids)[1]


def choices_and_ties(
    collection: Collection, rater: str, ids: Sequence[int] | None = None
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The pairs of ``comparisons`` and those of ``ties``, read at once."""
    query = select(ComparisonRow.choice, ComparisonRow.winner, ComparisonRow.loser).where(ComparisonRow.rater == rater)
    if ids is not None:
        query = query.where(ComparisonRow.winner.in_(ids), ComparisonRow.loser.in_(ids))
    with collection.session("be read") as session:
        rows = [(choice, a, b) for choice, a, b in session.execute(query.order_by(ComparisonRow.id))]
    both_ways = {(choice, loser, winner) for choice, winner, loser in rows}
    return (
        [(winner, loser) for choice, winner, loser in rows if (choice, winner, loser) not in both_ways],
        [(a, b) for choice, a, b in rows if a < b and (choice, a, b) in both_ways],
    )


def choosers(collection: Collection) -> list[str]:
    """Names of the raters who have chosen between pictures, in alphabetical order."""
    with collection.session("be read") as session:
        return list(session.scalars(select(ComparisonRow.rater).distinct().order_by(ComparisonRow.rater)))


def strengths(wins: Sequence[tuple[int, int]], equal: Sequence[tuple[int, int]]) -> dict[int, float]:
    """Bradley–Terry strengths in logits, by picture id, of the pictures of choices and ties."""
    compared = sorted({image for pair in (*wins, *equal) for image in pair})
    place = {image: row for row, image in enumerate(compared)}
    won, tied = (tuple((place[a], place[b]) for a, b in pairs) for pairs in (wins, equal))
    return dict(zip(compared, _fitted(len(compared), won, tied), strict=True))


@lru_cache(maxsize=64)
def _fitted(count: int, won: tuple[tuple[int, int], ...], tied: tuple[tuple[int, int], ...]) -> tuple[float, ...]:
    """The strengths of ``strengths_of``; a page asks for those of the same choices again and again."""
    return tuple(strengths_of(count, won, tied).tolist())
