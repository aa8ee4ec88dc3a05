"""Judges that visitors of a gallery may choose by name."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...errors import JudgeError
from ...metrics.damage.names import JUDGE, OVERALL, PERSON
from ...metrics.damage.rated_quality import RATED_QUALITY
from ...metrics.damage.titles import shared_name
from ...metrics.items.faces import FACES
from ...metrics.items.nima import NIMA
from ...metrics.protocols import Judge
from ...metrics.tastes.appeal import APPEAL
from ..scoring.collection_tastes import CollectionTastes
from .finding import SOART, JudgeSource, judge_named, judges_for, known_judges, source_of
from .guarded import GuardedJudge
from .people import Person

#: The judge of the floor of adherence, which is always offered.
ADHERENCE = "adherence"


@dataclass(frozen=True, slots=True)
class OfferedJudge:
    """A judge that visitors may choose.

    Attributes:
        label: the name by which they choose it; without the folder that its model lies in.
    """

    label: str
    named: str
    weight: float
    source: JudgeSource


class OfferedJudges:
    """The judges of a gallery: adherence, appeal, rated quality, NIMA, faces, and those that packages offer or the owner named.

    Visitors name a judge by its label alone, so that no request names code or a path. A judge is loaded when it is first
    used, and then kept.
    """

    def __init__(self, named: Sequence[tuple[str, float]] = ()) -> None:
        packages = [source.name for source in known_judges() if source.origin != SOART]
        weights = {
            **dict.fromkeys([ADHERENCE, APPEAL, RATED_QUALITY, NIMA, FACES, *packages], 1.0),
            **{text.strip(): weight for text, weight in named},
        }
        self._judges: dict[str, OfferedJudge] = {}
        for text, weight in weights.items():
            label = shared_name(f"{JUDGE}{text}").removeprefix(JUDGE)
            if label in self._judges:
                raise JudgeError(
                    f"Two judges would both be called {label!r}: leave one out, or rename the folder of its model."
                )
            self._judges[label] = OfferedJudge(label, text, weight, source_of(text))
        self._lock = threading.Lock()
        self._loaded: dict[str, Judge] = {}

    def __iter__(self) -> Iterator[OfferedJudge]:
        """The judges, in the order in which pages show them."""
        return iter(self._judges.values())

    def __contains__(self, label: str) -> bool:
        """True if a judge of this label is offered."""
        return label in self._judges

    @property
    def own(self) -> list[JudgeSource]:
        """Sources of the judges that only the owner's naming offers, by their labels."""
        known = {source.name for source in known_judges()}
        judges = [judge for judge in self if judge.label not in known]
        return [replace(judge.source, name=judge.label, argument="") for judge in judges]

    def named(self, name: str, tastes: CollectionTastes) -> GuardedJudge:
        """Load a judge that a visitor names, and guard it anew: an offered one by its label, ``person:NAME``, or a judge of items."""
        if name in self:
            return self._guarded(name)
        if name.startswith(PERSON):
            return GuardedJudge(Person(name.removeprefix(PERSON)))
        if ":" in name:
            raise _not_offered(name)
        return GuardedJudge(tastes.judge(name))

    def weighted(self, by: Mapping[str, float], tastes: CollectionTastes) -> list[tuple[GuardedJudge, float]]:
        """The judges that a visitor names, each with its weight; the overall score if there are none."""
        return judges_for({self.named(name, tastes): weight for name, weight in (by or {OVERALL: 1.0}).items()})

    def _guarded(self, label: str) -> GuardedJudge:
        if label not in self._judges:
            raise _not_offered(label)
        named = self._judges[label].named
        with self._lock:
            if label not in self._loaded:
                self._loaded[label] = judge_named(named)
            return GuardedJudge(self._loaded[label], named=named)


def _not_offered(label: str) -> JudgeError:
    return JudgeError(
        f"The judge {label[:80]!r} is not offered here: the owner of this server names it with soart web --by."
    )
