"""People as judges: their ratings and choices, as the collection holds them."""

from __future__ import annotations

import numpy as np

from ...metrics.damage.names import PERSON
from ...metrics.protocols import Pictures, Scale
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ..scoring.opinions import Opinion
from ..scoring.pictures import StoredPictures


class Person:
    """A person who rates pictures or chooses between them, as a judge."""

    scale, needs, version = Scale(float(LOWEST), float(HIGHEST), "stars"), ("person",), "1"

    def __init__(self, person: str) -> None:
        self.person, self.name = person, f"{PERSON}{person}"

    @property
    def stored_name(self) -> str:
        """Name of the judge; nothing is stored under it, because ratings are stored as such."""
        return self.name

    def values(self, pictures: Pictures) -> np.ndarray:
        """(n,) stars; NaN for pictures that the person has neither rated nor compared, and for those in no collection."""
        known = judgements_of(pictures, self.person) if isinstance(pictures, StoredPictures) else {}
        return np.array([known.get(number, np.nan) for number in pictures.ids])


def judgements_of(pictures: StoredPictures, person: str) -> dict[int, float]:
    """Stars by picture id: a person's ratings, and those that choices between pictures suggest."""
    return Opinion.of(pictures.collection, person, pictures.ids).stars


def is_person(text: str) -> bool:
    """True if a text names a person as a judge, with or without a weight."""
    return text.startswith(PERSON)
