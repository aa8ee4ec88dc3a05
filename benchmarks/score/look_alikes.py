"""Measures how often scores put the photograph of a series first that people rate best.

Series are look-alikes among the photographs of rated_photographs.py, see build_rated_quality.py. Rated quality is learnt
anew for each fifth of the series, from the others; so it is in the technical score. Pairs are look-alikes whose mean
opinion scores differ by more than 0.1 of the scale. The gain is what the picture that a score puts first is rated above the
mean of its series, as a share of what the best one is. Series of more than 20 pictures are left out, because they are
chains of pictures of which the ends are not alike. Intervals are 95 % bootstrap intervals over series.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.model_selection import GroupKFold

from soart.benchmarks.common import bootstrap, command
from soart.benchmarks.data.rated_photographs import RatedPhotographs, items_of, rated_photographs
from soart.benchmarks.data.rated_versions import source_of
from soart.benchmarks.score import build_rated_appearance
from soart.benchmarks.score.build_rated_quality import ALIKE, NAMES, Learning, directions, series
from soart.metrics.damage.technical import TechnicalJudge, quality_model
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.packaged import EFFICIENTNET

DIFFERENCE, LARGEST, DRAWS, SEED = 0.1, 20, 1000, 3


def scores_of(
    learning: Learning, by_appearance: build_rated_appearance.Learning, groups: np.ndarray
) -> dict[str, np.ndarray]:
    """(n,) scores by title, rated quality learnt from other series."""
    items, judge = learning.items, TechnicalJudge("", quality_model(), taste_extractor(EFFICIENTNET))
    rated, left = np.empty((2, len(items)))
    for rest, out in GroupKFold(5).split(items, groups=groups):
        apart = {source_of(learning.photographs.files[n]) for n in out}
        rated[out] = learning.learn(rest, apart).scores(items[out], NAMES)
        learnt = by_appearance.learn(rest, np.arange(len(by_appearance.halvings)))
        left[out] = learnt.shares_left(learnt.scores(by_appearance.items[out], build_rated_appearance.APPEARANCE))
    return {
        "freedom from faults": judge.freedom_from_faults(items),
        "technical": np.log2(left) - judge.cost_of_faults(items) / judge.model.half,
        "rated quality": rated,
    }


def with_interval(right: np.ndarray, total: np.ndarray) -> str:
    """The ratio of two sums over (g,) series, and its interval."""
    value, low, high = bootstrap(lambda i: right[i].sum() / total[i].sum(), len(right), DRAWS, SEED)
    return f"{value:7.1%} ({low:.1%} … {high:.1%})"


def main() -> None:
    """Measure and print."""
    cache = command(__doc__, cache=True).parse_args().cache
    learning, others = Learning.of(cache), rated_photographs(cache, learning=False)
    # Numbers of the learning photographs stay what they are.
    parts = (learning.photographs, others)
    both = RatedPhotographs(
        [file for part in parts for file in part.files],
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.opinions for part in parts]),
    )
    learning = replace(learning, photographs=both, items=np.concatenate([learning.items, items_of(others, cache)]))
    items, opinions = learning.items, both.opinions
    groups, own = series(items), directions(items)
    by_appearance = build_rated_appearance.Learning.of(cache)
    by_appearance = replace(by_appearance, items=items[:, build_rated_appearance.COLUMNS], opinions=opinions)
    scores = scores_of(learning, by_appearance, groups)
    count, size = groups.max() + 1, np.bincount(groups)
    first, second = np.nonzero(np.triu(own @ own.T > ALIKE, 1))
    short = size[groups[first]] <= LARGEST
    first, second = first[short], second[short]
    apart = opinions[first] - opinions[second]
    chosen = np.abs(apart) > DIFFERENCE
    total = np.bincount(groups[first[chosen]], minlength=count)
    some = total > 0
    print(f"{chosen.sum()} pairs of {some.sum()} series that differ by more than {DIFFERENCE}")
    for title, values in scores.items():
        right = ((values[first] > values[second]) == (apart > 0))[chosen]
        sums = np.bincount(groups[first[chosen]], weights=right, minlength=count)
        print(f"  {title:19} {with_interval(sums[some], total[some])}")
    members = [rows for g in range(count) if 2 <= len(rows := np.flatnonzero(groups == g)) <= LARGEST]
    possible = np.array([opinions[rows].max() - opinions[rows].mean() for rows in members])
    print(f"gain of the best of {len(members)} series, as a share of {possible.mean():.3f} of the scale")
    for title, values in scores.items():
        gained = np.array([opinions[rows[np.argmax(values[rows])]] - opinions[rows].mean() for rows in members])
        print(f"  {title:19} {with_interval(gained, possible)}")


if __name__ == "__main__":
    main()
