"""Measures whether to begin with few options and propose others, against a fixed space of all.

Slots are the subjects, palettes, styles and qualities of the embedded model with all their synonyms, about twenty words
each. "all" is steered over all of them. "few" is given four random words of each slot, and "propose" begins with the same
four and changes its options between batches of 8 as ``soart tune --propose vocabulary`` does, with the rest as ``more``.
Meanings come from the text encoder of the embedded model, and all methods know them.

The effects of words have deviation 1 within a slot, of whose variance 0.7 is linear in the direction of their meaning.
Every pair of words has an interaction of deviation 0.3, and ratings have noise of deviation 0.5. Quality is the true value
of the recommended choice: 0 is the mean of random choices of all words, 1 the best of them. Every run is cached. Worlds 0…
are for reporting.
"""

from __future__ import annotations

import time
import warnings
from itertools import combinations

import numpy as np

import soart
from soart.benchmarks.common import cells, command, names_among, standard, stored_json
from soart.benchmarks.search.synonyms import SLOTS, words_of
from soart.benchmarks.search.tuning import BATCH, PLAN
from soart.pipelines.tuning.proposing import next_step
from soart.prompts.rating_model.choice_functions import Tables
from soart.prompts.rating_model.kernels import offsets
from soart.prompts.space.slots import Slot
from soart.prompts.steering.proposals import NeighbourProposer
from soart.prompts.steering.search import Domain, best_of
from soart.prompts.steering.spaces import Meanings, domain_of
from soart.prompts.steering.spaces import words_of as words_in
from soart.prompts.steering.steering import Steering

#: Share of the variance of effects that is linear in meaning.
LINEAR = 0.7
METHODS = ("propose", "all", "few")
FIRST, PAIRS, NOISE = 4, 0.3, 0.5
#: Raise it when a change makes cached runs out of date.
VERSION = 1


class World:
    """A taste on all words, which have meanings."""

    def __init__(self, seed: int, meanings: Meanings) -> None:
        rng = np.random.default_rng([92, seed])
        self.words = [words_of(factor)[0] for factor in SLOTS]
        self.levels = tuple(map(len, self.words))
        effects = []
        for words in self.words:
            vectors = np.array([meanings[word] for word in words])
            vectors -= vectors.mean(axis=0)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            linear = vectors @ rng.standard_normal(vectors.shape[1])
            both = [standard(values) for values in (linear, rng.standard_normal(len(words)))]
            effects.append(np.sqrt(LINEAR) * both[0] + np.sqrt(1 - LINEAR) * both[1])
        start, width = offsets(self.levels), sum(self.levels)
        pair = np.zeros((width, width))
        for i, j in combinations(range(len(SLOTS)), 2):
            block = PAIRS * rng.standard_normal((self.levels[i], self.levels[j]))
            rows, columns = start[i] + np.arange(self.levels[i]), start[j] + np.arange(self.levels[j])
            pair[np.ix_(rows, columns)], pair[np.ix_(columns, rows)] = block, block.T
        self.truth = Tables(self.levels, np.zeros(1), np.concatenate(effects)[None], pair[None])
        domain = Domain.of(self.levels)
        self.mean = float(self.truth(domain.random(rng, 20_000))[0].mean())
        self.top = float(self.truth(best_of(self.truth, domain, rng, restarts=200))[0, 0])
        self.first = [sorted(rng.permutation(level)[:FIRST].tolist()) for level in self.levels]

    def space(self, options: list[list[int]]) -> soart.PromptSpace:
        """A space of some of the words; the others are its ``more``."""
        slots = [
            Slot(name, [words[i] for i in chosen], more=[w for i, w in enumerate(words) if i not in chosen])
            for name, words, chosen in zip(SLOTS, self.words, options, strict=True)
        ]
        return soart.PromptSpace(tuple(slots))

    def choices_in(self, space: soart.PromptSpace, choices: np.ndarray) -> np.ndarray:
        """(n, slots) choices of a space as choices of all words."""
        places = [
            np.array([words.index(text) for text in slot.texts])
            for words, slot in zip(self.words, space.slots, strict=True)
        ]
        return np.column_stack([place[column] for place, column in zip(places, choices.T, strict=True)])


def run(method: str, world: World, seed: int, meanings: Meanings) -> dict[str, object]:
    """Qualities at every planned number of pictures, the number of words at the end, and seconds."""
    noise, rng = np.random.default_rng([93, seed]), np.random.default_rng([94, seed])
    begun = time.perf_counter()
    space = world.space([[*range(level)] for level in world.levels] if method == "all" else world.first)
    proposer = NeighbourProposer({})
    choices, ratings = np.zeros((0, len(SLOTS)), dtype=np.int64), np.zeros(0)

    def steering() -> Steering:
        known = {word: meanings[word] for word in words_in(space)}
        fitted = Steering(domain_of(space, known), repeats=True)
        if len(choices):
            fitted.tell(choices, ratings)
        return fitted

    quality, changed = [], BATCH
    for goal in PLAN:
        while len(choices) < goal:
            # As the tuner does, from the second batch on.
            if method == "propose" and len(choices) >= changed + BATCH:
                changed = len(choices)
                space, _ = next_step(
                    space, steering(), proposer, (), lambda texts: {t: meanings[t] for t in texts}, changed, rng
                )
            batch = steering().ask(min(BATCH, goal - len(choices)), rng)
            true = world.truth(world.choices_in(space, batch))[0]
            choices = np.vstack([choices, batch])
            ratings = np.concatenate([ratings, true + NOISE * noise.standard_normal(len(batch))])
        best = steering().recommend(rng).choice
        value = float(world.truth(world.choices_in(space, best[None]))[0, 0])
        quality.append((value - world.mean) / (world.top - world.mean))
    return {"quality": quality, "words": int(sum(map(len, space.options))), "seconds": time.perf_counter() - begun}


def main() -> None:
    """Run what the cache lacks, and print the table."""
    parser = command(__doc__, cache=True, seeds=20)
    parser.add_argument("--methods", type=names_among(METHODS), default=METHODS)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    generator = soart.ImageGenerator(soart.load_model(device="cpu"))
    meanings = generator.meanings([word for factor in SLOTS for word in words_of(factor)[0]])
    seeds, folder, results = range(arguments.seeds), arguments.cache / "tuning" / "proposing-related", {}
    print(f"true quality of the recommended choice, mean ± half of the 90 % interval over {len(seeds)} worlds")
    print(f"{'method':12}" + "".join(f"{size:>16}" for size in PLAN) + f"{'words':>7}{'s a run':>9}")
    for method in arguments.methods:
        runs = [
            stored_json(
                folder / f"{method}-v{VERSION}-{seed}.json",
                lambda seed=seed, method=method: run(method, World(seed, meanings), seed, meanings),
            )
            for seed in seeds
        ]
        results[method] = quality = np.array([row["quality"] for row in runs])
        words, seconds = (np.mean([row[name] for row in runs]) for name in ("words", "seconds"))
        print(f"{method:12}{cells(quality, '9.3f')}{words:7.1f}{seconds:9.1f}", flush=True)
    for method in results:
        if method != "propose" and "propose" in results:
            print(f"propose − {method}, paired:{cells(results['propose'] - results[method], '+9.3f')}")


if __name__ == "__main__":
    main()
