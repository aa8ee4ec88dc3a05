"""Weighted blends of tastes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...errors import TasteError
from ..checks import HEAVIEST, is_weight
from ..goals import AS_GIVEN, Goal, Unit
from ..percentiles import percentiles_in
from .mixture import Makings
from .taste import LearntTaste, OtherTaste
from .trust import Trust, taste_table


@dataclass(frozen=True)
class Blend:
    """A goal that is named and stored: the likings of several tastes, each in a unit of its own reference collection."""

    name: str
    parts: tuple[LearntTaste, ...]
    weights: tuple[float, ...]  # (parts,) > 0, summing to 1

    def _repr_html_(self) -> str:
        return taste_table(self.name, self.trust, self.method, self.network)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the items."""
        return self.parts[0].names

    @property
    def version(self) -> str:
        """Version of the extractor."""
        return self.parts[0].version

    @property
    def network(self) -> str | None:
        """Source of the network behind deep items, if any."""
        return self.parts[0].network

    @property
    def method(self) -> str:
        """Weights and names of the parts, as text."""
        return method_of(self.weights, [part.name for part in self.parts])

    @property
    def trust(self) -> Trust:
        """Trust report of the least trusted part."""
        return least_trusted([part.trust for part in self.parts])

    @cached_property
    def goal(self) -> Goal:
        """The parts by number, with the middles and deviations of their reference collections as units."""
        units = {
            f"{n}": Unit(float(part.reference.mean()), float(part.reference.std()) or 1.0)
            for n, part in enumerate(self.parts)
        }
        return Goal(dict(zip(units, self.weights, strict=True)), units)

    def shares(self, likings: Iterable[Any], *, standard: bool = True) -> list[Any]:
        """(parts,) what each part adds to the weighted mean of likings in units, or as they are unless ``standard``."""
        goal = self.goal if standard else replace(self.goal, units=dict.fromkeys(self.goal.weights, AS_GIVEN))
        return [*goal.shares(dict(zip(goal.weights, likings, strict=True))).values()]

    @cached_property
    def reference(self) -> np.ndarray:
        """(101,) quantiles of liking: weighted means of the parts' quantiles, closer together where these disagree."""
        quantiles: np.ndarray = np.sum(self.shares(part.reference for part in self.parts), axis=0)
        return quantiles * self._agreement()

    def _agreement(self) -> float:
        """Standard deviation of liking, as a share of what it would be if the parts agreed; above 0, at most 1."""
        pictures = np.unique(np.concatenate([part.examples.items for part in self.parts]), axis=0)
        made = {
            row.tobytes(): making
            for part in self.parts
            for row, making in zip(part.examples.items, part.examples.makings, strict=True)
        }
        makings = [made[row.tobytes()] for row in pictures]
        likings = self.shares(part.liking(pictures, makings=makings) for part in self.parts)
        apart = float(sum(liking.std() for liking in likings))
        return min(1.0, max(float(np.sum(likings, axis=0).std()) / apart, 1e-3)) if apart > 0 else 1.0

    def liking(
        self, items: object, priors: Sequence[np.ndarray | None] | None = None, makings: Makings = None
    ) -> np.ndarray:
        """(n,) liking of (n, p) items; 0 is the mean of the reference collections.

        ``priors`` are (n, k) for each part; None for those that can be computed. ``makings`` hold None where nothing is
        known.
        """
        of_parts = zip(self.parts, priors or [None] * len(self.parts), strict=True)
        liking: np.ndarray = np.sum(self.shares(part.liking(items, prior, makings) for part, prior in of_parts), axis=0)
        return liking

    def percentile(self, liking: np.ndarray) -> np.ndarray:
        """(n,) percentiles 0–100 of (n,) likings in ``reference``."""
        return percentiles_in(liking, self.reference)

    def score(self, items: object, makings: Makings = None, *, useless_ok: bool = False) -> np.ndarray:
        """(n,) scores 0–100 of (n, p) items: weighted means of those of the parts; ``useless_ok`` as for a taste."""
        of_parts = (part.score(items, makings=makings, useless_ok=useless_ok) for part in self.parts)
        scores: np.ndarray = np.sum(self.shares(of_parts, standard=False), axis=0)
        return scores


Taste = LearntTaste | Blend


class NamedJudge(NamedTuple):
    """A judge by its text, as for ``--by``, and its version at that time."""

    text: str
    version: str


@dataclass(frozen=True)
class StoredGoal:
    """A goal that is named and stored, of judges that are not all tastes; it holds copies of those that are."""

    name: str
    parts: tuple[LearntTaste, ...]
    judges: tuple[NamedJudge, ...]
    weights: tuple[float, ...]  # (parts + judges,), summing to 1
    units: tuple[Unit, ...]  # (parts + judges,)

    @property
    def method(self) -> str:
        """Weights and names of the parts and judges, as text."""
        return method_of(self.weights, [*(part.name for part in self.parts), *(judge.text for judge in self.judges)])


def least_trusted(reports: Sequence[Trust]) -> Trust:
    """The trust report of the least trusted of several tastes."""
    return min(reports, key=lambda trust: (not trust.useless, trust.low))


def method_of(weights: Sequence[float], names: Sequence[str]) -> str:
    """Weights and names of the parts of a blend, as text."""
    return " + ".join(f"{weight:.2f} {name}" for weight, name in zip(weights, names, strict=True))


def parts_of(taste: OtherTaste | StoredGoal) -> tuple[LearntTaste, ...]:
    """The tastes of a blend; a taste alone is its only part."""
    if isinstance(taste, Blend | StoredGoal):
        return taste.parts
    assert isinstance(taste, LearntTaste)
    return (taste,)


def shares_of(taste: Taste) -> list[tuple[LearntTaste, float]]:
    """The tastes of a blend with their weights; a taste alone has the weight 1."""
    return [(taste, 1.0)] if isinstance(taste, LearntTaste) else list(zip(taste.parts, taste.weights, strict=True))


def by_items(taste: LearntTaste) -> LearntTaste:
    """The form of a taste that needs no values of others."""
    while taste.alone is not None:
        taste = taste.alone
    return taste


def blend(name: str, parts: Sequence[Taste], weights: Sequence[float] | None = None) -> Blend:
    """Blend tastes on the same items, each once, equally by default; a blend among them is replaced by its parts."""
    shares = [1.0] * len(parts) if weights is None else [float(w) for w in weights]
    if len(parts) < 2 or len(shares) != len(parts):
        raise TasteError(f"Expected at least two tastes and a weight for each, got {len(parts)} and {len(shares)}.")
    if not all(is_weight(w) and w > 0 for w in shares):
        raise TasteError(
            f"Expected weights above 0 and up to {HEAVIEST:,.0f}, got {', '.join(f'{w:g}' for w in shares)}."
        )
    if len({part.version for part in parts}) > 1:
        raise TasteError(
            "Expected tastes on the same items, got " + ", ".join(f"{p.name!r} on {p.version}" for p in parts) + "."
        )
    flat: dict[tuple[str, str], tuple[LearntTaste, float]] = {}
    for part, weight in zip(parts, shares, strict=True):
        for taste, share in shares_of(part):
            key = (taste.name, taste.created)
            flat[key] = taste, weight * share / sum(shares) + (flat[key][1] if key in flat else 0.0)
    if len(flat) < 2:
        raise TasteError(f"Expected at least two different tastes, got {parts[0].name!r} alone.")
    return Blend(name, *zip(*flat.values(), strict=True))


def only_taste(taste: Taste) -> LearntTaste:
    """The taste, or a ``TasteError`` if it is a blend."""
    if isinstance(taste, Blend):
        names = ", ".join(part.name for part in taste.parts)
        raise TasteError(f"{taste.name!r} is a blend: use one of its tastes instead ({names}).")
    return taste
