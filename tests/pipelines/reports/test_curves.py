import numpy as np

from soart.pipelines.reports.curves import curves_of, draw_curves
from soart.pipelines.reports.effects_chart import effects_chart
from soart.pipelines.reports.tuning import draw_effects
from soart.pipelines.tuning.findings import OptionEffect


def effects():
    """A hill over the numbers 1 … 9, out of order, and two words."""
    numbers = [
        OptionEffect("guidance", str(n), 2 - abs(n - 6), 1.5 - abs(n - 6), 2.5 - abs(n - 6), (n - 1) / 8)
        for n in (9, 1, 2, 3, 4, 5, 6, 7, 8)
    ]
    return [*numbers, OptionEffect("style", "ink", 0.2, -0.1, 0.5), OptionEffect("style", "", -0.2, -0.5, 0.1)]


def points(text):
    return np.array([point.split(",") for point in text.split()], dtype=float)


def test_numbers_are_a_curve_with_a_band_and_words_are_bars():
    curves = draw_curves(effects())
    assert list(curves) == ["guidance"]
    assert list(draw_effects(effects(), without=curves)) == ["style"]
    curve = curves["guidance"]
    line, band = points(curve.line), points(curve.band)
    assert (np.diff(line[:, 0]) > 0).all()
    # Up is down in pictures: the top is where the mean is largest.
    assert line[:, 1].argmin() == 5
    assert curve.top == tuple(line[5])
    assert curve.best == "best at 6: +2 (+1.5 … +2.5)"
    assert curve.ends == ("1", "9")
    assert len(band) == 18
    np.testing.assert_array_equal(band[:9, 0], line[:, 0])
    assert (band[:9, 1] < line[:, 1]).all()
    assert (band[:8:-1, 1] > line[:, 1]).all()
    assert line[5, 1] < curve.zero < line[0, 1]


def test_fewer_than_three_numbers_are_bars():
    two = [effect for effect in effects() if effect.option in ("1", "9")]
    assert curves_of(two) == {}
    assert draw_curves(two) == {}
    assert draw_curves([]) == {}


def test_the_chart_draws_curves_and_bars():
    both = effects_chart(effects(), {"guidance": 0.8, "style": 0.2})
    words = effects_chart(effects()[9:], {"style": 1.0})
    assert both.shape[0] > words.shape[0]
    assert both.std() > 5
