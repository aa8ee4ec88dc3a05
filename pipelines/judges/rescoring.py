"""Scores all pictures of a collection by one judge of items."""

from __future__ import annotations

from ...metrics.protocols import ItemJudge
from ...metrics.tastes.fitting import CHUNK
from ..collection.collection import Collection
from ..collection.pictures import images_by_id
from ..scoring.measuring import stored_items
from ..scoring.pictures import StoredPictures
from ..support.background import Job
from ..support.batching import batches
from .guarded import GuardedJudge
from .storing import values_of

#: Pictures scored and stored at once if some may have to be measured, which takes long.
STEP = 128


def score_all(
    collection: Collection, judge: ItemJudge, job: Job | None = None, *, stored_items_only: bool = False
) -> tuple[int, list[str]]:
    """Score every sound picture, measured first unless ``stored_items_only``; scores stay when the job is cancelled."""
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
