"""Tables of tastes planted in real pictures; printed by ``taste.py --part real``.

Every method learns from the same pictures with the same items, standardised over all pictures. Intervals are 95 % t
intervals over persons, of paired differences.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from soart.benchmarks.common import compared, print_against
from soart.benchmarks.data.real_tastes import World, world
from soart.metrics.tastes.examples import Examples, from_modes
from soart.metrics.tastes.fitting import Fitted, Scaling, fit

SIZES = (4, 8, 16, 30)
#: Parts of the report.
TABLES = ("real", "real-priors", "real-content")
#: Slopes of other raters' mean against the person's own liking; 0 is useless.
SLOPES = (0.0, 0.5, 1.0, 2.5)
FIRST = 10_000


def examples_of(
    place: World,
    rows: np.ndarray,
    learn: np.ndarray,
    priors: np.ndarray,
    prior_names: tuple[str, ...] = ("technical", "others"),
) -> Examples:
    """Examples of liked and disliked rows, half each, with prior scores, of which there may be fewer than names."""
    half = len(learn) // 2
    parts = {"good": learn[:half], "bad": learn[half:]}
    found = from_modes(
        {mode: rows[r] for mode, r in parts.items()}, {mode: place.source[r] for mode, r in parts.items()}
    )
    return replace(found, priors=priors[learn], prior_names=prior_names[: priors.shape[1]])


def _soart(place: World, rows: np.ndarray, learn: np.ndarray, priors: np.ndarray) -> Fitted:
    names = place.names[: rows.shape[1]]
    return fit(examples_of(place, rows, learn, priors), names, Scaling.of(rows, priors, names))


def rivals(z: np.ndarray, y: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of test pictures by usual methods; their settings by cross-validation or evidence."""
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    width = z.shape[1]
    kernel = ConstantKernel(1.0) * RBF(np.sqrt(width), (np.sqrt(width) / 10, np.sqrt(width) * 10)) + WhiteKernel(0.5)
    models = {
        "ridge": RidgeCV(width * np.logspace(-3, 2, 11)),
        "logistic": GridSearchCV(
            LogisticRegression(max_iter=2000), {"C": np.logspace(-6, 0, 7)}, cv=folds, scoring="roc_auc"
        ),
        "SVM": GridSearchCV(
            SVC(), {"C": [0.3, 1, 10], "gamma": np.array([0.1, 0.3, 1, 3]) / width}, cv=folds, scoring="roc_auc"
        ),
        "GP": GaussianProcessRegressor(kernel, normalize_y=True),
        "LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    }
    scores = {}
    for name, model in models.items():
        model.fit(z, y)
        scores[name] = model.decision_function(test) if hasattr(model, "decision_function") else model.predict(test)
    return scores


def accuracy(place: World, persons: int) -> None:
    """Held-out AUC of the taste and of every rival on the same items."""
    both, none = place.both, np.zeros((len(place.source), 0))
    scaling = Scaling.of(both, none, place.names)
    z = scaling.frame.deviations(both)
    for size in SIZES:
        started, reached = time.perf_counter(), dict[str, list[float]]()
        for number in range(persons):
            label, _ = place.person(FIRST + number)
            learn, test = place.split(label, size, np.random.default_rng([size, number]))
            truth, y = label[test] == 1, label[learn].astype(float)
            scores = {
                "soart": _soart(place, both, learn, none)(both[test], none[test]),
                "without network": _soart(place, place.items, learn, none)(place.items[test], none[test]),
            }
            scores |= rivals(z[learn], y, z[test])
            for name, values in scores.items():
                reached.setdefault(name, []).append(roc_auc_score(truth, values))
        print(f"\n{size}+{size} pictures, {persons} persons, {time.perf_counter() - started:.0f} s")
        print_against(reached, "soart")


def priors(place: World, persons: int) -> None:
    """The taste with other raters' mean and the technical score as priors, without them, and the mean alone."""
    both = place.both
    for size in SIZES:
        reached: dict[float, list[tuple[float, float, float]]] = {}
        for number in range(persons):
            label, liking = place.person(FIRST + number)
            learn, test = place.split(label, size, np.random.default_rng([size, number]))
            truth, none = label[test] == 1, np.zeros((len(label), 0))
            without = roc_auc_score(truth, _soart(place, both, learn, none)(both[test], none[test]))
            for slope in SLOPES:
                others = slope * liking + np.random.default_rng([3, number]).normal(size=len(liking))
                known = np.stack([place.technical, others], axis=1)
                score = _soart(place, both, learn, known)(both[test], known[test])
                row = roc_auc_score(truth, score), without, roc_auc_score(truth, others[test])
                reached.setdefault(slope, []).append(row)
        print(f"\npriors, {size}+{size} pictures, {persons} persons")
        for slope, rows in reached.items():
            print(
                f"  others of slope {slope}: taste {compared(np.array(rows), ('without', 'others alone'))}", flush=True
            )


def report(cache: Path, persons: int, wanted: Sequence[str]) -> None:
    """The tables that are wanted, of ``TABLES``."""
    place = world(cache, development=False)
    if TABLES[0] in wanted:
        accuracy(place, persons)
    if TABLES[1] in wanted:
        priors(place, persons)
    if TABLES[2] in wanted:
        print("\npersons of content")
        accuracy(place.of_content, persons)
