"""Scores and ranks the pictures of a collection, with percentiles and reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ...metrics.damage.scorer import TechnicalScorer
from ...metrics.percentiles import percentiles
from ...metrics.protocols import Reason, Scorer
from ...metrics.tastes.overall import words_of
from ..collection.collection import Collection
from ..collection.results import store_changed_scores
from ..collection.tables import ImageRow
from ..support.wording import counted
from .measuring import measure, without_unfit
from .prior_scores import reasons_in, scores_in, sentences_on_judges


@dataclass(frozen=True, slots=True)
class RankedPicture:
    """A picture of a ranking.

    Attributes:
        place: 1 for the best.
        row: the picture in the collection, with its request if soart drew it.
        path: of its file.
        score: under the profile, higher is better.
        percentile: share of the ranked pictures that it beats, ties counted half, 0–100.
        reasons: the item groups that moved the score most, two to four of them.
        verdict: the technical quality in a word or two, such as ``"slightly soft"``; empty if a taste or a detector ranks.
    """

    place: int
    row: ImageRow
    path: Path
    score: float
    percentile: float
    reasons: tuple[Reason, ...]
    verdict: str = ""

    @property
    def prompt(self) -> str | None:
        """The prompt that the picture was drawn from; None if it was not drawn here."""
        return self.row.generation.prompt if self.row.generation else None

    def unexplained(self, given: int | None = None) -> float:
        """Points, 0 or less, that other causes than the first ``given`` reasons cost; those than all reasons by default.

        0 for tastes and judges, of which the reasons do not add up to the score, and for pictures without reasons.
        """
        if not (self.verdict and self.reasons):
            return 0.0
        return min(0.0, self.score - 100 - sum(reason.contribution for reason in self.reasons[:given]))


def rank(
    collection: Collection,
    rows: Sequence[ImageRow] | None = None,
    scorer: Scorer | None = None,
    progress: Callable[[], None] = lambda: None,
    min_distance: float | None = None,
    known: Mapping[int, np.ndarray] = MappingProxyType({}),
    explained: int | None = None,
) -> tuple[list[RankedPicture], list[str]]:
    """Rank pictures of a collection, best first; equal scores keep the order in which they came.

    Args:
        collection: holds the pictures; missing items and all scores are written to it.
        rows: the pictures to rank, by default all. Those with a problem (all black…), too small or of one tone are left out.
        scorer: the profile, by default the technical score.
        progress: called once per picture.
        min_distance: drop pictures closer than this to a better one; pictures whose items all differ by one standard
            deviation are about 1 apart. Places and percentiles are those among all pictures.
        known: items of pictures that were just measured, see ``measure``.
        explained: number of the best pictures that get reasons, which take a taste much longer than scores; None for all.

    Returns:
        the ranking, a sentence for each picture that could not be ranked, and one for all that ``min_distance`` dropped.
    """
    scorer = scorer or TechnicalScorer.load()
    rows = collection.images() if rows is None else rows
    problems = [f"{str(collection.locate(row))!r} is left out: {row.problem}." for row in rows if row.problem]
    sound = [row for row in rows if not row.problem]
    items, unreadable = measure(collection, sound, scorer, progress=progress, known=known)
    sound = [row for row in sound if row.id in items]
    matrix = np.stack([items[row.id] for row in sound]).astype(np.float64) if sound else np.zeros((0, 0))
    if sound:
        sound, matrix, left_out = without_unfit(collection, sound, matrix, scorer.extractor.names)
        unreadable += left_out
    if not sound:
        return [], problems + unreadable
    ids = [row.id for row in sound]
    scores = scores_in(collection, scorer, ids, matrix)
    store_changed_scores(collection, scorer.stored_name, dict(zip(ids, scores.tolist(), strict=True)))
    order, ranks = np.argsort(-scores, kind="stable"), percentiles(scores)
    verdicts = words_of(scorer, matrix)
    ranking = [
        RankedPicture(
            place,
            sound[i],
            collection.locate(sound[i]),
            float(scores[i]),
            float(ranks[i]),
            (),
            verdicts[i],
        )
        for place, i in enumerate(order, start=1)
    ]
    dropped: list[str] = []
    if min_distance is not None:
        ranking, dropped = without_near(ranking, matrix[order], min_distance)
    best = {picture.row.id for picture in ranking[:explained]}
    chosen = [image in best for image in ids]
    # A large matrix is copied only if that is needed.
    reasons = reasons_in(
        collection, scorer, list(compress(ids, chosen)), matrix if all(chosen) else matrix[np.array(chosen)]
    )
    why = dict(zip(compress(ids, chosen), reasons, strict=True))
    ranking = [replace(picture, reasons=tuple(why.get(picture.row.id, ()))) for picture in ranking]
    return ranking, problems + unreadable + dropped + sentences_on_judges(collection, scorer, ids)


def without_near(
    ranking: Sequence[RankedPicture], items: np.ndarray, min_distance: float
) -> tuple[list[RankedPicture], list[str]]:
    """Leave out pictures of a ranking, with items (n, p), that are closer than ``min_distance`` to a better one.

    Returns:
        the others, and a sentence about those that are left out, if there are any.
    """
    from ...metrics.similarity.diversity import places_of, select_diverse

    scores = np.array([picture.score for picture in ranking])
    diverse = set(select_diverse(scores, places_of(items), min_distance).tolist())
    kept = [picture for i, picture in enumerate(ranking) if i in diverse]
    if len(kept) == len(ranking):
        return kept, []
    first = next(picture for i, picture in enumerate(ranking) if i not in diverse)
    number = len(ranking) - len(kept)
    their = "they look" if number > 1 else "it looks"
    return kept, [
        f"{counted(number)} left out, because {their} nearly like a better one (at a distance below {min_distance:g}); the "
        f"best is {str(first.path)!r} at place {first.place}."
    ]
