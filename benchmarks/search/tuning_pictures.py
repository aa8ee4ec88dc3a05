"""Measures recommended prompts by budget, on pictures of the embedded model.

Budgets are 20, 40, 80 and 160 pictures. The space is a castle in 6 palettes × 6 styles × 5 qualities × 3 guidances × 2
negative prompts: 1,080 choices. Every choice is drawn once with each of ``--pictures`` seeds (8 steps). Eight
properties of each picture's pixels are cached, so that all methods replay the same pictures. A world is a taste:
standard normal weights of the standardised properties, unknown to all methods. A rating is the taste's value for a
picture of the choice with a random seed, so the noise is that of the seeds. The true quality of a choice is its mean
over all seeds: 0 is the mean of all choices, 1 the best. Drawing resumes after an interruption, seed by seed.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from soart.benchmarks.common import key_of, stored_array
from soart.benchmarks.data.drawing import drawn
from soart.benchmarks.search.tuning import FAST, command_of, table
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.tiny.words import PALETTES, QUALITIES, STYLES
from soart.prompts.space.slots import Slot
from soart.prompts.space.space import PromptSpace

STEPS, SEED = 8, 50_505
SPACE = PromptSpace(
    (
        Slot("palette", [words[0] for words in PALETTES.values()]),
        Slot("style", [words[0] for words in STYLES.values()]),
        Slot("quality", [words[0] for words in QUALITIES.values()]),
        Slot("guidance", ["1.5", "3", "6"]),
        Slot("faults", ["", "blurry, noisy, faded"], "negative"),
    ),
    "a {quality} picture of a castle in {palette}, {style}",
)
CHOICES = np.array(list(product(*map(range, SPACE.levels))))
PROPERTIES = ("brightness", "contrast", "saturation", "warmth", "greenness", "sharpness", "texture", "centre")


def properties(pixels: np.ndarray) -> np.ndarray:
    """(n, 8) properties of (n, height, width, 3) uint8 pictures, in the order of ``PROPERTIES``."""
    rgb = pixels.astype(np.float64) / 255
    luma = rgb @ [0.299, 0.587, 0.114]
    # Second differences within two pixels, and first differences over four, in decibels.
    fine = 4 * luma[:, 1:-1, 1:-1] - luma[:, :-2, 1:-1] - luma[:, 2:, 1:-1] - luma[:, 1:-1, :-2] - luma[:, 1:-1, 2:]
    coarse = luma[:, 4:] - luma[:, :-4]
    inner = slice(luma.shape[1] // 4, -luma.shape[1] // 4)
    columns = [
        luma.mean(axis=(1, 2)),
        luma.std(axis=(1, 2)),
        (rgb.max(axis=3) - rgb.min(axis=3)).mean(axis=(1, 2)),
        (rgb[..., 0] - rgb[..., 2]).mean(axis=(1, 2)),
        (rgb[..., 1] - (rgb[..., 0] + rgb[..., 2]) / 2).mean(axis=(1, 2)),
        10 * np.log10((fine**2).mean(axis=(1, 2)) + 1e-5),
        10 * np.log10((coarse**2).mean(axis=(1, 2)) + 1e-5),
        luma[:, inner, inner].mean(axis=(1, 2)) - luma.mean(axis=(1, 2)),
    ]
    return np.column_stack(columns)


def measure_sound(count: int, cache: Path) -> np.ndarray:
    """(choices, count, 8) properties of every choice with each of ``count`` seeds; drawn once, then cached."""
    model = load_model(device="cpu")
    key = key_of(repr((SEED, STEPS, model.identity, SPACE.fingerprint, PROPERTIES)))
    folder = cache / "tuning" / f"pictures-{key}"
    order = np.argsort(CHOICES[:, 3], kind="stable")

    def draw(number: int) -> np.ndarray:
        generator = ImageGenerator(model, 16)
        requests = []
        for choice in CHOICES[order]:
            words = SPACE.render(choice)
            settings = {**words.settings, "steps": STEPS}
            requests.append(generator.request(words.prompt, SEED + number, negative=words.negative, **settings))
        found = np.empty((len(CHOICES), len(PROPERTIES)))
        found[order] = properties(drawn(generator, requests, f"drawing with seed {number + 1} of {count}"))
        return found

    tables = [stored_array(folder / f"seed-{number}.npy", partial(draw, number)) for number in range(count)]
    return np.stack(tables, axis=1)


@dataclass(frozen=True)
class PictureWorld:
    """A taste's (choices, seeds) values of all pictures."""

    values: np.ndarray

    @classmethod
    def of(cls, items: np.ndarray, seed: int) -> PictureWorld:
        """World number ``seed`` over the (choices, seeds, 8) properties."""
        weights = np.random.default_rng([80, seed]).standard_normal(items.shape[2])
        spread = items.mean(axis=1).std(axis=0)
        return cls(((items - items.mean(axis=(0, 1))) / spread) @ weights)

    @property
    def levels(self) -> tuple[int, ...]:
        """Options of each slot."""
        return SPACE.levels

    def rate(self, choices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n,) values of a picture of each choice with a random seed."""
        rows = np.ravel_multi_index(choices.T, SPACE.levels)
        return self.values[rows, rng.integers(0, self.values.shape[1], len(rows))]

    def quality(self, choice: np.ndarray) -> float:
        """True quality by means over all seeds: 0 for the mean of all choices, 1 for the best."""
        means = self.values.mean(axis=1)
        return float((means[np.ravel_multi_index(choice, SPACE.levels)] - means.mean()) / (means.max() - means.mean()))


def main() -> None:
    """Draw what the cache lacks, run what it lacks, and print the table."""
    arguments = command_of(__doc__, FAST, pictures=6).parse_args()
    warnings.filterwarnings("ignore")
    items = measure_sound(arguments.pictures, arguments.cache)
    folder = arguments.cache / "tuning" / f"pictures-{items.shape[1]}"
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    table("pictures", arguments.methods, seeds, arguments.budget, folder, lambda seed: PictureWorld.of(items, seed))


if __name__ == "__main__":
    main()
