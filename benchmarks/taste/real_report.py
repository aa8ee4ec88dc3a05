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

from soart.benchmarks.common import compared, interval
from soart.benchmarks.data.real_tastes import World, world
from soart.metrics.items.combined import taste_extractor
from soart.metrics.tastes.examples import Examples, from_modes, from_ratings
from soart.metrics.tastes.fitting import Fitted, Scaling, fit
from soart.metrics.tastes.proposals import propose_first
from soart.pipelines.tastes.rating_session import considered

SIZES = (4, 8, 16, 30)
#: Parts of the report.
TABLES = ("real", "real-priors", "real-first", "real-content")
#: Slopes of other raters' mean against the person's own liking; 0 is useless.
SLOPES = (0.0, 0.5, 1.0, 2.5)
FIRST = 10_000
#: Numbers of pictures that are rated first, and random orders that are averaged.
FIRST_SIZES, DRAWS = (8, 16, 30), 4


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
        for name, values in reached.items():
            mean, low, high = interval(np.array(reached["soart"]) - np.array(values)) if name != "soart" else (0.0,) * 3
            print(f"  {name:16} {np.mean(values):.3f}   soart − it {mean:+.3f} ({low:+.3f} … {high:+.3f})", flush=True)


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


def first_pictures(place: World, persons: int) -> None:
    """AUC from the first pictures that are rated, chosen by ``propose_first`` or at random.

    Half of the sources are held out. Of the others any views may be rated, in stars by fifths of the person's likings.
    """
    both, names = place.both, taste_extractor().names
    scaling = Scaling.of(both, place.told, place.names)
    for size in FIRST_SIZES:
        reached: dict[str, list[float]] = {"random": [], "proposed": []}
        different = []
        for number in range(persons):
            label, liking = place.person(FIRST + number)
            rng = np.random.default_rng([size, number])
            sources = rng.permutation(np.unique(place.source))
            held_out = np.isin(place.source, sources[: len(sources) // 2])
            offered = rng.permutation(np.flatnonzero(~held_out))
            test = np.flatnonzero(held_out & (label != 0))
            few = offered[: considered(len(offered))]
            proposed = few[propose_first(place.items[few], names, size)]
            different.append(len(np.unique(place.source[proposed])))
            aucs = [
                _rated_auc(place, scaling, rows, test, label, liking)
                for rows in (proposed, *(rng.permutation(offered)[:size] for _ in range(DRAWS)))
            ]
            reached["proposed"].append(aucs[0])
            reached["random"].append(float(np.mean(aucs[1:])))
        mean, low, high = interval(np.array(reached["proposed"]) - np.array(reached["random"]))
        print(f"first {size} pictures, {persons} persons: at random {np.mean(reached['random']):.3f}, proposed "
              f"{np.mean(reached['proposed']):.3f}, gain {mean:+.3f} ({low:+.3f} … {high:+.3f}); of {np.mean(different):.1f} sources", flush=True)  # fmt: skip


def _rated_auc(
    place: World, scaling: Scaling, rows: np.ndarray, test: np.ndarray, label: np.ndarray, liking: np.ndarray
) -> float:
    """AUC of the taste learnt from some rated rows; 0.5 if all have one rating."""
    stars = 1.0 + np.searchsorted(np.quantile(liking, (0.2, 0.4, 0.6, 0.8)), liking[rows])
    if len(np.unique(stars)) < 2:
        return 0.5
    found = from_ratings(place.both[rows], stars, place.source[rows].tolist())
    priors = place.told
    fitted = fit(
        replace(found, priors=priors[rows], prior_names=place.told_names),
        place.names,
        scaling,
    )
    return float(roc_auc_score(label[test] == 1, fitted(place.both[test], priors[test])))


def report(cache: Path, persons: int, wanted: Sequence[str], *, development: bool) -> None:
    """The tables that are wanted, of ``TABLES``."""
    place = world(cache, development=development)
    if TABLES[0] in wanted:
        accuracy(place, persons)
    if TABLES[1] in wanted:
        priors(place, persons)
    if TABLES[2] in wanted:
        first_pictures(place, persons)
    if TABLES[3] in wanted:
        print("\npersons of content")
        accuracy(place.of_content, persons)
