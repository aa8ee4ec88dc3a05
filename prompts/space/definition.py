"""The parts of a prompt space, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from ...errors import PromptError, expect
from .conditions import Condition, find_conditions, named_in_options
from .constraints import Constraint, Forbidden, Mask, check_constraints, count_allowed, obey
from .rendering import check_negative, check_template, default_negative, default_template, places
from .slots import Slot, check_names, restricted

Choice = tuple[int, ...]


@dataclass(frozen=True)
class SpaceDefinition:
    """Slots, templates, base subjects, constraints and bans that fit together; immutable.

    Readers of files and texts make one, and ``PromptSpace`` adds the methods for using it. The fields and the errors
    are described there.
    """

    slots: tuple[Slot, ...]
    template: str = ""
    contexts: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    negative: str = ""
    banned: tuple[frozenset[int], ...] = ()

    def __post_init__(self) -> None:
        for name in ("slots", "contexts", "constraints"):
            if isinstance(given := getattr(self, name), str):
                raise PromptError(f"Expected the {name} as a list, got the text {given!r:.80}.")
            expect(f"the {name} as a list", given, Iterable, error=PromptError)
            object.__setattr__(self, name, tuple(given))
        for slot in self.slots:
            expect(
                "objects of the class Slot (PromptSpace.parse_yaml takes slots as text)", slot, Slot, error=PromptError
            )
        for constraint in self.constraints:
            expect("constraints made by not_both and needs", constraint, Constraint, error=PromptError)
        for text in (self.template, self.negative, *self.contexts):
            expect("templates and contexts as text", text, str, error=PromptError)
        check_names(self.slots)
        object.__setattr__(self, "contexts", tuple(" ".join(context.split()) for context in self.contexts))
        if "" in self.contexts or len(set(self.contexts)) < len(self.contexts):
            raise PromptError("Expected contexts that are neither empty nor alike: drop those that are.")
        inner = named_in_options(self.slots)
        outer = tuple(slot for slot in self.slots if slot.name not in inner)
        object.__setattr__(self, "template", self.template or default_template(outer, bool(self.contexts)))
        object.__setattr__(self, "negative", self.negative or default_negative(outer))
        conditional = inner - {*places(self.template), *places(self.negative)}
        slots = tuple(
            slot
            if slot.range is None or slot.conditional == (slot.name in conditional)
            else Slot(slot.name, slot.range, slot.kind, conditional=slot.name in conditional)
            for slot in self.slots
        )
        object.__setattr__(self, "slots", slots)
        check_template(self.template, self.slots, self.contexts)
        check_negative(self.negative, self.slots)
        bans = tuple(frozenset(options) for options in self.banned) or (frozenset(),) * len(self.slots)
        if len(bans) != len(self.slots):
            raise PromptError(f"Expected bans for each of {len(self.slots)} slots, got {len(bans)}.")
        object.__setattr__(self, "banned", bans)
        for slot, options in zip(self.slots, self.options, strict=True):
            if not options:
                raise PromptError(f"The bans and pins leave slot {slot.name!r} no option: lift one of them.")
        if self.size == 0:
            raise PromptError("The bans and pins leave no choice that the constraints allow: lift one of them.")

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Number of options of each slot, banned ones included."""
        return tuple(len(slot.options) for slot in self.slots)

    @cached_property
    def options(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the options of each slot that no ban excludes."""
        pairs = zip(self.levels, self.banned, strict=True)
        return tuple(tuple(o for o in range(level) if o not in bans) for level, bans in pairs)

    @cached_property
    def masks(self) -> tuple[np.ndarray, ...]:
        """For each slot (options,) bool, False where banned; not writable."""
        masks = tuple(np.isin(np.arange(level), free) for level, free in zip(self.levels, self.options, strict=True))
        for mask in masks:
            mask.setflags(write=False)
        return masks

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The slots of numbers that are not always in use, and when they are."""
        return find_conditions(self.slots, {*places(self.template), *places(self.negative)})

    @cached_property
    def forbidden(self) -> tuple[Forbidden, ...]:
        """The constraints and conditions as pairs of option sets that exclude each other."""
        conditions = [pair for condition in self.conditions for pair in condition.forbidden(self.slots)]
        return (*check_constraints(self.constraints, self.slots, conditions), *conditions)

    @cached_property
    def _forbidden_masks(self) -> tuple[Mask, ...]:
        return tuple(Mask.of(pair, self.levels) for pair in self.forbidden)

    @cached_property
    def size(self) -> int:
        """Number of choices that constraints and bans allow."""
        return count_allowed(self.options, self.forbidden)

    def check(self, choice: Sequence[int] | np.ndarray) -> Choice:
        """``choice`` as a tuple of ints.

        Raises:
            PromptError: another length, or an index out of range.
        """
        try:
            indices = tuple(int(i) for i in choice)
        except (TypeError, ValueError, OverflowError) as error:
            raise PromptError(f"Expected a choice of option indices, got {choice!r}.") from error
        if len(indices) != len(self.slots):
            raise PromptError(f"Expected a choice of {len(self.slots)} options, one a slot, got {len(indices)}.")
        for slot, index in zip(self.slots, indices, strict=True):
            if not 0 <= index < len(slot.options):
                raise PromptError(f"Expected an option 0…{len(slot.options) - 1} in slot {slot.name!r}, got {index}.")
        return indices

    def allowed(self, choices: np.ndarray) -> np.ndarray:
        """(n,) bool: True for those of the (n, slots) choices, indices in range, that constraints and bans allow.

        Raises:
            PromptError: choices of another shape.
        """
        choices = np.asarray(choices)
        if choices.ndim != 2 or choices.shape[1] != len(self.slots):
            raise PromptError(f"Expected choices as an array (n, {len(self.slots)}), got shape {choices.shape}.")
        good = obey(choices, self._forbidden_masks)
        for column, mask in zip(choices.T, self.masks, strict=True):
            good &= mask[column]
        return good

    def excluding(self, banned: Sequence[Iterable[int]]) -> Self:
        """This space with these bans, as option indices of each slot, in place of its own.

        Raises:
            PromptError: nothing left to choose.
        """
        return replace(self, banned=tuple(frozenset(options) for options in banned))

    def restrict(self, bans: Iterable[str] = (), pins: Iterable[str] = ()) -> Self:
        """This space without the banned options, and with only the pinned options in pinned slots.

        Levels and indices stay as they are, so observations stay valid. Texts are ``slot=option``. An option that is
        not the whole text of one means all that contain its words, so ``style=pixel`` bans ``pixel art``.

        Raises:
            PromptError: an unknown slot or option, or nothing left to choose.
        """
        return replace(self, banned=restricted(self.slots, self.banned, bans, pins))
