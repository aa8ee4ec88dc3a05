"""Attention view: two versions compared on ratings, words of prompts, or folders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....pipelines.attention.collection_modes import by_ratings
from ....pipelines.attention.modes import VERSIONS
from ....pipelines.services.attention import folders_by_name, result_of, start_comparison
from ..answers import folders_of, for_visitor, json_endpoint, page
from ..state import current_collection, rater_of


def attention_page(request: Request) -> Response:
    """The view."""
    current = current_collection(request)
    classes = {name: len(ids) for name, ids in by_ratings(current.collection, rater_of(request)).items()}
    return page(request, "attention.html", current, view="attention", versions=VERSIONS, classes=classes)


def start(request: Request, body: dict[str, Any]) -> Response:
    """Start a comparison in the background."""
    current = current_collection(request)
    versions = [str(body.get(name, "")).upper() for name in ("first", "second")]
    source, text = body.get("source"), str(body.get("text", ""))
    job = start_comparison(
        current.jobs,
        current.collection,
        rater_of(request),
        versions,
        words=text.split() if source == "words" else None,
        folders=folders_by_name(folders_of(current, text)) if source == "folders" else None,
    )
    return JSONResponse({"job": job.number})


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
    last = result_of(current_collection(request).jobs)
    if last is None:
        return JSONResponse({"report": None})
    report, message = last
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
        "message": for_visitor(request, message),
    })  # fmt: skip


routes = [
    Route("/attention", attention_page),
    Route("/api/attention", result),
    Route("/api/attention", json_endpoint(start), methods=["POST"]),
]
