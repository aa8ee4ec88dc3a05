"""Optimizes one picture step by step, within bounds, with a record by which the same picture is made again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from ...errors import ModelError
from ...files import write_whole
from ...metrics.formats.tensors import parse_json, read_tensors
from ..judges.weighing import WeightedJudges
from ..models.request import DrawnPicture
from .examining import Bounds, Marks
from .ways import GIVEN_UP, NEIGHBOURS, SEEDS, WAYS, Means, Noise, tensor_in

#: Seeds that a run begins with.
FIRST = 4
#: Seeds from whose best the other ways go on, and the share of the limit that these may take; taken on planted tastes of
#: their own (docs/benchmarks/optimizing.md): a better start is as true as the taste, a longer way follows its errors.
MOST_SEEDS, SHARE = 16, 0.5
#: Steps in a row whose only better pictures passed a bound, after which a run ends: a single one is made again, smaller.
ALARM = 2
#: Version of records, which rises with any change of the bounds; others are not drawn again.
VERSION = 3
#: End of a run that its caller ended.
INTERRUPTED = "interrupted"
#: Why a run ended, in words.
ENDS = {
    "limit": "",
    "second": "Stopped because a second judge no longer agrees: more would please the first one and not you.",
    "adherence": "Stopped because more would no longer show what the prompt asks for.",
    "likeness": "Stopped because more would no longer show what the first pictures do.",
    "freedom": "Stopped because more would bring faults.",
    "value": "Stopped because no way brings more.",
    INTERRUPTED: "Interrupted: the same call again goes on from here.",
}


@dataclass(frozen=True)
class Attempt:
    """A drawn candidate: its noise, its picture, and what is known of that."""

    noise: Noise
    picture: DrawnPicture
    marks: Marks


@dataclass
class OptimizerStep:
    """One step of a run, its gain, 0 if nothing better was found, and the bounds that better candidates passed (``refused``)."""

    way: str
    gain: float
    seconds: float
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Limit:
    """The limit of a run: seconds by a clock, pictures, or both; None for no limit."""

    seconds: float | None = 60.0
    pictures: int | None = None
    clock: Callable[[], float] = time.monotonic


class Optimization:
    """A run; ``advance`` makes one step, and ``ended`` is a key of ``ENDS`` once it has ended.

    ``script`` holds ways in order, to make an earlier run again; ``start`` is the best of the first seeds, or the first parent.
    """

    def __init__(
        self,
        means: Means,
        limit: Limit,
        adherence: float | None = None,
        script: Sequence[str] | None = None,
        first: int = FIRST,
    ) -> None:
        self.means, self.limit, self._floor = means, limit, adherence
        self._count = first if limit.pictures is None else max(1, min(first, limit.pictures))
        self._script = None if script is None else list(script)
        self.best: Attempt | None = None
        self.start: Attempt | None = None
        self.first: list[Marks] = []
        self.bounds: Bounds | None = None
        self.steps: list[OptimizerStep] = []
        self.drawn, self.ended, self._second = 0, "", float("nan")
        self._spent, self._since = 0.0, limit.clock()

    @property
    def seconds(self) -> float:
        """Spent so far, those of an interrupted run included."""
        return self._spent + self.limit.clock() - self._since

    def begin(self) -> Attempt:
        """Draw the first seeds, which set the bounds."""
        attempts = self._attempts(self.means.first(self._count))
        self.first = [one.marks for one in attempts]
        self.means.examiner.check_start(self.first)
        self.bounds = Bounds.of(self.first, self._floor)
        sound = [one for one in attempts if np.isfinite(one.marks.value)]
        # Those that show the prompt, if any does.
        within = [one for one in sound if not self.bounds.passed(one.marks, float("-inf"))] or sound
        self.start = max(within, key=lambda one: one.marks.value)
        # More like a picture is measured by that picture.
        if self.means.parents and np.isfinite(attempts[0].marks.value):
            self.start = attempts[0]
        if self.means.drawn_on is not None:
            favourite = DrawnPicture(self.means.request, self.means.drawn_on, None, 0.0)
            [marks] = self.means.examiner.examine([favourite])
            self.start = Attempt(Noise(None, self.means.request.seed), favourite, marks)
        # The halves of a taste are unsure; another judge may not fall at all.
        self._second = self.start.marks.second + self.bounds.slack * (self.means.examiner.other is not None)
        agreed = [one for one in within if not one.marks.second < self._second - self.bounds.slack] or within
        self.best = max(agreed, key=lambda one: one.marks.value)
        self._raise_second(self.best)
        return self.best

    def _raise_second(self, best: Attempt) -> None:
        """Ask the next pictures to please the second taste as much; another judge may not fall below the start."""
        if self.means.examiner.other is None:
            self._second = float(np.fmax(self._second, best.marks.second))

    def _attempts(self, noises: Sequence[Noise]) -> list[Attempt]:
        pictures = self.means.draw(noises)
        self.drawn += len(pictures)
        marks = self.means.examiner.examine(pictures)
        return [Attempt(*one) for one in zip(noises, pictures, marks, strict=True)]

    def advance(self) -> bool:
        """Make one step; False once the run has ended."""
        if self.best is None:
            self.begin()
            return True
        way = self._choose()
        if way is None:
            self.ended = self.ended or "limit"
            return False
        begun, best = self.limit.clock(), self.best
        failures = self._failures(way)
        attempts = self._attempts(self.means.propose(way, best.noise, len(self.steps), failures))
        assert self.bounds is not None
        refused = []
        for one in attempts:
            if np.isfinite(one.marks.value) and one.marks.value <= self.best.marks.value:
                continue
            if passed := self.bounds.passed(one.marks, self._second):
                refused.append(passed)
            else:
                self.best = one
                self._raise_second(one)
        gain = self.best.marks.value - best.marks.value
        self.steps.append(OptimizerStep(way, gain, self.limit.clock() - begun, refused))
        return True

    def _failures(self, way: str) -> int:
        """Number of the last steps of a way in a row that found nothing."""
        count = 0
        for step in reversed([step for step in self.steps if step.way == way]):
            if step.gain > 0:
                break
            count += 1
        return count

    def _choose(self) -> str | None:
        """The way of the next step; None at the end."""
        if self._script is not None:
            return self._script[len(self.steps)] if len(self.steps) < len(self._script) else None
        if self._seeds_fit():
            return SEEDS
        pushed = [step for step in self.steps if step.way != SEEDS][-ALARM:]
        if len(pushed) == ALARM and all(step.refused and step.gain <= 0 for step in pushed):
            self.ended = _most_frequent([bound for step in pushed for bound in step.refused])
            return None
        open_ways = [way for way in self.means.ways if way == SEEDS or self._failures(way) < GIVEN_UP]
        if not open_ways:
            refused = [bound for step in self.steps[-2 * GIVEN_UP :] for bound in step.refused]
            self.ended = _most_frequent(refused) if refused else "value"
            return None
        return next((way for way in open_ways if self._fits(way)), None)

    def _seeds_fit(self) -> bool:
        """True if more seeds are to be drawn before the other ways."""
        if (
            not self.means.more_seeds
            or self.means.parents
            or self.drawn + NEIGHBOURS > MOST_SEEDS
            or {s.way for s in self.steps} - {SEEDS}
        ):
            return False
        seconds, pictures = self.limit.seconds, self.limit.pictures
        expected = self.seconds * (1 + NEIGHBOURS / max(self.drawn, 1))
        return (seconds is None or expected <= SHARE * seconds) and (
            pictures is None or self.drawn + NEIGHBOURS <= SHARE * pictures
        )

    def _fits(self, way: str) -> bool:
        """True if a step of a way fits into what is left of the limit."""
        every = [step.seconds for step in self.steps]
        own = [step.seconds for step in self.steps if step.way == way]
        # A way that was not tried yet may take as long as any.
        expected = own[-1] if own else max(every, default=0.0)
        if self.limit.seconds is not None and self.seconds + expected > self.limit.seconds:
            return False
        return self.limit.pictures is None or self.drawn < self.limit.pictures

    @property
    def record(self) -> dict[str, Any]:
        """The facts by which the same picture is made again, for its metadata."""
        judge, request = self.means.examiner.judge, self.means.request
        return {
            "version": VERSION, "judge": judge.stored_name, "judge version": judge.version, "model": self.means.generator.model.identity,
            "seed": request.seed, "first": len(self.first), "floor": self._floor, "ways": [step.way for step in self.steps],
        }  # fmt: skip

    # Stored state, to go on after an interruption

    def save(self, path: Path) -> None:
        """Write the state of a run that has begun; memory may be lost then."""
        if self.best is None or self.start is None:
            return
        arrays, facts = {}, {}
        for name, one in (("best", self.best), ("start", self.start)):
            if one.noise.noise is not None:
                arrays[f"{name} noise"] = one.noise.noise.numpy()
            arrays[f"{name} pixels"] = one.picture.pixels
            facts[name] = {"seed": one.noise.seed, "marks": asdict(one.marks)}
        state = {
            **facts, "record": self.record, "first": [asdict(one) for one in self.first], "drawn": self.drawn,
            "second": self._second, "units": getattr(self.means.examiner.judge.inner, "units", None), "seconds": self.seconds, "ended": self.ended, "steps": [asdict(step) for step in self.steps],
        }  # fmt: skip
        if self.means.examiner.usual is not None:
            arrays["usual"] = self.means.examiner.usual
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(arrays, metadata={"state": json.dumps(state)}))

    def resume(self, path: Path) -> bool:
        """Go on from a state that ``save`` wrote; False if there is none of this run."""
        if not path.is_file():
            return False
        try:
            metadata, arrays = read_tensors(path)
            state = parse_json(metadata["state"])
            same = all(
                state["record"][name] == self.record[name]
                for name in ("version", "judge", "judge version", "model", "seed", "floor")
            )
            # Earlier versions had more ways, and guided pictures with a strength.
            guided = any(state[name].get("strength") for name in ("best", "start"))
            if not same or guided or not {step["way"] for step in state["steps"]} <= {*WAYS}:
                return False
            attempts = []
            for name in ("best", "start"):
                own, pixels = state[name], arrays[f"{name} pixels"]
                if pixels.dtype != np.uint8 or pixels.ndim != 3:
                    raise ValueError("it holds no picture")
                picture = DrawnPicture(self.means.request, pixels, None, 0.0)
                drawn_from = Noise(tensor_in(arrays, f"{name} noise"), own["seed"])
                attempts.append(Attempt(drawn_from, picture, Marks(**own["marks"])))
            self.best, self.start = attempts
            self.first = [Marks(**one) for one in state["first"]]
            self.steps = [OptimizerStep(**step) for step in state["steps"]]
            self.drawn, self._second, self._spent = state["drawn"], state["second"], state["seconds"]
            if isinstance(self.means.examiner.judge.inner, WeightedJudges):
                self.means.examiner.judge.inner.units = state["units"]
            self.means.examiner.begun, self.means.examiner.usual = True, arrays.get("usual")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"The state {str(path)!r} cannot be read ({error}): remove it to begin anew.") from error
        self.bounds = Bounds.of(self.first, self._floor)
        self._since = self.limit.clock()
        return True


def _most_frequent(bounds: Sequence[str]) -> str:
    """The bound that was passed most often."""
    return max(("second", "adherence", "likeness", "freedom", "value"), key=bounds.count)
