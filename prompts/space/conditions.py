"""Numbers that are in use only with certain options of another slot.

Their place stands in these options, and not in the template, as a LoRA's weight where the LoRA is in. Such a slot has
one option more, its last one: not in use.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from ...errors import PromptError
from .constraints import Forbidden
from .slots import Slot


class Condition(NamedTuple):
    """Slot number ``slot`` is in use with the ``options`` of slot number ``parent``, and only then."""

    slot: int
    parent: int
    options: frozenset[int]

    def forbidden(self, slots: Sequence[Slot]) -> list[Forbidden]:
        """The pairs of option sets that the condition forbids."""
        unused = len(slots[self.slot].options) - 1
        others = frozenset(range(len(slots[self.parent].options))) - self.options
        pairs = [(others, frozenset(range(unused))), (self.options, frozenset({unused}))]
        if self.parent < self.slot:
            return [Forbidden(self.parent, early, self.slot, late) for early, late in pairs if early]
        return [Forbidden(self.slot, late, self.parent, early) for early, late in pairs if early]


def place_of(name: str) -> str:
    """The place of a slot in a template or in an option."""
    return f"{{{name}}}"


def named_in_options(slots: Sequence[Slot]) -> set[str]:
    """Names of the slots of numbers whose places stand in options of another slot of their kind."""
    return {slot.name for slot in slots if slot.range is not None and _parents(slots, slot)}


def find_conditions(slots: Sequence[Slot], in_templates: Collection[str]) -> tuple[Condition, ...]:
    """The conditions of the slots of numbers that stand in options of one slot but not ``in_templates``."""
    conditions = []
    for at, slot in enumerate(slots):
        parents = _parents(slots, slot) if slot.range is not None and slot.name not in in_templates else []
        if len(parents) > 1:
            names = ", ".join(slots[parent].name for parent, _ in parents)
            raise PromptError(
                f"The place {place_of(slot.name)} stands in options of several slots ({names}): "
                "give each of them a slot of numbers of its own."
            )
        conditions += [Condition(at, parent, options) for parent, options in parents]
    return tuple(conditions)


def _parents(slots: Sequence[Slot], inner: Slot) -> list[tuple[int, frozenset[int]]]:
    """Each slot with options that hold the place of ``inner``, and those options."""
    place = place_of(inner.name)
    found = [
        (at, frozenset(i for i, text in enumerate(slot.texts) if place in text))
        for at, slot in enumerate(slots)
        if slot.kind == inner.kind and slot.name != inner.name
    ]
    return [(at, options) for at, options in found if options]


def switch_off(choices: np.ndarray, conditions: Sequence[Condition], levels: Sequence[int]) -> np.ndarray:
    """A copy of (n, slots) ``choices`` in which slots are off where they are not in use."""
    settled = choices.copy()
    for condition in conditions:
        used = np.isin(settled[:, condition.parent], [*condition.options])
        settled[~used, condition.slot] = levels[condition.slot] - 1
    return settled
