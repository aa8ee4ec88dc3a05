"""Compares learnt tastes with usual classifiers, from few pictures.

Parts: ``planted`` and ``either`` use pictures of the embedded model, with labels from the scenes in their prompts
(``planted.py``). ``real``, ``real-priors`` and ``real-content`` use tastes planted in pictures of packages
(``real_tastes.py``). All are tastes and pictures that the method was not developed on. All methods get the same pictures;
rivals choose their settings by cross-validation. Intervals are 95 % t intervals over splits.
"""

from __future__ import annotations

import warnings
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from soart.benchmarks.common import command, key_of, print_against
from soart.benchmarks.data.opinions import measured
from soart.benchmarks.data.planted import ANY, EITHER, TASTES, drawn
from soart.benchmarks.data.real_tastes import World
from soart.benchmarks.taste.real_report import TABLES, examples_of, report
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.tastes.fitting import fit
from soart.metrics.tastes.taste import computed_priors, priors_of_items, technical_prior

SEED = 77
SIZES = (8, 30)


def planted_tastes(cache: Path, *, either: bool = False) -> tuple[World, dict[str, np.ndarray]]:
    """Pictures of planted tastes, and (n,) labels 1 (liked), −1 or 0 by each."""
    scenes, pictures = drawn(cache)
    plain, key = len(taste_extractor().names), key_of(repr(scenes))
    rows = measured(list(pictures), f"planted-items-{key}", cache)
    items, deep = rows[:, :plain], rows[:, plain:]
    numbers = np.arange(len(scenes))
    place = World(items, deep, numbers, technical_prior(items, taste_extractor().names), {}, numbers, numbers)
    labels = {}
    for taste in EITHER if either else TASTES:
        if not taste.development:
            labels[taste.name] = np.array([taste.label(scene) for scene in scenes])
            if either:
                labels[taste.name][ANY:] = 0
    return place, labels


def rivals() -> dict[str, tuple[ClassifierMixin, dict[str, list[object]]]]:
    """Classifiers with the settings to choose from."""
    return {
        "logistic": (LogisticRegression(max_iter=3000), {"C": [0.001, 0.01, 0.1, 1.0]}),
        "LDA": (LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), {}),
        "SVM": (SVC(), {"C": [0.3, 1, 10, 100], "gamma": [1e-4, 3e-4, 1e-3, 3e-3]}),
    }


def rival_scores(name: str, x: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Scores of test pictures by a classifier, its settings chosen by cross-validation."""
    model, grid = rivals()[name]
    steps = make_pipeline(StandardScaler(), model)
    if grid:
        step = steps.steps[-1][0]
        steps = GridSearchCV(
            steps, {f"{step}__{k}": v for k, v in grid.items()}, cv=GroupKFold(4), scoring="balanced_accuracy"
        )
        # Groups of one liked and one disliked picture each keep the folds balanced.
        steps.fit(x, y, groups=np.concatenate([np.arange((y == label).sum()) for label in (1, -1)]))
    else:
        steps.fit(x, y)
    return steps.decision_function(test) if hasattr(steps, "decision_function") else steps.predict_proba(test)[:, 1]


def accuracy(place: World, labels: dict[str, np.ndarray], splits: int) -> None:
    """Held-out AUC of the taste and of every rival, and paired differences."""
    names = taste_extractor(default_network()).names
    told_names = priors_of_items(names)
    told = computed_priors(told_names, place.both, names)
    for size in SIZES:
        scores: dict[str, list[float]] = {}
        for label, number in product(labels.values(), range(splits)):
            learn, test = place.split(label, size, np.random.default_rng([SEED, number]))
            fitted = fit(examples_of(place, place.both, learn, told, told_names), names)
            found = {"soart": fitted(place.both[test], told[test])}
            for rival in rivals():
                found[rival] = rival_scores(rival, place.items[learn], label[learn], place.items[test])
            found["probe"] = rival_scores("logistic", place.deep[learn], label[learn], place.deep[test])
            for method, values in found.items():
                scores.setdefault(method, []).append(roc_auc_score(label[test] == 1, values))
        print(f"\n{size}+{size} pictures, {splits} splits a taste; AUC on held-out pictures")
        print_against(scores, "soart")


PARTS = ("planted", "either", *TABLES)


def main() -> None:
    """Run the parts asked for, all by default."""
    parser = command(__doc__, cache=True, splits=20, persons=60)
    parser.add_argument("--part", choices=PARTS, action="append", help="repeat for several")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    wanted = arguments.part or PARTS
    for part, title in (
        ("planted", "liked scenes against disliked ones"),
        ("either", "one liked option is enough, everything else is disliked"),
    ):
        if part in wanted:
            print(f"\nPlanted tastes: {title}")
            accuracy(*planted_tastes(arguments.cache, either=part == "either"), arguments.splits)
    if set(wanted) & set(TABLES):
        report(arguments.cache, arguments.persons, wanted)


if __name__ == "__main__":
    main()
