"""The tunes that were started in a collection, so that an earlier one can be opened again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from .settings import TuneSettings

#: Most tunes that a collection remembers, the latest ones.
MOST = 50


def key_of(settings: TuneSettings) -> str:
    """A short key of a tune: what it searches, by which judges and from which seed, whatever became of it since."""
    started = replace(settings, budget=0, bans=(), pins=(), model="", state="", why="")
    return hashlib.sha256(started.write().encode()).hexdigest()[:16]


def remembered(text: str | None) -> list[TuneSettings]:
    """The tunes in a text of ``remember``, the latest first; entries that this version cannot read are left out."""
    try:
        texts = json.loads(text or "[]")
    except ValueError:
        return []
    found = [TuneSettings.read(one) for one in texts if isinstance(one, str)] if isinstance(texts, list) else []
    return [settings for settings in found if settings is not None]


def remember(text: str | None, settings: TuneSettings) -> str:
    """The stored list with this tune first, in place of an older entry of the same tune."""
    key = key_of(settings)
    others = [other for other in remembered(text) if key_of(other) != key]
    return json.dumps([one.write() for one in (settings, *others)][:MOST])
