"""Judges the pictures of a collection; every value is stored once for each picture, judge and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ImageError
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..scoring.measuring import measure
from ..support.batching import batches
from .adherence import AdherenceJudge
from .evidence import evidence_of
from .guarded import GuardedJudge
from .prompts import prompts_of
from .versions import note_latest


def judge_pictures(
    collection: Collection,
    rows: Sequence[ImageRow],
    judge: GuardedJudge,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[dict[int, float], list[str]]:
    """Values of pictures by id, higher is better; missing ones are judged and stored a batch at a time.

    So an interrupted call, made again, continues where it was. Pictures without a value are left out.

    Args:
        collection: holds the pictures and the values.
        rows: the pictures.
        judge: the judge; what fails is in its ``problems``.
        progress: called with a number of pictures that are done.

    Returns:
        values by picture id, and a sentence for each reason why pictures have none.
    """
    values, missing, prompts, problems = still_to_judge(collection, rows, judge, progress)
    fresh, unreadable = judge_missing(collection, missing, prompts, judge, progress)
    return values | fresh, [*dict.fromkeys(problems + unreadable), *judge.problems]


def judge_missing(
    collection: Collection,
    missing: Sequence[ImageRow],
    prompts: Mapping[int, str],
    judge: GuardedJudge,
    progress: Callable[[int], None],
) -> tuple[dict[int, float], list[str]]:
    """Judge pictures without a stored value, and store the values a batch at a time.

    Args:
        collection: as for ``judge_pictures``.
        missing: the pictures.
        prompts: by picture id, of those that have one.
        judge: as for ``judge_pictures``.
        progress: as for ``judge_pictures``.

    Returns:
        values by picture id, and a sentence for each picture that cannot be read.
    """
    values: dict[int, float] = {}
    problems: list[str] = []
    for block in batches(missing, judge.batch):
        if judge.stopped:
            break
        found, unreadable = judge_batch(collection, block, prompts, judge)
        problems += unreadable
        fresh = {image: value for image, value in found.items() if np.isfinite(value)}
        collection.set_scores(judge.stored_name, fresh)
        values |= fresh
        if not judge.stopped:
            judge.without_value |= {
                (row.sha256, prompts.get(row.id, "")) for row in block if row.id in found and row.id not in fresh
            }
        progress(len(block))
    return values, problems


def judge_batch(
    collection: Collection, rows: Sequence[ImageRow], prompts: Mapping[int, str], judge: GuardedJudge
) -> tuple[dict[int, float], list[str]]:
    """Judge at most ``judge.batch`` pictures; what is measured for that is stored, the values are not.

    Args:
        collection: holds the pictures.
        rows: the pictures.
        prompts: by picture id, of those that have one.
        judge: the judge.

    Returns:
        values of the readable pictures by id, NaN where the judge gave none, and a sentence for each unreadable picture.
    """
    things, unreadable = _to_judge(collection, rows, prompts, judge)
    names = {row.id: repr(str(collection.locate(row))) for row in rows}
    values = judge.values(
        list(things.values()), [prompts.get(image, "") for image in things], [names[image] for image in things]
    )
    return dict(zip(things, values.tolist(), strict=True)), unreadable


def still_to_judge(
    collection: Collection, rows: Sequence[ImageRow], judge: GuardedJudge, progress: Callable[[int], None]
) -> tuple[dict[int, float], list[ImageRow], dict[int, str], list[str]]:
    """The stored values of pictures by id, the pictures that have none yet, their prompts, and sentences.

    Pictures without a prompt that the judge needs, and those that it gave no value before, are left out. The
    judge is remembered as the latest of its versions.
    """
    note_latest(collection, judge.stored_name)
    wanted = {row.id for row in rows}
    values = {image: value for image, value in collection.scores(judge.stored_name).items() if image in wanted}
    progress(len(values))
    missing = [row for row in rows if row.id not in values]
    prompts = prompts_of(collection, missing)
    problems = []
    if judge.needs_prompt and len(prompts) < len(missing):
        count = len(missing) - len(prompts)
        problems.append(f"The judge {judge.name!r} needs a prompt, which {count} of {len(rows)} pictures do not have.")
        missing = [row for row in missing if row.id in prompts]
        progress(count)
    # A tune comes back to the same pictures after every batch.
    again = [row for row in missing if (row.sha256, prompts.get(row.id, "")) in judge.without_value]
    if again:
        missing = [row for row in missing if (row.sha256, prompts.get(row.id, "")) not in judge.without_value]
        progress(len(again))
    return values, missing, prompts, problems


def _to_judge(
    collection: Collection, rows: Sequence[ImageRow], prompts: Mapping[int, str], judge: GuardedJudge
) -> tuple[Mapping[int, Any], list[str]]:
    """Items, evidence or pixels of the readable pictures, by id, and a sentence for each of the others."""
    if isinstance(judge.inner, AdherenceJudge):
        return evidence_of(collection, rows, prompts, judge.inner)
    if judge.measurer is not None:
        return measure(collection, rows, judge.measurer)
    pixels, problems = {}, []
    for row in rows:
        try:
            pixels[row.id] = collection.pixels(row)
        except ImageError as error:
            problems.append(str(error))
    return pixels, problems
