"""Scores, reasons and intervals in words, for the command line and ComfyUI."""

from __future__ import annotations

from collections.abc import Iterable

from ...metrics.damage.titles import has_points
from ...metrics.protocols import Reason
from .page import figure


def score_text(score: float, percentile: float, decimals: int = 1) -> str:
    """A score and its percentile, 0–100, as one phrase."""
    return f"score {score:.{decimals}f}, percentile {percentile:.0f}"


def reason_texts(reasons: Iterable[Reason]) -> list[str]:
    """One phrase a reason: what it added to the score, and its name."""
    return [f"{_contribution(reason)} {reason.text}" for reason in reasons]


def interval_text(low: float, high: float, digits: int = 3, sign: str = "") -> str:
    """The ends of an interval; digits and sign as in ``figure``."""
    return f"{figure(low, digits, sign)} … {figure(high, digits, sign)}"


def points_text(score: float, name: str) -> str:
    """A score on the scale of people, such as ``"82 of 100"``; scores without points as a plain number.

    Args:
        score: the score.
        name: the name that it is stored under.
    """
    return f"{score:.0f} of 100" if has_points(name) else figure(score)


def reason_words(reasons: Iterable[Reason]) -> list[str]:
    """One phrase a reason: its name, and what it added to the score."""
    return [f"{reason.text} ({_contribution(reason)})" for reason in reasons]


def _contribution(reason: Reason) -> str:
    # Without the second rounding 0.00002 would get an exponent; adding 0 turns -0 into 0.
    return figure(round(reason.contribution, 3) + 0.0, 2, "+")
