"""Finds slots whose options draw the same picture, so that a study would learn nothing from them.

A pipeline can ignore a setting without an error: distilled weights ignore guidance, guidance of 1 ignores the negative
prompt. Two options, one seed and few steps show it. Words beyond the limit of the text encoder are found without drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ModelError, PromptError
from ...prompts.space.space import Choice, PromptSpace
from ..models.prompt_syntax import parse_prompt
from ..models.request import DrawnPicture, Request

if TYPE_CHECKING:
    from ..models.generator import ImageGenerator

#: Steps of a trial picture; a step that ignores a setting does so from the first. Schedulers of higher order take their
#: first steps alike.
TRIAL_STEPS, SCHEDULER_STEPS = 2, 6
#: The most options of a slot that are tried.
TRIED = 4
#: The most choices of the other slots, and the most base subjects, with which words are looked for beyond the limit.
SAMPLED = 8


def dead_slots(space: PromptSpace, generator: ImageGenerator, request: Callable[[Choice], Request]) -> dict[int, str]:
    """Draw settings and negative prompts of a space that differ in one slot, and compare the pictures.

    Returns a sentence for each slot that changes nothing, by its number. Words always count, if they are read. A slot
    that works takes two pictures, one that does not at most ``TRIED``. ``request`` makes that of a choice, on the same
    seed for each.
    """
    start = space.check(space.sample(1, 0)[0])
    sentences = unread_slots(space, generator.read_words)
    for number, slot in enumerate(space.slots):
        if slot.kind == "text":
            continue
        options = [option for option in range(len(slot.options)) if option not in space.banned[number]]
        if slot.name in ("guidance", "true_cfg"):
            # The furthest apart first.
            options = sorted(options, key=lambda option: float(slot.texts[option] or 0))
            options = [*options[:1], *options[:0:-1]]
        choices = {option: (*start[:number], option, *start[number + 1 :]) for option in options}
        choices = dict([pair for pair in choices.items() if space.allows(pair[1])][:TRIED])
        if len(choices) > 1 and _all_alike(generator, [request(choice) for choice in choices.values()], slot.name):
            tried = [slot.texts[option] or "(nothing)" for option in choices]
            sentences[number] = (
                f"Slot {slot.name!r} changes nothing: this model draws the same picture with {tried[0]} and "
                f"{tried[1]}. It is left out."
            )
    return sentences


def left_out(space: PromptSpace, dead: Iterable[int]) -> PromptSpace:
    """The space with a single option of each slot that changes nothing: the first that is not banned.

    The space itself if constraints do not allow that, or if nothing would be left to tune.
    """
    alone = {number: min(set(range(len(space.slots[number].options))) - space.banned[number]) for number in dead}
    banned = [
        frozenset(range(len(slot.options))) - {alone[number]} if number in alone else banned
        for number, (slot, banned) in enumerate(zip(space.slots, space.banned, strict=True))
    ]
    try:
        fewer = replace(space, banned=tuple(banned))
        fewer.check_tunable()
    except PromptError:
        return space
    return fewer


def unread_slots(space: PromptSpace, read: Callable[[str], str]) -> dict[int, str]:
    """A sentence for each slot of words without an option that is ever read, by its number.

    They are looked for in ``SAMPLED`` choices of all others; ``read`` returns the words of a prompt that the model
    reads.
    """
    starts = [space.check(row) for row in space.sample(min(SAMPLED, space.total), 0)]

    def unread(number: int) -> bool:
        """True if options differ in their words, and none of these is read."""
        apart = False
        for start, context in product(starts, range(min(SAMPLED, len(space.contexts) or 1))):
            options = range(min(TRIED, len(space.slots[number].options)))
            choices = [(*start[:number], option, *start[number + 1 :]) for option in options]
            prompts = [space.render(choice, context).prompt for choice in choices if space.allows(choice)]
            parsed = [parse_prompt(prompt) for prompt in prompts]
            if any(one.loras != parsed[0].loras for one in parsed):
                return False
            if any(read(prompt) != read(prompts[0]) for prompt in prompts[1:]):
                return False
            apart = apart or len({one.text for one in parsed}) > 1
        return apart

    return {
        number: (
            f"Slot {slot.name!r} changes nothing: all its options stand where the model no longer reads the prompt. It "
            "is left out. To tune it, move it forward, or shorten the prompt."
        )
        for number, slot in enumerate(space.slots)
        if slot.kind == "text" and unread(number)
    }


def _all_alike(generator: ImageGenerator, requests: list[Request], slot: str) -> bool:
    """True if all requests draw the same picture; False as soon as one differs or cannot be drawn."""
    first: DrawnPicture | None = None
    for request in requests:
        if slot != "steps":
            steps = SCHEDULER_STEPS if slot == "scheduler" else TRIAL_STEPS
            request = replace(request, steps=min(request.steps, steps))
        try:
            # Alone, because pictures of batches of different sizes may differ by a grey level.
            [picture] = [drawn for batch in generator.draw([request]) for drawn in batch]
        except ModelError:
            return False
        first = first or picture
        if picture.problem or not np.array_equal(first.pixels, picture.pixels):
            return False
    return True
