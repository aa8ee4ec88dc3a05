"""Renders a ranking as one self-contained HTML page without scripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

import numpy as np
from scipy import stats

from ...metrics.damage.names import OVERALL, TASTE, TECHNICAL
from ...metrics.damage.titles import has_points, stored_title
from ..collection.collection import Collection
from ..judges.ranking import RankedPicture
from ..scoring.example_pictures import example_thumbnails
from ..scoring.prompts import prompts_of
from .page import jpeg_url, picture_url, render_page
from .score_words import effect_text

_AGAINST = (
    "Reasons compare a picture with the pictures of this page: ▲ lifts its score above theirs, ▼ lowers it. Point at one to see by how "
    "much."
)
_TECHNICAL = (
    "The technical score tells how well a picture is rendered, in points from 0 to 100; hardly any undamaged picture "
    "scores below 50. Three things cost points: faults (blur, noise, JPEG artefacts, fading…), a rendering unlike that of "
    "good photographs and drawings, and a quality that people would not rate highest, judging by ratings of 10,000 "
    "photographs. It does not measure content or taste."
)
_OVERALL = (
    "The overall score starts from the percentage of people who would like the picture, a guess by the opinions of several "
    "hundred people about photographs and art. Two things lower it: a quality that people would not rate highest, judging "
    "by ratings of 10,000 photographs and by pairs of pictures and damaged versions of them, and technical faults. It knows "
    "nothing of your own taste."
)
_TASTE = (
    "A taste's score is learnt from examples, and is the sum of what each of them adds. Reasons name those that count most: pictures "
    "that this one is like or unlike."
)
_DETECTOR = (
    "The score is the freedom from one fault, in points from 0 to 100; below 50 the fault is suspected, which hardly any "
    "undamaged picture is."
)
_JUDGES = (
    "The values are those of judges; docs/judges.md says what each of them measures. What a judge adds to the score is in standard "
    "deviations of these pictures."
)
#: Characters of a prompt by another tool on the page; the whole of it is in a tooltip.
_PROMPT = 160
_COMMON = {"a", "an", "the", "of", "in", "on", "at", "with", "and", "or", "picture", "photo", "image", "style"}


@dataclass(frozen=True, slots=True)
class WordEffect:
    """Difference of scores between pictures with and without a word in their prompt.

    Attributes:
        word: the word.
        count: number of pictures with it.
        difference: of mean scores, with − without.
        low, high: 95 % interval of the difference.
    """

    word: str
    count: int
    difference: float
    low: float
    high: float


def word_effects(ranking: Sequence[RankedPicture], least: int = 3, top: int = 12) -> list[WordEffect]:
    """Effects of the words that separate the scores most, the largest difference first.

    Args:
        ranking: pictures with scores; those without a prompt are left out.
        least: fewest pictures with a word, and without it.
        top: most words, chosen by the |t| of Welch's test.
    """
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


def _explanation(judge: str) -> str:
    """The meaning of a ranking's scores in sentences, by the name they are stored under."""
    if not has_points(judge):
        return _JUDGES
    if judge.startswith(TASTE):
        return _TASTE
    name = judge.rpartition("-")[0]
    return {TECHNICAL: _TECHNICAL, OVERALL: _OVERALL}.get(name, _DETECTOR)


def render_report(
    collection: Collection,
    ranking: Sequence[RankedPicture],
    title: str,
    judge: str,
    notes: Sequence[str] = (),
    problems: Sequence[str] = (),
) -> str:
    """Render the page.

    Args:
        collection: the collection of the pictures.
        ranking: best first.
        title: heading of the page.
        judge: name of the judge behind the scores.
        notes: sentences under the heading.
        problems: a sentence for each picture that was left out.
    """
    pictures = {r.row.id: picture_url(collection, r.row) for r in ranking}
    prompts = prompts_of(collection, [r.row for r in ranking])
    thumbnails = example_thumbnails([reason for r in ranking for reason in r.reasons], collection)
    return render_page(
        "ranking.html",
        title=title,
        judge=stored_title(judge),
        ranking=ranking,
        words=word_effects(ranking),
        notes=notes,
        problems=problems,
        explanation=f"{_explanation(judge)} {_AGAINST}",
        models=sorted({r.row.generation.model for r in ranking if r.row.generation}),
        picture=lambda r: pictures[r.row.id],
        prompt=lambda r: prompts.get(r.row.id, ""),
        effect=effect_text,
        examples={start: jpeg_url(content) for start, content in thumbnails.items()},
        cut=lambda text: shorten(text, _PROMPT, placeholder=" …"),
        sharpness=lambda r: "small" if max(r.row.width, r.row.height) <= 128 else "",
    )
