"""Learns rated quality from appearance alone, for the technical score; writes ``metrics/damage/rated-appearance-2.safetensors``.

It learns from the ratings of rated_photographs.py as build_rated_quality.py does, from the items of texture, colour and
quality alone, and beside the costs of faults, from the pictures of build_quality.py:

* An undamaged picture should lead its damaged version by LEAD halvings of the points. COUNTED of those by the costs of
  faults count, so it is learnt where these are wrong.
* Neither colourfulness nor size may matter: over undamaged pictures of a kind, the sum of ranks of colourfulness times rated
  quality is to make up for that of the costs of faults, and so for size.
* Nor may style: the mean of undamaged pictures of each style, those of the embedded model among them, is to be the same.
* Light JPEG and one pass through a decoder are no faults: they should leave the mean rated quality of a kind as it is.
* What the embedded model draws with a fault should be behind what it draws without, of the same subject and style.

Prints cross-validated shares of pairs in the right order and agreement with ratings, of the costs of faults alone and of the
technical score; the technometric that 2 % of the undamaged pictures exceed, which the score takes for 50 points; and the agreement
on the photographs to report on. The costs of faults are by models that have not learnt from the picture's source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.model_selection import GroupKFold

from soart.benchmarks.common import command
from soart.benchmarks.data.quality_pictures import DECODED, EMBEDDED, LIGHT, SMEARED, Table
from soart.benchmarks.data.rated_photographs import items_of, rated_photographs, reduced
from soart.benchmarks.data.sources import DRAWING
from soart.benchmarks.score.build_quality import cross_validated, measured
from soart.benchmarks.score.build_rated_quality import NAMES, alone, report, series, store
from soart.metrics.damage.rated_quality import APPEARANCE_VERSION, RatedQuality
from soart.metrics.damage.technical import TechnicalJudge, technometric_of
from soart.metrics.items.combined import taste_extractor
from soart.training.rated_quality import Balance, Pairs, learn_rated_quality

APPEARANCE = taste_extractor().names
COLUMNS = [NAMES.index(name) for name in APPEARANCE]
CHROMA = APPEARANCE.index("quality/chroma/mean")
#: Halvings by which the score of an undamaged picture should lead, and the share of those by the costs of faults that count.
LEAD, COUNTED = 0.3, 0.3
#: Penalty of the squared weights; and beside a photograph, the weights of each trend of a kind, of its change by light JPEG
#: or a decoder, and of a style.
ALPHA, TREND, SAVED, STYLE = 300.0, 50_000.0, 1000.0, 2000.0

#: Weights of pairs beside a usual one: of faults that are missed more often, and of what the embedded model draws with a fault.
WEIGHTS, DRAWN = {"halo": 1.5, "smooth": 1.5, "saturate": 1.5, SMEARED: 3.0}, 10.0


def ranks(values: np.ndarray) -> np.ndarray:
    """(n,) ranks with mean 0 and deviation 1, as factors of a mean."""
    found = rankdata(values) - (len(values) + 1) / 2
    factors: np.ndarray = found / max(float(found.std()), 1e-9) / len(values)
    return factors


@dataclass(frozen=True)
class Learning:
    """All that it is learnt from."""

    items: np.ndarray  # (n, p) items of rated photographs
    opinions: np.ndarray  # (n,) their mean opinion scores
    smaller: tuple[np.ndarray, np.ndarray]  # (r,) numbers of some of them, and their (r, p) items in smaller sizes
    data: Table  # undamaged and damaged versions
    halvings: np.ndarray  # (m,) of the points of the versions, by the costs of faults

    @classmethod
    def of(cls, cache: Path) -> Learning:
        """Read and measure it."""
        photographs, data = rated_photographs(cache, learning=True), measured(cache)
        model, points = cross_validated(data.of_quality())
        which, smaller = reduced(photographs, cache)
        return cls(
            items_of(photographs, cache)[:, COLUMNS].astype(float),
            photographs.opinions,
            (which, smaller[:, COLUMNS].astype(float)),
            data,
            technometric_of(points, model.half) / model.half,
        )

    @property
    def damaged(self) -> np.ndarray:
        """(d,) numbers of versions that are worse than the one they were made from."""
        return np.flatnonzero(~self.data.clean & (self.data.base >= 0))

    @cached_property
    def pairs(self) -> np.ndarray:
        """(p, 2) numbers of versions, the better one first."""
        good, bad = self.data.drawings_by_word()
        drawn = np.broadcast_arrays(good[..., None], bad[..., None, :])
        made = np.stack([self.data.base[self.damaged], self.damaged], axis=1)
        return np.concatenate([made, np.stack([side.ravel() for side in drawn], axis=1)])

    @cached_property
    def styles(self) -> list[np.ndarray]:
        """(m,) bool of undamaged pictures, as they are, of each style: drawings and those of the embedded model by their styles."""
        undamaged = self.undamaged
        kinds = [undamaged & rows for style, rows in self.data.styles.items() if style not in (DRAWING, EMBEDDED)]
        drawn = self.data.drawings_by_word()[0]
        return kinds + [np.isin(np.arange(len(undamaged)), drawn[:, style]) for style in range(drawn.shape[1])]

    @cached_property
    def undamaged(self) -> np.ndarray:
        """(m,) bool: undamaged pictures as they are, without those that pass through decoders, whose sources are there already."""
        found = self.data.clean & (self.data.how == LIGHT[0])
        found[self.data.base[self.data.how == DECODED]] = False
        return found

    def sound(self, kind: str) -> np.ndarray:
        """(m,) bool: undamaged pictures of a kind, as they are."""
        return self.undamaged & (self.data.kind == kind)

    def learn(self, photographs: np.ndarray, versions: np.ndarray) -> RatedQuality:
        """Learn from (k,) numbers of photographs and (v,) numbers of versions."""
        data, mean, used = self.data, float(self.opinions[photographs].mean()), np.zeros(len(self.halvings), dtype=bool)
        used[versions] = True
        better, worse = self.pairs[used[self.pairs].all(axis=1)].T
        weight = np.array([WEIGHTS.get(fault, 1.0) for fault in data.fault])
        weight[data.how == "drawn"] = DRAWN
        # Rated quality for each halving of what it leaves.
        halving = mean * np.log(2)
        lead = halving * (LEAD - COUNTED * (self.halvings[worse] - self.halvings[better]))
        which, smaller = self.smaller
        some = np.isin(which, photographs)
        return learn_rated_quality(
            self.items[photographs],
            self.opinions[photographs],
            APPEARANCE,
            ALPHA,
            reduced=(smaller[some], self.opinions[which[some]]),
            pairs=Pairs(data.items[better], data.items[worse], lead, weight[worse]),
            balances=[*self._balances(used, halving), *self._styles(used, halving)],
            turned_alike=True,
        )

    def _balances(self, used: np.ndarray, halving: float) -> Iterator[Balance]:
        """Sums over (m,) bool versions by which colourfulness, size, light JPEG and one pass do not matter."""
        data = self.data
        for kind in np.unique(data.kind):
            own = used & self.sound(kind)
            for trait in (data.items[own, CHROMA], data.side[own]):
                factors = ranks(trait)
                yield Balance(data.items[own], factors, halving * float(factors @ self.halvings[own]), TREND)
            for how in (LIGHT[1], DECODED):
                saved = np.flatnonzero(used & data.clean & (data.how == how) & (data.kind == kind))
                change = np.repeat([1.0, -1.0], len(saved)) / max(len(saved), 1)
                yield Balance(data.items[np.concatenate([saved, data.base[saved]])], change, 0.0, SAVED)

    def _styles(self, used: np.ndarray, halving: float) -> Iterator[Balance]:
        """Sums over (m,) bool versions by which each style has the mean score of all styles."""
        shares = [rows / rows.sum() for style in self.styles if (rows := used & style).any()]
        usual = np.mean(shares, axis=0)
        for share in shares:
            rows = np.flatnonzero(share + usual)
            factors = (share - usual)[rows]
            yield Balance(self.data.items[rows], factors, halving * float(factors @ self.halvings[rows]), STYLE)


def cross_validate(learning: Learning, groups: np.ndarray, judge: TechnicalJudge) -> None:
    """Print what the technical score gains, by models that have not learnt from pictures of the same (n,) series."""
    data, worse = learning.data, learning.damaged
    left, own, share = np.empty(len(data.items)), np.empty(len(learning.items)), np.empty(len(learning.items))
    folds = zip(
        GroupKFold(5).split(learning.items, groups=groups),
        GroupKFold(5).split(data.items, groups=data.source),
        strict=True,
    )
    for (rest, out), (others, tested) in folds:
        model = learning.learn(rest, others)
        own[out] = model.scores(learning.items[out], APPEARANCE)
        share[out], left[tested] = (
            model.shares_left(own[out]),
            model.shares_left(model.scores(data.items[tested], APPEARANCE)),
        )
    faults = judge.cost_of_faults(learning.items) / judge.model.half
    costs = {"faults alone": learning.halvings, "technical score": learning.halvings - np.log2(left)}
    agreement = {"faults alone": -faults, "technical score": np.log2(share) - faults}
    print(f"SROCC of rated quality from appearance {spearmanr(own, learning.opinions)[0]:.3f}")
    for title, cost in costs.items():
        right = cost[data.base[worse]] < cost[worse]
        print(f"{title}: SROCC {spearmanr(agreement[title], learning.opinions)[0]:.3f}; pairs right {right.mean():.3f}, by fault "
              + ", ".join(f"{fault} {right[data.fault[worse] == fault].mean():.3f}" for fault in np.unique(data.fault[worse])))  # fmt: skip
    undamaged = costs["technical score"][data.clean] * judge.model.half
    print(f"technometric of 50 points: {np.quantile(undamaged, 0.98):.2f}", flush=True)


def main() -> None:
    """Learn, write and report."""
    arguments = command(__doc__, cache=True, flags=["write"]).parse_args()
    learning, judge = Learning.of(arguments.cache), TechnicalJudge.load()
    every = items_of(rated_photographs(arguments.cache, learning=True), arguments.cache)
    cross_validate(learning, series(every), judge)
    learnt = learning.learn(np.arange(len(learning.items)), np.arange(len(learning.halvings)))
    if arguments.write:
        store(learnt, APPEARANCE_VERSION)
    reported = rated_photographs(arguments.cache, learning=False)
    own = items_of(reported, arguments.cache)
    apart, items = alone(own, every), own[:, COLUMNS]
    rated, faults = learnt.scores(items, APPEARANCE), judge.cost_of_faults(items) / judge.model.half
    scores = {"from appearance": rated, "faults": -faults, "technical": np.log2(learnt.shares_left(rated)) - faults}
    report(scores, reported, apart)


if __name__ == "__main__":
    main()
