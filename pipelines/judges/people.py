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
        """(n,) stars; ratings, and those that choices suggest; NaN without either, and for pictures in no collection."""
        known = {}
        if isinstance(pictures, StoredPictures):
            known = Opinion.of(pictures.collection, self.person, pictures.ids).stars
        return np.array([known.get(number, np.nan) for number in pictures.ids])
