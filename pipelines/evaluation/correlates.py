"""Asks the database what goes with better pictures in a collection, and when its pictures came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from ..collection.collection import Collection
from ..collection.tables import FileRow, ImageRow, MetadataRow, ScoreRow
from ..ingest.metadata import prompt_words
from .associations import Association, Tally, Trend, findings, trend
from .result import Period

#: Columns of metadata whose values are compared.
_FACTS = {
    "model": MetadataRow.model,
    "sampler": MetadataRow.sampler,
    "scheduler": MetadataRow.scheduler,
    "tool": MetadataRow.tool,
}
_NANOSECONDS = 86_400 * 10**9
#: Most periods of the time line before days become months, and months become years.
_PERIODS = 40


def _seen(scan_number: int) -> Select[Any]:
    return select(FileRow.image_id).where(FileRow.scan == scan_number, FileRow.image_id.is_not(None))


def _prompts(
    collection: Collection,
    scan_number: int,
    profile: str,
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
) -> Iterator[tuple[str | None, str | None, int, float]]:
    """Prompt, value, number of pictures and mean score of every different pair of prompt and value."""
    query = (
        select(MetadataRow.prompt, column, func.count(), func.avg(ScoreRow.value))
        .join(ScoreRow, ScoreRow.image_id == MetadataRow.image_id)
        .where(ScoreRow.profile == profile, MetadataRow.image_id.in_(_seen(scan_number)))
        .group_by(MetadataRow.prompt, column)
        .order_by(MetadataRow.prompt, column)
    )
    with collection.session("be read") as session:
        yield from session.execute(query.execution_options(yield_per=1000))


def find_associations(collection: Collection, scan_number: int, profile: str) -> tuple[Association, ...]:
    """Words of prompts and of negative prompts, models, samplers and tools that go with better or worse pictures."""
    tallies = {kind: Tally(kind) for kind in ("word", "negative", *_FACTS)}
    for prompt, _, pictures, mean in _prompts(collection, scan_number, profile, MetadataRow.prompt):
        if prompt:
            tallies["word"].add(prompt_words(prompt), pictures, mean)
    for _, negative, pictures, mean in _prompts(collection, scan_number, profile, MetadataRow.negative):
        if negative is not None:
            tallies["negative"].add(prompt_words(negative), pictures, mean)
    for kind, column in _FACTS.items():
        for _, value, pictures, mean in _prompts(collection, scan_number, profile, column):
            if value:
                tallies[kind].add([value], pictures, mean)
    return tuple(findings(tallies))


def find_trends(collection: Collection, scan_number: int, profile: str) -> tuple[Trend, ...]:
    """How scores go with steps, guidance and number of pixels."""
    pixels = ImageRow.width * ImageRow.height
    found = []
    for name, column in (("steps", MetadataRow.steps), ("guidance", MetadataRow.guidance), ("pixels", pixels)):
        query = (
            select(column, ScoreRow.value)
            .select_from(ImageRow)
            .join(ScoreRow, ScoreRow.image_id == ImageRow.id)
            .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
            .where(ScoreRow.profile == profile, ImageRow.id.in_(_seen(scan_number)), column.is_not(None))
            .order_by(ImageRow.sha256)
        )
        with collection.session("be read") as session:
            rows = session.execute(query.execution_options(yield_per=1000))
            pairs = np.fromiter((x for row in rows for x in row), np.float64).reshape(-1, 2)
        found.append(trend(name, pairs[:, 0], pairs[:, 1]))
    return tuple(one for one in found if one is not None)


def timeline(collection: Collection, scan_number: int, profile: str) -> tuple[Period, ...]:
    """Pictures by the day, month or year in which their files last changed (UTC)."""
    day = func.abs(FileRow.changed) // _NANOSECONDS
    query = (
        select(day, func.count(), func.sum(ScoreRow.value))
        .join(ScoreRow, ScoreRow.image_id == FileRow.image_id)
        .where(FileRow.scan == scan_number, ScoreRow.profile == profile)
        .group_by(day)
        .order_by(day)
    )
    with collection.session("be read") as session:
        days = [(datetime.fromtimestamp(int(d) * 86_400, UTC), n, s) for d, n, s in session.execute(query)]
    for form in ("%Y-%m-%d", "%Y-%m", "%Y"):
        pictures, sums = Counter[str](), Counter[str]()
        for date, count, total in days:
            pictures[date.strftime(form)] += count
            sums[date.strftime(form)] += total
        if len(pictures) <= _PERIODS or form == "%Y":
            break
    return tuple(Period(name, count, sums[name] / count) for name, count in pictures.items())
