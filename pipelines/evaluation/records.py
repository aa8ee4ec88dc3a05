"""Files of an evaluated collection as plain records."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from types import MappingProxyType
from typing import Any

import numpy as np

from ..collection.collection import Collection
from ..collection.files import FileFacts, file_facts
from ..collection.makes import place_effects
from ..collection.pictures import sha256_by_id
from ..collection.tables import time_of
from ..ingest.metadata import maker
from ..ingest.scan import as_text
from .judging import JudgedPictures
from .result import Evaluation

#: Columns of every record and the types of their values; scores follow, one column ``score:JUDGE`` each.
COLUMNS: dict[str, type] = {
    "path": str, "sha256": str, "width": int, "height": int, "format": str, "bytes": int, "changed": str, "notes": str,
    "problem": str, "score": float, "effect": float, "place": int, "percentile": float, "verdict": str, "technometric": float, "damage": str,
    "distance_from_usual": float, "outlier": bool, "faces": int, "duplicates": str, "best_of_duplicates": bool, "tool": str, "prompt": str, "negative": str, "model": str, "sampler": str,
    "scheduler": str, "seed": str, "steps": int, "guidance": float, "settings": str, "source": str,
}  # fmt: skip


#: Python's clock of Windows knows no time before it.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Column of the phrases that a picture was asked for and does not show.
NOT_SHOWN = "not_shown"


def columns(evaluation: Evaluation, judged: JudgedPictures = JudgedPictures()) -> dict[str, type]:  # noqa: B008
    """Names and types of the columns of an evaluation's records."""
    scores = {f"score:{judge}": float for judge in (*evaluation.scores, *judged.values)}
    return COLUMNS | scores | ({NOT_SHOWN: str} if judged.adherence else {})


def records(
    collection: Collection,
    scan_number: int,
    evaluation: Evaluation,
    unusable: Mapping[str, str] = MappingProxyType({}),
    judged: JudgedPictures = JudgedPictures(),  # noqa: B008
) -> Iterator[dict[str, Any]]:
    """Yield a record for every file that a scan saw, in the order of paths; values that are not known are None.

    ``duplicates`` names the group of near-duplicates by the hash of the picture to keep. ``unusable`` holds problems by
    path of files that the collection does not store, see ``Update``; bytes of their names that are not text are
    escaped.
    """
    blank: dict[str, Any] = dict.fromkeys(columns(evaluation, judged))
    # Sorted again, because escaping may change the order.
    ordered = sorted((as_text(path), problem) for path, problem in unusable.items())
    others = (blank | {"path": path, "problem": problem} for path, problem in ordered)
    stored = _stored(collection, scan_number, evaluation, judged)
    return heapq.merge(stored, others, key=lambda record: str(record["path"]))


def _stored(
    collection: Collection, scan_number: int, evaluation: Evaluation, judged: JudgedPictures
) -> Iterator[dict[str, Any]]:
    digests, blank = _group_digests(collection, evaluation), dict.fromkeys(columns(evaluation, judged))
    effect = place_effects(collection, evaluation.main).points(evaluation.ids, evaluation.scores[evaluation.main])
    order = np.argsort(-(evaluation.standing + effect), kind="stable")
    places = {int(row): place for place, row in enumerate(order[evaluation.judged[order]], start=1)}
    for facts in file_facts(collection, scan_number):
        record = blank | _record(facts, evaluation, digests)
        row = evaluation.place.get(facts.image.id) if facts.image is not None else None
        if row is not None:
            record |= _judge_columns(judged, evaluation, row)
            record |= {"effect": _rounded(effect[row], 4) if row in places else None, "place": places.get(row)}
        yield record


def _judge_columns(judged: JudgedPictures, evaluation: Evaluation, row: int) -> dict[str, Any]:
    """The columns of a record that come from judges."""
    record: dict[str, Any] = {f"score:{name}": _rounded(values[row], 6) for name, values in judged.values.items()}
    if judged.adherence:
        record[NOT_SHOWN] = "; ".join(judged.not_shown(int(evaluation.ids[row]))) or None
    return record


def _group_digests(collection: Collection, evaluation: Evaluation) -> dict[int, str]:
    """SHA-256 of the picture to keep of each group of near-duplicates, by the group's number."""
    group = {int(evaluation.ids[row]): int(evaluation.group[row]) for row in evaluation.best.nonzero()[0]}
    return {group[image]: digest for image, digest in sha256_by_id(collection, list(group)).items()}


def _record(facts: FileFacts, evaluation: Evaluation, digests: Mapping[int, str]) -> dict[str, Any]:
    file, image, metadata = facts.file, facts.image, facts.metadata
    record: dict[str, Any] = dict.fromkeys(columns(evaluation))
    record |= {"path": file.path, "bytes": file.size, "problem": file.problem}
    record["changed"] = (_EPOCH + timedelta(seconds=time_of(file.changed) // 10**9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    if metadata is not None:
        names = ("prompt", "negative", "model", "sampler", "scheduler", "seed", "steps", "guidance", "source")
        record |= {name: getattr(metadata, name) for name in names}
        record["tool"] = maker(metadata.tool)
        record["settings"] = json.dumps(json.loads(metadata.settings), sort_keys=True, ensure_ascii=False)
    if image is not None:
        record |= {"sha256": image.sha256, "width": image.width, "height": image.height}
        record |= {"format": facts.format, "notes": facts.notes}
        row = evaluation.place.get(image.id)
        if row is not None:
            record |= _evaluation_columns(evaluation, row, digests)
        record["problem"] = record["problem"] or image.problem
    return record


def _evaluation_columns(evaluation: Evaluation, row: int, digests: Mapping[int, str]) -> dict[str, Any]:
    """The columns of a record that come from a row of an evaluation."""
    group, distance = int(evaluation.group[row]), float(evaluation.distance[row])
    technometric = float(evaluation.technometric[row])
    scores = {f"score:{name}": _rounded(values[row], 4) for name, values in evaluation.scores.items()}
    return scores | {
        "score": _rounded(evaluation.scores[evaluation.main][row], 4),
        "percentile": _rounded(evaluation.percentile[row], 3),
        "verdict": evaluation.verdicts[row],
        "technometric": _rounded(technometric, 4),
        "damage": evaluation.damage_name(row) or None,
        "distance_from_usual": _rounded(distance, 4),
        "outlier": bool(evaluation.outlier[row]),
        "faces": faces if (faces := int(evaluation.faces[row])) >= 0 else None,
        "duplicates": digests.get(group),
        "best_of_duplicates": bool(evaluation.best[row]) if group >= 0 else None,
    }


def _rounded(value: float, digits: int) -> float | None:
    """A number, rounded; None for NaN and infinity."""
    return round(float(value), digits) if isfinite(value) else None
