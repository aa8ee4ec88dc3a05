"""Effects that a taste has learnt of models, LoRAs, samplers and words: by how much more pictures with one are liked.

In a hypothesis with a kernel over how pictures were made, liking holds a sum of independent parts, one for each fact that
differs (``making_kernels``). The effect of a value is the difference between the means of its fact's part over the learning
pictures that have the value and over those that are known not to. Its posterior is averaged over the hypotheses; those without
such a kernel say 0. So with little evidence effects are small, and their intervals hold 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np

from ...messages import message
from ..protocols import Making
from .taste import LearntTaste

#: Most effects that are told.
MOST = 8
_Z95 = 1.959964
#: For each fact its name for people, and the values that a picture has; None if unknown.
_VALUES: dict[str, tuple[str, Callable[[Making], Iterable[str] | None]]] = {
    "model": (message("model"), lambda making: [making.model] if making.model else None),
    "LoRAs": (message("LoRA"), lambda making: None if making.loras is None else [name for name, _ in making.loras]),
    "sampler": (message("sampler"), lambda making: [making.sampler] if making.sampler else None),
    "words": (message("word"), lambda making: None if making.words is None else {*making.words}),
    "negative words": (
        message("negative word"),
        lambda making: None if making.negative is None else {*making.negative},
    ),
}


@dataclass(frozen=True, slots=True)
class Effect:
    """The difference by which pictures of a value are liked more than others.

    Attributes:
        fact: ``model``, ``LoRA``, ``sampler``, ``word`` or ``negative word``.
        value: such as the name of the model.
        liking: difference of liking; 1 is that of two stars.
        low, high: its 95 % interval.
        pictures: number of learning pictures that have it.
    """

    fact: str
    value: str
    liking: float
    low: float
    high: float
    pictures: int

    @property
    def text(self) -> str:
        """The effect in words, such as ``model flux +0.8 (+0.1 … +1.5)``."""
        return f"{self.fact} {self.value} {self.figures}"

    @property
    def figures(self) -> str:
        """The effect and its interval, such as ``+0.8 (+0.1 … +1.5)``."""
        liking, low, high = (f"{value:+.1f}".replace("-", "−") for value in (self.liking, self.low, self.high))
        return f"{liking} ({low} … {high})"


def effects_of(taste: LearntTaste, most: int = MOST) -> list[Effect]:
    """The largest effects; none where all learning pictures are made alike.

    Values of one learning picture alone, and those of all but one, tell nothing.

    Args:
        taste: the taste.
        most: largest number of effects.
    """
    model, found = taste.fitted.model, []
    for number, facet in enumerate(model.makings.facets):
        if facet.name not in _VALUES:
            continue
        fact, values_of = _VALUES[facet.name]
        known = [None if making is None else values_of(making) for making in taste.examples.makings]
        told = np.array([values is not None for values in known])
        contrasts, names, counts = [], [], []
        for value in sorted({*chain.from_iterable(values for values in known if values is not None)}):
            has = np.array([values is not None and value in values for values in known])
            if min(has.sum(), (told & ~has).sum()) > 1 and (
                " " not in value or facet.name not in ("words", "negative words")
            ):
                contrasts.append(has / has.sum() - (told & ~has) / (told & ~has).sum())
                names.append(value)
                counts.append(int(has.sum()))
        if names:
            likings, deviations = model.effects(number, np.array(contrasts))
            ends = likings + _Z95 * np.array([[-1], [1]]) * deviations
            found += [
                Effect(fact, *values) for values in zip(names, likings.tolist(), *ends.tolist(), counts, strict=True)
            ]
    return sorted(found, key=lambda effect: -abs(effect.liking))[:most]
