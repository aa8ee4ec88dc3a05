import numpy as np
import pytest
from scipy import stats

from soart.pipelines.evaluation.associations import Sums, Tally, findings, trend, welch


def sums_of(values):
    sums = Sums()
    for value in values:
        sums.add(2, value)
    return sums


def test_welch_is_that_of_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 2, 12), rng.normal(1, 5, 30)
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    found = welch(sums_of(a), sums_of(b))
    assert found == pytest.approx((a.mean() - b.mean(), interval.low, interval.high, expected.pvalue))


def test_nothing_is_said_where_nothing_varies():
    assert np.isnan(welch(sums_of([5.0] * 4), sums_of([5.0] * 4))[1:]).all()


def test_a_planted_word_is_found_and_others_are_not():
    rng = np.random.default_rng(1)
    tally = Tally("word")
    for _ in range(200):
        words = [w for w in "abcdefghijklmnop" if rng.random() < 0.4]
        tally.add(words, 3, rng.normal(10, 5) + 6 * ("a" in words))
    first, *rest = tally.associations()
    assert (first.value, first.kind) == ("a", "word")
    assert first.low < 6 < first.high
    assert first.q < 1e-6
    assert all(one.q > 0.05 for one in rest)
    assert findings({"word": tally}, top=2)[0] == first


def test_seeds_of_one_prompt_prove_nothing():
    tally = Tally("word")
    tally.add(["boat"], 1000, 90.0)
    for k in range(50):
        tally.add(["tree"], 1, float(k % 7))
    assert [one.value for one in tally.associations()] == []


def test_random_words_are_rarely_findings():
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(40):
        tally = Tally("word")
        for _ in range(60):
            tally.add([f"w{k}" for k in range(12) if rng.random() < 0.5], 1, rng.normal())
        false += any(one.q <= 0.05 for one in tally.associations())
    assert false <= 6


def test_a_trend_has_an_interval_and_bins():
    rng = np.random.default_rng(3)
    steps = rng.integers(10, 50, 300).astype(float)
    found = trend("steps", steps, steps / 10 + rng.normal(size=300))
    assert found.low < found.rho < found.high
    assert found.low > 0.4
    means = [mean for *_, mean in found.bins]
    assert means == sorted(means)
    assert sum(count for _, _, count, _ in found.bins) == 300


@pytest.mark.parametrize(
    ("values", "scores"),
    [([1.0] * 20, range(20)), (range(20), [1.0] * 20), (range(4), range(4)), ([np.nan] * 20, range(20))],
)
def test_no_trend_without_variation(values, scores):
    assert trend("x", np.array(values, float), np.array(scores, float)) is None


def test_perfect_trends_stay_finite():
    found = trend("x", np.arange(20.0), np.arange(20.0))
    assert np.isfinite([found.rho, found.low, found.high]).all()
