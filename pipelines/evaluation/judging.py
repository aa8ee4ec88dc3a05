"""Judges by others over an evaluated collection, and the phrases that its model ignores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..collection.collection import Collection
from ..collection.pictures import images_by_id

# Judges are imported only if there are any, so that a second run is quick.
if TYPE_CHECKING:
    from ..judges.engines import Judging
    from ..judges.guarded import GuardedJudge
    from ..judges.phrase_judgements import Adherence, PhraseShare


@dataclass(frozen=True)
class JudgedPictures:
    """Values of judges for the pictures of an evaluation, in its order.

    Attributes:
        values: (n,) by stored name, higher is better; NaN for pictures without a value.
        signs: by stored name, −1 for a judge of which less is better: its own values are ``sign`` × value.
        adherence: by picture id, of the first judge that judges phrase by phrase; empty without one.
        problems: sentences on what could not be judged.
    """

    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    signs: Mapping[str, float] = field(default_factory=dict)
    adherence: Mapping[int, Adherence] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def phrases(self) -> list[PhraseShare]:
        """The phrases asked for in the collection, the most ignored first."""
        if not self.adherence:
            return []
        from ..judges.phrase_judgements import phrase_shares

        return phrase_shares(self.adherence)

    @property
    def missed(self) -> list[int]:
        """Ids of the pictures that probably do not show a phrase, the lowest adherence first."""
        missed = [(adherence.value, image) for image, adherence in self.adherence.items() if adherence.not_shown]
        return [image for _, image in sorted(missed)]

    def not_shown(self, image: int) -> list[str]:
        """Phrases that a picture was asked for and probably does not show, the least probable first."""
        judged = self.adherence.get(image)
        return judged.not_shown if judged else []


def judge_evaluated(
    collection: Collection,
    ids: np.ndarray,
    judges: Sequence[GuardedJudge],
    progress: Callable[[int], None] = lambda done: None,
    judging: Judging | None = None,
) -> JudgedPictures:
    """Judge the pictures (n,) of an evaluation; stored values are used again.

    Args:
        collection: the collection.
        ids: of the pictures (n,).
        judges: the judges.
        progress: called with a number of pictures that a judge is done with.
        judging: engine that judges; this process by default.
    """
    if not judges:
        return JudgedPictures()
    from ..judges.adherence import AdherenceJudge
    from ..judges.evidence import adherences
    from ..judges.storing import judge_pictures

    rows = list(images_by_id(collection, ids.tolist()).values())
    values, problems = {}, []
    adherence: Mapping[int, Adherence] = {}
    for judge in judges:
        by_id, sentences = (judging or judge_pictures)(collection, rows, judge, progress)
        values[judge.stored_name] = np.array([by_id.get(image, np.nan) for image in ids.tolist()])
        problems += sentences
        if isinstance(judge.inner, AdherenceJudge) and not adherence:
            adherence, _ = adherences(collection, rows, judge.inner)
    return JudgedPictures(values, {j.stored_name: j.sign for j in judges}, adherence, tuple(problems))
