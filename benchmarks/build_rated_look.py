"""Learns rated quality by look alone, a part of the technical score; writes ``metrics/damage/rated-look-1.safetensors``.

    python benchmarks/build_rated_look.py

It learns as build_rated_quality.py does, from the items of texture, colour and quality alone, and beside the costs of faults:

* The lead that an undamaged picture must have over its damaged version is larger, the less the costs of faults tell them
  apart; so it is learnt where these are wrong.
* Colourfulness must not change the sum: over undamaged pictures of a kind, the sum of ranks of colourfulness times rated
  quality is to make up for that of the costs of faults.

Prints cross-validated shares of pairs in the right order and agreement with ratings, with and without it; the technometric
that 2 % of the undamaged pictures exceed, which the technical score takes for 50 points; and the agreement on the photographs
to report on. The costs of faults are those of the shipped model, which has learnt from most of these pictures; kinds.py
measures the score on others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from build_rated_quality import NAMES, RANGES, Learning, alone, head, row, series, store, usual
from quality_pictures import EMBEDDED
from rated_photographs import items_of, rated_photographs
from rated_versions import source_of
from scipy.stats import rankdata, spearmanr
from sklearn.model_selection import GroupKFold
from sources import default_cache

from soart.metrics.damage.rated_quality import LOOK_VERSION, Balance, Pairs, RatedQuality, learn_rated_quality
from soart.metrics.damage.scorer import UNRATED, TechnicalScorer
from soart.metrics.items.combined import taste_extractor

LOOK = taste_extractor().names
COLUMNS = [NAMES.index(name) for name in LOOK]
#: Halvings by which the score of an undamaged picture should lead, and the share of those by the costs of faults that count.
LEAD, COUNTED = 0.3, 0.3
#: Weight of each kind's trend with colourfulness beside a photograph.
TREND = 5000.0
CHROMA = LOOK.index("quality/chroma/mean")


def ranks(values: np.ndarray) -> np.ndarray:
    """(n,) ranks with mean 0 and deviation 1 as factors of a mean."""
    found = rankdata(values) - (len(values) + 1) / 2
    factors: np.ndarray = found / max(float(found.std()), 1e-9) / len(values)
    return factors


def learn(learning: Learning, halvings: np.ndarray, rows: np.ndarray, apart: set[str]) -> RatedQuality:
    """Learn from (k,) numbers of photographs and from all versions but those of some sources.

    Args:
        learning: all that there is.
        halvings: (m,) of points, by the costs of faults of the versions.
        rows: numbers of photographs.
        apart: names of sources.
    """
    every, opinions = learning.versions, learning.photographs.opinions
    items, used = every.items[:, COLUMNS].astype(float), ~np.isin(every.source, list(apart))
    worse = learning.damaged[used[learning.damaged]]
    better, mean = every.base[worse], float(opinions[rows].mean())
    # Rated quality for each halving of what it leaves.
    halving = mean * np.log(2)
    lead = halving * (LEAD - COUNTED * (halvings[worse] - halvings[better]))
    sound = used & every.is_sound
    balances = [usual(items[sound & (every.kind == EMBEDDED)], mean)]
    for kind in np.unique(every.kind):
        own = sound & (every.kind == kind)
        factors = ranks(items[own, CHROMA])
        balances.append(Balance(items[own], factors, halving * float(factors @ halvings[own]), TREND))
    which, smaller = learning.smaller
    some = np.isin(which, rows)
    return learn_rated_quality(
        learning.items[np.ix_(rows, COLUMNS)],
        opinions[rows],
        LOOK,
        reduced=(smaller[np.ix_(some, COLUMNS)], opinions[which[some]]),
        pairs=Pairs(items[better], items[worse], lead),
        balances=balances,
        turned_alike=True,
    )


def cross_validate(learning: Learning, halvings: np.ndarray, scorer: TechnicalScorer) -> None:
    """Print what the technical score gains, by models that have not learnt from the pictures."""
    every, photographs, worse = learning.versions, learning.photographs, learning.damaged
    versions, items = every.items[:, COLUMNS].astype(float), learning.items[:, COLUMNS]
    left, own = np.empty(len(every.items)), np.empty(len(items))
    folds = zip(
        GroupKFold(5).split(items, groups=series(learning.items)),
        GroupKFold(5).split(versions, groups=every.source),
        strict=True,
    )
    for (rest, out), (_, tested) in folds:
        apart = {*every.source[tested], *(source_of(photographs.files[n]) for n in out)}
        look = learn(learning, halvings, rest, apart)
        own[out] = look.scores(items[out], LOOK)
        left[tested] = look.shares_left(look.scores(versions[tested], LOOK))
    faults, opinions = scorer.cost_of_faults(learning.items[:, COLUMNS]) / UNRATED, photographs.opinions
    costs = {"faults alone": halvings, "technical score": halvings - np.log2(left)}
    agreement = {"faults alone": -faults, "technical score": np.log2(look.shares_left(own)) - faults}
    print(
        f"SROCC of rated quality by look {spearmanr(own, opinions)[0]:.3f}\n{'':16} {'SROCC':>6}   pairs right, by longest side {RANGES}"
    )
    for title, cost in costs.items():
        right = cost[every.base[worse]] < cost[worse]
        shares = (right[(every.side[worse] >= low) & (every.side[worse] < high)].mean() for low, high in RANGES)
        print(f"{title:16} {spearmanr(agreement[title], opinions)[0]:6.3f}  ", *(f"{share:.3f}" for share in shares))
    for kind in np.unique(every.kind):
        sound = every.is_sound & (every.kind == kind)
        trends = (spearmanr(-cost[sound], versions[sound, CHROMA])[0] for cost in costs.values())
        print(f"trend with colourfulness, {kind}:", *(f"{trend:+.2f}" for trend in trends))
    undamaged = costs["technical score"][every.fault == "none"] * UNRATED
    print(f"technometric of 50 points: {np.quantile(undamaged, 0.98):.2f}", flush=True)


def main() -> None:
    """Learn, write and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=default_cache())
    arguments = parser.parse_args()
    learning, scorer = Learning.of(arguments.cache), TechnicalScorer.load()
    halvings = scorer.cost_of_faults(learning.versions.items[:, COLUMNS].astype(float)) / UNRATED
    learnt = learn(learning, halvings, np.arange(len(learning.items)), set())
    store(learnt, LOOK_VERSION)
    cross_validate(learning, halvings, scorer)
    reported = rated_photographs(arguments.cache, learning=False)
    own = items_of(reported, arguments.cache)
    apart, items = alone(own, learning.items), own[:, COLUMNS]
    head(reported, apart)
    rated = learnt.scores(items, LOOK)
    faults = scorer.cost_of_faults(items) / UNRATED
    for title, values in (
        ("rated by look", rated),
        ("faults", -faults),
        ("technical", np.log2(learnt.shares_left(rated)) - faults),
    ):
        print(f"{title:14} " + row(values, reported, apart))


if __name__ == "__main__":
    main()
