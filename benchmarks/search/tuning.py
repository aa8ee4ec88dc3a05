"""Measures recommended prompts by budget, on synthetic spaces.

Budgets are 20, 40, 80 and 160 pictures, in batches of 8. A world has 8 slots of 6 options and standard normal main effects.
Every pair of options has an interaction of deviation 0.5, so that pairs make up nearly half of the variance. Rating noise
has deviation 0.5 (quiet) or 1.5 (noisy). Quality is the true value of the recommended choice: 0 is the mean of random
choices, 1 the best of the 1.7 million.

Other worlds are ``mixed``, with slots of 2 to 12 options; ``triples``, where options, pairs and triples of them each make
up about a third of the variance; and ``dominant``, with one slot of 40 options whose effects are three times those of the
seven others. Every run is cached, so the benchmark resumes. Worlds 0… are for reporting; the method was tuned on worlds
1000….
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from soart.benchmarks.common import cells, command, half_width, names_among, stored_json
from soart.benchmarks.search.tuners import OptunaGp, Ours, Random, Tpe, TpeOneByOne, Tuner
from soart.prompts.rating_model.choice_functions import Tables
from soart.prompts.rating_model.kernels import slot_of_column
from soart.prompts.steering.search import Domain, best_of

METHODS: dict[str, type[Tuner]] = {
    "soart": Ours,
    "random": Random,
    "tpe": Tpe,
    "tpe-1": TpeOneByOne,
    "optuna-gp": OptunaGp,
}
#: Methods that take seconds per run.
FAST = "soart,random,tpe,tpe-1"
#: Raise a version when a change makes cached runs of the method out of date.
VERSIONS = {"soart": 3}
PLAN = (20, 40, 80, 160)
BATCH = 8
Run = dict[str, Any]
#: A world with levels, ratings and qualities, as ``World``.
Taste = Any


@dataclass(frozen=True)
class Kind:
    """A kind of worlds: options of each slot, and deviations of noise and effects; other main effects have 1."""

    levels: tuple[int, ...]
    noise: float
    pairs: float
    triples: float = 0.0
    first_slot: float = 1.0


WORLDS = {
    "quiet": Kind((6,) * 8, noise=0.5, pairs=0.5),
    "noisy": Kind((6,) * 8, noise=1.5, pairs=0.5),
    "mixed": Kind((2, 3, 4, 5, 6, 8, 10, 12), noise=1.0, pairs=0.3),
    "triples": Kind((6,) * 8, noise=1.0, pairs=0.5, triples=0.35),
    "dominant": Kind((40, *(6,) * 7), noise=1.0, pairs=0.3, first_slot=3.0),
}


@dataclass(frozen=True)
class World:
    """A true taste: tables of effects, the mean over all choices and the best value; and effects of triples of slots."""

    truth: Tables
    noise: float
    mean: float
    top: float
    triples: dict[tuple[int, int, int], np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, seed: int) -> World:
        """World number ``seed`` of the kind ``name``."""
        kind = WORLDS[name]
        rng = np.random.default_rng([77, seed])
        width, slot = sum(kind.levels), slot_of_column(kind.levels)
        main = rng.standard_normal(width) * np.where(slot == 0, kind.first_slot, 1.0)
        upper = np.triu(kind.pairs * rng.standard_normal((width, width)), 1)
        pair = (upper + upper.T) * (slot[:, None] != slot)
        truth, domain = Tables(kind.levels, np.zeros(1), main[None], pair[None]), Domain.of(kind.levels)
        if kind.triples:
            # No search finds the best for certain, but there are few enough choices to look at all of them.
            triples = {
                slots: kind.triples * rng.standard_normal([kind.levels[s] for s in slots])
                for slots in combinations(range(len(kind.levels)), 3)
            }
            world = cls(truth, kind.noise, 0.0, 1.0, triples)
            values = np.concatenate([world.values(part) for part in np.array_split(domain.everything(), 100)])
            return replace(world, mean=float(values.mean()), top=float(values.max()))
        mean = float(truth(domain.random(rng, 20_000)).mean())
        best = best_of(truth, domain, rng, restarts=400)
        return cls(truth, kind.noise, mean, float(truth(best)[0, 0]))

    @property
    def levels(self) -> tuple[int, ...]:
        """Options of each slot."""
        return self.truth.levels

    def values(self, choices: np.ndarray) -> np.ndarray:
        """(n,) true values."""
        effects = (effect[tuple(choices[:, slots].T)] for slots, effect in self.triples.items())
        return sum(effects, start=self.truth(choices)[0])

    def rate(self, choices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n,) noisy ratings of a picture of each choice."""
        return self.values(choices) + self.noise * rng.standard_normal(len(choices))

    def quality(self, choice: np.ndarray) -> float:
        """Share of the way from the mean to the best."""
        return (float(self.values(choice[None])[0]) - self.mean) / (self.top - self.mean)


def run(tuner: Tuner, world: Taste, plan: Sequence[int], noise: np.random.Generator) -> Run:
    """Qualities at every planned number of pictures, and the seconds spent in the method."""
    quality, seconds, shown = [], 0.0, 0
    for goal in plan:
        while shown < goal:
            begun = time.perf_counter()
            batch = tuner.ask(min(tuner.batch or BATCH, goal - shown))
            seconds += time.perf_counter() - begun
            ratings = world.rate(batch, noise)
            begun = time.perf_counter()
            tuner.tell(batch, ratings)
            seconds += time.perf_counter() - begun
            shown += len(batch)
        begun = time.perf_counter()
        best = tuner.recommend()
        seconds += time.perf_counter() - begun
        quality.append(world.quality(best))
    return {"quality": quality, "seconds": seconds}


def cached(
    name: str,
    seed: int,
    plan: Sequence[int],
    folder: Path,
    world: Callable[[int], Taste],
    methods: Mapping[str, type[Tuner]] = METHODS,
    streams: tuple[int, int] = (78, 79),
) -> Run:
    """The run from the cache, or a new one; ``streams`` are of the noise and of the method's own randomness."""
    stem = f"{name}-v{VERSIONS.get(name, 1)}"
    # A run of a larger budget contains those of smaller ones; its seconds are those of the larger one.
    known = sorted(int(path.stem.split("-")[-2]) for path in folder.glob(f"{stem}-*-{seed}.json"))
    stored = next((size for size in known if size >= plan[-1]), plan[-1])

    def new() -> Run:
        noise, own = (np.random.default_rng([stream, seed]) for stream in streams)
        taste = world(seed)
        return run(methods[name](taste.levels, own), taste, plan, noise)

    found = stored_json(folder / f"{stem}-{stored}-{seed}.json", new)
    return {**found, "quality": found["quality"][: len(plan)]}


def table(
    title: str, methods: Sequence[str], seeds: Sequence[int], budget: int, folder: Path, world: Callable[[int], Taste]
) -> None:
    """Run what the cache lacks in these worlds, and print the qualities and the differences between soart and the others."""
    print(
        f"\n{title}: true quality of the recommended choice, mean ± half of the 90 % interval over {len(seeds)} worlds"
    )
    plan = [size for size in PLAN if size <= budget]
    print(f"{'method':12}" + "".join(f"{size:>16}" for size in plan) + f"{'s a run':>10}")
    results = {}
    for name in methods:
        runs = [cached(name, seed, plan, folder, world) for seed in seeds]
        results[name] = quality = np.array([row["quality"] for row in runs])
        print(f"{name:12}{cells(quality, '9.3f')}{np.mean([row['seconds'] for row in runs]):10.1f}", flush=True)
    if "soart" not in results or len(results) == 1:
        return
    print("soart − method, paired:")
    for name, quality in results.items():
        if name != "soart":
            print(f"{name:12}{cells(results['soart'] - quality, '+9.3f')}")
    for name in ("tpe", "tpe-1"):
        for ours, theirs in ((80, 160), (40, 80)):
            if name in results and budget >= theirs:
                ahead = results["soart"][:, PLAN.index(ours)] - results[name][:, PLAN.index(theirs)]
                half = half_width(ahead[:, None])[0]
                print(f"soart at {ours} − {name} at {theirs}: {ahead.mean():+.3f} ± {half:.3f}")


def command_of(
    description: str, methods: str, known: Sequence[str] = tuple(METHODS), plan: Sequence[int] = PLAN, **more: int
) -> argparse.ArgumentParser:
    """Parser of the arguments that the benchmarks of tuning share."""
    parser = command(description, cache=True, seeds=20, first=0, **more)
    parser.add_argument("--methods", type=names_among(known), default=methods, help=f"some of {', '.join(known)}")
    parser.add_argument("--budget", type=int, default=plan[-1], choices=plan, help="most pictures")
    return parser


def main() -> None:
    """Run what the cache lacks and print the tables."""
    parser = command_of(__doc__, FAST)
    parser.add_argument("--worlds", type=names_among(tuple(WORLDS)), default="quiet,noisy", help=", ".join(WORLDS))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    for kind in arguments.worlds:
        folder = arguments.cache / "tuning" / kind
        table(kind, arguments.methods, seeds, arguments.budget, folder, partial(World.of, kind))


if __name__ == "__main__":
    main()
