"""Proposals of new options, and the interface of everything that makes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..rating_model.similarity import nearness
from ..space.slots import Slot
from ..space.space import PromptSpace
from .spaces import Meanings

#: Variance of an effect that meaning does not explain, relative to that of effects.
_UNEXPLAINED = 0.3
#: An option that somebody else wrote: a few words without the syntax of templates, LoRAs and weights.
_PLAIN = re.compile(r"[^\W_](?:[\w '’/.&+-]{0,58}[\w.])?")
_MOST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Proposal:
    """An option that a slot may get; ``reason`` continues a sentence, such as ``near woodcut``."""

    slot: str
    text: str
    reason: str


@dataclass(frozen=True)
class Situation:
    """The state of a tune, as proposers see it."""

    space: PromptSpace  # the space as it is now; banned options were excluded or retired
    #: slot → option → mean effect, of the slots that may get options; without banned options
    effects: Mapping[str, Mapping[str, float]]
    phrases: Sequence[str]  # phrases of good prompts that are not of this tune, best first
    meanings: Callable[[Sequence[str]], Meanings]  # returns vectors of the meaning of texts, of those that have one
    #: phrase → names of the slots that it does not fit, whatever its meaning; none by default
    barred: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Proposer(Protocol):
    """Proposes options that may be better than those a space has."""

    note: str  # why the last call proposed nothing, without a full stop; empty for no reason to tell

    def propose(self, situation: Situation, count: int) -> list[Proposal]:
        """At most ``count`` proposals, best first; options that the space has already are ignored."""


def plain_option(text: str) -> str:
    """``text`` with white space tidied; empty unless it is one to six plain words."""
    tidied = " ".join(text.split())
    return tidied if _PLAIN.fullmatch(tidied) and len(tidied.split()) <= _MOST_WORDS else ""


def is_open(slot: Slot) -> bool:
    """True if a slot may get further words."""
    return slot.kind != "setting" and slot.numbers is None and slot.more != ()


def new_proposals(proposals: Sequence[Proposal], space: PromptSpace, count: int) -> list[Proposal]:
    """The first ``count`` of the proposals for open slots of ``space``, without options that it has."""
    taken = {
        (slot.name, text.casefold()) for slot in space.slots if is_open(slot)
        for text in ("", *slot.texts)
    }  # fmt: skip
    names, kept = {name for name, _ in taken}, []
    for proposal in proposals:
        key = proposal.slot, " ".join(proposal.text.split()).casefold()
        if key not in taken and proposal.slot in names and not re.search(r"[{}<>]|__", proposal.text):
            taken.add(key)
            kept.append(proposal)
    return kept[:count]


class NeighbourProposer:
    """Proposes words whose meaning lies near that of good options.

    Candidates are the ``more`` of a slot, else the words of the vocabularies that it shares a word or its name with,
    and phrases of good prompts. Negative slots get those of vocabularies with *negative* in their names, which others
    never get. The effect of a candidate is predicted from those of the slot's options by their likeness, as the rating
    model does. Without meanings the words of a vocabulary come in their order.
    """

    note = ""

    def __init__(self, vocabularies: Mapping[str, Sequence[str]]) -> None:
        self.vocabularies = vocabularies

    def propose(self, situation: Situation, count: int) -> list[Proposal]:
        """See ``Proposer``; at most one proposal for a slot."""
        ranked = []
        homes = _homes(situation)
        for name, effects in situation.effects.items():
            slot = next(slot for slot in situation.space.slots if slot.name == name)
            origins = dict.fromkeys(
                (phrase for phrase in situation.phrases if homes.get(phrase) == name), "in a good prompt"
            )
            origins |= {word: "" for word in self._pool(slot) if word not in origins}
            proposals = [Proposal(name, word, origin) for word, origin in origins.items()]
            if fresh := new_proposals(proposals, situation.space, len(proposals)):
                ranked.append(_best(fresh, effects, situation.meanings))
        ranked.sort(key=lambda pair: -pair[0])
        return [proposal for _, proposal in ranked][:count]

    def _pool(self, slot: Slot) -> list[str]:
        if slot.more is not None:
            return list(slot.more)
        texts, faults = {text for text in slot.texts if text}, slot.kind == "negative"
        words = [
            words
            for name, words in self.vocabularies.items()
            if ("negative" in name) == faults and (name == slot.name or texts & {*words})
        ]
        return list(dict.fromkeys(word for each in words for word in each))


def _homes(situation: Situation) -> dict[str, str]:
    """The slot with the option of nearest meaning, by phrase; never a negative one, or one that the phrase does not fit."""
    negative = {slot.name for slot in situation.space.slots if slot.kind == "negative"}
    options = [(slot, text) for slot, of in situation.effects.items() if slot not in negative for text in of if text]
    vectors = situation.meanings([*(text for _, text in options), *situation.phrases])
    options = [(slot, text) for slot, text in options if text in vectors]
    phrases = [phrase for phrase in situation.phrases if phrase in vectors]
    if not options or not phrases:
        return {}
    near = nearness(np.array([vectors[text] for text in [*(text for _, text in options), *phrases]]))
    # Rows are phrases, columns options.
    across = near[len(options) :, : len(options)]
    slots = np.array([name for name, _ in options])
    homes = {}
    for phrase, likeness in zip(phrases, across, strict=True):
        fits = ~np.isin(slots, list(situation.barred.get(phrase, ())))
        if fits.any():
            homes[phrase] = options[int(np.where(fits, likeness, -np.inf).argmax())][0]
    return homes


def _best(
    proposals: Sequence[Proposal], effects: Mapping[str, float], meanings: Callable[[Sequence[str]], Meanings]
) -> tuple[float, Proposal]:
    """The proposal for a slot of the highest predicted effect, and that effect."""
    known = meanings([*effects, *(proposal.text for proposal in proposals)])
    options = [text for text in effects if text in known]
    able = [proposal for proposal in proposals if proposal.text in known]
    if len(options) < 2 or not able:
        first = proposals[0]
        return 0.0, Proposal(first.slot, first.text, first.reason or "the next word of its vocabulary")
    near = nearness(np.array([known[text] for text in [*options, *(proposal.text for proposal in able)]]))
    values = np.array([effects[text] for text in options])
    among, across = near[: len(options), : len(options)], near[len(options) :, : len(options)]
    weights = np.linalg.solve(among + _UNEXPLAINED * np.eye(len(options)), values - values.mean())
    predicted = across @ weights
    top = int(predicted.argmax())
    nearest = options[int(across[top].argmax())]
    reason = f"in a good prompt, similar to {nearest}" if able[top].reason else f"similar to {nearest}"
    return float(predicted[top]), Proposal(able[top].slot, able[top].text, reason)
