"""Renders a taste as one self-contained HTML page.

It shows how reliable the taste is, the pictures it likes most and least, and the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...metrics.image import read_image
from ...metrics.tastes.blend import only_profile
from ...metrics.tastes.explanation import Explanation, explain, heat_map, overlay
from ...metrics.tastes.trust import Trust
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..scoring.measuring import measure_sound
from ..scoring.taste_scorer import TasteScorer
from .page import data_url, render_page

#: Most pictures to show of the best, and of the worst.
SHOWN = 8
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 460, 220, 46, 30


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """A picture on the page."""

    row: ImageRow
    name: str
    picture: str
    heat: str
    score: float
    percentile: float
    explanation: Explanation
    small: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve as coordinates of an SVG drawing.

    Attributes:
        points: x, y, y of the interval's ends, and label of each point.
        line: the points of a polyline.
        expected: x, y and label of the expected next point; None if nothing can be expected.
        ticks: y and label; AUC, or rank correlation for graded ratings.
        level: y of chance.
        width, height, left, bottom: of the drawing.
    """

    points: tuple[tuple[float, float, float, float, str], ...]
    line: str
    expected: tuple[float, float, str] | None
    ticks: tuple[tuple[float, str], ...]
    level: float
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    bottom: int = _HEIGHT - _BOTTOM


def draw_curve(trust: Trust, examples: int) -> Curve | None:
    """The drawing of a learning curve; None if there is none.

    Args:
        trust: report with the curve.
        examples: number of pictures that the taste was learnt from.
    """
    if len(trust.curve) < 2:
        return None
    furthest = float(examples + trust.more if np.isfinite(trust.expected) else trust.curve[-1][0])

    def across(size: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - 14) * size / furthest, 1)

    def up(value: float) -> float:
        # From 0.3 to 1: a held-out concordance far under chance is not worth the room.
        return round(10 + (_HEIGHT - _BOTTOM - 10) * (1 - (max(value, 0.3) - 0.3) / 0.7), 1)

    def shown(value: float) -> float:
        return 2 * value - 1 if trust.graded else value

    points = tuple(
        (across(n), up(v), up(low), up(high), f"{n} pictures: {shown(v):.2f}") for n, v, low, high in trust.curve
    )
    expected = None
    if np.isfinite(trust.expected):
        at = examples + trust.more
        expected = (across(at), up(trust.expected), f"expected after {at} pictures: {shown(trust.expected):.2f}")
    ticks = tuple((up(v), f"{shown(v):.1f}") for v in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
    return Curve(points, " ".join(f"{x},{y}" for x, y, *_ in points), expected, ticks, up(0.5))


def render_taste_report(
    collection: Collection, rows: Sequence[ImageRow], scorer: TasteScorer, notes: Sequence[str] = (), shown: int = SHOWN
) -> str:
    """Render the page.

    Args:
        collection: the collection of the pictures.
        rows: the pictures to score.
        scorer: the taste, which is not a blend.
        notes: sentences under the heading.
        shown: most pictures to show of the best, and of the worst.

    Raises:
        ProfileError: the taste is a blend.
    """
    profile = only_profile(scorer.taste)
    measured, items, problems = measure_sound(collection, rows, scorer)
    liking = profile.liking(items)
    order = np.argsort(-liking, kind="stable")
    count = min(shown, len(order) // 2) if len(order) > 1 else len(order)
    ends = [int(i) for i in [*order[:count], *order[len(order) - count :]]]
    reasons = dict(zip(ends, explain(profile, items[ends], top=4), strict=True)) if ends else {}
    percentile, score = profile.percentile(liking), 100 * profile.probability(liking)

    def show(i: int) -> ListedPicture:
        path = collection.locate(measured[i])
        pixels = read_image(path).pixels
        heat = overlay(pixels, heat_map(profile, scorer.extractor, pixels))
        drawn = measured[i].generation
        name = path.name if drawn is None else f"{drawn.prompt} (seed {drawn.seed})"
        return ListedPicture(
            measured[i], name, data_url(pixels), data_url(heat), float(score[i]), float(percentile[i]), reasons[i],
            max(pixels.shape[:2]) <= 128,
        )  # fmt: skip

    return render_page(
        "taste.html",
        profile=profile,
        trust=profile.trust,
        curve=draw_curve(profile.trust, len(profile.examples)),
        most=[show(int(i)) for i in order[:count]],
        least=[show(int(i)) for i in order[::-1][:count]],
        pictures=len(measured),
        notes=notes,
        problems=problems,
    )
