"""Judges of tests: of pixels, and of the colours of pictures."""

from dataclasses import replace

import numpy as np

from soart.metrics.damage.fitness import JudgesItems
from soart.metrics.items.colour import ColourExtractor
from soart.metrics.items.combined import taste_extractor
from soart.metrics.protocols import Values
from soart.metrics.tastes.examples import from_ratings
from soart.metrics.tastes.taste import learn_taste
from soart.pipelines.scoring.pictures import PicturesInMemory


def noise(count, seed=0, *, vivid=True):
    """Pictures of coloured or, unless ``vivid``, grey noise."""
    rng = np.random.default_rng(seed)
    made = rng.integers(40, 215, (count, 20, 20, 3), dtype=np.uint8)
    if not vivid:
        made[:] = made.mean(axis=-1, keepdims=True).astype(np.uint8)
    return list(made)


class PixelJudge:
    """Base of judges that implement ``judge(pixels, prompts)``."""

    name, version, scale, needs = "pixels", "1", (0.0, 1.0), ("pixels",)

    def values(self, pictures):
        return self.judge(pictures.pixels(), pictures.prompts())


class Brightness(PixelJudge):
    """Mean brightness, 0…1."""

    name = "brightness"

    def __init__(self):
        self.seen = 0

    def judge(self, pictures, prompts):
        self.seen += len(pictures)
        return [float(pixels.mean()) / 255 for pixels in pictures]


def bright_taste(drawn):
    """A taste of the brighter half of (n, h, w, 3) pictures, which needs no network."""
    extractor = taste_extractor()
    items, light = extractor.extract(drawn), drawn.mean(axis=(1, 2, 3))
    stars = np.where(light > np.median(light), 5.0, 1.0)
    learnt = learn_taste(from_ratings(items, stars), extractor.names, extractor.version, name="bright", repeats=1)
    # The items of two-step pictures tell brightness well enough, twelve of each kind do not prove it.
    return replace(learnt, trust=replace(learnt.trust, word="fair"))


class ColourJudge(JudgesItems):
    """Base of judges of colour items, which implement ``score(items)``."""

    extractor = ColourExtractor()
    version = "1"

    @property
    def stored_name(self):
        return self.name

    def explain(self, items, among=None):
        return [[] for _ in items]


def values_for(judge, pictures, prompts):
    """Values of a judge for pictures in memory, each with its prompt."""
    said = judge.values(PicturesInMemory(dict(enumerate(pictures)), dict(enumerate(prompts))))
    return np.asarray(said.values if isinstance(said, Values) else said, dtype=float)
