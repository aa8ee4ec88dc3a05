"""Tables of tastes planted in real pictures; printed by ``taste.py --part real``.

Every method learns from the same pictures with the same items, standardised over all pictures. Intervals are 95 % t
intervals over persons, of paired differences.
"""

from __future__ import annotations

import time
from collections import Counter
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
from soart.benchmarks.data.real_tastes import World, whole_world, world
from soart.benchmarks.taste.earlier_taste import earlier_liking
from soart.benchmarks.taste.real_raters import other_raters
from soart.metrics.items.combined import taste_extractor
from soart.metrics.tastes.examples import Examples, from_modes
from soart.metrics.tastes.fitting import Fitted, Scaling, fit
from soart.metrics.tastes.taste import learn_taste

SIZES = (4, 8, 16, 30)
#: Parts of the report.
TABLES = ("real", "real-priors", "real-trust", "real-content", "real-raters")
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
                "before": earlier_liking(examples_of(place, both, learn, none), scaling, both[test]),
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


def trust(place: World, rated: np.ndarray, repetitions: int) -> None:
    """Share of trust reports whose interval covers the AUC on all other pictures, and of good tastes called usable.

    The other pictures among those that may be rated are few, so that an AUC on them alone is uncertain too; the share of
    intervals that cover it is printed beside the one for all others.

    Args:
        place: pictures of all sources.
        rated: (n,) True for those that may be rated, which are the collection.
        repetitions: number of persons.
    """
    both, known = place.both, place.told
    for size in SIZES:
        covered, few, words, widths, true, usable = [], [], [], [], [], []
        for number in range(repetitions):
            label, _ = place.person(FIRST + number)
            learn, few_others = place.split(np.where(rated, label, 0), size, np.random.default_rng([size, number]))
            test = np.flatnonzero((label != 0) & ~np.isin(place.source, place.source[learn]))
            taste = learn_taste(
                examples_of(place, both, learn, known, place.told_names), place.names, taste_extractor().version, prior_names=place.told_names,
                background=(both[rated], known[rated]), rng=np.random.default_rng(number),
            )  # fmt: skip
            liking, low, high = taste.liking(both), taste.trust.low, taste.trust.high
            true.append(roc_auc_score(label[test] == 1, liking[test]))
            covered.append((true[-1] < low, true[-1] > high))
            few.append(low <= roc_auc_score(label[few_others] == 1, liking[few_others]) <= high)
            widths.append(taste.trust.high - taste.trust.low)
            words.append(taste.trust.word)
            usable.append(not taste.trust.useless)
        (below, above), reached, called = np.mean(covered, axis=0), np.array(true), np.array(usable)
        print(f"\ntrust, {size}+{size}: interval covers the true AUC in {1 - below - above:.1%} of {repetitions} (below it "
              f"{below:.1%}, above it {above:.1%}), the one on the other rateable pictures in {np.mean(few):.1%}, mean width {np.mean(widths):.3f}; {dict(Counter(words))}", flush=True)  # fmt: skip
        for title, share in (
            ("of the usable ones with a true AUC above 0.6", reached[called] > 0.6),
            ("of those with a true AUC above 0.65 called usable", called[reached > 0.65]),
        ):
            print(f"  {title}: {share.mean():.0%} of {len(share)}" if len(share) else f"  {title}: none", flush=True)


def report(cache: Path, persons: int, repetitions: int, wanted: Sequence[str], *, development: bool) -> None:
    """The tables that are wanted, of ``TABLES``."""
    place = world(cache, development=development)
    if TABLES[0] in wanted:
        accuracy(place, persons)
    if TABLES[1] in wanted:
        priors(place, persons)
    if TABLES[2] in wanted:
        trust(*whole_world(cache, development=development), repetitions)
    if TABLES[3] in wanted:
        print("\npersons of content")
        accuracy(place.of_content, persons)
    if TABLES[4] in wanted:
        other_raters(place, persons)
