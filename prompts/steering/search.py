"""The best choices of a function given as tables, among any number of choices: coordinate ascent from many starts.

A change of one option moves the value by a look-up, so a climb over 10¹² choices takes microseconds a step; constraints are respected at every
step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import PromptError
from ..rating_model.choice_functions import Tables
from ..rating_model.kernels import check_levels, offsets, one_hot, slot_of_column

Allows = Callable[[np.ndarray], bool]
Key = tuple[int, ...]
#: Domains of at most so many choices are searched one by one.
EXHAUSTIVE = 4000


@dataclass(frozen=True, slots=True)
class Domain:
    """The choices that may be made.

    Attributes:
        levels: options of each slot.
        options: (Σ|s|,) bool, options that may be used; bans and pins.
        allows: says of an (S,) choice whether constraints allow it, or None.
    """

    levels: tuple[int, ...]
    options: np.ndarray
    allows: Allows | None = None

    @classmethod
    def of(
        cls, levels: Sequence[int], options: Sequence[Sequence[bool]] | None = None, allows: Allows | None = None
    ) -> Domain:
        """A domain from a mask for each slot.

        Raises:
            PromptError: masks that do not fit the slots, or a slot with every option banned.
        """
        counts = check_levels(levels)
        masks = [np.ones(level, dtype=bool) for level in counts] if options is None else [*map(np.asarray, options)]
        if [len(mask) for mask in masks] != list(counts):
            raise PromptError(f"Expected masks of {list(counts)} options, got {[len(mask) for mask in masks]}.")
        for slot, mask in enumerate(masks):
            if not mask.any():
                raise PromptError(f"Every option of slot {slot} is banned; lift one of the bans or pins.")
        return cls(counts, np.concatenate(masks).astype(bool), allows)

    def permits(self, choice: np.ndarray) -> bool:
        """Whether a choice may be made."""
        inside = self.options[np.asarray(choice) + offsets(self.levels)].all()
        return bool(inside) and (self.allows is None or bool(self.allows(np.asarray(choice))))

    def size(self) -> float:
        """Number of choices that bans and pins leave, before constraints."""
        return float(np.prod(np.add.reduceat(self.options.astype(np.float64), offsets(self.levels))))

    def everything(self) -> np.ndarray:
        """(n, S) all permitted choices of a small domain.

        Raises:
            PromptError: there is none.
        """
        usable = [np.flatnonzero(part) for part in np.split(self.options, offsets(self.levels)[1:])]
        grid = np.stack(np.meshgrid(*usable, indexing="ij"), axis=-1).reshape(-1, len(self.levels)).astype(np.int64)
        if self.allows is not None:
            grid = grid[[bool(self.allows(choice)) for choice in grid]]
        if not len(grid):
            raise PromptError("No choice is allowed by all constraints; loosen constraints, bans or pins.")
        return grid

    def random(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """(count, S) permitted choices, drawn uniformly by rejection.

        Raises:
            PromptError: none found in 20 000 tries, or none in a domain that is small.
        """
        if self.allows is not None and self.size() <= EXHAUSTIVE:
            everything = self.everything()
            return everything[rng.integers(0, len(everything), count)]
        usable = [np.flatnonzero(part) for part in np.split(self.options, offsets(self.levels)[1:])]
        found: list[np.ndarray] = []
        for _ in range(20_000 // max(count, 1) + 20):
            drawn = np.column_stack([rng.choice(options, count) for options in usable])
            found += [choice for choice in drawn if self.allows is None or self.allows(choice)]
            if len(found) >= count:
                return np.array(found[:count], dtype=np.int64)
        if not found:
            raise PromptError("No choice that all constraints allow was found; loosen constraints, bans or pins.")
        return np.array([found[i % len(found)] for i in range(count)], dtype=np.int64)


def keys(choices: np.ndarray) -> list[Key]:
    """Hashable choices."""
    return [tuple(row) for row in np.asarray(choices).tolist()]


def gains(table: Tables, choices: np.ndarray) -> np.ndarray:
    """(n, Σ|s|) how much the first function of ``table`` grows when one option of a choice is changed to each other one."""
    ones = one_hot(choices, table.levels)
    totals = table.main[0] + ones @ table.pair[0]
    present = np.take_along_axis(totals, choices + offsets(table.levels), axis=1)
    grown: np.ndarray = totals - np.repeat(present, table.levels, axis=1)
    return grown


def climb(table: Tables, starts: np.ndarray, domain: Domain) -> np.ndarray:
    """(n, S) local maxima of the first function of ``table``, each from one of the (n, S) permitted ``starts``."""
    choices = starts.copy()
    start, slot = offsets(domain.levels), slot_of_column(domain.levels)
    active = np.arange(len(choices))
    while len(active):
        grown = gains(table, choices[active])
        grown[:, ~domain.options] = -np.inf
        moved = np.zeros(len(active), dtype=bool)
        if domain.allows is None:
            best = grown.argmax(axis=1)
            moved = grown[np.arange(len(active)), best] > 1e-12
            rows = active[moved]
            choices[rows, slot[best[moved]]] = best[moved] - start[slot[best[moved]]]
        else:
            for number, row in enumerate(active):
                for column in np.argsort(-grown[number]):
                    if grown[number, column] <= 1e-12:
                        break
                    tried = choices[row].copy()
                    tried[slot[column]] = column - start[slot[column]]
                    if domain.allows(tried):
                        choices[row], moved[number] = tried, True
                        break
        active = active[moved]
    return choices


def neighbours(choices: np.ndarray, domain: Domain) -> np.ndarray:
    """(m, S) all distinct permitted choices that differ from one of ``choices`` in one slot."""
    found: dict[Key, None] = {}
    start = offsets(domain.levels)
    for choice in choices:
        for slot, level in enumerate(domain.levels):
            for option in np.flatnonzero(domain.options[start[slot] : start[slot] + level]):
                changed = choice.copy()
                changed[slot] = option
                if option != choice[slot] and (domain.allows is None or domain.allows(changed)):
                    found[tuple(changed.tolist())] = None
    return np.array(list(found), dtype=np.int64).reshape(-1, len(domain.levels))


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
    """The ``count`` best distinct permitted choices found for the first function of ``table``, best first.

    Args:
        table: the function.
        domain: what is permitted; a small one is searched exhaustively.
        rng: draws the starts.
        starts: (k, S) further starts, permitted ones.
        restarts: number of random starts.
        taken: choices that may not be returned; their neighbours may.
        count: how many to return; fewer where there are no more.
    """
    if domain.size() <= EXHAUSTIVE:
        pool = dict.fromkeys(keys(domain.everything()))
    else:
        tried = domain.random(rng, restarts)
        if starts is not None and len(starts):
            tried = np.vstack([tried, starts])
        frontier = np.unique(climb(table, tried, domain), axis=0)
        pool = dict.fromkeys(keys(frontier))
        # Where the best peak is taken, or more than peaks are asked for, the next best lies beside one.
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
    found = np.array([key for key in pool if key not in taken], dtype=np.int64).reshape(-1, len(domain.levels))
    best: np.ndarray = found[np.argsort(-table(found)[0], kind="stable")[:count]]
    return best
