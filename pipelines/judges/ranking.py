"""Ranks pictures by judges, alone or together with a taste."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ...metrics.damage.scorer import TechnicalScorer
from ...metrics.damage.titles import has_points, stored_title
from ...metrics.percentiles import percentiles
from ...metrics.protocols import Reason, Scorer
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..scoring.measuring import measure, measure_fit
from ..scoring.ranking import RankedPicture, rank, without_near
from ..support.figures import figure
from .adherence import AdherenceJudge
from .engines import Judging
from .evidence import adherences
from .finding import check_weights
from .guarded import GuardedJudge
from .phrase_judgements import Adherence
from .storing import judge_pictures

Weighted = tuple[GuardedJudge, float]


def standard(values: np.ndarray) -> np.ndarray:
    """(n,) values in standard deviations from their mean; zeros if all are equal."""
    deviation = float(values.std())
    centred: np.ndarray = values - values.mean()
    return centred / deviation if deviation > 1e-9 * (1 + abs(float(values.mean()))) else np.zeros(len(values))


def combined(
    columns: Mapping[str, np.ndarray], weights: Mapping[str, float]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The common score (n,) of several columns of values (n,), and the share of each column in it.

    A single column is the score itself; several count in standard deviations.

    Args:
        columns: values by name.
        weights: by name; 1 for a column without one.
    """
    total = sum(weights.get(name, 1.0) for name in columns)
    shares = {name: weights.get(name, 1.0) / total * standard(values) for name, values in columns.items()}
    scores = next(iter(columns.values())) if len(columns) == 1 else np.sum(list(shares.values()), axis=0)
    return scores, shares


def judged_reasons(
    judges: Sequence[Weighted],
    values: Mapping[str, float],
    shares: Mapping[str, float],
    phrases: Sequence[Reason],
    why: Sequence[Reason],
) -> tuple[Reason, ...]:
    """The reasons for the common score of one picture: its judges, and the profile that counts beside them.

    Each adds its share, in standard deviations. What lies behind the value of a profile, and behind adherence where it is
    not alone, has another unit and is told in words, as details.

    Args:
        judges: with their weights.
        values: of the judges and of a profile beside them, by stored name.
        shares: of each in the common score, as ``combined`` returns them.
        phrases: reasons of adherence; each adds a logarithm.
        why: reasons of the profile.
    """
    reasons = []
    for judge, _ in judges:
        behind = phrases if isinstance(judge.inner, AdherenceJudge) and len(values) > 1 else ()
        text = f"{judge.name} {figure(judge.sign * values[judge.stored_name])}"
        reasons.append(Reason(text, shares[judge.stored_name], tuple(reason.text for reason in behind)))
    for name in values.keys() - {judge.stored_name for judge, _ in judges}:
        value = f"{values[name]:.0f} of 100" if has_points(name) else figure(values[name])
        reasons.append(Reason(f"{stored_title(name)} {value}", shares[name], tuple(reason.text for reason in why[:2])))
    return (*reasons, *(phrases if len(values) == 1 else ()))


def rank_by_judges(
    collection: Collection,
    rows: Sequence[ImageRow] | None,
    judges: Sequence[Weighted],
    scorer: Scorer | None = None,
    progress: Callable[[], None] = lambda: None,
    min_distance: float | None = None,
    known: Mapping[int, np.ndarray] = MappingProxyType({}),
    judging: Judging = judge_pictures,
) -> tuple[list[RankedPicture], list[str]]:
    """Rank pictures by one judge, or by the weighted mean of several and of a taste, best first.

    One judge alone ranks by its own values, higher is better. Otherwise each counts in standard deviations over the
    ranked pictures, by its weight; a taste has weight 1.

    Args:
        collection: holds the pictures; all values are stored in it.
        rows: the pictures, by default all. Those with a problem, and those that cannot be judged (too small, all black…),
            are left out.
        judges: with their weights, at least one.
        scorer: a taste or another profile that counts too.
        progress: called once per picture and judge.
        min_distance: drop pictures closer than this to a better one, see ``pipelines.scoring.ranking.rank``.
        known: items of pictures that were just measured for ``scorer``.
        judging: engine that runs the judges; this process by default.

    Returns:
        the ranking, and sentences on what was left out.

    Raises:
        JudgeError: two judges of one name, or weights that are negative or all 0.
    """
    check_weights(judges, beside=scorer is not None)
    rows = collection.images() if rows is None else rows
    values: dict[str, dict[int, float]] = {}
    unjudged: list[str] = []
    sound = [row for row in rows if not row.problem]
    if scorer is None:
        fit, unjudged = measure_fit(collection, sound)
        _repeat(progress, (len(sound) - len(fit)) * len(judges))
        sound = fit
    # First, because a taste may start from their values.
    for judge, _ in judges:
        values[judge.stored_name], left_out = judging(collection, sound, judge, lambda n: _repeat(progress, n))
        unjudged += left_out
    columns: dict[str, dict[int, float]] = {}
    if scorer is not None:
        scored, problems = rank(collection, rows, scorer, progress, known=known)
        columns[scorer.stored_name] = {picture.row.id: picture.score for picture in scored}
        why = {picture.row.id: picture.reasons for picture in scored}
    else:
        problems = [f"{str(collection.locate(row))!r} is left out: {row.problem}." for row in rows if row.problem]
        why = {}
    # A taste may start from a judge that does not count besides, and scores pictures without its values too.
    counting = [(judge, weight) for judge, weight in judges if weight > 0]
    columns |= {judge.stored_name: values[judge.stored_name] for judge, _ in counting}
    problems += unjudged
    judged = [row for row in sound if all(row.id in column for column in columns.values())]
    if not judged:
        return [], problems
    matrix = {name: np.array([column[row.id] for row in judged]) for name, column in columns.items()}
    scores, shares = combined(matrix, {judge.stored_name: weight for judge, weight in counting})
    phrases = _phrases(collection, judged, counting)
    order, ranks = np.argsort(-scores, kind="stable"), percentiles(scores)
    ranking = []
    for place, i in enumerate(order, start=1):
        row = judged[i]
        reasons = judged_reasons(
            counting,
            {name: float(values[i]) for name, values in matrix.items()},
            {name: float(values[i]) for name, values in shares.items()},
            phrases[row.id].reasons() if row.id in phrases else (),
            why.get(row.id, ()),
        )
        ranking.append(RankedPicture(place, row, collection.locate(row), float(scores[i]), float(ranks[i]), reasons))
    if min_distance is not None:
        measurer = scorer or TechnicalScorer.load()
        items, _ = measure(collection, judged, measurer, known=known if scorer is not None else {})
        matrix_of_items = np.stack([items[picture.row.id] for picture in ranking]).astype(np.float64)
        ranking, dropped = without_near(ranking, matrix_of_items, min_distance)
        problems += dropped
    return ranking, problems


def _phrases(collection: Collection, rows: Sequence[ImageRow], judges: Sequence[Weighted]) -> dict[int, Adherence]:
    """The adherence of pictures by id, of the first judge that judges phrase by phrase."""
    inner = next((judge.inner for judge, _ in judges if isinstance(judge.inner, AdherenceJudge)), None)
    return adherences(collection, rows, inner)[0] if inner is not None else {}


def _repeat(progress: Callable[[], None], count: int) -> None:
    for _ in range(count):
        progress()
