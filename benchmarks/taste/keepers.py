"""Measures trust within groups: how well it foretells the keepers of planted tastes, many seeds a prompt.

The renderer behind the embedded model draws random scenes on several seeds each. A synthetic person likes a mixture of
looks (light, colours, composition): of the scene as a whole, and to some degree of the single picture; a third of the
persons like scenes alone. The person rates some seeds of some scenes with 1 to 5 stars. A taste is learnt from them, and
its trust within prompts is compared with the truth: how often it picks the better of two pictures of a scene, over all
scenes that were not rated. The same for the technical score, which is not learnt. The method was developed on other scenes
and persons.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np

from soart.benchmarks.common import command, key_of, progress, stored_arrays
from soart.benchmarks.data.real_tastes import SMALL, looks
from soart.metrics.items.combined import taste_extractor
from soart.metrics.tastes.examples import from_ratings
from soart.metrics.tastes.taste import TECHNICAL, learn_taste, technical_prior
from soart.metrics.tastes.within_groups import WithinGroups, within_scores
from soart.training.judge import balanced_scenes
from soart.training.render import render

SEED = 61_803
SCENES, SEEDS = 100, 5
#: Prompts that a person rates, and seeds of each.
RATED = ((12, 4), (30, 4))
#: Persons of each kind: how much they like the looks of a picture beside those of its scene as a whole.
WITHIN = {"strong": 1.0, "weak": 0.4, "none": 0.0}


@dataclass(frozen=True)
class World:
    """Pictures of scenes, SCENES × SEEDS of them."""

    items: np.ndarray  # (n, p) items, without a network
    prompt: np.ndarray  # (n,) number of the scene
    technical: np.ndarray  # (n,) technical prior
    looks: np.ndarray  # (n, k) standardised looks

    def person(self, kind: str, number: int) -> np.ndarray:
        """(n,) stars 1–5 of a person."""
        rng = np.random.default_rng([SEED, 0, sorted(WITHIN).index(kind), number])
        weights = np.zeros(self.looks.shape[1])
        chosen = rng.choice(len(weights), rng.integers(1, 4), replace=False)
        weights[chosen] = rng.choice([-1, 1], len(chosen)) * rng.uniform(0.5, 1.5, len(chosen))
        liked = (self.looks @ weights).reshape(SCENES, SEEDS)
        scene = np.repeat(liked.mean(axis=1), SEEDS)
        within = liked.ravel() - scene
        liking = scene / scene.std() + WITHIN[kind] * within / within.std()
        liking += 0.5 * rng.normal(size=SCENES)[self.prompt] + 0.4 * rng.normal(size=len(liking))
        stars: np.ndarray = 1.0 + np.digitize(liking, np.quantile(liking, (0.2, 0.4, 0.6, 0.8)))
        return stars


def world(cache: Path) -> World:
    """The pictures, rendered and measured once."""
    scenes, extractor = balanced_scenes(SCENES, SEED), taste_extractor()
    key = repr((SEED, SEEDS, extractor.version, [astuple(scene) for scene in scenes]))

    def measured() -> dict[str, np.ndarray]:
        rows, small = [], []
        for k, scene in enumerate(scenes):
            for seed in range(SEEDS):
                picture = render(scene, np.random.default_rng([SEED, 0, k, seed]))
                rows.append(extractor.extract(picture)[0].astype(np.float32))
                side = picture.shape[0] // SMALL
                small.append(picture.reshape(SMALL, side, SMALL, side, 3).mean(axis=(1, 3)))
            progress(k + 1, SCENES, "rendering")
        return {"rows": np.stack(rows), "small": np.stack(small)}

    stored = stored_arrays(cache / f"keepers-{key_of(key)}.npz", measured)
    items, small = stored["rows"].astype(float), stored["small"] / 255
    values = np.stack(list(looks(small).values()), axis=1)
    technical = technical_prior(items, extractor.names)
    return World(
        items, np.repeat(np.arange(SCENES), SEEDS), technical, (values - values.mean(axis=0)) / values.std(axis=0)
    )


#: Estimates of persons, each with the truth.
Results = list[tuple[WithinGroups, float]]


def row(results: Results) -> str:
    """A line of the table."""
    known = [(e, t) for e, t in results if e.known]
    if not known:
        return "cannot say"
    covered, chance = np.mean([[e.low <= t <= e.high, e.chance] for e, t in known], axis=0)
    mean, width, truth = np.mean([[e.concordance, e.high - e.low, t] for e, t in known], axis=0)
    return f"{len(known):7} {truth:7.1%} {mean:10.1%} {width:7.1%} {covered:8.0%} {chance:7.0%}"


def measure(data: World, rated: tuple[int, int], persons: int) -> dict[tuple[str, str], Results]:
    """Results of learnt tastes and of the technical score, by what chooses and the kind of person."""
    names, kinds = taste_extractor().names, list(WITHIN)
    results: dict[tuple[str, str], Results] = {(name, kind): [] for name in ("taste", "technical") for kind in kinds}
    for number in range(persons):
        kind = kinds[number % len(kinds)]
        stars, rng = data.person(kind, number), np.random.default_rng([SEED, number, rated[0]])
        prompts = rng.choice(SCENES, rated[0], replace=False)
        learn = np.concatenate([rng.choice(np.flatnonzero(data.prompt == p), rated[1], replace=False) for p in prompts])
        test = np.flatnonzero(~np.isin(data.prompt, prompts))
        examples = from_ratings(data.items[learn], stars[learn], data.prompt[learn].tolist())
        taste = learn_taste(
            replace(examples, priors=data.technical[learn][:, None]), names, "v", prior_names=(TECHNICAL,), rng=rng,
            background=(data.items, data.technical[:, None]), prompts=data.prompt[learn],
        )  # fmt: skip
        estimates = {
            "taste": taste.trust.within or WithinGroups(),
            "technical": within_scores(stars[learn], data.technical[learn], data.prompt[learn]),
        }
        scores = {
            "taste": taste.score(data.items[test], data.technical[test][:, None], useless_ok=True),
            "technical": data.technical[test],
        }
        for name, estimate in estimates.items():
            truth = within_scores(stars[test], scores[name], data.prompt[test]).concordance
            results[name, kind].append((estimate, truth))
        progress(number + 1, persons, f"{rated[0]} prompts, persons")
    return results


def main() -> None:
    """Measure every kind of person, and print."""
    arguments = command(__doc__, cache=True, repetitions=50).parse_args()
    data = world(arguments.cache)
    print(f"{SCENES} scenes on {SEEDS} seeds each; pairs are pictures of one scene with different stars\n")
    print(f"{'chooses':10} {'rated':>7} {'within':8} {'persons':>7} {'truth':>7} {'estimated':>10} {'width':>7} "
          f"{'covered':>8} {'chance':>7}")  # fmt: skip
    for rated in RATED:
        results = measure(data, rated, arguments.repetitions)
        for name in ("taste", "technical"):
            parts = [results[name, kind] for kind in WITHIN]
            for kind, found in zip((*WITHIN, "all"), (*parts, [one for part in parts for one in part]), strict=True):
                print(f"{name:10} {rated[0]:>3} × {rated[1]} {kind:8} {row(found)}", flush=True)


if __name__ == "__main__":
    main()
