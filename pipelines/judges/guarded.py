"""Calls a judge so that its failures cost values and never the run."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

import numpy as np

from ...errors import first_line
from ...metrics.damage.names import JUDGE
from ...metrics.protocols import Measurer, PictureJudge
from ..support.wording import counted

#: Seconds that a judge may take for a batch before it is given up, and pictures that it gets at once.
SECONDS, BATCH = 300.0, 8
#: Longest name of stored scores.
_LONGEST = 128
#: Pictures that are named of those without a value for one reason.
_NAMED = 3
#: Slack of the ends of a judge's range, for values rounded by float32.
_SLACK = 1e-5


def stored_name(judge: PictureJudge) -> str:
    """Name under which a judge's values are stored: ``judge:NAME@VERSION``, shortened by a hash if it is too long."""
    name = f"{JUDGE}{judge.name}@{judge.version}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class WithoutValue:
    """Pictures to which a judge gave no value for one reason.

    Attributes:
        count: of the pictures.
        names: of the first of them by name, whichever was judged first; none if they have no names.
    """

    count: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, without: Sequence[bool] | np.ndarray, names: Sequence[str]) -> WithoutValue:
        """Count and name the pictures without a value.

        Args:
            without: (n,) True for those without one.
            names: of all n pictures; empty if they have none.
        """
        rows = np.flatnonzero(without)
        return cls(len(rows), _first([names[row] for row in rows.tolist()]) if names else ())

    def __add__(self, others: WithoutValue) -> WithoutValue:
        return WithoutValue(self.count + others.count, _first([*self.names, *others.names]))

    @property
    def named(self) -> str:
        """The names as the end of a sentence; empty if there are none."""
        if not self.names:
            return ""
        more = f" and {self.count - len(self.names)} more" if self.count > len(self.names) else ""
        return f"; {'it is' if self.count == 1 else 'they are'} {', '.join(self.names)}{more}"


def _first(names: Sequence[str]) -> tuple[str, ...]:
    """The first ``_NAMED`` names, by the values of the numbers in them: "number 2" before "number 10"."""

    def texts_and_numbers(name: str) -> list[str | int]:
        return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]

    return tuple(nsmallest(_NAMED, names, key=texts_and_numbers))


class GuardedJudge:
    """A judge whose errors, silences and strange values become sentences.

    Stored values are higher for better pictures: those of a judge of which less is better change their sign.

    Args:
        judge: the judge, as ``judge_named`` returns it.
        seconds: time limit of a batch; after it the judge is given up.
        batch: pictures judged at once.
        named: the text that names it, as for ``judge_named``, so that workers of a cluster can load it; empty if it
            has no name.

    Attributes:
        measurer: measures the items that it judges by; None for a judge of pixels.
        stored_name: fixed when the guard is made.
        stopped: a sentence that says why the judge is given up; empty while it is not.
        without_value: hashes and prompts of the pictures that it gave no value; they are judged once.
        failed: pictures without a value, by the reason.
    """

    def __init__(self, judge: PictureJudge, seconds: float = SECONDS, batch: int = BATCH, named: str = "") -> None:
        self.inner, self.seconds, self.batch, self.named = judge, seconds, batch, named
        self.name, self.version = judge.name, judge.version
        self.stored_name, self.sign = stored_name(judge), 1.0 if judge.higher_is_better else -1.0
        self.needs_prompt = judge.needs_prompt
        # A judge of embeddings gets those that the collection stores, so that a picture is decoded once.
        by_items = hasattr(judge, "judge_items") and hasattr(judge, "extractor")
        self.measurer: Measurer | None = judge if by_items else None  # type: ignore[assignment]
        self._judge = getattr(judge, "judge_items", judge.judge)
        self.stopped = ""
        self.without_value: set[tuple[str, str]] = set()
        self.failed: dict[str, WithoutValue] = {}

    @property
    def problems(self) -> list[str]:
        """A sentence for each kind of failure so far."""
        failures = [
            f"The judge {self.name!r} gave {counted(those.count)} no value: {what}{those.named}."
            for what, those in self.failed.items()
        ]
        return [*failures, *([self.stopped] if self.stopped else [])]

    def note_failed(self, what: str, pictures: WithoutValue) -> None:
        """Note pictures without a value, for a reason."""
        self.failed[what] = self.failed.get(what, WithoutValue()) + pictures

    def values(self, pictures: Sequence[Any], prompts: Sequence[str], names: Sequence[str] = ()) -> np.ndarray:
        """(n,) float64 values, higher is better, NaN where the judge gave none; at most ``batch`` pictures at once.

        Args:
            pictures: each (h, w, 3) uint8 sRGB; their items (p,) for a judge with ``measurer``; what its
                ``judge_items`` takes for any other judge that has it.
            prompts: of the pictures; empty for unknown ones.
            names: of the pictures, for sentences; none if they have none.
        """
        nothing = np.full(len(pictures), np.nan)
        if self.stopped or not len(pictures):
            return nothing
        answer = self._ask([_locked(picture) for picture in pictures], prompts)
        if isinstance(answer, Exception):
            if len(pictures) == 1:
                self.note_failed(f"{type(answer).__name__}: {first_line(answer)}", WithoutValue.of([True], names))
                return nothing
            # One bad picture must not cost the others of its batch.
            single = [
                self.values([picture], [prompt], names[number : number + 1])
                for number, (picture, prompt) in enumerate(zip(pictures, prompts, strict=True))
            ]
            values = np.concatenate(single)
            if np.isnan(values).all() and not self.stopped:
                self.stopped = f"The judge {self.name!r} failed on every picture of a batch and is not used any more."
            return values
        return nothing if self.stopped else self._sound(answer, len(pictures), names)

    def _ask(self, pictures: Sequence[Any], prompts: Sequence[str]) -> Any:  # noqa: ANN401
        """The judge's answer or its exception; sets ``stopped`` if it takes too long or its version changes."""
        box: list[Any] = []

        def call() -> None:
            try:
                box.append(self._judge(pictures, prompts))
            except Exception as error:
                box.append(error)
            # Code of others may even end the thread.
            except BaseException as error:
                box.append(RuntimeError(f"{type(error).__name__}: {error}"))

        # A daemon, because a thread cannot be ended, and must not keep the program from ending.
        thread = threading.Thread(target=call, name=f"soart judge {self.name}", daemon=True)
        thread.start()
        thread.join(self.seconds)
        if not box:
            self.stopped = (
                f"The judge {self.name!r} did not answer within {self.seconds:g} s and is not used any more; "
                "run again for the pictures that have no value yet."
            )
            return None
        if self.inner.version != self.version:
            self.stopped = (
                f"The judge {self.name!r} changed its version from {self.version!r} to {self.inner.version!r} while "
                "judging and is not used any more: run again to judge by the new version."
            )
        return box[0]

    def _sound(self, answer: Any, count: int, names: Sequence[str]) -> np.ndarray:  # noqa: ANN401
        try:
            values = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.empty(0)
        if values.shape != (count,):
            those = WithoutValue.of([True] * count, names)
            self.note_failed(f"it did not return one number a picture, but {_shape(answer)}", those)
            return np.full(count, np.nan)
        low, high = (float(end) for end in self.inner.range)
        outside = np.isfinite(values) & ((values < low - _SLACK) | (values > high + _SLACK))
        if outside.any():
            what = f"values outside its range {low:g} … {high:g}, such as {values[outside][0]:g}"
            self.note_failed(what, WithoutValue.of(outside, names))
        for what, without in (("it cannot tell", np.isnan(values)), ("it returned infinity", np.isinf(values))):
            if without.any():
                self.note_failed(what, WithoutValue.of(without, names))
        usable = np.isfinite(values) & ~outside
        return np.where(usable, self.sign * values, np.nan)


def _locked(picture: Any) -> Any:  # noqa: ANN401
    """A picture that a judge cannot change for those who see it later."""
    if not isinstance(picture, np.ndarray):
        return picture
    view = picture.view()
    view.flags.writeable = False
    return view


def _shape(answer: object) -> str:
    length = f" of {len(answer)}" if hasattr(answer, "__len__") else ""
    return f"a {type(answer).__name__}{length}"
