"""Scores, reasons and intervals in words."""

from soart.metrics.protocols import Reason
from soart.pipelines.reports.score_words import interval_text, reason_words, score_text


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
    assert interval_text(-1.0, 2.345, 2, "+") == "−1 … +2.3"
    assert interval_text(0.5, float("nan")) == "0.5 … –"
