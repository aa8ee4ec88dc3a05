"""Renders an evaluation with a list of all pictures: one HTML file or, for many, a folder with thumbnails."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from ...errors import CollectionError, ImageError
from ...files import check_writable
from ...metrics.damage.titles import CAUTION, JudgeKey, damage_noun, stored_title
from ..collection.files import picture_facts
from ..collection.pictures import images_by_id, small_thumbnails
from ..collection.thumbnails import thumbnail
from ..evaluation.contrast import Contrast
from ..evaluation.evaluate import BLOCK
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.judge_values import JudgeColumn, all_judges, titles_of
from ..evaluation.summary import ListedPicture, Summary, short_names, summarise
from ..judges.versions import is_adherence
from ..keepers.finding import find_keepers
from .charts import histogram_chart
from .page import OTHER_FILES, jpeg_url, render_page, write_report

#: Most pictures listed in a single file, and most pictures shown of each kind and of a decision.
LARGEST, TOP, SHOWN = 10_000, 12, 3
_INDEX = "index.html"
_FIELDS = (
    "thumb", "path", "score", "percentile", "damage", "distance", "outlier", "group", "best", "time", "prompt",
    "model", "size", "adherence", "missed", "judges",
)  # fmt: skip


def check_report(path: Path, roots: Sequence[Path]) -> None:
    """Refuse a report that cannot be written, or whose thumbnails the next evaluation would take for pictures."""
    # Nobody gives a folder such an ending.
    if path.suffix.lower() in OTHER_FILES and not path.is_dir():
        raise CollectionError(f"The report {str(path)!r} is a page: name a file that ends in .html, or a folder.")
    try:
        check_writable(path if _is_file(path) else path / _INDEX, parents=not _is_file(path))
    except OSError as error:
        raise CollectionError(f"The report {str(path)!r} cannot be written: {error.strerror or error}.") from error
    if _is_file(path):
        return
    for root in roots:
        if path.resolve().is_relative_to(root.resolve()):
            raise CollectionError(
                f"The report {str(path)!r} would lie among the pictures of {str(root)!r}, and its thumbnails would be "
                "evaluated as pictures: name a folder elsewhere, or a file that ends in .html."
            )


def _is_file(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def write_evaluation(
    path: Path, evaluated: EvaluatedCollection, contrast: Contrast | None = None, notes: Sequence[str] = ()
) -> Path:
    """Write the page of an evaluated collection and return its absolute path.

    A name that ends in ``.html`` becomes one file with the best ``LARGEST`` pictures inside. Any other is a folder,
    made if it does not exist, for ``index.html`` and ``thumbs/`` with all pictures.
    """
    if _is_file(path):
        return write_report(path, render_evaluation(evaluated, contrast, notes))
    try:
        (path / "thumbs").mkdir(parents=True, exist_ok=True)
        page = render_evaluation(evaluated, contrast, notes, path / "thumbs")
    except OSError as error:
        raise CollectionError(f"The report {str(path)!r} cannot be written: {error.strerror or error}.") from error
    return write_report(path / _INDEX, page)


def render_evaluation(
    evaluated: EvaluatedCollection,
    contrast: Contrast | None = None,
    notes: Sequence[str] = (),
    folder: Path | None = None,
) -> str:
    """Render the page; thumbnails go to ``folder``, without one into the page."""
    e, summary = evaluated.evaluation, summarise(evaluated, TOP)
    keepers = find_keepers(evaluated)
    judges = all_judges(evaluated)
    titles = {judge.name: title for judge, title in zip(judges, titles_of(judges), strict=True)}
    # Adherence has a column of its own, with what is not shown.
    columns = [judge for judge in judges if not (evaluated.judged.adherence and is_adherence(judge.name))]
    order = np.argsort(-evaluated.standing, kind="stable")
    rows = list(_rows(evaluated, order if folder else order[:LARGEST], folder, columns))
    data = {
        "fields": _FIELDS,
        "rows": rows,
        "thumbs": "thumbs/" if folder else None,
        "judges": [titles[judge.name] for judge in columns],
    }
    script = Path(__file__).with_name("evaluation.js").read_text(encoding="utf-8")
    names = short_names(listed := _listed(summary))
    pictures = _pictures(evaluated, listed)
    return render_page(
        "evaluation.html",
        title=f"soart: {evaluated.title}",
        main=stored_title(e.main),
        taste=shlex.quote(JudgeKey.of(e.main).name),
        caution=CAUTION,
        notes=notes,
        summary=summary,
        keepers=keepers,
        update=evaluated.update,
        listed=len(rows),
        histogram=histogram_chart(e.standing, stored_title(e.main)),
        judges=judges,
        titles=titles,
        columns=columns,
        judged=len(evaluated.judged.adherence),
        phrases=evaluated.judged.phrases,
        contrast=contrast,
        picture=lambda image: pictures[image],
        name=lambda one: names[one.id],
        url=lambda one: Path(one.path).as_uri(),
        thumbs=folder is not None,
        # Inside a script element only "<" could end it.
        data=Markup(json.dumps(data, allow_nan=False).replace("<", "\\u003c")),
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
    )


def _rows(
    evaluated: EvaluatedCollection, order: np.ndarray, folder: Path | None, judges: Sequence[JudgeColumn]
) -> Iterator[list[object]]:
    """Yield the ``_FIELDS`` of each picture, in the order of the rows ``order`` (n,) of the evaluation."""
    e = evaluated.evaluation
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        stored = picture_facts(evaluated.collection, evaluated.update.scan_number, e.ids[block].tolist())
        for row in block.tolist():
            image = int(e.ids[row])
            facts, judged = stored[image], evaluated.judged.adherence.get(image)
            adherence = round(judged.value, 4) if judged and judged.value == judged.value else None
            if folder is None:
                thumb = base64.b64encode(facts.thumbnail).decode()
            else:
                thumb = f"{facts.sha256[:24]}.jpg"
                (folder / thumb).write_bytes(facts.thumbnail)
            distance = float(e.distance[row])
            yield [
                thumb, facts.path, round(float(e.scores[e.main][row]), 2) if e.judged[row] else None,
                round(float(e.percentile[row]), 1) if e.judged[row] else None, damage_noun(e.damage_name(row)),
                round(distance, 2) if distance == distance else 0,
                bool(e.outlier[row]), int(e.group[row]), bool(e.best[row]), facts.changed // 10**9, facts.prompt, facts.model,
                f"{facts.width} × {facts.height}", adherence, "; ".join(evaluated.judged.not_shown(image)),
                [round(float(values[row]), 6) if np.isfinite(values[row]) else None for values in (judge.values for judge in judges)],
            ]  # fmt: skip


def _listed(summary: Summary) -> list[ListedPicture]:
    """The pictures above the list."""
    lists = [summary.best, summary.worst, summary.missed[1], *(shown for _, shown in summary.looks)]
    lists += [one.pictures[:SHOWN] for one in summary.decisions]
    return [*{picture.id: picture for shown in lists for picture in shown}.values()]


def _pictures(evaluated: EvaluatedCollection, listed: Sequence[ListedPicture]) -> dict[int, str]:
    """URLs of pictures by id: large thumbnails, or small ones of pictures whose file is gone."""
    ids = sorted(picture.id for picture in listed)
    small = small_thumbnails(evaluated.collection, ids)
    urls = {}
    for row in images_by_id(evaluated.collection, ids).values():
        try:
            content = thumbnail(evaluated.collection, row)
        except ImageError:
            content = small[row.id]
        urls[row.id] = jpeg_url(content)
    return urls
