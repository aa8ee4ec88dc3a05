"""Tastes looked at: which pictures to rate next, a rating session, several tastes on one collection, one picture explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import CollectionError
from ...metrics.tastes.blend import only_profile
from ...metrics.tastes.proposals import Proposal, propose
from ..collection.collection import Collection
from ..collection.ratings import check_rating, judged_pictures, rate, reject, undo_rating
from ..collection.tables import ImageRow
from ..scoring.measuring import measure_sound
from ..scoring.taste_scorer import TasteScorer
from .learning import prior_matrix


def propose_pictures(
    collection: Collection, scorer: TasteScorer, rater: str, count: int, progress: Callable[[], None] = lambda: None
) -> tuple[Proposal, list[ImageRow]]:
    """What a rater should rate next among the pictures of a collection that this rater has not seen."""
    profile = only_profile(scorer.taste)
    done, known = judged_pictures(collection, rater), {str(name) for name in profile.examples.pictures}
    fresh = [row for row in collection.images() if row.id not in done and row.sha256[:16] not in known]
    rows, items, _ = measure_sound(collection, fresh, scorer, progress)
    by_id = dict(zip([row.id for row in rows], items, strict=True))
    priors = prior_matrix(collection, rater, profile.prior_names, by_id, profile.names) if rows else {}
    given = np.stack([priors[row.id] for row in rows]) if rows else None
    proposal = propose(profile, items, count, given)
    return proposal, [rows[i] for i in proposal.rows]


@dataclass
class RatingSession:
    """Pictures rated one after the other by single keys: 1–5 rates, x passes over for good, u takes the last one back.

    Every key is stored at once, so nothing is lost when the session breaks off.

    Attributes:
        collection: the collection.
        rater: whose ratings they are.
        queue: pictures to rate, in order.
        place: number of the current one.
        given: what was said so far, by picture id; None for passed over.
    """

    collection: Collection
    rater: str
    queue: Sequence[ImageRow]
    place: int = 0
    given: dict[int, int | None] = field(default_factory=dict)

    @property
    def current(self) -> ImageRow | None:
        """The picture to rate now; None at the end."""
        return self.queue[self.place] if self.place < len(self.queue) else None

    def press(self, key: str) -> str:
        """Act on a key; returns what was done, in a word or two.

        Raises:
            CollectionError: a key that means nothing here, or a collection that cannot be written.
        """
        row = self.current
        if key == "u":
            if self.place == 0:
                return "nothing to take back"
            self.place -= 1
            last = self.queue[self.place]
            undo_rating(self.collection, self.rater, last.id)
            self.given.pop(last.id, None)
            return "taken back"
        if row is None:
            return "all rated"
        if key == "x":
            reject(self.collection, self.rater, row.id)
            self.given[row.id] = None
        elif key.isdecimal() and len(key) == 1:
            rate(self.collection, self.rater, {row.id: check_rating(float(key))})
            self.given[row.id] = int(key)
        else:
            raise CollectionError(f"Expected 1–5, x (pass over), u (undo) or q (quit), got {key!r}.")
        self.place += 1
        return "passed over" if key == "x" else f"rated {key}"


def rating_queue(
    collection: Collection, rater: str, scorer: TasteScorer | None, count: int, seed: int = 0
) -> list[ImageRow]:
    """Pictures a rater has not seen: the most telling for a taste first, or in random order without one."""
    if scorer is not None:
        return propose_pictures(collection, scorer, rater, count)[1]
    done = judged_pictures(collection, rater)
    fresh = [row for row in collection.images() if row.id not in done and not row.problem]
    order = np.random.default_rng(seed).permutation(len(fresh))
    return [fresh[i] for i in order[:count]]
