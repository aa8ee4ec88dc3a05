"""Real people's likings of photographs, for build_appeal.py, build_beliefs.py and people_report.py.

900 photographs of 248 themes (OASIS: Kurdi, Lozano & Banaji, "Introducing the Open Affective Standardized Image Set",
*Behavior Research Methods* 49, 2017), of which each of 757 people rated 225 for beauty, from 1 to 7 (Brielmann & Pelli,
"Intense beauty requires intense pleasure", *Frontiers in Psychology* 10, 2019). Ratings from 5 on count as liked, up to 3
as disliked. Methods are developed on one half of the themes and of the people; figures are of the other halves, but those of
build_appeal.py are cross-validated over all pictures.

The data are the authors' and come neither with soart nor with a package. The folder ``oasis`` in the cache needs the
pictures in ``images`` and ``OASIS.csv``, as Kurdi publishes them, and ``corrData.mat`` of Brielmann's OASIS-beauty.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from soart.benchmarks.data.opinions import measured
from soart.benchmarks.data.real_tastes import World
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.nima import NimaExtractor
from soart.metrics.tastes.appeal import APPEAL
from soart.metrics.tastes.taste import technical_prior
from soart.training.appeal import Opinions

SEED = 7
LIKED, DISLIKED = 5, 3
#: Fewest liked and disliked pictures of a person in a half, so that 16+16 can be learnt and others remain.
FEWEST = 24


@dataclass(frozen=True)
class People(World):
    """Pictures of one half of the themes, which are their sources, and the people of one half."""

    ratings: np.ndarray  # (people, n) ratings from 1 to 7, NaN for pictures that a person has not seen

    def __len__(self) -> int:
        return len(self.ratings)

    def person(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(n,) labels 1 (liked), −1 or 0, and (n,) ratings, of the person of this number."""
        given = self.ratings[seed]
        return np.where(given >= LIKED, 1, np.where(given <= DISLIKED, -1, 0)), given

    def told_with(self, appeal: np.ndarray) -> np.ndarray:
        """(n, k) prior scores of every taste, with this (n,) appeal in place of the shipped one, which knows these people."""
        told = self.told.copy()
        told[:, self.told_names.index(APPEAL)] = appeal
        return told

    def opinions(self, of: np.ndarray | slice = slice(None)) -> Opinions:
        """The mean ratings, of some pictures."""
        return Opinions(self.both[of], np.nanmean(self.ratings, axis=0)[of])

    def companions(self, person: int, count: int, rng: np.random.Generator) -> np.ndarray:
        """(up to ``count``, n) ratings of other people who have seen the pictures of a person."""
        seen = np.isfinite(self.ratings[person])
        companions = [
            other
            for other in rng.permutation(len(self))
            if other != person and np.isfinite(self.ratings[other][seen]).all()
        ]
        return self.ratings[companions[:count]]

    def others(self, person: int, count: int, rng: np.random.Generator) -> np.ndarray:
        """(n,) mean ratings of these people; NaN for pictures that none of them has seen."""
        rated = self.companions(person, count, rng)
        known = np.isfinite(rated)
        with np.errstate(invalid="ignore"):
            means: np.ndarray = np.where(known, rated, 0.0).sum(axis=0) / known.sum(axis=0)
        return means


def oasis(cache: Path) -> Path:
    """The folder of the data."""
    folder = cache / "oasis"
    if not (folder / "corrData.mat").is_file():
        raise SystemExit(f"{folder} needs the photographs and ratings of OASIS, see benchmarks/data/people.py.")
    return folder


def listed(folder: Path) -> list[tuple[str, str]]:
    """Name and category of the pictures, in the order of the ratings; all but its last number is a picture's theme."""
    lines = re.split(r"\r\n?|\n", (folder / "OASIS.csv").read_text(encoding="utf-8-sig"))
    return [(row["Theme"].strip(), row["Category"].strip()) for row in csv.DictReader(lines)]


def categories(cache: Path) -> np.ndarray:
    """(900,) Animal, Object, Person or Scenery."""
    return np.array([category for _, category in listed(oasis(cache))])


def pictures(cache: Path) -> tuple[list[str], np.ndarray]:
    """Names of all pictures, and their (900, p + q) items."""
    return [name for name, _ in listed(oasis(cache))], measured(picture_files(cache), "people", cache)


def picture_files(cache: Path) -> list[Path]:
    """The files of all pictures, in the order of the ratings."""
    files = {file.stem.strip().lower(): file for file in (oasis(cache) / "images").iterdir()}
    return [files[name.lower()] for name, _ in listed(oasis(cache))]


def ratings(cache: Path) -> np.ndarray:
    """(757, 900) ratings from 1 to 7, NaN for pictures that a person has not seen."""
    found: np.ndarray = loadmat(oasis(cache) / "corrData.mat")["corrData"].astype(float)
    return found


def people(cache: Path, *, development: bool, other_pictures: bool = False) -> People:
    """The halves for development, or the others, with NIMA's items; ``other_pictures`` are those of the other half."""
    every = everyone(cache)
    every = replace(
        every, deep=np.hstack([every.deep, measured(picture_files(cache), "people", cache, NimaExtractor())])
    )
    chosen = themes_for(every.source, development=development)
    half = np.arange(len(every)) % 2 == (0 if development else 1)
    rated = every.ratings[np.ix_(half, chosen)]
    enough = np.minimum((rated >= LIKED).sum(axis=1), (rated <= DISLIKED).sum(axis=1)) >= FEWEST
    if other_pictures:
        chosen = ~chosen
        rated = every.ratings[np.ix_(half, chosen)]
    arrays = {
        name: getattr(every, name)[chosen] for name in ("items", "deep", "source", "technical", "folder", "package")
    }
    return replace(every, **arrays, ratings=rated[enough])


def themes_for(theme: np.ndarray, *, development: bool) -> np.ndarray:
    """(n,) True for pictures whose (n,) themes are among the half for development, or among the other half."""
    in_half = np.random.default_rng(SEED).permutation(theme.max() + 1) % 2 == (0 if development else 1)
    chosen: np.ndarray = in_half[theme]
    return chosen


def everyone(cache: Path) -> People:
    """All pictures and people."""
    names, rows = pictures(cache)
    count = len(taste_extractor().names)
    theme = np.unique([re.sub(r" \d+$", "", name).lower() for name in names], return_inverse=True)[1]
    technical = technical_prior(rows[:, :count], taste_extractor().names)
    numbers = np.arange(len(rows))
    return People(rows[:, :count], rows[:, count:], theme, technical, {}, numbers, numbers, ratings(cache))
