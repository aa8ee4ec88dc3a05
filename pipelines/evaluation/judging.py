"""Judges over an evaluated collection, and the phrases that its model ignores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..collection.collection import Collection
from ..collection.pictures import images_by_id
from ..judges.adherence import AdherenceJudge, adherences_of
from ..judges.engines import Judging
from ..judges.phrase_judgements import Adherence, PhraseShare, phrase_shares
from ..judges.ranking import Weighted, combined, last_tastes
from ..judges.storing import judge_pictures
from ..scoring.pictures import StoredPictures
from ..scoring.prior_scores import sentences_on_judges

if TYPE_CHECKING:
    from ...metrics.tastes.blend import Taste

#: Stands for several judges that count together, among stored names.
SEVERAL = "judges"


@dataclass(frozen=True)
class JudgedPictures:
    """Values of judges for the n pictures of an evaluation, in its order.

    Attributes:
        main: stored name of the judge that ranks; ``SEVERAL`` if several count.
        scores: (n,) its values, or the weighted mean of several in standard deviations; NaN for pictures without a value.
        values: (n,) by the stored names of the judges beside it, or of all if several count; NaN for pictures without a value.
        adherence: by picture id, of the first judge that judges phrase by phrase; empty without one.
        problems: sentences on what could not be judged.
        taste: the taste that ranks alone; None for other judges.
    """

    main: str = ""
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    adherence: Mapping[int, Adherence] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    taste: Taste | None = None

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
    progress: Callable[[int], None] = lambda done: None,
    judging: Judging = judge_pictures,
) -> JudgedPictures:
    """Judge the pictures (n,) of an evaluation; stored values are used again.

    Args:
        collection: the collection.
        ids: of the pictures (n,).
        judges: with their weights, at least one above 0.
        progress: called with a number of pictures that a judge is done with.
        judging: engine that judges; this process by default.
    """
    pictures = StoredPictures(collection, list(images_by_id(collection, ids.tolist()).values()))
    values, problems = {}, []
    adherence: Mapping[int, Adherence] = {}
    for judge, _ in last_tastes(judges):
        by_id, sentences = judging(pictures, judge, progress)
        values[judge.stored_name] = np.array([by_id.get(image, np.nan) for image in ids.tolist()])
        problems += [*sentences, *sentences_on_judges(collection, judge.inner, ids.tolist())]
        if isinstance(judge.inner, AdherenceJudge) and not adherence:
            adherence, _ = adherences_of(pictures, judge.inner)
    counting = {judge.stored_name: weight for judge, weight in judges if weight > 0}
    columns = {name: values[name] for name in counting}
    problems = [*dict.fromkeys(problems)]
    if len(counting) == 1:
        [(main, scores)] = columns.items()
        taste = next((getattr(judge.inner, "taste", None) for judge, _ in judges if judge.stored_name == main), None)
        beside = {name: column for name, column in values.items() if name != main}
        return JudgedPictures(main, scores, beside, adherence, tuple(problems), taste)
    scores, known = np.full(len(ids), np.nan), np.isfinite(list(columns.values())).all(axis=0)
    if known.any():
        scores[known] = combined({name: column[known] for name, column in columns.items()}, counting)[0]
    return JudgedPictures(SEVERAL, scores, values, adherence, tuple(problems))
