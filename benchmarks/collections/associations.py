"""Measures how often *what goes with better pictures* calls noise certain, and what it misses.

A world is a number of prompts, words that are as frequent as words are, two models, and a score for each prompt. Scores
are normal, or crowded: 70 % of the prompts are at the ceiling. *Noise*: share of runs on permuted scores in which any
word or model has a false discovery rate below 5 %; it should be at most 7 %. *Found*: share of runs in which a planted
word has one, by how many standard deviations (of scores without a ceiling) it lowers the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from soart.benchmarks.common import command
from soart.pipelines.evaluation.associations import Association, Tally, findings

SHAPES = ("normal", "crowded")
#: Share of the prompts at the ceiling of crowded scores.
CROWD = 0.7
WORDS = 300
#: The word with an effect, and the share of prompts that have it.
PLANTED, SHARE = "planted", 0.2


@dataclass(frozen=True)
class World:
    """Prompts with their words, models and scores."""

    words: list[list[str]]  # of each prompt
    scores: np.ndarray  # (n,) float64, the mean score of each prompt


def make_world(shape: str, prompts: int, rng: np.random.Generator, effect: float = 0.0) -> World:
    """A world in which only the planted word has an effect: it lowers the score by so many standard deviations."""
    frequency = np.minimum(0.5, 2 / np.arange(1, WORDS + 1) ** 0.7)
    present = rng.random((prompts, WORDS)) < frequency
    planted = rng.random(prompts) < SHARE
    quality = rng.normal(size=prompts) - effect * planted
    if shape == "crowded":
        quality = np.minimum(quality, stats.norm.ppf(1 - CROWD))
    words = [
        [*(f"w{k}" for k in np.flatnonzero(row)), *([PLANTED] if has else [])]
        for row, has in zip(present, planted, strict=True)
    ]
    return World(words, 80 + 10 * quality)


def tallies_of(world: World) -> dict[str, Tally]:
    """Tallies of the words and of two models."""
    word, model = Tally("word"), Tally("model")
    for number, (words, score) in enumerate(zip(world.words, world.scores.tolist(), strict=True)):
        word.add(f"prompt {number}", words, 4, score)
        model.add(f"prompt {number}", [f"model {number % 2}"], 4, score)
    return {"word": word, "model": model}


def certain(found: list[Association]) -> set[str]:
    """The values that are called certain."""
    return {association.value for association in found if association.q <= 0.05}


def permuted(world: World, rng: np.random.Generator) -> World:
    """The world with its scores in random order."""
    return replace(world, scores=rng.permutation(world.scores))


def has_finding(world: World, rng: np.random.Generator) -> bool:
    """True if anything is certain once the scores are permuted."""
    return bool(certain(findings(tallies_of(permuted(world, rng)))))


def finds_planted(shape: str, prompts: int, effect: float, rng: np.random.Generator) -> bool:
    """True if the planted word of a fresh world is certain."""
    return PLANTED in certain(findings(tallies_of(make_world(shape, prompts, rng, effect))))


def main() -> None:
    """Print the table."""
    runs = command(__doc__, runs=300).parse_args().runs
    rng = np.random.default_rng(0)
    effects = (0.5, 0.75, 1.0)
    print("| scores | prompts | noise |", *(f"found, {effect:g} sd |" for effect in effects))
    print("|---|---|---|" + "---|" * len(effects))
    for shape in SHAPES:
        for prompts in (60, 200, 800):
            world = make_world(shape, prompts, rng)
            noise = np.mean([has_finding(world, rng) for _ in range(runs)])
            # Drawn and not used, so that the quoted figures stay.
            for _ in range(runs // 5):
                permuted(world, rng)
            power = [
                np.mean([finds_planted(shape, prompts, effect, rng) for _ in range(runs // 5)]) for effect in effects
            ]
            print(f"| {shape} | {prompts} | {noise:.1%} |", *(f"{share:.0%} |" for share in power), flush=True)


if __name__ == "__main__":
    main()
