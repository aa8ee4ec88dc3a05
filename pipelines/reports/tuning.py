"""Renders the findings of a tuned study as one self-contained HTML page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...errors import ImageError
from ...metrics.damage.titles import stored_title
from ...prompts.space.rendering import RenderedChoice
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..tuning.findings import MOST_LIKED, StudyFindings
from ..tuning.tuner import SEEDS
from .page import picture_url, render_page
from .study_charts import draw_course, draw_effects, draw_judges

#: Pictures of a batch that are shown.
SHOWN = 8


def words_of(words: RenderedChoice) -> str:
    """Prompt, negative prompt and settings, ready to copy."""
    lines = [words.prompt] + ([f"Negative prompt: {words.negative}"] if words.negative else [])
    settings = ", ".join(f"{name} {value}" for name, value in words.settings.items())
    return "\n".join([*lines, settings] if settings else lines)


def goal_of(weights: Mapping[str, float]) -> str:
    """The judges of a goal by their titles, with their weights if there are several."""
    several = len(weights) > 1
    return ", ".join(
        f"{stored_title(name)} × {weight:g}" if several else stored_title(name) for name, weight in weights.items()
    )


def render_tune_report(
    collection: Collection, tuned: StudyFindings, title: str, why: str, warnings: Sequence[str] = ()
) -> str:
    """Render the page, which also says why the run ended, and shows warnings beside the scores."""
    known: dict[int, str] = {}
    new = [batch for batch in tuned.batches if not batch.again]

    def picture(row: ImageRow) -> str:
        if row.id not in known:
            try:
                known[row.id] = picture_url(collection, row)
            except ImageError:
                known[row.id] = ""
        return known[row.id]

    return render_page(
        "tuning.html",
        title=title,
        why=why,
        warnings=warnings,
        tuned=tuned,
        goal=goal_of(tuned.goal),
        effects=draw_effects(tuned.effects, tuned.unit),
        course=draw_course(tuned),
        ends=[("First batch", new[0]), ("Last batch of new prompts", new[-1])] if len(new) > 1 else [],
        judges=draw_judges(tuned.judges),
        most_liked=MOST_LIKED,
        pictures=sum(batch.count for batch in tuned.batches),
        shown=SHOWN,
        seeds=SEEDS,
        picture=picture,
        copy=words_of,
        small=lambda row: "small" if max(row.width, row.height) <= 128 else "",
        finite=math.isfinite,
    )
