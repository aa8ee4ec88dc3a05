"""Planted tastes of pictures of the embedded model, on which ways to better pictures are measured.

A world is a taste: standard normal weights of eight properties of the pixels, which soart does not know (``tuning_pictures``). A
taste is learnt from n liked and n disliked pictures of other prompts and seeds, the upper and the lower third by the
world's value. What is reported is the world's own value, in standard deviations of the seeds of its prompt: 0 is the mean seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from soart.benchmarks.common import command, half_width, key_of, names_among, progress, stored_arrays, stored_json
from soart.benchmarks.data.drawing import drawn as pictures_of
from soart.benchmarks.search.tuning_pictures import PROPERTIES, properties
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.taste import LearntTaste, computed_priors, learn_taste
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.optimizing.examining import Examiner
from soart.training.judge import balanced_scenes, plain_prompt

STEPS, SEED, POOL, SEEDS = 8, 70_707, 192, 64
#: Subjects of the prompts, which worlds take in turn.
SUBJECTS = ("castle", "boat", "fox")
PRIORS = "technical", "appeal"


@dataclass(frozen=True, eq=False)
class Pictures:
    """Drawn once for all worlds."""

    pool: np.ndarray  # (n, 128, 128, 3) pictures to learn from, and their items (n, p)
    items: np.ndarray
    seeds: dict[str, np.ndarray]  # by subject, (64, 128, 128, 3) pictures of the first seeds
    spread: tuple[np.ndarray, np.ndarray]  # mean and standard deviation of the properties of the pool
    seconds: float  # of the processor that drawing and judging 64 pictures take

    @cache  # noqa: B019
    def items_of(self, subject: str) -> np.ndarray:
        """(64, p) items of the pictures of the first seeds of a subject."""
        return taste_extractor(EFFICIENTNET).extract(self.seeds[subject])


def drawn(generator: ImageGenerator, cache: Path) -> Pictures:
    """Pictures to learn from, and those of the first seeds of every prompt; drawn once, then cached."""
    extractor, model = taste_extractor(EFFICIENTNET), generator.model.identity
    scenes = balanced_scenes(POOL, SEED)

    def pool() -> dict[str, np.ndarray]:
        requests = [generator.request(plain_prompt(s, k % 3), SEED + k, steps=STEPS) for k, s in enumerate(scenes)]
        drawn_pool = pictures_of(generator, requests, "pictures to learn from")
        return {"pool": drawn_pool, "items": extractor.extract(drawn_pool)}

    def seeds() -> dict[str, np.ndarray]:
        found, spent = {}, []
        for subject in SUBJECTS:
            begun = time.process_time()
            requests = [generator.request(prompt_of(subject), k, steps=STEPS) for k in range(SEEDS)]
            found[subject] = pictures_of(generator, requests, subject)
            extractor.extract(found[subject])
            spent.append(time.process_time() - begun)
        return {**found, "seconds": np.array(np.median(spent))}

    key = key_of(repr((model, STEPS, SEED, POOL, SEEDS, SUBJECTS)))
    learnt = stored_arrays(cache / f"optimizing-pool-{key}.npz", pool)
    own = stored_arrays(cache / f"optimizing-seeds-{key}.npz", seeds)
    values = properties(learnt["pool"])
    spread = values.mean(axis=0), values.std(axis=0)
    return Pictures(learnt["pool"], learnt["items"], {s: own[s] for s in SUBJECTS}, spread, float(own["seconds"]))


def prompt_of(subject: str) -> str:
    """The prompt of a subject; it leaves palette and style open."""
    return f"a picture of a {subject}"


@dataclass(frozen=True, eq=False)
class World:
    """A planted taste over properties of pixels."""

    number: int
    pictures: Pictures

    def value(self, pixels: np.ndarray) -> np.ndarray:
        """(n,) true values of (n, 128, 128, 3) pictures."""
        weights = np.random.default_rng([81, self.number]).standard_normal(8)
        mean, spread = self.pictures.spread
        # Pictures beyond any of the pool are no better for that.
        values: np.ndarray = np.clip((properties(pixels) - mean) / spread, -4, 4) @ weights
        return values

    @property
    def words(self) -> list[str]:
        """The three properties that it likes or dislikes most, such as ``"more warmth"``."""
        weights = np.random.default_rng([81, self.number]).standard_normal(8)
        strongest = np.argsort(-np.abs(weights))[:3]
        names = [name if name != "centre" else "light in the centre" for name in PROPERTIES]
        return [f"{'more' if weights[k] > 0 else 'less'} {names[k]}" for k in strongest]

    @property
    def subject(self) -> str:
        """Subject that its prompt names."""
        return SUBJECTS[self.number % len(SUBJECTS)]

    def gain(self, pixels: np.ndarray) -> float:
        """True value of a picture in deviations from the seeds of its prompt."""
        seeds = self.value(self.pictures.seeds[self.subject])
        return float((self.value(pixels[None])[0] - seeds.mean()) / seeds.std())

    @cache  # noqa: B019
    def taste(self, size: int) -> LearntTaste:
        """The taste of ``size`` liked and as many disliked pictures."""
        extractor, order = taste_extractor(EFFICIENTNET), np.argsort(self.value(self.pictures.pool))
        rng, third = np.random.default_rng([82, self.number, size]), len(order) // 3
        rows = {"good": rng.permutation(order[-third:])[:size], "bad": rng.permutation(order[:third])[:size]}
        examples = from_modes({mode: self.pictures.items[numbers] for mode, numbers in rows.items()})
        own = computed_priors(PRIORS, examples.items, extractor.names)
        background = self.pictures.items, computed_priors(PRIORS, self.pictures.items, extractor.names)
        return learn_taste(
            replace(examples, priors=own), extractor.names, extractor.version, name=f"world {self.number}", prior_names=PRIORS,
            background=background, repeats=1, network=EFFICIENTNET,
        )  # fmt: skip


def mean_marks(examiner: Examiner, request: Request, pixels: np.ndarray) -> tuple[float, float]:
    """Mean adherence and mean freedom from faults of pictures, such as those of the first seeds."""
    marks = examiner.examine([as_drawn(request, one) for one in pixels])
    return float(np.nanmean([one.adherence for one in marks])), float(np.mean([one.freedom for one in marks]))


def as_drawn(request: Request, pixels: np.ndarray) -> DrawnPicture:
    """A picture (128, 128, 3) as if it were just drawn."""
    return DrawnPicture(request, pixels, None, 0.0)


def stem_of(world: World, size: int | str, method: str) -> str:
    """Name of the files of a run."""
    return f"{world.number:02}-{size}-{method.replace(' ', '-')}"


def command_of(description: str, methods: Sequence[str], pictures: int) -> argparse.ArgumentParser:
    """Parser of the arguments of benchmarks on these worlds."""
    parser = command(description, cache=True, tastes=20, first=0, pictures=pictures)
    sizes = names_among([str(n) for n in range(4, 61)])
    parser.add_argument("--sizes", type=sizes, default=["8", "30"], help="liked and disliked pictures")
    parser.add_argument("--methods", type=names_among(methods), default=list(methods), help="methods to compare")
    return parser


#: Facts of the runs of each size and method, one a world.
Results = dict[tuple[str, str], list[dict[str, Any]]]


def compared(
    arguments: argparse.Namespace, worlds: list[World], folder: Path, run: Callable[[World, int, str], dict[str, Any]]
) -> Results:
    """Facts of the runs in a folder, and of new ones of what it lacks."""
    results: Results = {}
    count, total = 0, len(arguments.sizes) * len(worlds) * len(arguments.methods)
    for world in worlds:
        for size in arguments.sizes:
            for method in arguments.methods:
                file = folder / f"{stem_of(world, size, method)}.json"
                found = stored_json(file, partial(run, world, int(size), method))
                results.setdefault((size, method), []).append(found)
                count += 1
                progress(count, total, "runs")
    return results


def report(results: Results, columns: Sequence[str], base: str) -> None:
    """Print a table for each size, with the paired difference of the gain from that of the method ``base``."""
    for size in dict.fromkeys(size for size, _ in results):
        print(f"\n{size}+{size}: mean ± 90 % interval; in brackets the paired difference of the true gain from {base}")
        print(f"{'method':16} " + " ".join(f"{name:>14}" for name in columns))
        for method in (method for of, method in results if of == size):
            table = np.array([[row.get(name, np.nan) for name in columns] for row in results[size, method]])
            pairs = zip(np.nanmean(table, axis=0), half_width(table), strict=True)
            shown = ["" if np.isnan(mean) else f"{mean:+.2f} ± {half:.2f}" for mean, half in pairs]
            line = f"{method:16} " + " ".join(f"{cell:>14}" for cell in shown)
            if (size, base) in results and method != base:
                apart = table[:, :1] - np.array([[row["gain"]] for row in results[size, base]])
                line += f"  [{apart.mean():+.2f} ± {half_width(apart)[0]:.2f}]"
            print(line)
