"""Scores, reasons and intervals in words."""

from soart.metrics.protocols import Example, Reason
from soart.pipelines.reports.score_words import interval_text, reason_words, reasons_line, score_text


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
    assert interval_text(-1.0, 2.345) == "−1.00 … 2.35"
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


def test_a_line_holds_the_reasons_that_fit():
    reasons = (
        Reason("better liked content than 9 in 10 of these", 20.0),
        Reason("sharper than most", 5.0),
        Reason("burnt colours: contrast and colours beyond their limits, at the top", -4.0),
    )
    whole = "+ better liked content than 9 in 10; sharper than most − burnt colours"
    assert reasons_line(reasons, len(whole)) == whole
    assert reasons_line(reasons, len(whole) - 1) == whole.removesuffix(" − burnt colours")
    assert reasons_line(reasons, 12) == "+ better li…"
    assert reasons_line((), 12) == ""
    liked = Reason("like these you liked", 3.0, examples=(Example("ab" * 8, 2.0, "/x/a.png"), Example("cd" * 8, 1.0)))
    assert reasons_line([liked], 76) == "+ like these you liked: a.png, picture cdcdcdcd"
