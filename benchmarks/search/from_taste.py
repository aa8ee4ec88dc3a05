"""Measures whether a tune begins better with what a taste knows of words, and what it loses where that is wrong.

A synthetic person rates pictures of random prompts of a space. A taste is learnt from them. The taste, or with ``--judge person``
the person by stars, judges the pictures of a tune of the same space. The tune runs with and without the effects of options that
the taste's pictures carry; recommended is the best choice by the rating model after every batch. Quality is the mean over seeds,
by the judge or by what the person likes of a choice: 0 for the mean of all choices, 1 for the best. Told are the pictures drawn
until it is 0.9 (``MOST`` and a batch if it never is), and the qualities before the first picture, after one batch, two, and at
the end. Intervals are 95 % t intervals over persons, of paired differences.

Of a person's liking a fixed share is that of words as such; most of the rest is a liking of what pictures show, which words
change too, and of which most is up to the seed.

* ``planted``: four slots of six options with items that are random numbers. In *another model*, options change the pictures
  of the tune in other ways than those that were rated: the worst case, because the share of words as such is 0.
* ``pictures``: pictures by the embedded model of a castle in 6 palettes × 6 styles × 4 qualities, four seeds each. Rated are
  such pictures of other subjects.

The method was chosen on persons 1000….
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from soart.benchmarks.common import command, interval, key_of, progress, stored_arrays, stored_json
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.protocols import Making
from soart.metrics.tastes.examples import from_ratings
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.liked_makings import contrasts_of_options, liking_of_makings
from soart.pipelines.ingest.metadata.words import prompt_words
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.scoring.opinions import MIDDLE
from soart.pipelines.tiny.words import PALETTES, QUALITIES, STYLES, SUBJECTS
from soart.pipelines.tuning.from_taste import STARS
from soart.prompts.space.slots import Slot
from soart.prompts.space.space import PromptSpace
from soart.prompts.steering.search import Domain
from soart.prompts.steering.steering import Steering

#: Shares of words as such, and pictures that a person rates.
SHARES, RATINGS = (0.6, 0.0), 32
#: Pictures of a batch, most pictures, and the quality that is waited for.
BATCH, MOST, GOOD = 8, 64, 0.9
#: Share of a liking of what pictures show in what is not words as such; the rest is single pictures.
SHOWN = 0.7
#: Principal components of the items that a liking of what pictures show is made of.
COMPONENTS = 12
#: Seeds of every choice, and steps of the embedded model.
SEEDS, STEPS, SEED = 4, 8, 48_000
SPACE = PromptSpace(
    (
        Slot("palette", [words[0] for words in PALETTES.values()]),
        Slot("style", [words[0] for words in STYLES.values()]),
        Slot("quality", [words[0] for words in QUALITIES.values()][:4]),
    ),
    "a {quality} picture of a castle in {palette}, {style}",
)


@dataclass(frozen=True)
class Place:
    """Pictures to rate, and pictures of every choice of a space."""

    levels: tuple[int, ...]  # options of each slot
    names: tuple[str, ...]  # (p,) names of the items
    rated: np.ndarray  # (m, p) items of the pictures to rate, and (choices · seeds, p) of the pictures of every choice
    items: np.ndarray
    rated_choices: np.ndarray  # (m, S) their choices
    makings: Sequence[Making]  # (choices,) makings of the choices, as of pictures that are not drawn yet
    rated_makings: Sequence[Making]  # (m,) and (choices · seeds,) makings

    @property
    def choices(self) -> np.ndarray:
        """(choices, S) every choice."""
        return np.array(list(product(*map(range, self.levels))))


def planted(person: int, *, another: bool) -> Place:
    """A place of random items, ``another`` if the tune's model draws other things for the same words."""
    levels, rng = (6,) * 4, np.random.default_rng([48, person])
    names, seeds = tuple(f"colour/luma/{k}" for k in range(24)), SEEDS
    shown = [rng.normal(size=(level, len(names))) for level in levels]
    drawn = [rng.normal(size=(level, len(names))) for level in levels] if another else shown

    def pictures(choices: np.ndarray, effects: Sequence[np.ndarray]) -> np.ndarray:
        by_words = sum(effect[choices[:, s]] for s, effect in enumerate(effects)) / np.sqrt(len(levels))
        items: np.ndarray = by_words + 1.5 * rng.normal(size=(len(choices), len(names)))
        return items

    def made(choices: np.ndarray) -> list[Making]:
        return [Making(words=tuple(f"zz{s}{'abcdef'[o]}" for s, o in enumerate(row))) for row in choices.tolist()]

    every = np.array(list(product(*map(range, levels))))
    rated = rng.integers(0, 6, (200, len(levels)))
    return Place(
        levels,
        names,
        pictures(rated, shown),
        pictures(np.repeat(every, seeds, axis=0), drawn),
        rated,
        made(every),
        made(rated),
    )


def drawn(cache: Path) -> Place:
    """The place of pictures by the embedded model; drawn and measured once."""
    model = load_model(device="cpu")
    extractor, rng = taste_extractor(default_network()), np.random.default_rng(SEED)
    every = np.array(list(product(*map(range, SPACE.levels))))
    rated = np.column_stack([rng.integers(0, level, 240) for level in SPACE.levels])
    subjects = rng.choice([subject for subject in SUBJECTS if subject != "castle"], len(rated)).tolist()
    prompts = [SPACE.render(tuple(choice)).prompt for choice in every.tolist()]
    others = [SPACE.render(tuple(c)).prompt.replace("castle", s) for c, s in zip(rated.tolist(), subjects, strict=True)]
    wanted = [(prompt, SEED + k) for prompt in prompts for k in range(SEEDS)]
    wanted += [(prompt, 2 * SEED + k) for k, prompt in enumerate(others)]

    def measure() -> dict[str, np.ndarray]:
        generator, rows = ImageGenerator(model, 16), []
        for batch in generator.draw([generator.request(prompt, seed, steps=STEPS) for prompt, seed in wanted]):
            rows += [extractor.extract(one.pixels)[0].astype(np.float32) for one in batch]
            progress(len(rows), len(wanted), "drawing and measuring")
        return {"items": np.stack(rows)}

    key = key_of(repr((model.identity, extractor.version, wanted, STEPS)))
    items = stored_arrays(cache / f"from-taste-{key}.npz", measure)["items"].astype(float)
    count = len(every) * SEEDS

    def made(texts: Sequence[str]) -> list[Making]:
        return [Making(words=tuple(prompt_words(text)), negative=()) for text in texts]

    return Place(SPACE.levels, extractor.names, items[count:], items[:count], rated, made(prompts), made(others))


@dataclass(frozen=True)
class Person:
    """A synthetic person's liking of every choice, and what judges a tune: the person, or a taste learnt from ratings."""

    wanted: np.ndarray  # (choices,) the person's own mean liking of pictures of every choice
    values: np.ndarray  # (choices, seeds) values of pictures by the judge
    effects: np.ndarray  # (Σ|s|,) effects of options that the rated pictures carry, in the unit of the values

    @classmethod
    def of(cls, place: Place, number: int, share: float, judge: str) -> Person:
        """Learn the taste of person ``number`` from some ratings; values in standard deviations of those rated, or in stars."""
        rng = np.random.default_rng([49, number])
        scaling = Scaling.of(place.rated, np.zeros((len(place.rated), 0)), place.names)
        z, new = scaling.frame.deviations(place.rated), scaling.frame.deviations(place.items)
        words = [rng.normal(size=level) for level in place.levels]
        as_such = [_of_words(words, choices) for choices in (place.rated_choices, place.choices)]
        axes = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)[2][:COMPONENTS]
        direction = axes.T @ rng.normal(size=len(axes))
        shows = [rows @ direction for rows in (z, new)]
        parts = [np.sqrt(share) * (one - as_such[0].mean()) / as_such[0].std() for one in as_such]
        rest = [np.sqrt((1 - share) * SHOWN) * (one - shows[0].mean()) / shows[0].std() for one in shows]
        alone = np.sqrt((1 - share) * (1 - SHOWN))
        liking = parts[0] + rest[0] + alone * rng.normal(size=len(z))
        rows = rng.permutation(len(liking))[:RATINGS]
        stars = _stars(liking[rows])
        makings = np.full(len(rows), None)
        makings[:] = [place.rated_makings[row] for row in rows]
        examples = replace(from_ratings(place.rated[rows], stars), makings=makings)
        mean, _ = liking_of_makings(examples, place.makings)
        effects, shown = contrasts_of_options(place.choices, place.levels) @ mean, rest[1].reshape(-1, SEEDS)
        wanted = parts[1] + shown.mean(axis=1)
        if judge == "person":
            values = _stars(parts[1][:, None] + shown + alone * rng.normal(size=shown.shape))
            return cls(wanted, values - MIDDLE, STARS * effects)
        fitted = fit(examples, place.names, scaling)
        unit = float(fitted(examples.items, examples.priors, makings).std())
        made = [making for making in place.makings for _ in range(SEEDS)]
        values = fitted(place.items, np.zeros((len(place.items), 0)), made).reshape(-1, SEEDS) / unit
        return cls(wanted, values, effects / unit)


def _stars(liking: np.ndarray) -> np.ndarray:
    """Ratings from 1 to 5, in halves, of likings in standard deviations."""
    stars: np.ndarray = np.clip(np.round(2 * (MIDDLE + 1.2 * liking)) / 2, 1, 5)
    return stars


def _of_words(words: Sequence[np.ndarray], choices: np.ndarray) -> np.ndarray:
    """(n,) sums of the effects of the options of (n, S) choices."""
    total: np.ndarray = sum((effect[choices[:, s]] for s, effect in enumerate(words)), start=np.zeros(len(choices)))
    return total


def run(place: Place, person: Person, number: int, *, known: bool) -> list[tuple[float, float]]:
    """Qualities of the recommended choice by the judge and by the person, before the first picture and after every batch."""
    domain, rng, noise = (
        Domain.of(place.levels),
        np.random.default_rng([50, number]),
        np.random.default_rng([51, number]),
    )
    expected = {"judge": person.effects} if known else {}
    steering = Steering(domain, goal={"judge": 1.0}, repeats=True, expected=expected)
    found = []
    for _ in range(MOST // BATCH + 1):
        best = int(np.ravel_multi_index(tuple(steering.recommend(rng).choice), place.levels))
        both = [(m[best] - m.mean()) / (m.max() - m.mean()) for m in (person.values.mean(axis=1), person.wanted)]
        # Without a picture and without a taste nothing is recommended.
        found.append((float(both[0]), float(both[1])) if known or found else (0.0, 0.0))
        batch = steering.ask(BATCH, rng)
        rows = np.ravel_multi_index(tuple(batch.T), place.levels)
        told = person.values[rows, noise.integers(0, SEEDS, len(rows))]
        steering.tell(batch, told, raters=["judge"] * len(batch))
    return found


def until_good(qualities: np.ndarray) -> np.ndarray:
    """(n,) pictures until the quality of (n, batches + 1) is good."""
    good = np.column_stack([qualities >= GOOD, np.ones(len(qualities), dtype=bool)])
    pictures: np.ndarray = BATCH * good.argmax(axis=1)
    return pictures


def report(title: str, runs: np.ndarray) -> None:
    """Print what (persons, 2, batches + 1, 2) qualities tell, without and with the taste's effects."""
    print(f"  {title}")
    for at, whose in enumerate(("the judge", "the person")):
        without, with_ = runs[..., at].transpose(1, 0, 2)
        pictures = [until_good(one) for one in (without, with_)]
        mean, low, high = interval(pictures[1] - pictures[0])
        line = f"    by {whose}: pictures {pictures[0].mean():.1f}, {pictures[1].mean():.1f} ({mean:+.1f}: {low:+.1f} … {high:+.1f}); quality"
        for when in (0, 1, 2, -1):
            mean, low, high = interval(with_[:, when] - without[:, when])
            line += f" | {BATCH * (when % with_.shape[1])}: {without[:, when].mean():.2f}, {with_[:, when].mean():.2f} ({mean:+.3f}: {low:+.3f} … {high:+.3f})"
        print(line, flush=True)


def main() -> None:
    """Run what the cache lacks and print the tables."""
    parser = command(__doc__, cache=True, persons=40)
    parser.add_argument("--judge", choices=("taste", "person"), default="taste")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    folder = arguments.cache / "from-taste"
    cases = [("planted", share, False) for share in SHARES] + [("planted", 0.0, True)]
    cases += [("pictures", share, False) for share in SHARES]
    pictures = drawn(arguments.cache)

    def both(part: str, number: int, share: float, another: bool) -> list[list[tuple[float, float]]]:
        place = pictures if part == "pictures" else planted(number, another=another)
        person = Person.of(place, number, share, arguments.judge)
        return [run(place, person, number, known=known) for known in (False, True)]

    for part, share, another in cases:
        runs = []
        for person in range(arguments.persons):
            name = f"{arguments.judge}-{part}-{share:g}{'-another' * another}-{RATINGS}-{person}.json"
            runs.append(stored_json(folder / name, partial(both, part, person, share, another)))
            progress(len(runs), arguments.persons, part)
        title = f"{part}, {'another model' if another else f'share of words {share:g}'}, {RATINGS} ratings, judged by the {arguments.judge}"
        report(title, np.array(runs))


if __name__ == "__main__":
    main()
