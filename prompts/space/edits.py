"""Translates choices of an earlier version of a space into the edited one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ...errors import PromptError
from .conditions import switch_off
from .definition import SpaceDefinition
from .rendering import fill
from .slots import Slot


@dataclass(frozen=True)
class MappedChoices:
    """Old choices that the new space can express."""

    choices: np.ndarray  # (k, slots of the new space) int64
    rows: np.ndarray  # (k,) int64, their rows among the old choices
    dropped: int  # number of old choices without a counterpart
    #: each reason with its count, most frequent first; a choice counts under its first reason
    reasons: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        """A one-sentence summary for the user."""
        total = len(self.rows) + self.dropped
        if not self.dropped:
            return f"All {total} earlier observations fit the edited space."
        why = ", ".join(f"{count} for {reason}" for reason, count in self.reasons)
        return f"{self.dropped} of {total} earlier observations do not fit the edited space and are left out: {why}."


def _remains(slot: Slot, text: str, template: str, negative: str) -> bool:
    """True if a space with these templates still produces ``text`` without ``slot``: it is empty, or literal words."""
    if not text:
        return True
    words = negative if slot.kind == "negative" else template
    return slot.kind != "setting" and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", words) is not None


def _literal_text(space: SpaceDefinition) -> tuple[str, str]:
    """The two templates without their places."""
    blanks = {slot.name: "" for slot in space.slots} | {"subject": ""}
    return fill(space.template, blanks), fill(space.negative, blanks)


def _tables(
    old: SpaceDefinition, new: SpaceDefinition
) -> tuple[list[tuple[int, np.ndarray, int]], list[tuple[int, np.ndarray]]]:
    """Translation tables.

    For each new slot: its old index (−1: none), the new option of each old one, and the option to take if the slot is
    new (−1: no such option). For each old slot that was removed: its index, and a mask of the options that may vanish.
    """
    places = {(slot.name, slot.kind): at for at, slot in enumerate(old.slots)}
    old_text, new_text = _literal_text(old), _literal_text(new)
    slots = []
    for slot in new.slots:
        at = places.pop((slot.name, slot.kind), -1)
        table = np.array([_index(slot, text) for text in old.slots[at].texts] if at >= 0 else [], dtype=np.int64)
        # A new slot stands for words that only the old template has: the longest option found there.
        gone = [text for text in slot.texts if not (text and _remains(slot, text, *new_text))]
        literal = [text for text in gone if _remains(slot, text, *old_text)]
        slots.append((at, table, slot.texts.index(max(literal, key=len)) if literal else -1))
    removed = [
        (at, np.array([_remains(old.slots[at], text, *new_text) for text in old.slots[at].texts]))
        for at in places.values()
    ]
    return slots, removed


def _index(slot: Slot, text: str) -> int:
    try:
        return slot.index(text)
    except PromptError:
        return -1


def map_choices(old: SpaceDefinition, new: SpaceDefinition, choices: np.ndarray) -> MappedChoices:
    """Translate (m, slots) ``choices`` of ``old`` into ``new``, by slot name and option text.

    A slot that only ``new`` has takes the option that was literal text of the old template, else its empty option. A
    slot that only ``old`` has may vanish if its option was empty or is now literal text of the template. Other choices
    are dropped and counted. Choices that new constraints or bans exclude are kept, because their observations are still
    true.
    """
    before = np.array([old.check(row) for row in np.asarray(choices)], dtype=np.int64).reshape(-1, len(old.slots))
    slots, removed = _tables(old, new)
    after = np.zeros((len(before), len(new.slots)), dtype=np.int64)
    good = np.ones(len(before), dtype=bool)
    reasons: dict[str, int] = {}

    def drop(bad: np.ndarray, reason: str) -> None:
        count = int((good & bad).sum())
        if count:
            reasons[reason] = reasons.get(reason, 0) + count
        np.logical_and(good, ~bad, out=good)

    for column, (at, table, default) in enumerate(slots):
        name = new.slots[column].name
        if at < 0:
            after[:, column] = default
            if default < 0:
                drop(good.copy(), f"the new slot {name!r}, which has no empty option")
            continue
        after[:, column] = table[before[:, at]]
        for option in np.flatnonzero(table < 0):
            drop(before[:, at] == option, f"{name}={old.slots[at].texts[option]}, which is gone")
    for at, may_vanish in removed:
        drop(~may_vanish[before[:, at]], f"the slot {old.slots[at].name!r}, which is gone")
    after = switch_off(after, new.conditions, new.levels)
    for condition in new.conditions:
        used = np.isin(after[:, condition.parent], [*condition.options])
        unset = after[:, condition.slot] == new.levels[condition.slot] - 1
        drop(used & unset, f"the slot {new.slots[condition.slot].name!r}, which has no number there")
    rows = np.flatnonzero(good)
    ranked = tuple(sorted(reasons.items(), key=lambda item: -item[1]))
    return MappedChoices(after[rows], rows, len(before) - len(rows), ranked)
