"""The demonstration: rank pictures that come with soart; generate, rank, learn a taste, and tune a prompt to it.

A stand-in for the user rates the pictures. It likes cool colours, and its ratings use the pictures alone, never their
prompts. Nothing else contains this liking, so the tuned pictures show if the loop has learnt it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import read_regular, write_new
from ..metrics.items.colour import ColourExtractor
from ..metrics.items.combined import taste_extractor
from ..metrics.protocols import Measures
from ..prompts.space.space import PromptSpace
from .collection import ratings
from .collection.collection import Collection
from .collection.tables import ImageRow
from .generate import generate, plan
from .judges.finding import judges_for
from .judges.ranking import rank
from .models.generator import ImageGenerator
from .models.request import Request
from .scoring.measuring import import_pictures, measure
from .scoring.pictures import StoredPictures
from .scoring.taste_judge import TasteJudge
from .support.progress import Advance, silent
from .tastes import learning as tastes
from .tuning.findings import Winner
from .tuning.panel import Panel
from .tuning.tuner import Tuner

#: Pictures of seven prompts by four models, and words that some of them show.
SAMPLES = Path(__file__).parent / "samples"
SOUGHT = "a face"
#: Contains every quality word, so that the pictures differ in quality.
TEMPLATE = "a {sharp|vivid|blurry|noisy|faded} picture of a __subject__ in __palette__, __style__"
COUNT = 24
SEED = 7
RATER = "stand-in"
#: The prompt that is tuned, and the number of pictures.
TUNED, BUDGET = "a boat", 40
COOL = ("cyan", "azure", "blue")


@dataclass(frozen=True)
class _ColourMeasurer:
    """Measures the items that the stand-in rates by."""

    extractor = ColourExtractor()


def copy_samples(folder: Path) -> None:
    """Copy the pictures that come with soart to a folder; those that are there stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in sorted(SAMPLES.glob("*.webp")):
        if not (folder / picture.name).exists():
            write_new(folder / picture.name, read_regular(picture))


def requests(generator: ImageGenerator) -> list[Request]:
    """The pictures to generate and rank."""
    return plan(TEMPLATE, COUNT, generator, seed=SEED, prompt_seed=SEED)


def fill(collection: Collection, generator: ImageGenerator, progress: Advance = silent) -> None:
    """Draw the demonstration's pictures into a collection, and rank them."""
    judges = judges_for()
    made = generate(collection, generator, requests(generator), [judge for judge, _ in judges], progress)
    rank(StoredPictures(collection, made.rows), judges, explained=0)


def opinion(collection: Collection, rows: Sequence[ImageRow]) -> np.ndarray:
    """(n,) the stand-in's opinion of pictures, 1…5: the share of cool hues among all colour; greys lower it."""
    names = _ColourMeasurer.extractor.names
    items, _ = measure(collection, rows, _ColourMeasurer())
    hues = np.array([items[row.id] for row in rows])[:, [name.startswith("colour/hue/") for name in names]]
    cool = hues[:, [name.removeprefix("colour/hue/") in COOL for name in names if name.startswith("colour/hue/")]]
    opinions: np.ndarray = 1 + 4 * cool.sum(axis=1) / (hues.sum(axis=1) + 0.05)
    return opinions


def learn_from_stand_in(collection: Collection, rows: Sequence[ImageRow], progress: Advance = silent) -> TasteJudge:
    """Let the stand-in rate pictures in whole stars, and learn its taste from these ratings.

    The ratings go into a separate collection in memory, so that the taste does not depend on the rest of the
    collection.
    """
    with Collection(None) as album:
        copies, _ = import_pictures(
            album, [collection.locate(row) for row in rows], Measures(taste_extractor()), progress
        )
        stars = np.clip(np.round(opinion(album, copies)), 1, 5)
        ratings.rate(album, RATER, dict(zip((row.id for row in copies), stars.tolist(), strict=True)))
        return TasteJudge.of(tastes.learn(RATER, album, tastes.Sources(rater=RATER)).taste)


def tuner(collection: Collection, generator: ImageGenerator, judge: TasteJudge) -> Tuner:
    """A tuner of the demonstration's prompt to a taste."""
    space = PromptSpace.from_text(TUNED, vocabulary="embedded")
    return Tuner(collection, generator, space, Panel(judge), seed=SEED, budget=BUDGET, prune=False)


def opinions_of(collection: Collection, prompts: Iterable[Winner]) -> list[float]:
    """The stand-in's mean opinion of the pictures of each prompt, 1…5."""
    return [float(opinion(collection, prompt.pictures).mean()) for prompt in prompts]
