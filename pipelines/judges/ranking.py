"""Ranks pictures by judges: those of a collection or in memory, by one judge or by several with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...metrics.damage.reasons import largest_first
from ...metrics.damage.titles import Kind, stored_title
from ...metrics.protocols import POINTS, Reason
from ...metrics.similarity.distinct import numbered
from ...metrics.similarity.diversity import Seen, choose_varied
from ...metrics.tastes.overall import words_of
from ..collection.tables import ImageRow
from ..scoring.looks import seen_in
from ..scoring.makings import prompts_of, stored_prompts
from ..scoring.pictures import StoredPictures
from ..scoring.reasons import chosen, compared
from ..support.figures import figure
from ..support.progress import Advance, silent
from .board import Board, board
from .engines import Judging
from .finding import Weighted
from .guarded import GuardedJudge, View
from .storing import judge_pictures


@dataclass(frozen=True, slots=True)
class RankedPicture:
    """A picture of a ranking."""

    place: int
    row: ImageRow
    path: Path
    score: float
    percentile: float  # share of the ranked pictures that its score beats, ties counted half, 0–100
    #: at most three, which moved the score most against the pictures ranked together; see ``chosen``. After them the
    #: effect of its model, if there is one.
    reasons: tuple[Reason, ...]
    #: the technical quality in a word or two, such as ``"slightly soft"``; empty unless the overall or the technical
    #: score alone ranks
    verdict: str = ""
    #: all parts of the score; they add up to its difference from the score of the reference, if its judge tells them
    parts: tuple[Reason, ...] = ()
    prompt: str | None = None
    effect: float = 0.0  # points that its model adds where pictures are put in places, see ``collection.makes``
    #: better pictures than the last of ``best_of`` that this one of them stands for, because they are like it
    more: tuple[RankedPicture, ...] = ()
    #: hash, look: of ``Seen``; None for a picture whose look is not compared
    hash: int = field(default=0, repr=False, compare=False)
    look: np.ndarray | None = field(default=None, repr=False, compare=False)


def best_of(ranking: Sequence[RankedPicture], count: int, *, alike: bool = False) -> list[RankedPicture]:
    """The best pictures of a whole ranking, few of one look or prompt; see ``choose_varied``. With ``alike`` the first ones."""
    if alike:
        return [*ranking[:count]]
    looks = [one.look for one in ranking if one.look is not None]
    seen = Seen(
        numbered([one.prompt for one in ranking]),
        np.array([one.hash for one in ranking], dtype=np.uint64),
        np.array(looks) if looks else np.zeros((0, 1)),
    )
    chosen = choose_varied(np.array([one.score + one.effect for one in ranking]), seen, count)
    return [replace(ranking[row], more=tuple(ranking[other] for other in behind)) for row, behind in chosen.items()]


def rank(
    pictures: StoredPictures,
    judges: Sequence[Weighted],
    progress: Advance = silent,
    *,
    alike: bool = False,
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
        alike: as for ``best_of``.
        explained: number of its pictures that get reasons, which take longer than scores, and whose files are opened for a
            prompt that no evaluation has read; None for all pictures.
        judging: engine that runs the judges; this process by default.

    Returns:
        the ranking, and sentences on what was left out.

    Raises:
        JudgeError: two judges of one name, or weights that are negative or all 0.
    """
    filled = board(pictures, judges, progress, judging)
    problems = [*filled.columns.problems, *left_out(pictures, filled)]
    ids = [filled.columns.ids[row] for row in filled.order.tolist()]
    prompts = _written(stored_prompts(pictures.collection, pictures.rows))
    seen = seen_in(pictures.collection, ids, prompts)
    why = dict(zip(filled.columns.ids, filled.effects.why(filled.columns.ids), strict=True))
    # Of pictures by one model it says nothing of their places.
    told = len({why[image] for image in ids}) > 1

    def of_model(one: RankedPicture) -> tuple[Reason, ...]:
        return (Reason(why[one.row.id], one.effect),) if told and why[one.row.id] else ()

    ranking = [
        RankedPicture(
            place, pictures.rows[row], pictures.collection.locate(pictures.rows[row]), float(filled.total[row]),
            float(filled.percentile[row]), (), prompt=prompts.get(image), effect=float(filled.effect[row]),
            hash=int(seen.hashes[place - 1]), look=seen.looks[place - 1] if place <= len(seen.looks) else None,
        )
        for place, (row, image) in enumerate(zip(filled.order.tolist(), ids, strict=True), start=1)
    ]  # fmt: skip
    shown = ranking if explained is None else best_of(ranking, explained, alike=alike)
    best = {one.row.id for one in shown}
    reasons, verdicts = reasons_of(pictures, filled, best), _verdicts(pictures, filled, best)
    prompts |= _written(prompts_of(pictures.collection, pictures.part(best).rows))
    ranking = [
        replace(
            one, reasons=(*chosen(reasons.get(one.row.id, ())), *of_model(one)), verdict=verdicts.get(one.row.id, ""),
            parts=reasons.get(one.row.id, ()), prompt=prompts.get(one.row.id),
        )
        if one.row.id in best
        else one
        for one in ranking
    ]  # fmt: skip
    return ranking, [*dict.fromkeys(problems)]


def _written(prompts: Mapping[int, str]) -> dict[int, str]:
    return {image: prompt for image, prompt in prompts.items() if prompt.strip()}


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
    """All parts of the judge's values by number, against ``among`` or else the usual picture; none if it tells none."""
    reasons_in: Callable[[View, View | None], list[list[Reason]]] | None = getattr(judge.inner, "reasons", None)
    if reasons_in is None or not pictures.ids:
        return {}
    return {n: tuple(reasons) for n, reasons in zip(pictures.ids, reasons_in(pictures, among), strict=True)}
