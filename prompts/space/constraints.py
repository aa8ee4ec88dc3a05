"""Constraints between slots, and exact counting and search under them.

Every constraint reduces to forbidden pairs: option set S of slot i never occurs with option set T of slot j. Counting
and the search for the cheapest choice go through the slots once and keep only the options that later slots still depend
on (variable elimination along the slot order; Dechter, *Constraint Processing*, 2003, chapter 4). Spaces of 10^12
choices are fine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from ...errors import PromptError
from .slots import Slot, find_options

T = TypeVar("T")
#: With more open states than this, the constraints are too entangled to be solved exactly.
_MOST_STATES = 100_000


@dataclass(frozen=True)
class Constraint:
    """A rule between options, each written ``slot=option``.

    Attributes:
        kind: ``not both``: no two of the options together; ``needs``: the first requires all of the others, and others
            of one slot are alternatives.
        first: an option.
        others: at least one more option.
    """

    kind: Literal["not both", "needs"]
    first: str
    others: tuple[str, ...]

    def __str__(self) -> str:
        """The rule in words."""
        others = " and ".join(self.others)
        return f"{self.first} needs {others}" if self.kind == "needs" else f"not both {self.first} and {others}"


def not_both(first: str, *others: str) -> Constraint:
    """A rule against any two of these options together."""
    return Constraint("not both", first, others)


def needs(first: str, *others: str) -> Constraint:
    """A rule that allows the first option only together with the others."""
    return Constraint("needs", first, others)


class Forbidden(NamedTuple):
    """Options ``early`` of slot ``low`` exclude options ``late`` of slot ``high``; low < high."""

    low: int
    early: frozenset[int]
    high: int
    late: frozenset[int]


def forbidden_pairs(constraint: Constraint, slots: tuple[Slot, ...]) -> list[Forbidden]:
    """The pairs of option sets that ``constraint`` forbids; a ``PromptError`` if it does not fit the slots."""
    if not constraint.others:
        raise PromptError(f"The constraint '{constraint}' names one option only: name at least two.")
    sides = [find_options(slots, text) for text in (constraint.first, *constraint.others)]
    if constraint.kind == "not both":
        pairs = list(combinations(sides, 2))
    else:
        required: dict[int, frozenset[int]] = {}
        for at, options in sides[1:]:
            required[at] = required.get(at, frozenset()) | options
        pairs = [(sides[0], (at, frozenset(range(len(slots[at].options))) - good)) for at, good in required.items()]
    forbidden = []
    for (a, left), (b, right) in pairs:
        if a == b:
            raise PromptError(
                f"The constraint '{constraint}' sets slot {slots[a].name!r} against itself, "
                "which takes only one option anyway: name two different slots."
            )
        forbidden.append(Forbidden(a, left, b, right) if a < b else Forbidden(b, right, a, left))
    return [pair for pair in forbidden if pair.early and pair.late]


class Mask(NamedTuple):
    """A ``Forbidden`` as look-up tables: for each option of both slots, True if it is in the set."""

    low: int
    early: np.ndarray
    high: int
    late: np.ndarray

    @classmethod
    def of(cls, pair: Forbidden, levels: Sequence[int]) -> Mask:
        """The tables of ``pair`` for slots with these numbers of options."""
        early, late = np.zeros(levels[pair.low], dtype=bool), np.zeros(levels[pair.high], dtype=bool)
        early[[*pair.early]], late[[*pair.late]] = True, True
        return cls(pair.low, early, pair.high, late)


def obey(choices: np.ndarray, masks: Sequence[Mask]) -> np.ndarray:
    """(n,) bool: True for those of the (n, slots) choices that break none of ``masks``."""
    good = np.ones(len(choices), dtype=bool)
    for mask in masks:
        good &= ~(mask.early[choices[:, mask.low]] & mask.late[choices[:, mask.high]])
    return good


def _eliminate(
    options: Sequence[Sequence[int]],
    pairs: Sequence[Forbidden],
    unit: T,
    extend: Callable[[T, int, list[int]], T],
    merge: Callable[[T, T], T],
) -> T | None:
    """Go through the slots once, ``extend`` a state by each and its constrained options; None if no choice is left."""
    states: dict[tuple[tuple[int, int], ...], T] = {(): unit}
    last = {pair.low: max(p.high for p in pairs if p.low == pair.low) for pair in pairs}
    for at, free in enumerate(options):
        closing = [pair for pair in pairs if pair.high == at]
        groups: dict[tuple[bool, ...], list[int]] = {}
        for option in free:
            signature = tuple(option in (p.early if p.low == at else p.late) for p in pairs if at in (p.low, p.high))
            groups.setdefault(signature, []).append(option)
        following: dict[tuple[tuple[int, int], ...], T] = {}
        for known, value in states.items():
            taken = dict(known)
            for group in groups.values():
                if any(taken[p.low] in p.early and group[0] in p.late for p in closing):
                    continue
                still_open = [(slot, option) for slot, option in known if last[slot] > at]
                if last.get(at, -1) > at:
                    still_open.append((at, group[0]))
                key, extended = tuple(still_open), extend(value, at, group)
                following[key] = merge(following[key], extended) if key in following else extended
        if len(following) > _MOST_STATES:
            raise PromptError("The constraints connect too many slots to be counted: use fewer, or split a slot.")
        states = following
    return states.get(())


def count_allowed(options: Sequence[Sequence[int]], pairs: Sequence[Forbidden]) -> int:
    """Number of choices with one of ``options[s]`` in every slot s that break none of ``pairs``."""
    total = _eliminate(options, pairs, 1, lambda value, _, group: value * len(group), lambda a, b: a + b)
    return total or 0


def cheapest(
    options: Sequence[Sequence[int]], pairs: Sequence[Forbidden], costs: Sequence[np.ndarray]
) -> tuple[int, ...]:
    """The allowed choice with the smallest sum of ``costs[s][option]``, or a ``PromptError``."""

    def extend(state: tuple[float, tuple[int, ...]], at: int, group: list[int]) -> tuple[float, tuple[int, ...]]:
        option = min(group, key=lambda option: float(costs[at][option]))
        return state[0] + float(costs[at][option]), (*state[1], option)

    start: tuple[float, tuple[int, ...]] = (0.0, ())
    best = _eliminate(options, pairs, start, extend, min)
    if best is None:
        raise PromptError("The constraints allow no choice of these options: lift one of them.")
    return best[1]


def check_constraints(
    constraints: Sequence[Constraint], slots: tuple[Slot, ...], always: Sequence[Forbidden] = ()
) -> list[Forbidden]:
    """The pairs that ``constraints`` forbid beside those ``always`` forbidden; an error names contradictory ones."""
    each = [forbidden_pairs(constraint, slots) for constraint in constraints]

    def blocks(used: Sequence[int], at: int, option: int) -> bool:
        options: list[Sequence[int]] = [range(len(slot.options)) for slot in slots]
        options[at] = [option]
        return count_allowed(options, [*always, *(pair for i in used for pair in each[i])]) == 0

    everything = range(len(each))
    touched = sorted(
        {(s, o) for pairs in each for p in pairs for s, side in ((p.low, p.early), (p.high, p.late)) for o in side}
    )
    for at, option in touched:
        if blocks(everything, at, option):
            guilty = list(everything)
            for i in everything:
                rest = [k for k in guilty if k != i]
                if blocks(rest, at, option):
                    guilty = rest
            named = "; ".join(f"{i + 1} ({constraints[i]})" for i in guilty)
            single = len(guilty) == 1
            raise PromptError(
                f"Constraint{'' if single else 's'} {named} contradict{'s itself' if single else ' each other'}: "
                f"{slots[at].name}={slots[at].texts[option]} could never be chosen; drop one or drop the option."
            )
    return [pair for pairs in each for pair in pairs]
