"""The posterior of the true AUC, against a naive one and at its ends."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm, t

from soart.metrics.tastes.true_auc import (
    DEGREES,
    ETA,
    EXCESS,
    EXCESS_OF_PLAIN,
    LEAST_PLAIN,
    LEVELS,
    NOTHING,
    PLAIN,
    SCALE,
    SHARES,
    SORTS,
    TrueAuc,
    middle_of,
    shares,
    signs_of,
    variance_of_auc,
)


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize(("held_out", "evidence", "appeal"), [(0.45, np.nan, np.nan), (0.7, 2.4, 0.5), (1.0, 3.0, 0.9)])
def test_the_posterior_is_that_of_drawn_tastes(kind, held_out, evidence, appeal):
    """Importance sampling from each sort's prior, with the likelihood of the held-out figure as weights."""
    rng = np.random.default_rng(0)
    count, middle = 100_000, middle_of(kind, 8)
    sorts = (
        (middle + SCALE * t.rvs(DEGREES, size=count, random_state=rng), EXCESS),
        (rng.normal(*PLAIN, count), EXCESS_OF_PLAIN),
        (rng.normal(*NOTHING, count), np.inf),
    )
    share = shares(signs_of(kind, 8, held_out, 8, evidence, appeal))
    drawn, weighed = [], []
    for (eta, excess), of in zip(sorts, share, strict=True):
        # Near a figure of 1 a single draw far outside would outweigh all others.
        inside = eta[(ETA[0] < eta) & (eta < ETA[-1])]
        folds = expit(inside + LEVELS[kind].slope * np.log(0.8))
        likely = np.ones(len(inside))
        if np.isfinite(excess):
            likely = norm.pdf(held_out, folds, np.sqrt(excess * variance_of_auc(folds, 8) + 1e-4))
        drawn.append(inside)
        weighed.append(of * likely / likely.sum())
    eta, weights = np.concatenate(drawn), np.concatenate(weighed)
    found = TrueAuc.of(kind, 8, held_out, evidence=evidence, appeal=appeal)
    assert found.mean == pytest.approx(np.average(expit(eta), weights=weights), abs=0.006)
    assert found.above_chance == pytest.approx(np.average(eta > 0, weights=weights), abs=0.006)
    assert found.nothing == pytest.approx(share[2])
    within = (expit(eta) > found.interval[0]) & (expit(eta) < found.interval[1])
    assert np.average(within, weights=weights) == pytest.approx(0.95, abs=0.02)


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


def test_evidence_reveals_plain_tastes_and_little_of_it_says_nothing_against_them():
    said = [TrueAuc.of("shared", 16, 0.95, evidence=nats).mean for nats in (5.0, 8.0, 12.0, 60.0)]
    assert said == sorted(said)
    assert said[-1] > 0.9
    of_plain = [shares(signs_of("shared", 16, 0.6, 16, nats))[1:] for nats in (0.0, 0.1, 1.0)]
    for plain, nothing in of_plain:
        assert plain == pytest.approx(LEAST_PLAIN * (1 - nothing))
    # As many nats show less, the more pictures they come from, up to a number.
    plain = [shares(signs_of("shared", n, 0.8, 8, 8.0))[1] for n in (8, 16, 32, 80, 500)]
    assert plain[0] > plain[1] > plain[2]
    assert plain[-1] == pytest.approx(plain[-2], abs=1e-3)


def test_ratings_that_appeal_and_items_do_not_explain_are_doubted():
    """The more, the more pictures there are; and a figure of new pictures that follow nothing stays at chance."""
    usual, chance = (
        [TrueAuc.of("shared", n, held_out, evidence=nats, appeal=held_out) for n, nats in ((8, e), (16, 2 * e))]
        for held_out, e in ((0.75, 1.5), (0.5, 0.8))
    )
    assert max(one.nothing for one in usual) < 0.05 < 0.3 < chance[0].nothing < chance[1].nothing
    assert chance[1].interval[0] < 0.5 < chance[1].mean < usual[1].mean - 0.1
    later = chance[1].after(64)
    assert later.nothing == pytest.approx(chance[1].nothing)
    assert later.sorts[2] == pytest.approx(chance[1].sorts[2])


@pytest.mark.parametrize("kind", LEVELS)
def test_shares_are_of_what_is_known(kind):
    known = (0.7, 8.0, 2.0, 0.7)
    for count, values in (
        (0, (np.nan, 8.0, 2.0, 0.7)),
        (1, (0.7, 8.0, np.nan, 0.7)),
        (3, (0.7, 8.0, 2.0, np.nan)),
        (4, known),
    ):
        signs = signs_of(kind, 8, *values)
        assert signs.shape == (2, count)
        assert shares(signs).sum() == pytest.approx(1)
        assert (shares(signs) > 0).all()
    assert tuple(shares(np.zeros((2, 0)))) == SHARES
    assert all(len(weights) == count + 1 for count, both in SORTS.items() for weights in both)
