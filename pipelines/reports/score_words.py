"""Scores, reasons and intervals in words, for the command line and ComfyUI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...metrics.damage.titles import has_points
from ...metrics.protocols import Reason, with_details
from ..scoring.reasons import other_causes
from ..support.figures import figure, figures

if TYPE_CHECKING:
    from ..judges.ranking import RankedPicture


def score_text(score: float, percentile: float, decimals: int = 1) -> str:
    """A score and its percentile, 0–100, as one phrase."""
    return f"score {score:.{decimals}f}, percentile {percentile:.0f}"


def ranking_reasons(picture: RankedPicture, fewest: int | None = None, *, brief: bool = False) -> list[str]:
    """One phrase a reason of a ranked picture, and one for what the other causes cost if that is half a point or more.

    Args:
        picture: the picture.
        fewest: of the reasons to name; further ones follow while the other causes cost more than the first reason. None
            for all.
        brief: True to leave out what explains a reason, see ``Reason.in_brief``.
    """
    reasons = picture.reasons
    counts = () if fewest is None else range(fewest, len(reasons))
    named = next((n for n in counts if picture.unexplained(n) >= reasons[0].contribution), len(reasons))
    told = [*reasons[:named], *other_causes(picture.unexplained(named))]
    return reason_words([reason.in_brief for reason in told] if brief else told)


def interval_text(low: float, high: float, digits: int = 3, sign: str = "") -> str:
    """The ends of an interval; digits and sign as in ``figures``."""
    return " … ".join(figures((low, high), digits, sign))


def points_text(score: float, name: str) -> str:
    """A score on the scale of people, such as ``"82 of 100"``; scores without points as a plain number.

    Args:
        score: the score.
        name: the name that it is stored under.
    """
    return f"{score:.0f} of 100" if has_points(name) else figure(score)


def reason_words(reasons: Iterable[Reason]) -> list[str]:
    """One phrase a reason: its name, what it added to the score, and its details."""
    # Rounded twice, because 0.00002 would get an exponent; adding 0 turns -0 into 0.
    numbers = [(reason, figure(round(reason.contribution, 3) + 0.0, 2, "+")) for reason in reasons]
    return [with_details(f"{reason.text} ({number})", reason.details) for reason, number in numbers]
