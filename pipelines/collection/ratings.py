"""Ratings of pictures, stored by rater; none replaces one of another rater."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import delete, func, insert, select

from ...errors import CollectionError, expect
from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ..support.batching import batches
from ..support.wording import check_visible, composed
from .collection import Collection
from .tables import ImageRow, RatingRow

STARS, REJECT = "stars", "reject"
#: "Not for me": the picture may be good, and others may like it. It counts as the lowest rating of this rater, and for
#: nobody else.
PERSONAL = "personal"
#: "Not for me" among ratings as numbers.
NOT_FOR_ME = -1
#: Kinds that are opinions.
OPINIONS = (STARS, PERSONAL)
#: Step of ratings by keys.
HALF_STAR = 0.5
#: Name under which scores from elsewhere are stored, beside those of judges.
OBSERVED = "observed score"
#: Rows written in one query.
_BLOCK = 500
_BUILT_IN_OR_TASTE = re.compile(rf"(taste:.*|({'|'.join((TECHNICAL, OVERALL, *DETECTORS))})-\d+)", re.DOTALL)


def check_rating(value: float) -> float:
    """Check that a rating is from 1 to 5."""
    expect("a rating as a number", value, int, float, error=CollectionError)
    if not LOWEST <= value <= HIGHEST:
        raise CollectionError(f"Expected a rating from {LOWEST:g} to {HIGHEST:g}, got {value:g}.")
    return float(value)


def check_rater(name: str) -> str:
    """Check a rater's name, which must not be one that scores are stored under."""
    expect("a rater's name as text", name, str, error=CollectionError)
    if not name.strip() or len(name) > 128:
        raise CollectionError(f"Expected a rater's name of 1 to 128 characters, got {len(name)}.")
    if name == OBSERVED or _BUILT_IN_OR_TASTE.fullmatch(name):
        raise CollectionError(f"The name {name!r} is reserved for stored scores: choose another name for the rater.")
    return check_visible(name, "rater's name")


def check_new_rater(name: str, known: Iterable[str]) -> None:
    """Refuse a new name that differs from a known one in capitals alone: on many disks their tastes share a file."""
    names, new = sorted(map(composed, known)), composed(name)
    if new not in names and (same := next((one for one in names if one.casefold() == new.casefold()), None)):
        raise CollectionError(
            f"There is a rater or a taste {same!r} already: enter the name like this, or choose another."
        )


def rate(collection: Collection, rater: str, stars: Mapping[int, float]) -> None:
    """Store ratings 1–5 by picture id in place of the rater's earlier judgements; nothing if one of them is wrong."""
    expect("ratings by the ids of pictures", stars, Mapping, error=CollectionError)
    for image in stars:
        expect("the ids of pictures as whole numbers", image, int, error=CollectionError)
    # SQLite would take whole numbers of NumPy for bytes.
    checked = {int(image): check_rating(value) for image, value in stars.items()}
    _store(collection, rater, {image: (STARS, value) for image, value in checked.items()})


def dislike_personally(collection: Collection, rater: str, image: int) -> None:
    """Store that a picture is not for a rater: the lowest rating to the rater's taste, and nothing to others' means."""
    _store(collection, rater, {image: (PERSONAL, LOWEST)})


def reject(collection: Collection, rater: str, image: int) -> None:
    """Store that a rater does not want to rate a picture; it is not proposed again."""
    _store(collection, rater, {image: (REJECT, 0.0)})


def set_judgements(collection: Collection, rater: str, judgements: Mapping[int, float | None]) -> None:
    """Store judgements by picture id: 1…5, 0 to reject, ``NOT_FOR_ME``, None to delete the judgement."""
    checked = {image: _row_of(value) for image, value in judgements.items() if value is not None}
    _store(collection, rater, checked, [image for image, value in judgements.items() if value is None])


def _row_of(value: float) -> tuple[str, float]:
    if value == NOT_FOR_ME:
        return PERSONAL, LOWEST
    return (REJECT, 0.0) if value == 0 else (STARS, check_rating(value))


def _store(
    collection: Collection, rater: str, judgements: Mapping[int, tuple[str, float]], deleted: Sequence[int] = ()
) -> None:
    check_rater(rater)
    with collection.session("be written", write=True, durable=True) as session:
        for block in batches([*judgements, *deleted], _BLOCK):
            known = set(session.scalars(select(ImageRow.id).where(ImageRow.id.in_(block))))
            if missing := [image for image in block if image in judgements and image not in known]:
                raise CollectionError(f"There is no picture {missing[0]} in this collection: reload the page.")
            session.execute(delete(RatingRow).where(RatingRow.rater == rater, RatingRow.image_id.in_(block)))
            rows = [
                {"image_id": image, "rater": rater, "kind": judgements[image][0], "value": judgements[image][1]}
                for image in block
                if image in judgements
            ]
            if rows:
                session.execute(insert(RatingRow), rows)


def undo_rating(collection: Collection, rater: str, image: int) -> None:
    """Delete a rater's judgement of a picture."""
    set_judgements(collection, rater, {image: None})


def ratings(collection: Collection, rater: str, *, personal: bool = True) -> dict[int, float]:
    """Ratings 1–5 of a rater by picture id, in the order of rating; "not for me" is the lowest, or left out."""
    query = select(RatingRow.image_id, RatingRow.value).where(RatingRow.rater == rater)
    query = query.where(RatingRow.kind.in_(OPINIONS if personal else (STARS,)))
    with collection.session("be read") as session:
        rows = session.execute(query.order_by(RatingRow.created_at, RatingRow.image_id))
        return {row.image_id: row.value for row in rows}


def liked_and_disliked(stars: Mapping[int, float]) -> tuple[list[int], list[int]]:
    """Ids of the pictures rated above and below the middle, the farthest from it first, as trust reports count them."""
    middle = (min(stars.values(), default=0.0) + max(stars.values(), default=0.0)) / 2
    by_value = sorted(stars, key=lambda image: -stars[image])
    return (
        [image for image in by_value if stars[image] > middle],
        [image for image in by_value[::-1] if stars[image] < middle],
    )


def judged_pictures(collection: Collection, rater: str) -> set[int]:
    """Ids of the pictures that a rater rated or rejected."""
    with collection.session("be read") as session:
        return set(session.scalars(select(RatingRow.image_id).where(RatingRow.rater == rater)))


def raters(collection: Collection, *, personal: bool = True) -> list[str]:
    """Names of all raters who rated a picture of the collection; "not for me" is a rating only if ``personal``."""
    query = select(RatingRow.rater).where(RatingRow.kind.in_(OPINIONS if personal else (STARS,)))
    with collection.session("be read") as session:
        return sorted(session.scalars(query.distinct()))


def check_has_rated(collection: Collection, rater: str) -> None:
    """Check that a rater has rated pictures."""
    known = raters(collection)
    if rater not in known:
        others = f"the raters are {', '.join(map(repr, known))}" if known else "nobody has"
        raise CollectionError(f"{rater!r} has not rated any picture in {collection.name!r}; {others}.")


def stars_of_others(collection: Collection, rater: str) -> dict[str, dict[int, float]]:
    """Ratings 1–5 of all other raters, by rater and picture id; "not for me" is no rating here."""
    query = select(RatingRow.rater, RatingRow.image_id, RatingRow.value)
    query = query.where(RatingRow.rater != rater, RatingRow.kind == STARS)
    by_rater: dict[str, dict[int, float]] = {}
    with collection.session("be read") as session:
        for name, image, value in session.execute(query.order_by(RatingRow.image_id, RatingRow.rater)):
            by_rater.setdefault(name, {})[image] = value
    return by_rater


def relative_means(stars: Iterable[Mapping[int, float]]) -> dict[int, float]:
    """Mean rating of each picture, relative to each rater's own mean, from every rater's ratings; all by picture id."""
    by_picture: dict[int, list[float]] = {}
    for own in stars:
        mean = float(np.mean(list(own.values())))
        for image, value in own.items():
            by_picture.setdefault(image, []).append(value - mean)
    return {image: float(np.mean(values)) for image, values in by_picture.items()}


def others_mean(collection: Collection, rater: str) -> dict[int, float]:
    """Mean rating of each picture by all other raters, relative to each rater's own mean; by picture id."""
    return relative_means(stars_of_others(collection, rater).values())


def as_stars(value: float) -> float:
    """A stored rating for people and JSON: a whole number where it is one, so that 4 is not written 4.0."""
    return int(value) if value == int(value) else value


def judgement_of(kind: str, value: float) -> float:
    """A stored judgement as a number: 1…5, 0 for rejected, or ``NOT_FOR_ME``."""
    return NOT_FOR_ME if kind == PERSONAL else as_stars(value)


def judgements_of(collection: Collection, rater: str, ids: Sequence[int]) -> dict[int, float]:
    """A rater's judgements of pictures by id, as ``set_judgements`` takes them."""
    query = select(RatingRow.image_id, RatingRow.kind, RatingRow.value).where(RatingRow.rater == rater)
    judgements: dict[int, float] = {}
    with collection.session("be read") as session:
        for block in batches(ids, _BLOCK):
            rows = session.execute(query.where(RatingRow.image_id.in_(block)))
            judgements.update({image: judgement_of(kind, value) for image, kind, value in rows})
    return judgements


def ratings_of_picture(collection: Collection, image: int) -> dict[str, float]:
    """All judgements of a picture by rater: 1…5, 0 for rejected, or ``NOT_FOR_ME``."""
    query = select(RatingRow.rater, RatingRow.kind, RatingRow.value).where(RatingRow.image_id == image)
    with collection.session("be read") as session:
        rows = session.execute(query.order_by(RatingRow.rater))
        return {rater: judgement_of(kind, value) for rater, kind, value in rows}


def rating_counts(collection: Collection, rater: str) -> dict[str, int]:
    """Return the number of a rater's ratings by kind, such as ``STARS`` and ``REJECT``; no key for a kind without ratings."""
    query = select(RatingRow.kind, func.count()).where(RatingRow.rater == rater).group_by(RatingRow.kind)
    with collection.session("be read") as session:
        return {kind: int(count) for kind, count in session.execute(query)}


def star_counts(collection: Collection, rater: str, until: datetime | None = None) -> tuple[int, int]:
    """The number of a rater's ratings 1–5 by ``until``, "not for me" included, and of different values among them."""
    query = select(func.count(), func.count(RatingRow.value.distinct()))
    query = query.where(RatingRow.rater == rater, RatingRow.kind.in_(OPINIONS))
    if until is not None:
        query = query.where(RatingRow.created_at <= until)
    with collection.session("be read") as session:
        count, values = session.execute(query).one()
    return count, values
