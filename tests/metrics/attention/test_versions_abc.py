"""Attention-RT: each version against its formulas, written out plainly, on planted modes and on degenerate input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.covariance import ledoit_wolf

from soart.errors import ItemsError
from soart.metrics.attention.comparison import Comparison, compare, transposed
from soart.metrics.attention.version_d import AttentionD, inverse_root, left_out
from soart.metrics.attention.versions_abc import AttentionA, AttentionB, AttentionC, cosine, second_moment

P = 6
CENTRES = {"blurry": -3.0, "noisy": 3.0, "normal": 0.0}


def planted(count, seed, spread=1.0):
    """``count`` pictures a mode: modes lie apart along one direction, all items share strong noise along another."""
    rng = np.random.default_rng(seed)
    along, common = np.array([1.0, 1, 0, 0, 0, 0]), np.array([1.0, -1, 2, 2, 0, 0])
    modes = np.repeat(list(CENTRES), count)
    shift = np.array([CENTRES[m] for m in modes])[:, None] * along
    noise = 3 * rng.normal(size=(len(modes), 1)) * common + 0.5 * rng.normal(size=(len(modes), P))
    return spread * (shift + noise) + 20, modes


LEARN, MODES = planted(12, 0)
TEST, TRUTH = planted(30, 1)
GAMMA = np.tanh(LEARN - 20)
MODELS = {
    "A": AttentionA().fit(LEARN, MODES, GAMMA),
    "B": AttentionB("normal").fit(LEARN, MODES),
    "C": AttentionC().fit(LEARN, MODES),
    "D": AttentionD().fit(LEARN, MODES),
}


@pytest.mark.parametrize("value", [0.1, 0.7, 123.456])
def test_version_d_ignores_items_that_do_not_vary(value):
    """Whatever they are in measured pictures: their mean misses them by a rounding error."""
    for count in (3, 7, 12):
        x, modes = planted(count, 2)
        model = AttentionD().fit(np.column_stack([np.full(len(x), value), x]), modes)
        same, other = (
            model.predict_proba(np.column_stack([np.full(len(TEST), v), TEST])) for v in (value, value * (1 + 1e-6))
        )
        np.testing.assert_array_equal(same, other)


versions = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


def z(items, reference):
    return (items - reference.mean(0)) / reference.std(0, ddof=1)


def plain_attention(x, learn, w_q, w_k):
    rows = []
    for query in x @ w_q:
        logits = np.array([query @ key / np.sqrt(len(query)) for key in learn @ w_k])
        e = np.exp(logits - logits.max())
        rows.append(e / e.sum())
    return np.array(rows)


def plain_moment(y):
    moment = sum(np.outer(row, row) for row in y) / len(y)
    return moment * len(moment) / np.trace(moment)


def test_version_a_is_its_formula():
    x, learn = z(TEST, LEARN), z(LEARN, LEARN)
    expected = plain_attention(x, learn, plain_moment(z(GAMMA, GAMMA)), plain_moment(learn))
    np.testing.assert_allclose(MODELS["A"].attention(TEST), expected, atol=1e-12)
    o = expected @ learn @ plain_moment(learn)
    np.testing.assert_allclose(MODELS["A"].resonance(TEST), cosine(o, x), atol=1e-12)


def test_version_b_takes_its_query_from_the_unit_space_alone():
    x, learn = z(TEST, LEARN), z(LEARN, LEARN)
    expected = plain_attention(x, learn, plain_moment(learn[MODES == "normal"]), plain_moment(learn))
    np.testing.assert_allclose(MODELS["B"].attention(TEST), expected, atol=1e-12)


def test_version_c_varies_the_unit_space():
    masses = []
    for mode in CENTRES:
        unit = LEARN[MODES == mode]
        x, learn = z(TEST, unit), z(LEARN, unit)
        masses.append(
            plain_attention(x, learn, plain_moment(z(unit, unit)), plain_moment(learn))[:, MODES == mode].sum(1)
        )
    expected = np.array(list(CENTRES))[np.argmax(masses, axis=0)]
    assert MODELS["C"].predict(TEST).tolist() == expected.tolist()


def test_version_d_is_ridge_over_whitened_cosines():
    model = MODELS["D"]
    centre = np.mean([LEARN[MODES == m].mean(0) for m in CENTRES], axis=0)
    residuals = np.concatenate([LEARN[MODES == m] - LEARN[MODES == m].mean(0) for m in CENTRES])
    scale = np.sqrt((residuals**2).sum(0) * 2 / (2 * len(residuals) - 1))
    root = inverse_root(ledoit_wolf(residuals / scale, assume_centered=True)[0])
    rotate = lambda v: (u := (v - centre) / scale @ root) / np.linalg.norm(u, axis=1, keepdims=True)  # noqa: E731
    similarity = lambda a: np.exp((rotate(a) @ rotate(LEARN).T - 1) / model.temperature_)  # noqa: E731
    y = (MODES[:, None] == model.classes_) - 1 / 3
    values = np.linalg.solve(similarity(LEARN) + model.ridge_ * np.eye(len(LEARN)), y)
    np.testing.assert_allclose(model.metric(TEST), 1 / 3 + similarity(TEST) @ values, atol=1e-8)
    np.testing.assert_allclose(
        model.attention(TEST), similarity(TEST) / similarity(TEST).sum(1, keepdims=True), atol=1e-9
    )


def test_heads_are_versions_of_their_own_whose_cosines_are_averaged():
    heads = [[0, 1, 2], [3, 4, 5]]
    model = AttentionD(heads=heads).fit(LEARN, MODES)
    alone = [AttentionD().fit(LEARN[:, head], MODES) for head in heads]
    cosines = np.mean([m._rotate(TEST[:, h]) @ m.keys_.T for m, h in zip(alone, heads, strict=True)], axis=0)
    np.testing.assert_allclose(model._rotate(TEST) @ model.keys_.T, cosines, atol=1e-9)
    np.testing.assert_allclose(AttentionD(heads=[range(P)]).fit(LEARN, MODES).metric(TEST), MODELS["D"].metric(TEST))
    assert clone(model).heads == heads
    for wrong in ([], [[]], [[0, 6]], [[-1]], [[0.5]]):
        with pytest.raises(ItemsError, match=r"item numbers in 0…5"):
            AttentionD(heads=wrong).fit(LEARN, MODES)


def test_a_weightier_head_decides_more():
    heads = [[0, 1, 2], [3, 4, 5]]
    alike = AttentionD(heads=heads, weights=[2.0, 2.0]).fit(LEARN, MODES)
    np.testing.assert_allclose(alike.metric(TEST), AttentionD(heads=heads).fit(LEARN, MODES).metric(TEST))
    model = AttentionD(heads=heads, weights=[3.0, 1.0]).fit(LEARN, MODES)
    alone = [AttentionD().fit(LEARN[:, head], MODES) for head in heads]
    one, other = (m._rotate(TEST[:, h]) @ m.keys_.T for m, h in zip(alone, heads, strict=True))
    np.testing.assert_allclose(model._rotate(TEST) @ model.keys_.T, 0.75 * one + 0.25 * other, atol=1e-9)
    for wrong in ([1.0], [1.0, 0.0], [1.0, np.nan], [1.0, -1.0]):
        with pytest.raises(ItemsError, match="weight above zero"):
            AttentionD(heads=heads, weights=wrong).fit(LEARN, MODES)


@versions
def test_attention_is_a_distribution_and_the_interface_is_common(model):
    attention = model.attention(TEST)
    assert attention.shape == (len(TEST), len(LEARN))
    assert attention.min() >= 0
    np.testing.assert_allclose(attention.sum(1), 1)
    assert model.metric(TEST).shape == (len(TEST), 3)
    assert set(model.predict(TEST)) <= set(CENTRES)
    assert np.all(np.abs(model.resonance(TEST)) <= 1)
    assert type(clone(model)) is type(model)


@versions
def test_pictures_are_measured_one_by_one(model):
    order = np.random.default_rng(4).permutation(len(TEST))
    np.testing.assert_allclose(model.metric(TEST)[order], model.metric(TEST[order]), atol=1e-9)
    np.testing.assert_allclose(model.metric(TEST)[3:4], model.metric(TEST[3:4]), atol=1e-9)


@pytest.mark.parametrize(
    "fit",
    [
        lambda x: AttentionA().fit(x, MODES, GAMMA),
        lambda x: AttentionB("normal").fit(x, MODES),
        lambda x: AttentionC().fit(x, MODES),
        lambda x: AttentionD().fit(x, MODES),
    ],
)
def test_a_fitted_version_does_not_change_with_the_array_it_was_fitted_to(fit):
    items = LEARN.copy()
    model = fit(items)
    before = model.metric(TEST)
    items[:] = 0
    assert np.array_equal(model.metric(TEST), before)


def test_order_of_learning_pictures_does_not_matter_and_units_neither():
    order = np.random.default_rng(5).permutation(len(LEARN))
    factors = np.array([0.1, 3, 10, 1, 7, 0.02])
    for moved in (
        AttentionD().fit(LEARN[order], MODES[order]).metric(TEST),
        AttentionD().fit(LEARN * factors - 4, MODES).metric(TEST * factors - 4),
    ):
        np.testing.assert_allclose(moved, MODELS["D"].metric(TEST), atol=1e-6)


def test_version_d_sees_through_shared_noise():
    share = {name: np.mean(model.predict(TEST) == TRUTH) for name, model in MODELS.items()}
    assert share["D"] > 0.9
    assert share["D"] > max(share["A"], share["B"], share["C"])


def test_probabilities_are_calibrated():
    x, truth = planted(300, 7)
    model = AttentionD().fit(*planted(40, 6))
    probability = model.predict_proba(x)
    np.testing.assert_allclose(probability.sum(1), 1)
    right = (model.predict(x) == truth).mean()
    assert abs(probability.max(1).mean() - right) < 0.08


def test_left_out_equals_fitting_again_without_the_group():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    similarity, groups = np.exp(x @ x.T / 4), np.repeat([0, 1, 2], 3)
    got = left_out(similarity, y, 0.1, groups)
    for group in range(3):
        inside, outside = groups == group, groups != group
        values = np.linalg.solve(similarity[np.ix_(outside, outside)] + 0.1 * np.eye(6), y[outside])
        np.testing.assert_allclose(got[inside], similarity[np.ix_(inside, outside)] @ values, atol=1e-9)


def test_groups_keep_copies_from_flattering_the_choice():
    copies, modes = np.repeat(LEARN, 2, axis=0), np.repeat(MODES, 2)
    alone = AttentionD().fit(copies, modes)
    together = AttentionD().fit(copies, modes, groups=np.repeat(np.arange(len(LEARN)), 2))
    error = lambda m: np.mean((m.left_out_ - (modes[:, None] == m.classes_)) ** 2)  # noqa: E731
    assert error(alone) < error(together)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.integers(2, 5), st.integers(1, 12))
def test_any_items_give_finite_numbers(seed, count, width):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2 * count, width)).round(1) * rng.choice([0, 1], width)
    modes = np.repeat(["bad", "good"], count)
    for model in (
        AttentionA().fit(x, modes, x),
        AttentionB("good").fit(x, modes),
        AttentionC().fit(x, modes),
        AttentionD().fit(x, modes),
    ):
        for values in (model.attention(x * 5), model.metric(x * 5), model.resonance(x * 5)):
            assert np.isfinite(values).all()


@versions
def test_wrong_items_are_named(model):
    with pytest.raises(ItemsError, match="Expected 6 items a picture"):
        model.metric(TEST[:, :5])
    with pytest.raises(ItemsError, match="finite"):
        model.metric(np.full((1, P), np.nan))


def test_modes_that_cannot_be_learnt_are_named():
    with pytest.raises(ItemsError, match="at least 2 modes to tell apart, got normal"):
        AttentionD().fit(LEARN, ["normal"] * len(LEARN))
    with pytest.raises(ItemsError, match="unit space 'good', got blurry, noisy, normal"):
        AttentionB("good").fit(LEARN, MODES)
    with pytest.raises(ItemsError, match="got 1 of 'one'"):
        AttentionC().fit(LEARN[:4], ["two", "two", "two", "one"])
    with pytest.raises(ItemsError, match="one picture a mode"):
        AttentionD().fit(LEARN[:3], ["x", "y", "z"])
    with pytest.raises(ItemsError, match="one mode for each of 36"):
        AttentionD().fit(LEARN, MODES[:5])
    with pytest.raises(ItemsError, match="same 36 pictures"):
        AttentionA().fit(LEARN, MODES, GAMMA[1:].repeat(2, axis=0))
    with pytest.raises(ItemsError, match="one group for each"):
        AttentionD().fit(LEARN, MODES, groups=[1, 2])
    with pytest.raises(ItemsError, match="finite temperatures above zero, at least one, got"):
        AttentionD(temperatures=()).fit(LEARN, MODES)
    with pytest.raises(ItemsError, match="finite ridges above zero"):
        AttentionD(ridges=(0.1, 0.0)).fit(LEARN, MODES)


def test_second_moment_has_trace_p_and_a_mode_may_have_one_picture_in_d():
    assert np.trace(second_moment(LEARN)) == pytest.approx(P)
    assert np.array_equal(second_moment(np.zeros((3, 2))), np.eye(2))
    model = AttentionD().fit(LEARN[:13], MODES[:13])
    assert np.isfinite(model.metric(TEST)).all()


def test_comparison_tables():
    comparison = compare(MODELS["A"], MODELS["B"], TEST, TRUTH.tolist(), [f"{i}.png" for i in range(len(TEST))])
    assert comparison.names == ("A", "B")
    assert comparison.first.shape == (len(LEARN), len(TEST))
    np.testing.assert_allclose(comparison.first.sum(axis=0), 1)
    column = MODELS["B"].attention(TEST[17:18])[0]
    np.testing.assert_allclose(comparison.second[TRUTH[17], "17.png"].to_numpy(), column)
    np.testing.assert_allclose(comparison.difference, comparison.second - comparison.first)
    assert set(np.unique(comparison.plus_minus)) <= {-1, 0, 1}
    signs = comparison.plus_minus.loc["noisy", "normal"].to_numpy()
    assert comparison.blocks.loc["noisy", "normal"] == pytest.approx(signs.mean())
    assert 0 < comparison.lopsidedness <= 1
    assert comparison.lopsidedness == pytest.approx(comparison.blocks.abs().to_numpy().mean())
    assert compare(MODELS["A"], MODELS["A"], TEST).lopsidedness == 0


def test_comparison_as_a_picture(tmp_path):
    figure = compare(MODELS["B"], MODELS["D"], TEST, TRUTH.tolist()).figure()
    figure.savefig(tmp_path / "tables.png")
    assert (tmp_path / "tables.png").stat().st_size > 10_000
    assert [axis.get_title() for axis in figure.axes[:3]] == ["version B", "version D", "difference D − B"]


def test_comparison_of_other_pictures_is_refused():
    other = AttentionD().fit(LEARN[:24], MODES[:24])
    with pytest.raises(ItemsError, match="same order"):
        compare(MODELS["A"], other, TEST)
    moved = AttentionD().fit(LEARN + 1e-3, MODES)
    with pytest.raises(ItemsError, match="same pictures"):
        compare(MODELS["A"], moved, TEST)
    with pytest.raises(ItemsError, match="modes and names"):
        transposed(MODELS["A"], TEST, ["x"])


def test_many_pictures_of_a_mode_do_not_pull_the_centre_of_version_d():
    rng = np.random.default_rng(0)
    modes = np.repeat(["a", "b", "c"], (40, 4, 4))
    items = rng.normal(size=(48, 3)) + np.repeat([[10.0, 0, 0], [0, 10, 0], [0, 0, 10]], (40, 4, 4), axis=0)
    wanted = sum(items[modes == mode].mean(axis=0) for mode in "abc") / 3
    np.testing.assert_allclose(AttentionD().fit(items, modes).centre_, wanted)


def test_a_version_that_turns_every_block_round_is_lop_sided():
    """Blocks of opposite signs do not cancel."""
    rows = pd.MultiIndex.from_product([["a", "b"], ["0"]], names=["mode", "picture"])
    first = pd.DataFrame(np.array([[0.9, 0.1], [0.1, 0.9]]), index=rows, columns=rows)
    comparison = Comparison(first, 1 - first)
    assert comparison.blocks.to_numpy().tolist() == [[-1, 1], [1, -1]]
    assert comparison.lopsidedness == 1


def test_an_item_that_is_constant_in_one_mode_takes_part_in_version_d():
    rng = np.random.default_rng(0)
    modes = np.repeat(["a", "b"], 10)
    items = np.column_stack([rng.normal(size=20), np.where(modes == "a", 2.0, rng.normal(size=20))])
    assert np.isfinite(AttentionD().fit(items, modes).scale_).all()


def test_version_c_attends_to_all_alike_where_no_unit_space_attends_to_its_own():
    rng = np.random.default_rng(0)
    modes = np.repeat(["a", "b"], 6)
    model = AttentionC().fit(rng.normal(size=(12, 2)) + np.where(modes == "a", 0.0, 1e4)[:, None], modes)
    # Halfway, each unit space turns to the far pictures alone: its own weights underflow.
    np.testing.assert_allclose(model.attention([[5e3, 5e3]]), np.full((1, 12), 1 / 12))
