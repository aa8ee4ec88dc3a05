"""Pictures to rate next, and a session of rating them by single keys."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import overload

import numpy as np

from ...errors import CollectionError
from ...metrics.items.combined import taste_extractor
from ...metrics.tastes.blend import only_taste
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ...metrics.tastes.proposals import Proposal, propose, propose_first
from ..collection.collection import Collection
from ..collection.pictures import hidden_ids, ids_without_files, images_by_id
from ..collection.ratings import (
    HALF_STAR,
    NOT_FOR_ME,
    as_stars,
    check_rating,
    dislike_personally,
    judged_pictures,
    rate,
    ratings,
    reject,
    undo_rating,
)
from ..collection.tables import ImageRow
from ..scoring.measuring import measure_sound
from ..scoring.pictures import StoredPictures
from ..scoring.prior_scores import prior_matrix
from ..scoring.taste_judge import TasteJudge

#: Number of pictures that a rater has seen from which on others come in random order.
SEEDED = 64
#: Least and most pictures of which the first ones are chosen; of a collection's pictures, half of them.
CANDIDATES = 64, 600


def propose_pictures(
    collection: Collection, judge: TasteJudge, rater: str, count: int, progress: Callable[[], None] = lambda: None
) -> tuple[Proposal, list[ImageRow]]:
    """Propose at most ``count`` pictures whose ratings would teach a taste, which is not a blend, most.

    Pictures that the rater has rated or skipped, those that the taste was learnt from, and those whose files are
    missing are left out. ``progress`` is called once a picture that is measured. The most informative pictures come
    first.
    """
    taste = only_taste(judge.taste)
    judged, learnt = _left_out(collection, rater), {str(name) for name in taste.examples.pictures}
    unrated = [row for row in collection.images() if row.id not in judged and row.sha256[:16] not in learnt]
    rows, items, _ = measure_sound(collection, unrated, judge, progress)
    by_id = dict(zip([row.id for row in rows], items, strict=True))
    prior_scores = None
    if rows:
        priors = prior_matrix(collection, rater, taste.prior_names, by_id, taste.names, taste.tastes)
        prior_scores = np.stack([priors[row.id] for row in rows])
    makings = judge.makings(StoredPictures(collection, rows))
    proposal = propose(taste, items, count, prior_scores, makings)
    return proposal, [rows[i] for i in proposal.rows]


def unrated_pictures(
    collection: Collection, rater: str, count: int, proposed: Sequence[int] = (), skip: Container[int] = ()
) -> list[ImageRow]:
    """Sound pictures with files that a rater has neither rated nor skipped: the proposed ones, then others.

    The others begin with those that stand for many, as long as the rater has judged few; see ``first_pictures``. The
    rest come in random order. The order is the same each time for one rater, and another for every other: together,
    raters cover more pictures.
    """
    judged = _left_out(collection, rater)
    ids = [image for image in proposed if image not in judged and image not in skip][:count]
    if len(ids) < count:
        sound = np.array(collection.ids(), dtype=np.int64)
        chance = np.random.default_rng([ord(letter) for letter in rater]).random(1 + int(sound.max(initial=0)))
        mixed: list[int] = sound[np.argsort(chance[sound], kind="stable")].tolist()
        seen = {image for image in mixed if image in judged or image in skip or image in ids}
        if len(seen) < SEEDED:
            ids += first_pictures(collection, mixed, seen, count - len(ids))
        taken = seen.union(ids)
        ids += islice((image for image in mixed if image not in taken), count - len(ids))
    rows = images_by_id(collection, ids)
    return [rows[image] for image in ids if image in rows]


def _left_out(collection: Collection, rater: str) -> set[int]:
    """Ids of the pictures that a rater has judged, and of those whose files are missing or may not be shown now."""
    return judged_pictures(collection, rater) | ids_without_files(collection) | hidden_ids(collection)


def considered(count: int) -> int:
    """Number of pictures, of so many in random order, of which the first ones to rate are chosen."""
    least, most = CANDIDATES
    return min(count, max(least, min(most, count // 2)))


def first_pictures(collection: Collection, mixed: Sequence[int], seen: Container[int], count: int) -> list[int]:
    """At most ``count`` ids to rate while nothing is known of a taste: unseen ones that stand for many others.

    Only stored items are used, so that nothing has to be decoded. ``mixed`` is in an order of the rater. Only the first
    half of those with items, and those that the rater has seen, are considered: so raters begin with different
    pictures, and many pictures take no longer.
    """
    extractor = taste_extractor()
    measured = set(collection.measured_ids(extractor.version))
    candidates = [image for image in mixed if image in measured]
    most = considered(len(candidates))
    chosen = candidates[:most] + [image for image in candidates[most:] if image in seen]
    items = collection.items(extractor.version, chosen)
    ids = [image for image in chosen if image in items]
    matrix = np.array([items[image] for image in ids], dtype=np.float64).reshape(len(ids), len(extractor.names))
    rows = propose_first(matrix, extractor.names, count, [row for row, image in enumerate(ids) if image in seen])
    return [ids[row] for row in rows]


def rating_queue(collection: Collection, rater: str, judge: TasteJudge | None, count: int) -> list[ImageRow]:
    """At most ``count`` pictures to rate: those that would teach a taste most, without one as ``unrated_pictures``."""
    if judge is not None:
        return propose_pictures(collection, judge, rater, count)[1]
    return unrated_pictures(collection, rater, count)


class LazyQueue(Sequence[ImageRow]):
    """Pictures to rate that are chosen one by one when they are reached, among those that the collection holds then."""

    def __init__(self, collection: Collection, rater: str, count: int) -> None:
        self._collection, self._rater, self._count = collection, rater, count
        self._rows: list[ImageRow] = []

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> ImageRow: ...
    @overload
    def __getitem__(self, place: slice) -> list[ImageRow]: ...
    def __getitem__(self, place: int | slice) -> ImageRow | list[ImageRow]:
        last = self._count - 1 if isinstance(place, slice) or place < 0 else place
        while len(self._rows) <= last < self._count:
            row = unrated_pictures(self._collection, self._rater, 1, skip={row.id for row in self._rows})
            if not row:
                self._count = len(self._rows)
            self._rows += row
        return self._rows[place]


@dataclass
class RatingSession:
    """Pictures rated one after the other by single keys.

    1–5 rates, n says "not for me", x skips for good, + and - move the last rating by half a star, u undoes it. Every
    rating is stored at once, so that nothing is lost when the session ends early.

    ``ratings`` holds those of this session by picture id: 1…5, ``NOT_FOR_ME``, or None for a skipped picture.
    """

    collection: Collection
    rater: str
    queue: Sequence[ImageRow]
    position: int = 0
    ratings: dict[int, float | None] = field(default_factory=dict)

    @property
    def current(self) -> ImageRow | None:
        """The picture to rate now; None at the end."""
        # A lazy queue can turn out to be shorter.
        with suppress(IndexError):
            return self.queue[self.position]
        return None

    def press(self, key: str) -> str:
        """Act on a key; return the result in a few words."""
        row = self.current
        if key == "u":
            if self.position == 0:
                return "nothing to undo"
            self.position -= 1
            last = self.queue[self.position]
            undo_rating(self.collection, self.rater, last.id)
            self.ratings.pop(last.id, None)
            return "undone"
        if key in ("+", "-"):
            return self._move_last(HALF_STAR if key == "+" else -HALF_STAR)
        if row is None:
            return "all rated"
        if key == "x":
            reject(self.collection, self.rater, row.id)
            self.ratings[row.id] = None
        elif key == "n":
            dislike_personally(self.collection, self.rater, row.id)
            self.ratings[row.id] = NOT_FOR_ME
        elif key.isdecimal() and len(key) == 1:
            rate(self.collection, self.rater, {row.id: check_rating(float(key))})
            self.ratings[row.id] = int(key)
        else:
            raise CollectionError(
                f"Expected 1–5, + or - (half a star), n (not for me), x (skip), u (undo) or q (quit), got {key!r}."
            )
        self.position += 1
        return {"x": "skipped", "n": "not for me"}.get(key, f"rated {key}")

    def _move_last(self, step: float) -> str:
        """Move the last rating by a step, within 1…5."""
        last = self.queue[self.position - 1] if self.position else None
        # "Not for me" and skipped pictures have no stars.
        stars = None if last is None else ratings(self.collection, self.rater, personal=False).get(last.id)
        if last is None or stars is None:
            return "no rating to change"
        stars = min(HIGHEST, max(LOWEST, stars + step))
        rate(self.collection, self.rater, {last.id: stars})
        self.ratings[last.id] = as_stars(stars)
        return f"rated {stars:g}"
