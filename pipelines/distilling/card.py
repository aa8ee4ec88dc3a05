"""The trust card of a LoRA: what it brings on pictures that it was not trained on, and what it costs.

Every comparison is between pictures of the same prompt and seed, drawn with the LoRA and without it. The value that is
raised is the taste's own, so that it may be wrong where the taste is. A second taste, which both halves of the ratings have to
agree on, tells from which strength on the LoRA follows errors of the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from ..judges.guarded import GuardedJudge
from ..models.generator import ImageGenerator
from ..models.request import DrawnPicture, Request
from ..optimizing.examining import Examiner, Marks
from ..support.progress import Advance, silent

#: Strengths at which a LoRA is tried; at 1 it is what was trained.
STRENGTHS = (0.5, 1.0, 1.5, 2.0)
#: Level of intervals.
LEVEL = 0.9


@dataclass(frozen=True)
class AtStrength:
    """Mean values at one strength of a LoRA, 1 for what was trained."""

    strength: float
    value: float  # by the taste, 0 to 100
    second: float  # mean liking by the second taste; NaN without one
    adherence: float  # NaN if nothing of the prompts can be told


@dataclass(frozen=True)
class TrustCard:
    """Gain and costs of a LoRA."""

    taste: str  # name of the taste, and its version
    model: str  # identity of the model that it was trained for
    pictures: int  # number of pairs of pictures, with the LoRA and without it, of the same prompt and seed
    new_prompts: bool  # True if none of their prompts was trained on; else only the seeds are new
    wins: float  # share of the pairs in which the taste likes the one with the LoRA more; a tie is half a win
    #: 90 % interval of that
    low: float
    high: float
    second_wins: float  # the same by the second taste; NaN without one
    values: tuple[float, float]  # mean value without the LoRA, and with it
    adherence: tuple[float, float]  # the same of adherence; NaN if nothing of the prompts can be told
    freedom: tuple[float, float]  # the same of freedom from faults, 0 to 100
    #: mean distance of pictures of one prompt with the LoRA, as a share of that without it; NaN for single pictures
    variety: float
    other_adherence: tuple[float, float]  # mean adherence to prompts of other subjects, without the LoRA and with it
    #: mean distance between their pictures with the LoRA and without it, as a share of that between two seeds
    other_change: float
    strengths: tuple[AtStrength, ...]  # means at several strengths, the first without the LoRA
    turns: float | None  # the strength from which on the second taste falls; None if it does not
    learnt_from: int  # number of pictures that it was trained on
    steps: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, None for NaN."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def _turn(self) -> str:
        if self.turns is None:
            return f"It still rises at {self.strengths[-1].strength:g} times the strength."
        if self.turns == 0:
            return "It falls at every strength that was tried: this LoRA follows errors of the taste, so do not use it."
        return f"It falls beyond a strength of {self.turns:g}: name the LoRA with at most that."

    def sentences(self) -> list[str]:
        """The card in sentences."""
        low, high = 100 * self.low, 100 * self.high
        seeds = "new prompts" if self.new_prompts else "the same prompts at new seeds"
        lines = [
            f"The taste prefers the picture with the LoRA in {100 * self.wins:.0f} % of {self.pictures} pairs of {seeds} "
            f"(90 %: {low:.0f} … {high:.0f}); its mean value goes from {self.values[0]:.0f} to {self.values[1]:.0f}."
        ]
        if low <= 50:
            lines.append("That is not shown to be more than chance: rate more pictures, or train with more of them.")
        if math.isnan(self.second_wins):
            lines.append("No second taste checks this one: look at the pictures.")
        else:
            lines.append(
                f"A second taste, learnt from halves of the ratings, prefers it in {100 * self.second_wins:.0f} %."
            )
            lines.append(self._turn())
        strengths, values = (
            [f"{getattr(one, name):{form}}" for one in self.strengths]
            for name, form in (("strength", "g"), ("value", ".0f"))
        )
        lines.append(f"Its value at the strengths {', '.join(strengths)} is {', '.join(values)}.")
        if not math.isnan(self.adherence[1]):
            lines.append(f"Shows the prompt: {self.adherence[0]:.2f} without it, {self.adherence[1]:.2f} with it.")
        lines.append(f"Freedom from faults: {self.freedom[0]:.0f} without it, {self.freedom[1]:.0f} with it.")
        if not math.isnan(self.variety):
            lines.append(f"Pictures of one prompt differ {self.variety:.2f} times as much as without it.")
        if not math.isnan(self.other_change):
            shown = ""
            if not math.isnan(self.other_adherence[1]):
                shown = f"show the prompt {self.other_adherence[0]:.2f} without it and {self.other_adherence[1]:.2f} with it, and "
            lines.append(f"Pictures of other subjects {shown}change {_beside_seeds(self.other_change)}.")
        return lines


def _beside_seeds(change: float) -> str:
    """A change in words, by its share of the difference between two seeds."""
    if change >= 1:
        return "as much as from one seed to another, or more"
    return f"{100 * change:.0f} % as much as from one seed to another"


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def wins_of(after: np.ndarray, before: np.ndarray) -> tuple[float, float, float]:
    """Share of pairs that are won, ties half, and its 90 % interval after Wilson, "Probable inference" (1927)."""
    n = len(after)
    share = float(np.mean((after > before) + 0.5 * (after == before)))
    z = float(norm.ppf(0.5 + LEVEL / 2))
    middle, half = share + z**2 / (2 * n), z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


def turning(strengths: Sequence[float], second: Sequence[float]) -> float | None:
    """The strength at which the second taste is highest; None if that is the last one, or if there is no second taste."""
    if not np.isfinite(second).all():
        return None
    highest = int(np.argmax(second))
    return None if highest == len(second) - 1 else float(strengths[highest])


def variety_of(items: np.ndarray, prompts: Sequence[str], spread: np.ndarray) -> float:
    """Mean distance of two pictures of one prompt, by (n, p) items in deviations (p,); NaN if each prompt has one picture."""
    z, found = items / spread, []
    for prompt in dict.fromkeys(prompts):
        rows = z[[one == prompt for one in prompts]]
        if len(rows) > 1:
            apart = np.sqrt(((rows[:, None] - rows) ** 2).mean(axis=2))
            found.append(apart[np.triu_indices(len(rows), 1)].mean())
    return float(np.mean(found)) if found else math.nan


@dataclass(frozen=True)
class Examination:
    """Draws and judges the pictures of a trust card."""

    plain: ImageGenerator
    with_lora: ImageGenerator  # draws with it, where a prompt names it
    name: str
    judge: GuardedJudge
    #: called with the number of pictures drawn since the last call; whatever it raises ends the examination
    drawn: Advance = silent

    def card(
        self,
        requests: Sequence[Request],
        others: Sequence[Request],
        settings: Mapping[str, Any],
        **facts: Any,  # noqa: ANN401
    ) -> TrustCard:
        """Examine the LoRA on requests of new prompts or seeds, and on other subjects, which may be none."""
        before, marks = self._examined(requests, 0.0, settings)
        after, at_one = before, marks
        # The others need fewer pictures: only means are compared.
        few = max(1, len(requests) // 2)
        strengths = [self._row(0.0, marks[:few])]
        for strength in STRENGTHS:
            some = requests if strength == 1.0 else requests[:few]
            pixels, found = self._examined(some, strength, settings)
            strengths.append(self._row(strength, found[:few]))
            if strength == 1.0:
                after, at_one = pixels, found
        prompts = [one.prompt for one in requests]
        items, changed = self._items(before), self._items(after)
        spread = np.maximum(items.std(axis=0), 1e-9)
        share, low, high = wins_of(_column(at_one, "value"), _column(marks, "value"))
        second = math.nan
        if np.isfinite(_column(marks, "second")).all():
            second = wins_of(_column(at_one, "second"), _column(marks, "second"))[0]
        base = variety_of(items, prompts, spread)
        variety = variety_of(changed, prompts, spread) / base if base > 0 else math.nan
        other_adherence, other_change = self._forgotten(others, settings)
        return TrustCard(
            pictures=len(requests), wins=share, low=low, high=high, second_wins=second,
            values=_means(marks, at_one, "value"), adherence=_means(marks, at_one, "adherence"), freedom=_means(marks, at_one, "freedom"),
            variety=variety, other_adherence=other_adherence, other_change=other_change, strengths=tuple(strengths),
            turns=turning([one.strength for one in strengths], [one.second for one in strengths]), **facts,
        )  # fmt: skip

    def _forgotten(self, others: Sequence[Request], settings: Mapping[str, Any]) -> tuple[tuple[float, float], float]:
        """Adherence to prompts of other subjects before and after, and how far their pictures move."""
        if not others:
            return (math.nan, math.nan), math.nan
        before, marks = self._examined(others, 0.0, settings)
        after, found = self._examined(others, 1.0, settings)
        items, changed = self._items(before), self._items(after)
        spread = np.maximum(items.std(axis=0), 1e-9)
        moved = float(np.sqrt((((changed - items) / spread) ** 2).mean(axis=1)).mean())
        base = variety_of(items, [one.prompt for one in others], spread)
        return _means(marks, found, "adherence"), moved / base if base > 0 else math.nan

    def _items(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        extractor = self.judge.extractor
        assert extractor is not None
        return np.concatenate([extractor.extract(one) for one in pixels]).astype(np.float64)

    def _examined(
        self, requests: Sequence[Request], strength: float, settings: Mapping[str, Any]
    ) -> tuple[list[np.ndarray], list[Marks]]:
        """The pictures of requests with the LoRA at a strength, and what is known of each."""
        pictures: list[DrawnPicture] = []
        named = requests
        if strength:
            named = [
                self.with_lora.request(f"{one.prompt}, <lora:{self.name}:{strength:g}>", one.seed, **settings)
                for one in requests
            ]
        generator = self.with_lora if strength else self.plain
        for batch in generator.draw(named):
            pictures += batch
            self.drawn(len(batch))
        marks: list[Marks] = [Marks(math.nan, math.nan, math.nan, math.nan)] * len(requests)
        for prompt in dict.fromkeys(one.prompt for one in requests):
            rows = [k for k, one in enumerate(requests) if one.prompt == prompt]
            found = Examiner(self.judge, prompt, general=False).examine([pictures[k] for k in rows])
            for k, mark in zip(rows, found, strict=True):
                marks[k] = mark
        return [one.pixels for one in pictures], marks

    @staticmethod
    def _row(strength: float, marks: Sequence[Marks]) -> AtStrength:
        return AtStrength(strength, *(_mean(_column(marks, name)) for name in ("value", "second", "adherence")))


def _column(marks: Sequence[Marks], name: str) -> np.ndarray:
    return np.array([getattr(one, name) for one in marks])


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _means(before: Sequence[Marks], after: Sequence[Marks], name: str) -> tuple[float, float]:
    return _mean(_column(before, name)), _mean(_column(after, name))
