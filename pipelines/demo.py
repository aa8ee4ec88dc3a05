"""The demonstration: generate and rank; then a stand-in for the user rates the pictures, its taste is learnt, and prompts are tuned to it.

The stand-in looks at pictures alone, and never at their prompts: it likes cool colours. Nothing else knows what it likes, so that anybody can see
in the pictures whether the loop has found out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.damage.scorer import TechnicalScorer
from ..metrics.items.colour import ColourExtractor
from ..metrics.items.combined import taste_extractor
from ..prompts.space.space import PromptSpace
from .collection import ratings
from .collection.collection import Collection
from .collection.tables import ImageRow
from .generate import generate, plan
from .models.generator import ImageGenerator
from .models.request import Request
from .scoring.measuring import import_pictures, measure
from .scoring.ranking import rank
from .scoring.taste_scorer import TasteMeasurer, TasteScorer
from .tastes import learning as tastes
from .tuning.panel import Panel
from .tuning.tuner import Tuner

#: The prompts: every quality word, so that the ranking has something to find.
TEMPLATE = "a {sharp|vivid|blurry|noisy|faded} picture of a __subject__ in __palette__, __style__"
COUNT = 24
SEED = 7
RATER = "stand-in"
#: What is tuned, without the words that do damage, and with how many pictures.
TUNED, BUDGET = "a boat", 40
BANS = ("quality=blurry", "quality=noisy", "quality=faded")
COOL = ("cyan", "azure", "blue")


@dataclass(frozen=True)
class _Eye:
    """Measures what the stand-in sees."""

    extractor = ColourExtractor()


def requests(generator: ImageGenerator) -> list[Request]:
    """The pictures to generate and rank."""
    return plan(TEMPLATE, COUNT, generator, seed=SEED, prompt_seed=SEED)


def fill(
    collection: Collection, generator: ImageGenerator, progress: Callable[[int], None] = lambda done: None
) -> None:
    """Draw the demonstration's pictures into a collection, and rank them."""
    scorer = TechnicalScorer.load()
    made = generate(collection, generator, requests(generator), scorer, progress)
    rank(collection, made.rows, scorer)


def opinion(collection: Collection, rows: Sequence[ImageRow]) -> np.ndarray:
    """(n,) what the stand-in thinks of pictures, from 1 to 5: by the share of cool hues in all colour, greys counting against it."""
    names = _Eye.extractor.names
    items, _ = measure(collection, rows, _Eye())
    hues = np.array([items[row.id] for row in rows])[:, [name.startswith("colour/hue/") for name in names]]
    cool = hues[:, [name.removeprefix("colour/hue/") in COOL for name in names if name.startswith("colour/hue/")]]
    thought: np.ndarray = 1 + 4 * cool.sum(axis=1) / (hues.sum(axis=1) + 0.05)
    return thought


def learn_from_stand_in(
    collection: Collection, rows: Sequence[ImageRow], progress: Callable[[], None] = lambda: None
) -> TasteScorer:
    """Let the stand-in rate pictures in whole stars, and learn its taste from these ratings.

    They are rated in an album of their own, so that the taste is the same whatever else the collection holds by now.
    """
    with Collection(None) as album:
        copies, _ = import_pictures(
            album, [collection.locate(row) for row in rows], TasteMeasurer(taste_extractor()), progress
        )
        stars = np.clip(np.round(opinion(album, copies)), 1, 5)
        ratings.rate(album, RATER, dict(zip((row.id for row in copies), stars.tolist(), strict=True)))
        return TasteScorer.of(tastes.learn(RATER, album, tastes.Sources(rater=RATER)).taste)


def tuner(collection: Collection, generator: ImageGenerator, scorer: TasteScorer) -> Tuner:
    """Ready to tune a prompt to a taste."""
    space = PromptSpace.from_text(TUNED, vocabulary="embedded").restrict(BANS)
    return Tuner(collection, generator, space, Panel([scorer]), seed=SEED, budget=BUDGET, prune=False)


def opinion_of_ends(tuned: Tuner) -> tuple[float, float]:
    """What the stand-in thinks of the first and of the last batch, on average."""
    drawn = tuned.study.drawn
    ends = (min(asked.batch for asked in drawn), max(asked.batch for asked in drawn))
    means = [
        float(opinion(tuned.collection, [a.row for a in drawn if a.batch == end and a.row is not None]).mean())
        for end in ends
    ]
    return means[0], means[1]
