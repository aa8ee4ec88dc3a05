"""Real people's choices between pictures of one kind: how often scores and tastes agree.

22 people chose the prettier of two pictures, 411 times between paintings, 400 times each between houses and between flowers
(photographs), all people between the same pairs (Y. Feng, "Subjective preference study", 2020). The data do not come with
soart: the folder ``choices`` in the cache needs the folders ``images`` and ``data`` of the kinds from Loni0111/preference_study
on GitHub. That tastes learn from differences of pictures was chosen on them. Appeal, which has learnt from them too, is here
learnt without the pictures of the kind. Intervals are 95 % t intervals over people.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeCV

from soart.benchmarks.common import command, interval, print_against
from soart.benchmarks.data.opinions import CHOICES, PHOTOGRAPHS, choices, other_opinions
from soart.benchmarks.data.people import everyone
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.tastes.examples import Examples, from_choices
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.taste import priors_of_items, technical_prior
from soart.training.appeal import Opinions, learn_appeal

#: Choices that a taste is learnt from.
SIZES = (30, 100)
NAMES = taste_extractor(default_network()).names
PRIORS = priors_of_items(NAMES)


def agreement(scores: np.ndarray, pairs: np.ndarray, right: np.ndarray) -> float:
    """Share of (c, 2) pairs of which (n,) scores prefer the picture that was chosen."""
    return float(np.mean((scores[pairs[:, 1]] > scores[pairs[:, 0]]) == right))


def examples_of(items: np.ndarray, pairs: np.ndarray, right: np.ndarray) -> Examples:
    """Examples from (c, 2) pairs of (n, p) items and (c,) True where the right one was chosen."""
    won = np.where(right[:, None], pairs[:, ::-1], pairs)
    return from_choices(items, won, pictures=list(range(len(items))))


def taste(items: np.ndarray, priors: np.ndarray, names: tuple[str, ...], examples: Examples) -> np.ndarray:
    """(n,) likings of all pictures, learnt from examples."""
    scaling = Scaling.of(items, priors, NAMES)
    known = replace(examples, priors=priors[examples.pictures.astype(int)], prior_names=names)
    learnt = fit(known, NAMES, scaling)
    return learnt(items, priors)


def drawn(pairs: np.ndarray, size: int, person: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the choices that a person's taste is learnt from, and of those between other pictures."""
    order = np.random.default_rng([size, person]).permutation(len(pairs))
    learn, rest = order[:size], order[size:]
    return learn, rest[~np.isin(pairs[rest], pairs[learn]).any(axis=1)]


def report(kind: str, known: dict[str, Opinions], cache: Path) -> None:
    """Print all agreements for a kind of pictures, of which appeal knows all opinions but those of the kind."""
    items, pairs, right = choices(kind, cache)
    appeal = learn_appeal([opinions for domain, opinions in known.items() if domain != kind], NAMES)
    priors = np.column_stack([technical_prior(items, NAMES), appeal.scores(items, NAMES)])
    print(f"\n{kind}: {len(items)} pictures, {len(pairs)} choices each of {len(right)} people")
    others = (right.sum(axis=0) - right) / (len(right) - 1)
    majority = [np.mean((rest > 0.5)[rest != 0.5] == own[rest != 0.5]) for rest, own in zip(others, right, strict=True)]
    alone = {
        name: [agreement(scores, pairs, own) for own in right] for name, scores in zip(PRIORS, priors.T, strict=True)
    }
    for name, values in {**alone, "majority of the others": majority}.items():
        mean, low, high = interval(np.array(values))
        print(f"  {name:24} agrees in {mean:.1%} ({low:.1%} … {high:.1%})", flush=True)
    z = Scaling.of(items, priors, NAMES).frame.deviations(items)
    for size in SIZES:
        found: dict[str, list[float]] = {}
        for person, own in enumerate(right):
            learn, test = drawn(pairs, size, person)
            examples = examples_of(items, pairs[learn], own[learn])
            apart = z[pairs[learn, 1]] - z[pairs[learn, 0]]
            ridge = RidgeCV(apart.shape[1] * np.logspace(-2, 2, 9), fit_intercept=False).fit(
                apart, 2.0 * own[learn] - 1
            )
            scores = {
                "soart": taste(items, priors, PRIORS, examples),
                "no prior score": taste(items, priors[:, :0], (), examples),
                "ridge": z @ ridge.coef_,
                PRIORS[-1]: priors[:, -1],
            }
            for name, values in scores.items():
                found.setdefault(name, []).append(agreement(values, pairs[test], own[test]))
        print(f"  from {size} choices:")
        print_against(found, "soart")


def main() -> None:
    """Print the report of each kind."""
    cache = command(__doc__, cache=True).parse_args().cache
    known = {PHOTOGRAPHS: everyone(cache).opinions(), **other_opinions(cache)}
    for kind in CHOICES:
        report(kind, known, cache)


if __name__ == "__main__":
    main()
