"""Selects the items of the technical score by an orthogonal array, and compares the score with and without the others.

    python benchmarks/score/item_selection.py [--cache DIR]

The two-level array of ``metrics/taguchi/item_selection.py`` has a column for each feature of the detectors (items that
mirrorings and turns exchange are one feature). A run fits linear detectors to its features. Its SN ratio, larger the
better, is that of their sensitivities d' to the faults on left-out sources: the mean difference between a damaged
picture and its own undamaged one, in standard deviations of undamaged pictures.

Half of the sources choose the features with a gain above zero; the other half compares the technical score with all
features and with these. All are learning pictures of build_quality.py, without those of published.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.model_selection import GroupKFold

from soart.benchmarks.common import command
from soart.benchmarks.data.damage import NAMED_AS
from soart.benchmarks.data.quality_pictures import Table
from soart.benchmarks.score.build_quality import KINDS, cross_validated, of_packages
from soart.metrics.damage.quality_model import folded
from soart.metrics.damage.technical import DETECTORS
from soart.metrics.items.quality import RUNGS, QualityExtractor
from soart.metrics.taguchi.item_selection import gains, two_level_array
from soart.metrics.taguchi.tmethods import larger_the_better

#: Ridge of the linear detectors, as a share of the mean diagonal of the Gram matrix.
RIDGE = 1e-2
#: A fault that a run does not see at all counts as this sensitivity.
LEAST = 0.05
RESAMPLES = 2000


def rungs_of(data: Table) -> np.ndarray:
    """(n,) row in ``RUNGS`` of each picture."""
    rung: np.ndarray = np.minimum((data.items[:, :1] < np.array(RUNGS)).sum(axis=1), len(RUNGS) - 1)
    return rung


def features_of(data: Table) -> np.ndarray:
    """(n, f) features in standard deviations of undamaged pictures of their size."""
    rung = rungs_of(data)
    z = np.zeros_like(data.items)
    for r in range(len(RUNGS)):
        good = data.items[data.clean & (rung == r)]
        z[rung == r] = (data.items[rung == r] - good.mean(axis=0)) / np.maximum(good.std(axis=0), 1e-2)
    features: np.ndarray = np.clip(z, -6, 6) @ folded(QualityExtractor().names)[1]
    return features


class Runs:
    """Runs of the orthogonal array: linear detectors of some features, measured on left-out sources.

    Args:
        data: the pictures.
    """

    def __init__(self, data: Table) -> None:
        self.features = np.hstack([features_of(data), np.eye(len(RUNGS))[rungs_of(data)]])
        self.base, self.clean = data.base, data.clean
        self.fault = np.array([NAMED_AS.get(fault, fault) for fault in data.fault])
        modes = (self.fault[:, None] == np.array(DETECTORS)).astype(float)
        self.folds = []
        for rows, test in GroupKFold(5).split(data.items, groups=data.source):
            part, goal = self.features[rows], modes[rows] - modes[rows].mean(axis=0)
            self.folds.append((part.T @ part, part.T @ goal, test))

    def sensitivities(self, used: np.ndarray) -> np.ndarray:
        """(k,) sensitivity d' to each fault of detectors that use (f,) features; the rung is always used."""
        columns = np.flatnonzero(np.append(used, np.ones(len(RUNGS), dtype=bool)))
        evidence = np.zeros((len(self.features), len(DETECTORS)))
        for gram, response, test in self.folds:
            part = gram[np.ix_(columns, columns)]
            ridge = RIDGE * np.trace(part) / len(columns) * np.eye(len(columns))
            evidence[test] = self.features[np.ix_(test, columns)] @ np.linalg.solve(part + ridge, response[columns])
        spread = evidence[self.clean].std(axis=0)
        found = []
        for k, detector in enumerate(DETECTORS):
            rows = np.flatnonzero((self.fault == detector) & (self.base >= 0))
            found.append((evidence[rows, k] - evidence[self.base[rows], k]).mean() / spread[k])
        return np.array(found)

    def sn_ratio(self, used: np.ndarray) -> float:
        """SN ratio in dB of the sensitivities, larger the better."""
        return larger_the_better(np.maximum(self.sensitivities(used), LEAST))


def without(data: Table, kept: np.ndarray) -> Table:
    """The table with the items of features that are not among (f,) kept ones set to a constant."""
    fold = folded(QualityExtractor().names)[1]
    dropped = (fold[:, ~kept] > 0).any(axis=1)
    return replace(data, items=np.where(dropped, 0.0, data.items))


def rates(data: Table) -> dict[str, np.ndarray]:
    """Outcome by picture, NaN where it does not apply: pairs right, and false alarms of each kind."""
    _, evidence, points = cross_validated(data)
    damaged = np.flatnonzero(~data.clean & (data.base >= 0))
    pairs = np.full(len(points), np.nan)
    pairs[damaged] = points[data.base[damaged]] > points[damaged]
    suspected = (evidence.max(axis=0) > 1).astype(float)
    alarms = {
        f"false alarms, {kind}": np.where(data.clean & (data.kind == kind), suspected, np.nan)
        for kind in KINDS
        if (data.kind == kind).any()
    }
    return {"pairs right": pairs, **alarms}


def interval(values: np.ndarray, source: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of a mean, over resampled sources."""
    known = np.isfinite(values)
    names, number = np.unique(source[known], return_inverse=True)
    total, count = np.bincount(number, values[known]), np.bincount(number)
    drawn = rng.integers(len(names), size=(RESAMPLES, len(names)))
    low, high = np.quantile(total[drawn].sum(axis=1) / count[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Select and compare."""
    parser = command(__doc__, cache=True)
    data = of_packages(parser.parse_args().cache).of_quality()
    names = folded(QualityExtractor().names)[0]
    sources = np.unique(data.source)
    choosing = np.isin(data.source, np.random.default_rng(7).permutation(sources)[: len(sources) // 2])
    runs = Runs(data.part(np.flatnonzero(choosing)))
    gain = gains(runs.sn_ratio, len(names))
    kept = gain > 0
    every = np.ones(len(names), dtype=bool)
    print(f"L{len(two_level_array(len(names)))}, {len(names)} features; {kept.sum()} have a gain above zero.")
    print(f"SN ratio on the choosing half: all {runs.sn_ratio(every):.2f} dB, selected {runs.sn_ratio(kept):.2f} dB")
    for place in np.argsort(-gain):
        print(f"  {gain[place]:+.3f} dB  {names[place]}")
    rest = data.part(np.flatnonzero(~choosing))
    print(f"The technical score on the other half, {len(rest.kind)} pictures, by cross-validation among them:")
    rng = np.random.default_rng(11)
    first, second = rates(rest), rates(without(rest, kept))
    print(f"{'':32}{'all items':>10} {'selected':>10}   difference and its 95 % interval")
    for name, values in first.items():
        low, high = interval(second[name] - values, rest.source, rng)
        change = np.nanmean(second[name]) - np.nanmean(values)
        print(
            f"{name:32}{np.nanmean(values):10.3f} {np.nanmean(second[name]):10.3f}   {change:+.3f} ({low:+.3f} … {high:+.3f})"
        )


if __name__ == "__main__":
    main()
