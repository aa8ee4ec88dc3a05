"""Values of the tuning service that pages show: the state of a tune, its latest findings, and earlier tunes."""

from __future__ import annotations

from dataclasses import dataclass

from ...metrics.damage.titles import JudgeKey
from ..tuning.findings import StudyFindings
from ..tuning.loop import ALL_DRAWN
from ..tuning.settings import ENDED, TuneSettings

#: States of a tune in addition to those stored in its settings.
IDLE, PAUSING, INTERRUPTED, FAILED = "idle", "pausing", "interrupted", "failed"


@dataclass(frozen=True)
class LatestFindings:
    """Findings of a study after its latest batch."""

    findings: StudyFindings
    goal: dict[int, float]  # by picture id, of judged pictures
    done: int
    pictures: int  # number of pictures that there were

    @property
    def in_points(self) -> bool:
        """True if the goal is that of one judge who gives points, 0 to 100."""
        return len(self.findings.goal) == 1 and all(JudgeKey.of(name).points for name in self.findings.goal)


@dataclass(frozen=True)
class TuneProgress:
    """State of a tune as pages show it; ``version`` counts changes, ``pictures`` are ids with batches as they were drawn."""

    state: str
    version: int
    settings: TuneSettings | None
    judged: bool
    reading: bool
    reason: str
    pictures: list[tuple[int, int]]
    goal: dict[int, float]
    seconds_left: float | None
    in_points: bool = False
    doing: str = ""

    @property
    def exhausted(self) -> bool:
        """True if the tune ended because a larger budget finds nothing more to draw."""
        return self.state == ENDED and self.reason == ALL_DRAWN

    @property
    def subject(self) -> str:
        """The prompts or the template that are tuned, see ``TuneSettings.subject``; empty before the first start."""
        return self.settings.subject if self.settings is not None else ""


@dataclass(frozen=True)
class EarlierTune:
    """A tune that a later one has replaced."""

    key: str
    settings: TuneSettings
    pictures: int
