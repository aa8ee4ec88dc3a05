"""Scores, reasons and intervals in words, for the command line and ComfyUI."""

from __future__ import annotations

from collections.abc import Iterable

from ...metrics.damage.titles import JudgeKey
from ...metrics.protocols import Reason
from ..support.figures import figure, figures


def score_text(score: float, percentile: float, decimals: int = 1) -> str:
    """A score and its percentile, 0–100, as one phrase."""
    return f"score {score:.{decimals}f}, percentile {percentile:.0f}"


def interval_text(low: float, high: float) -> str:
    """The ends of an interval."""
    return " … ".join(figures((low, high)))


def points_text(score: float, name: str) -> str:
    """A stored score on the scale of people, such as ``"82 of 100"``; scores without points as a plain number."""
    return f"{score:.0f} of 100" if JudgeKey.of(name).points else figure(score)


def gain_text(gain: tuple[float, float], unit: str) -> str:
    """The expected further gain of a tune, its mean and standard error, as a sentence.

    >>> from soart.pipelines.reports.score_words import gain_text
    >>> gain_text((0.81, 0.1), "score")
    'Expected further gain: at most 0.81 ± 0.1 (score).'
    """
    mean, error = (figure(value, 2) for value in gain)
    return f"Expected further gain: at most {mean} ± {error} ({unit})."


def effect_text(effect: float) -> str:
    """The effect of a reason on a score, such as ``"+2.3"``."""
    # Rounded twice, because 0.00002 would get an exponent; adding 0 turns -0 into 0.
    return figure(round(effect, 3) + 0.0, 2, "+")


def reason_words(reasons: Iterable[Reason]) -> list[str]:
    """One phrase a reason: its name with examples, what it added to the score, and its details."""
    return [
        f"{reason.named} ({effect_text(reason.contribution)})"
        + (f": {'; '.join(reason.details)}" if reason.details else "")
        for reason in reasons
    ]


def reasons_line(reasons: Iterable[Reason], width: int) -> str:
    """Reasons in brief on a line: after + what lifts the score, after − what lowers it.

    Those beyond ``width`` characters are left out, the least important first; the first is cut if it must be.
    """
    line, before = "", ""
    for reason in reasons:
        sign = "+" if reason.contribution >= 0 else "−"
        longer = f"{line}; {reason.in_brief}" if sign == before else f"{line} {sign} {reason.in_brief}".lstrip()
        if line and len(longer) > width:
            break
        line, before = longer, sign
    return line if len(line) <= width else f"{line[: width - 1]}…"
