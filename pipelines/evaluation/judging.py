"""Judges over an evaluated collection, and the phrases that its model ignores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..collection.collection import Collection
from ..collection.pictures import images_by_id
from ..judges.adherence import AdherenceJudge, adherences_of
from ..judges.board import board
from ..judges.engines import Judging
from ..judges.finding import Weighted
from ..judges.phrase_judgements import Adherence, PhraseShare, phrase_shares
from ..judges.storing import judge_pictures
from ..scoring.pictures import StoredPictures
from ..support.progress import Advance, silent

if TYPE_CHECKING:
    from ...metrics.tastes.blend import Taste

#: Stands for several judges that count together, among stored names.
SEVERAL = "judges"


@dataclass(frozen=True)
class JudgedPictures:
    """Values of judges for the n pictures of an evaluation, in its order."""

    main: str = ""  # stored name of the judge that ranks; ``SEVERAL`` if several count
    #: (n,) its values, or the weighted mean of several in standard deviations; NaN for pictures without a value
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    #: (n,) by the stored names of the judges beside it, or of all if several count; NaN for pictures without a value
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    #: by picture id, of the first judge that judges phrase by phrase; empty without one
    adherence: Mapping[int, Adherence] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    taste: Taste | None = None  # the taste that ranks alone; None for other judges

    @property
    def phrases(self) -> list[PhraseShare]:
        """The phrases asked for in the collection, the most ignored first."""
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
    judges: Sequence[Weighted],
    progress: Advance = silent,
    judging: Judging = judge_pictures,
) -> JudgedPictures:
    """Judge the pictures (n,) of an evaluation, with at least one weight above 0; stored values are used again."""
    rows = images_by_id(collection, ids.tolist())
    pictures = StoredPictures(collection, [rows[image] for image in ids.tolist()])
    filled = board(pictures, judges, progress, judging)
    adherence: Mapping[int, Adherence] = {}
    asked = next((judge.inner for judge, _ in judges if isinstance(judge.inner, AdherenceJudge)), None)
    if asked is not None:
        adherence, _ = adherences_of(pictures, asked)
    values, problems = dict(filled.columns.values), tuple(filled.columns.problems)
    if filled.only is None:
        return JudgedPictures(SEVERAL, filled.total, values, adherence, problems)
    main = filled.only.stored_name
    del values[main]
    return JudgedPictures(main, filled.total, values, adherence, problems, getattr(filled.only.inner, "taste", None))
