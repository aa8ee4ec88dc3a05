import re

import numpy as np

from soart.pipelines.reports.effects_chart import effects_chart
from soart.pipelines.reports.study_charts import curves_of, draw_effects, draw_front, ends_and_best
from soart.pipelines.tuning.findings import OptionEffect, TradeOff
from soart.prompts.space.rendering import RenderedChoice


def effects():
    """A hill over the numbers 1 … 9, out of order, and two words."""
    numbers = [
        OptionEffect("guidance", str(n), 2 - abs(n - 6), 1.5 - abs(n - 6), 2.5 - abs(n - 6), (n - 1) / 8)
        for n in (9, 1, 2, 3, 4, 5, 6, 7, 8)
    ]
    return [*numbers, OptionEffect("style", "ink", 0.2, 0.1, 0.5), OptionEffect("style", "", -0.2, -0.5, 0.1)]


def circles(chart, group):
    """Places of the marks of a group, down to up."""
    [inside] = re.findall(f'<g class="chart-{group}">(.*?)</g>', chart)
    return np.array(re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', inside), dtype=float) * (1, -1)


def test_numbers_are_a_curve_with_a_band_and_words_are_rows():
    drawn = draw_effects(effects(), "points")
    assert list(drawn) == ["style", "guidance"]
    curve, rows = drawn["guidance"], drawn["style"]
    assert curve.best == "best at 6: +2.0 (+1.5 … +2.5)"
    assert curve.options == tuple("123456789")
    line = circles(curve.chart, "mean")
    assert (np.diff(line[:, 0]) > 0).all()
    assert line[:, 1].argmax() == 5
    np.testing.assert_allclose(
        np.diff(line[:, 1]), np.where(np.arange(8) < 5, 1, -1) * (line[1, 1] - line[0, 1]), atol=0.3
    )
    assert "90 % interval" in curve.chart
    assert "effect (points)" in curve.chart
    assert rows.options == ("ink", "")
    assert rows.best == ""
    assert "(nothing)" in rows.chart


def test_fewer_than_three_numbers_are_rows_and_nothing_is_nothing():
    two = [effect for effect in effects() if effect.option in ("1", "9")]
    assert curves_of(two) == {}
    assert draw_effects(two, "points")["guidance"].best == ""
    assert draw_effects(effects(), "points", curves=False)["guidance"].options[0] == "6"
    assert draw_effects([], "points") == {}
    assert draw_effects([OptionEffect("s", "a", float("nan"), 0.0, 0.0)], "points") == {}


def test_options_that_are_not_drawn_are_counted():
    many = [OptionEffect("s", str(k), k, k - 1.0, k + 1.0) for k in range(40)]
    assert [draw_effects(many[:count], "points")["s"].left_out for count in (32, 40)] == [0, 8]


def test_a_curve_is_told_by_its_ends_and_its_best():
    curve = curves_of(effects())["guidance"]
    assert [effect.option for effect in ends_and_best(curve)] == ["1", "6", "9"]
    assert [effect.option for effect in ends_and_best(curve[:6])] == ["1", "6"]
    assert [effect.option for effect in ends_and_best(curve[5:])] == ["6", "9"]


def test_trade_offs_need_two_judges():
    words = RenderedChoice("a boat", "", {})
    front = [TradeOff(words, {"a": x, "b": 10 - x}) for x in (9.0, 1.0, 4.0)]
    places = circles(draw_front(front), "trade-offs")
    # More of the first judge lies to the right, more of the second one higher.
    assert (np.diff(places[:, 0]) > 0).all()
    assert (np.diff(places[:, 1]) < 0).all()
    assert "a 1, b 9: a boat" in draw_front(front)
    assert len(circles(draw_front(front[:1]), "trade-offs")) == 1
    assert draw_front([]) is None
    assert draw_front([TradeOff(words, {"a": 1.0})]) is None


def test_the_picture_for_comfyui_draws_curves_and_bars():
    both = effects_chart(effects(), {"guidance": 0.8, "style": 0.2})
    words = effects_chart(effects()[9:], {"style": 1.0})
    assert both.shape[0] > words.shape[0]
    assert both.std() > 5
