"""The best choices of a study, shown again on further seeds before they are called winners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...prompts.space.space import Choice
from ...prompts.steering.steering import Steering
from .panel import Judgements
from .study import Trial
from .tuner import SEEDS, WINNERS

if TYPE_CHECKING:
    from .tuner import Tuner


def leaders(tuner: Tuner, steering: Steering, judged: Judgements) -> tuple[list[Choice], np.ndarray]:
    """Allowed choices, best expected goal first, and their (draws, n) posterior draws: all that were shown, and the best of all."""
    found = {tuner.space.check(steering.recommend(tuner.rng(4)).choice): None}
    found.update({asked.choice: None for asked in judged.asked if tuner.space.allows(asked.choice)})
    choices = list(found)
    values = steering.values(np.array(choices), tuner.rng(3))
    order = np.argsort(-values.mean(axis=0), kind="stable")
    return [choices[i] for i in order], values[:, order]


def replicate(tuner: Tuner, count: int) -> list[Trial]:
    """Ask for the leaders on further seeds: at most ``count`` pictures, until each has ``SEEDS``; nothing is drawn here."""
    if waiting := tuner.waiting[:count]:
        return waiting
    judged = tuner.judged()
    if not judged.asked:
        return []
    best, _ = leaders(tuner, tuner.steering(judged), judged)
    wanted = []
    for choice in best[:WINNERS]:
        wanted += [choice] * (SEEDS - sum(asked.choice == choice for asked in judged.asked))
    return tuner.write(wanted[:count])
