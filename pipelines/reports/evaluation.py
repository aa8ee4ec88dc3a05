"""The evaluation as a page: one self-contained HTML file, or a folder with thumbnails beside the page for large collections."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from ...errors import CollectionError, ImageError
from ...metrics.damage.titles import CAUTION, damage_noun, stored_title
from ..collection.files import picture_facts
from ..collection.pictures import images_by_id, small_thumbnails
from ..collection.thumbnails import thumbnail
from ..evaluation.contrast import Contrast
from ..evaluation.evaluate import BLOCK
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.summary import Summary, summarise
from .page import render_page, write_report

#: Pictures in a file that holds everything, pictures of each kind that are shown large, and bars of the histogram.
LARGEST, TOP, BARS = 10_000, 12, 40
_FIELDS = (
    "thumb", "path", "score", "percentile", "damage", "style", "distance", "outlier", "group", "best", "time", "prompt",
    "model", "size",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the histogram; ``x``, ``width`` and ``height`` in the units of the drawing."""

    low: float
    high: float
    count: int
    x: float
    width: float
    height: float


def histogram(scores: np.ndarray) -> list[Bar]:
    """Bars of the (n,) scores."""
    counts, edges = np.histogram(scores, bins=BARS)
    width = 640 / BARS
    return [
        Bar(float(edges[k]), float(edges[k + 1]), int(count), k * width, width - 1, 100 * float(count / counts.max()))
        for k, count in enumerate(counts)
    ]


def check_report(path: Path, roots: Sequence[Path]) -> None:
    """Refuse a folder for a page whose thumbnails would be taken for pictures of the collection the next time.

    Args:
        path: as for ``write_evaluation``; a single file is harmless anywhere.
        roots: what is looked at.

    Raises:
        CollectionError: the folder is one of ``roots`` or lies below one.
    """
    if _is_file(path):
        return
    for root in roots:
        if path.resolve().is_relative_to(root.resolve()):
            raise CollectionError(
                f"The report {str(path)!r} would lie among the pictures of {str(root)!r}, and its thumbnails would count as pictures: "
                "name a folder elsewhere, or a file that ends in .html."
            )


def _is_file(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def write_evaluation(
    path: Path, survey: EvaluatedCollection, contrast: Contrast | None = None, notes: Sequence[str] = ()
) -> Path:
    """Write the page of a survey.

    Args:
        path: ends in ``.html`` for one file with everything inside, of the best ``LARGEST`` pictures; else a folder, made if it does
            not exist, with ``index.html`` and ``thumbs/``.
        survey: what was found.
        contrast: what differs from another collection.
        notes: sentences under the heading.

    Raises:
        SoartError: it cannot be written.
    """
    if _is_file(path):
        return write_report(path, render_evaluation(survey, contrast, notes))
    try:
        (path / "thumbs").mkdir(parents=True, exist_ok=True)
        page = render_evaluation(survey, contrast, notes, path / "thumbs")
    except OSError as error:
        raise CollectionError(f"The report {str(path)!r} cannot be written: {error.strerror or error}.") from error
    return write_report(path / "index.html", page)


def render_evaluation(
    survey: EvaluatedCollection, contrast: Contrast | None = None, notes: Sequence[str] = (), folder: Path | None = None
) -> str:
    """The page as text; thumbnails are written to ``folder``, or stand in the page."""
    e, summary = survey.evaluation, summarise(survey, TOP)
    order = np.argsort(-e.scores[e.main], kind="stable")
    rows = list(_rows(survey, order if folder else order[:LARGEST], folder))
    data = {"fields": _FIELDS, "rows": rows, "thumbs": "thumbs/" if folder else None}
    script = Path(__file__).with_name("evaluation.js").read_text(encoding="utf-8")
    pictures = _pictures(survey, summary)
    return render_page(
        "evaluation.html",
        title=f"soart: {survey.title}",
        main=stored_title(e.main),
        caution=CAUTION,
        notes=notes,
        summary=summary,
        update=survey.update,
        pictures=len(e.ids),
        listed=len(rows),
        damaged=int((e.damage >= 0).sum()),
        limit=e.outlier_limit,
        histogram=histogram(e.scores[e.main]),
        associations=[a for a in e.associations if a.q <= 0.5][:60],
        trends=e.trends,
        timeline=e.timeline,
        contrast=contrast,
        picture=lambda image: pictures[image],
        name=lambda path: Path(path).name,
        thumbs=folder is not None,
        # Inside a script element only "<" could end it.
        data=Markup(json.dumps(data, allow_nan=False).replace("<", "\\u003c")),
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
    )


def _rows(survey: EvaluatedCollection, order: np.ndarray, folder: Path | None) -> Iterator[list[object]]:
    """A row for each picture, best first."""
    e = survey.evaluation
    for start in range(0, len(order), BLOCK):
        part = order[start : start + BLOCK]
        stored = picture_facts(survey.collection, survey.update.scan_number, e.ids[part].tolist())
        for row in part.tolist():
            facts = stored[int(e.ids[row])]
            if folder is None:
                thumb = base64.b64encode(facts.thumbnail).decode()
            else:
                thumb = f"{facts.sha256[:24]}.jpg"
                (folder / thumb).write_bytes(facts.thumbnail)
            distance = float(e.distance[row])
            yield [
                thumb, facts.path, round(float(e.scores[e.main][row]), 2), round(float(e.percentile[row]), 1), damage_noun(e.damage_name(row)),
                int(e.style[row]) + 1 if len(e.styles) > 1 else 0, round(distance, 2) if distance == distance else 0,
                bool(e.outlier[row]), int(e.group[row]), bool(e.best[row]), facts.changed // 10**9, facts.prompt, facts.model,
                f"{facts.width} × {facts.height}",
            ]  # fmt: skip


def _pictures(survey: EvaluatedCollection, summary: Summary) -> dict[int, str]:
    """Larger versions of the pictures that the upper part of the page shows, as URLs; the small one where the file is gone."""
    lists = [summary.best, summary.worst, summary.outliers[1], *(shown for _, shown in summary.damage.values())]
    lists += [*(shown for _, shown in summary.styles), *(group[:24] for group in summary.groups[1])]
    wanted = sorted({one.id for shown in lists for one in shown})
    small = small_thumbnails(survey.collection, wanted)
    urls = {}
    for row in images_by_id(survey.collection, wanted).values():
        try:
            content = thumbnail(survey.collection, row)
        except ImageError:
            content = small[row.id]
        urls[row.id] = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    return urls
