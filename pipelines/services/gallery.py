"""Pictures as the gallery shows them: cells, which are the JSON of one picture for scripts, details, and scores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import ModelError, SoartError, TasteError
from ...metrics.damage.names import JUDGE, OVERALL, PERSON, TECHNICAL
from ...metrics.damage.technical import TechnicalJudge, detectors
from ...metrics.damage.titles import JudgeKey, Kind
from ...metrics.protocols import ItemJudge, Reason
from ...metrics.tastes.overall import BuiltInJudge, stored_name
from ..collection.collection import Collection
from ..collection.counts import count_collection
from ..collection.damage import suspected
from ..collection.labels import ALBUM, FAVOURITE, KINDS, TAG, children_of, favourites_of, labels_of, parents_of
from ..collection.makes import place_effects
from ..collection.provenance import Provenance, provenance_of
from ..collection.queries import WINDOW, ScoreScale, metadata_of, row_of, rows_by_hash, rows_of, scores_of, title_of
from ..collection.ratings import judgements_of, ratings_of_picture
from ..collection.tables import ImageRow
from ..judges.storing import score_all
from ..scoring.collection_tastes import CollectionTastes
from ..scoring.example_pictures import examples_of
from ..scoring.explaining import ScoreExplanation, explain_score
from ..scoring.taste_judge import TasteJudge
from ..support.background import Job, Jobs
from ..support.batching import batches
from .judge_choices import values_and_scale


@dataclass(frozen=True, slots=True)
class JudgeValue:
    """The value of a model, or of a person, for one picture, higher is better; None without, as without other judged ones."""

    name: str
    value: float | None
    percentile: float | None


@dataclass(frozen=True)
class PictureDetails:
    """Everything known about one picture; ``judged`` is by a model or person that ranks, ``parents`` and ``children`` bred it."""

    row: ImageRow
    title: str
    judge: str
    explanation: ScoreExplanation
    percentile: float | None
    warning: str | None
    ratings: dict[str, float]
    tags: list[str]
    albums: list[str]
    favourite_of: list[str]
    file: str
    provenance: Provenance | None
    damage: str | None
    judged: JudgeValue | None = None
    effect: Reason | None = None
    examples: Mapping[str, ImageRow] = field(default_factory=dict)
    parents: Sequence[ImageRow] = ()
    children: Sequence[ImageRow] = ()


def cells_of(collection: Collection, rows: Sequence[ImageRow], rater: str, judge: str = "") -> list[dict[str, Any]]:
    """Cells of pictures; percentiles are 0–100, stars 0 for a skipped picture, and unknown values None."""
    ids = [row.id for row in rows]
    stars, favourites = judgements_of(collection, rater, ids), favourites_of(collection, rater, ids)
    scores, scale = values_and_scale(collection, judge, ids) if judge else ({}, None)
    metadata = metadata_of(collection, [row.id for row in rows if not row.generation])
    return [
        {
            "id": row.id, "v": row.sha256[:10], "w": row.width, "h": row.height,
            "title": title_of(row, metadata.get(row.id)), "problem": row.problem, "stars": stars.get(row.id),
            "favourite": row.id in favourites, "score": scores.get(row.id),
            "percentile": scale.percentile(scores[row.id]) if scale and row.id in scores else None,
        }
        for row in rows
    ]  # fmt: skip


def cells_by_id(collection: Collection, ids: Iterable[int], rater: str) -> dict[int, dict[str, Any]]:
    """Cells of any number of pictures by picture id, without scores; missing pictures are left out."""
    unique = sorted(set(ids))
    windows = (unique[start : start + WINDOW] for start in range(0, len(unique), WINDOW))
    return {cell["id"]: cell for part in windows for cell in cells_of(collection, rows_of(collection, part), rater)}


def usable_judges(
    tastes: CollectionTastes, names: Iterable[str]
) -> tuple[dict[str, TasteJudge | BuiltInJudge], list[str]]:
    """Judges of items by name, and a message for each that cannot be used here."""
    judges, problems = {}, []
    for name in names:
        try:
            judges[name] = tastes.judge(name)
        except SoartError as error:
            problems.append(str(error))
    return judges, problems


def taste_judge(tastes: CollectionTastes, name: str) -> TasteJudge:
    """The judge of a taste."""
    item_judge = tastes.judge(name)
    if not isinstance(item_judge, TasteJudge):
        raise TasteError(f"{name!r} is a built-in judge, not a taste: choose one of your tastes.")
    return item_judge


def picture_details(
    collection: Collection, tastes: CollectionTastes, image: int, judge: str = OVERALL
) -> PictureDetails:
    """Collect everything known about one picture.

    The technical score, which has reasons, stands beside the value of a model or a person. For a judge that cannot be
    used a sentence says why.
    """
    row = row_of(collection, image)
    judged = _judge_value(collection, image, judge) if judge.startswith((JUDGE, PERSON)) else None
    judge = TECHNICAL if judged else judge
    item_judge = None
    try:
        item_judge = tastes.judge(judge)
        explanation = explain_score(collection, row, item_judge)
    except (TasteError, ModelError) as error:
        explanation = ScoreExplanation(None, problem=str(error))
    provenance = provenance_of(collection, [row]).get(row.id)
    percentile = effect = None
    if item_judge is not None and explanation.score is not None:
        # Every digit of the stored score counts: the one computed now may differ in the last of them.
        score = scores_of(collection, item_judge.stored_name, [row.id]).get(row.id, explanation.score)
        percentile = _percentile(ScoreScale.of(collection, item_judge.stored_name), score)
        effects = place_effects(collection, item_judge.stored_name)
        if why := effects.why([row.id])[0]:
            effect = Reason(why, float(effects.points([row.id], np.array([score]))[0]))
    labels = {kind: labels_of(collection, kind, [row.id]).get(row.id, []) for kind in KINDS}
    return PictureDetails(
        row=row, title=(provenance and provenance.prompt) or title_of(row), judge=judge, explanation=explanation,
        percentile=percentile, warning=item_judge.doubt() if isinstance(item_judge, TasteJudge) else None,
        ratings=ratings_of_picture(collection, row.id), tags=labels[TAG], albums=labels[ALBUM],
        favourite_of=labels[FAVOURITE], file=str(collection.locate(row)), provenance=provenance,
        damage=suspected(collection, [row.id]).get(row.id), judged=judged, effect=effect,
        examples=rows_by_hash(collection, [*examples_of(explanation.reasons)]), parents=parents_of(collection, row),
        children=children_of(collection, row),
    )  # fmt: skip


def _percentile(scale: ScoreScale, score: float) -> float | None:
    """The percentile of a score among those of its judge; None without others."""
    return scale.percentile(score) if len(scale.values) > 1 else None


def _judge_value(collection: Collection, image: int, name: str) -> JudgeValue:
    values, scale = values_and_scale(collection, name, [image])
    value = values.get(image)
    return JudgeValue(name, value, None if value is None else _percentile(scale, value))


def start_scoring(
    jobs: Jobs,
    collection: Collection,
    tastes: CollectionTastes,
    judge: str,
    title: str = "",
    also: Sequence[ItemJudge] = (),
) -> Job:
    """Score all pictures in the background, and then by the judges ``also`` those whose items are stored."""
    kind = JudgeKey.of(judge).kind
    if kind is Kind.MODEL:
        raise TasteError("This judge is a model: choose Judge pictures… instead.")
    if kind is Kind.PERSON:
        raise TasteError("This judge is a person: its scores are the person's ratings and choices.")
    item_judge = tastes.judge(judge)

    def work(job: Job) -> None:
        done, problems = score_all(collection, item_judge, job)
        for further in also:
            score_all(collection, further, stored_items_only=True)
        job.message = " ".join([f"{done} pictures scored.", *problems[:3]])

    return jobs.start(f"score:{judge}", title or f"Scoring by {judge}", work)


def renew_scores(jobs: Jobs, collection: Collection, tastes: CollectionTastes) -> Job | None:
    """Score pictures anew in the background if an earlier version of soart scored more of them than this one.

    Pictures whose files are gone or changed cannot be measured, and are not waited for.
    """
    scored = count_collection(collection).judges

    def outdated(name: str, current: str) -> bool:
        earlier = [known for known in scored if re.fullmatch(rf"{name}-\d+", known) and known != current]
        most = max(earlier, key=scored.__getitem__, default=current)
        if scored.get(most, 0) <= scored.get(current, 0):
            return False
        lacking = sorted(collection.scores(most).keys() - collection.scores(current).keys())
        return any(collection.holds(row) for ids in batches(lacking, WINDOW) for row in rows_of(collection, ids))

    technical = TechnicalJudge.load()
    faults = [detector for detector in detectors() if outdated(detector.fault, detector.stored_name)]
    quality, overall = outdated(TECHNICAL, technical.stored_name), outdated(OVERALL, stored_name())
    if not faults and not quality and not overall:
        return None
    title = "Measuring pictures anew for this version of soart"
    # All detectors, for a picture is examined when each has scored it.
    also = [*((technical,) if quality and overall else ()), *(detectors() if faults else ())]
    return start_scoring(jobs, collection, tastes, OVERALL if overall else TECHNICAL, title, also)
