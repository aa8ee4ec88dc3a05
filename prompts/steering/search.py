"""Searches the best choices of a function given as tables, by coordinate ascent from many starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import ne

import numpy as np

from ...errors import PromptError
from ..rating_model.choice_functions import Tables
from ..rating_model.kernels import check_levels, offsets, slot_of_column
from ..rating_model.similarity import Numbers, Similarities, check_similarities
from ..space.conditions import Condition, switch_off

Allows = Callable[[np.ndarray], bool]
Key = tuple[int, ...]
#: Domains with at most this many choices are searched exhaustively.
MOST_EXHAUSTIVE = 4000
#: Growth up to this is rounding.
_NO_GROWTH = 1e-12
#: Options that a slot may take when it comes into use: shares of its range.
_SPREAD = tuple(np.linspace(0, 1, 9).tolist())


@dataclass(frozen=True)
class Domain:
    """The choices that may be made."""

    levels: tuple[int, ...]  # options of each slot
    options: np.ndarray  # (Σ|s|,) bool, True for options that bans and pins leave
    allows: Allows | None = None  # returns True if constraints allow an (S,) choice; None without constraints
    similarities: Similarities = ()  # which options of each slot are alike; empty for none
    #: slots that are in use only with some options of another slot, and off, at their last option, with others, those
    #: of slots on which further ones depend first; ``allows`` must hold choices to them
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def of(
        cls,
        levels: Sequence[int],
        options: Sequence[Sequence[bool]] | None = None,
        allows: Allows | None = None,
        similarities: Similarities = (),
        conditions: tuple[Condition, ...] = (),
    ) -> Domain:
        """A domain from a mask for each slot."""
        counts = check_levels(levels)
        masks = [np.ones(level, dtype=bool) for level in counts] if options is None else [*map(np.asarray, options)]
        if [len(mask) for mask in masks] != list(counts):
            raise PromptError(f"Expected masks of {list(counts)} options, got {[len(mask) for mask in masks]}.")
        for slot, mask in enumerate(masks):
            if not mask.any():
                raise PromptError(f"Every option of slot {slot} is banned; lift one of the bans or pins.")
        alike = check_similarities(similarities, counts)
        return cls(counts, np.concatenate(masks).astype(bool), allows, alike, conditions)

    def permits(self, choice: np.ndarray) -> bool:
        """True if ``choice`` may be made."""
        return bool(self.permitted(np.asarray(choice)[None])[0])

    def permitted(self, choices: np.ndarray) -> np.ndarray:
        """(n,) bool: True for those of (n, S) ``choices`` that may be made."""
        inside: np.ndarray = self.options[choices + offsets(self.levels)].all(axis=1)
        if self.allows is not None:
            inside[inside] = [bool(self.allows(choice)) for choice in choices[inside]]
        return inside

    def usable(self) -> list[np.ndarray]:
        """Options of each slot that bans and pins leave."""
        return [np.flatnonzero(mask) for mask in np.split(self.options, offsets(self.levels)[1:])]

    def drawable(self) -> list[np.ndarray]:
        """As ``usable``, but of slots that may be off the options in use: ``switch_off`` follows."""
        usable = self.usable()
        for condition in self.conditions:
            in_use = usable[condition.slot][usable[condition.slot] < self.levels[condition.slot] - 1]
            usable[condition.slot] = in_use if len(in_use) else usable[condition.slot]
        return usable

    def single(self, choices: np.ndarray) -> np.ndarray:
        """(n, Σ|s|) bool: True for options that can replace the ones of (n, S) ``choices`` alone, by the conditions."""
        start, width = offsets(self.levels), int(np.sum(self.levels))
        alone = np.ones((len(choices), width), dtype=bool)
        for slot, parent, options in self.conditions:
            first, last = start[slot], start[slot] + self.levels[slot] - 1
            with_it = np.isin(np.arange(self.levels[parent]), [*options])
            used = with_it[choices[:, parent]]
            alone[:, first:last] &= used[:, None]
            alone[:, last] &= ~used
            alone[:, start[parent] : start[parent] + self.levels[parent]] &= with_it == used[:, None]
        return alone

    @cached_property
    def _in_use(self) -> tuple[list[list[int]], list[list[int]]]:
        # In lists, because a climb looks options up one by one.
        return [options.tolist() for options in self.usable()], [options.tolist() for options in self.drawable()]

    def switched(self, choice: np.ndarray) -> np.ndarray:
        """(n, S) choices that differ in one option on which others depend, allowed or not."""
        changed: list[list[int]] = []
        before = choice.tolist()
        for parent in {condition.parent for condition in self.conditions}:
            usable, drawable = self._in_use
            for option in usable[parent]:
                for share in _SPREAD:
                    other = [*before]
                    other[parent] = option
                    started = False
                    # Slots that others depend on come first, so that one pass settles all.
                    for slot, decider, options in self.conditions:
                        off = self.levels[slot] - 1
                        if other[decider] not in options:
                            other[slot] = off
                        elif other[slot] == off:
                            other[slot] = drawable[slot][round(share * (len(drawable[slot]) - 1))]
                            started = True
                    if sum(map(ne, other, before)) > 1:
                        changed.append(other)
                    if not started:
                        break
        return np.array(changed, dtype=np.int64).reshape(-1, len(self.levels))

    def numbers(self) -> list[bool]:
        """For each slot, True if its options are numbers, lowest first."""
        similarities = self.similarities or (None,) * len(self.levels)
        return [isinstance(similarity, Numbers) for similarity in similarities]

    def size(self) -> float:
        """Number of choices that bans and pins leave, before constraints."""
        return float(np.prod(np.add.reduceat(self.options.astype(np.float64), offsets(self.levels))))

    def everything(self) -> np.ndarray:
        """(n, S) all permitted choices of a small domain, at least one."""
        grid = (
            np.stack(np.meshgrid(*self.usable(), indexing="ij"), axis=-1).reshape(-1, len(self.levels)).astype(np.int64)
        )
        if self.allows is not None:
            grid = grid[[bool(self.allows(choice)) for choice in grid]]
        if not len(grid):
            raise PromptError("No choice is allowed by all constraints; loosen constraints, bans or pins.")
        return grid

    def random(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """(count, S) permitted choices, drawn uniformly by rejection, or a ``PromptError`` if no try finds one."""
        if self.allows is not None and self.size() <= MOST_EXHAUSTIVE:
            everything = self.everything()
            return everything[rng.integers(0, len(everything), count)]
        drawable = self.drawable()
        choices: list[np.ndarray] = []
        for _ in range(20_000 // max(count, 1) + 20):
            drawn = np.column_stack([rng.choice(options, count) for options in drawable])
            drawn = switch_off(drawn, self.conditions, self.levels)
            choices += [choice for choice in drawn if self.allows is None or self.allows(choice)]
            if len(choices) >= count:
                return np.array(choices[:count], dtype=np.int64)
        if not choices:
            raise PromptError("No choice that all constraints allow was found; loosen constraints, bans or pins.")
        return np.array([choices[i % len(choices)] for i in range(count)], dtype=np.int64)


def keys(choices: np.ndarray) -> list[Key]:
    """Each choice as a hashable tuple."""
    return [tuple(row) for row in np.asarray(choices).tolist()]


def gains(table: Tables, choices: np.ndarray) -> np.ndarray:
    """(n, Σ|s|) change of the first function of ``table`` when one option of a choice is replaced by each other one."""
    totals = table.options(choices, np.zeros(len(choices), dtype=np.int64))
    present = np.take_along_axis(totals, choices + offsets(table.levels), axis=1)
    changes: np.ndarray = totals - np.repeat(present, table.levels, axis=1)
    return changes


def climb(table: Tables, starts: np.ndarray, domain: Domain) -> np.ndarray:
    """(n, S) local maxima of the first function of ``table``, each from one of the (n, S) permitted ``starts``."""
    choices = starts.copy()
    start, slot = offsets(domain.levels), slot_of_column(domain.levels)
    active = np.arange(len(choices))
    while len(active):
        growth = gains(table, choices[active])
        growth[:, ~domain.options] = -np.inf
        growth[~domain.single(choices[active])] = -np.inf
        moved = np.zeros(len(active), dtype=bool)
        if domain.allows is None:
            best = growth.argmax(axis=1)
            moved = growth[np.arange(len(active)), best] > _NO_GROWTH
            rows = active[moved]
            choices[rows, slot[best[moved]]] = best[moved] - start[slot[best[moved]]]
        else:
            for number, row in enumerate(active):
                # The largest growth that constraints allow.
                most = _NO_GROWTH
                taken = choices[row]
                for column in np.argsort(-growth[number]):
                    if growth[number, column] <= most:
                        break
                    changed = choices[row].copy()
                    changed[slot[column]] = column - start[slot[column]]
                    if domain.allows(changed):
                        taken, most, moved[number] = changed, growth[number, column], True
                        break
                switched = domain.switched(choices[row])
                if len(switched):
                    together = table(switched)[0] - table(choices[row][None])[0]
                    for other in np.argsort(-together):
                        if together[other] <= most:
                            break
                        if domain.allows(switched[other]):
                            taken, moved[number] = switched[other], True
                            break
                choices[row] = taken
        active = active[moved]
    return choices


def peaks(tables: Tables, starts: np.ndarray, domain: Domain) -> np.ndarray:
    """(d, S) the best local maximum of each of d functions that climbs from the (k, S) permitted ``starts`` reach."""
    if domain.allows is not None:
        climbed = np.stack([climb(tables[number], starts, domain) for number in range(len(tables))])
    else:
        start, slot = offsets(domain.levels), slot_of_column(domain.levels)
        climbed = np.repeat(starts[None], len(tables), axis=0)
        # All functions climb together, each from all starts.
        function, row = (numbers.ravel() for numbers in np.indices(climbed.shape[:2]))
        joint = np.isin(slot, [s for products in tables.products for s in products.factors])
        # Products are computed again only where an option of their slots has changed.
        changed, together = np.ones(len(function), dtype=bool), np.zeros((len(function), len(slot)))
        while len(function):
            here = climbed[function, row]
            together[changed] = tables.together(here[changed], function[changed])
            totals = tables.options(here, function, together)
            growth = totals - np.repeat(np.take_along_axis(totals, here + start, axis=1), domain.levels, axis=1)
            growth[:, ~domain.options] = -np.inf
            best = growth.argmax(axis=1)
            moved = growth[np.arange(len(best)), best] > _NO_GROWTH
            function, row, best = function[moved], row[moved], best[moved]
            climbed[function, row, slot[best]] = best - start[slot[best]]
            changed, together = joint[best], together[moved]
    values = np.stack([tables[number](tops)[0] for number, tops in enumerate(climbed)])
    best_of_each: np.ndarray = climbed[np.arange(len(climbed)), values.argmax(axis=1)]
    return best_of_each


def neighbours(choices: np.ndarray, domain: Domain) -> np.ndarray:
    """(m, S) all distinct permitted choices that differ from one of ``choices`` in one slot, and those it switches."""
    distinct: dict[Key, None] = {}
    columns = np.flatnonzero(domain.options)
    slot = slot_of_column(domain.levels)[columns]
    option = columns - offsets(domain.levels)[slot]
    for choice in choices:
        around = np.repeat(choice[None], len(columns), axis=0)
        around[np.arange(len(columns)), slot] = option
        around = np.vstack([around[option != choice[slot]], domain.switched(choice)])
        if domain.allows is not None:
            around = around[[bool(domain.allows(changed)) for changed in around]]
        distinct.update(dict.fromkeys(keys(around)))
    return np.array(list(distinct), dtype=np.int64).reshape(-1, len(domain.levels))


def best_of(
    table: Tables,
    domain: Domain,
    rng: np.random.Generator,
    *,
    starts: np.ndarray | None = None,
    restarts: int = 24,
    taken: Collection[Key] = (),
    count: int = 1,
) -> np.ndarray:
    """(≤ count, S) the best distinct permitted choices that a search finds for the first function of ``table``.

    A small domain is searched exhaustively. Others are searched from ``restarts`` random choices and the permitted (k,
    S) ``starts``. None of those ``taken`` is returned; their neighbours may be.
    """
    if domain.size() <= MOST_EXHAUSTIVE:
        pool = dict.fromkeys(keys(domain.everything()))
    else:
        origins = domain.random(rng, restarts)
        if starts is not None and len(starts):
            origins = np.vstack([origins, starts])
        frontier = np.unique(climb(table, origins, domain), axis=0)
        pool = dict.fromkeys(keys(frontier))
        # If the best peak is taken, or peaks are too few, the next best choice is beside a peak.
        for turn in range(len(domain.levels)):
            frontier = frontier[np.argsort(-table(frontier)[0], kind="stable")]
            free = sum(key not in taken for key in pool)
            if free >= count and (turn or (count == 1 and keys(frontier[:1])[0] not in taken)):
                break
            fresh = neighbours(frontier[: max(4, count)], domain)
            frontier = fresh[[key not in pool for key in keys(fresh)]] if len(fresh) else fresh
            if not len(frontier):
                break
            pool.update(dict.fromkeys(keys(frontier)))
    free_choices = np.array([key for key in pool if key not in taken], dtype=np.int64).reshape(-1, len(domain.levels))
    return free_choices[np.argsort(-table(free_choices)[0], kind="stable")[:count]]
