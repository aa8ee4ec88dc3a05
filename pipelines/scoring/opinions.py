"""Opinions of people on the pictures of a study: ratings, and choices between pictures; and as a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...metrics.damage.names import PERSON
from ...metrics.protocols import Pictures, Scale
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ..collection import ratings
from ..collection.collection import Collection
from ..collection.comparisons import choices_and_ties, choosers, strengths
from .pictures import StoredPictures

#: Stars of a picture that is neither liked nor disliked.
MIDDLE = (LOWEST + HIGHEST) / 2


@dataclass(frozen=True)
class Opinion:
    """A person's ratings of some pictures, and choices between them."""

    #: by picture id: ratings, and for pictures that were only compared the stars that the choices suggest
    stars: dict[int, float]
    rated: frozenset[int]
    pairs: tuple[tuple[int, int], ...]  # ids of pictures (preferred, other); those called equal stand there both ways

    @classmethod
    def of(cls, collection: Collection, person: str, ids: Sequence[int]) -> Opinion:
        """The opinion of a person on pictures, from ratings and choices in the collection."""
        among = set(ids)
        rated = {image: stars for image, stars in ratings.ratings(collection, person).items() if image in among}
        wins, equal = (
            [pair for pair in pairs if among.issuperset(pair)] for pairs in choices_and_ties(collection, person)
        )
        return cls(
            _suggested(strengths(wins, equal), rated) | rated,
            frozenset(rated),
            (*wins, *equal, *((b, a) for a, b in equal)),
        )


def who_judged(collection: Collection) -> list[str]:
    """Names of the people who rated or compared pictures, sorted."""
    return sorted({*ratings.raters(collection), *choosers(collection)})


def _suggested(strength: dict[int, float], rated: dict[int, float]) -> dict[int, float]:
    """Stars by picture id: a standard deviation of the strengths is a star.

    Pictures that were rated too keep their mean; without any, the mean strength has ``MIDDLE``.
    """
    if not strength:
        return {}
    values = np.array([*strength.values()])
    stars = (values - values.mean()) / (values.std() or 1.0)
    both = [rated[image] - star for image, star in zip(strength, stars, strict=True) if image in rated]
    shifted = np.clip(stars + (np.mean(both) if both else MIDDLE), LOWEST, HIGHEST)
    return dict(zip(strength, shifted.tolist(), strict=True))


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
