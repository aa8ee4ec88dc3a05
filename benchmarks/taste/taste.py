"""Compares learnt tastes with usual classifiers, from few pictures.

Parts: ``planted`` and ``either`` use pictures of the embedded model, with labels from the scenes in their prompts
(``planted.py``). ``real``, ``real-priors`` and ``real-content`` use tastes planted in pictures of packages (``real_tastes.py``). All are tastes and pictures that the method was not developed on. All methods get
the same pictures; rivals choose their settings by cross-validation. Intervals are 95 % t intervals over splits.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
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

from soart.benchmarks.common import command, print_against, stored_arrays
from soart.benchmarks.data.planted import ANY, EITHER, TASTES, drawn
from soart.benchmarks.taste.real_report import TABLES, report
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.tastes.examples import Examples, from_modes
from soart.metrics.tastes.fitting import fit
from soart.metrics.tastes.taste import computed_priors, priors_of_items, technical_prior

SEED = 77
SIZES = (8, 30)


@dataclass(frozen=True)
class Task:
    """A taste on measured pictures: SOART and colour items, deep items, likings (1, −1), groups and technical scores."""

    name: str
    items: np.ndarray
    deep: np.ndarray
    label: np.ndarray
    group: np.ndarray
    technical: np.ndarray

    def split(self, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows of ``size`` liked and ``size`` disliked pictures, each of another group, and of all pictures of other groups."""
        learn: list[int] = []
        for label in (1, -1):
            order = rng.permutation(np.flatnonzero(self.label == label))
            _, first = np.unique(self.group[order], return_index=True)
            learn += order[np.sort(first)[:size]].tolist()
        test = np.flatnonzero((self.label != 0) & ~np.isin(self.group, self.group[learn]))
        return np.array(learn), test

    def examples(self, rows: np.ndarray) -> Examples:
        """Examples of some rows, with the technical score as their prior."""
        said = self.label[rows]
        order = np.concatenate([rows[said == 1], rows[said == -1]])
        parts = {"good": rows[said == 1], "bad": rows[said == -1]}
        found = from_modes({m: self.items[r] for m, r in parts.items()}, {m: self.group[r] for m, r in parts.items()})
        return replace(found, priors=self.technical[order][:, None])


def measure_sound(name: str, pictures: list[np.ndarray], cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """SOART and colour items, and deep items; cached under the extractors' versions."""
    extractor, deep = taste_extractor(), DeepExtractor.load("efficientnet-lite0", depths=True)
    digest = hashlib.sha256(repr((extractor.version, deep.version)).encode())
    for picture in pictures:
        digest.update(picture.tobytes())

    def measure() -> dict[str, np.ndarray]:
        return {
            title: np.concatenate([each.extract(picture) for picture in pictures])
            for title, each in (("items", extractor), ("deep", deep))
        }

    stored = stored_arrays(cache / f"taste-{name}-{digest.hexdigest()[:12]}.npz", measure)
    return stored["items"], stored["deep"]


def planted_tasks(cache: Path, *, either: bool = False) -> Iterator[Task]:
    """Tasks of planted tastes."""
    scenes, pictures = drawn(cache)
    items, deep = measure_sound("planted", list(pictures), cache)
    technical = technical_prior(items, taste_extractor().names)
    for taste in EITHER if either else TASTES:
        if not taste.development:
            label = np.array([taste.label(scene) for scene in scenes])
            if either:
                label[ANY:] = 0
            yield Task(taste.name, items, deep, label, np.arange(len(label)), technical)


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


def accuracy(tasks: list[Task], sizes: tuple[int, ...], splits: int) -> None:
    """Held-out AUC of the taste and of every rival, and paired differences."""
    names = taste_extractor().names
    deep_names = taste_extractor(default_network()).names
    told_names = priors_of_items(deep_names)
    for size in sizes:
        scores: dict[str, list[float]] = {}
        print(f"\n{size}+{size} pictures, {splits} splits a taste; AUC on held-out pictures")
        for task in tasks:
            own: dict[str, list[float]] = {}
            for number in range(splits):
                rng = np.random.default_rng([SEED, number])
                learn, test = task.split(size, rng)
                y, truth = task.label[learn], task.label[test] == 1
                examples = task.examples(learn)
                fitted = fit(examples, names)
                own.setdefault("soart", []).append(
                    roc_auc_score(truth, fitted(task.items[test], task.technical[test][:, None]))
                )
                both = np.hstack([task.items, task.deep])
                order = np.concatenate([learn[y == 1], learn[y == -1]])
                told = computed_priors(told_names, both, deep_names)
                wide = replace(examples, items=both[order], priors=told[order], prior_names=told_names)
                fitted = fit(wide, deep_names)
                own.setdefault("soart+deep", []).append(roc_auc_score(truth, fitted(both[test], told[test])))
                for rival in rivals():
                    score = rival_scores(rival, task.items[learn], y, task.items[test])
                    own.setdefault(rival, []).append(roc_auc_score(truth, score))
                probe = rival_scores("logistic", task.deep[learn], y, task.deep[test])
                own.setdefault("deep probe", []).append(roc_auc_score(truth, probe))
            print(f"  {task.name:34} " + "  ".join(f"{n} {np.mean(v):.3f}" for n, v in own.items()), flush=True)
            for method, values in own.items():
                scores.setdefault(method, []).extend(values)
        print_against(scores, "soart", "soart+deep")


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
            tasks = planted_tasks(arguments.cache, either=part == "either")
            accuracy(list(tasks), SIZES, arguments.splits)
    if set(wanted) & set(TABLES):
        report(arguments.cache, arguments.persons, wanted)


if __name__ == "__main__":
    main()
