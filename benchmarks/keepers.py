"""Measures trust within groups: how well it foretells the keepers of planted tastes, many seeds a prompt.

    python benchmarks/keepers.py [--repetitions 50] [--development]

The embedded model draws random scenes on several seeds each. A synthetic person likes scenes as such, and within a
scene a mixture of looks: light, colours, composition, each as a deviation from the mean of the scene; a third of the
persons like scenes alone. The person rates some seeds of some scenes with 1 to 5 stars; a taste is learnt, and its
trust within prompts is compared with the truth: how often it picks the better of two pictures of all scenes that were
not rated. The same for a score that is not learnt. The method was developed on other scenes and persons
(``--development``).
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import astuple, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from real_tastes import SMALL, looks
from sources import default_cache

from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.tastes.examples import from_ratings
from soart.metrics.tastes.profile import TECHNICAL, learn_taste, technical_prior
from soart.metrics.tastes.within_groups import WithinGroups, within_scores
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.scoring.keepers import too_close
from soart.pipelines.tiny.judge import balanced_scenes, plain_prompt

SEED = 61_803
SCENES, SEEDS = 120, 6
#: Prompts that a person rates, and seeds of each.
RATED = ((12, 4), (30, 4))
#: Persons of each kind: weight of the looks within a scene beside a noise of 1.
WITHIN = {"strong": 3.0, "weak": 1.0, "none": 0.0}


@dataclass(frozen=True)
class World:
    """Pictures of scenes, SCENES × SEEDS of them.

    Attributes:
        items: (n, p) items, those of the network included.
        prompt: (n,) number of the scene.
        technical: (n,) technical prior.
        deviations: (n, k) looks as standardised deviations from the mean of the scene.
        noise: number of the world, from which persons are drawn.
    """

    items: np.ndarray
    prompt: np.ndarray
    technical: np.ndarray
    deviations: np.ndarray
    noise: int

    def person(self, kind: str, number: int) -> np.ndarray:
        """(n,) stars 1–5 of a person."""
        rng = np.random.default_rng([SEED, self.noise, sorted(WITHIN).index(kind), number])
        weights = np.zeros(self.deviations.shape[1])
        chosen = rng.choice(len(weights), rng.integers(1, 4), replace=False)
        weights[chosen] = rng.choice([-1, 1], len(chosen)) * rng.uniform(0.5, 1.5, len(chosen))
        within = self.deviations @ weights
        liking = 1.5 * rng.normal(size=SCENES)[self.prompt] + WITHIN[kind] * within / within.std()
        liking += rng.normal(size=len(liking))
        stars: np.ndarray = 1.0 + np.digitize(liking, np.quantile(liking, (0.2, 0.4, 0.6, 0.8)))
        return stars


def world(cache: Path, *, development: bool) -> World:
    """The pictures, drawn and measured once."""
    number = int(development)
    scenes = balanced_scenes(SCENES, SEED + number)
    loaded, extractor = load_model(device="cpu"), taste_extractor(default_network())
    key = repr((SEED, SEEDS, loaded.identity, extractor.version, [astuple(scene) for scene in scenes]))
    path = cache / f"keepers-{hashlib.sha256(key.encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        generator = ImageGenerator(loaded)
        requests = [
            generator.request(plain_prompt(scene, k % 3), SEED + 1000 * k + seed)
            for k, scene in enumerate(scenes)
            for seed in range(SEEDS)
        ]
        rows, small = [], []
        for batch in generator.draw(requests):
            rows += [extractor.extract(one.pixels)[0].astype(np.float32) for one in batch]
            sides = [one.pixels.shape[0] // SMALL for one in batch]
            small += [
                one.pixels.reshape(SMALL, side, SMALL, side, 3).mean(axis=(1, 3))
                for one, side in zip(batch, sides, strict=True)
            ]
            print(f"\rdrawing {len(rows)}/{len(requests)}", end="", flush=True)
        print()
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, rows=np.stack(rows), small=np.stack(small))
    with np.load(path) as stored:
        items, small = stored["rows"].astype(float), stored["small"] / 255
    prompt = np.repeat(np.arange(SCENES), SEEDS)
    values = np.stack(list(looks(small).values()), axis=1).reshape(SCENES, SEEDS, -1)
    deviations = (values - values.mean(axis=1, keepdims=True)).reshape(SCENES * SEEDS, -1)
    names = taste_extractor(default_network()).names
    return World(items, prompt, technical_prior(items, names), deviations / deviations.std(axis=0), number)


@dataclass
class Results:
    """Estimates and truths of one kind of person, and right picks by how clear the taste calls them."""

    estimates: list[WithinGroups]
    truths: list[float]
    calls: dict[bool, list[bool]]

    def row(self) -> str:
        """A line of the table."""
        known = [(e, t) for e, t in zip(self.estimates, self.truths, strict=True) if e.known]
        if not known:
            return "cannot say"
        covered = np.mean([e.low <= t <= e.high for e, t in known])
        width = np.mean([e.high - e.low for e, _ in known])
        mean, truth = np.mean([e.concordance for e, _ in known]), np.mean([t for _, t in known])
        chance = np.mean([e.chance for e, _ in known])
        share = {name: f"{np.mean(right):.0%}" if right else "–" for name, right in self.calls.items()}
        close = len(self.calls[True]) / max(1, sum(map(len, self.calls.values())))
        return (
            f"{len(known):6} {truth:7.1%} {mean:10.1%} {width:7.1%} {covered:9.0%} {chance:14.0%} "
            f"{share[False]:>12} {share[True]:>10} {close:10.0%}"
        )


def _add_calls(
    calls: dict[bool, list[bool]], profile: str, stars: np.ndarray, scores: np.ndarray, prompt: np.ndarray
) -> None:
    """Note of each pair of one prompt, rated differently, whether the higher score is right, by how clear it is."""
    for number in np.unique(prompt):
        for i, j in combinations(np.flatnonzero(prompt == number), 2):
            if stars[i] != stars[j] and scores[i] != scores[j]:
                right = bool((scores[i] - scores[j]) * (stars[i] - stars[j]) > 0)
                calls[too_close(profile, scores[i], scores[j])].append(right)


def measure(data: World, kind: str, rated: tuple[int, int], repetitions: int) -> dict[str, Results]:
    """Results of a learnt taste and of the technical score."""
    names = taste_extractor(default_network()).names
    results = {name: Results([], [], {False: [], True: []}) for name in ("taste", "technical")}
    for number in range(repetitions):
        stars = data.person(kind, number)
        rng = np.random.default_rng([SEED, number, rated[0]])
        prompts = rng.choice(SCENES, rated[0], replace=False)
        learn = np.concatenate([rng.choice(np.flatnonzero(data.prompt == p), rated[1], replace=False) for p in prompts])
        test = np.flatnonzero(~np.isin(data.prompt, prompts))
        examples = from_ratings(data.items[learn], stars[learn], data.prompt[learn].tolist())
        examples = replace(examples, priors=data.technical[learn][:, None])
        taste = learn_taste(
            examples, names, "v", prior_names=(TECHNICAL,), rng=rng, curve=False, network=default_network(),
            background=(data.items, data.technical[:, None]), prompts=data.prompt[learn],
        )  # fmt: skip
        scores = {
            "taste": taste.score(data.items[test], data.technical[test][:, None], useless_ok=True),
            "technical": data.technical[test],
        }
        estimates = {
            "taste": taste.trust.within or WithinGroups(),
            "technical": within_scores(stars[learn], data.technical[learn], data.prompt[learn]),
        }
        for name, found in results.items():
            found.estimates.append(estimates[name])
            found.truths.append(within_scores(stars[test], scores[name], data.prompt[test]).concordance)
        _add_calls(results["taste"].calls, "taste:planted", stars[test], scores["taste"], data.prompt[test])
        print(f"\r{kind}, {rated[0]} prompts: {number + 1}/{repetitions}", end="", flush=True)
    print("\r" + " " * 50 + "\r", end="")
    return results


def main() -> None:
    """Measure every kind of person, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=50)
    parser.add_argument("--development", action="store_true", help="on other scenes and persons")
    parser.add_argument("--cache", type=Path, default=default_cache())
    arguments = parser.parse_args()
    data = world(arguments.cache, development=arguments.development)
    print(f"{SCENES} scenes on {SEEDS} seeds each, {arguments.repetitions} persons of each kind")
    print("pairs are pictures of one prompt with different stars; intervals are 95 %\n")
    print(f"{'within a prompt':15} {'chooses':10} {'rated':>8} {'known':>6} {'truth':>7} {'estimated':>10} {'width':>7} "
          f"{'covered':>9} {'called chance':>14} {'clear right':>12} {'too close':>10} {'how many':>10}")  # fmt: skip
    for kind in WITHIN:
        for rated in RATED:
            for name, found in measure(data, kind, rated, arguments.repetitions).items():
                print(f"{kind:15} {name:10} {rated[0]:>4} × {rated[1]} {found.row()}", flush=True)


if __name__ == "__main__":
    main()
