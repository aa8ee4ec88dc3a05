"""Renders a ranking as one self-contained HTML page without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten

import numpy as np

from ...metrics.damage.names import OVERALL, TECHNICAL
from ...metrics.damage.titles import JudgeKey, Kind, stored_title
from ..collection.collection import Collection
from ..evaluation.associations import Association, Tally, findings
from ..ingest.metadata import prompt_words
from ..judges.ranking import RankedPicture
from ..scoring.example_pictures import example_thumbnails
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
    "The overall score tells how good a picture is beside others by generators: one of 70 points is ahead of 70 % of them. It "
    "asks how many people would like the picture, judging by opinions of several hundred people about photographs and art, how "
    "highly photographers would rate it, how people would rate its quality, and what technical faults it has. It knows nothing of "
    "your own taste."
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
#: Most words on the page, and false discovery rate up to which it shows them, those above 5 % in grey.
_WORDS, _UNCERTAIN = 12, 0.5


def word_associations(ranking: Sequence[RankedPicture], prompts: Mapping[int, str]) -> list[Association]:
    """Differences of scores between prompts with and without a word, the largest first; each prompt counts once."""
    scores: dict[str, list[float]] = {}
    for picture in ranking:
        if picture.row.id in prompts:
            scores.setdefault(prompts[picture.row.id], []).append(picture.score)
    tally = Tally("word")
    for prompt, values in scores.items():
        tally.add(prompt, prompt_words(prompt), len(values), float(np.mean(values)))
    found = [one for one in findings({"word": tally}, _WORDS) if one.q <= _UNCERTAIN]
    return sorted(found, key=lambda one: -one.difference)


def _explanation(judge: str) -> str:
    """The meaning of a ranking's scores in sentences, by the name they are stored under."""
    key = JudgeKey.of(judge)
    if not key.points:
        return _JUDGES
    if key.kind is Kind.TASTE:
        return _TASTE
    return {TECHNICAL: _TECHNICAL, OVERALL: _OVERALL}.get(key.name, _DETECTOR)


def render_report(
    collection: Collection,
    ranking: Sequence[RankedPicture],
    title: str,
    judge: str,
    notes: Sequence[str] = (),
    problems: Sequence[str] = (),
) -> str:
    """Render the page, best picture first; ``notes`` come under the heading, ``problems`` are of pictures left out."""
    pictures = {r.row.id: picture_url(collection, r.row) for r in ranking}
    prompts = {r.row.id: r.prompt for r in ranking if r.prompt}
    thumbnails = example_thumbnails([reason for r in ranking for reason in r.reasons], collection)
    return render_page(
        "ranking.html",
        title=title,
        judge=stored_title(judge),
        ranking=ranking,
        associations=word_associations(ranking, prompts),
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
