import runpy
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from soart.pipelines.evaluation.associations import FEWEST, Sums, Tally, findings, rank_sum_p, signed_rank_p, welch
from soart.pipelines.evaluation.trends import trend

ROOT = Path(__file__).parents[3]


def sums_of(values):
    return Sums.of(np.full(len(values), 2), np.array(values))


def test_welch_is_that_of_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 2, 12), rng.normal(1, 5, 30)
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    found = welch(sums_of(a), sums_of(b))
    assert found == pytest.approx((a.mean() - b.mean(), interval.low, interval.high, expected.pvalue))


def test_nothing_is_said_where_nothing_varies():
    assert np.isnan(welch(sums_of([5.0] * 4), sums_of([5.0] * 4))[1:]).all()


def test_ranks_are_compared_like_scipy_does():
    rng = np.random.default_rng(4)
    for scores in (rng.normal(size=60), np.round(rng.normal(size=60)), np.minimum(rng.normal(size=60), 0.0)):
        rows = rng.permutation(60)[:25]
        rest = np.delete(np.arange(60), rows)
        expected = stats.mannwhitneyu(scores[rows], scores[rest], method="asymptotic", use_continuity=False).pvalue
        assert rank_sum_p(scores, [rows]) == pytest.approx(expected, rel=0.02)


def test_the_tails_are_those_of_all_permutations():
    scores = np.array([0.0] * 2 + [1, 2, 3] + [9.0] * 13)
    groups = [np.array(rows) for rows in combinations(range(18), 4)]
    p = rank_sum_p(scores, groups)
    for limit in (0.1, 0.01, 0.001):
        assert (p <= limit).mean() <= 1.15 * limit + 1 / len(groups)


def test_the_tails_are_not_much_lighter_than_those_of_all_permutations():
    scores = np.array([100.0] * 10 + [0, 1, 2, 3, 4, 5])
    p = rank_sum_p(scores, [np.array(rows) for rows in combinations(range(16), 6)])
    assert (p <= 0.005).mean() >= 0.4 * 0.005


def test_nothing_is_certain_where_nothing_varies():
    assert (rank_sum_p(np.full(20, 0.1) + np.arange(20) * 1e-17, [np.arange(8)]) == 1).all()
    assert rank_sum_p(np.zeros(0), []).shape == (0,)
    assert findings({"word": Tally("word")}) == []


def filled(words_of, scores):
    tally = Tally("word")
    for number, score in enumerate(scores):
        tally.add(f"prompt {number}", words_of(number), 3, float(score))
    return {"word": tally}


def test_a_planted_word_is_found_and_others_are_not():
    rng = np.random.default_rng(1)
    words = [[w for w in "abcdefghijklmnop" if rng.random() < 0.4] for _ in range(200)]
    tallies = filled(lambda k: words[k], [rng.normal(10, 5) + 6 * ("a" in each) for each in words])
    first, *rest = findings(tallies)
    assert (first.value, first.kind) == ("a", "word")
    assert first.pictures == 3 * first.prompts
    assert first.low < 6 < first.high
    assert first.q < 1e-6
    assert all(one.q > 0.05 for one in rest)
    assert findings(tallies, top=2)[0] == first


def test_a_word_needs_enough_different_prompts_with_and_without_it():
    for count, total, expected in ((FEWEST, 40, ["boat"]), (FEWEST - 1, 40, []), (40 - FEWEST + 1, 40, [])):
        tallies = filled(lambda k, count=count: ["boat"] * (k < count), np.arange(total))
        assert [one.value for one in findings(tallies)] == expected


def test_seeds_and_settings_of_one_prompt_prove_nothing():
    tally = Tally("negative")
    for k in range(50):
        tally.add("one prompt", ["blurry"], 1000, 90.0 + k % 3)
    for k in range(50):
        tally.add(f"tree {k}", ["ugly"], 1, float(k % 7))
    assert findings({"negative": tally}) == []


def test_a_difference_without_any_spread_has_an_interval():
    (one,) = findings(filled(lambda k: ["sharp"] * (k < 20), [100.0] * 20 + [90.0] * 20))
    assert one.q < 1e-6
    assert one.difference == one.low == one.high == pytest.approx(10)


def test_all_kinds_are_one_family_of_tests():
    rng = np.random.default_rng(5)
    word, model = Tally("word"), Tally("model")
    for k, score in enumerate(rng.normal(size=60)):
        word.add(f"p{k}", [f"w{j}" for j in range(30) if rng.random() < 0.4], 1, score)
        model.add(f"p{k}", [f"m{k % 2}"], 1, score)
    alone, together = findings({"model": model}), findings({"word": word, "model": model})
    assert together[-1].q > alone[-1].q


def test_models_are_compared_within_prompts_that_both_drew():
    """By the means over different prompts, subjects hid the better model."""
    rng, tally = np.random.default_rng(3), Tally("model")
    for k, subject in enumerate(rng.normal(50, 15, 30)):
        for model, gain in (("better", 2.0), ("worse", 0.0)):
            tally.add(f"p{k:02}", [model], 2, subject + gain + rng.normal(0, 0.5))
    for k in range(20):
        tally.add(f"q{k:02}", ["worse"], 2, 90.0)
    better, worse = sorted(findings({"model": tally}), key=lambda one: one.value)
    assert (better.within, worse.within, worse.prompts) == (30, 30, 50)
    assert better.low < 2 < better.high
    assert better.high - better.low < 1
    assert better.difference == pytest.approx(-worse.difference)
    assert better.q < 1e-4


def test_signed_ranks_are_compared_like_scipy_does():
    rng = np.random.default_rng(6)
    for values in (rng.normal(0.2, 1, 40), np.round(rng.normal(0.5, 1, 60) * 10) + 0.5):
        expected = stats.wilcoxon(values, method="asymptotic", correction=False).pvalue
        assert signed_rank_p(values) == pytest.approx(expected, rel=0.02)
    assert signed_rank_p(np.full(9, 1e-13)) == 1


@pytest.fixture(scope="module")
def benchmark():
    return SimpleNamespace(**runpy.run_path(str(ROOT / "benchmarks" / "collections" / "associations.py")))


@pytest.mark.parametrize("shape", ["normal", "crowded"])
def test_permuted_scores_are_rarely_findings_and_planted_words_are(benchmark, shape):
    rng = np.random.default_rng(2)
    world = benchmark.make_world(shape, 120, rng)
    # A share of 5 % shows at most 7 in 60 runs, 99 times in 100.
    assert sum(benchmark.has_finding(world, rng) for _ in range(60)) <= 7
    assert sum(benchmark.finds_planted(shape, 200, 1.25, rng) for _ in range(10)) >= 8


def test_a_prompt_counts_once_however_many_negative_prompts_it_has():
    """Five negative prompts of each prompt counted as five prompts: noise was certain in three cases of ten."""
    rng = np.random.default_rng(0)
    certain = covered = 0
    for _ in range(200):
        tally, has = Tally("negative"), rng.random(40) < 0.5
        for prompt, (level, word) in enumerate(zip(rng.normal(size=40), has, strict=True)):
            for _ in range(5):
                tally.add(f"{prompt:02}", ["blur" if word else "noise"], 4, level + 0.5 * rng.normal())
        (found,) = (one for one in findings({"negative": tally}) if one.value == "blur")
        assert (found.prompts, found.pictures) == (has.sum(), 20 * has.sum())
        certain += found.q <= 0.05
        covered += found.low <= 0 <= found.high
    assert certain <= 20
    assert covered >= 180


def test_a_prompt_with_and_without_a_property_counts_once_on_either_side():
    tally = Tally("model")
    for prompt in range(10):
        for model, pictures, mean in (("a", 2, 60.0), ("b", 1, 40.0), ("c", 3, 20.0)):
            tally.add(f"{prompt:02}", [model], pictures, mean + prompt)
    found = {one.value: one for one in findings({"model": tally})}
    assert (found["a"].prompts, found["a"].pictures) == (10, 20)
    # 40 and 20, weighted by their pictures, are 25 in the mean.
    assert found["a"].difference == pytest.approx(35)
    assert found["a"].q < 0.01


def test_a_trend_has_an_interval_and_bins():
    rng = np.random.default_rng(3)
    steps = rng.integers(10, 50, 300).astype(float)
    found = trend("steps", steps, steps / 10 + rng.normal(size=300))
    assert found.low < found.rho < found.high
    assert found.low > 0.4
    means = [mean for *_, mean in found.bins]
    assert means == sorted(means)
    assert sum(count for _, _, count, _ in found.bins) == 300


def test_the_interval_of_a_trend_takes_the_pictures_of_a_prompt_together():
    """Twenty seeds of each prompt counted as twenty prompts: the interval covered in half of the cases."""
    rng = np.random.default_rng(0)
    prompts, covered = np.repeat(np.arange(20), 20), 0
    for _ in range(200):
        steps = np.repeat(rng.choice([10.0, 20, 30, 40], 20), 20)
        scores = np.repeat(rng.normal(size=20), 20) + rng.normal(size=400)
        found = trend("steps", steps, scores, prompts)
        covered += found.low <= 0 <= found.high
    assert covered >= 180


def test_pictures_of_one_prompt_or_of_many_are_counted_one_by_one():
    rng = np.random.default_rng(1)
    steps, scores = rng.normal(size=(2, 50))
    alone = trend("steps", steps, scores)
    assert trend("steps", steps, scores, np.zeros(50, int)) == alone
    assert trend("steps", steps, scores, rng.permutation(50)) == alone
    two = trend("steps", np.repeat([1.0, 2], 25), np.repeat([1.0, 2], 25) + 0.1 * scores, np.repeat([0, 1], 25))
    # Two prompts tell nothing, however many seeds they have.
    assert two.rho > 0.8
    assert two.low < 0 < two.high


@pytest.mark.parametrize(
    ("values", "scores"),
    [([1.0] * 20, range(20)), (range(20), [1.0] * 20), (range(4), range(4)), ([np.nan] * 20, range(20))],
)
def test_no_trend_without_variation(values, scores):
    assert trend("x", np.array(values, float), np.array(scores, float)) is None


def test_perfect_trends_stay_finite():
    found = trend("x", np.arange(20.0), np.arange(20.0))
    assert np.isfinite([found.rho, found.low, found.high]).all()
