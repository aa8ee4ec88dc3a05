"""The options that a taste knows before a picture of a study is drawn, from how the rated pictures were made.

They are the prior means of the rating model's effects: in points for the taste as a judge, in stars for the person whose
taste it is. The pictures of the study then show what else there is to like in them. Rated pictures of the study itself are
left out, because their values are told to the model.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

import numpy as np

from ...metrics.protocols import Making
from ...metrics.tastes.blend import Taste, shares_of
from ...metrics.tastes.liked_makings import Z95, contrasts_of_options, figures_of, liking_of_makings
from ...metrics.tastes.taste import LearntTaste
from ...prompts.space.space import Choice, PromptSpace
from ..collection.provenance import SOART, Provenance
from ..models.request import Request
from ..scoring.makings import making_of

#: Choices beside those in which every option occurs, whose making is looked at; and most options that are named.
SAMPLED, MOST_NAMED = 200, 3
#: Stars of a liking of 1, and fewest stars of an option that is named.
STARS, LEAST_NAMED = 2.0, 0.1


@dataclass(frozen=True)
class KnownOptions:
    """The (Σ|s|,) effects of the options of a space by a taste, as far as its pictures were made with them."""

    points: np.ndarray  # on the score of 0 to 100
    stars: np.ndarray  # on the ratings of the person whose taste it is
    unit: float  # standard deviation of scores among its pictures
    named: tuple[str, ...]  # the largest effects in stars, with 95 % intervals

    def in_deviations(self, unit: float | None) -> np.ndarray:
        """(Σ|s|,) effects in deviations of the scores of a study, those of the pictures that the taste knows if None."""
        return self.points / (unit or self.unit)


def making_of_request(request: Request, model: str, sampler: str) -> Making | None:
    """The making of a picture that is not drawn yet, as that of the picture will be told, but for its seed and size."""
    settings = (
        {"size": f"{request.width}x{request.height}"} if request.width and request.height else {"size": "unknown"}
    )
    return making_of(
        Provenance(
            SOART, (0, 0), request.prompt, request.negative or None, model, request.sampler_or(sampler),
            steps=request.steps, guidance=request.guidance, settings=settings,
        )
    )  # fmt: skip


def known_options(
    taste: Taste, space: PromptSpace, making: Callable[[Choice], Making | None], without: Container[str] = ()
) -> KnownOptions | None:
    """The options of a space that a taste or blend knows; None if its pictures, except ``without``, tell nothing."""
    sampled = [tuple(choice) for choice in space.sample(SAMPLED, 0).tolist()]
    choices = list(dict.fromkeys([*space.covering(), *sampled]))
    makings = [making(choice) for choice in choices]
    effects = contrasts_of_options(np.array(choices), space.levels)
    parts = shares_of(taste)
    points, spread, likings, variances = (np.zeros(n) for n in (len(effects), 101, len(effects), len(effects)))
    for part, weight in parts:
        mean, covariance = _liking(part, makings, without)
        points += weight * 100 * effects @ part.probability(mean)
        spread += weight * 100 * part.probability(part.reference)
        likings += weight * effects @ mean
        variances += weight**2 * np.einsum("on,nm,om->o", effects, covariance, effects)
    unit = float(spread.std())
    if not np.abs(points).max() > 1e-9 or unit < 1e-9:
        return None
    return KnownOptions(
        points,
        STARS * likings,
        unit,
        tuple(_named(space, STARS * likings, STARS * np.sqrt(np.maximum(variances, 0.0)))),
    )


def _liking(
    part: LearntTaste, makings: Sequence[Making | None], without: Container[str]
) -> tuple[np.ndarray, np.ndarray]:
    kept = np.array([name not in without for name in part.examples.pictures.tolist()], dtype=bool)
    if not kept.any():
        return np.zeros(len(makings)), np.zeros((len(makings), len(makings)))
    return liking_of_makings(part.examples.take(np.flatnonzero(kept)), makings)


def _named(space: PromptSpace, stars: np.ndarray, deviations: np.ndarray) -> list[str]:
    """The largest effects of options that can be chosen against others, in words."""
    starts = np.concatenate([[0], np.cumsum(space.levels)[:-1]])
    places = [
        (int(start) + option, slot.name, slot.texts[option])
        for start, slot, options in zip(starts, space.slots, space.options, strict=True)
        for option in options
        if len(options) > 1
    ]
    places = [place for place in places if abs(stars[place[0]]) >= LEAST_NAMED]
    places = sorted(places, key=lambda place: -abs(stars[place[0]]))[:MOST_NAMED]
    found = []
    for at, slot, text in places:
        ends = (stars[at] - Z95 * deviations[at], stars[at] + Z95 * deviations[at])
        found.append(f"{slot}={text or '(nothing)'} {figures_of(stars[at], *ends)}")
    return found
