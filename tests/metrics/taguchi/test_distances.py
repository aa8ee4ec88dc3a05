"""The MT family and the T-methods against numbers of the R package MTSYS 1.2.0, naive formulas, degenerate input."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from soart.errors import ItemsError
from soart.metrics.taguchi.distances import MT, MTA, RT, adjoint, deviations, rt_metrics
from soart.metrics.taguchi.item_selection import gains, prediction_gains, two_level_array
from soart.metrics.taguchi.tmethods import T1, T2, Ta, Tb, signal_to_noise

REFERENCE = sorted((Path(__file__).parents[2] / "assets" / "mtsys").glob("*.json"))
DISTANCES = [p for p in REFERENCE if "_T" not in p.stem]
PREDICTIONS = [p for p in REFERENCE if "_T" in p.stem]
RNG = np.random.default_rng(11)
X = RNG.normal(size=(30, 5)) @ RNG.normal(size=(5, 5)) + 3
Y = X @ [1.0, -2.0, 0.5, 0.0, 0.0] + 0.1 * RNG.normal(size=30)


def close(got, expected):
    expected = np.asarray(expected, dtype=float)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_all_reference_files_are_covered():
    assert len(DISTANCES) == 7
    assert len(PREDICTIONS) == 9


@pytest.mark.parametrize("path", DISTANCES, ids=lambda p: p.stem)
def test_distances_of_reference(path):
    case = json.loads(path.read_text())
    expected = case["expected"]
    model = {"MT": MT, "MTA": MTA, "RT": RT}[case["method"]](threshold=case["threshold"])
    model.fit(case["unit_space_data"])
    close(model.matrix_, expected["A"])
    close(model.transform(case["unit_space_data"]), expected["unit_transformed"])
    close(model.unit_distance_, expected["unit_distance"])
    close(model.transform(case["newdata"]), expected["diagnosis_transformed"])
    close(model.distance(case["newdata"]), expected["diagnosis_distance"])
    assert model.predict(case["newdata"]).tolist() == expected["le_threshold"]


@pytest.mark.parametrize("path", PREDICTIONS, ids=lambda p: p.stem)
def test_predictions_of_reference(path):
    case = json.loads(path.read_text())
    expected = case["expected"]
    subtract = case["subtracts_V_e"]
    if case["method"] == "T1":
        unit, signal = np.array(case["unit_space_data"]), np.array(case["signal_space_data"])
        data = np.vstack([unit, signal])
        model = T1(subtract_error=subtract).fit(data[:, :-1], data[:, -1], np.arange(len(data)) < len(unit))
    else:
        signal = np.array(case["sample_data"])
        model = {"Ta": Ta, "Tb": Tb}[case["method"]](subtract_error=subtract).fit(signal[:, :-1], signal[:, -1])
    close(model.beta_, expected["beta_hat"])
    close(model.eta_, expected["eta_hat"])
    close(model.overall_eta_, expected["overall_prediction_eta"])
    close(signal[:, :-1] - model.centre_, expected["X"])
    close(signal[:, -1] - model.target_centre_, expected["M"])
    close(model.signal(signal[:, :-1]), expected["M_hat"])
    close(model.signal(case["newdata"]), expected["forecast_M_hat"])
    close(model.predict(case["newdata"]), expected["forecast_y_hat"])


def test_rt_metrics_are_the_plain_formulas():
    m, p = X.mean(axis=0), X.shape[1]
    for x, (y1, y2, y3) in zip(X, rt_metrics(X, m), strict=True):
        r, linear, total = sum(m * m), sum(m * x), sum(x * x)
        assert y1 == pytest.approx(linear / r)
        assert y2 == pytest.approx(np.sqrt((total - linear**2 / r) / (p - 1)))
        assert y3 == pytest.approx(linear / np.sqrt(r * total))


def test_rt_textbook_is_the_adjoint_of_the_covariance():
    model = RT(convention="textbook").fit(X)
    y1, y2 = rt_metrics(X, X.mean(axis=0))[:, :2].T
    (v11, v12), (_, v22) = np.cov(y1, y2)
    a, b = y1 - y1.mean(), y2 - y2.mean()
    close(model.distance(X) ** 2, (v22 * a**2 - 2 * v12 * a * b + v11 * b**2) / 2)


def test_adjoint_is_determinant_times_inverse_and_survives_singularity():
    matrix = np.cov(X.T)
    close(adjoint(matrix), np.linalg.det(matrix) * np.linalg.inv(matrix))
    close(adjoint(np.ones((2, 2))), [[1, -1], [-1, 1]])


def test_mt_does_not_depend_on_units():
    close(MT().fit(X).distance(X), MT().fit(X * [1, 10, 0.1, 5, 3] + 7).distance(X * [1, 10, 0.1, 5, 3] + 7))


def test_unit_space_lies_at_mean_square_one():
    assert np.mean(MT().fit(X).unit_distance_ ** 2) == pytest.approx(29 / 30)


@pytest.mark.parametrize("singular", ["pinv", "shrink"])
def test_more_items_than_pictures_is_a_named_choice(singular):
    wide = RNG.normal(size=(6, 20))
    with pytest.raises(ItemsError, match="singular='shrink'"):
        MT().fit(wide)
    distances = MT(singular=singular).fit(wide).distance(wide + 5)
    assert np.isfinite(distances).all()


def test_constant_item_is_a_named_choice():
    flat = X.copy()
    flat[:, 2] = 0.1
    with pytest.raises(ItemsError, match="number 2"):
        MT().fit(flat)
    varying = [0, 1, 3, 4]
    got = MT(singular="pinv").fit(flat).distance(X)
    close(got, MT().fit(X[:, varying]).distance(X[:, varying]) * np.sqrt(4 / 5))


@pytest.mark.parametrize("rows", [5, 1000, 4096])
@pytest.mark.parametrize("value", [0.1, 0.7, -123.456, 0.0])
def test_rounding_errors_of_constant_items_are_no_variation(rows, value):
    x = np.random.default_rng(rows).normal(size=(rows, 3))
    x[:, 1] = value
    assert deviations(x, "pinv")[1] == np.inf
    with pytest.raises(ItemsError, match="1 of 3 items are constant"):
        deviations(x, "raise")
    # One unit in the last place more is no variation either, and a millionth is.
    x[0, 1] = np.nextafter(value, 1e9)
    assert (deviations(x, "pinv")[1] == np.inf) == (value != 0)
    x[0, 1] = value + 1e-6
    assert deviations(x, "pinv")[1] < np.inf
    x[:, 0], x[:, 1] = 0.3 * x[:, 2] + 1, value
    measured = x[:1] + np.array([0, 0.01, 0])
    for model in (T1(), T2(), Ta(), Tb()):
        model.fit(x, x[:, 0])
        assert model.beta_[1] == model.eta_[1] == 0
        assert model.predict(measured) == model.predict(x[:1])


def test_shrinking_works_without_any_variation():
    for model in (MT(singular="shrink"), RT(singular="shrink")):
        assert model.fit(np.ones((5, 3))).distance(np.ones((2, 3))).tolist() == [0, 0]
    with pytest.raises(ItemsError, match="Expected finite SN"):
        gains(lambda used: -np.inf if used[0] else 0.0, 4)
    # Without its only item nothing is measured, so that there is no gain: it was NaN.
    with pytest.raises(ItemsError, match="at least two items"):
        gains(lambda used: 1.0, 1)


@pytest.mark.parametrize(
    "model", [MT(singular="pinv"), MTA(singular="shrink"), RT(convention="textbook"), T1(2), T2("high"), Ta(), Tb()]
)
def test_estimators_clone_and_refuse_what_does_not_fit(model):
    fitted = clone(model).fit(X, Y)
    assert fitted.get_params() == model.get_params()
    assert fitted.n_features_in_ == 5
    measure = fitted.predict
    with pytest.raises(ItemsError, match="Expected 5 items a picture"):
        measure(X[:, :4])
    with pytest.raises(ItemsError, match="row 1, column 0"):
        clone(model).fit([[1.0, 2.0], [np.nan, 1.0], [2.0, 0.0]], [1, 2, 3])
    with pytest.raises(ItemsError, match=r"Expected at least 2 rows|singular|beside it"):
        clone(model).fit(X[:1], Y[:1])
    with pytest.raises(ItemsError, match="numbers"):
        measure([["a", "b"]])


def test_rt_refuses_a_zero_standard_vector():
    with pytest.raises(ItemsError, match="not all zero"):
        RT().fit(np.array([[1.0, -1.0], [-1.0, 1.0]]))


def test_unknown_options_are_named():
    with pytest.raises(ItemsError, match="'best'"):
        MT(singular="best").fit(X)
    with pytest.raises(ItemsError, match="'mine'"):
        RT(convention="mine").fit(X)
    with pytest.raises(ItemsError, match="'middle'"):
        T2("middle").fit(X, Y)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 100), st.integers(0, 2**16))
def test_eta_does_not_depend_on_the_scale_of_an_item(scale, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    beta, eta = signal_to_noise(x, y)
    scaled_beta, scaled_eta = signal_to_noise(scale * x, y)
    close(scaled_beta, scale * beta)
    close(scaled_eta, eta)


@pytest.mark.parametrize("model", [T1(), T2("low"), T2("high"), Ta(), Tb()])
def test_contributions_add_up_and_the_signal_is_found(model):
    model.fit(X, Y)
    close(model.contributions(X).sum(axis=1) + model.target_centre_, model.predict(X))
    assert np.corrcoef(model.predict(X), Y)[0, 1] > 0.5


def test_t2_takes_the_unit_space_at_its_end():
    order = np.argsort(Y)
    assert T2("low", 4).fit(X, Y).target_centre_ == pytest.approx(Y[order[:4]].mean())
    assert T2("high", 4).fit(X, Y).target_centre_ == pytest.approx(Y[order[-4:]].mean())
    assert T1(1).fit(X, Y, np.arange(30) == 7).target_centre_ == Y[7]


@pytest.mark.parametrize("model", [T1(), Ta(), Tb()])
def test_items_without_signal_predict_the_centre(model):
    model.fit(np.ones((9, 2)), np.arange(9.0))
    assert model.predict(np.full((2, 2), 5.0)).tolist() == [model.target_centre_] * 2
    model.fit(X[:9], np.full(9, 3.0))
    assert model.predict(X) == pytest.approx(np.full(30, 3.0))


def test_t1_refuses_a_unit_space_that_leaves_nothing():
    with pytest.raises(ItemsError, match="beside it, got 30 and 0"):
        T1(50).fit(X, Y)
    with pytest.raises(ItemsError, match="30 booleans"):
        T1().fit(X, Y, np.arange(3))
    with pytest.raises(ItemsError, match="unit_size=0"):
        T1(0).fit(X, Y)


@pytest.mark.parametrize("items", [1, 3, 4, 7, 8, 20])
def test_arrays_are_orthogonal(items):
    levels = np.where(two_level_array(items), 1, -1)
    close(levels.T @ levels, len(levels) * np.eye(items))
    assert levels[0].tolist() == [1] * items
    assert len(levels) == {1: 4, 3: 4, 4: 8, 7: 8, 8: 16, 20: 32}[items]


def test_selection_finds_the_items_that_matter():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 6))
    y = 2 * x[:, 3] + 0.2 * rng.normal(size=60)
    gained = prediction_gains(Ta().fit(x, y), x, y)
    assert np.argmax(gained) == 3
    assert gained[3] > 3


def test_gamma_is_a_cosine_whatever_the_rounding():
    rng = np.random.default_rng(0)
    standard = rng.normal(size=7)
    gamma = rt_metrics(rng.normal(size=(2000, 1)) * standard, standard)[:, 2]
    assert np.abs(gamma).max() == 1


def test_an_item_that_follows_the_signal_exactly_outweighs_all_others():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=20)
    _, eta = signal_to_noise(np.column_stack([3 * signal, signal + 1e-4 * rng.normal(size=20)]), signal)
    assert eta[0] > 1e4 * eta[1] > 0


def test_tb_without_a_signal_predicts_the_mean():
    y = np.array([1.0, 2.0, 6.0])
    model = Tb().fit(np.ones((3, 2)), y)
    assert model.predict(np.array([[1.0, 5.0]])) == pytest.approx(3)


def test_gains_of_a_prediction_are_those_of_its_items_alone():
    rng = np.random.default_rng(4)
    y = rng.normal(size=40)
    x = y[:, None] + [0.5, 1.0, 1.5] * rng.normal(size=(40, 3))
    model = Ta().fit(x, y)
    signal = y - y.mean()

    def sn_ratio(used):
        mean = model.contributions(x)[:, used].sum(axis=1) / model.eta_[used].sum()
        explained = (signal @ mean) ** 2 / (signal @ signal)
        error = (mean @ mean - explained) / 39
        return 10 * np.log10(max((explained - error) / error, 1e-10))

    assert prediction_gains(model, x, y) == pytest.approx(gains(sn_ratio, 3))
