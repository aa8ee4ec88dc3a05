"""Slots of a prompt space, with their options and weights."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ...errors import PromptError, expect
from .number_range import NumberRange

Kind = Literal["text", "negative", "setting"]
SettingValue = float | int | str | tuple[int, int]
#: Slots of these names change settings of the pipeline, not words.
SETTINGS = ("guidance", "true_cfg", "steps", "scheduler", "size")
#: Settings that are numbers.
NUMERIC = ("guidance", "true_cfg", "steps")
_NAME = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True)
class Option:
    """One option of a slot: the words it adds to the prompt, and its share in random draws beside the others'."""

    text: str  # white space tidied; empty for no words (in a setting: the pipeline's default)
    weight: float = 1.0  # finite, above 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", " ".join(str(self.text).split()))
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise PromptError(
                f"Expected a weight above 0 for option {self.text!r}, got {self.weight}; "
                "ban the option if it must never be drawn."
            )
        object.__setattr__(self, "weight", float(self.weight))


def setting_value(slot: str, text: str) -> SettingValue:
    """Value of a setting's option: guidances 0…100, steps 1…1000, a scheduler's name, or a size (width, height)."""
    try:
        if slot in ("guidance", "true_cfg") and 0 <= (guidance := float(text)) <= 100:
            return guidance
        if slot == "steps" and 1 <= (steps := int(text)) <= 1000:
            return steps
    except ValueError:
        pass
    if slot == "scheduler" and re.fullmatch(r"[\w +.-]+", text):
        return text
    size = re.fullmatch(r"(\d{1,4})\s*[x×]\s*(\d{1,4})", text) if slot == "size" else None
    if size and all(8 <= int(side) <= 8192 and int(side) % 8 == 0 for side in size.groups()):
        return int(size[1]), int(size[2])
    expected = {
        "guidance": "a number in 0…100",
        "true_cfg": "a number in 0…100",
        "steps": "a whole number in 1…1000",
        "scheduler": "the name of a scheduler",
        "size": "WIDTHxHEIGHT in multiples of 8 up to 8192, such as 512x768",
    }[slot]
    raise PromptError(f"Expected {expected} as an option of slot {slot!r}, got {text!r}.")


def default_kind(name: str) -> Kind:
    """Kind of a slot by its name: ``setting`` for the names in ``SETTINGS``, else ``text``."""
    return "setting" if name in SETTINGS else "text"


@dataclass(frozen=True)
class Slot:
    """A place of the prompt, of the negative prompt or of the settings, with its options.

    Attributes:
        name: a letter, then letters, digits, ``_`` or ``-``; the template's place is ``{name}``.
        options: at least one, no two alike; plain strings are options of weight 1.
        kind: ``text`` fills a place of the prompt, ``negative`` one of the negative prompt, ``setting`` sets the
            pipeline; by default that of ``default_kind``.
        range: the range whose numbers are the options, or None for options that were listed.
        conditional: True for a range that is not always in use, see ``conditions``; its last option, which is empty, is
            taken where it is not.
        more: words that a tune with proposals may add to the options, empty for no words; None for those of the
            vocabularies.
    """

    name: str
    options: tuple[Option, ...]
    kind: Kind
    range: NumberRange | None
    conditional: bool
    more: tuple[str, ...] | None

    def __init__(
        self,
        name: str,
        options: Iterable[Option | str] | NumberRange,
        kind: Kind | None = None,
        *,
        conditional: bool = False,
        more: Iterable[str] | None = None,
    ) -> None:
        """Check and store; see the attributes."""
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "range", options if isinstance(options, NumberRange) else None)
        object.__setattr__(self, "conditional", conditional and self.range is not None)
        if isinstance(options, NumberRange):
            options = [*options.texts(), *([""] if conditional else [])]
        stored = tuple(o if isinstance(o, Option) else Option(o) for o in options)
        object.__setattr__(self, "options", stored)
        tidied = None if more is None else tuple(dict.fromkeys(" ".join(text.split()) for text in more))
        object.__setattr__(self, "more", tidied)
        object.__setattr__(self, "kind", kind or default_kind(name))
        if not _NAME.fullmatch(name):
            raise PromptError(f"Expected a slot name of letters, digits, '_' and '-', got {name!r}.")
        if self.kind not in ("text", "negative", "setting"):
            raise PromptError(f"Expected kind text, negative or setting for slot {name!r}, got {self.kind!r}.")
        if self.kind == "setting" and name not in SETTINGS:
            raise PromptError(f"Unknown setting {name!r}: settings are {', '.join(SETTINGS)}.")
        if not stored:
            raise PromptError(f"Slot {name!r} has no options: list at least one.")
        if self.more and (self.kind == "setting" or self.range is not None):
            raise PromptError(f"Slot {name!r} is not made of words, so 'more' cannot add any: leave it out.")
        values: set[SettingValue] = set()
        for option, value in zip(stored, self.values, strict=True):
            if value in values:
                raise PromptError(f"Slot {name!r} has the option {option.text!r} twice: keep one of them.")
            values.add(value)

    @property
    def texts(self) -> tuple[str, ...]:
        """Text of each option."""
        return tuple(option.text for option in self.options)

    @property
    def values(self) -> tuple[SettingValue, ...]:
        """Value of each option: its text or, in a setting, the pipeline's value (empty: its default)."""
        if self.kind != "setting":
            return self.texts
        return tuple(setting_value(self.name, text) if text else "" for text in self.texts)

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """Options of a range, or at least three increasing guidances or steps, as numbers, lowest first; else None."""
        if self.range is not None:
            return tuple(float(text) for text in self.texts if text)
        if self.name not in NUMERIC or self.kind != "setting" or len(self.options) < 3 or "" in self.texts:
            return None
        values = tuple(map(float, self.texts))
        return values if all(a < b for a, b in pairwise(values)) else None

    def index(self, option: object) -> int:
        """Index of an option by its text, else by its text in any case, else (in a setting or a range) by its value."""
        text = " ".join(str(option).split())
        folded = [t.casefold() for t in self.texts]
        for wanted, known in ((text, list(self.texts)), (text.casefold(), folded)):
            if wanted in known:
                return known.index(wanted)
        if self.range is not None:
            try:
                return (self.numbers or ()).index(float(text))
            except ValueError:
                pass
        elif self.kind == "setting" and text:
            try:
                return self.values.index(setting_value(self.name, text))
            except (PromptError, ValueError):
                pass
        close = difflib.get_close_matches(text, self.texts, 1, 0.5)
        hint = f"did you mean {close[0]!r}" if close else f"it has {', '.join(map(repr, self.texts[:12]))}"
        raise PromptError(f"Slot {self.name!r} has no option {text!r}: {hint}.")

    def matching(self, text: str) -> tuple[int, ...]:
        """Indices of the options that ``text`` means: the one it names, else all that contain its words."""
        try:
            return (self.index(text),)
        except PromptError:
            words = re.compile(rf"(?<!\w){re.escape(' '.join(text.split()))}(?!\w)", re.IGNORECASE)
            matches = tuple(i for i, t in enumerate(self.texts) if text.strip() and words.search(t))
            if self.kind == "setting" or self.range is not None or not matches:
                raise
            return matches


def check_names(slots: tuple[Slot, ...]) -> None:
    """Raise PromptError if there are no slots, or two of one name."""
    if not slots:
        raise PromptError("The space has no slots: add at least one, with its options.")
    names = [slot.name for slot in slots]
    for name in names:
        if names.count(name) > 1:
            raise PromptError(f"The space has two slots called {name!r}: rename one.")


def find_slot(slots: tuple[Slot, ...], name: str) -> int:
    """Index of the slot called ``name``, or a ``PromptError``."""
    names = [slot.name for slot in slots]
    if name in names:
        return names.index(name)
    raise PromptError(f"Unknown slot {name!r}: the slots are {', '.join(names)}.")


def find_options(slots: tuple[Slot, ...], text: str) -> tuple[int, frozenset[int]]:
    """Slot index and option indices of a text such as ``style=pixel art``, or a ``PromptError``."""
    expect("options as texts such as 'slot=option'", text, str, error=PromptError)
    name, equals, option = text.partition("=")
    if not equals:
        raise PromptError(f"Expected slot=option, such as {slots[0].name}={slots[0].texts[-1]}, got {text!r}.")
    at = find_slot(slots, name.strip())
    return at, frozenset(slots[at].matching(option))


def restricted(
    slots: tuple[Slot, ...], banned: tuple[frozenset[int], ...], bans: Iterable[str], pins: Iterable[str]
) -> tuple[frozenset[int], ...]:
    """``banned`` with the options of ``bans`` and, in the slots that ``pins`` name, all but the pinned options."""
    for texts in (bans, pins):
        expect("options as a list of texts such as 'slot=option'", texts, list, tuple, error=PromptError)
    excluded = [set(options) for options in banned]
    pinned: dict[int, set[int]] = {}
    for at, options in (find_options(slots, text) for text in bans):
        excluded[at] |= options
    for at, options in (find_options(slots, text) for text in pins):
        pinned.setdefault(at, set()).update(options)
    for at, chosen in pinned.items():
        last = len(slots[at].options) - 1
        # A pinned weight does not mean that its LoRA must be in.
        excluded[at] |= set(range(last + 1)) - chosen - ({last} if slots[at].conditional else set())
    return tuple(frozenset(options) for options in excluded)
