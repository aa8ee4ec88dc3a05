"""The space of prompts that a tuner searches.

It consists of slots with options, a template, constraints and base subjects. A *choice* takes one option from every
slot: a tuple of option indices, or a row of an integer array (n, slots). Numeric models see ``space.levels`` and such
arrays; only this package knows the words.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from ...errors import PromptError, expect
from .constraints import cheapest
from .definition import Choice as Choice
from .definition import SpaceDefinition
from .edits import MappedChoices, map_choices
from .from_text import WORDS, space_from_text
from .rendering import RenderedChoice, render
from .sampling import sample
from .slots import Slot, find_slot
from .yaml_file import is_yaml, parse_yaml, read_yaml, space_to_yaml


@dataclass(frozen=True)
class PromptSpace(SpaceDefinition):
    """All prompts that can be made of a template and its slots; immutable.

    Examples:
        >>> import soart
        >>> space = soart.PromptSpace.from_text("a {red|blue} {fox|owl}, {watercolor|woodcut|}")
        >>> space.levels, space.size
        ((2, 2, 3), 12)
        >>> space.render((1, 0, 2)).prompt
        'a blue fox'
        >>> space.restrict(bans=["choice1=red"]).size
        6

    Attributes:
        slots: at least one, with different names.
        template: text with a ``{slot}`` place for every text slot and ``{subject}`` for the context; by default all in
            a row.
        contexts: base subjects that every choice should suit. They are not a slot, and a choice does not include them.
        constraints: rules made by ``not_both`` and ``needs``.
        negative: template of the negative prompt over the negative slots; by default all in a row.
        banned: for each slot, indices of options that are never taken; empty for no bans. See ``restrict``.

    Raises:
        PromptError: no slots, two slots of one name, a template that does not fit them, constraints that contradict
            each other, or nothing left to choose.
    """

    @classmethod
    def of(cls, definition: SpaceDefinition) -> Self:
        """The space of a definition."""
        return cls(**{field.name: getattr(definition, field.name) for field in fields(definition)})

    @classmethod
    def from_text(
        cls,
        text: str,
        negative: str = "",
        *,
        vocabulary: str = "general",
        words: int = WORDS,
        wildcards: Path | str | None = None,
    ) -> Self:
        """Make a space of a dynamic-prompts template or of a plain prompt; see ``space_from_text``.

        Examples:
            >>> import soart
            >>> space = soart.PromptSpace.from_text("a fox", vocabulary="embedded")
            >>> [slot.name for slot in space.slots]
            ['palette', 'style', 'quality', 'negative']
        """
        return cls.of(space_from_text(text, negative, vocabulary=vocabulary, words=words, wildcards=wildcards))

    @classmethod
    def from_yaml(cls, path: Path | str, wildcards: Path | str | None = None) -> Self:
        """Read a YAML file; see ``parse_yaml``.

        Raises:
            PromptError: the file cannot be read, or contains a mistake.
        """
        expect("the YAML file as a path", path, str, Path, error=PromptError)
        return cls.of(read_yaml(path, wildcards))

    @classmethod
    def parse_yaml(cls, text: str, name: str = "space.yaml", wildcards: Path | str | None = None) -> Self:
        """Make a space of YAML text.

        Args:
            text: the YAML; ``docs/prompt-spaces.md`` describes its keys.
            name: of the file, for messages.
            wildcards: a folder of the user's own ``NAME.txt`` files.

        Raises:
            PromptError: malformed YAML or a mistake in the space; the message names file, line and path.
        """
        return cls.of(parse_yaml(text, name, wildcards))

    @classmethod
    def parse(cls, text: str, vocabulary: str = "general", negative: str = "") -> Self:
        """Make a space of typed text: YAML if a line begins with ``slots:``, else a template or a plain prompt.

        Args:
            text: the typed text.
            vocabulary: put around a plain prompt, see ``space_from_text``.
            negative: of a template or a plain prompt, likewise.

        Raises:
            PromptError: a mistake in the text, the name of a YAML file, or a negative prompt beside YAML.
        """
        expect("the prompt space as text", text, str, error=PromptError)
        if re.fullmatch(r"\S+\.ya?ml", text.strip(), re.IGNORECASE):
            raise PromptError(
                f"Expected a prompt or the text of a prompt space, got the file name {text.strip()!r:.80}: read it with "
                "PromptSpace.from_yaml, or give what is in it."
            )
        if is_yaml(text):
            if negative:
                raise PromptError("A space in YAML has its negative prompt inside: write it there, as 'negative:'.")
            return cls.parse_yaml(text, "the space")
        return cls.from_text(text, negative, vocabulary=vocabulary)

    @property
    def total(self) -> int:
        """Number of choices, constraints and bans ignored."""
        return math.prod(self.levels)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that identify the meaning of choices: a hash of templates, slots, option texts and contexts.

        Weights, constraints and bans do not change it, because old choices keep their meaning under them.
        """
        slots = [(slot.name, slot.kind, slot.texts) for slot in self.slots]
        text = json.dumps([self.template, self.negative, slots, *([self.contexts] if self.contexts else [])])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def check_tunable(self) -> None:
        """Raise PromptError if there is only one choice, so that nothing can be tuned."""
        if self.size < 2:
            raise PromptError(
                "The space has a single choice, so there is nothing to tune: add options or lift bans and pins."
            )

    def allows(self, choice: Sequence[int] | np.ndarray) -> bool:
        """True if constraints and bans allow ``choice``."""
        return bool(self.allowed(np.array([self.check(choice)]))[0])

    def nearest(self, choice: Sequence[int] | np.ndarray, costs: Sequence[np.ndarray] | None = None) -> Choice:
        """The allowed choice that differs from ``choice`` in the fewest slots.

        Args:
            choice: any choice, allowed or not.
            costs: for each slot (options,) finite numbers that decide between equally near choices; their sum stays
                below 1.
        """
        away = [(np.arange(n) != i).astype(float) for n, i in zip(self.levels, self.check(choice), strict=True)]
        if costs is not None:
            away = [a + c for a, c in zip(away, costs, strict=True)]
        return cheapest(self.options, self.forbidden, away)

    def covering(self) -> list[Choice]:
        """Allowed choices in which every option occurs that is not banned; of a slot of numbers, its lowest."""
        start = self.check(self.sample(1, 0)[0])
        choices = {start: None}
        for at, (slot, free) in enumerate(zip(self.slots, self.options, strict=True)):
            for option in free if slot.range is None else free[:1]:
                options = [*self.options[:at], (option,), *self.options[at + 1 :]]
                away = [(np.arange(n) != i).astype(float) for n, i in zip(self.levels, start, strict=True)]
                # Constraints may leave no choice with an option that is not banned itself.
                with suppress(PromptError):
                    choices[cheapest(options, self.forbidden, away)] = None
        return list(choices)

    def choice_of(self, options: Mapping[str, object]) -> Choice:
        """The choice with these options by slot name: the inverse of ``describe``.

        A slot that is not named takes its empty option, or its only one.

        Raises:
            PromptError: an unknown slot or option, or a slot that must be named.
        """
        expect("options by the names of their slots", options, Mapping, error=PromptError)
        for name in options:
            find_slot(self.slots, name)
        indices = []
        for slot in self.slots:
            if slot.name in options:
                indices.append(slot.index(options[slot.name]))
            elif len(slot.options) == 1 or "" in slot.texts:
                indices.append(slot.texts.index("") if "" in slot.texts else 0)
            else:
                raise PromptError(
                    f"No option is named for slot {slot.name!r}: it has {', '.join(map(repr, slot.texts[:12]))}."
                )
        for condition in self.conditions:
            slot, parent = self.slots[condition.slot], self.slots[condition.parent]
            used = indices[condition.parent] in condition.options
            if used != bool(slot.texts[indices[condition.slot]]):
                raise PromptError(
                    f"Slot {slot.name!r} {'needs a number' if used else 'is not in use'} with "
                    f"{parent.name}={parent.texts[indices[condition.parent]]}."
                )
        return tuple(indices)

    def describe(self, choice: Sequence[int] | np.ndarray) -> dict[str, str]:
        """Option text of each slot, by name."""
        return {slot.name: slot.texts[i] for slot, i in zip(self.slots, self.check(choice), strict=True)}

    def render(self, choice: Sequence[int] | np.ndarray, context: int = 0) -> RenderedChoice:
        """Prompt, negative prompt and settings of ``choice`` for the base subject number ``context``.

        Raises:
            PromptError: a choice or a context that does not exist.
        """
        expect("the context as a whole number", context, int, error=PromptError)
        if not 0 <= context < max(1, len(self.contexts)):
            raise PromptError(f"Expected a context 0…{max(1, len(self.contexts)) - 1}, got {context}.")
        return self.render_with(choice, self.contexts[context] if self.contexts else "")

    def render_with(self, choice: Sequence[int] | np.ndarray, subject: str) -> RenderedChoice:
        """As ``render``, for any base subject; an empty one for a space without contexts."""
        chosen = {slot.name: (slot, i) for slot, i in zip(self.slots, self.check(choice), strict=True)}
        return render(self.template, self.negative, subject, chosen)

    def sample(self, count: int, seed: int | np.random.Generator, *, distinct: bool = True) -> np.ndarray:
        """Random allowed choices, options by their weights.

        An option appended to a slot changes only the draws that take it: all others keep their order (see
        ``sampling``).

        Args:
            count: number of choices; a smaller count gives the first ones of a larger.
            seed: the prompt seed, or a generator to draw one from.
            distinct: no choice twice; there may then be fewer than ``count`` if the space has no more.

        Returns:
            (n, slots) int64, n ≤ ``count``.
        """
        expect("the number of choices as a whole number", count, int, error=PromptError)
        return sample(self, count, seed, distinct=distinct)

    def with_options(self, added: Mapping[str, Sequence[str]]) -> Self:
        """This space with options added at the end of its slots, so that choices of this one stay as they are.

        Args:
            added: texts by slot name.

        Raises:
            PromptError: an unknown slot, a slot of numbers, or an option that it has.
        """
        expect("lists of texts by the names of slots", added, Mapping, error=PromptError)
        slots = list(self.slots)
        for name, texts in added.items():
            expect(f"the options to add to slot {name!r} as a list", texts, list, tuple, error=PromptError)
            at = find_slot(self.slots, name)
            slot = slots[at]
            if slot.range is not None:
                raise PromptError(f"Slot {name!r} is a range of numbers: it takes no further options.")
            slots[at] = Slot(name, [*slot.options, *texts], slot.kind, more=slot.more)
        return replace(self, slots=tuple(slots))

    def map_from(self, old: SpaceDefinition, choices: np.ndarray) -> MappedChoices:
        """Choices of an earlier version of this space, as choices of this one; see ``map_choices``."""
        return map_choices(old, self, choices)

    def to_yaml(self) -> str:
        """This space as YAML that ``from_yaml`` reads back."""
        return space_to_yaml(self)
