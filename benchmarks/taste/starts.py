"""Compares starts of tastes, and their trust reports, on pictures by generators that people rated.

CLONES is a folder of clones of AGIQA-3K and OMI, see ``benchmarks/data/ai_pictures.py``. A synthetic person likes what people say
of the pictures, models as such, a random direction of the items' principal components, and single pictures, with the shares of
the variance in ``SETS``. The upper two fifths are liked, the lower two disliked, of at most 600 pictures of sixty prompts. A
taste learns from pictures of half of the prompts and is tested on those of the others.

``starts`` prints AUCs by what a taste starts from, with models and prompts told or not, and with models permuted among the
pictures; ridge sees the items. ``trust`` prints what reports say, with the real people of ``people.py`` (the half for
development) beside these persons. The levels and the gain of ``metrics/tastes/true_auc.py`` are a ridge regression of the log-odds
of the true AUC, in which all sets weigh alike; *left out* is what is said with those of the other sets. Intervals are 95 % t
intervals over persons, of paired differences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import logit
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score, root_mean_squared_error

from soart.benchmarks.common import command, interval, liked_fifths, standard, stored_json
from soart.benchmarks.data.ai_pictures import ai_pictures
from soart.benchmarks.data.people import people
from soart.benchmarks.taste.people_report import split
from soart.metrics.items.combined import default_network, taste_extractor, with_nima
from soart.metrics.items.frame import Frame
from soart.metrics.protocols import Making
from soart.metrics.tastes import true_auc
from soart.metrics.tastes.examples import Examples, from_modes
from soart.metrics.tastes.fitting import Scaling, evidence_of, fit
from soart.metrics.tastes.folds import near_duplicates
from soart.metrics.tastes.taste import computed_priors, priors_of_items
from soart.metrics.tastes.true_auc import TrueAuc
from soart.metrics.tastes.trust import cross_validate, kind_of, signs_in
from soart.pipelines.ingest.metadata.words import prompt_words
from soart.training.appeal import learn_appeal

SIZES, NAMES = (8, 16), with_nima(taste_extractor(default_network())).names
PRIORS = priors_of_items(NAMES)
#: By title the set, the shares of what people say, of the model and of the items, and True for pictures by one model alone.
SETS = {
    "AGIQA-3K": ("AGIQA-3K", (0.35, 0.15, 0.2), False),
    "AGIQA-3K, own": ("AGIQA-3K", (0.08, 0.1, 0.25), False),
    "one model": ("AGIQA-3K", (0.25, 0.0, 0.1), True),
    "OMI": ("OMI", (0.3, 0.0, 0.1), True),
}
#: Fewest pictures of a model, most pictures and prompts of a collection, components, and repetitions of the cross-validation.
FEWEST, POOL, PROMPTS, COMPONENTS, REPEATS = 200, 600, 60, 24, 2
#: Fewest liked and disliked photographs that a person's taste is tested on: the AUC of fewer is no truth to compare with.
FEWEST_TESTED = 12
#: Precision of the prior of the regression, but for the level.
RIDGE = np.diag([0.0, 2.0, 2.0, 2.0])
#: Of each form its number of prior scores, and what is known of makings.
FORMS = {
    "as before": (2, "nothing"),
    "with NIMA": (3, "nothing"),
    "as before, told": (2, "words"),
    "with NIMA, told": (3, "words"),
    "and means of models": (3, "all"),
    "models permuted": (3, "permuted"),
}


@dataclass(frozen=True)
class Split:
    """A person's collection of n pictures, with the rows to learn from, of which half are liked, and to test."""

    items: np.ndarray
    told: np.ndarray
    makings: np.ndarray | None
    label: np.ndarray
    groups: np.ndarray
    learn: np.ndarray
    test: np.ndarray

    def learnt(self, count: int = 3, known: str = "all", seed: int = 0) -> tuple[Examples, Scaling, float]:
        """Examples, their scaling, and the AUC on the tested pictures."""
        rows, half, made = self.learn, len(self.learn) // 2, self.makings
        priors, names = self.told[:, :count], PRIORS[:count]
        parts = {"good": rows[:half], "bad": rows[half:]}
        examples = from_modes(*({mode: of[k] for mode, k in parts.items()} for of in (self.items, self.groups)))
        examples = replace(examples, priors=priors[rows], prior_names=names)
        if made is not None:
            if known == "permuted":
                models = np.random.default_rng(seed).permutation([one.model for one in made])
                made = objects([replace(one, model=str(model)) for one, model in zip(made, models, strict=True)])
            made = objects([Making()] * len(made)) if known == "nothing" else made
            examples = replace(examples, makings=made[rows])
        scaling = Scaling.of(self.items, priors, NAMES, names, made if known in ("all", "permuted") else None)
        groups = near_duplicates(scaling.frame.deviations(examples.items), examples.groups).astype(np.str_)
        examples, test = replace(examples, groups=groups), self.test
        scores = fit(examples, NAMES, scaling)(self.items[test], priors[test], None if made is None else made[test])
        return examples, scaling, self.auc(scores)

    def auc(self, scores: np.ndarray) -> float:
        """AUC of scores of the tested pictures."""
        return float(roc_auc_score(self.label[self.test] == 1, scores))

    def ridge(self) -> float:
        """AUC of ridge on the items."""
        z = Frame.of(self.items, NAMES).deviations(self.items)
        found = RidgeCV(z.shape[1] * np.logspace(-3, 2, 11)).fit(z[self.learn], self.label[self.learn])
        return self.auc(found.predict(z[self.test]))


def objects(values: list[Making]) -> np.ndarray:
    """(n,) of objects."""
    array = np.full(len(values), None)
    array[:] = values
    return array


def persons_of(title: str, clones: Path, cache: Path, count: int) -> Iterator[list[Split]]:
    """Yield the splits of each person, one a size."""
    name, shares, one = SETS[title]
    (place,) = ai_pictures(clones, cache, [name])
    items, models, texts = place.items(cache), place.model.tolist(), place.prompt.tolist()
    told = computed_priors(PRIORS, items, NAMES)
    makings = objects(
        [Making(m, (), words=tuple(prompt_words(t)), negative=()) for m, t in zip(models, texts, strict=True)]
    )
    z = Frame.of(items, NAMES).deviations(items)
    left, lengths, _ = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    components = left[:, :COMPONENTS] * np.sqrt(lengths[:COMPONENTS])
    common, prompts = [model for model, n in Counter(models).items() if n >= FEWEST], np.unique(texts)
    for person in range(count):
        rng = np.random.default_rng([5, person])
        drawn = np.isin(texts, rng.permutation(prompts)[:PROMPTS])
        rows = rng.permutation(np.flatnonzero(place.model == common[person % len(common)] if one else drawn))[:POOL]
        by_model = rng.normal(size=len(items))[np.unique(place.model[rows], return_inverse=True)[1]]
        parts = [
            place.opinions[rows],
            by_model,
            components[rows] @ rng.normal(size=COMPONENTS),
            rng.normal(size=len(rows)),
        ]
        liking = np.sqrt([*shares, 1 - sum(shares)]) @ np.stack([standard(part) for part in parts])
        label = liked_fifths(liking)
        own = rng.permutation(np.unique(place.prompt[rows]))
        first = np.isin(place.prompt[rows], own[: len(own) // 2])
        sides = [rng.permutation(np.flatnonzero(first & (label == side))) for side in (1, -1)]
        collection = items[rows], told[rows], makings[rows], label, place.prompt[rows]
        test = np.flatnonzero(~first & (label != 0))
        yield [Split(*collection, np.concatenate([side[:size] for side in sides]), test) for size in SIZES]


def real_people(cache: Path, count: int) -> Iterator[list[Split]]:
    """As ``persons_of``, of real people's photographs, of which nothing else is known."""
    place, other = (people(cache, development=half) for half in (True, False))
    told = place.told_with(learn_appeal([other.opinions()], other.names).scores(place.both, place.names))
    for person in range(min(count, len(place))):
        parts = [split(place, person, size) for size in SIZES]
        splits = [Split(place.both, told, None, of[0], place.source, *of[1:]) for of in parts if of is not None]
        yield [one for one in splits if min(np.sum(one.label[one.test] == side) for side in (1, -1)) >= FEWEST_TESTED]


def starts(clones: Path, cache: Path, count: int) -> None:
    """Print AUCs by what a taste starts from."""
    for title in ("AGIQA-3K", "AGIQA-3K, own", "OMI"):
        reached: dict[int, list[list[float]]] = {size: [] for size in SIZES}
        for person, splits in enumerate(persons_of(title, clones, cache, count)):
            for size, one in zip(SIZES, splits, strict=True):
                reached[size].append([*(one.learnt(*form, person)[2] for form in FORMS.values()), one.ridge()])
        for size, rows in reached.items():
            print(f"\n{title}, {size}+{size}, {count} persons")
            for form, values in zip((*FORMS, "ridge"), np.array(rows).T, strict=True):
                mean, low, high = interval(values - np.array(rows)[:, 0])
                print(
                    f"  {form:20} {values.mean():.3f}  − as before {mean:+.3f} ({low:+.3f} … {high:+.3f})", flush=True
                )


def figures_of(one: Split, person: int) -> list[float]:
    """Held-out and true AUC, evidence, both signs of the rated pictures, and 1 where starts say less."""
    examples, scaling, true = one.learnt()
    rng = np.random.default_rng(person)
    held_out = cross_validate(examples, lambda some, _: fit(some, NAMES, scaling), rng, REPEATS).concordance
    less = float(kind_of(examples, content=True) == "alike")
    return [held_out, true, evidence_of(examples, scaling), *signs_in(examples), less]


def trust(clones: Path, cache: Path, count: int) -> None:
    """Print what trust reports say of each set, as they are and with numbers learnt on the others."""

    def run() -> list[list[object]]:
        places = [(title, persons_of(title, clones, cache, count)) for title in SETS]
        places.append(("photographs", real_people(cache, count)))
        persons = ((title, person, one) for title, of in places for person, splits in enumerate(of) for one in splits)
        return [[title, len(one.learn) // 2, *figures_of(one, person)] for title, person, one in persons]

    rows = [row for row in stored_json(cache / f"starts-trust-{count}.json", run) if np.isfinite(row[2])]
    title, size = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    held_out, true, evidence, appeal, order, less = np.array([row[2:] for row in rows], dtype=float).T
    told = np.column_stack([np.ones(len(rows)), np.log(size / 8), 4 * (order - true_auc.STARTS), less])
    target, weight = logit(np.clip(true, 0.05, 0.97)), np.array([len(rows) / (title == name).sum() for name in title])
    weight /= weight.mean()

    def learnt(some: np.ndarray) -> np.ndarray:
        weighed = told[some].T * weight[some]
        found: np.ndarray = np.linalg.solve(weighed @ told[some] + RIDGE, weighed @ target[some])
        return found

    level, slope, gain, alike = learnt(title != "")
    print(f"shared {level:.2f}, slope {slope:.2f}, gain {4 * gain:.1f}, alike {level + alike:.2f}")
    for name, n in [(name, n) for name in dict.fromkeys(title.tolist()) for n in SIZES]:
        of, others = np.flatnonzero((title == name) & (size == n)), told @ learnt(title != name)
        constant = (true[of].sum() - true[of]) / (len(of) - 1)
        line = f"  {name:14} {n}+{n}, {len(of)}: true {true[of].mean():.3f}, error of a constant {root_mean_squared_error(true[of], constant):.3f}"
        for words, middles in (("said", None), ("left out", others)):
            found = []
            for k in of:
                kind = "alike" if less[k] else "shared"
                start = order[k]
                if middles is not None:
                    # As if the middle of the prior were that of the other sets.
                    start = true_auc.STARTS + (middles[k] - true_auc.middle_of(kind, n)) / true_auc.GAIN
                one = TrueAuc.of(kind, n, held_out[k], evidence=evidence[k], appeal=appeal[k], starts=start)
                found.append((one.mean, *one.interval))
            mean, low, high = np.array(found).T
            holds = np.mean((low <= true[of]) & (true[of] <= high))
            line += f"; {words} {mean.mean():.3f}, error {root_mean_squared_error(true[of], mean):.3f}, holds {holds:.0%}, width {np.mean(high - low):.2f}"
        print(line, flush=True)


def main() -> None:
    """Print the tables."""
    parser = command(__doc__, "clones", cache=True, persons=20)
    parser.add_argument("--part", choices=("starts", "trust"), action="append", help="repeat for both")
    arguments = parser.parse_args()
    for part in (starts, trust):
        if part.__name__ in (arguments.part or ("starts", "trust")):
            part(arguments.clones, arguments.cache, arguments.persons)


if __name__ == "__main__":
    main()
