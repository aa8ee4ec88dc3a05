"""Learns appeal from people's opinions of pictures; writes ``metrics/tastes/appeal-2.safetensors``.

    python benchmarks/score/build_appeal.py [--check]

Prints how well it agrees with opinions that it has not learnt from, beside the ridge regression on photographs alone
that it was before, and the technical score: rank correlations with mean ratings, or the share of choices that it
predicts. Left out are: themes of photographs (five folds), a category of photographs, every other domain. With
``--check`` nothing is written, and settings are compared by the mean over domains, in which choices count as twice
their share less one. Settings were chosen by this mean, so it is slightly too good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression, Ridge

from soart.benchmarks.common import command
from soart.benchmarks.data.opinions import PHOTOGRAPHS, other_opinions
from soart.benchmarks.data.people import DISLIKED, LIKED, People, categories, everyone
from soart.metrics.damage.technical import TechnicalJudge, quality_model
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.frame import LATE, Frame, kinds_of
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.tastes import appeal
from soart.training import appeal as learning
from soart.training.appeal import Opinions, learn_appeal

FOLDS, SEED = 5, 1
#: Learns from opinions, and returns what scores (n, p) items.
Learner = Callable[[Sequence[Opinions]], Callable[[np.ndarray], np.ndarray]]


def soart(names: tuple[str, ...]) -> Learner:
    """Appeal as it is now."""

    def learn(opinions: Sequence[Opinions]) -> Callable[[np.ndarray], np.ndarray]:
        learnt = learn_appeal(opinions, names)
        return lambda items: learnt.scores(items, names)

    return learn


def ridge(names: tuple[str, ...]) -> Learner:
    """Ridge regression on the ratings of photographs alone, of mean eigenvalue strength."""
    late = kinds_of(names)[LATE]

    def learn(opinions: Sequence[Opinions]) -> Callable[[np.ndarray], np.ndarray]:
        first = opinions[0]
        frame = Frame.of(first.items[:, late], tuple(names[i] for i in late))
        z = frame.deviations(first.items[:, late])
        model = Ridge(alpha=float(np.sum((z - z.mean(axis=0)) ** 2)) / len(z)).fit(z, first.values)
        return lambda items: model.predict(frame.deviations(items[:, late]))

    return learn


def technical(names: tuple[str, ...]) -> Learner:
    """The technical score, which learns nothing."""
    judge = TechnicalJudge("", quality_model(), taste_extractor(EFFICIENTNET))
    if judge.extractor.names != names:
        raise ValueError("Expected items of the default network.")
    return lambda opinions: lambda items: -judge.technometric(items)


def agreement(scores: np.ndarray, opinions: Opinions) -> float:
    """Rank correlation of (n,) scores with ratings, or the share of choices that they predict."""
    if opinions.pairs is None:
        return float(spearmanr(scores, opinions.values)[0])
    first, second = opinions.pairs.T
    chosen = (1 + opinions.values) / 2
    return float(np.mean(np.where(scores[second] > scores[first], chosen, 1 - chosen)))


def held_out(place: People, fold: np.ndarray, others: Sequence[Opinions], learner: Learner) -> np.ndarray:
    """(n,) appeal of each photograph, learnt from those of all other values of (n,) ``fold`` and from others' opinions."""
    scores = np.empty(len(fold))
    for left_out in np.unique(fold):
        out = fold == left_out
        scores[out] = learner([place.opinions(~out), *others])(place.both[out])
    return scores


def folds(place: People) -> np.ndarray:
    """(n,) fold of each photograph; those of a theme are in one."""
    number: np.ndarray = np.random.default_rng(SEED).integers(0, FOLDS, place.source.max() + 1)[place.source]
    return number


def share_of_people(place: People, others: Sequence[Opinions]) -> None:
    """Print the logistic curve from appeal to the share of people who like photographs of other themes."""
    scores = held_out(place, folds(place), others, soart(place.names))
    liked, disliked = place.ratings >= LIKED, place.ratings <= DISLIKED
    _, photograph = np.nonzero(liked | disliked)
    curve = LogisticRegression(C=np.inf).fit(scores[photograph][:, None], liked[liked | disliked])
    slope = float(curve.coef_[0, 0])
    print(f"share of people who like a photograph: slope {slope:.2f}, middle {-float(curve.intercept_[0]) / slope:.2f}")


def by_domain(place: People, category: np.ndarray, others: dict[str, Opinions], learner: Learner) -> dict[str, float]:
    """Agreement with each category of photographs and each other domain, learnt from all but it."""
    scores = held_out(place, category, list(others.values()), learner)
    found = {
        name: agreement(scores[category == name], place.opinions(category == name)) for name in np.unique(category)
    }
    for domain, opinions in others.items():
        rest = [other for name, other in others.items() if name != domain]
        found[domain] = agreement(learner([place.opinions(), *rest])(opinions.items), opinions)
    return found


def mean_over(found: dict[str, float], others: dict[str, Opinions]) -> float:
    """Mean over domains, choices as twice their share less one."""
    return float(
        np.mean([2 * v - 1 if name in others and others[name].pairs is not None else v for name, v in found.items()])
    )


def report(place: People, category: np.ndarray, others: dict[str, Opinions]) -> None:
    """Print the agreement of all learners."""
    count = {name: int((category == name).sum()) for name in np.unique(category)}
    count |= {
        name: len(opinions.values if opinions.pairs is None else opinions.pairs) for name, opinions in others.items()
    }
    learners = {"appeal": soart(place.names), "ridge": ridge(place.names), "technical": technical(place.names)}
    columns = {name: by_domain(place, category, others, learner) for name, learner in learners.items()}
    print(f"{'left out':14} {'opinions':>8} " + " ".join(f"{name:>9}" for name in columns))
    for domain in count:
        print(
            f"{domain:14} {count[domain]:8} " + " ".join(f"{found[domain]:9.3f}" for found in columns.values()),
            flush=True,
        )
    print(f"{'mean':14} {'':8} " + " ".join(f"{mean_over(found, others):9.3f}" for found in columns.values()))
    for name, learner in learners.items():
        scores = held_out(place, folds(place), list(others.values()), learner)
        print(
            f"{PHOTOGRAPHS} of other themes, {len(scores)}: {name} {agreement(scores, place.opinions()):.3f}",
            flush=True,
        )
    share_of_people(place, list(others.values()))


def compare_settings(place: People, category: np.ndarray, others: dict[str, Opinions]) -> None:
    """Print the mean over domains of settings near those of ``appeal``."""
    homes = {"COMPONENTS": learning, "TEMPERATURE": appeal, "NOISE": learning, "WEIGHT": learning}
    chosen = {name: getattr(home, name) for name, home in homes.items()}
    tried = [("COMPONENTS", 32), ("COMPONENTS", 128), ("TEMPERATURE", 0.33), ("TEMPERATURE", 1.0)]
    tried += [("NOISE", 0.2), ("NOISE", 0.8), ("WEIGHT", 0.2), ("WEIGHT", 1.0)]
    for name, value in [("COMPONENTS", chosen["COMPONENTS"]), *tried]:
        for setting, home in homes.items():
            setattr(home, setting, value if setting == name else chosen[setting])
        found = by_domain(place, category, others, soart(place.names))
        print(f"{name.lower():12} {value:<6g} mean over domains {mean_over(found, others):.3f}", flush=True)


def main() -> None:
    """Report, and write."""
    arguments = command(__doc__, cache=True, flags=["check"]).parse_args()
    place, others = everyone(arguments.cache), other_opinions(arguments.cache)
    if arguments.check:
        compare_settings(place, categories(arguments.cache), others)
        return
    learnt = learn_appeal([place.opinions(), *others.values()], place.names)
    used = learnt.weights != 0
    arrays = {
        "centre": learnt.centre.astype(np.float32),
        "scale": learnt.scale.astype(np.float32),
        "axes": learnt.axes.astype(np.float16),
        "pictures": learnt.pictures[used].astype(np.float16),
        "weights": learnt.weights[used].astype(np.float32),
    }
    path = Path(appeal.__file__).with_name(f"{appeal.VERSION}.safetensors")
    save_file(arrays, path, metadata={"names": " ".join(learnt.names), "offset": repr(learnt.offset)})
    report(place, categories(arguments.cache), others)


if __name__ == "__main__":
    main()
