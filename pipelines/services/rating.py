"""Rating with learning behind it: what to show a rater next, and when to learn the rater's taste anew, in the background."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection as Some
from dataclasses import dataclass

import numpy as np

from ...errors import SoartError
from ...metrics.tastes.blend import only_profile
from ...metrics.tastes.profile import TasteProfile
from ..collection import ratings
from ..collection.collection import Collection
from ..collection.pictures import count_sound_pictures
from ..collection.queries import rows_of, stars_of
from ..collection.tables import ImageRow
from ..scoring.collection_profiles import CollectionProfiles
from ..scoring.rescoring import score_all
from ..scoring.taste_scorer import TasteScorer
from ..support.background import Job, Jobs
from ..tastes import learning as tastes
from ..tastes.rating_session import propose_pictures

#: A taste is learnt anew after so many new ratings, or this share of those it was learnt from where that is more: learning
#: from many takes long and changes little.
LEAST, SHARE = 5, 0.2
#: Pictures proposed after each learning.
PROPOSED = 64


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rater is.

    Attributes:
        rated, rejected, pictures: counts; ``pictures`` are the sound ones of the collection.
        learnt: ratings and choices that the taste was learnt from; 0 without one.
        word, sentence, advice: of its trust; empty without one.
        stop: whether the taste is as good as further ratings would make it.
    """

    rated: int
    rejected: int
    pictures: int
    learnt: int = 0
    word: str = ""
    sentence: str = ""
    advice: str = ""
    stop: bool = False


class RatingService:
    """One rater at one collection.

    Args:
        collection: the collection.
        shelf: where the rater's taste, which bears the rater's name, is kept.
        jobs: where learning runs.
        rater: the name.

    Raises:
        ProfileError: a name that cannot be a taste's.
    """

    def __init__(self, collection: Collection, shelf: CollectionProfiles, jobs: Jobs, rater: str) -> None:
        self.collection, self.shelf, self.jobs, self.rater = collection, shelf, jobs, rater
        shelf.own.path(rater)
        self._lock = threading.Lock()
        self._proposed: list[int] = []
        self._stop = False
        # What a restarted server finds counts as learnt from: nothing is learnt anew before there is something new.
        scorer = self._scorer()
        self._learnt_from = self._tried_at = len(only_profile(scorer.taste).examples) if scorer else 0
        if scorer:
            jobs.start(f"propose:{rater}", f"Looking for what {rater} should rate", lambda job: self._propose(scorer))

    @property
    def key(self) -> str:
        """Of the learning job."""
        return f"learn:{self.rater}"

    def _scorer(self) -> TasteScorer | None:
        """The rater's taste as the shelf holds it; a damaged one counts as none, and is learnt anew from the ratings."""
        if self.rater in self.shelf.own.names():
            with contextlib.suppress(SoartError):
                scorer = self.shelf.scorer(self.rater)
                if isinstance(scorer, TasteScorer) and isinstance(scorer.taste, TasteProfile):
                    return scorer
        return None

    def say(self, image: int, value: int | None) -> int | None:
        """Store what the rater says: 1…5, 0 to reject, None to take it back; returns what was said before.

        Raises:
            CollectionError: no such picture or rating, or a collection that cannot be written.
        """
        if not rows_of(self.collection, [image]):
            raise SoartError(f"There is no picture {image} in this collection any more: go on with the next one.")
        before = stars_of(self.collection, self.rater, [image]).get(image)
        if value is None:
            ratings.undo_rating(self.collection, self.rater, image)
        elif value == 0:
            ratings.reject(self.collection, self.rater, image)
        else:
            ratings.rate(self.collection, self.rater, {image: float(value)})
        self.learn_if_due()
        return before

    def queue(self, count: int, skip: Some[int] = ()) -> list[ImageRow]:
        """Pictures to rate next: the most telling ones as of the last learning, then unseen ones in random order.

        Args:
            count: how many.
            skip: ids that are waiting at the rater's already.
        """
        done = ratings.judged_pictures(self.collection, self.rater) | set(skip)
        with self._lock:
            wanted = [image for image in self._proposed if image not in done][:count]
        if len(wanted) < count:
            fresh = [image for image in self.collection.ids() if image not in done and image not in wanted]
            # The same order for one rater each time, another for the next: several people cover more of the collection.
            seed = [ord(letter) for letter in self.rater]
            chance = np.random.default_rng(seed).random(1 + max(fresh, default=0))
            wanted += sorted(fresh, key=lambda image: float(chance[image]))[: count - len(wanted)]
        return rows_of(self.collection, wanted)

    def progress(self) -> Progress:
        """How far the rater is, and what the taste is worth."""
        counts = ratings.rating_counts(self.collection, self.rater)
        pictures = count_sound_pictures(self.collection)
        rated, rejected = counts.get(ratings.STARS, 0), counts.get(ratings.REJECT, 0)
        scorer = self._scorer()
        if scorer is None:
            return Progress(rated, rejected, pictures)
        trust = scorer.taste.trust
        return Progress(
            rated, rejected, pictures, self._learnt_from, trust.word, trust.sentence, trust.advice, self._stop
        )

    def _propose(self, scorer: TasteScorer) -> None:
        proposal, rows = propose_pictures(self.collection, scorer, self.rater, PROPOSED)
        with self._lock:
            self._proposed, self._stop = [row.id for row in rows], proposal.stop

    def due(self) -> bool:
        """Whether enough was said since the last learning, and both kinds of pictures are there."""
        count, kinds = ratings.star_counts(self.collection, self.rater)
        with self._lock:
            new = count - self._tried_at
        return new >= max(LEAST, SHARE * self._tried_at) and kinds > 1

    def learn_if_due(self) -> Job | None:
        """Start learning in the background if it is due."""
        return self.learn_now() if self.due() else None

    def learn_now(self) -> Job:
        """Start learning in the background."""
        return self.jobs.start(self.key, f"Learning the taste of {self.rater}", self._learn)

    def _learn(self, job: Job) -> None:
        self._learn_once(job)
        # What was said meanwhile may be reason enough to go on.
        while self.due():
            self._learn_once(job)

    def _learn_once(self, job: Job) -> None:
        count, _ = ratings.star_counts(self.collection, self.rater)
        with self._lock:
            self._tried_at = count
        job.expect(len(self.collection.ids()))
        sources = tastes.Sources(rater=self.rater)
        learnt = tastes.learn(self.rater, self.collection, sources, progress=job.advance)
        self.shelf.own.save(learnt.taste)
        scorer = TasteScorer.of(learnt.taste)
        self._propose(scorer)
        with self._lock:
            self._learnt_from = count
        score_all(self.collection, scorer, job)
        job.message = learnt.taste.trust.sentence
