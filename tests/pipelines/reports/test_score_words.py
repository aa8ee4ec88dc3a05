"""Scores, reasons and intervals in words."""

from pathlib import Path

import pytest

from soart.metrics.damage.reasons import NO_FAULT
from soart.metrics.protocols import Reason
from soart.pipelines.judges.ranking import RankedPicture
from soart.pipelines.reports.score_words import interval_text, ranking_reasons, reason_words, score_text


def test_scores_and_reasons_in_words():
    assert score_text(12.34, 56.7) == "score 12.3, percentile 57"
    # The number comes last: "−20 people would" reads as if it counted people.
    assert reason_words([Reason("more noise", -1.234), Reason("sharp edges", 123.4)]) == [
        "more noise (−1.2)",
        "sharp edges (+123)",
    ]


def test_a_negligible_reason_has_no_exponent():
    reasons = [Reason("cat seen: 1.00", -2.2e-05), Reason("noise", 0.0123), Reason("no value", float("nan"))]
    assert reason_words(reasons) == ["cat seen: 1.00 (+0)", "noise (+0.012)", "no value (–)"]


def test_intervals_show_a_dash_for_an_unknown_end():
    assert interval_text(-1.0, 2.345, 2, "+") == "−1.0 … +2.3"
    assert interval_text(0.5, float("nan")) == "0.5 … –"


def test_the_number_stands_beside_what_it_belongs_to():
    reasons = [
        Reason("technical quality 28 of 100", 0.66, ("rendered unlike photographs: smooth", "blurred")),
        Reason("clip −3", -1),
    ]
    assert reason_words(reasons) == [
        "technical quality 28 of 100 (+0.66): rendered unlike photographs: smooth; blurred",
        "clip −3 (−1)",
    ]
    assert [reason.in_full.count("blurred") for reason in reasons] == [1, 0]


def test_reasons_in_brief_leave_out_what_explains_them():
    reasons = (Reason("blurred: the finest detail is missing, at the top", -40.0), Reason("by a:b 0.3", -5.0, ("why",)))
    picture = RankedPicture(1, None, Path("a.png"), 55.0, 50.0, reasons, "blurred")
    assert ranking_reasons(picture, brief=True) == ["blurred (−40)", "by a:b 0.3 (−5)"]


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ((40, 5, 1), ["a (−40)", "b (−5)", "other causes (−5)"]),
        ((10, 8, 7, 6), ["a (−10)", "b (−8)", "c (−7)", "d (−6)", "other causes (−19)"]),
        ((20, 9, 9, 9), ["a (−20)", "b (−9)", "c (−9)", "other causes (−12)"]),
        ((20, 10), ["a (−20)", "b (−10)", "other causes (−20)"]),
    ],
)
def test_of_the_causes_in_a_table_the_others_cost_less_than_the_first(costs, words):
    reasons = tuple(Reason(name, -cost) for name, cost in zip("abcd", costs, strict=False))
    picture = RankedPicture(1, None, Path("a.png"), 50.0, 50.0, reasons, NO_FAULT)
    assert ranking_reasons(picture, 2) == words
    # A taste's reasons do not add up to its score.
    assert len(ranking_reasons(RankedPicture(1, None, Path("a.png"), 50.0, 50.0, reasons), 2)) == 2
