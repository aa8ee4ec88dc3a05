"""Renders an evaluation as a page with a list of all pictures.

The page is one self-contained HTML file, or, for large collections, a folder with thumbnails beside the page.
"""

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
from ...metrics.damage.titles import CAUTION, damage_noun, judge_name, stored_title
from ...metrics.percentiles import percentiles
from ..collection.files import first_paths, picture_facts
from ..collection.pictures import images_by_id, small_thumbnails
from ..collection.thumbnails import thumbnail
from ..evaluation.associations import UNCERTAIN
from ..evaluation.contrast import Contrast
from ..evaluation.evaluate import BLOCK
from ..evaluation.folders import EvaluatedCollection
from ..evaluation.judge_values import JudgeColumn, agreement_with, all_judges, titles_of
from ..evaluation.summary import ListedPicture, Summary, best_and_worst, near_duplicates_left, summarise
from ..judges.versions import is_adherence
from ..keepers.finding import KeeperGroup, Keepers, find_keepers
from .charts import counts_chart, histogram_chart
from .page import OTHER_FILES, jpeg_url, render_page, write_report

#: Most pictures listed in a single file, and most pictures shown of each kind.
LARGEST, TOP = 10_000, 12
#: Most pictures shown of a group.
MEMBERS = 24
_INDEX = "index.html"
_FIELDS = (
    "thumb", "path", "score", "percentile", "damage", "style", "distance", "outlier", "group", "best", "time", "prompt",
    "model", "size", "adherence", "missed", "judges",
)  # fmt: skip


def draw_damage(summary: Summary, pictures: int) -> Markup | None:
    """The number of pictures that are suspected of each kind of damage; None if none is."""
    counts = {damage_noun(name): count for name, (count, _) in summary.damage.items() if count}
    return counts_chart(counts, "pictures", "Suspected damage", total=pictures)


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
    groups = _keeper_strips(evaluated, keepers)
    judges = all_judges(evaluated)
    titles = {judge.name: title for judge, title in zip(judges, titles_of(judges), strict=True)}
    by_judge = _best_and_worst(evaluated, judges[0]) if judges else ((), ())
    agreed, common = agreement_with(evaluated, judges)
    # Adherence has a column of its own, with what is not shown.
    columns = [judge for judge in judges if not (evaluated.judged.adherence and is_adherence(judge.name))]
    order = np.argsort(-e.standing, kind="stable")
    rows = list(_rows(evaluated, order if folder else order[:LARGEST], folder, columns))
    data = {
        "fields": _FIELDS,
        "rows": rows,
        "thumbs": "thumbs/" if folder else None,
        "judges": [titles[judge.name] for judge in columns],
    }
    script = Path(__file__).with_name("evaluation.js").read_text(encoding="utf-8")
    strips = [*(shown for _, shown in groups), *by_judge]
    pictures = _pictures(evaluated, summary, [picture for shown in strips for picture in shown])
    return render_page(
        "evaluation.html",
        title=f"soart: {evaluated.title}",
        main=stored_title(e.main),
        taste=shlex.quote(judge_name(e.main)),
        caution=CAUTION,
        notes=notes,
        summary=summary,
        keepers=keepers,
        keeper_groups=groups,
        update=evaluated.update,
        pictures=len(e.ids),
        listed=len(rows),
        damaged=int((e.damage >= 0).sum()),
        histogram=histogram_chart(e.standing, stored_title(e.main)),
        damages=draw_damage(summary, len(e.ids)),
        associations=[a for a in e.associations if a.q <= UNCERTAIN][:60],
        trends=e.trends,
        judges=judges,
        titles=titles,
        by_judge=by_judge,
        agreed=agreed,
        common=common,
        columns=columns,
        judged=len(evaluated.judged.adherence),
        phrases=evaluated.judged.phrases,
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


def _best_and_worst(
    evaluated: EvaluatedCollection, judge: JudgeColumn
) -> tuple[tuple[ListedPicture, ...], tuple[ListedPicture, ...]]:
    """The best and the worst pictures by a judge, with its values; no picture is in both lists."""
    e, order = evaluated.evaluation, judge.order
    count = min(TOP, (len(order) + 1) // 2)
    best, worst = best_and_worst(e.group, order, count, min(count, len(order) - count))
    alike = near_duplicates_left(e.group, order)
    shown = [int(row) for row in (*best, *worst)]
    paths = first_paths(evaluated.collection, evaluated.update.scan_number, [int(e.ids[row]) for row in shown])
    places = dict(zip(order.tolist(), percentiles(judge.values[order]).tolist(), strict=True))

    def show(row: int) -> ListedPicture:
        return ListedPicture(
            int(e.ids[row]), paths[int(e.ids[row])], float(judge.values[row]), places[row], alike=alike.get(row, 0)
        )

    return tuple(show(row) for row in shown[: len(best)]), tuple(show(row) for row in shown[len(best) :])


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
                int(e.style[row]) + 1 if len(e.styles) > 1 else 0, round(distance, 2) if distance == distance else 0,
                bool(e.outlier[row]), int(e.group[row]), bool(e.best[row]), facts.changed // 10**9, facts.prompt, facts.model,
                f"{facts.width} × {facts.height}", adherence, "; ".join(evaluated.judged.not_shown(image)),
                [round(float(values[row]), 6) if np.isfinite(values[row]) else None for values in (judge.values for judge in judges)],
            ]  # fmt: skip


def _keeper_strips(
    evaluated: EvaluatedCollection, keepers: Keepers
) -> list[tuple[KeeperGroup, tuple[ListedPicture, ...]]]:
    """The largest groups with their pictures, those to keep first."""
    e = evaluated.evaluation

    def show(group: KeeperGroup, k: int) -> ListedPicture:
        image, note = group.images[k], "keep" if k < group.kept else ""
        return ListedPicture(image, group.paths[k], group.scores[k], float(e.percentile[e.place[image]]), note)

    largest = sorted(keepers.groups, key=lambda group: -len(group.images))[:TOP]
    return [(group, tuple(show(group, k) for k in range(min(MEMBERS, len(group.images))))) for group in largest]


def _pictures(evaluated: EvaluatedCollection, summary: Summary, more: Sequence[ListedPicture]) -> dict[int, str]:
    """URLs of the pictures above the list, by id: large thumbnails, or small ones of pictures whose file is gone."""
    lists = [
        summary.best,
        summary.worst,
        summary.outliers[1],
        summary.missed[1],
        more,
        *(shown for _, shown in summary.damage.values()),
    ]
    lists += [*(shown for _, shown in summary.styles), *(group[:MEMBERS] for group in summary.groups[1])]
    ids = sorted({picture.id for shown in lists for picture in shown})
    small = small_thumbnails(evaluated.collection, ids)
    urls = {}
    for row in images_by_id(evaluated.collection, ids).values():
        try:
            content = thumbnail(evaluated.collection, row)
        except ImageError:
            content = small[row.id]
        urls[row.id] = jpeg_url(content)
    return urls
