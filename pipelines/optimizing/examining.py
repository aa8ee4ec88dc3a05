"""Examines candidates: value, second judge, adherence, likeness and freedom from faults, and the bounds on these.

Of a second taste: the ratings are cut into two halves of whole groups, with likings balanced. A taste is fitted to each.
Errors of one half are not those of the other. The second taste is the lower liking of both: a picture is better by it only
if each half alone says so. Where the first taste still rises and the second falls, the first is being pushed into its own
errors (Gao, Schulman & Hilton, "Scaling laws for reward model overoptimization", 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np

from ...errors import ImageError, JudgeError, SoartError
from ...metrics.damage.names import DETECTORS, OVERALL, TECHNICAL
from ...metrics.damage.technical import TechnicalJudge, quality_model
from ...metrics.items.combined import CombinedExtractor, default_network, taste_extractor
from ...metrics.items.quality import QualityExtractor
from ...metrics.protocols import Judge
from ...metrics.tastes.appeal import APPEAL, appeal_model, unit
from ...metrics.tastes.blend import Blend
from ...metrics.tastes.examples import Examples
from ...metrics.tastes.fitting import Fitted, fit
from ...metrics.tastes.folds import fold_numbers
from ...metrics.tastes.taste import LearntTaste
from ..judges.adherence import AdherenceJudge
from ..judges.adherence import load as load_adherence
from ..judges.finding import guarded
from ..judges.gradients import Gradient, gradient_of
from ..judges.guarded import GuardedJudge
from ..judges.weighing import WeightedJudges, judges_in
from ..models.request import DrawnPicture
from ..scoring.pictures import PicturesInMemory
from ..scoring.taste_judge import TasteJudge

#: Fewest pictures of a half.
FEWEST = 3
#: What a picture may lose of the mean adherence of the first seeds; of freedom from faults it keeps the least of theirs.
LESS_ADHERENCE = 0.02
#: What a second taste may lose, in its standard deviations among the first seeds; another judge may lose nothing.
LESS_SECOND = 0.25


@dataclass(frozen=True)
class SecondTaste:
    """Fits to each half of the ratings behind a taste."""

    taste: LearntTaste
    halves: tuple[Fitted, ...]

    def liking(self, items: np.ndarray) -> np.ndarray:
        """(n,) the lower liking of both halves, of (n, p) items."""
        priors = self.taste.prior_scores(items)
        lowest: np.ndarray = np.min([half(items, priors) for half in self.halves], axis=0)
        return lowest


# Every prompt of a trust card asks for it.
@lru_cache(maxsize=2)
def second_taste(taste: LearntTaste | Blend) -> SecondTaste | None:
    """The second taste of one; None for a blend, and where a half has too few pictures, or only liked or disliked ones."""
    if isinstance(taste, Blend):
        return None
    # Of pictures in memory nothing else is known.
    while taste.alone is not None:
        taste = taste.alone
    examples = taste.examples
    numbers = fold_numbers(examples.liking, examples.groups, 2, np.random.default_rng(0))
    halves = []
    for rows in (numbers == 0, numbers == 1):
        half = examples.take(np.flatnonzero(rows))
        if not _learnable(half):
            return None
        try:
            halves.append(fit(half, taste.names, taste.fitted.scaling))
        except (SoartError, ValueError, np.linalg.LinAlgError):
            return None
    return SecondTaste(taste, tuple(halves))


def _learnable(examples: Examples) -> bool:
    likings: Sequence[float] = examples.liking.tolist()
    return len(likings) >= FEWEST and min(likings) < max(likings)


@dataclass(frozen=True)
class Marks:
    """Marks of one picture."""

    value: float  # by the judge; NaN without one
    second: float  # by a second taste, or by a general judge that is not optimized; NaN without one
    adherence: float  # probability that it shows its prompt; NaN if nothing of the prompt can be told
    freedom: float  # points of freedom from faults, 0 to 100
    #: of what it shows to the first pictures, −1 to 1 (a cosine); NaN without several, or without the network
    likeness: float = float("nan")


@dataclass(frozen=True)
class Bounds:
    """Least marks of a picture that counts; NaN for none. ``slack`` is what the second judge may lose."""

    adherence: float
    freedom: float
    slack: float
    likeness: float = float("nan")

    @classmethod
    def of(cls, marks: Sequence[Marks], adherence: float | None = None) -> Bounds:
        """The bounds that some seeds suggest; adherence is by default theirs less ``LESS_ADHERENCE``."""
        shown = [one.adherence for one in marks if np.isfinite(one.adherence)]
        if adherence is None:
            adherence = float(np.mean(shown)) - LESS_ADHERENCE if shown else float("nan")
        second = [one.second for one in marks if np.isfinite(one.second)]
        freedom = [one.freedom for one in marks if np.isfinite(one.freedom)]
        return cls(
            adherence,
            min(freedom, default=0.0),
            LESS_SECOND * float(np.std(second)) if second else 0.0,
            min((one.likeness for one in marks if np.isfinite(one.likeness)), default=float("nan")),
        )

    def passed(self, marks: Marks, best_second: float) -> str:
        """The bound that a picture passes: a key of ``optimizer.ENDS``; empty for a sound one."""
        if not np.isfinite(marks.value):
            return "value"
        # What cannot be told has no floor.
        if marks.adherence < self.adherence:
            return "adherence"
        if marks.likeness < self.likeness:
            return "likeness"
        if marks.freedom < self.freedom:
            return "freedom"
        return "second" if marks.second < best_second - self.slack else ""


@cache
def _adherence_judge() -> AdherenceJudge:
    """The judge of adherence that comes with soart, loaded once."""
    return load_adherence("embedded")


@cache
def _general_judge(name: str) -> Judge:
    """A judge that comes with soart, loaded once."""
    return guarded(name).inner


@dataclass
class Examiner:
    """Examines pictures of one prompt by a judge."""

    judge: GuardedJudge
    prompt: str
    general: bool = True  # True to ask a general judge where there is no second taste, and for the likeness
    begun: bool = False  # True once the first pictures were examined, in whose deviations several judges count
    usual: np.ndarray | None = None  # what these show

    @property
    def tasting(self) -> GuardedJudge:
        """The judge whose taste is checked: of several the only taste."""
        inner = self.judge.inner
        return (inner.taste or self.judge) if isinstance(inner, WeightedJudges) else self.judge

    @cached_property
    def second(self) -> SecondTaste | None:
        """The second taste; None for a judge that is no taste, and for too few ratings."""
        inner = self.tasting.inner
        if not isinstance(inner, TasteJudge) or isinstance(inner.taste, Blend):
            return None
        return second_taste(inner.taste)

    @cached_property
    def other(self) -> GuardedJudge | None:
        """A general judge that is not optimized, where there is no second taste; None if all of them are."""
        names = {judge.name for judge in judges_in(self.judge)}
        # The overall score counts faults, so it would follow a judge of these.
        first = APPEAL if names & {TECHNICAL, *DETECTORS} else OVERALL
        known = (TECHNICAL, APPEAL) if OVERALL in names else (first, TECHNICAL)
        open_ones = [name for name in known if name not in names and (name == TECHNICAL or default_network())]
        return guarded(_general_judge(open_ones[0])) if self.general and open_ones and self.second is None else None

    @cached_property
    def gradient(self) -> Gradient | None:
        """The gradient of the judge, if it has one."""
        return gradient_of(self.judge.inner)

    @cached_property
    def _faults(self) -> TechnicalJudge:
        own = self.judge.extractor
        shared = isinstance(own, CombinedExtractor) and any(isinstance(part, QualityExtractor) for part in own.parts)
        return TechnicalJudge("", quality_model(), own if shared else CombinedExtractor((QualityExtractor(),)))  # type: ignore[arg-type]

    def examine(self, drawn: Sequence[DrawnPicture]) -> list[Marks]:
        """Marks of pictures; those that failed have no value."""
        nothing = Marks(float("nan"), float("nan"), float("nan"), 0.0)
        sound = {number: picture.pixels for number, picture in enumerate(drawn) if not picture.problem}
        if not sound:
            return [nothing] * len(drawn)
        pictures = PicturesInMemory(sound, dict.fromkeys(sound, self.prompt))
        if isinstance(self.judge.inner, WeightedJudges) and not self.begun:
            self.judge.inner.calibrate(pictures)
        values = np.concatenate([self.judge.values(pictures.part({number})) for number in sound])
        faults = self._faults
        freedom = faults.freedom_from_faults(pictures.items(faults.extractor).astype(np.float64))
        second = np.full(len(sound), np.nan)
        if self.second is not None and self.tasting.extractor is not None:
            second = self.second.liking(pictures.items(self.tasting.extractor).astype(np.float64))
        elif self.other is not None:
            second = self.other.values(pictures)
        try:
            adherence = _adherence_judge().values(pictures)
        except ImageError:
            adherence = np.full(len(sound), np.nan)
        columns = zip(values, second, adherence, freedom, self._likeness(pictures), strict=True)
        marks = dict(zip(sound, (Marks(*map(float, row)) for row in columns), strict=True))
        self.begun = True
        return [marks.get(number, nothing) for number in range(len(drawn))]

    def _likeness(self, pictures: PicturesInMemory) -> np.ndarray:
        """(n,) likenesses to the first pictures, of each of these to the others; NaN without several or the network."""
        unknown = np.full(len(pictures.ids), np.nan)
        if not self.general or not default_network() or (self.usual is None and (self.begun or len(unknown) < 2)):
            return unknown
        # What another judge has measured already.
        measured = (self.tasting.extractor, self.other.extractor if self.other else None)
        known = [one for one in measured if one is not None and appeal_model().known_from(one.names)]
        extractor = known[0] if known else taste_extractor(default_network())
        shown = appeal_model().directions(pictures.items(extractor).astype(np.float64), extractor.names)
        if self.usual is None:
            self.usual = shown.sum(axis=0)
            others = unit(self.usual - shown)
        else:
            others = unit(self.usual[None])
        likeness: np.ndarray = np.sum(shown * others, axis=1)
        return likeness

    def check_start(self, marks: Sequence[Marks]) -> None:
        """Refuse a judge that gave the first pictures no values, or the same one to all of several."""
        values = np.array([one.value for one in marks])
        if not np.isfinite(values).any():
            why = " ".join(self.judge.problems) or "All of them failed."
            raise JudgeError(
                f"The judge {self.judge.name!r} gave none of the first {len(marks)} pictures a value. {why}"
            )
        if len(marks) > 1 and np.isfinite(values).all() and np.ptp(values) == 0:
            raise JudgeError(
                f"The judge {self.judge.name!r} gives all of the first {len(marks)} pictures {values[0]:g}, so that there is "
                "nothing to optimize: name another judge."
            )
