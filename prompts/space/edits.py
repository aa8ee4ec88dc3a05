"""Observations of an edited space: old choices told in the words of the new one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import PromptError
from .rendering import fill
from .slots import Slot
from .space import PromptSpace


@dataclass(frozen=True)
class MappedChoices:
    """Old choices that the new space can say.

    Attributes:
        choices: (k, slots of the new space) int64.
        rows: (k,) int64, which of the old choices they are.
        dropped: how many of the old choices are not among them.
        reasons: what dropped them and how often, most frequent first; a choice counts under its first reason.
    """

    choices: np.ndarray
    rows: np.ndarray
    dropped: int
    reasons: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        """One sentence, to be said aloud."""
        total = len(self.rows) + self.dropped
        if not self.dropped:
            return f"All {total} earlier observations fit the edited space."
        why = ", ".join(f"{count} for {reason}" for reason, count in self.reasons)
        return f"{self.dropped} of {total} earlier observations do not fit the edited space and are left out: {why}."


def _said(slot: Slot, text: str, template: str, negative: str) -> bool:
    """Whether a space without ``slot`` says ``text`` all the same: it is empty, or stands in the template itself."""
    if not text:
        return True
    return slot.kind != "setting" and text in (negative if slot.kind == "negative" else template)


def _literal(space: PromptSpace) -> tuple[str, str]:
    """The two templates without their places."""
    blanks = {slot.name: "" for slot in space.slots} | {"subject": ""}
    return fill(space.template, blanks), fill(space.negative, blanks)


def _tables(
    old: PromptSpace, new: PromptSpace
) -> tuple[list[tuple[int, np.ndarray, int]], list[tuple[int, np.ndarray]]]:
    """Tables to translate with.

    Returns:
        For each new slot its old place (−1: none), what becomes of each old option and of a missing one (−1: nothing can); for
        each old slot that is gone its place, and which of its options may go.
    """
    places = {(slot.name, slot.kind): at for at, slot in enumerate(old.slots)}
    words, gone_words = _literal(old), _literal(new)
    kept = []
    for slot in new.slots:
        at = places.pop((slot.name, slot.kind), -1)
        table = np.array([_index(slot, text) for text in old.slots[at].texts] if at >= 0 else [], dtype=np.int64)
        # The longest text that the old template said itself is what the new slot then held.
        spoken = [text for text in slot.texts if _said(slot, text, *words)]
        kept.append((at, table, slot.texts.index(max(spoken, key=len)) if spoken else -1))
    gone = [
        (at, np.array([_said(old.slots[at], t, *gone_words) for t in old.slots[at].texts])) for at in places.values()
    ]
    return kept, gone


def _index(slot: Slot, text: str) -> int:
    try:
        return slot.index(text)
    except PromptError:
        return -1


def map_choices(old: PromptSpace, new: PromptSpace, choices: np.ndarray) -> MappedChoices:
    """Tell ``choices`` of ``old`` in ``new``, slot by slot name and option by option text.

    A slot that only ``new`` has takes the option that the old template said itself, else its empty option. A slot that only
    ``old`` has may go where its option was empty or now stands in the template. What cannot be told is dropped and counted.
    Choices that new constraints or bans exclude are kept: what was seen of them stays true.

    Args:
        old: the space that the choices belong to.
        new: the space to tell them in.
        choices: (m, slots of old) ints.

    Raises:
        PromptError: choices that ``old`` cannot have made.
    """
    before = np.array([old.check(row) for row in np.asarray(choices)], dtype=np.int64).reshape(-1, len(old.slots))
    kept, gone = _tables(old, new)
    after = np.zeros((len(before), len(new.slots)), dtype=np.int64)
    good = np.ones(len(before), dtype=bool)
    reasons: dict[str, int] = {}

    def drop(bad: np.ndarray, reason: str) -> None:
        hit = int((good & bad).sum())
        if hit:
            reasons[reason] = reasons.get(reason, 0) + hit
        np.logical_and(good, ~bad, out=good)

    for column, (at, table, default) in enumerate(kept):
        name = new.slots[column].name
        if at < 0:
            after[:, column] = default
            if default < 0:
                drop(good.copy(), f"the new slot {name!r}, which has no empty option")
            continue
        after[:, column] = table[before[:, at]]
        for option in np.flatnonzero(table < 0):
            drop(before[:, at] == option, f"{name}={old.slots[at].texts[option]}, which is gone")
    for at, fine in gone:
        drop(~fine[before[:, at]], f"the slot {old.slots[at].name!r}, which is gone")
    rows = np.flatnonzero(good)
    ranked = tuple(sorted(reasons.items(), key=lambda item: -item[1]))
    return MappedChoices(after[rows], rows, len(before) - len(rows), ranked)
