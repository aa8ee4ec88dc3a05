"""Modes for the attention tables from what a collection says itself: a rater's ratings, or words of the prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import ItemsError
from ...metrics.damage.scorer import TechnicalScorer
from ..collection.collection import Collection
from ..collection.queries import Query, order, rows_of
from ..collection.ratings import ratings
from ..scoring.measuring import measure
from .modes import Modes

#: Pictures of a mode, at most: a table of more cannot be read.
MOST = 40
#: Modes of ratings: the name, and the stars it spans.
CLASSES = (("disliked", 1.0, 2.0), ("middle", 3.0, 3.0), ("liked", 4.0, 5.0))
_FEWEST = 4


def by_ratings(collection: Collection, rater: str) -> dict[str, list[int]]:
    """Picture ids of each class of a rater's ratings; classes of fewer than four pictures are left out."""
    stars = sorted(ratings(collection, rater).items())
    classes = {name: [image for image, value in stars if low <= value <= high] for name, low, high in CLASSES}
    return {name: ids for name, ids in classes.items() if len(ids) >= _FEWEST}


def by_words(collection: Collection, words: Sequence[str]) -> dict[str, list[int]]:
    """Picture ids whose prompt holds each word; pictures with several of them are left out."""
    found = {
        word: order(collection, Query(words=(word,), ascending=True, sound=True), "")
        for word in dict.fromkeys(words)
        if word and not word.startswith("-")
    }
    counts: dict[int, int] = {}
    for ids in found.values():
        for image in ids:
            counts[image] = counts.get(image, 0) + 1
    return {word: [image for image in ids if counts[image] == 1] for word, ids in found.items()}


def modes_of(
    collection: Collection,
    classes: Mapping[str, Sequence[int]],
    step: Callable[[], None] = lambda: None,
    most: int = MOST,
) -> Modes:
    """Measured pictures of classes; of large classes an even selection.

    Args:
        collection: where the pictures are.
        classes: picture ids by mode.
        step: called once a picture.
        most: pictures of a mode, at most.

    Raises:
        ItemsError: fewer than two classes with pictures that can be read.
    """
    scorer = TechnicalScorer.load()
    items, modes, files, problems = [], [], [], []
    for mode, ids in classes.items():
        chosen = [ids[i] for i in np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)]
        rows = rows_of(collection, chosen)
        measured, unreadable = measure(collection, rows, scorer, progress=step)
        problems += unreadable
        for row in rows:
            if row.id in measured:
                items.append(measured[row.id].astype(np.float64))
                modes.append(mode)
                # Pictures of one name are kept on one side: each stands for itself here.
                files.append(Path(str(row.id)))
    if len(set(modes)) < 2:
        raise ItemsError(
            f"Expected at least two kinds of pictures to compare, got {len(set(modes))}: rate pictures both good and bad "
            "(at least four each), or name words of the prompts."
        )
    return Modes(np.stack(items), np.array(modes), tuple(files), scorer.extractor.names, tuple(problems))
