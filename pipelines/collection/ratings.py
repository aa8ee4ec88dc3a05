"""Ratings of pictures in a collection. Nobody's rating ever replaces another rater's."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from sqlalchemy import delete, func, select

from ...errors import CollectionError
from ...metrics.damage.scorer import DETECTORS
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ...metrics.tastes.profile import TECHNICAL
from .collection import Collection
from .tables import RatingRow

STARS, REJECT = "stars", "reject"
#: Under which scores of others are stored, beside those of profiles.
OBSERVED = "observed score"
_PROFILE = re.compile(rf"(taste:.*|({'|'.join((TECHNICAL, *DETECTORS))})-\d+)", re.DOTALL)


def check_rating(value: float) -> float:
    """A rating from 1 to 5.

    Raises:
        CollectionError: out of scale, or not a number.
    """
    if not LOWEST <= value <= HIGHEST:
        raise CollectionError(f"Expected a rating from {LOWEST:g} to {HIGHEST:g}, got {value:g}.")
    return float(value)


def check_rater(name: str) -> str:
    """A name for somebody who rates.

    Raises:
        CollectionError: empty, too long, or that under which the scores of a profile are stored, which would then be two judges of one name.
    """
    if not name.strip() or len(name) > 128:
        raise CollectionError(f"Expected a rater's name of 1 to 128 characters, got {len(name)}.")
    if name == OBSERVED or _PROFILE.fullmatch(name):
        raise CollectionError(
            f"{name!r} is what scores are stored under, so nobody can rate by that name: choose another."
        )
    return name


def rate(collection: Collection, rater: str, stars: Mapping[int, float]) -> None:
    """Store ratings 1–5 by picture id; a rater's earlier rating or rejection of the same picture is replaced.

    Raises:
        CollectionError: a rating out of scale or a name nobody can have (nothing is stored then), or a collection that cannot be written.
    """
    checked = {image: check_rating(value) for image, value in stars.items()}
    _store(collection, rater, {image: (STARS, value) for image, value in checked.items()})


def reject(collection: Collection, rater: str, image: int) -> None:
    """Note that a rater does not want to rate a picture; it is not proposed again."""
    _store(collection, rater, {image: (REJECT, 0.0)})


def _store(collection: Collection, rater: str, said: Mapping[int, tuple[str, float]]) -> None:
    check_rater(rater)
    with collection.session("be written", write=True) as session:
        for image, (kind, value) in said.items():
            session.execute(delete(RatingRow).where(RatingRow.rater == rater, RatingRow.image_id == image))
            session.add(RatingRow(image_id=image, rater=rater, kind=kind, value=value))


def undo_rating(collection: Collection, rater: str, image: int) -> None:
    """Forget what a rater said of a picture."""
    with collection.session("be written", write=True) as session:
        session.execute(delete(RatingRow).where(RatingRow.rater == rater, RatingRow.image_id == image))


def ratings(collection: Collection, rater: str) -> dict[int, float]:
    """Ratings 1–5 of a rater by picture id, in the order they were given."""
    query = select(RatingRow).where(RatingRow.rater == rater, RatingRow.kind == STARS)
    query = query.order_by(RatingRow.created_at, RatingRow.image_id)
    with collection.session("be read") as session:
        return {row.image_id: row.value for row in session.scalars(query)}


def judged_pictures(collection: Collection, rater: str) -> set[int]:
    """Pictures a rater rated or rejected."""
    with collection.session("be read") as session:
        return set(session.scalars(select(RatingRow.image_id).where(RatingRow.rater == rater)))


def raters(collection: Collection) -> list[str]:
    """Everybody who rated a picture of the collection."""
    with collection.session("be read") as session:
        return sorted(session.scalars(select(RatingRow.rater).where(RatingRow.kind == STARS).distinct()))


def check_has_rated(collection: Collection, rater: str) -> None:
    """Refuse somebody who rated nothing.

    Raises:
        CollectionError: this rater gave no stars to a picture of the collection.
    """
    known = raters(collection)
    if rater not in known:
        others = f"those who did are {', '.join(map(repr, known))}" if known else "nobody did"
        raise CollectionError(f"{rater!r} has rated no picture of {collection.name!r}: {others}.")


def others_mean(collection: Collection, rater: str) -> dict[int, float]:
    """Mean over all other raters of their rating of each picture, each taken from that rater's own mean; by picture id."""
    query = select(RatingRow).where(RatingRow.rater != rater, RatingRow.kind == STARS).order_by(RatingRow.image_id)
    given: dict[str, dict[int, float]] = {}
    with collection.session("be read") as session:
        for row in session.scalars(query):
            given.setdefault(row.rater, {})[row.image_id] = row.value
    found: dict[int, list[float]] = {}
    for said in given.values():
        middle = float(np.mean(list(said.values())))
        for image, value in said.items():
            found.setdefault(image, []).append(value - middle)
    return {image: float(np.mean(values)) for image, values in found.items()}


def ratings_of_picture(collection: Collection, image: int) -> dict[str, int]:
    """What everybody said of a picture: 1…5, or 0 for rejected; by rater."""
    query = select(RatingRow.rater, RatingRow.value).where(RatingRow.image_id == image).order_by(RatingRow.rater)
    with collection.session("be read") as session:
        return {rater: int(value) for rater, value in session.execute(query)}


def rating_counts(collection: Collection, rater: str) -> dict[str, int]:
    """Return the number of a rater's ratings by kind, ``STARS`` and ``REJECT``; no key for a kind without ratings."""
    query = select(RatingRow.kind, func.count()).where(RatingRow.rater == rater).group_by(RatingRow.kind)
    with collection.session("be read") as session:
        return {kind: int(count) for kind, count in session.execute(query)}


def star_counts(collection: Collection, rater: str) -> tuple[int, int]:
    """Return the number of a rater's ratings 1–5, and of the different values among them."""
    query = select(func.count(), func.count(RatingRow.value.distinct()))
    query = query.where(RatingRow.rater == rater, RatingRow.kind == STARS)
    with collection.session("be read") as session:
        count, values = session.execute(query).one()
    return count, values
