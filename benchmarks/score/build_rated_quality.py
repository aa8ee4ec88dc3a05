"""Learns rated quality from people's ratings of photographs; writes ``metrics/damage/rated-quality-2.safetensors``.

It learns from the ratings; from some of the same photographs in smaller sizes; from pairs of a picture and a damaged
version of it (rated_versions.py), whose rated qualities should differ by at least LEAD, and by more where appeal and the
technical score would put the damaged version first, so that the overall score does not; and from drawings of the embedded
model, whose mean is to be that of the photographs.

Prints rank correlations (SROCC) and linear ones (PLCC) with the ratings of the photographs to report on, of all and by
kind, and of those that look like none of the learning photographs: many were taken in series, and the authors' division
puts a picture of a series here and the next one there.

With ``--peers`` nothing is written, and rated quality is compared with scores that were not learnt from such ratings (the
technical score, appeal, NIQE as in kinds.py, cleanvision's blur score), and with support vector regression on BRISQUE's
features (its own method), taught by the same photographs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import pearsonr, spearmanr
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from soart.benchmarks.common import command, print_table, stored_array
from soart.benchmarks.data.quality_pictures import EMBEDDED
from soart.benchmarks.data.rated_photographs import KINDS, RatedPhotographs, items_of, rated_photographs, reduced
from soart.benchmarks.data.rated_versions import Versions, versions
from soart.benchmarks.score.brisque import brisque_features
from soart.benchmarks.score.kinds import blur_scores, niqe_of
from soart.metrics.damage import rated_quality
from soart.metrics.damage.rated_quality import RatedQuality, rated_quality_model
from soart.metrics.image import read_image
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.items.frame import LATE, Frame, kinds_of
from soart.metrics.tastes.appeal import appeal_model, unit
from soart.metrics.tastes.overall import OverallJudge
from soart.training.rated_quality import Balance, Pairs, learn_rated_quality

NAMES = taste_extractor(default_network()).names
#: Weight of the mean of drawings beside a photograph; chosen by trials.
USUAL = 1000.0
#: Least difference of rated qualities within a pair, and most of what it is raised by.
LEAD, MOST_RAISED = 0.1, 0.5
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


def usual(items: np.ndarray, wanted: float) -> Balance:
    """The mean rated quality that (u, p) items of drawings should have."""
    return Balance(items, np.full(len(items), 1 / max(len(items), 1)), wanted, USUAL)


@dataclass(frozen=True)
class Learning:
    """All that rated quality is learnt from."""

    photographs: RatedPhotographs  # rated ones
    items: np.ndarray  # (n, p) of them
    smaller: tuple[np.ndarray, np.ndarray]  # (r,) numbers of some of them, and their (r, p) items in smaller sizes
    versions: Versions  # undamaged and damaged ones, see rated_versions.py
    before: np.ndarray  # (m,) overall scores of the versions without rated quality

    @classmethod
    def of(cls, cache: Path) -> Learning:
        """Read and measure it."""
        photographs, judge = rated_photographs(cache, learning=True), OverallJudge.load()
        found = versions(cache)
        # The weights that the overall score had when this was learnt.
        before = 100 * np.sqrt(judge.technical.freedom_from_faults(found.items) / 100) * judge.shares(found.items)
        return cls(photographs, items_of(photographs, cache), reduced(photographs, cache), found, before)

    def learn(self, rows: np.ndarray, apart: Collection[str] = ()) -> RatedQuality:
        """Rated quality from (k,) numbers of photographs and all versions but those of some sources."""
        opinions = self.photographs.opinions
        which, items = self.smaller
        some, every = np.isin(which, rows), self.versions
        used = ~np.isin(every.source, list(apart))
        worse = np.flatnonzero(used & (every.fault != "none"))
        better, drawings = every.base[worse], used & (every.kind == EMBEDDED) & every.is_sound
        raised = np.clip(self.before[worse] / np.maximum(self.before[better], 1e-3) - 1, 0, MOST_RAISED)
        return learn_rated_quality(
            self.items[rows],
            opinions[rows],
            NAMES,
            reduced=(items[some], opinions[which[some]]),
            pairs=Pairs(every.items[better], every.items[worse], LEAD + opinions[rows].mean() * raised),
            balances=[usual(every.items[drawings], float(opinions[rows].mean()))],
        )


def report(scores: Mapping[str, np.ndarray], photographs: RatedPhotographs, apart: np.ndarray) -> None:
    """Print correlations of (n,) scores with the ratings: of all, of (n,) bool those apart, and by kind."""
    ratings, rows = photographs.opinions, {}
    parts = {"apart": apart} | {kind: photographs.kind == kind for kind in KINDS.values()}
    for title, values in scores.items():
        rows[title] = {"SROCC": spearmanr(values, ratings)[0], "PLCC": pearsonr(values, ratings)[0]} | {
            f"SROCC, {part}": spearmanr(values[some], ratings[some])[0] for part, some in parts.items()
        }
    print_table(f"{len(apart)} photographs to report on; {int(apart.sum())} look like none that were learnt from", rows)


def brisque_of(photographs: RatedPhotographs, cache: Path) -> np.ndarray:
    """(n, 36) features of BRISQUE, measured once."""
    return stored_array(
        cache / f"biq2021-brisque-{len(photographs.files)}.npy",
        lambda: np.stack([brisque_features(read_image(file).pixels) for file in photographs.files]),
    )


def support_vectors(features: np.ndarray, ratings: np.ndarray, groups: np.ndarray) -> GridSearchCV:
    """Support vector regression, its settings chosen by three-fold cross-validation."""
    model = make_pipeline(StandardScaler(), SVR(epsilon=0.05))
    grid = {"svr__C": (0.3, 1.0, 3.0), "svr__gamma": (0.03, 0.1)}
    return GridSearchCV(model, grid, cv=list(GroupKFold(3).split(features, groups=groups))).fit(features, ratings)


def compare(cache: Path) -> None:
    """Print the correlations of other scores, and of other methods that learn from the same photographs."""
    learning, reported = (rated_photographs(cache, learning=part) for part in (True, False))
    items, own = items_of(learning, cache), items_of(reported, cache)
    judge, niqe, apart = OverallJudge.load(), niqe_of(cache), alone(own, items)
    scores = {
        "technical": judge.technical.score(own),
        "appeal": appeal_model().scores(own, NAMES),
        "rated quality": rated_quality_model().scores(own, NAMES),
        "NIQE": np.array([niqe(read_image(file).pixels) for file in reported.files]),
        "cleanvision": np.array(blur_scores(reported.files)),
    }
    svr = support_vectors(brisque_of(learning, cache), learning.opinions, series(items))
    scores["BRISQUE, SVR"] = svr.predict(brisque_of(reported, cache))
    report(scores, reported, apart)


def store(learnt: RatedQuality, version: str) -> None:
    """Write a model into the package."""
    arrays = {name: getattr(learnt, name).astype(np.float32) for name in ("centre", "scale", "weights")}
    facts = {"names": " ".join(learnt.names), "offset": repr(learnt.offset), "usual": repr(learnt.usual)}
    save_file(arrays, Path(rated_quality.__file__).with_name(f"{version}.safetensors"), metadata=facts)


def main() -> None:
    """Learn, write and report; or compare."""
    arguments = command(__doc__, cache=True, flags=["peers"]).parse_args()
    if arguments.peers:
        compare(arguments.cache)
        return
    learning, reported = Learning.of(arguments.cache), rated_photographs(arguments.cache, learning=False)
    own = items_of(reported, arguments.cache)
    learnt = learning.learn(np.arange(len(learning.items)))
    store(learnt, rated_quality.VERSION)
    apart = alone(own, learning.items)
    report({"rated quality": learnt.scores(own, NAMES)}, reported, apart)


if __name__ == "__main__":
    main()
