"""Settings of a collection's evaluation, kept in the collection."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..collection.collection import Collection
from ..collection.settings import setting

#: Key of the settings in the collection.
KEY = "evaluate"


@dataclass(frozen=True)
class EvaluationSettings:
    """Judge that ranks in the gallery (empty: the overall score), and ids of pictures that every rule keeps."""

    by: str = ""
    keep: tuple[int, ...] = ()

    @classmethod
    def of(cls, collection: Collection) -> EvaluationSettings:
        """The settings that a collection keeps."""
        return cls.read(setting(collection, KEY))

    @classmethod
    def read(cls, text: str | None) -> EvaluationSettings:
        """Settings from their text; the default ones from None."""
        stored = json.loads(text or "{}")
        # Collections of 0.1.0 call the judge a profile.
        return cls(stored.get("by", stored.get("profile", "")), tuple(stored.get("keep", ())))

    def text(self) -> str:
        """The settings as text, to be kept."""
        return json.dumps(asdict(self))
