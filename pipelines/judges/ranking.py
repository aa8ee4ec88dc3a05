"""Ranks pictures by judges: those of a collection or in memory, by one judge or by several with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...metrics.damage.names import TASTE
from ...metrics.damage.reasons import largest_first
from ...metrics.damage.titles import has_points, judge_name, stored_title
from ...metrics.items.combined import CombinedExtractor
from ...metrics.percentiles import percentiles
from ...metrics.protocols import Reason
from ...metrics.tastes.overall import words_of
from ..collection.tables import ImageRow
from ..scoring.measuring import measure_fit
from ..scoring.pictures import StoredPictures
from ..scoring.prior_scores import sentences_on_judges
from ..scoring.prompts import prompts_of, stored_prompts
from ..scoring.reasons import chosen, compared
from ..support.figures import figure
from ..support.wording import counted
from .engines import Judging
from .finding import check_weights, measurer_of
from .guarded import GuardedJudge, View
from .storing import judge_pictures, values_of

Weighted = tuple[GuardedJudge, float]


@dataclass(frozen=True, slots=True)
class RankedPicture:
    """A picture of a ranking.

    Attributes:
        place: 1 for the best.
        row: the picture in the collection, with its request if soart drew it.
        path: of its file.
        score: by the judge, or by several together; higher is better.
        percentile: share of the ranked pictures that it beats, ties counted half, 0–100.
        reasons: at most three, which moved the score most against the pictures ranked together; see ``chosen``.
        verdict: the technical quality in a word or two, such as ``"slightly soft"``; empty unless the overall or the technical
            score alone ranks.
        parts: all parts of the score; they add up to its difference from the score of the reference, if its judge tells them.
        prompt: that it was drawn from, or that another tool wrote; None if unknown.
    """

    place: int
    row: ImageRow
    path: Path
    score: float
    percentile: float
    reasons: tuple[Reason, ...]
    verdict: str = ""
    parts: tuple[Reason, ...] = ()
    prompt: str | None = None


@dataclass(frozen=True)
class JudgedPictures:
    """Pictures that every judge gave a value, in their order.

    Attributes:
        pictures: the pictures, n of them.
        judges: those that count, with their weights above 0.
        columns: (n,) values by the stored name of each judge.
        scores: (n,) the value of a single judge, or the weighted mean of several, each in standard deviations.
        shares: (n,) the share of each judge in the score, by stored name.
        problems: sentences on pictures that were left out.
    """

    pictures: View
    judges: Sequence[Weighted]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    shares: Mapping[str, np.ndarray] = field(default_factory=dict)
    problems: Sequence[str] = ()

    @property
    def only(self) -> GuardedJudge | None:
        """The judge, if there is only one."""
        return self.judges[0][0] if len(self.judges) == 1 else None


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
        weights: by name.
    """
    total = sum(weights[name] for name in columns)
    shares = {name: weights[name] / total * standard(values) for name, values in columns.items()}
    scores = next(iter(columns.values())) if len(columns) == 1 else np.sum(list(shares.values()), axis=0)
    return scores, shares


def judge_together(
    pictures: View,
    judges: Sequence[Weighted],
    progress: Callable[[int], None] = lambda done: None,
    judging: Judging = judge_pictures,
) -> JudgedPictures:
    """Judge pictures by one judge, or by several.

    Pictures that no judge can say anything about (too small, all black or of one tone), and those without a value of a judge
    that counts, are left out.

    Args:
        pictures: of a collection, which then stores all values, or in memory.
        judges: with their weights; those of weight 0 judge too, because a taste may start from their values.
        progress: called with a number of pictures that a judge is done with.
        judging: engine that runs judges on pictures of a collection; this process by default.

    Raises:
        JudgeError: two judges of one name, or weights that are negative or all 0.
    """
    check_weights(judges)
    problems: list[str] = []
    if isinstance(pictures, StoredPictures):
        collection = pictures.collection
        problems = [f"{str(collection.locate(r))!r} is left out: {r.problem}." for r in pictures.rows if r.problem]
        pictures = pictures.part({row.id for row in pictures.rows if not row.problem})
        if not any(_sees_what_is_unfit(judge) for judge, _ in judges):
            fit, left_out = measure_fit(collection, pictures.rows)
            progress((len(pictures.rows) - len(fit)) * len(judges))
            problems += left_out
            pictures = pictures.part({row.id for row in fit})
    values: dict[str, dict[int, float]] = {}
    for judge, _ in last_tastes(judges):
        values[judge.stored_name], left_out = _values(pictures, judge, progress, judging)
        problems += left_out
    unfit = {number: why for judge, _ in judges for number, why in judge.why.items()}
    problems += [
        f"{name if isinstance(pictures, StoredPictures) else f'Picture {number + 1}'} is left out: {unfit[number]}."
        for number, name in zip(pictures.ids, pictures.names, strict=True)
        if number in unfit
    ]
    counting = [(judge, weight) for judge, weight in judges if weight > 0]
    columns = {judge.stored_name: values[judge.stored_name] for judge, _ in counting}
    judged = pictures.part({n for n in pictures.ids if all(n in column for column in columns.values())})
    problems = [*dict.fromkeys(problems)]
    if not judged.ids:
        return JudgedPictures(judged, counting, problems=problems)
    matrix = {name: np.array([column[number] for number in judged.ids]) for name, column in columns.items()}
    scores, shares = combined(matrix, {judge.stored_name: weight for judge, weight in counting})
    if isinstance(judged, StoredPictures):
        for judge, _ in counting:
            problems += sentences_on_judges(judged.collection, judge.inner, judged.ids)
    return JudgedPictures(judged, counting, matrix, scores, shares, problems)


def last_tastes(judges: Sequence[Weighted]) -> list[Weighted]:
    """The judges in the order in which they judge: tastes last, because they may start from values of the others."""
    return sorted(judges, key=lambda one: one[0].stored_name.startswith(TASTE))


def _values(
    pictures: View, judge: GuardedJudge, progress: Callable[[int], None], judging: Judging
) -> tuple[dict[int, float], list[str]]:
    """Values of a judge by number of the picture, and sentences on pictures without one."""
    if isinstance(pictures, StoredPictures):
        values, problems = judging(pictures, judge, progress)
        if judge.person and len(values) < len(pictures.ids):
            problems = [f"{judge.person!r} has rated or compared {len(values)} of {counted(len(pictures.ids))}."]
        return values, problems
    problems = []
    if "prompt" in judge.needs:
        without = sum(not prompt for prompt in pictures.prompts())
        if without:
            problems.append(judge.lacks_prompts(without, len(pictures.ids)))
            progress(without)
        pictures = pictures.part({n for n, text in zip(pictures.ids, pictures.prompts(), strict=True) if text})
    values, left_out = values_of(pictures, judge, progress)
    return values, [*problems, *left_out, *judge.problems]


def _sees_what_is_unfit(judge: GuardedJudge) -> bool:
    """True for judges of soart's own items, which tell pictures that cannot be judged."""
    return isinstance(judge.extractor, CombinedExtractor)


def rank(
    pictures: StoredPictures,
    judges: Sequence[Weighted],
    progress: Callable[[int], None] = lambda done: None,
    *,
    min_distance: float | None = None,
    explained: int | None = None,
    judging: Judging = judge_pictures,
) -> tuple[list[RankedPicture], list[str]]:
    """Rank pictures of a collection by one judge, or by the weighted mean of several; best first.

    One judge alone ranks by its own values, higher is better. Several count in standard deviations over the ranked
    pictures. Equal scores keep the order in which the pictures came.

    Args:
        pictures: those with a problem, and those that cannot be judged (too small, all black…), are left out.
        judges: with their weights, at least one.
        progress: called with a number of pictures that a judge is done with.
        min_distance: drop pictures closer than this to a better one; pictures whose items all differ by one standard
            deviation are about 1 apart. Places and percentiles are those among all pictures.
        explained: number of the best pictures that get reasons, which take longer than scores, and whose files are opened for
            a prompt that no evaluation has read; None for all.
        judging: engine that runs the judges; this process by default.

    Returns:
        the ranking, and sentences on what was left out.

    Raises:
        JudgeError: two judges of one name, or weights that are negative or all 0.
    """
    judged = judge_together(pictures, judges, progress, judging)
    if not judged.pictures.ids or not isinstance(judged.pictures, StoredPictures):
        return [], list(judged.problems)
    scores, view = judged.scores, judged.pictures
    order, ranks = np.argsort(-scores, kind="stable"), percentiles(scores)
    places = {int(i): place for place, i in enumerate(order, start=1)}
    problems = list(judged.problems)
    if min_distance is not None:
        order, dropped = _without_near(judged, order, min_distance)
        problems += dropped
    best = {view.ids[i] for i in order[:explained].tolist()}
    reasons, verdicts = reasons_of(judged, best), _verdicts(judged, best)
    prompts = stored_prompts(view.collection, view.rows) | prompts_of(view.collection, view.part(best).rows)
    prompts = {image: prompt for image, prompt in prompts.items() if prompt.strip()}
    ranking = [
        RankedPicture(
            places[i], view.rows[i], view.collection.locate(view.rows[i]), float(scores[i]), float(ranks[i]),
            chosen(reasons.get(view.ids[i], ())), verdicts.get(view.ids[i], ""), reasons.get(view.ids[i], ()),
            prompts.get(view.ids[i]),
        )
        for i in order.tolist()
    ]  # fmt: skip
    return ranking, problems


def _verdicts(judged: JudgedPictures, numbers: set[int]) -> dict[int, str]:
    """The technical quality in a word or two of some pictures, if a judge that tells it ranks alone."""
    judge = judged.only
    if judge is None or judge.extractor is None or not hasattr(judge.inner, "verdicts"):
        return {}
    part = judged.pictures.part(numbers)
    return dict(zip(part.ids, words_of(judge.inner, part.items(judge.extractor)), strict=True))


def reasons_of(judged: JudgedPictures, numbers: set[int]) -> dict[int, tuple[Reason, ...]]:
    """All parts of the scores of some pictures, by number, against the pictures judged together.

    A picture alone is compared with the usual one. Those of a single judge are its own. Of several each judge is a part, which adds its share in standard deviations. What lies
    behind its value has another unit and is told in words, as details.
    """
    part, others = judged.pictures.part(numbers), {*compared(judged.pictures.ids)}
    among = judged.pictures.part(others) if others else None
    behind = {judge.stored_name: own_parts(part, judge, among) for judge, _ in judged.judges}
    if judged.only is not None and behind[judged.only.stored_name]:
        return behind[judged.only.stored_name]
    rows = {number: row for row, number in enumerate(judged.pictures.ids)}
    found = {}
    for number in part.ids:
        reasons = []
        for judge, _ in judged.judges:
            name, row = judge.stored_name, rows[number]
            value = float(judged.columns[name][row])
            # A title of a taste has a colon, which would be taken for the start of details.
            title = judge_name(name) if name.startswith(TASTE) else stored_title(name)
            text = f"{title} {value:.0f} of 100" if has_points(name) else f"{judge.name} {figure(value)}"
            details = tuple(reason.in_brief for reason in chosen(behind[name].get(number, ()))[:2])
            reasons.append(Reason(text, float(judged.shares[name][row]), details))
        found[number] = tuple(largest_first(reasons))
    return found


def own_parts(pictures: View, judge: GuardedJudge, among: View | None = None) -> dict[int, tuple[Reason, ...]]:
    """All parts of the judge's values by number of the picture; none if it tells none.

    Args:
        pictures: pictures that it can judge.
        judge: the judge.
        among: pictures to compare with; None for the usual picture that it learnt from.
    """
    reasons_in: Callable[[View, View | None], list[list[Reason]]] | None = getattr(judge.inner, "reasons", None)
    if reasons_in is None or not pictures.ids:
        return {}
    return {n: tuple(reasons) for n, reasons in zip(pictures.ids, reasons_in(pictures, among), strict=True)}


def _without_near(judged: JudgedPictures, order: np.ndarray, min_distance: float) -> tuple[np.ndarray, list[str]]:
    """Leave out of an order (n,) of rows the pictures that are closer than ``min_distance`` to a better one.

    Returns:
        the others, and a sentence about those that are left out, if there are any.
    """
    from ...metrics.similarity.diversity import places_of, select_diverse

    items = judged.pictures.items(measurer_of(judged.judges).extractor)
    diverse = {*select_diverse(judged.scores[order], places_of(items[order]), min_distance).tolist()}
    left = [place for place in range(len(order)) if place not in diverse]
    if not left:
        return order, []
    name = judged.pictures.names[int(order[left[0]])]
    their = "they look" if len(left) > 1 else "it looks"
    return np.delete(order, left), [
        f"{counted(len(left))} left out, because {their} nearly like a better one (at a distance below {min_distance:g}); the "
        f"best is {name} at place {left[0] + 1}."
    ]
