"""Learns rated quality from people's ratings of photographs; writes ``metrics/tastes/rated-quality-1.safetensors``.

    python benchmarks/build_rated_quality.py [--peers]

Prints rank correlations (SROCC) and linear ones (PLCC) with the ratings of the photographs to report on, of all and by
kind, and of those that look like none of the learning photographs: many were taken in series, and the authors' division
puts a picture of a series here and the next one there. The penalty is chosen by five-fold cross-validation over the
learning photographs, of which look-alikes are in one fold.

With ``--peers`` nothing is written, and the ratings are compared with scores that were not learnt from such ratings (the
technical score, appeal, the overall score without rated quality, NIQE as in kinds.py, cleanvision's blur score), with the
overall score, and with what the same photographs teach others: support vector regression on BRISQUE's features (its own
method), and ridge regression on parts of soart's items.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from brisque import brisque_features
from kinds import blur_scores, niqe_of
from rated_photographs import KINDS, RatedPhotographs, items_of, rated_photographs
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import pearsonr, spearmanr
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sources import default_cache

from soart.metrics.image import read_image
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.tastes import rated_quality
from soart.metrics.tastes.appeal import appeal_model, unit
from soart.metrics.tastes.kernels import APPEARANCE, CONTENT, LATE, Frame, kinds_of
from soart.metrics.tastes.overall import OverallScorer
from soart.metrics.tastes.rated_quality import SIDE, learn_rated_quality

NAMES = taste_extractor(default_network()).names
PENALTIES = (300.0, 1000.0, 3000.0, 10000.0)
#: Pictures are look-alikes from this cosine of their late items on; chosen by eye.
ALIKE = 0.8


def directions(items: np.ndarray) -> np.ndarray:
    """(n, q) unit vectors of the late items, in deviations of the learning photographs ``items`` themselves."""
    return unit(_frame(items).deviations(items[:, kinds_of(NAMES)[LATE]])).astype(np.float32)


def _frame(items: np.ndarray) -> Frame:
    late = kinds_of(NAMES)[LATE]
    return Frame.of(items[:, late], tuple(NAMES[i] for i in late))


def series(items: np.ndarray) -> np.ndarray:
    """(n,) number of the series that each picture belongs to by its look-alikes."""
    own = directions(items)
    number: np.ndarray = connected_components(csr_matrix(own @ own.T > ALIKE))[1]
    return number


def alone(items: np.ndarray, learning: np.ndarray) -> np.ndarray:
    """(n,) True for pictures that look like none of the learning ones."""
    late = kinds_of(NAMES)[LATE]
    own = unit(_frame(learning).deviations(items[:, late])).astype(np.float32)
    apart: np.ndarray = (own @ directions(learning).T).max(axis=1) < ALIKE
    return apart


def choose_penalty(items: np.ndarray, photographs: RatedPhotographs) -> None:
    """Print cross-validated correlations by penalty."""
    groups, predicted = series(items), np.empty((len(PENALTIES), len(items)))
    for rest, out in GroupKFold(5).split(items, groups=groups):
        for k, alpha in enumerate(PENALTIES):
            learnt = learn_rated_quality(items[rest], photographs.opinions[rest], NAMES, alpha)
            predicted[k, out] = learnt.scores(items[out], NAMES)
    print(f"{len(items)} learning photographs, {groups.max() + 1} series; by cross-validation")
    for alpha, values in zip(PENALTIES, predicted, strict=True):
        print(f"  penalty {alpha:6.0f}: " + row(values, photographs, np.ones(len(items), bool)), flush=True)


def row(scores: np.ndarray, photographs: RatedPhotographs, apart: np.ndarray) -> str:
    """Correlations of (n,) scores with the ratings: SROCC and PLCC of all, SROCC of those apart and by kind."""
    ratings = photographs.opinions
    values = [spearmanr(scores, ratings)[0], pearsonr(scores, ratings)[0], spearmanr(scores[apart], ratings[apart])[0]]
    values += [
        spearmanr(scores[chosen], ratings[chosen])[0] for chosen in (photographs.kind == k for k in KINDS.values())
    ]
    return " ".join(f"{value:8.3f}" for value in values)


def brisque_of(photographs: RatedPhotographs, cache: Path) -> np.ndarray:
    """(n, 36) features of BRISQUE, measured once."""
    path = cache / f"biq2021-brisque-{len(photographs.files)}.npy"
    if not path.exists():
        np.save(path, np.stack([brisque_features(read_image(file).pixels) for file in photographs.files]))
    features: np.ndarray = np.load(path)
    return features


def support_vectors(features: np.ndarray, ratings: np.ndarray, groups: np.ndarray) -> GridSearchCV:
    """Support vector regression, its settings chosen by three-fold cross-validation."""
    model = make_pipeline(StandardScaler(), SVR(epsilon=0.05))
    grid = {"svr__C": (0.3, 1.0, 3.0), "svr__gamma": (0.03, 0.1)}
    return GridSearchCV(model, grid, cv=list(GroupKFold(3).split(features, groups=groups))).fit(features, ratings)


def compare(cache: Path) -> None:
    """Print the correlations of other scores, and of other methods that learn from the same photographs."""
    learning, reported = (rated_photographs(cache, learning=part) for part in (True, False))
    items, own = items_of(learning, cache), items_of(reported, cache)
    kinds, scorer, niqe, apart = kinds_of(NAMES), OverallScorer.load(), niqe_of(cache), alone(own, items)
    scores = {
        "technical": scorer.technical.score(own),
        "appeal": appeal_model().scores(own, NAMES),
        "without": scorer.technical.score(own) * scorer.shares(own),
        "overall": scorer.score(own),
        "NIQE": np.array([niqe(read_image(file).pixels) for file in reported.files]),
        "cleanvision": np.array(blur_scores(reported.files)),
    }
    svr = support_vectors(brisque_of(learning, cache), learning.opinions, series(items))
    scores["BRISQUE, SVR"] = svr.predict(brisque_of(reported, cache))
    parts = {"no network": [kinds[k] for k in APPEARANCE], "network alone": [kinds[CONTENT]], "all items": []}
    for title, columns in parts.items():
        # The first item stays, because it tells the size.
        chosen = np.unique(np.concatenate([[NAMES.index(SIDE)], *columns])) if columns else np.arange(len(NAMES))
        names = tuple(NAMES[i] for i in chosen)
        learnt = learn_rated_quality(items[:, chosen], learning.opinions, names)
        scores[title] = learnt.scores(own[:, chosen], names)
    head(reported, apart)
    for title, values in scores.items():
        print(f"{title:14} " + row(values, reported, apart), flush=True)


def head(photographs: RatedPhotographs, apart: np.ndarray) -> None:
    """Print the heads of the columns of ``row``."""
    counts = [f"{kind} {int((photographs.kind == kind).sum())}" for kind in KINDS.values()]
    print(f"{len(apart)} photographs that were not learnt from; {int(apart.sum())} of them look like none that were")
    print(f"{'':14} {'SROCC':>8} {'PLCC':>8} {'apart':>8}   SROCC of {', '.join(counts)}")


def main() -> None:
    """Learn, write and report; or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true", help="only compare")
    parser.add_argument("--cache", type=Path, default=default_cache())
    arguments = parser.parse_args()
    if arguments.peers:
        compare(arguments.cache)
        return
    learning, reported = (rated_photographs(arguments.cache, learning=part) for part in (True, False))
    items, own = items_of(learning, arguments.cache), items_of(reported, arguments.cache)
    learnt = learn_rated_quality(items, learning.opinions, NAMES)
    arrays = {name: getattr(learnt, name).astype(np.float32) for name in ("centre", "scale", "weights")}
    facts = {"names": " ".join(NAMES), "offset": repr(learnt.offset), "usual": repr(learnt.usual)}
    save_file(arrays, Path(rated_quality.__file__).with_name(f"{rated_quality.VERSION}.safetensors"), metadata=facts)
    choose_penalty(items, learning)
    apart = alone(own, items)
    head(reported, apart)
    print(f"{'rated quality':14} " + row(learnt.scores(own, NAMES), reported, apart))


if __name__ == "__main__":
    main()
