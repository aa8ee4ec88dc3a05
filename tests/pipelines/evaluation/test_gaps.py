"""Intervals of gaps between two collections, with the pictures of a prompt as a cluster."""

import numpy as np
import pytest
from scipy import stats

from soart.pipelines.evaluation.contrast import separation_auc
from soart.pipelines.evaluation.gaps import Sample, mean_gap, share_gap, share_gap_of


def alone(values):
    return Sample(np.asarray(values, float), np.full(len(values), -1))


def test_pictures_without_prompts_give_the_interval_of_welch():
    rng = np.random.default_rng(0)
    one, two = rng.normal(0, 1, 12), rng.normal(0.5, 3, 30)
    gap, p = mean_gap("x", alone(one), alone(two))
    wanted = stats.ttest_ind(one, two, equal_var=False)
    assert (gap.low, gap.high) == pytest.approx(tuple(wanted.confidence_interval()))
    assert p == pytest.approx(wanted.pvalue)
    # One prompt alone in a collection: its pictures count one by one.
    same, _ = mean_gap("x", Sample(one, np.zeros(12, int)), Sample(two, np.arange(30) // 3))
    assert (same.low, same.high) == pytest.approx((gap.low, gap.high))


def test_one_picture_of_each_prompt_in_both_is_a_paired_comparison():
    rng = np.random.default_rng(1)
    prompts = rng.normal(0, 5, 20)
    one, two = prompts + rng.normal(0, 0.1, 20), prompts + 0.5 + rng.normal(0, 0.1, 20)
    gap, _ = mean_gap("x", Sample(one, np.arange(20)), Sample(two, np.arange(20)))
    paired = stats.ttest_rel(one, two)
    assert (gap.high - gap.low) / 2 == pytest.approx(
        stats.t.ppf(0.975, 38) * abs((one - two).mean() / paired.statistic), rel=0.01
    )
    assert gap.clear
    assert not mean_gap("x", alone(one), alone(two))[0].clear


@pytest.mark.parametrize("shared", [False, True])
def test_intervals_cover_where_prompts_have_many_seeds(shared):
    """With 15 seeds of each prompt the intervals covered in half of the cases."""
    rng = np.random.default_rng(2)
    means = shares = 0
    for _ in range(200):
        level = rng.normal(size=24)
        samples = []
        for first in (0, 0 if shared else 12):
            which = np.repeat(np.arange(first, first + 12), 15)
            samples.append(Sample(level[which] + rng.normal(size=180), which))
        gap, _ = mean_gap("x", *samples)
        means += gap.low <= 0 <= gap.high
        damaged = [Sample((sample.values > 0.5).astype(float), sample.prompts) for sample in samples]
        gap = share_gap_of("x", *damaged)
        shares += gap.low <= 0 <= gap.high
    assert means >= 182
    assert shares >= 182


def test_shares():
    gap = share_gap("x", (3, 10), (0, 20))
    assert (gap.first, gap.second) == (0.3, 0)
    assert gap.low < 0.3 < gap.high
    assert share_gap_of("x", alone([1, 1, 1, *[0] * 7]), alone([0] * 20)) == gap
    wide = share_gap("x", (3, 10), (0, 20), (0.5, 0.5))
    assert wide.high - wide.low > gap.high - gap.low


def test_nothing_that_varies_has_no_interval():
    gap, p = mean_gap("x", alone([0.1] * 10), alone([0.1] * 10))
    assert np.isnan([gap.low, gap.high, p]).all()
    assert not gap.clear


def test_collections_are_not_told_apart_by_their_prompts():
    """Folds hold out whole prompts: else prompts would be recognised, with an AUC of 0.9 and more."""
    rng = np.random.default_rng(4)
    which = np.repeat(np.arange(24), 15)
    z = rng.normal(size=(24, 12))[which] + 0.5 * rng.normal(size=(360, 12))
    first = which < 12
    assert separation_auc(z, first, which) < 0.75
    assert separation_auc(z, first, np.full(360, -1)) > 0.9
    assert separation_auc(z + 2 * first[:, None], first, which) > 0.9
    # Of one prompt in each, pictures are all that can be held out.
    assert separation_auc(z + 2 * first[:, None], first, first.astype(int)) > 0.9
