"""Scores and ranks the pictures of a collection: items where they are missing, scores, percentiles, reasons."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import ImageError
from ..metrics.cache import Extractor
from ..metrics.image import SUFFIXES, read_image
from ..metrics.technical import Reason, TechnicalScorer
from .collection import Collection
from .scanning import special_problem
from .schema import ImageRow

#: Items are stored after this many pictures, so that a killed run loses no more.
_STORE_EVERY = 32


class Measurer(Protocol):
    """What says which items pictures need."""

    @property
    def extractor(self) -> Extractor:
        """Measures the items."""


class Scorer(Measurer, Protocol):
    """What ranks pictures: the technical score, or a taste."""

    @property
    def name(self) -> str:
        """Under which scores are stored."""

    def score(self, items: np.ndarray) -> np.ndarray:
        """(n,) scores of (n, p) items, higher is better."""

    def explain(self, items: np.ndarray, top: int = 2) -> list[list[Reason]]:
        """The ``top`` reasons that moved each score most."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A picture in its place.

    Attributes:
        place: 1 for the best.
        row: the picture in the collection, with the request behind it if it was generated.
        path: where its file lies.
        score: under the profile, higher is better.
        percentile: share of the ranked pictures that it beats, ties counted half, 0–100.
        reasons: what moved the score most.
    """

    place: int
    row: ImageRow
    path: Path
    score: float
    percentile: float
    reasons: tuple[Reason, ...]


def percentiles(scores: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Percentage of scores below each of (n,) scores, ties counted half; by default among themselves, else among (m,) others."""
    ordered = np.sort(scores if among is None else among)
    below, upto = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return 50.0 * (below + upto) / max(len(ordered), 1)


def find_pictures(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Picture files among ``paths`` and, recursively, in the folders among them; and a sentence for each that is not there or no regular file.

    Inside folders files are taken by suffix, hidden ones and links to folders are passed over; a file named by the user is
    taken whatever it is called.
    """
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        if path.is_dir():
            for folder, inner, names in os.walk(
                path, onerror=lambda e: problems.append(f"{e.filename!r} cannot be read: {e.strerror}.")
            ):
                inner[:] = sorted(name for name in inner if not name.startswith("."))
                files = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
                for file in (file for file in files if file.suffix.lower() in SUFFIXES):
                    if problem := special_problem(file):
                        problems.append(problem)
                    else:
                        found[file] = None
        elif path.is_file():
            found[path] = None
        else:
            problems.append(special_problem(path) or f"{str(path)!r} does not exist.")
    return list(found), problems


def measure(
    collection: Collection,
    rows: Sequence[ImageRow],
    scorer: Measurer,
    pixels: dict[int, np.ndarray] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[dict[int, np.ndarray], list[str]]:
    """Items of ``rows``: those stored, and the rest measured from ``pixels`` or the file, and stored.

    Returns:
        items by picture id, and a sentence for each picture that could not be read.
    """
    version = scorer.extractor.version
    items = collection.items(version, [row.id for row in rows])
    fresh: dict[int, np.ndarray] = {}
    problems = []
    for row in rows:
        if row.id not in items:
            try:
                decoded = (pixels or {}).get(row.id)
                image = decoded if decoded is not None else read_image(collection.locate(row)).pixels
                # As stored, so that a score does not depend on whether its items came from the store.
                items[row.id] = fresh[row.id] = scorer.extractor.extract(image)[0].astype(np.float32)
            except ImageError as error:
                problems.append(str(error))
        if len(fresh) >= _STORE_EVERY:
            collection.add_items(version, fresh)
            fresh = {}
        progress()
    collection.add_items(version, fresh)
    return items, problems


def import_pictures(
    collection: Collection, files: Sequence[Path], scorer: Measurer, progress: Callable[[], None] = lambda: None
) -> tuple[list[ImageRow], list[str]]:
    """Refer to ``files`` where they lie, and measure them while they are decoded.

    Returns:
        a row for each different picture, and a sentence for each file that is unreadable or the same as an earlier one.
    """
    rows: dict[int, ImageRow] = {}
    problems = []
    for file in files:
        try:
            row, picture = collection.add_file(file)
        except ImageError as error:
            problems.append(str(error))
        else:
            if row.id in rows:
                problems.append(f"{str(file)!r} is the same file as {rows[row.id].path!r}: ranked once.")
            rows.setdefault(row.id, row)
            if picture is not None:
                measure(collection, [row], scorer, {row.id: picture.pixels})
        progress()
    return list(rows.values()), problems


def rank(
    collection: Collection,
    rows: Sequence[ImageRow] | None = None,
    scorer: Scorer | None = None,
    progress: Callable[[], None] = lambda: None,
    min_distance: float | None = None,
) -> tuple[list[Ranked], list[str]]:
    """Rank pictures of a collection, best first; equal scores keep the order in which they came.

    Args:
        collection: the store; missing items and all scores are written to it.
        rows: the pictures to rank, by default all. Those with a problem (all black…) are left out.
        scorer: the profile, by default the built-in technical one.
        progress: called once a picture.
        min_distance: leave out what lies nearer than this to a better picture; pictures whose items all differ by a standard
            deviation lie about 1 apart. Places and percentiles are those among all.

    Returns:
        the ranking, and a sentence for each picture that could not be ranked.
    """
    scorer = scorer or TechnicalScorer.load()
    rows = collection.images() if rows is None else rows
    problems = [f"{str(collection.locate(row))!r} is left out: {row.problem}." for row in rows if row.problem]
    sound = [row for row in rows if not row.problem]
    items, unreadable = measure(collection, sound, scorer, progress=progress)
    sound = [row for row in sound if row.id in items]
    if not sound:
        return [], problems + unreadable
    matrix = np.stack([items[row.id] for row in sound]).astype(np.float64)
    scores = scorer.score(matrix)
    collection.set_scores(scorer.name, {row.id: float(s) for row, s in zip(sound, scores, strict=True)})
    order, share, reasons = np.argsort(-scores, kind="stable"), percentiles(scores), scorer.explain(matrix)
    ranking = [
        Ranked(place, sound[i], collection.locate(sound[i]), float(scores[i]), float(share[i]), tuple(reasons[i]))
        for place, i in enumerate(order, start=1)
    ]
    if min_distance is not None:
        from ..metrics.diversity import best_apart
        from ..metrics.overview import Overview

        kept = set(best_apart(scores, Overview.of(matrix).coordinates(matrix), min_distance).tolist())
        ranking = [ranking[k] for k, i in enumerate(order) if i in kept]
    return ranking, problems + unreadable
