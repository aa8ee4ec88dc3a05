"""Judges the pictures of a collection; every value is stored once for each picture, judge and version."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...errors import ImageError
from ...metrics.image import read_content, read_image
from ..collection.collection import Collection
from ..collection.queries import metadata_of
from ..collection.tables import ImageRow
from ..ingest.metadata import picture_metadata
from ..scoring.measuring import measure
from ..support.batching import batches
from .guarded import GuardedJudge

#: Pictures whose metadata are read at once.
_BLOCK = 400


def prompts_of(collection: Collection, rows: Sequence[ImageRow]) -> dict[int, str]:
    """Prompts of pictures by id: of soart's own request, or as another tool wrote it; pictures without one are left out.

    Pictures that no evaluation has inspected yet are opened for the prompt in them or beside them.
    """
    prompts = {row.id: row.generation.prompt for row in rows if row.generation is not None}
    others = [row for row in rows if row.id not in prompts]
    for block in batches(others, _BLOCK):
        metadata = metadata_of(collection, [row.id for row in block])
        for row in block:
            prompt = metadata[row.id].prompt if row.id in metadata else _prompt_beside(collection, row)
            if prompt:
                prompts[row.id] = prompt
    return {image: prompt for image, prompt in prompts.items() if prompt.strip()}


def _prompt_beside(collection: Collection, row: ImageRow) -> str | None:
    try:
        path = collection.locate(row)
        metadata = picture_metadata(path, read_content(path))
    except ImageError:
        return None
    return metadata.prompt if metadata else None


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
    for block in batches(missing, judge.batch):
        if judge.stopped:
            break
        things, unreadable = _to_judge(collection, block, judge)
        problems += unreadable
        found = judge.values(list(things.values()), [prompts.get(image, "") for image in things])
        fresh = {image: float(value) for image, value in zip(things, found, strict=True) if np.isfinite(value)}
        collection.set_scores(judge.stored_name, fresh)
        values |= fresh
        if not judge.stopped:
            judge.without_value |= {
                (row.sha256, prompts.get(row.id, "")) for row in block if row.id in things and row.id not in fresh
            }
        progress(len(block))
    return values, [*problems, *judge.problems]


def _to_judge(
    collection: Collection, rows: Sequence[ImageRow], judge: GuardedJudge
) -> tuple[dict[int, np.ndarray], list[str]]:
    """Items or pixels of the readable pictures, by id, and a sentence for each of the others."""
    if judge.measurer is not None:
        return measure(collection, rows, judge.measurer)
    pixels, problems = {}, []
    for row in rows:
        try:
            pixels[row.id] = read_image(collection.locate(row)).pixels
        except ImageError as error:
            problems.append(str(error))
    return pixels, problems
