"""The ranking as one self-contained HTML page: no scripts, no requests, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ...metrics.damage.titles import stored_title
from ...metrics.image import read_image
from ..scoring.ranking import RankedPicture
from .page import data_url, render_page

_EXPLANATION = (
    "The technical score measures freedom from damage (blur, noise, fading, blocking…): 100 is the mean undamaged picture "
    "of the learning set, 0 the mean damaged one. It knows nothing of content or taste."
)
_COMMON = {"a", "an", "the", "of", "in", "on", "at", "with", "and", "or", "picture", "photo", "image", "style"}


@dataclass(frozen=True, slots=True)
class WordEffect:
    """How scores differ between pictures with and without a word in their prompt."""

    word: str
    count: int
    difference: float
    low: float
    high: float


def word_effects(ranking: Sequence[RankedPicture], least: int = 3, top: int = 12) -> list[WordEffect]:
    """The words that part the scores most, by the |t| of Welch's test; both sides need ``least`` pictures."""
    drawn = [
        (r.score, set(re.findall(r"[^\W\d_][\w'-]*", r.row.generation.prompt.lower())))
        for r in ranking
        if r.row.generation
    ]
    scores = np.array([score for score, _ in drawn])
    effects: list[tuple[float, WordEffect]] = []
    for word in sorted(set().union(*(words for _, words in drawn)) - _COMMON):
        has = np.array([word in words for _, words in drawn])
        count = int(has.sum())
        if min(count, len(has) - count) < least or np.ptp(scores[has]) == 0 or np.ptp(scores[~has]) == 0:
            continue
        test = stats.ttest_ind(scores[has], scores[~has], equal_var=False)
        interval = test.confidence_interval(0.95)
        difference = float(scores[has].mean() - scores[~has].mean())
        effects.append((abs(float(test.statistic)), WordEffect(word, count, difference, interval.low, interval.high)))
    largest = sorted(effects, key=lambda pair: -pair[0])[:top]
    return sorted((effect for _, effect in largest), key=lambda effect: -effect.difference)


def render_report(
    ranking: Sequence[RankedPicture], title: str, profile: str, notes: Sequence[str] = (), problems: Sequence[str] = ()
) -> str:
    """The page as text.

    Args:
        ranking: best first.
        title: heading of the page.
        profile: name of the profile behind the scores.
        notes: sentences under the heading.
        problems: a sentence for each picture that was left out.
    """
    pictures = {r.row.id: data_url(read_image(r.path).pixels) for r in ranking}
    return render_page(
        "ranking.html",
        title=title,
        profile=stored_title(profile),
        ranking=ranking,
        words=word_effects(ranking),
        notes=notes,
        problems=problems,
        explanation=_EXPLANATION,
        models=sorted({r.row.generation.model for r in ranking if r.row.generation}),
        picture=lambda r: pictures[r.row.id],
        sharpness=lambda r: "small" if max(r.row.width, r.row.height) <= 128 else "",
    )
