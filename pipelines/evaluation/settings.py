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
    """Settings of a collection's evaluation.

    Attributes:
        profile: name of the judge that ranks in the gallery; empty for the overall score.
        keep: ids of pictures that every rule keeps; in a group they replace the proposed one.
    """

    profile: str = ""
    keep: tuple[int, ...] = ()

    @classmethod
    def of(cls, collection: Collection) -> EvaluationSettings:
        """The settings that a collection keeps."""
        return cls.read(setting(collection, KEY))

    @classmethod
    def read(cls, text: str | None) -> EvaluationSettings:
        """Settings from their text; the default ones from None."""
        stored = json.loads(text or "{}")
        return cls(stored.get("profile", ""), tuple(stored.get("keep", ())))

    def text(self) -> str:
        """The settings as text, to be kept."""
        return json.dumps(asdict(self))
