"""Judges the pictures of a collection; every value is stored once for each picture, judge and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...metrics.damage.technical import TechnicalJudge
from ...metrics.damage.titles import Kind
from ...metrics.items.combined import CombinedExtractor
from ...metrics.protocols import ItemJudge, Making
from ..collection.collection import Collection
from ..collection.pictures import images_by_id
from ..collection.queries import scores_and_reasons
from ..collection.results import store_changed_scores
from ..scoring.makings import stored_prompts
from ..scoring.measuring import stored_items
from ..scoring.opinions import Opinion
from ..scoring.pictures import StoredPictures
from ..scoring.prior_scores import taste_with_given
from ..support.background import Job
from ..support.batching import batches
from ..support.progress import Advance, silent
from .guarded import MEASURED_BATCH, GuardedJudge, Seen, View
from .versions import ADHERENCES, note_latest

#: Pictures scored and stored at once if some may have to be measured, which takes long.
STEP = 128


def judge_pictures(
    pictures: StoredPictures, judge: GuardedJudge, progress: Advance = silent
) -> tuple[dict[int, float], list[str]]:
    """Values of pictures by id, higher is better; missing ones are judged and stored a batch at a time.

    So an interrupted call, made again, continues where it was. Pictures without a value are left out.
    """
    if judge.person:
        progress(len(pictures.rows))
        return Opinion.of(pictures.collection, judge.person, pictures.ids).stars, []
    values, missing, problems = still_to_judge(pictures, judge, progress)
    fresh, unreadable = judge_missing(missing, judge, progress)
    return values | fresh, [*dict.fromkeys(problems + unreadable), *judge.problems]


def judge_missing(
    pictures: StoredPictures, judge: GuardedJudge, progress: Advance
) -> tuple[dict[int, float], list[str]]:
    """Judge pictures without a stored value, and store the values a batch at a time."""
    values: dict[int, float] = {}
    known = _seen(pictures, judge)

    def store(fresh: dict[int, float], asked: View) -> None:
        store_values(pictures.part({*asked.ids}), judge, fresh)
        if not judge.stopped:
            judge.without_value |= {known[image] for image in asked.ids if image not in fresh}
        if _lasting(judge):
            judge.known |= {known[image]: value for image, value in fresh.items()}

    values, problems = values_of(pictures, judge, progress, store)
    return values, problems


def store_values(pictures: StoredPictures, judge: GuardedJudge, values: Mapping[int, float]) -> None:
    """Store values of pictures by id, and why others can have none; of a picture that got another prompt meanwhile neither."""
    told = _told(pictures, judge)
    fresh = {image: value for image, value in values.items() if told.get(image, True)}
    why = {image: judge.why[image] for image in pictures.ids if image in judge.why and image not in values}
    store_changed_scores(pictures.collection, judge.stored_name, fresh, why)


def _told(pictures: StoredPictures, judge: GuardedJudge) -> dict[int, bool]:
    """By id, of pictures with a stored prompt, whether the judge reads that one; empty for a judge that reads none."""
    if "prompt" not in judge.needs:
        return {}
    asked = dict(zip(pictures.ids, pictures.prompts(), strict=True))
    return {
        image: prompt == asked[image] for image, prompt in stored_prompts(pictures.collection, pictures.rows).items()
    }


def values_of(
    pictures: View,
    judge: GuardedJudge,
    progress: Advance = silent,
    on_batch: Callable[[dict[int, float], View], None] = lambda fresh, judged: None,
) -> tuple[dict[int, float], list[str]]:
    """Judge pictures, of a collection or in memory; nothing is stored."""
    values: dict[int, float] = {}
    problems: list[str] = []
    for block in batches(pictures.ids, judge.batch):
        if judge.stopped:
            break
        asked = pictures.part({*block})
        # First, so that what measures a picture finds its pixels.
        batch, unreadable = asked.with_pixels() if "pixels" in judge.needs else (asked, [])
        batch, more = fit_part(batch, judge)
        unreadable += more
        if judge.extractor is not None:
            progress(len(asked.ids) - len(batch.ids))
            batch, more = batch.with_items(judge.extractor, lambda: progress(1))
            unreadable += more
        found = dict(zip(batch.ids, judge.values(batch).tolist(), strict=True))
        fresh = {number: value for number, value in found.items() if np.isfinite(value)}
        on_batch(fresh, asked)
        values |= fresh
        problems += unreadable
        # By its name: importing the class brings SciPy, which takes a quarter of a second.
        if judge.name.partition(":")[0] == ADHERENCES:
            problems += judge.inner.missing_extras(batch)  # type: ignore[attr-defined]
        asked.release()
        if judge.extractor is None:
            progress(len(block))
    return values, problems


def fit_part(pictures: View, judge: GuardedJudge) -> tuple[View, list[str]]:
    """The pictures that can be judged at all, and a sentence for each unreadable one; ``judge.why`` gets the others' reasons."""
    if isinstance(judge.extractor, CombinedExtractor) or not pictures.ids:
        return pictures, []
    technical = TechnicalJudge.load()
    readable, problems = pictures.with_items(technical.extractor)
    reasons = [
        reason
        for block in batches(readable.ids, MEASURED_BATCH)
        for reason in technical.unfit(readable.part({*block}).items(technical.extractor))
    ]
    unfit = {number: reason for number, reason in zip(readable.ids, reasons, strict=True) if reason}
    judge.why |= unfit
    return (readable if not unfit else readable.part({*readable.ids} - unfit.keys())), problems


def _seen(pictures: StoredPictures, judge: GuardedJudge) -> dict[int, Seen]:
    """The hash of pictures by id, with the prompt of each or, for a taste, its making, where the judge reads that."""
    read: Sequence[str | Making | None] | None = None
    if "prompt" in judge.needs:
        read = pictures.prompts()
    elif judge.key.kind is Kind.TASTE:
        read = judge.inner.makings(pictures)  # type: ignore[attr-defined]
    return {
        row.id: (row.sha256, one) for row, one in zip(pictures.rows, read or [None] * len(pictures.rows), strict=True)
    }


def still_to_judge(
    pictures: StoredPictures, judge: GuardedJudge, progress: Advance
) -> tuple[dict[int, float], StoredPictures, list[str]]:
    """The stored values of pictures by id, the pictures to judge, and sentences.

    Pictures without a prompt that the judge needs, and those that it gave no value before, are left out. The
    judge is remembered as the latest of its versions.
    """
    collection, rows = pictures.collection, pictures.rows
    if judge.key.kind is Kind.MODEL:
        note_latest(collection, judge.stored_name)
    values, why = _stored(pictures, judge)
    judge.why |= why
    progress(len(values) + len(why))
    missing = pictures.part({row.id for row in rows if row.id not in values and row.id not in why})
    problems = []
    seen = _seen(missing, judge)
    if "prompt" in judge.needs and (without := {image for image, (_, prompt) in seen.items() if not prompt}):
        problems.append(judge.lacks_prompts(len(without), len(rows)))
        missing = missing.part(seen.keys() - without)
        progress(len(without))
    # A tune comes back to the same pictures after every batch.
    again = {image for image in missing.ids if seen[image] in judge.without_value}
    if again:
        missing = missing.part({*missing.ids} - again)
        progress(len(again))
    return values, missing, problems


def _lasting(judge: GuardedJudge) -> bool:
    """True for a taste whose values do not change with what others say of pictures meanwhile."""
    return judge.key.kind is Kind.TASTE and taste_with_given(judge.inner) is None


def _stored(pictures: StoredPictures, judge: GuardedJudge) -> tuple[dict[int, float], dict[int, str]]:
    """The stored values of pictures, and why others have none, by id; of a taste only those that this judge gave."""
    if judge.key.kind is Kind.TASTE:
        known = judge.known
        return {image: known[name] for image, name in _seen(pictures, judge).items() if name in known}, {}
    values, why = scores_and_reasons(pictures.collection, judge.stored_name, pictures.ids)
    if "prompt" in judge.needs:
        # Files that nobody has inspected may have got another prompt since.
        told = _told(pictures, judge)
        values = {image: value for image, value in values.items() if told.get(image)}
    return values, why


def score_all(
    collection: Collection, judge: ItemJudge, job: Job | None = None, *, stored_items_only: bool = False
) -> tuple[int, list[str]]:
    """Score every sound picture, measured first unless ``stored_items_only``; scores stay when the job is cancelled."""
    # Imported here, because what learns takes a second that those who judge need not wait for.
    from ...metrics.tastes.fitting import CHUNK

    guard, job = GuardedJudge(judge), job or Job(0, "", "")
    ids = collection.ids()
    job.expect(len(ids))
    problems: list[str] = []
    count = 0
    for block in batches(ids, CHUNK if stored_items_only else STEP):
        rows = images_by_id(collection, block)
        if stored_items_only:
            items = stored_items(collection, judge.extractor, block)
            pictures = StoredPictures(collection, [rows[i] for i in items], known={judge.extractor.version: items})
            job.advance(len(block) - len(items))
        else:
            pictures = StoredPictures(collection, [row for row in rows.values() if not row.problem])
            job.advance(len(block) - len(pictures.rows))
        values, unreadable = values_of(pictures, guard, job.advance)
        collection.set_scores(guard.stored_name, values, guard.why)
        guard.why.clear()
        problems += unreadable
        count += len(values)
    return count, [*problems, *guard.problems]
