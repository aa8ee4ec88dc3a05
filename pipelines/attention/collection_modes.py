"""Modes for attention tables, from ratings or prompts of a collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import ItemsError
from ...metrics.damage.scorer import TechnicalScorer
from ..collection.collection import Collection
from ..collection.queries import Query, check_words, order, rows_of
from ..collection.ratings import ratings
from ..scoring.measuring import measure
from .modes import Modes

#: Most pictures of a mode, because a larger table cannot be read.
MOST = 40
#: Modes of ratings: name, lowest and highest stars; half stars between two others are in the middle.
CLASSES = (("disliked", 1.0, 2.0), ("middle", 2.5, 3.5), ("liked", 4.0, 5.0))
_FEWEST = 4


def by_ratings(collection: Collection, rater: str) -> dict[str, list[int]]:
    """Picture ids by class of a rater's ratings; classes of fewer than four pictures are left out."""
    stars = sorted(ratings(collection, rater).items())
    classes = {name: [image for image, value in stars if low <= value <= high] for name, low, high in CLASSES}
    return {name: ids for name, ids in classes.items() if len(ids) >= _FEWEST}


def by_words(collection: Collection, words: Sequence[str]) -> dict[str, list[int]]:
    """Ids of the pictures whose prompt contains a word, by word; pictures with several of the words are left out.

    Raises:
        CollectionError: words that cannot be searched, see ``check_words``.
    """
    check_words(words)
    matches = {
        word: order(collection, Query(words=(word,), ascending=True, sound=True), "")
        for word in dict.fromkeys(words)
        if word and not word.startswith("-")
    }
    counts: dict[int, int] = {}
    for ids in matches.values():
        for image in ids:
            counts[image] = counts.get(image, 0) + 1
    return {word: [image for image in ids if counts[image] == 1] for word, ids in matches.items()}


def modes_of(
    collection: Collection,
    classes: Mapping[str, Sequence[int]],
    step: Callable[[], None] = lambda: None,
    most: int = MOST,
) -> Modes:
    """Measure the pictures of classes; of large classes evenly spaced ones.

    Args:
        collection: the collection of the pictures.
        classes: picture ids by mode.
        step: called once a picture.
        most: most pictures of a mode.

    Raises:
        ItemsError: fewer than two classes have pictures that can be read.
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
                # Files of one name would be left out together: here each picture has a name of its own.
                files.append(Path(str(row.id)))
    if len(set(modes)) < 2:
        raise ItemsError(
            f"Expected at least two kinds of pictures to compare, got {len(set(modes))}: rate pictures both good and "
            "bad (at least four each), or name words of the prompts."
        )
    return Modes(np.stack(items), np.array(modes), tuple(files), scorer.extractor.names, tuple(problems))
