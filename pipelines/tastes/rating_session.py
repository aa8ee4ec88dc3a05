"""Pictures to rate next, and a session of rating them by single keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import overload

import numpy as np

from ...errors import CollectionError
from ...metrics.items.combined import CombinedExtractor, default_network, taste_extractor
from ...metrics.similarity.diversity import FEW, LOOK, Seen
from ...metrics.tastes.blend import only_taste
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ...metrics.tastes.overall import stored_name
from ...metrics.tastes.proposals import NextPictures, hunt, propose
from ..collection.collection import Collection
from ..collection.pictures import hidden_ids, ids_without_files, images_by_id
from ..collection.queries import known_prompts, scores_of
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
from ..scoring.looks import seen_in
from ..scoring.makings import makings_of
from ..scoring.measuring import measure_sound
from ..scoring.pictures import StoredPictures
from ..scoring.prior_scores import prior_matrix
from ..scoring.taste_judge import TasteJudge
from ..support.progress import Advance, silent

#: Least and most pictures of which the next one is chosen (of a collection's pictures, half of them), and those that the
#: rater has seen last which the choice depends on.
CANDIDATES, REMEMBERED = (64, 600), 64
#: Liking of a picture whose overall score is a standard deviation above the mean, before the rater has said anything.
EXPECTED = 0.2


def propose_pictures(
    collection: Collection, judge: TasteJudge, rater: str, count: int, progress: Advance = silent
) -> tuple[NextPictures, list[ImageRow]]:
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


def unrated_pictures(collection: Collection, rater: str, count: int, shown: Sequence[int] = ()) -> list[ImageRow]:
    """Sound pictures with files that a rater has neither rated nor skipped, nor been shown; the hunted ones, then others.

    The others come in an order that is the same each time for one rater, and another for every other: together, raters
    cover more pictures.
    """
    left_out = _left_out(collection, rater).union(shown)
    sound = np.array(collection.ids(), dtype=np.int64)
    chance = np.random.default_rng([ord(letter) for letter in rater]).random(1 + int(sound.max(initial=0)))
    mixed: list[int] = [i for i in sound[np.argsort(chance[sound], kind="stable")].tolist() if i not in left_out]
    ids = hunted(collection, rater, mixed, shown, count)
    taken = set(ids)
    ids += islice((image for image in mixed if image not in taken), count - len(ids))
    rows = images_by_id(collection, ids)
    return [rows[image] for image in ids if image in rows]


def _left_out(collection: Collection, rater: str) -> set[int]:
    """Ids of the pictures that a rater has judged, and of those whose files are missing or may not be shown now."""
    return judged_pictures(collection, rater) | ids_without_files(collection) | hidden_ids(collection)


def considered(count: int) -> int:
    """Number of pictures, of so many in random order, of which the next one to rate is chosen."""
    least, most = CANDIDATES
    return min(count, max(least, min(most, count // 2)))


def hunted(collection: Collection, rater: str, mixed: Sequence[int], shown: Sequence[int], count: int) -> list[int]:
    """At most ``count`` ids to rate next, see ``hunt``: likely liked ones that are not like others that the rater has seen.

    Only what is stored is used, so that nothing has to be decoded; ``mixed`` is in an order of the rater. Only the first
    half of those with items, and what the rater has seen last, are considered: so raters begin with different pictures,
    and many pictures take no longer. Unusual pictures come last, as those like a seen one or of a prompt seen twice do.
    """
    extractor, measured = _measured(collection)
    candidates = [image for image in mixed if image in measured]
    candidates = candidates[: considered(len(candidates))]
    stars = ratings(collection, rater)
    unsaid = sorted(judged_pictures(collection, rater) - stars.keys())
    known = [image for image in dict.fromkeys([*unsaid, *stars, *shown]) if image in measured][-REMEMBERED:]
    ids = [*candidates, *known]
    items = collection.items(extractor.version, ids)
    ids = [image for image in ids if image in items]
    place = {image: row for row, image in enumerate(ids)}
    matrix = np.array([items[image] for image in ids], dtype=np.float64).reshape(len(ids), len(extractor.names))
    seen = seen_in(collection, ids, known_prompts(collection, ids))
    makings = makings_of(collection, [*images_by_id(collection, ids).values()])
    values = scores_of(collection, stored_name(), ids)
    scores = np.array([values.get(image, np.nan) for image in ids])
    usual = (scores - np.nanmean(scores)) / (np.nanstd(scores) or 1.0) if values else np.zeros(len(ids))

    rows = hunt(
        matrix,
        extractor.names,
        count,
        {place[image]: (stars[image] - 3) / 2 if image in stars else None for image in known if image in place},
        EXPECTED * np.nan_to_num(usual),
        likeness_of(seen),
        unusual(seen.looks),
        [makings.get(image) for image in ids] if makings else None,
    )
    return [ids[row] for row in rows]


def _measured(collection: Collection) -> tuple[CombinedExtractor, set[int]]:
    """The extractor that has measured most pictures, if as many one with the default network, and the ids of these."""
    found = [
        (one, set(collection.measured_ids(one.version)))
        for one in (taste_extractor(default_network()), taste_extractor())
    ]
    return max(found, key=lambda one: len(one[1]))


def likeness_of(seen: Seen) -> Callable[[int], np.ndarray]:
    """(n,) likeness of others to a picture: 1 for the same look, less for the same prompt alone."""

    def alike(row: int) -> np.ndarray:
        copies, _, distance = seen.like(row)
        same = (seen.prompts == seen.prompts[row]) & (seen.prompts[row] >= 0)
        return np.where(copies | (distance < LOOK), 1.0, same / FEW)

    return alike


def unusual(looks: np.ndarray) -> np.ndarray:
    """(n,) 1 for looks (n, q) that are outliers, else 0."""
    # scikit-learn, which it imports, takes a second.
    from ...metrics.similarity.outliers import outlier_limit

    if not len(looks):
        return np.zeros(0)
    distance = np.linalg.norm(looks - np.median(looks, axis=0), axis=1)
    return np.asarray(distance > outlier_limit(distance), dtype=float)


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
            row = unrated_pictures(self._collection, self._rater, 1, [row.id for row in self._rows])
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
