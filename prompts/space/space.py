"""The space of prompts a tuner goes through: slots with options, a template, constraints and base subjects.

A *choice* takes one option from every slot: a tuple of option indices, or a row of an integer array (n, slots). Numbers
models see ``space.levels`` and such arrays; only this package knows the words.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import PromptError
from .constraints import Constraint, Forbidden, cheapest, check_constraints, count_allowed, obey
from .rendering import RenderedChoice, check_negative, check_template, default_template, render
from .sampling import sample
from .slots import Slot, check_names, find_slot, restricted

if TYPE_CHECKING:
    from .edits import MappedChoices

Choice = tuple[int, ...]


@dataclass(frozen=True)
class PromptSpace:
    """Every prompt that can be made of a template and its slots; immutable.

    Attributes:
        slots: at least one, of different names.
        template: text with a ``{slot}`` place for every text slot and ``{subject}`` for the context; by default all in a row.
        contexts: base subjects that every choice is to be good for; they are no slot, and a choice does not say them.
        constraints: rules made by ``not_both`` and ``needs``.
        negative: template of the negative prompt over the negative slots; by default all in a row.
        banned: option indices never to be taken, for each slot; empty for no bans. See ``restrict``.

    Raises:
        PromptError: no slots, two of one name, a template that does not fit them, constraints that contradict each other, or
            nothing left to choose.
    """

    slots: tuple[Slot, ...]
    template: str = ""
    contexts: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    negative: str = ""
    banned: tuple[frozenset[int], ...] = ()

    def __post_init__(self) -> None:
        for name in ("slots", "contexts", "constraints"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_names(self.slots)
        object.__setattr__(self, "contexts", tuple(" ".join(context.split()) for context in self.contexts))
        if "" in self.contexts or len(set(self.contexts)) < len(self.contexts):
            raise PromptError("Expected contexts that are neither empty nor alike: drop those that are.")
        negatives = ", ".join(f"{{{slot.name}}}" for slot in self.slots if slot.kind == "negative")
        object.__setattr__(self, "template", self.template or default_template(self.slots, bool(self.contexts)))
        object.__setattr__(self, "negative", self.negative or negatives)
        check_template(self.template, self.slots, self.contexts)
        check_negative(self.negative, self.slots)
        bans = tuple(frozenset(b) for b in self.banned) or (frozenset(),) * len(self.slots)
        if len(bans) != len(self.slots):
            raise PromptError(f"Expected bans for each of {len(self.slots)} slots, got {len(bans)}.")
        object.__setattr__(self, "banned", bans)
        for slot, options in zip(self.slots, self.options, strict=True):
            if not options:
                raise PromptError(f"The bans leave slot {slot.name!r} no option: lift one of them.")
        if self.size == 0:
            raise PromptError("The bans and pins leave no choice that the constraints allow: lift one of them.")

    @classmethod
    def from_yaml(cls, path: Path | str, wildcards: Path | None = None) -> PromptSpace:
        """Read a YAML file; see ``read_space``."""
        from .yaml_file import read_space

        return read_space(path, wildcards)

    @classmethod
    def from_text(
        cls, text: str, negative: str = "", *, vocabulary: str = "general", wildcards: Path | None = None
    ) -> PromptSpace:
        """Space of a dynamic-prompts template or of a plain prompt; see ``space_from_text``."""
        from .from_text import space_from_text

        return space_from_text(text, negative, vocabulary=vocabulary, wildcards=wildcards)

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
        masks = tuple(np.isin(np.arange(level), own) for level, own in zip(self.levels, self.options, strict=True))
        for mask in masks:
            mask.setflags(write=False)
        return masks

    @cached_property
    def forbidden(self) -> tuple[Forbidden, ...]:
        """What the constraints forbid, as pairs of option sets."""
        return tuple(check_constraints(self.constraints, self.slots))

    @cached_property
    def size(self) -> int:
        """Number of choices that constraints and bans allow."""
        return count_allowed(self.options, self.forbidden)

    @property
    def total(self) -> int:
        """Number of choices without regard to constraints and bans."""
        return math.prod(self.levels)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that say what a choice means: templates, slots and option texts.

        Weights, contexts, constraints and bans leave it unchanged, since old choices keep their meaning under them.
        """
        slots = [(slot.name, slot.kind, slot.texts) for slot in self.slots]
        text = json.dumps([self.template, self.negative, slots])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def check_tunable(self) -> None:
        """Raise PromptError where there is but one choice, and so nothing to tune."""
        if self.size < 2:
            raise PromptError(
                "The space has a single choice, so there is nothing to tune: add options or lift bans and pins."
            )

    def check(self, choice: Sequence[int] | np.ndarray) -> Choice:
        """``choice`` as a tuple of ints.

        Raises:
            PromptError: another length, or an index out of range.
        """
        try:
            indices = tuple(int(i) for i in choice)
        except (TypeError, ValueError) as error:
            raise PromptError(f"Expected a choice of option indices, got {choice!r}.") from error
        if len(indices) != len(self.slots):
            raise PromptError(f"Expected a choice of {len(self.slots)} options, one a slot, got {len(indices)}.")
        for slot, index in zip(self.slots, indices, strict=True):
            if not 0 <= index < len(slot.options):
                raise PromptError(f"Expected an option 0…{len(slot.options) - 1} in slot {slot.name!r}, got {index}.")
        return indices

    def allows(self, choice: Sequence[int] | np.ndarray) -> bool:
        """Whether constraints and bans allow ``choice``."""
        return bool(self.allowed(np.array([self.check(choice)]))[0])

    def allowed(self, choices: np.ndarray) -> np.ndarray:
        """(n,) bool: which of the (n, slots) choices, their indices in range, constraints and bans allow."""
        good = obey(choices, self.forbidden)
        for column, mask in zip(choices.T, self.masks, strict=True):
            good &= mask[column]
        return good

    def nearest(self, choice: Sequence[int] | np.ndarray, costs: Sequence[np.ndarray] | None = None) -> Choice:
        """The allowed choice that differs from ``choice`` in the fewest slots.

        Args:
            choice: any choice, allowed or not.
            costs: for each slot (options,) finite numbers that decide between equally near ones; their sum stays below 1.
        """
        away = [(np.arange(n) != i).astype(float) for n, i in zip(self.levels, self.check(choice), strict=True)]
        if costs is not None:
            away = [a + c for a, c in zip(away, costs, strict=True)]
        return cheapest(self.options, self.forbidden, away)

    def choice_of(self, options: Mapping[str, object]) -> Choice:
        """The choice with these options, given by slot name: the inverse of ``describe``.

        A slot that is not named takes its empty option, or its only one.

        Raises:
            PromptError: an unknown slot or option, or a slot that must be named.
        """
        for name in options:
            find_slot(self.slots, name)
        found = []
        for slot in self.slots:
            if slot.name in options:
                found.append(slot.index(options[slot.name]))
            elif len(slot.options) == 1 or "" in slot.texts:
                found.append(slot.texts.index("") if "" in slot.texts else 0)
            else:
                raise PromptError(
                    f"No option is named for slot {slot.name!r}: it has {', '.join(map(repr, slot.texts[:12]))}."
                )
        return tuple(found)

    def describe(self, choice: Sequence[int] | np.ndarray) -> dict[str, str]:
        """Option text of each slot, by name."""
        return {slot.name: slot.texts[i] for slot, i in zip(self.slots, self.check(choice), strict=True)}

    def render(self, choice: Sequence[int] | np.ndarray, context: int = 0) -> RenderedChoice:
        """Prompt, negative prompt and settings of ``choice`` for the base subject number ``context``.

        Raises:
            PromptError: a choice or a context that is not there.
        """
        if not 0 <= context < max(1, len(self.contexts)):
            raise PromptError(f"Expected a context 0…{max(1, len(self.contexts)) - 1}, got {context}.")
        chosen = {slot.name: (slot, i) for slot, i in zip(self.slots, self.check(choice), strict=True)}
        return render(self.template, self.negative, self.contexts[context] if self.contexts else "", chosen)

    def restrict(self, bans: Iterable[str] = (), pins: Iterable[str] = ()) -> PromptSpace:
        """This space without the banned options, and in pinned slots with the pinned options alone.

        Levels and indices stay as they are, so that observations stay valid. Texts are ``slot=option``; an option that is
        no whole option's text means all that hold its words, so ``style=pixel`` bans ``pixel art``.

        Raises:
            PromptError: an unknown slot or option, or nothing left to choose.
        """
        return replace(self, banned=restricted(self.slots, self.banned, bans, pins))

    def sample(self, count: int, seed: int | np.random.Generator, *, distinct: bool = True) -> np.ndarray:
        """Random allowed choices, options by their weights.

        An option appended to a slot changes only the draws that take it: all others keep their order (see ``sampling``).

        Args:
            count: how many; a smaller count gives the first ones of a larger.
            seed: the prompt seed, or a generator to draw one from.
            distinct: no choice twice; then there may be fewer than ``count`` where the space has no more to give.

        Returns:
            (n, slots) int64, n ≤ ``count``.
        """
        return sample(self, count, seed, distinct=distinct)

    def map_from(self, old: PromptSpace, choices: np.ndarray) -> MappedChoices:
        """Choices of an earlier version of this space, as choices of this one; see ``map_choices``."""
        from .edits import map_choices

        return map_choices(old, self, choices)

    def to_yaml(self) -> str:
        """This space as YAML that ``from_yaml`` reads back."""
        from .yaml_file import space_to_yaml

        return space_to_yaml(self)
