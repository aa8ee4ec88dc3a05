"""The attention tables: two versions on kinds of pictures, from ratings, from words of prompts, or from folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....errors import SoartError
from ....pipelines.attention.collection_modes import by_ratings, by_words, modes_of
from ....pipelines.attention.modes import VERSIONS, Modes, VersionReport, compare_versions, measure_modes
from ....pipelines.support.background import Job
from ..answers import page, posted
from ..state import Place, place_of, rater_of, site_of

KEY = "attention"


def attention_page(request: Request) -> Response:
    """The view."""
    place = place_of(request)
    classes = {name: len(ids) for name, ids in by_ratings(place.collection, rater_of(request)).items()}
    return page(request, "attention.html", place, view="attention", versions=VERSIONS, classes=classes)


def _folders(text: str) -> dict[str, Path]:
    folders = [Path(line.strip()).expanduser() for line in text.splitlines() if line.strip()]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise SoartError(f"There is no folder {str(missing[0])!r}: name one folder a line.")
    named = {folder.resolve().name: folder for folder in folders}
    if len(named) < len(folders) or len(named) < 2:
        raise SoartError("Expected at least two folders of different names, one a line: modes are named after folders.")
    return named


def start(request: Request, body: dict[str, Any]) -> Response:
    """Begin a comparison in the background."""
    place, rater = place_of(request), rater_of(request)
    versions = [str(body.get(name, "")).upper() for name in ("first", "second")]
    source, text = body.get("source"), str(body.get("text", ""))
    if source == "folders" and not site_of(request).settings.local:
        raise SoartError("Folders can only be named where the server listens to this machine alone.")
    folders = _folders(text) if source == "folders" else {}

    def work(job: Job) -> VersionReport:
        data = _data(place, rater, str(source), text, folders, job)
        report = compare_versions(data, versions)
        job.message = f"{len(data.files)} pictures compared. {' '.join(data.problems[:3])}"
        return report

    return JSONResponse({"job": place.jobs.start(KEY, "Comparing attention", work).number})


def _data(place: Place, rater: str, source: str, text: str, folders: dict[str, Path], job: Job) -> Modes:
    if source == "folders":
        return measure_modes(folders, job.advance, job.expect)
    classes = by_words(place.collection, text.split()) if source == "words" else by_ratings(place.collection, rater)
    return modes_of(place.collection, classes, job.advance)


def _table(table: pd.DataFrame) -> dict[str, Any]:
    modes, pictures = (table.columns.get_level_values(level) for level in ("mode", "picture"))
    return {
        "rows": [str(mode) for mode in table.index.get_level_values("mode")],
        "columns": [str(mode) for mode in modes],
        "pictures": [str(name) for name in pictures],
        "values": np.round(table.to_numpy(dtype=np.float64), 6).tolist(),
    }


def result(request: Request) -> Response:
    """The tables of the last comparison."""
    job = place_of(request).jobs.find(KEY)
    if job is None or job.result is None:
        return JSONResponse({"report": None})
    report: VersionReport = job.result
    c = report.comparison
    return JSONResponse({
        "report": {
            "names": list(c.names),
            "tables": {
                "first": _table(c.first), "second": _table(c.second),
                "difference": _table(c.difference), "signs": _table(c.plus_minus),
            },
            "blocks": {"modes": [str(m) for m in c.blocks.index], "values": np.round(c.blocks.to_numpy(), 4).tolist()},
            "lopsidedness": c.lopsidedness,
            "accuracy": dict(report.accuracy),
            "chance": report.chance,
            "folds": report.folds,
        },
        "message": job.message,
    })  # fmt: skip


routes = [
    Route("/attention", attention_page),
    Route("/api/attention", result),
    Route("/api/attention", posted(start), methods=["POST"]),
]
