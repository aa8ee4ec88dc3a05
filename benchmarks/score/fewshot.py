"""Classifies seven distortion modes from twenty pictures of each.

Every version of attention is compared with its rivals. Pictures are crops of photographs and drawings (``sources.py``),
undamaged and with six kinds of damage at three severities (``damage.py``). Version D was developed on a third of the
sources; the table uses the others. A split takes half of the sources for learning, draws
twenty pictures of each mode from them, and measures every picture of the other half. All methods get the same items,
standardised on the learning side. They choose their settings there by cross-validation that keeps pictures of one
source together. Printed are balanced accuracy (chance 0.14), its 95 % interval over the splits, and the paired
difference to version D on the same items.
"""

from __future__ import annotations

import hashlib
import inspect
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from soart.benchmarks.common import command, interval, key_of, print_table, progress, stored_arrays, stored_json
from soart.benchmarks.data.damage import DAMAGES, damage
from soart.benchmarks.data.sources import crop, sources
from soart.benchmarks.score.brisque import brisque_features
from soart.metrics.attention.version_d import AttentionD
from soart.metrics.attention.versions_abc import AttentionA, AttentionB, AttentionC
from soart.metrics.image import read_image
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.soart import SoartExtractor, heads_of
from soart.metrics.taguchi.distances import MT, RT

SEED = 20_261
CROPS = 2
SEVERITIES = {"mild": 0.0, "medium": 0.4, "strong": 0.8}
PER_MODE = 20
_DEEP = tuple(f"deep/{k:03}" for k in range(1280))
#: Names of the items; version D derives its heads from them.
NAMES = {
    "SOART": SoartExtractor().names,
    "BRISQUE": tuple(f"brisque/{k}" for k in range(36)),
    "EfficientNet": _DEEP,
    "SOART + EfficientNet": SoartExtractor().names + _DEEP,
}


@dataclass(frozen=True)
class Data:
    """Measured pictures: item matrices by name, and (n,) mode and source of each."""

    items: dict[str, np.ndarray]
    mode: np.ndarray
    source: np.ndarray

    def part(self) -> Data:
        """The pictures of all but every third source."""
        rows = ~np.isin(self.source, np.unique(self.source)[::3])
        items = {name: values[rows] for name, values in self.items.items()}
        return Data(items, self.mode[rows], self.source[rows])


def measure(cache: Path) -> Data:
    """Items of every crop and damage, cached under the versions of extractors and sources."""
    soart, deep = SoartExtractor(), DeepExtractor.load("efficientnet-lite0")
    found = sources(cache)
    key = repr((SEED, CROPS, SEVERITIES, soart.version, deep.version, [s.name for s in found]))
    path = cache / f"fewshot-{key_of(key)}.npz"

    def measured() -> dict[str, np.ndarray]:
        rows: dict[str, list[np.ndarray]] = {"SOART": [], "BRISQUE": [], "EfficientNet": []}
        labels = []
        for number, source in enumerate(found):
            pixels = read_image(source.path).pixels
            rng = np.random.default_rng([SEED, number])
            for _ in range(CROPS):
                clean = crop(pixels, rng)
                variants = [("normal", "none", clean)]
                variants += [
                    (kind, name, damage(clean, kind, s, rng)) for kind in DAMAGES for name, s in SEVERITIES.items()
                ]
                # In eight bits, like a file.
                stack = np.stack([(v * 255 + 0.5).astype(np.uint8) for _, _, v in variants])
                rows["SOART"] += list(soart.extract(stack))
                rows["EfficientNet"] += list(deep.extract(stack))
                rows["BRISQUE"] += [brisque_features(picture) for picture in stack]
                labels += [(mode, name, source.name) for mode, name, _ in variants]
            progress(number + 1, len(found), "measuring sources")
        mode, severity, origin = (np.array(column) for column in zip(*labels, strict=True))
        return {"mode": mode, "severity": severity, "source": origin, **{k: np.stack(v) for k, v in rows.items()}}

    stored = stored_arrays(path, measured)
    items = {name: stored[name].astype(np.float64) for name in ("SOART", "BRISQUE", "EfficientNet")}
    return Data(items, stored["mode"], stored["source"])


def split(data: Data, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the learning pictures (``PER_MODE`` per mode, from half of the sources) and of all of the other half."""
    names = rng.permutation(np.unique(data.source))
    learning = np.isin(data.source, names[: len(names) // 2])
    rows = [
        rng.choice(np.flatnonzero(learning & (data.mode == m)), PER_MODE, replace=False) for m in np.unique(data.mode)
    ]
    return np.concatenate(rows), np.flatnonzero(~learning)


class Nearest(BaseEstimator):
    """MT or RT with each mode as a unit space; predicts the nearest one."""

    def __init__(self, kind: type[MT] | type[RT]) -> None:
        self.kind = kind

    def fit(self, x: np.ndarray, y: np.ndarray) -> Nearest:
        """Learn a unit space for each mode."""
        self.classes_ = np.unique(y)
        self.spaces_ = [self.kind(singular="shrink").fit(x[y == mode]) for mode in self.classes_]
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The mode at the smallest distance, each in units of its own pictures' mean distance."""
        distances = [space.distance(x) / space.unit_distance_.mean() for space in self.spaces_]
        return self.classes_[np.argmin(distances, axis=0)]


Method = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def chosen(model: BaseEstimator, *, rotate: bool = False, **grid: list[object]) -> Method:
    """A scikit-learn classifier on standardised items, settings chosen by grouped cross-validation."""

    def run(x: np.ndarray, y: np.ndarray, groups: np.ndarray, test: np.ndarray) -> np.ndarray:
        turn = [PCA(svd_solver="full")] if rotate and x.shape[1] > len(x) else []
        steps = make_pipeline(StandardScaler(), *turn, model)
        if not grid:
            return steps.fit(x, y).predict(test)
        name = steps.steps[-1][0]
        search = GridSearchCV(steps, {f"{name}__{k}": v for k, v in grid.items()}, cv=GroupKFold(5))
        return search.fit(x, y, groups=groups).predict(test)

    return run


def methods(names: tuple[str, ...]) -> dict[str, Method]:
    """Every method by name; versions A to C if ``names`` include SOART items."""
    found: dict[str, Method] = {
        "D": lambda x, y, groups, test: AttentionD(heads=heads_of(names)).fit(x, y, groups).predict(test)
    }
    if names == SoartExtractor().names:
        y2, y3 = (np.array([name.endswith(m) for name in names]) for m in ("Y2", "Y3"))
        found |= {
            "A": lambda x, y, _, test: AttentionA().fit(x[:, y2], y, x[:, y3]).predict(test[:, y2]),
            "B": lambda x, y, _, test: AttentionB("normal").fit(x[:, y2], y).predict(test[:, y2]),
            "C": lambda x, y, _, test: AttentionC().fit(x[:, y2], y).predict(test[:, y2]),
        }
    return found | {
        "RT": chosen(Nearest(RT)),
        "MT": chosen(Nearest(MT)),
        "kNN": chosen(KNeighborsClassifier(), n_neighbors=[1, 3, 5, 9, 15]),
        "logistic": chosen(
            LogisticRegression(solver="newton-cholesky", max_iter=200),
            rotate=True,
            C=[0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0],
        ),
        "LDA": chosen(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
        "SVM": chosen(SVC(), C=[1, 3, 10, 30, 100, 300], gamma=[1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2]),
        "GP": chosen(GaussianProcessClassifier(RBF(20.0, (1.0, 1e3)), random_state=0), rotate=True),
    }


def run_split(data: Data, title: str, number: int, cache: Path) -> dict[str, list[float]]:
    """Balanced accuracy and seconds by method; cached."""
    code = b"".join(Path(inspect.getfile(part)).read_bytes() for part in (run_split, AttentionA, AttentionD, MT))
    key = hashlib.sha256(code + repr((title, number, len(data.mode), data.items[title].sum())).encode())

    def run() -> dict[str, list[float]]:
        items = data.items[title]
        learn, test = split(data, np.random.default_rng([SEED, number]))
        found = {}
        for name, method in methods(NAMES[title]).items():
            started = time.perf_counter()
            predicted = method(items[learn], data.mode[learn], data.source[learn], items[test])
            seconds = time.perf_counter() - started
            found[name] = [balanced_accuracy_score(data.mode[test], predicted), seconds]
        return found

    stored: dict[str, list[float]] = stored_json(cache / "fewshot-splits" / f"{key.hexdigest()[:16]}.json", run)
    return stored


def main() -> None:
    """Measure, run every method on every split, and print."""
    arguments = command(__doc__, cache=True, splits=25).parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    data = measure(arguments.cache).part()
    data.items["SOART + EfficientNet"] = np.hstack([data.items["SOART"], data.items["EfficientNet"]])
    print(f"{len(data.mode)} pictures of {len(np.unique(data.source))} sources, {arguments.splits} splits, "
          f"{PER_MODE} learning pictures a mode")  # fmt: skip
    for title in NAMES:
        splits = [run_split(data, title, number, arguments.cache) for number in range(arguments.splits)]
        columns = {name: np.array([found[name] for found in splits]) for name in splits[0]}
        rows = {}
        for name, values in columns.items():
            mean, low, high = interval(values[:, 0])
            ahead, least, most = interval(columns["D"][:, 0] - values[:, 0])
            rows[name] = {"accuracy": mean, "low": low, "high": high} | {
                "D − method": ahead, "least": least, "most": most, "s a split": values[:, 1].mean()
            }  # fmt: skip
        print_table(f"{title}: {len(NAMES[title])} items, with 95 % intervals", rows)


if __name__ == "__main__":
    main()
