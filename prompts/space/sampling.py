"""Random draws whose order does not change when options are appended.

Every option of every draw has its own random number, a hash of prompt seed, draw, slot name and option text; the option
with the largest weighted number is taken (the Gumbel-max trick; Maddison, Tarlow & Minka 2014). An option appended to a
slot changes only the draws that it wins, and a slot that is added or moved changes no other slot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from .conditions import switch_off
from .constraints import cheapest
from .definition import SpaceDefinition
from .slots import Slot

#: Times a draw that breaks a constraint is repeated, before the best allowed choice is searched for.
_ATTEMPTS = 100
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def option_keys(slot: Slot, seed: int) -> np.ndarray:
    """(options,) uint64: the hash of seed, slot name and option text."""
    texts = (f"{seed}\x1f{slot.name}\x1f{text}".encode() for text in slot.texts)
    return np.array(
        [int.from_bytes(hashlib.blake2b(t, digest_size=8).digest(), "little") for t in texts], dtype=np.uint64
    )


def _mix(bits: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele, Lea & Flood 2014): every input bit affects every output bit."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = bits ^ (bits >> np.uint64(31))
    return mixed


def scores(slot: Slot, keys: np.ndarray, draws: np.ndarray, attempt: int) -> np.ndarray:
    """(n, options) log weights plus Gumbel noise of (n,) draws, counted from 0; the largest of a row is drawn.

    ``keys`` come from ``option_keys``; ``attempt`` counts earlier attempts at these draws, which broke a constraint.
    """
    places = _mix(draws.astype(np.uint64) * _GOLDEN + np.array([attempt], dtype=np.uint64))
    bits = _mix(_mix(keys[None, :] ^ places[:, None]) + _GOLDEN)
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    weights = np.log([option.weight for option in slot.options])
    return weights - np.log(-np.log(uniform))


def drawable(space: SpaceDefinition) -> list[np.ndarray]:
    """For each slot (options,) bool, True for what is drawn: what no ban excludes, and a number where there is one."""
    masks = list(space.masks)
    for condition in space.conditions:
        numbers = masks[condition.slot].copy()
        numbers[-1] = False
        masks[condition.slot] = numbers if numbers.any() else masks[condition.slot]
    return masks


def _draw(space: SpaceDefinition, keys: Sequence[np.ndarray], draws: np.ndarray) -> np.ndarray:
    """(n, slots) allowed choices of the draws with these numbers."""
    choices = np.zeros((len(draws), len(space.slots)), dtype=np.int64)
    waiting = np.arange(len(draws))
    masks = drawable(space)
    for attempt in range(_ATTEMPTS):
        for at, (slot, key, mask) in enumerate(zip(space.slots, keys, masks, strict=True)):
            drawn = scores(slot, key, draws[waiting], attempt)
            choices[waiting, at] = np.where(mask, drawn, -np.inf).argmax(axis=1)
        choices = switch_off(choices, space.conditions, space.levels)
        waiting = waiting[~space.allowed(choices[waiting])]
        if not len(waiting):
            return choices
    each = [scores(slot, key, draws[waiting], _ATTEMPTS) for slot, key in zip(space.slots, keys, strict=True)]
    for at, row in enumerate(waiting):
        choices[row] = np.array(cheapest(space.options, space.forbidden, [-s[at] for s in each]))
    return choices


def sample(space: SpaceDefinition, count: int, seed: int | np.random.Generator, *, distinct: bool = True) -> np.ndarray:
    """Random allowed choices; see ``PromptSpace.sample``."""
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**63))
    keys = [option_keys(slot, seed) for slot in space.slots]
    goal = min(count, space.size) if distinct else count
    patience = 200 + 20 * min(space.size, 5_000)
    choices: dict[object, list[int]] = {}
    first = misses = 0
    while len(choices) < goal and misses < patience:
        block = _draw(space, keys, np.arange(first, first + max(64, goal - len(choices))))
        for number, row in enumerate(block.tolist(), first):
            key = tuple(row) if distinct else number
            misses = misses + 1 if key in choices else 0
            if len(choices) < goal:
                choices.setdefault(key, row)
        first += len(block)
    return np.array(list(choices.values()), dtype=np.int64).reshape(-1, len(space.slots))
