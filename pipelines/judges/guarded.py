"""Calls a judge so that its failures cost values and never the run."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, TypeAlias

import numpy as np

from ...errors import ImageError, first_line
from ...metrics.checks import settled
from ...metrics.damage.names import JUDGE, PERSON
from ...metrics.damage.titles import JudgeKey
from ...metrics.protocols import Extractor, Judge, Making, Scale, Values
from ..scoring.pictures import PicturesInMemory, StoredPictures
from ..support.wording import counted

#: Pictures of a collection, or in memory.
View = StoredPictures | PicturesInMemory
#: The hash of a picture, and its prompt or making where a judge reads that.
Seen: TypeAlias = tuple[str, str | Making | None]
#: Seconds that a judge may take for a batch before it is given up; pictures that it gets at once, and measured ones.
SECONDS, BATCH, MEASURED_BATCH = 300.0, 8, 512
#: Longest name of stored scores.
_LONGEST = 128
#: Pictures that are named of those without a value for one reason.
_NAMED = 3
#: Slack of the ends of a judge's scale, for values rounded by float32.
_SLACK = 1e-5


def stored_name(judge: Judge) -> str:
    """Name under which a judge's values are stored.

    Built-in judges of items and tastes have one of their own; that of all others is ``judge:NAME@VERSION``, shortened by a
    hash if it is too long.
    """
    own: str = getattr(judge, "stored_name", "")
    name = own or f"{JUDGE}{judge.name}@{judge.version}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class WithoutValue:
    """Pictures to which a judge gave no value for one reason."""

    count: int = 0  # of the pictures
    names: tuple[str, ...] = ()  # of the first of them by name, whichever was judged first; none if they have no names

    @classmethod
    def of(cls, without: Sequence[bool] | np.ndarray, names: Sequence[str]) -> WithoutValue:
        """Count and name the pictures without a value."""
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

    Args:
        seconds: time limit of a batch; after it the judge is given up.
        batch: pictures judged at once; by default more if they are measured before.
        named: the text that names it, as for ``--by``, so that workers of a cluster can load it; empty if it
            has no name.
    """

    def __init__(self, judge: Judge, seconds: float = SECONDS, batch: int | None = None, named: str = "") -> None:
        self.inner, self.seconds, self.named = judge, seconds, named
        self.name, self.version = judge.name, judge.version
        self.stored_name, self.scale, self.needs = stored_name(judge), Scale(*judge.scale), frozenset(judge.needs)
        self.key = JudgeKey.of(self.stored_name)
        self.extractor: Extractor | None = getattr(judge, "extractor", None) if "items" in self.needs else None
        self.batch = batch or (MEASURED_BATCH if self.needs == {"items"} else BATCH)
        self.stopped = ""
        self.without_value: set[Seen] = set()
        self.known: dict[Seen, float] = {}
        self.failed: dict[str, WithoutValue] = {}
        self.why: dict[int, str] = {}
        self.unreadable: list[str] = []

    @property
    def person(self) -> str:
        """Name of the person whose judgements it repeats; empty for all other judges."""
        return self.name.removeprefix(PERSON) if "person" in self.needs else ""

    @property
    def doubt(self) -> str:
        """A sentence to show beside its values if it cannot be relied on yet; else empty."""
        return (self.inner.doubt() or "") if hasattr(self.inner, "doubt") else ""

    def notes(self, pictures: View) -> list[str]:
        """Sentences on its values of these pictures."""
        return self.inner.notes(pictures) if hasattr(self.inner, "notes") else []

    @property
    def problems(self) -> list[str]:
        """A sentence for each kind of failure so far."""
        failures = [
            f"The judge {self.name!r} gave {counted(those.count)} no value: {what}{those.named}."
            for what, those in self.failed.items()
        ]
        inner = [problem for judge, _ in getattr(self.inner, "judges", ()) for problem in judge.problems]
        return [*dict.fromkeys(self.unreadable), *inner, *failures, *([self.stopped] if self.stopped else [])]

    def lacks_prompts(self, without: int, count: int) -> str:
        """A sentence on the pictures among ``count`` that are without the prompt that it needs."""
        return f"The judge {self.name!r} needs a prompt, which {without} of {count} pictures do not have."

    def note_failed(self, what: str, pictures: WithoutValue) -> None:
        """Note pictures without a value, for a reason."""
        self.failed[what] = self.failed.get(what, WithoutValue()) + pictures

    def values(self, pictures: View) -> np.ndarray:
        """(n,) float64 values, higher is better, NaN where the judge gave none; at most ``batch`` pictures at once."""
        nothing = np.full(len(pictures.ids), np.nan)
        if self.stopped or not len(nothing):
            return nothing
        answer = self._ask(pictures)
        if isinstance(answer, Exception):
            if len(nothing) == 1:
                if isinstance(answer, ImageError):
                    self.unreadable.append(str(answer))
                else:
                    self.note_failed(
                        f"{type(answer).__name__}: {first_line(answer)}", WithoutValue.of([True], pictures.names)
                    )
                return nothing
            # One bad picture must not cost the others of its batch.
            values = np.concatenate([self.values(pictures.part({number})) for number in pictures.ids])
            if np.isnan(values).all() and not isinstance(answer, ImageError) and not self.stopped:
                self.stopped = f"The judge {self.name!r} failed on every picture of a batch and is not used any more."
            return values
        return nothing if self.stopped else self._sound(answer, pictures)

    def _ask(self, pictures: View) -> Any:  # noqa: ANN401
        """The judge's answer or its exception; sets ``stopped`` if it takes too long or its version changes."""
        box: list[Any] = []

        def call() -> None:
            try:
                box.append(self.inner.values(pictures))
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

    def _sound(self, answer: Any, pictures: View) -> np.ndarray:  # noqa: ANN401
        count, names = len(pictures.ids), pictures.names
        why = tuple(answer.why) if isinstance(answer, Values) else ()
        try:
            values = np.asarray(answer.values if isinstance(answer, Values) else answer, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.empty(0)
        if values.shape != (count,) or len(why) not in (0, count):
            those = WithoutValue.of([True] * count, names)
            self.note_failed(f"it did not return one number a picture, but {_shape(answer)}", those)
            return np.full(count, np.nan)
        self.why |= {number: text for number, text in zip(pictures.ids, why, strict=False) if text}
        low, high = self.scale[:2]
        outside = np.isfinite(values) & ((values < low - _SLACK) | (values > high + _SLACK))
        if outside.any():
            what = f"values outside its scale {low:g} … {high:g}, such as {values[outside][0]:g}"
            self.note_failed(what, WithoutValue.of(outside, names))
        said = np.array([bool(text) for text in why] or [False] * count)
        for what, without in (("it cannot tell", np.isnan(values) & ~said), ("it returned infinity", np.isinf(values))):
            if without.any():
                self.note_failed(what, WithoutValue.of(without, names))
        return settled(np.where(np.isfinite(values) & ~outside, values, np.nan))


def _shape(answer: object) -> str:
    length = f" of {len(answer)}" if hasattr(answer, "__len__") else ""
    return f"a {type(answer).__name__}{length}"
