"""Scores under one judge beside prompts, settings and days, as the database counts them, and how pictures were made.

All are about the pictures that one scan saw, and stream: memory does not grow with the collection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import case, func, select

from ...metrics.damage.names import STORED_TECHNICAL
from ...metrics.items.faces import VERSION as FACES
from .collection import Collection
from .files import image_ids_of_scan
from .makes import NAMED_LORAS
from .tables import HERE, TIME, FileRow, ImageRow, ItemsRow, MetadataRow, ScoreRow

#: Settings of pictures that are texts, and facts that are numbers.
TEXTS = ("prompt", "negative", "model", "sampler", "scheduler", "tool")
NUMBERS = ("steps", "guidance", "pixels", "date")
_NANOSECONDS = 86_400 * 10**9
#: Day on which a file changed, since 1970; databases round quotients towards zero.
_DAY = (TIME - case((TIME < 0, _NANOSECONDS - 1), else_=0)) // _NANOSECONDS
_BLOCK = 1000


def digest_of_settings(collection: Collection, scan_number: int) -> bytes:
    """SHA-256 of prompts and settings of a scan's pictures, of the days of their files, of how many were searched for faces.

    It differs wherever one of the statistics below may differ while the pictures and their scores are the same.
    """
    settings = [getattr(MetadataRow, name) for name in (*TEXTS, *NUMBERS) if name not in ("pixels", "date")]
    pictures = select(MetadataRow.image_id, *settings).where(MetadataRow.image_id.in_(image_ids_of_scan(scan_number)))
    files = select(FileRow.image_id, _DAY).where(FileRow.scan == scan_number, FileRow.image_id.is_not(None))
    digest = hashlib.sha256()
    with collection.session("be read") as session:
        for query in (pictures.order_by(MetadataRow.image_id), files.order_by(FileRow.image_id, _DAY)):
            for row in session.execute(query.execution_options(yield_per=_BLOCK)):
                digest.update(repr(tuple(row)).encode(errors="surrogateescape"))
        looked = select(func.count()).where(ItemsRow.version == FACES)
        digest.update(str(session.scalar(looked)).encode())
    return digest.digest()


def unfit_ids(collection: Collection) -> set[int]:
    """Ids of the sound pictures at hand that cannot be judged: too small, all black or of one tone."""
    unfit = select(ScoreRow.image_id).where(ScoreRow.judge == STORED_TECHNICAL, ScoreRow.value.is_(None))
    with collection.session("be read") as session:
        return set(session.scalars(select(ImageRow.id).where(HERE, ImageRow.problem.is_(None), ImageRow.id.in_(unfit))))


def distinct_prompts(collection: Collection, scan_number: int) -> Iterator[str]:
    """Yield every different prompt once."""
    query = select(MetadataRow.prompt).where(MetadataRow.image_id.in_(image_ids_of_scan(scan_number))).distinct()
    query = query.where(MetadataRow.prompt.is_not(None)).execution_options(yield_per=_BLOCK)
    with collection.session("be read") as session:
        yield from (prompt for prompt in session.scalars(query) if prompt is not None)


def mean_scores(
    collection: Collection, scan_number: int, judge: str, setting: str
) -> Iterator[tuple[str | None, str | None, int, float]]:
    """Yield (prompt, setting, number of pictures, mean score) of every pair of a prompt and a setting of ``TEXTS``.

    Of ``loras`` the setting is the JSON text of all settings if it names some, else empty.
    """
    column: Any = NAMED_LORAS if setting == "loras" else getattr(MetadataRow, setting)
    query = (
        select(MetadataRow.prompt, column, func.count(), func.avg(ScoreRow.value))
        .join(ScoreRow, ScoreRow.image_id == MetadataRow.image_id)
        .where(
            ScoreRow.judge == judge,
            ScoreRow.value.is_not(None),
            MetadataRow.image_id.in_(image_ids_of_scan(scan_number)),
        )
        .group_by(MetadataRow.prompt, column)
        .order_by(MetadataRow.prompt, column)
    )
    with collection.session("be read") as session:
        yield from session.execute(query.execution_options(yield_per=_BLOCK))


def numbers_and_scores(
    collection: Collection, scan_number: int, judge: str, number: str
) -> tuple[np.ndarray, np.ndarray]:
    """One of ``NUMBERS`` and the score of every picture that has both, (n, 2) float64 in the order of hashes.

    The date is the day on which a file last changed, since 1970.

    Also (n,) int64 numbers that are equal for equal prompts; −1 for pictures without one.
    """
    others = {"pixels": ImageRow.width * ImageRow.height, "date": _DAY}
    column: Any = others[number] if number in others else getattr(MetadataRow, number)
    query = (
        select(column, ScoreRow.value, MetadataRow.prompt)
        .select_from(ImageRow)
        .join(ScoreRow, ScoreRow.image_id == ImageRow.id)
        .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
        .where(ScoreRow.judge == judge, ScoreRow.value.is_not(None), column.is_not(None))
        .where(ImageRow.id.in_(image_ids_of_scan(scan_number)))
        .order_by(ImageRow.sha256)
    )
    if number == "date":
        query = query.join(FileRow, FileRow.image_id == ImageRow.id).where(FileRow.scan == scan_number)
    with collection.session("be read") as session:
        rows = session.execute(query.execution_options(yield_per=_BLOCK))
        found = ((value, score, _number_of(prompt)) for value, score, prompt in rows)
        table = np.fromiter(found, dtype=[("value", "f8"), ("score", "f8"), ("prompt", "i8")])
    return np.stack([table["value"], table["score"]], axis=1), table["prompt"]


def _number_of(prompt: str | None) -> int:
    """A number, 0 or more, that is equal for equal prompts; −1 for none."""
    if not prompt:
        return -1
    return int.from_bytes(hashlib.blake2b(prompt.encode(errors="surrogateescape"), digest_size=8).digest()) >> 1


def made_of_scan(collection: Collection, scan_number: int) -> Iterator[Any]:
    """Yield (id, path, width, height, prompt, model, ``NAMED_LORAS``) of every picture, those of one prompt together."""
    query = (
        select(
            ImageRow.id,
            ImageRow.path,
            ImageRow.width,
            ImageRow.height,
            MetadataRow.prompt,
            MetadataRow.model,
            NAMED_LORAS,
        )
        .outerjoin(MetadataRow, MetadataRow.image_id == ImageRow.id)
        .where(ImageRow.id.in_(image_ids_of_scan(scan_number)))
        .order_by(MetadataRow.prompt, ImageRow.path)
    )
    with collection.session("be read") as session:
        yield from session.execute(query.execution_options(yield_per=_BLOCK))
