"""The posterior of the true AUC, against a naive one and at its ends."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm, t

from soart.metrics.tastes.true_auc import (
    DEGREES,
    ETA,
    EXCESS,
    LEVELS,
    PLAIN,
    SCALE,
    TrueAuc,
    middle_of,
    share_of_plain,
    variance_of_auc,
)


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize(("held_out", "evidence"), [(0.45, np.nan), (0.7, 2.4), (1.0, 3.0)])
def test_the_posterior_is_that_of_drawn_tastes(kind, held_out, evidence):
    """Importance sampling from the prior, with the likelihood of the held-out figure as weights."""
    rng = np.random.default_rng(0)
    usual = middle_of(kind, 8) + SCALE * t.rvs(DEGREES, size=200_000, random_state=rng)
    share, middle, spread = share_of_plain(8, evidence), *PLAIN[1:]
    eta = np.where(rng.random(200_000) < share, rng.normal(middle, spread, 200_000), usual)
    # Near a figure of 1 a single draw far outside would outweigh all others.
    eta = eta[(ETA[0] < eta) & (eta < ETA[-1])]
    folds = expit(eta + LEVELS[kind].slope * np.log(0.8))
    weights = norm.pdf(held_out, folds, np.sqrt(EXCESS * variance_of_auc(folds, 8)))
    found = TrueAuc.of(kind, 8, held_out, evidence=evidence)
    assert found.mean == pytest.approx(np.average(expit(eta), weights=weights), abs=0.006)
    assert found.above_chance == pytest.approx(np.average(eta > 0, weights=weights), abs=0.006)
    inside = (expit(eta) > found.interval[0]) & (expit(eta) < found.interval[1])
    assert np.average(inside, weights=weights) == pytest.approx(0.95, abs=0.02)


def test_the_variance_is_that_of_an_auc():
    """Of normal scores one deviation apart, 9 liked and 9 disliked."""
    rng = np.random.default_rng(1)
    liked, disliked = rng.normal(1, 1, (4000, 9, 1)), rng.normal(0, 1, (4000, 1, 9))
    values = (liked > disliked).mean(axis=(1, 2))
    assert variance_of_auc(values.mean(), 9) == pytest.approx(values.var(), rel=0.1)


def test_a_figure_moves_what_is_known_the_more_the_more_pictures_show_it():
    prior = TrueAuc.of("content", 8)
    moved = [TrueAuc.of("content", 8, 0.95, shown).mean for shown in (4, 8, 30)]
    assert prior.mean < moved[0] < moved[1] < moved[2] < 0.95
    widths = [np.ptp(TrueAuc.of("content", 8, 0.9, shown).interval) for shown in (4, 30)]
    assert np.ptp(prior.interval) > widths[0] > widths[1]


def test_more_pictures_make_it_better_and_less_sure():
    found = TrueAuc.of("content", 8, 0.9)
    same, later, much_later = (found.after(n) for n in (8, 16, 64))
    assert (same.mean, *same.interval) == pytest.approx((found.mean, *found.interval), abs=2e-3)
    assert later.mean > found.mean
    # Far ahead little more is known than of other people's tastes.
    prior = TrueAuc.of("content", 64)
    assert abs(much_later.mean - prior.mean) < abs(found.mean - TrueAuc.of("content", 8).mean)
    assert np.isclose(later.weights.sum(), 1)


def test_the_variance_of_an_auc_of_unequal_sides_is_about_that_of_drawn_pictures():
    rng = np.random.default_rng(0)
    liked, disliked = rng.normal(0.8, 1, (4000, 24)), rng.normal(0, 1, (4000, 8))
    aucs = (liked[:, :, None] > disliked[:, None]).mean(axis=(1, 2))
    assert variance_of_auc(aucs.mean(), 24, 8) == pytest.approx(aucs.var(), rel=0.2)
    assert variance_of_auc(0.7, 12, 12) == variance_of_auc(0.7, 12)


def test_evidence_reveals_plain_tastes_and_little_of_it_says_nothing():
    usual = TrueAuc.of("shared", 16, 0.95)
    said = [TrueAuc.of("shared", 16, 0.95, evidence=nats).mean for nats in (-3.0, 1.0, 5.0, 8.0, 12.0, 60.0)]
    assert said[:3] == [usual.mean] * 3
    assert usual.mean < said[3] < said[4] < said[5]
    assert said[-1] > 0.9
    # As many nats show less, the more pictures they come from, up to a number.
    shares = [share_of_plain(n, 60.0) for n in (8, 16, 32, 64, 80, 500)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-2] == shares[-1]
    assert share_of_plain(8, np.nan) == pytest.approx(PLAIN[0])
