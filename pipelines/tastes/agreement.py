"""Agreement of tastes: of their stored scores, or on pictures measured for it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from ...errors import ImageError
from ...metrics.similarity.diversity import choose_varied
from ...metrics.tastes.agreement import APART, Agreement, compare_tastes
from ..collection.collection import Collection
from ..collection.queries import Query, known_prompts, order
from ..collection.tables import ImageRow
from ..scoring.looks import seen_in
from ..scoring.measuring import measure_sound
from ..scoring.pictures import StoredPictures
from ..scoring.taste_judge import TasteJudge

#: Side of a picture on a sheet, in pixels.
TILE = 160
#: The sentence for tastes that disagree on no picture.
NO_DISAGREEMENT = f"No picture is judged differently by {APART:.0f} percentiles or more."


def best_and_worst(
    collection: Collection, judge: str, count: int, *, alike: bool = False
) -> tuple[dict[int, list[int]], list[int]]:
    """Ids of the ``count`` best and worst pictures under a stored score, none in both; only those that can be judged."""
    ids = order(collection, Query(judge=judge, sort="score", sound=True, scored=True), "")
    scores, count = collection.scores(judge), min(count, len(ids) // 2)
    best: dict[int, list[int]] = {image: [] for image in ids[:count]}
    if not alike:
        seen = seen_in(collection, ids, known_prompts(collection))
        chosen = choose_varied(np.array([scores[image] for image in ids]), seen, count)
        best = {ids[row]: [ids[other] for other in behind] for row, behind in chosen.items()}
    return best, [image for image in ids[::-1] if image not in best][:count]


def agreement(collection: Collection, judges: Mapping[str, str]) -> tuple[Agreement | None, list[int]]:
    """Compare stored scores, by the name to show, on the pictures that have all of them and can be judged.

    Nothing is measured. Returns the ids of these pictures too; the agreement is None for fewer than two judges or two
    pictures.
    """
    stored = {name: collection.scores(judge) for name, judge in judges.items()}
    stored = {name: scores for name, scores in stored.items() if scores}
    known = set.intersection(*map(set, stored.values())) if stored else set[int]()
    common = sorted(known)
    if len(stored) < 2 or len(common) < 2:
        return None, common
    values = np.array([[scores[image] for image in common] for scores in stored.values()])
    return compare_tastes(list(stored), values), common


def compare_on(
    collection: Collection, rows: Sequence[ImageRow], judges: Sequence[TasteJudge]
) -> tuple[Agreement, list[ImageRow], list[str]]:
    """Compare tastes on pictures, which are measured if they are not yet."""
    measured, problems = list(rows), []
    for judge in judges:
        measured, _, unreadable = measure_sound(collection, measured, judge)
        problems += unreadable
    likings = np.stack(
        [
            judge.taste.liking(
                measure_sound(collection, measured, judge)[1],
                makings=judge.makings(StoredPictures(collection, measured)),
            )
            for judge in judges
        ]
    )
    return compare_tastes([judge.taste.name for judge in judges], likings), measured, problems


def disagreement_sheet(
    collection: Collection, agreement: Agreement, rows: Sequence[ImageRow], top: int = 8
) -> Image.Image:
    """Draw the ``top`` pictures that tastes disagree on most, with the percentile under each taste, as one picture."""
    chosen: dict[int, np.ndarray] = {}
    apart = agreement.disagreements(len(rows))
    if not apart:
        raise ImageError(f"There is no picture to draw: {NO_DISAGREEMENT}")
    for i in apart:
        if len(chosen) == top:
            break
        with contextlib.suppress(ImageError):
            chosen[i] = collection.pixels(rows[i])
    if not chosen:
        raise ImageError(
            "None of the pictures that the tastes disagree on can be read: are their files where they were?"
        )
    line = 14
    height = TILE + line * len(agreement.names) + 8
    columns = min(4, max(1, len(chosen)))
    sheet = Image.new("RGB", (columns * TILE, -(-len(chosen) // columns) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for k, (i, pixels) in enumerate(chosen.items()):
        y, x = divmod(k, columns)
        picture = Image.fromarray(pixels)
        scale = (TILE - 8) / max(picture.size)
        size = tuple(max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((size[0], size[1]), Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
        sheet.paste(picture, (x * TILE + 4, y * height + 4))
        for number, name in enumerate(agreement.names):
            text = f"{agreement.percentiles[number, i]:3.0f}  {name[:20]}"
            pen.text((x * TILE + 6, y * height + TILE + number * line), text, fill="black")
    return sheet
