"""Ranks pictures by judges: those of a collection or in memory, by one judge or by several with weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...metrics.damage.reasons import largest_first
from ...metrics.damage.titles import Kind, stored_title
from ...metrics.protocols import POINTS, Reason
from ...metrics.tastes.overall import words_of
from ..collection.tables import ImageRow
from ..scoring.pictures import StoredPictures
from ..scoring.prompts import prompts_of, stored_prompts
from ..scoring.reasons import chosen, compared
from ..support.figures import figure
from ..support.wording import counted
from .board import Board, board
from .engines import Judging
from .finding import Weighted, measurer_of
from .guarded import GuardedJudge, View
from .storing import judge_pictures


@dataclass(frozen=True, slots=True)
class RankedPicture:
    """A picture of a ranking.

    Attributes:
        percentile: share of the ranked pictures that its score beats, ties counted half, 0–100.
        reasons: at most three, which moved the score most against the pictures ranked together; see ``chosen``. After them
            the effect of its model, if there is one.
        verdict: the technical quality in a word or two, such as ``"slightly soft"``; empty unless the overall or the technical
            score alone ranks.
        parts: all parts of the score; they add up to its difference from the score of the reference, if its judge tells them.
        effect: points that its model adds where pictures are put in places, see ``collection.makes``.
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
    effect: float = 0.0


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
    pictures. Of equal scores the picture with the lowest content hash comes first.

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
    filled = board(pictures, judges, progress, judging)
    problems = [*filled.columns.problems, *left_out(pictures, filled)]
    order, places = filled.order, {row: place for place, row in enumerate(filled.order.tolist(), start=1)}
    if min_distance is not None and len(order):
        order, dropped = _without_near(pictures, filled, min_distance)
        problems += dropped
    ids = filled.columns.ids
    best = {ids[row] for row in order[:explained].tolist()}
    reasons, verdicts = reasons_of(pictures, filled, best), _verdicts(pictures, filled, best)
    why = filled.effects.why(ids)
    # Of pictures by one model it says nothing of their places.
    told = len({why[row] for row in order.tolist()}) > 1
    of_models = {row: (Reason(text, float(filled.effect[row])),) for row, text in enumerate(why) if text and told}
    prompts = stored_prompts(pictures.collection, pictures.rows)
    prompts |= prompts_of(pictures.collection, pictures.part(best).rows)
    prompts = {image: prompt for image, prompt in prompts.items() if prompt.strip()}
    ranking = [
        RankedPicture(
            places[i], pictures.rows[i], pictures.collection.locate(pictures.rows[i]), float(filled.total[i]),
            float(filled.percentile[i]), (*chosen(reasons.get(ids[i], ())), *of_models.get(i, ())),
            verdicts.get(ids[i], ""), reasons.get(ids[i], ()), prompts.get(ids[i]), float(filled.effect[i]),
        )
        for i in order.tolist()
    ]  # fmt: skip
    return ranking, [*dict.fromkeys(problems)]


def left_out(pictures: View, filled: Board) -> list[str]:
    """A sentence for each picture of a board that cannot be judged at all."""
    unfit = filled.columns.unfit
    part = pictures.part(unfit.keys())
    names = part.names if isinstance(part, StoredPictures) else [f"Picture {number + 1}" for number in part.ids]
    return [f"{name} is left out: {unfit[number]}." for number, name in zip(part.ids, names, strict=True)]


def _verdicts(pictures: View, filled: Board, numbers: set[int]) -> dict[int, str]:
    """The technical quality in a word or two of some pictures, if a judge that tells it ranks alone."""
    judge = filled.only
    if judge is None or judge.extractor is None or not hasattr(judge.inner, "verdicts"):
        return {}
    part = pictures.part(numbers)
    return dict(zip(part.ids, words_of(judge.inner, part.items(judge.extractor)), strict=True))


def reasons_of(pictures: View, filled: Board, numbers: set[int]) -> dict[int, tuple[Reason, ...]]:
    """All parts of the totals of some pictures, by number, against the pictures that have a place beside them.

    A picture alone is compared with the usual one. Those of a single judge are its own. Of several each judge is a part,
    which adds its share in standard deviations. What lies behind its value has another unit and is told in words, as details.
    """
    part, others = pictures.part(numbers), {*compared(filled.placed)}
    among = pictures.part(others) if others else None
    behind = {judge.stored_name: own_parts(part, judge, among) for judge, _ in filled.judges}
    if filled.only is not None and behind[filled.only.stored_name]:
        return behind[filled.only.stored_name]
    rows = {number: row for row, number in enumerate(filled.columns.ids)}
    found = {}
    for number in part.ids:
        reasons = []
        for judge, _ in filled.judges:
            name, row = judge.stored_name, rows[number]
            value = float(filled.columns.values[name][row])
            # A title of a taste has a colon, which would be taken for the start of details.
            title = judge.name if judge.key.kind is Kind.TASTE else stored_title(name)
            text = f"{title} {value:.0f} of 100" if judge.scale == POINTS else f"{judge.name} {figure(value)}"
            details = tuple(reason.in_brief for reason in chosen(behind[name].get(number, ()))[:2])
            reasons.append(Reason(text, float(filled.shares[name][row]), details))
        found[number] = tuple(largest_first(reasons))
    return found


def own_parts(pictures: View, judge: GuardedJudge, among: View | None = None) -> dict[int, tuple[Reason, ...]]:
    """All parts of the judge's values by number of the picture; none if it tells none.

    They compare with ``among``; with None, with the usual picture that the judge learnt from.
    """
    reasons_in: Callable[[View, View | None], list[list[Reason]]] | None = getattr(judge.inner, "reasons", None)
    if reasons_in is None or not pictures.ids:
        return {}
    return {n: tuple(reasons) for n, reasons in zip(pictures.ids, reasons_in(pictures, among), strict=True)}


def _without_near(pictures: StoredPictures, filled: Board, min_distance: float) -> tuple[np.ndarray, list[str]]:
    """Leave out of the order of a board the pictures that are closer than ``min_distance`` to a better one."""
    from ...metrics.similarity.diversity import places_of, select_diverse

    order, names = filled.order, pictures.names
    items = pictures.part({*filled.placed}).items(measurer_of(filled.judges).extractor)
    own = items[np.searchsorted(np.sort(order), order)]
    diverse = {*select_diverse((filled.total + filled.effect)[order], places_of(own), min_distance).tolist()}
    left = [place for place in range(len(order)) if place not in diverse]
    if not left:
        return order, []
    their = "they look" if len(left) > 1 else "it looks"
    return np.delete(order, left), [
        f"{counted(len(left))} left out, because {their} nearly like a better one (at a distance below {min_distance:g}); the "
        f"best is {names[int(order[left[0]])]} at place {left[0] + 1}."
    ]
