"""Beliefs in prior scores, estimated from other raters."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from soart.metrics.tastes.beliefs import NOISES, TEMPER_OF_TRUSTS, TRUSTS_IN_OTHERS, TRUSTS_IN_TECHNICAL
from soart.metrics.tastes.examples import from_liking, mix
from soart.metrics.tastes.fitting import fit
from soart.metrics.tastes.shown_by_others import LEAST, USUAL_RATERS, beliefs_shown_by_others


def usual(table):
    beliefs = np.array([trust.belief for trust in table.values()])
    return np.exp(beliefs - logsumexp(beliefs))


def raters(count, correlation, pictures=40, seed=0):
    """Raters whose likings have a correlation with the prior scores."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        scores = rng.normal(size=pictures)
        yield scores, correlation * scores + np.sqrt(1 - correlation**2) * rng.normal(size=pictures)


def shares(others, table=TRUSTS_IN_OTHERS, spread=1.0):
    return np.exp(beliefs_shown_by_others(table, list(others), spread))


def test_too_few_or_equal_ratings_show_nothing():
    few, equal = next(raters(1, 0.9, 3)), (np.arange(9.0), np.full(9, 4.0))
    assert beliefs_shown_by_others(TRUSTS_IN_OTHERS, [], 1.0) is None
    assert beliefs_shown_by_others(TRUSTS_IN_OTHERS, [few, equal, (np.zeros(0), np.zeros(0))], 1.0) is None


@pytest.mark.parametrize("table", [TRUSTS_IN_OTHERS, TRUSTS_IN_TECHNICAL])
def test_agreement_is_trusted_and_its_absence_is_not(table):
    before = usual(table)
    apart, slightly, alike = (shares(raters(12, c), table) for c in (0.0, 0.35, 0.8))
    for found in (apart, slightly, alike):
        assert found.sum() == pytest.approx(1)
    assert apart[0] > before[0]
    assert slightly[1] > 0.3 > before[1]
    assert alike[2] > 0.4 > before[2]
    # A person may differ from all others.
    differ = [number for number, trust in enumerate(table.values()) if trust.mean <= 0]
    assert alike[differ] == pytest.approx(LEAST * before[differ] / before[differ].sum())
    # Two raters show less than twelve.
    assert before[2] < shares(raters(2, 0.8), table)[2] < alike[2]


def test_raters_who_like_the_opposite_are_believed():
    assert shares(raters(12, -0.6))[3] > 0.7 > 0.1 > usual(TRUSTS_IN_OTHERS)[3]


def test_against_the_naive_posterior_of_one_rater():
    scores, liking = next(raters(1, 0.2, 9, seed=3))
    y = 0.6 * (liking - liking.mean()) / liking.std()
    before, shown = usual(TRUSTS_IN_OTHERS), []
    for trust in TRUSTS_IN_OTHERS.values():
        of_noises = []
        for noise, belief in NOISES.items():
            covariance = noise * np.eye(9) + 1 + trust.deviation**2 * np.outer(scores, scores)
            normal = stats.multivariate_normal(trust.mean * scores, covariance)
            of_noises.append(belief + normal.logpdf(y))
        shown.append(TEMPER_OF_TRUSTS * logsumexp(of_noises))
    expected = before
    for _ in range(200):
        posterior = np.log(expected) + shown
        expected = (USUAL_RATERS * before + np.exp(posterior - logsumexp(posterior))) / (USUAL_RATERS + 1)
    assert expected[0] > LEAST
    assert shares([(scores, liking)], spread=0.6) == pytest.approx(expected, abs=1e-6)


def test_neither_the_scale_of_ratings_nor_the_order_of_raters_counts():
    others = list(raters(5, 0.4))
    rescaled = [(scores, 3 + 0.1 * liking) for scores, liking in others[::-1]]
    assert shares(others) == pytest.approx(shares(rescaled))


def test_raters_of_thousands_of_pictures_take_little_time():
    found = shares(raters(250, 0.5, 3000))
    assert found[[0, 3]].sum() == pytest.approx(LEAST)
    assert found[[1, 2]].sum() == pytest.approx(1 - LEAST)


def test_beliefs_decide_how_far_a_taste_trusts_a_prior_score():
    rng = np.random.default_rng(6)
    items, others = rng.normal(size=(12, 2)), rng.normal(size=12)
    liking = np.sign(others + rng.normal(size=12))
    judged = replace(from_liking(items, liking), priors=others[:, None], prior_names=("others",))
    names = ("colour/chroma/mean", "colour/luma/mean")

    def trust(*shares):
        told = replace(judged, prior_beliefs=(tuple(np.log(shares)),))
        return fit(told, names).model.trusts[0]

    doubtful, trusting = trust(0.97, 0.01, 0.01, 0.01), trust(0.03, 0.48, 0.48, 0.01)
    assert doubtful < 0.5 * trusting
    # They go with the pictures of a fold, and with judgements of several sources.
    told = replace(judged, prior_beliefs=((0.0, -1.0, -2.0, -3.0),))
    assert (
        told.take(np.arange(3)).prior_beliefs == mix(told.take(np.arange(3)), told).prior_beliefs == told.prior_beliefs
    )
