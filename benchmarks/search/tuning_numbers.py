"""Measures the tuning of numbers: weights of three LoRAs and of a word, guidance and steps, on the embedded model.

The LoRAs are those that the embedded model comes with: ``snow``, ``frame`` and ``night``. Every combination of a coarse grid is drawn with each of
``--pictures`` seeds and measured as in ``tuning_pictures.py``. A taste turns properties into values, and splines through
those of the grid give the value of each of 3.1 million choices: all methods look up the same truth. Even tastes are
weighted sums of the properties. Odd ones have an ideal picture, that of a random choice, and value falls with the squared
distance from it. A rating is the value with a random seed; quality is that of the mean over seeds: 0 is the mean of all
choices, 1 the best. Everything is cached, and drawing resumes.

"pictures to 0.9" is the number of pictures, in batches of 8, from which on the recommended choice has a quality of 0.9; runs
that never get there count as the budget and one batch more. "plots" is what people do by hand: plots of four by four
pictures over two numbers at a time, the best picture's numbers kept, and the next round over half the range around them.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, product
from pathlib import Path

import numpy as np
import optuna
from scipy.interpolate import make_interp_spline

from soart.benchmarks.common import cells, half_width, key_of, progress, stored_array
from soart.benchmarks.search.tuners import OptunaGp, Ours, Random, Tpe, TpeOneByOne, Tuner
from soart.benchmarks.search.tuning import BATCH, cached, command_of
from soart.benchmarks.search.tuning_pictures import PROPERTIES, properties
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import EMBEDDED_FOLDER, load_model
from soart.prompts.space.space import PromptSpace
from soart.prompts.steering.spaces import domain_of
from soart.prompts.steering.steering import Steering
from soart.training.changes import CHANGES

SEED = 60_606
SPACE = PromptSpace.parse_yaml("""
template: "a picture of a castle in cool colors, (watercolor:{watercolor}), <lora:snow:{snow}>, <lora:frame:{frame}>, <lora:night:{night}>"
slots:
  snow: {low: 0, high: 1.2, step: 0.1}
  frame: {low: 0, high: 1.2, step: 0.1}
  night: {low: 0, high: 1.2, step: 0.1}
  watercolor: {low: 0.4, high: 1.6, step: 0.1}
  guidance: {low: 1.5, high: 7, step: 0.5}
  steps: {low: 4, high: 12, step: 1}
""")
#: Option numbers of the grid that is drawn.
NODES = ((0, 4, 8, 12),) * 3 + ((0, 6, 12), (0, 5, 11), (0, 3, 8))
PLAN = (24, 40, 80, 160)
GOAL = 0.9
LORAS = EMBEDDED_FOLDER.parent / "loras"


def measured(count: int, cache: Path) -> tuple[np.ndarray, Path]:
    """The grid, drawn once and then cached.

    Returns:
        (4, 4, 4, 3, 3, 3, count, 8) properties of its pictures with each of ``count`` seeds, and the folder of the cache.
    """
    files = {name: LORAS / f"{name}.safetensors" for name in CHANGES}
    model = load_model(device="cpu", loras=files)
    digests = [hashlib.sha256(files[name].read_bytes()).hexdigest() for name in sorted(files)]
    key = key_of(repr((SEED, NODES, model.identity, digests, SPACE.fingerprint, PROPERTIES)))
    folder = cache / "tuning" / f"numbers-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    generator = ImageGenerator(model, 16)
    weights = list(product(*NODES[:3]))
    inner = sorted(product(*NODES[3:]), key=lambda choice: (choice[1:], choice[0]))
    found = np.empty((*map(len, NODES), count, len(PROPERTIES)))
    for number, outer in enumerate(weights):
        paths = [folder / f"{'-'.join(map(str, outer))}-{seed}.npy" for seed in range(count)]
        missing = [seed for seed in range(count) if not paths[seed].exists()]
        requests = []
        # Pictures of the same guidance and steps are drawn together.
        for _, alike in groupby(inner, key=lambda choice: choice[1:]):
            for rest, seed in product(list(alike), missing):
                words = SPACE.render((*outer, *rest))
                requests.append(generator.request(words.prompt, SEED + seed, **words.settings))
        if missing:
            pixels = np.stack([one.pixels for batch in generator.draw(requests) for one in batch])
            values = properties(pixels).reshape(len(inner), len(missing), -1)
            for place, seed in enumerate(missing):
                stored_array(paths[seed], partial(values.__getitem__, (slice(None), place)))
            progress(number + 1, len(weights), "drawing combinations of LoRAs")
        for seed, path in enumerate(paths):
            for rest, values in zip(inner, np.load(path), strict=True):
                place = tuple(nodes.index(option) for nodes, option in zip(NODES, (*outer, *rest), strict=True))
                found[(*place, seed)] = values
    return found, folder


def bases() -> list[np.ndarray]:
    """For each slot (options, nodes): the shares of the nodes' values in that of each option."""
    return [
        make_interp_spline(nodes, np.eye(len(nodes)), k=min(3, len(nodes) - 1))(np.arange(level))
        for nodes, level in zip(NODES, SPACE.levels, strict=True)
    ]


def at(table: np.ndarray, choice: np.ndarray, shares: list[np.ndarray]) -> np.ndarray:
    """(…) the values of a choice from those of the grid, whose first six axes are the slots."""
    for share, option in zip(shares, choice, strict=True):
        table = np.tensordot(share[option], table, axes=(0, 0))
    return table


@dataclass(frozen=True)
class NumbersWorld:
    """A taste's values of the grid, with the mean and the best value of all choices."""

    values: np.ndarray
    shares: list[np.ndarray]
    mean: float
    top: float

    @classmethod
    def of(cls, items: np.ndarray, seed: int) -> NumbersWorld:
        """World number ``seed`` over the properties of the grid."""
        rng, shares = np.random.default_rng([81, seed]), bases()
        means = items.mean(axis=-2).reshape(-1, items.shape[-1])
        scaled = (items - means.mean(axis=0)) / means.std(axis=0)
        weights = rng.standard_normal(items.shape[-1])
        if seed % 2:
            ideal = at(scaled.mean(axis=-2), rng.integers(0, SPACE.levels), shares)
            values = -((scaled - ideal) ** 2) @ weights**2
        else:
            values = scaled @ weights
        full = values.mean(axis=-1)
        for share in shares:
            full = np.tensordot(full, share, axes=(0, 1))
        return cls(values, shares, float(full.mean()), float(full.max()))

    @property
    def levels(self) -> tuple[int, ...]:
        """Options of each slot."""
        return SPACE.levels

    def rate(self, choices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n,) values of a picture of each choice with a random seed."""
        seeds = rng.integers(0, self.values.shape[-1], len(choices))
        return np.array(
            [at(self.values, choice, self.shares)[seed] for choice, seed in zip(choices, seeds, strict=True)]
        )

    def quality(self, choice: np.ndarray) -> float:
        """True quality by the mean over all seeds: 0 for the mean of all choices, 1 for the best."""
        return (float(at(self.values, choice, self.shares).mean()) - self.mean) / (self.top - self.mean)


class Soart(Ours):
    """soart, with the slots as numbers."""

    def __init__(self, levels: Sequence[int], rng: np.random.Generator) -> None:
        super().__init__(levels, rng)
        self.steering = Steering(domain_of(SPACE), repeats=True)


class TpeNumbers(Tpe):
    """Optuna's TPE on whole numbers."""

    def options(self, count: int) -> optuna.distributions.BaseDistribution:  # noqa: D102
        return optuna.distributions.IntDistribution(0, count - 1)


class TpeNumbersOneByOne(TpeNumbers, TpeOneByOne):
    """Optuna's TPE on numbers, with a rating after every picture."""


class OptunaGpNumbers(TpeNumbers, OptunaGp):
    """Optuna's Gaussian process sampler on numbers."""


class Plots(Tuner):
    """Plots over two numbers at a time, as people make them; the numbers of the best picture are kept."""

    pairs = ((0, 1), (2, 3), (4, 5))
    values = 4

    def __init__(self, levels: Sequence[int], rng: np.random.Generator) -> None:
        super().__init__(levels, rng)
        self.best = np.array(levels) // 2
        self._plots = 0
        self._waiting: list[np.ndarray] = []
        self._plot: list[tuple[float, np.ndarray]] = []

    def _axis(self, slot: int, width: float) -> np.ndarray:
        """Option numbers of a plot: evenly over ``width`` of the range around the best, within the range."""
        last = self.levels[slot] - 1
        low = min(max(self.best[slot] - width * last / 2, 0), last - width * last)
        return np.linspace(low, low + width * last, self.values).round().astype(np.int64)

    def ask(self, count: int) -> np.ndarray:  # noqa: D102
        while len(self._waiting) < count:
            first, second = self.pairs[self._plots % len(self.pairs)]
            width = 0.5 ** (self._plots // len(self.pairs))
            for pair in product(self._axis(first, width), self._axis(second, width)):
                choice = self.best.copy()
                choice[[first, second]] = pair
                self._waiting.append(choice)
            self._plots += 1
            self._plot = []
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return np.array(batch)

    def tell(self, choices: np.ndarray, ratings: np.ndarray) -> None:  # noqa: D102
        super().tell(choices, ratings)
        self._plot += list(zip(ratings.tolist(), choices, strict=True))
        if not self._waiting:
            self.best = max(self._plot, key=lambda pair: pair[0])[1]

    def recommend(self) -> np.ndarray:
        """The best picture of the plot, or of the last one while none of this was rated."""
        return max(self._plot, key=lambda pair: pair[0])[1] if self._plot else self.best


METHODS: dict[str, type[Tuner]] = {
    "soart": Soart,
    "optuna-gp": OptunaGpNumbers,
    "tpe": TpeNumbers,
    "tpe-1": TpeNumbersOneByOne,
    "plots": Plots,
    "random": Random,
}


def pictures_to_goal(quality: np.ndarray) -> np.ndarray:
    """(n,) pictures from which on the quality of (n, batches) runs is at least 0.9."""
    below = quality < GOAL
    last = np.where(below.any(axis=1), quality.shape[1] - below[:, ::-1].argmax(axis=1), 0)
    return BATCH * (last + 1)


def main() -> None:
    """Draw what the cache lacks, run what it lacks, and print the table."""
    arguments = command_of(
        __doc__, "soart,optuna-gp,tpe,tpe-1,plots,random", tuple(METHODS), PLAN, pictures=2
    ).parse_args()
    warnings.filterwarnings("ignore")
    items, folder = measured(arguments.pictures, arguments.cache)
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    # Runs belong to the grid that they look up.
    folder /= f"runs-{arguments.pictures}"
    print(f"numbers: true quality of the recommended choice, mean ± half of the 90 % interval over {len(seeds)} worlds")
    sizes = [size for size in PLAN if size <= arguments.budget]
    columns = [size // BATCH - 1 for size in sizes]
    print(
        f"{'method':12}"
        + "".join(f"{size:>16}" for size in sizes)
        + f"{'pictures to 0.9':>20}{'reached':>9}{'s a run':>9}"
    )
    goals: dict[str, np.ndarray] = {}
    batches = range(BATCH, arguments.budget + 1, BATCH)
    for name in arguments.methods:
        runs = [
            cached(name, seed, batches, folder, lambda seed: NumbersWorld.of(items, seed), METHODS, (82, 83))
            for seed in seeds
        ]
        quality = np.array([row["quality"] for row in runs])
        goals[name] = reached = pictures_to_goal(quality)
        shown = quality[:, columns]
        half = half_width(reached[:, None].astype(float))[0]
        share = (reached <= arguments.budget).mean()
        print(
            f"{name:12}{cells(shown, '9.3f')}{reached.mean():13.1f} ± {half:4.1f}{share:9.0%}"
            f"{np.mean([row['seconds'] for row in runs]):9.1f}",
            flush=True,
        )
    for name, reached in goals.items():
        if "soart" in goals and name != "soart":
            ahead = (goals["soart"] - reached).astype(float)
            print(f"soart − {name}, pictures to 0.9: {ahead.mean():+.1f} ± {half_width(ahead[:, None])[0]:.1f}; "
                  f"ratio of the means {goals['soart'].mean() / reached.mean():.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
