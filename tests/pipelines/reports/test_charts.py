"""Charts as an HTML or XML parser sees them."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest

from soart.metrics.tastes.trust import Trust
from soart.pipelines.reports.chart_frame import SIZE
from soart.pipelines.reports.chart_text import fit_text, plain_text, text_width, tick_texts
from soart.pipelines.reports.charts import (
    MOST_POINTS,
    MOST_ROWS,
    Interval,
    Series,
    histogram_chart,
    intervals_chart,
    lines_chart,
)
from soart.pipelines.reports.taste import _lowest, draw_curve
from soart.pipelines.support.figures import figures

NAN, INF = float("nan"), float("inf")
HOSTILE = ["<script>alert(1)</script>", "$x_1$", "$", "a & b", '"quoted" \'too\'', "שלום עולם", "猫の写真", "a\x00b\x1b\ud800", "\u202egnp.exe", "🦊", "", "w" * 3000]  # fmt: skip
#: As the gallery's content security policy and several charts on one page want it.
REFUSED = re.compile(r"\s(style|id|href|xlink:href|on\w+)=|url\(|<(style|defs|use|image|metadata|script)\b")


class Tags(HTMLParser):
    """The names of all elements."""

    def __init__(self):
        super().__init__()
        self.tags = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


def parsed(chart):
    """The chart as a tree, after the checks that hold for every chart."""
    assert not REFUSED.search(chart)
    assert len(chart.encode()) < 30_000
    assert "nan" not in re.sub(r">[^<]*<", "><", chart).lower()
    tree = ET.fromstring(chart)
    assert tree.get("role") == "img"
    assert tree.get("aria-label")
    assert (tree.get("width"), tree.get("height")) == (None, None)
    left, top, width, height = map(float, tree.get("viewBox").split())
    for circle in tree.iter("{http://www.w3.org/2000/svg}circle"):
        assert left <= float(circle.get("cx")) <= width
        assert top <= float(circle.get("cy")) <= height
    return tree


def texts(tree):
    return [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]


def inside(tree, group, tag):
    found = (g for g in tree.iter("{http://www.w3.org/2000/svg}g") if g.get("class") == f"chart-{group}")
    return [node for g in found for node in g.iter(f"{{http://www.w3.org/2000/svg}}{tag}")]


def line(*values, **more):
    return Series("mean", tuple(enumerate(map(float, values))), **more)


def test_bars_of_a_histogram_are_as_high_as_their_counts():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.uniform(0, 10, 300), [NAN, INF]])
    tree = parsed(histogram_chart(scores, "points"))
    bars = inside(tree, "bar", "path")
    counts = [int(bar[0].text.split(": ")[1].split()[0]) for bar in bars]
    expected, edges = np.histogram(scores[:-2], bins=40)
    assert counts == expected.tolist()
    heights = [
        max(ys) - min(ys)
        for ys in ([float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", bar.get("d"))] for bar in bars)
    ]
    np.testing.assert_allclose(heights, 138 * expected / (1.05 * expected.max()), atol=0.2)
    assert bars[0][0].text.startswith(f"{edges[0]:.3g} … ")
    assert {"points", "pictures", f"median {np.median(scores[:-2]):.3g}"} <= set(texts(tree))
    assert "of 300 pictures" in tree.get("aria-label")


def test_rows_are_in_order_on_one_scale_and_coloured_if_sure():
    rows = [Interval("a", 0.5, 0.2, 0.8), Interval("b", 0.1, -0.3, 0.5), Interval("c", -0.4, -0.6, -0.2)]
    chart = intervals_chart(rows, "points", "style")
    tree = parsed(chart)
    means = inside(tree, "mean", "circle")
    places = [float(circle.get("cx")) for circle in means]
    # 0.9 between the first and the last is 2.25 times 0.4 between the first two.
    assert (places[0] - places[2]) / (places[0] - places[1]) == pytest.approx(2.25, abs=0.02)
    assert [float(c.get("cy")) for c in means] == sorted(float(c.get("cy")) for c in means)
    assert [c.get("fill").split(",")[0] for c in means] == ["var(--chart-first", "var(--chart-text", "var(--chart-bad"]
    assert [c[0].text for c in means] == [row.text for row in rows]
    assert tree.get("aria-label") == "Effects of style: best a +0.5 (+0.2 … +0.8), worst c −0.4 (−0.6 … −0.2)."
    assert [text for text in texts(tree) if text in "abc"] == ["a", "b", "c"]
    assert "effect (points), bars: 90 % intervals" in texts(tree)


def test_lines_have_axes_a_legend_and_a_band():
    mean = line(1, 2, 4, titles=("one", "two", "three"), band=((0, 2), (1, 3), (3, 5)), interval="95 % interval")
    best = Series("best", ((0, 5.0), (2, 6.0)), kind="dashed")
    tree = parsed(lines_chart([mean, best], "batch", "score", "A reading."))
    assert {"batch", "score", "mean", "best", "95 % interval"} <= set(texts(tree))
    assert [c[0].text for c in inside(tree, "mean", "circle")] == ["one", "two", "three"]
    assert tree.get("aria-label") == "A reading."
    alone = texts(parsed(lines_chart([line(1, 2)], "batch", "score", "A reading.")))
    assert "mean" not in alone


def test_the_same_arguments_give_the_same_chart():
    scores = np.random.default_rng(0).normal(size=50)
    assert histogram_chart(scores, "points") == histogram_chart(scores.tolist(), "points")
    histogram_chart.__globals__["_draw_histogram"].cache_clear()
    again = histogram_chart(scores, "points")
    assert again == histogram_chart(scores, "points")


@pytest.mark.parametrize(
    "values", [[5.0], [5.0] * 3, [0.0, 0.0], [1e300, -1e300], [1e-12, 2e-12], [1e9, 1e9 + 1], range(10_000)]
)
def test_unusual_values_are_drawn(values):
    parsed(histogram_chart(values, "points"))
    drawn = [(k, float(v)) for k, v in enumerate(values)]
    chart = lines_chart([Series("mean", tuple(drawn), band=tuple((v, v) for _, v in drawn)), Series("best", tuple(drawn), kind="dashed")], "batch", "score", "r")  # fmt: skip
    if max(map(abs, values)) >= 1e100:
        assert chart is None
    else:
        assert 1 <= len(inside(parsed(chart), "mean", "circle")) <= MOST_POINTS
        parsed(intervals_chart([Interval(str(v), v, v, v) for v in values], "points", "style"))


@pytest.mark.parametrize("values", [[], [NAN], [INF, -INF]])
def test_nothing_is_no_chart(values):
    assert histogram_chart(values, "points") is None
    assert lines_chart([Series("mean", tuple((0, v) for v in values))], "x", "y", "r") is None
    assert intervals_chart([Interval("a", v, v, v) for v in values], "points", "style") is None


def test_holes_in_a_line_are_left_out():
    tree = parsed(
        lines_chart([line(1, NAN, 3, titles=("a", "b", "c"), band=((0, 2), (0, 2), (NAN, INF)))], "x", "y", "r")
    )
    assert [c[0].text for c in inside(tree, "mean", "circle")] == ["a", "c"]


@pytest.mark.parametrize("word", HOSTILE)
def test_words_stay_text(word):
    charts = [
        intervals_chart([Interval(word, 0.1, 0.0, 0.2), Interval("b", 0.0, 0.0, 0.0)], word, word),
        lines_chart(
            [line(1, 2, titles=(word, word)), Series("b", ((0, 1.0),))], word, word, word or "r", names=[(0, word)]
        ),
        histogram_chart([1, 2], word),
    ]
    for chart in charts:
        tree = parsed(chart)
        parser = Tags()
        parser.feed(chart)
        assert parser.tags <= {"svg", "g", "path", "circle", "text", "title"}
        if word and len(word) < 20 and word.isprintable():
            assert any(word in (text or "") for text in texts(tree))


def test_of_many_rows_the_first_and_the_last_are_drawn():
    rows = [Interval(f"n{k}", -k, -k - 1, -k + 1) for k in range(100)]
    tree = parsed(intervals_chart(rows, "points", "style"))
    shown = [text for text in texts(tree) if text.startswith("n")]
    assert len(shown) == MOST_ROWS
    assert (shown[0], shown[-1]) == ("n0", "n99")
    assert "68 in between are not drawn" in tree.get("aria-label")


def test_long_names_are_cut_and_whole_in_their_tooltip():
    name = "an option with a very long name indeed"
    tree = parsed(intervals_chart([Interval(name, 1, 0, 2)], "points", "style"))
    [cut] = inside(tree, "name", "text")
    assert cut.text.endswith("…")
    assert cut[0].text == name


def test_values_of_rows_have_the_room_that_they_need():
    for mean in (1.0, 0.0036, -0.00000012):
        tree = parsed(intervals_chart([Interval("woodcut", mean, mean - 0.01, mean + 0.01)], "points", "style"))
        [shown] = figures([mean], 2, "+")
        [value] = [text for text in tree.iter("{http://www.w3.org/2000/svg}text") if text.text == shown]
        assert float(value.get("x")) + text_width(value.text, SIZE) <= float(tree.get("viewBox").split()[2])


def test_texts_are_measured_cut_and_cleaned():
    assert text_width("mm", 10) > text_width("nn", 10) > text_width("ii", 10)
    assert text_width("e\u0301", 10) == text_width("e", 10)
    assert fit_text("abc", 10, 100) == "abc"
    assert text_width(fit_text("a long text", 10, 40), 10) <= 40
    assert fit_text("abc", 10, 0) == "…"
    assert plain_text("a\n b\tc") == "a b c"
    assert plain_text("\u202eevil") == "evil"
    assert plain_text("שלום") == "\u2068שלום\u2069"
    assert fit_text(plain_text("שלום" * 20), 10, 60).endswith("…\u2069")
    assert tick_texts([-0.5, 0.0, 0.5], "+") == ["−0.5", "0.0", "+0.5"]
    assert tick_texts([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert tick_texts([0.0, 20.0]) == ["0", "20"]
    assert tick_texts([1e12, 2e12]) == ["1e+12", "2e+12"]
    assert tick_texts([]) == []


@pytest.mark.parametrize(
    ("liked", "choices", "judged"), [(20, 0, "pictures"), (20, 20, "pictures"), (0, 20, "choices")]
)
def test_the_learning_curve_of_a_taste_counts_what_it_was_learnt_from(liked, choices, judged):
    curve = ((6, 0.6, 0.5, 0.7), (16, 0.7, 0.6, 0.8))
    trust = Trust("usable", 0.6, 0.5, 0.7, 0.6, liked, liked, 40, curve=curve, more=10, expected=0.7, choices=choices)
    chart = draw_curve(trust)
    parsed(chart)
    assert f"about 60 of 100 pairs ordered as you would from 6 {judged}" in chart
    assert all(text in chart for text in (f"{judged} learnt from", f"16 {judged}: 70 (60 … 80)"))


def test_the_learning_curve_reaches_down_to_the_lowest_value():
    """A held-out value below 0.35 was drawn at 0.35, beside a tooltip with the true one."""
    low, middle, high = 0.24, 0.47, 0.7
    curve = ((6, low, 0.2, 0.3), (11, middle, 0.4, 0.5), (16, high, 0.6, 0.8))
    chart = draw_curve(Trust("usable", 0.7, 0.6, 0.8, 0.7, 20, 20, 40, curve=curve))
    assert "24 (20 … 30)" in chart
    [marks] = re.findall('<g class="chart-expected">(.*?)</g>', chart)
    first, second, third = (float(height) for height in re.findall(r'cy="([\d.]+)"', marks))
    assert first - second == pytest.approx(second - third, abs=0.3)
    assert second - third > 20


def test_the_axis_of_a_learning_curve_ends_on_a_twentieth():
    assert [_lowest([value]) for value in (0.9, 0.35, 0.349, 0.3, 0.15, 0.0)] == [0.35, 0.35, 0.3, 0.3, 0.15, 0.0]
    assert _lowest([]) == 0.35
