"""Ratings and choices of one rater, with the rater's taste learnt in the background, in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ...errors import SoartError
from ...metrics.tastes.blend import only_taste
from ...metrics.tastes.proposals import stop_rule
from ...metrics.tastes.taste import LearntTaste
from ..collection import comparisons, ratings
from ..collection.collection import Collection
from ..collection.pictures import count_sound_pictures, known_ids
from ..collection.queries import rows_of
from ..collection.tables import ImageRow
from ..scoring.collection_tastes import CollectionTastes
from ..scoring.taste_judge import TasteJudge
from ..support.background import Job, Jobs
from ..support.task_process import TaskProcess
from ..tastes.rating_session import unrated_pictures
from .learning import USUAL, Lesson, Start, judgements_by, learn_taste, score_by_taste
from .service import CollectionService

#: A taste is learnt again after this many new judgements, or this share of those it was learnt from if that is more:
#: learning from many takes long and changes little.
LEAST, SHARE = 5, 0.2


@dataclass(frozen=True, slots=True)
class RaterProgress:
    """Progress of a rater; ``rejected`` counts skipped pictures, ``learnt`` the judgements behind the taste, 0 without one."""

    rated: int
    rejected: int
    pictures: int
    learnt: int = 0
    word: str = ""
    sentence: str = ""
    advice: str = ""
    stop: bool = False
    learning: bool = False
    failed: str = ""


class RatingService(CollectionService):
    """Ratings and choices of one rater in one collection."""

    def __init__(
        self, collection: Collection, tastes: CollectionTastes, jobs: Jobs, rater: str, process: TaskProcess, start: Start = USUAL
    ) -> None:  # fmt: skip
        super().__init__(collection, tastes, jobs, f"learn:{rater}")
        self.rater, self._process, self._start = rater, process, start
        tastes.own.path(rater)
        # After a restart the taste is learnt again only once there are new judgements.
        judge, self._tried_at = self._judge(), 0
        if judge:
            created = datetime.fromisoformat(only_taste(judge.taste).created)
            self._tried_at = judgements_by(collection, rater, created).count

    def _judge(self) -> TasteJudge | None:
        """The rater's stored taste; None without one, or with a damaged one, which is learnt again from the ratings."""
        if self.rater in self.tastes.own.names():
            with contextlib.suppress(SoartError):
                judge = self.tastes.judge(self.rater)
                if isinstance(judge, TasteJudge) and isinstance(judge.taste, LearntTaste):
                    return judge
        return None

    def rate(self, image: int, value: float | None) -> float | None:
        """Store a rating, and learn the taste if it is due.

        ``value`` is 1 to 5, 0 to skip, ``NOT_FOR_ME``, or None to undo. Returns the one before.
        """
        with self._lock:
            before = self._stored(image)
            ratings.set_judgements(self.collection, self.rater, {image: value})
        self.learn_if_due()
        return before

    def undo(self, image: int, value: float | None, before: float | None) -> float | None:
        """Undo a rating, unless another one was stored since. Returns the rating that is stored now."""
        with self._lock:
            stored = self._stored(image)
            if stored == value:
                ratings.set_judgements(self.collection, self.rater, {image: before})
                return before
        return stored

    def rate_many(self, images: Iterable[int], value: float | None) -> dict[int, float | None]:
        """Store the same rating for several pictures, and learn the taste if it is due.

        ``value`` is as for ``rate``; pictures that are gone are left out. Returns the ratings before, by picture id.
        """
        with self._lock:
            known = known_ids(self.collection, images)
            before = ratings.judgements_of(self.collection, self.rater, known)
            ratings.set_judgements(self.collection, self.rater, dict.fromkeys(known, value))
        self.learn_if_due()
        return {image: before.get(image) for image in known}

    def undo_many(self, before: Mapping[int, float | None], value: float | None) -> dict[int, float | None]:
        """Undo a rating of several pictures unless another was stored since; returns those that are stored now, by id."""
        with self._lock:
            known = known_ids(self.collection, before)
            stored = ratings.judgements_of(self.collection, self.rater, known)
            same = {image: before[image] for image in known if stored.get(image) == value}
            ratings.set_judgements(self.collection, self.rater, same)
        return {image: same[image] if image in same else stored.get(image) for image in known}

    def choose(self, choice: str, winner: int | None, others: Sequence[int]) -> bool:
        """Store a choice between pictures, and learn the taste if it is due.

        ``choice`` is a unique name, up to 36 characters; storing the same one again changes nothing. ``winner`` of None
        means that all are equal. Returns True if the choice was new.
        """
        with self._lock:
            if winner is None:
                new = comparisons.store_tie(self.collection, self.rater, choice, others)
            else:
                new = comparisons.store_choice(self.collection, self.rater, choice, winner, others)
        self.learn_if_due()
        return new

    def undo_choice(self, choice: str) -> bool:
        """Delete a choice of this rater; returns True if it was stored."""
        with self._lock:
            return comparisons.undo_choice(self.collection, self.rater, choice)

    def _stored(self, image: int) -> float | None:
        if not rows_of(self.collection, [image]):
            raise SoartError(f"There is no picture {image} in this collection any more: go on with the next one.")
        return ratings.judgements_of(self.collection, self.rater, [image]).get(image)

    def queue(self, count: int, shown: Sequence[int] = ()) -> list[ImageRow]:
        """Pictures to rate next by the ratings so far, see ``unrated_pictures``; none of those that a page has shown."""
        return unrated_pictures(self.collection, self.rater, count, shown)

    def progress(self) -> RaterProgress:
        """The rater's progress, and the trust in the taste."""
        counts = ratings.rating_counts(self.collection, self.rater)
        progress = RaterProgress(
            sum(counts.get(kind, 0) for kind in ratings.OPINIONS), counts.get(ratings.REJECT, 0),
            count_sound_pictures(self.collection), learning=self.busy, failed=self.failure,
        )  # fmt: skip
        judge = self._judge()
        if judge is None:
            return progress
        trust, examples = judge.taste.trust, only_taste(judge.taste).examples
        return replace(
            progress,
            learnt=int(examples.rated.sum()) + examples.choice_count,
            word=trust.word,
            sentence=trust.sentence,
            advice=trust.advice,
            # Choices that would hardly help say nothing about ratings.
            stop=stop_rule(only_taste(judge.taste))[0] and not trust.only_choices,
        )

    def is_due(self) -> bool:
        """True if there are enough judgements since the last learning, and they tell pictures apart."""
        judgements = judgements_by(self.collection, self.rater)
        with self._lock:
            new = judgements.count - self._tried_at
        return new >= max(LEAST, SHARE * self._tried_at) and judgements.unequal

    def learn_if_due(self) -> Job | None:
        """Start learning in the background if it is due."""
        return self.learn_now() if self.is_due() else None

    def learn_now(self) -> Job:
        """Start learning in the background; a learning that still waits for its turn learns from all judgements then."""
        return self.jobs.start(self.key, f"Learning the taste of {self.rater}", self._learn)

    def rank_again(self) -> Job | None:
        """Score all pictures by the stored taste in the background, because there are more; None without a taste."""
        if self._judge() is None:
            return None

        def rank(job: Job) -> None:
            self._process.run(job, score_by_taste, self.collection.where, self.rater)

        return self.jobs.start(f"rank:{self.rater}", f"Ranking by the taste of {self.rater}", rank)

    def _learn(self, job: Job) -> None:
        self._learn_once(job)
        # Judgements that arrive during the learning can make the next one due.
        while self.is_due():
            self._learn_once(job)

    def _learn_once(self, job: Job) -> None:
        judged = judgements_by(self.collection, self.rater).count
        with self._lock:
            self._tried_at = judged
        lesson: Lesson = self._process.run(job, learn_taste, self.collection.where, self.rater, self._start)
        with self._lock:
            self._tried_at = lesson.judged
        self._process.run(job, score_by_taste, self.collection.where, self.rater)
        job.message = lesson.sentence
