"""Chooses how many reasons of a score are given."""

from __future__ import annotations

from collections.abc import Sequence

from ...metrics.protocols import Reason

#: Share of all that moved a score which the reasons explain, if there are enough of them.
SHARE = 0.75
#: The fewest reasons, if there are so many, and the most.
FEWEST, MOST = 2, 4
#: More reasons than any score has.
ALL = 1000


def other_causes(rest: float) -> list[Reason]:
    """The reason for ``rest`` points, 0 or less, that further causes cost; none if that is less than half a point."""
    return [Reason("other causes", rest)] if rest <= -0.5 else []


def enough(reasons: Sequence[Reason]) -> list[Reason]:
    """The first reasons, as many as explain most of a score.

    Args:
        reasons: all of one score, the largest first.

    Examples:
        >>> from soart.metrics.protocols import Reason
        >>> from soart.pipelines.scoring.reasons import enough
        >>> [len(enough([Reason("a cause", -cost) for cost in costs])) for costs in ((9, 1, 1), (4, 3, 2, 1), (1,) * 9)]
        [2, 3, 4]
    """
    whole, explained = sum(abs(reason.contribution) for reason in reasons), 0.0
    for count, reason in enumerate(reasons, start=1):
        explained += abs(reason.contribution)
        if count >= MOST or (count >= FEWEST and explained >= SHARE * whole):
            return list(reasons[:count])
    return list(reasons)
