"""Prompt spaces as the model and the search see them."""

from __future__ import annotations

from ..rating_model.similarity import Numbers
from ..space.definition import SpaceDefinition
from ..space.space import PromptSpace
from .search import Domain


def similarities_of(space: SpaceDefinition) -> tuple[Numbers | None, ...]:
    """For each slot, its numbers if its options are numbers."""
    return tuple(
        None
        if slot.numbers is None
        else Numbers.of(slot.numbers, log=slot.range is not None and slot.range.log, conditional=slot.conditional)
        for slot in space.slots
    )


def domain_of(space: PromptSpace) -> Domain:
    """The permitted choices of ``space``, its numbers as numbers."""
    masks = [mask.tolist() for mask in space.masks]
    return Domain.of(space.levels, masks, space.allows, similarities_of(space), space.conditions)
