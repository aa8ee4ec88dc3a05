"""The average of Gaussian processes: against naive oracles, and priors that may only help."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf

from soart.metrics import AttentionD
from soart.metrics.items.frame import APPEARANCE, CONTENT, LATE, kinds_of
from soart.metrics.protocols import Making
from soart.metrics.tastes.beliefs import NOISES
from soart.metrics.tastes.examples import from_choices, from_modes, from_ratings
from soart.metrics.tastes.fitting import Scaling, evidence_of, fit
from soart.metrics.tastes.item_kernels import ItemKernels, shrunk_covariance
from soart.metrics.tastes.mixture import beliefs_in_generated, fit_all, hypotheses, learn_mixture, log_weights
from soart.metrics.tastes.taste import learn_taste

NAMES = (
    *(f"raw/luma/s0/line-h/{k}" for k in range(6)),
    *(f"colour/chroma/{k}" for k in range(4)),
    *(f"quality/texture/s0/{k}" for k in range(3)),
    *(f"deep/{depth}/{k:03d}" for depth in (1, 2, 3, 4) for k in range(5)),
)
MODES = np.repeat(["good", "bad"], 6)


def deviations(n=12, seed=0, width=33):
    return np.random.default_rng(seed).normal(size=(n, width))


def test_kinds_of_items():
    kinds = kinds_of(NAMES)
    assert [len(kinds[kind]) for kind in (*APPEARANCE, CONTENT, LATE)] == [6, 4, 3, 20, 10]
    assert {NAMES[i].split("/")[1] for i in kinds[LATE]} == {"3", "4"}
    assert set(kinds_of(NAMES[:10])) == {"texture", "colour"}
    # Items of a network's output have one depth.
    assert len(kinds_of(("deep/000", "deep/001"))[LATE]) == 2


@pytest.mark.parametrize(("count", "width"), [(2, 3), (9, 1), (4, 6), (60, 12)])
def test_shrunk_covariance_is_that_of_ledoit_and_wolf(count, width):
    rows = deviations(count, width=width) * np.arange(1, width + 1)
    np.testing.assert_allclose(shrunk_covariance(rows), ledoit_wolf(rows, assume_centered=True)[0], rtol=1e-12)


@pytest.mark.parametrize("width", [len(NAMES), 13, 6])
def test_kernels_are_covariances(width):
    z, fresh = deviations(width=width), deviations(5, 1, width)
    kernels = ItemKernels.of(z, kinds_of(NAMES[:width]), MODES)
    assert all("content" in name for name in kernels.names) == (width == 0)
    together = replace(kernels, z=np.vstack([z, fresh]))
    for number, (values, cross) in enumerate(zip(together.against(together.z), kernels.against(fresh), strict=True)):
        assert np.linalg.eigvalsh(values).min() > -1e-9
        assert np.allclose(np.diag(values), together.diagonal(number, together.z))
        assert np.allclose(values[12:, :12], cross)


def test_attention_is_version_d():
    """One head of as many components as items: the cosines of the attention model on the same items."""
    names = tuple(f"colour/chroma/{k}" for k in range(3))
    z = deviations(12, 2, 3)
    kernels = ItemKernels.of(z, kinds_of(names), MODES)
    model = AttentionD(temperatures=(2.0,)).fit(z @ np.linalg.svd(z - z.mean(axis=0))[2].T, MODES)
    ours = kernels.against(z)[kernels.names.index("attention 2")]
    assert np.allclose(np.log(ours) * 2 + 1, model.keys_ @ model.keys_.T, atol=0.02)


def test_evidence_and_dual_weights_are_those_of_the_gaussian():
    z, rng = deviations(), np.random.default_rng(5)
    y, weights, priors = np.repeat([1.0, -1.0], 6), rng.integers(1, 4, 12).astype(float), rng.normal(size=(12, 2))
    kernels = ItemKernels.of(z, kinds_of(NAMES), MODES)
    base = kernels.against(z)
    candidates = hypotheses(kernels.names, ("technical", "others"))
    evidence, alphas = fit_all(candidates, base, y, weights, priors)
    for i in rng.choice(len(candidates), 12, replace=False):
        h = candidates[i]
        covariance = np.ones((12, 12)) + np.diag(h.noise / weights)
        covariance += sum(d**2 * np.outer(p, p) for d, p in zip(h.deviations, priors.T, strict=True))
        if h.kernel >= 0:
            covariance += h.amplitude * base[h.kernel]
        mean = priors @ np.array(h.means)
        exact = multivariate_normal(mean, covariance).logpdf(y) + 6 * np.log(2 * np.pi)
        assert evidence[i] == pytest.approx(exact, rel=1e-9)
        assert np.allclose(covariance @ alphas[i], y - mean)
    weight = np.exp(log_weights(candidates, evidence))
    mixture = learn_mixture(z, y, weights, priors, kernels, ("technical", "others"))
    assert sum(mixture.shares.values()) == pytest.approx(1)
    assert weight.max() == 1


def test_evidence_of_items_is_that_of_the_gaussians_against_a_constant():
    items = deviations()
    examples = from_ratings(items, [5, 5, 4, 4, 4, 3, 3, 2, 2, 1, 1, 1])
    scaling = Scaling.of(items, np.zeros((12, 0)), NAMES)
    y = (examples.liking - examples.liking.mean()) / examples.liking.std()
    z = scaling.frame.deviations(items)
    kernels = ItemKernels.of(z, scaling.frame.kinds, examples.modes)
    base, ones = kernels.against(z), np.ones((12, 12))

    def average(forms):
        beliefs = np.array([belief for belief, *_ in forms])
        logs = [multivariate_normal(np.zeros(12), ones + k + noise * np.eye(12)).logpdf(y) for _, k, noise in forms]
        return np.log(np.exp(beliefs - np.logaddexp.reduce(beliefs)) @ np.exp(logs))

    known = [(h.belief, h.amplitude * base[h.kernel], h.noise) for h in hypotheses(kernels.names, ())]
    constant = [(belief, 0.0, noise) for noise, belief in NOISES.items()]
    assert evidence_of(examples, scaling) == pytest.approx(average(known) - average(constant), abs=1e-8)


def test_evidence_is_large_for_plain_tastes_on_any_scale_and_copies_do_not_add_to_it():
    scaling = Scaling.of(deviations(400), np.zeros((400, 0)), NAMES)
    shown, other = deviations(16, 1), deviations(16, 2)
    shown[:8, -20:] += 3
    plain, none = (from_modes({"good": of[:8], "bad": of[8:]}) for of in (shown, other))
    found = evidence_of(plain, scaling)
    assert found > 3 > evidence_of(none, scaling)
    stars = from_ratings(shown, np.repeat([3.5, 3.0], 8))
    assert evidence_of(stars, scaling) == pytest.approx(evidence_of(replace(plain, modes=stars.modes), scaling))
    copies = np.arange(48) // 3
    assert evidence_of(plain.take(copies), scaling) == pytest.approx(found)
    # How pictures were made counts beside items.
    made = np.array([Making(model="oil")] * 8 + [Making(model="ink")] * 8, dtype=object)
    assert evidence_of(replace(none, makings=made), scaling) > evidence_of(none, scaling) + 1
    assert np.isnan(evidence_of(plain.take(np.arange(8)), scaling))
    assert np.isnan(evidence_of(from_choices(shown, [(0, 9), (1, 8)]), scaling))


def test_average_is_the_weighted_sum_of_its_parts():
    z, fresh = deviations(), deviations(4, 7)
    y, priors, unseen = np.repeat([1.0, -1.0], 6), deviations(12, 8, 1), deviations(4, 9, 1)
    kernels = ItemKernels.of(z, kinds_of(NAMES), MODES)
    mixture = learn_mixture(z, y, np.ones(12), priors, kernels, ("others",))
    candidates = hypotheses(kernels.names, ("others",))
    evidence, alphas = fit_all(candidates, kernels.against(z), y, np.ones(12), priors)
    weight = np.exp(log_weights(candidates, evidence))
    predictions = []
    for h, alpha in zip(candidates, alphas, strict=True):
        cross = 1 + h.deviations[0] ** 2 * unseen @ priors.T
        if h.kernel >= 0:
            cross = cross + h.amplitude * kernels.against(fresh)[h.kernel]
        predictions.append(unseen[:, 0] * h.means[0] + cross @ alpha)
    assert np.allclose(mixture.predict(fresh, unseen), weight / weight.sum() @ np.array(predictions))
    assert (mixture.uncertainty(fresh, unseen) > 0).all()
    covariance, noise = mixture.covariance(fresh, unseen)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert noise > 0


@given(st.integers(2, 9), st.integers(0, 9), st.sampled_from([0.0, 1e6]))
def test_any_few_pictures(count, seed, shift):
    z = np.clip(deviations(count, seed) + shift, -4, 4)
    y = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    modes = np.where(y > 0, "good", "bad")
    kernels = ItemKernels.of(z, kinds_of(NAMES), modes)
    assert np.isfinite(
        learn_mixture(z, y, np.ones(count), np.zeros((count, 0)), kernels).predict(z, np.zeros((count, 0)))
    ).all()


def auc(liked, scores):
    return float(np.mean(scores[liked][:, None] > scores[~liked]))


@pytest.fixture(scope="module")
def persons():
    """Ten tastes in content items, from 8+8 pictures: held-out AUC by slope of the prior; and of the prior alone."""
    reached = {}
    for seed in range(10):
        rng = np.random.default_rng(seed)
        items, direction = rng.normal(size=(300, len(NAMES))), rng.normal(size=20)
        liking = items[:, -20:] @ direction / np.linalg.norm(direction) + 0.7 * rng.normal(size=300)
        liked = liking > 0
        learn = np.concatenate([np.flatnonzero(liked)[:8], np.flatnonzero(~liked)[:8]])
        test = np.setdiff1d(np.arange(300), learn)
        for slope in (None, 0.0, 3.0):
            prior = (slope or 0.0) * liking[:, None] + rng.normal(size=(300, 1))
            examples = from_modes({"good": items[learn[:8]], "bad": items[learn[8:]]})
            if slope is None:
                prior = prior[:, :0]
            else:
                examples = replace(examples, priors=prior[learn], prior_names=("others",))
            scores = fit(examples, NAMES)(items[test], prior[test])
            alone = auc(liked[test], prior[test, 0]) if slope is not None else 0.5
            reached.setdefault(slope, []).append((auc(liked[test], scores), alone))
    return {slope: np.mean(pairs, axis=0) for slope, pairs in reached.items()}


def test_priors_only_help(persons):
    assert persons[None][0] > 0.6
    assert persons[0.0][0] > persons[None][0] - 0.03
    taste, alone = persons[3.0]
    assert taste > alone - 0.01
    assert taste > persons[None][0] + 0.1


@pytest.mark.parametrize("known", [0, 5, 6, 12])
def test_freedom_from_faults_is_trusted_sooner_in_generated_pictures(known):
    items, names = deviations(), ("technical", "others")
    liking = np.repeat([1.0, -1.0], 6)
    priors = np.column_stack([liking + deviations(12, 3, 1)[:, 0], deviations(12, 4, 1)])
    examples = replace(from_modes({"good": items[:6], "bad": items[6:]}), priors=priors, prior_names=names)
    # All are made alike, so that nothing but the belief differs.
    makings = np.full(12, None)
    makings[:known] = Making(model="dream")
    usual, sooner = (fit(some, NAMES).model.trusts[0] for some in (examples, replace(examples, makings=makings)))
    assert (sooner > usual + 0.05) == (known >= 6)
    shown = (-0.1, -3.0, -3.0)
    assert beliefs_in_generated(names, (shown, None)) == (shown, None)
    assert beliefs_in_generated(names)[1] is None


def test_many_pictures_are_compared_on_a_few():
    rng = np.random.default_rng(3)
    items = rng.normal(size=(260, len(NAMES)))
    liked = items[:, 7] > 0
    examples = from_modes({"good": items[liked], "bad": items[~liked]})
    fresh = rng.normal(size=(200, len(NAMES)))
    taste = learn_taste(examples, NAMES, "v", repeats=1)
    assert taste.method == "mixture"
    assert auc(fresh[:, 7] > 0, taste.liking(fresh)) > 0.85
