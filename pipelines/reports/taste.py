"""Renders a taste as one self-contained page: how reliable it is, what it likes most and least, and the reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ...errors import ImageError
from ...metrics.damage.titles import stored_title
from ...metrics.protocols import Reason
from ...metrics.tastes.blend import only_taste
from ...metrics.tastes.by_example import Known
from ...metrics.tastes.by_example import explain as by_example
from ...metrics.tastes.heat_maps import overlay, patch_map
from ...metrics.tastes.liked_makings import effects_of
from ...metrics.tastes.trust import Trust, of_hundred
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..scoring.example_pictures import example_thumbnails
from ..scoring.measuring import measure_sound
from ..scoring.pictures import StoredPictures
from ..scoring.reasons import chosen, compared
from ..scoring.taste_judge import TasteJudge
from .charts import Series, lines_chart
from .page import data_url, jpeg_url, render_page
from .score_words import effect_text

#: Most pictures to show of the best, and of the worst.
SHOWN = 8
#: Lower end of a learning curve's axis, as a concordance, unless a value lies below it; and the steps by which it is lower then.
_LOWEST, _STEP = 0.35, 0.05


@dataclass(frozen=True, slots=True)
class ExamplePicture:
    """A picture on the page."""

    row: ImageRow
    name: str
    picture: str
    heat: str
    score: float
    percentile: float
    reasons: tuple[Reason, ...]
    mode: tuple[str, float] | None
    small: bool


def draw_curve(trust: Trust) -> Markup | None:
    """The learning curve of a taste, from now on, with its 95 % interval, and chance; None without one."""
    if len(trust.curve) < 2:
        return None
    judged = "choices" if trust.only_choices else "pictures"
    points = [(n, *map(of_hundred, values)) for n, *values in trust.curve]
    expected = Series(
        "expected",
        tuple((n, value) for n, value, _, _ in points),
        tuple(f"{n} {judged}: {value} ({low} … {high})" for n, value, low, high in points),
        band=tuple((low, high) for _, _, low, high in points),
        interval="95 % interval",
    )
    first, furthest = points[0][0], points[-1][0]
    chance = Series("chance", ((first, 50), (furthest, 50)), kind="level")
    label = f"Learning curve: about {points[0][1]} of 100 pairs ordered as you would from {first} {judged}."
    limits = (_lowest([low for _, _, low, _ in trust.curve]) * 100, 100.0)
    return lines_chart(
        [expected, chance],
        f"{judged} learnt from",
        "of 100 pairs ordered as you would",
        " ".join(filter(None, (label, trust.advice))),
        limits=limits,
    )


def _lowest(values: Sequence[float]) -> float:
    """Lower end of a learning curve's axis for concordances 0…1: it holds all of them."""
    # Rounding must not put a value on a step below it.
    steps = math.floor(min(values, default=_LOWEST) / _STEP + 1e-9)
    return min(_LOWEST, round(steps * _STEP, 2))


def _readable_pixels(
    collection: Collection, rows: Sequence[ImageRow], order: Sequence[int], count: int
) -> tuple[dict[int, np.ndarray], list[str]]:
    """Pixels of the first ``count`` readable pictures in an order, by index, and a sentence for each unreadable one before."""
    found: dict[int, np.ndarray] = {}
    problems = []
    for i in order:
        if len(found) == count:
            break
        try:
            found[i] = collection.pixels(rows[i])
        except ImageError as error:
            problems.append(str(error))
    return found, problems


def render_taste_report(
    collection: Collection,
    rows: Sequence[ImageRow],
    judge: TasteJudge,
    problems: Sequence[str] = (),
) -> str:
    """Render the page of a taste, which is not a blend; ``problems`` has a sentence for each file not in ``rows``."""
    taste = only_taste(judge.taste)
    measured, items, left_out = measure_sound(collection, rows, judge)
    left_out = [*problems, *left_out]
    makings = judge.makings(StoredPictures(collection, measured))
    liking = taste.liking(items, makings=makings)
    order = np.argsort(-liking, kind="stable")
    count = min(SHOWN, len(order) // 2) if len(order) > 1 else len(order)
    most, unreadable = _readable_pixels(collection, measured, order.tolist(), count)
    least, others = _readable_pixels(collection, measured, [i for i in order[::-1].tolist() if i not in most], count)
    left_out += [sentence for sentence in dict.fromkeys([*unreadable, *others]) if sentence not in left_out]
    opened = most | least
    shares, modes = dict[int, tuple[Reason, ...]](), dict[int, tuple[str, float]]()
    if opened:
        # Only a taste that uses them has what a collection knows of how pictures were made.
        among = compared(range(len(items)))
        parts = by_example(
            taste, Known(items, makings=makings).take([*opened]), Known(items, makings=makings).take(among)
        )
        shares = {i: chosen(reasons) for i, reasons in zip(opened, parts, strict=True)}
        if taste.modes is not None:
            z = taste.fitted.scaling.frame.deviations(items[[*opened]])
            modes = dict(zip(opened, taste.modes.nearest(z), strict=True))
    thumbnails = example_thumbnails([reason for reasons in shares.values() for reason in reasons], collection)
    percentile, score = taste.percentile(liking), 100 * taste.probability(liking)

    def show(i: int) -> ExamplePicture:
        path, pixels = collection.locate(measured[i]), opened[i]
        heat = overlay(pixels, patch_map(taste.liking, judge.extractor, pixels))
        drawn = measured[i].generation
        name = path.name if drawn is None else f"{drawn.prompt} (seed {drawn.seed})"
        return ExamplePicture(
            measured[i], name, data_url(pixels), data_url(heat), float(score[i]), float(percentile[i]), shares[i],
            modes.get(i), max(pixels.shape[:2]) <= 128,
        )  # fmt: skip

    return render_page(
        "taste.html",
        taste=taste,
        priors=[stored_title(name) for name in taste.prior_names],
        trust=taste.trust,
        curve=draw_curve(taste.trust),
        effects=effects_of(taste),
        most=[show(i) for i in most],
        least=[show(i) for i in least],
        pictures=len(measured),
        effect=effect_text,
        examples={start: jpeg_url(content) for start, content in thumbnails.items()},
        problems=left_out,
    )
