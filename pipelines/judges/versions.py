"""Chooses between the stored values of several versions of a judge."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ...metrics.damage.names import JUDGE
from ...metrics.damage.titles import JudgeKey, Kind
from ..collection.collection import Collection
from ..collection.settings import setting, store_setting

#: Stands for every adherence, whichever models it uses; collections have always held the latest under this key.
ADHERENCES = "adherence"


def without_version(name: str) -> str:
    """The stored name of a model without its version, which may be a hash, so versions have no order."""
    return f"{JUDGE}{JudgeKey.of(name).name}"


def is_adherence(name: str) -> bool:
    """True for stored names of adherence."""
    key = JudgeKey.of(name)
    return key.kind is Kind.MODEL and key.name.partition(":")[0] == ADHERENCES


def note_latest(collection: Collection, name: str) -> None:
    """Note that a judge of this stored name judges now, so that it is the latest of its versions, and of adherences."""
    for judge in (without_version(name), *([ADHERENCES] if is_adherence(name) else [])):
        if noted_latest(collection, judge) != name:
            store_setting(collection, _key(judge), name)


def noted_latest(collection: Collection, judge: str) -> str | None:
    """The stored name of the version that judged last; None if none has judged since this has been recorded."""
    return setting(collection, _key(judge))


def latest_of(collection: Collection, judge: str, counts: Mapping[str, int]) -> str:
    """The stored name of the version that judged last, else of the one with most values.

    ``judge`` is a name ``without_version``, or ``ADHERENCES``; the result is empty if ``counts`` has none of it.
    """
    latest = noted_latest(collection, judge) if len(counts) > 1 else None
    return max(counts, key=lambda name: (name == latest, counts[name]), default="")


def _key(judge: str) -> str:
    """Key of the setting that holds the latest version; names may be longer than keys."""
    return judge if judge == ADHERENCES else f"latest:{hashlib.sha256(judge.encode()).hexdigest()[:32]}"
