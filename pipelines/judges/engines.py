"""Engines that judge the pictures of a collection: this process or a Ray cluster, chosen by name."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from ..scoring.pictures import StoredPictures
from ..support.processes import unknown_engine
from ..support.progress import Advance
from .guarded import GuardedJudge


class Judging(Protocol):
    """Judges pictures, and stores what it finds; see ``storing.judge_pictures``."""

    def __call__(
        self, pictures: StoredPictures, judge: GuardedJudge, progress: Advance = ...
    ) -> tuple[dict[int, float], list[str]]:
        """Values of pictures by id, and sentences."""


def judging_named(name: str, workers: int | None = None) -> Judging:
    """The engine ``local`` or ``ray``."""
    if name == "local":
        from .storing import judge_pictures

        return judge_pictures
    if name == "ray":
        from .ray_judging import judge_on_cluster

        return partial(judge_on_cluster, workers=workers)
    raise unknown_engine(name)
