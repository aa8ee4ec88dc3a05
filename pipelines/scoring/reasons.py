"""Chooses the few reasons of a score that people are shown, and the pictures that a score is compared with."""

from __future__ import annotations

from collections.abc import Sequence

from ...metrics.protocols import Reason

#: Most reasons that point the way of the score, and the other way.
ALONG, AGAINST = 2, 1
#: Least effects of reasons that are shown, that way and the other, as shares of the largest.
LEAST, LEAST_AGAINST = 0.2, 0.5
#: Largest effect of what does not count.
NOTHING = 1e-9
#: Most pictures that scores, and the score of one picture that is looked at, are compared with; more would hardly move their mean.
COMPARED, COMPARED_WITH_ONE = 200, 64


def chosen(parts: Sequence[Reason]) -> tuple[Reason, ...]:
    """At most three reasons: two that lift a score above the reference and one that lowers it, or the other way round."""
    largest = max((abs(part.contribution) for part in parts), default=0.0)
    if largest < NOTHING:
        return ()
    way = 1 if sum(part.contribution for part in parts) >= 0 else -1
    along = [part for part in parts if part.contribution * way >= LEAST * largest]
    against = [part for part in parts if -part.contribution * way >= LEAST_AGAINST * largest]
    return (*along[:ALONG], *against[:AGAINST])


def compared(ids: Sequence[int], most: int = COMPARED) -> list[int]:
    """The pictures to compare with: all, of very many some, evenly chosen, and none for a picture alone."""
    if len(ids) < 2:
        return []
    return [ids[len(ids) * k // most] for k in range(most)] if len(ids) > most else [*ids]
