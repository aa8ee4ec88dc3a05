"""Ranks pictures in memory, for hosts that keep the pictures themselves; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ItemsError, JudgeError
from ...metrics.damage.rated_quality import rated_appearance_model
from ...metrics.items.combined import taste_extractor
from ...metrics.percentiles import percentiles
from ...metrics.protocols import Reason
from ...metrics.similarity.diversity import Seen, choose_varied, looks_of
from ..ingest.roots import existing_collection
from ..scoring.pictures import PicturesInMemory, StoredPictures
from ..scoring.reasons import chosen
from ..scoring.taste_judge import TasteJudge
from ..support.progress import Advance, silent
from .board import Board, board
from .finding import By, Weighted, judges_for
from .guarded import GuardedJudge
from .ranking import left_out, reasons_of


@dataclass(frozen=True, slots=True)
class ScoredPicture:
    """A picture of a batch."""

    number: int
    score: float
    percentile: float  # 0–100, see ``score_batch``
    #: at most three, which moved the score most against the batch; for a picture alone, against the usual picture
    reasons: tuple[Reason, ...]
    parts: tuple[Reason, ...] = ()


def score_batch(
    pictures: PicturesInMemory,
    judges: Sequence[Weighted],
    reference: np.ndarray | None = None,
    progress: Advance = silent,
) -> tuple[list[ScoredPicture], list[str]]:
    """Judge a batch by one judge, or by the weighted mean of several; see ``ranking.rank`` for how they are combined.

    Percentiles are among ``reference``; without it, among the pictures that a single taste was learnt from, else the
    batch.
    """
    filled = board(pictures, judges, progress)
    problems = [*filled.columns.problems, *left_out(pictures, filled)]
    if not len(filled.order):
        return [], problems
    placed = pictures.part({*filled.placed})
    rows = np.sort(filled.order)
    parts, ranks = reasons_of(pictures, filled, {*placed.ids}), _percentiles(placed, filled, rows, reference)
    scored = [
        ScoredPicture(number, float(score), float(rank), chosen(parts[number]), parts[number])
        for number, score, rank in zip(placed.ids, filled.total[rows], ranks, strict=True)
    ]
    return scored, problems


def _percentiles(placed: PicturesInMemory, filled: Board, rows: np.ndarray, reference: np.ndarray | None) -> np.ndarray:
    taste = filled.only.inner if filled.only is not None else None
    if reference is None and isinstance(taste, TasteJudge):
        items, makings = placed.items(taste.extractor), taste.makings(placed)
        return taste.taste.percentile(taste.taste.liking(items, makings=makings))
    return filled.percentile[rows] if reference is None else percentiles(filled.total[rows], reference)


def best_first(pictures: Sequence[ScoredPicture]) -> list[ScoredPicture]:
    """The pictures by score, highest first; equal ones keep their order."""
    return sorted(pictures, key=lambda picture: -picture.score)


def best_varied(
    pictures: PicturesInMemory, scored: Sequence[ScoredPicture], judge: GuardedJudge, count: int
) -> tuple[list[ScoredPicture], list[int]]:
    """The best of the scored pictures, few of one look, and the number of those that each of them stands for."""
    best = best_first(scored)
    own = judge.extractor
    extractor = own if own is not None and {*rated_appearance_model().names} <= {*own.names} else taste_extractor()
    part = pictures.part({picture.number for picture in best})
    rows = dict(zip(part.ids, part.items(extractor), strict=True))
    looks = looks_of(np.array([rows[picture.number] for picture in best]), extractor.names)
    nothing = np.zeros(len(best), np.uint64)
    chosen = choose_varied(np.array([p.score for p in best]), Seen(np.full(len(best), -1), nothing, looks), count)
    return [best[row] for row in chosen], [len(behind) for behind in chosen.values()]


def scores_and_ranking(pictures: PicturesInMemory, judges: Sequence[Weighted]) -> tuple[list[float], list[int]]:
    """Score of each picture of a batch (NaN for one without), and the numbers of the scored ones, best first."""
    judged, _ = score_batch(pictures, judges)
    scores = {picture.number: picture.score for picture in judged}
    return [scores.get(number, float("nan")) for number in pictures.ids], [one.number for one in best_first(judged)]


def judges_of_pictures(by: By = None) -> list[Weighted]:
    """The judges that a caller names, for pictures of which nothing is known but their pixels."""
    judges = judges_for(by)
    for judge, _ in judges:
        for lacking in ("prompt", "person"):
            if lacking in judge.needs:
                raise JudgeError(
                    f"The judge {judge.name!r} needs a {lacking}, and here only the pictures are known: name a judge of pictures "
                    "alone, such as 'overall'."
                )
    return judges


def judge_of_pictures(by: By = None) -> GuardedJudge:
    """As ``judges_of_pictures``, of one judge: a threshold counts in its values."""
    judges = judges_of_pictures(by)
    if len(judges) > 1:
        raise JudgeError(f"Expected one judge, because a threshold counts in its values, got {len(judges)}: name one.")
    return judges[0][0]


def value_of(judge: GuardedJudge, pixels: np.ndarray) -> float:
    """The value of a picture (h, w, 3); NaN if it is too small, all black or of one tone."""
    value = float(judge.values(PicturesInMemory({0: pixels}))[0])
    if np.isnan(value) and not judge.why.pop(0, ""):
        raise JudgeError(judge.problems[-1])
    return value


def scores_among(
    where: Path | str,
    judges: Sequence[Weighted],
    progress: Callable[[int], Callable[[int], None]] = lambda total: lambda done: None,
) -> np.ndarray:
    """(m,) scores of the pictures of a collection that can be judged, as a reference for percentiles; m is at least 1.

    Missing items and values are measured and stored; an exception from ``progress`` ends that.
    """
    with existing_collection(where) as collection:
        filled = board(StoredPictures(collection, collection.images()), judges, progress(len(collection.ids())))
        if not len(filled.order):
            raise ItemsError(f"The collection {collection.title!r} holds no picture yet to take percentiles among.")
    scores: np.ndarray = filled.total[filled.order]
    return scores


def most_reachable(count: int, judges: Sequence[Weighted]) -> float:
    """The highest percentile that a picture of a batch of ``count`` can have if ``score_batch`` has no reference."""
    alone = len(judges) == 1 and isinstance(judges[0][0].inner, TasteJudge)
    return 100.0 if alone else 100 - 50 / count
