"""Judges the pictures of a collection by one judge, in the background."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import JudgeError, SoartError, TasteError
from ...metrics.protocols import ItemJudge
from ..collection.collection import Collection
from ..collection.pictures import images_by_id
from ..collection.queries import row_of, scores_of
from ..judges.adherence import AdherenceJudge, adherences_of, load
from ..judges.catalogue import Allow, Catalogue
from ..judges.guarded import GuardedJudge, stored_name
from ..judges.phrase_judgements import MISSED, SEEN, Adherence
from ..judges.storing import judge_pictures, score_all
from ..judges.versions import ADHERENCES, is_adherence, latest_of, noted_latest
from ..scoring.collection_tastes import CollectionTastes
from ..scoring.pictures import StoredPictures
from ..scoring.prior_scores import taste_with_given
from ..support.background import Job, Jobs

#: Start of the keys of the jobs, before the name of the judge.
KEY = "judge:"
#: Longest name of a judge that a page may send.
_LONGEST = 300


def start_judging(
    jobs: Jobs,
    collection: Collection,
    tastes: CollectionTastes,
    name: str,
    ids: Sequence[int],
    catalogue: Catalogue | None = None,
) -> Job:
    """Judge pictures in the background; values of a cancelled or interrupted job are kept, and not made again.

    Tastes that start from the judge score all pictures anew. The result of the job is the name under which the values are stored.
    ``name`` may be the label of an offered judge, but never ``module:Class``.
    """
    name = " ".join(name.split())[:_LONGEST]
    catalogue = (catalogue or Catalogue(tastes)).among(tastes)
    allow = Allow.OFFERED if name in catalogue.offered else Allow.NO_CODE
    catalogue.entry(name, allow)
    key = f"{KEY}{name}"
    if (running := jobs.find(key)) is not None and running.live:
        raise SoartError("This judge is already running: wait until it is done, or cancel it.")

    def work(job: Job) -> str:
        judge = catalogue.find(name, allow)
        job.expect(len(ids))
        sound = [row for row in images_by_id(collection, ids).values() if not row.problem]
        job.advance(len(ids) - len(sound))
        values, problems = judge_pictures(StoredPictures(collection, sound), judge, job.advance)
        if judge.stopped and not values:
            raise JudgeError(judge.stopped)
        for taste in tastes_from(judge, tastes):
            score_all(collection, taste, stored_items_only=True)
        job.message = " ".join([_summary(len(values), len(ids), judge), *problems[:3]])
        return judge.stored_name

    # The argument may be a path, and guests see title and message.
    return jobs.start(key, f"Judging by {name.partition(':')[0]}", work)


def tastes_from(judge: GuardedJudge, tastes: CollectionTastes) -> list[ItemJudge]:
    """The tastes of a collection that start from the values of a judge; those that cannot be used are left out."""
    found: list[ItemJudge] = []
    for name in tastes.names():
        with contextlib.suppress(TasteError):
            item_judge = tastes.judge(name)
            taste = taste_with_given(item_judge)
            if taste is not None and judge.stored_name in taste.prior_names:
                found.append(item_judge)
    return found


def _summary(judged: int, count: int, judge: GuardedJudge) -> str:
    return f"{judge.name.partition(':')[0]}: {judged:,} of {count:,} picture{'' if count == 1 else 's'} judged."


def adherence_among(collection: Collection, judges: Mapping[str, int]) -> str:
    """The stored name of the adherence that judged last, else of the one with most values; empty without values."""
    return latest_of(collection, ADHERENCES, {name: n for name, n in judges.items() if is_adherence(name)})


def limits_of_shown(shown: str, collection: Collection, judges: Mapping[str, int]) -> dict[str, Any]:
    """Attributes of a ``Query`` for pictures that show what their prompts ask, or do not; some are in neither group."""
    if not shown:
        return {}
    if shown not in ("yes", "no"):
        raise SoartError(f"'shown' must be yes or no, got {shown[:40]!r}.")
    name = adherence_among(collection, judges)
    if not name:
        raise SoartError(
            "No picture of this collection has been judged by adherence yet: choose Judge pictures… first."
        )
    return {"judged_by": name, **({"at_least": SEEN} if shown == "yes" else {"below": MISSED})}


_loading = threading.Lock()
_loaded: list[AdherenceJudge] = []


def _built_in() -> AdherenceJudge:
    """The built-in judge; visitors who come at the same time wait for one loading."""
    with _loading:
        if not _loaded:
            _loaded.append(load("embedded"))
        return _loaded[0]


def adherence_of_picture(collection: Collection, image: int) -> Adherence | None:
    """The adherence of a judged picture to its prompt, phrase by phrase.

    None if the built-in adherence did not judge last, gave no value, or the picture can no longer be read.
    """
    row, name = row_of(collection, image), noted_latest(collection, ADHERENCES)
    # The networks are loaded only for a picture that they have judged.
    if name is None or not scores_of(collection, name, [image]):
        return None
    judge = _built_in()
    return adherences_of(StoredPictures(collection, [row]), judge)[0].get(image) if name == stored_name(judge) else None
