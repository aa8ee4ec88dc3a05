"""Prompt spaces as the model and the search see them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..rating_model.similarity import Likeness, Numbers, Similarities
from ..space.definition import SpaceDefinition
from ..space.slots import Slot
from ..space.space import PromptSpace
from .search import Domain

#: Vector of the meaning of a text.
Meanings = Mapping[str, np.ndarray]


def numbers_of(slot: Slot) -> Numbers | None:
    """The numbers of a slot, if its options are numbers."""
    if slot.numbers is None:
        return None
    return Numbers.of(slot.numbers, log=slot.range is not None and slot.range.log, conditional=slot.conditional)


def words_of(space: SpaceDefinition) -> list[str]:
    """The distinct options of ``space`` that are words, without the empty one."""
    worded = (slot for slot in space.slots if slot.kind != "setting" and slot.numbers is None)
    return list(dict.fromkeys(text for slot in worded for text in slot.texts if text))


def similarities_of(space: SpaceDefinition, meanings: Meanings | None = None) -> Similarities:
    """For each slot, its numbers or the likeness of its words; None if its options are equally unlike.

    Vectors of ``meanings`` have one length; words without one are like no others.
    """
    return tuple(numbers_of(slot) or (_likeness(slot, meanings) if meanings else None) for slot in space.slots)


def _likeness(slot: Slot, meanings: Meanings) -> Likeness | None:
    """The likeness of a slot's words; None if fewer than three have a meaning, because two are as unlike as can be."""
    if slot.kind == "setting" or sum(text in meanings for text in slot.texts) < 3:
        return None
    nothing = np.zeros_like(next(iter(meanings.values())))
    return Likeness.of_vectors(np.array([meanings.get(text, nothing) for text in slot.texts]))


def domain_of(space: PromptSpace, meanings: Meanings | None = None) -> Domain:
    """The permitted choices of ``space``, its numbers as numbers and its words with their ``meanings``."""
    masks = [mask.tolist() for mask in space.masks]
    return Domain.of(space.levels, masks, space.allows, similarities_of(space, meanings), space.conditions)
