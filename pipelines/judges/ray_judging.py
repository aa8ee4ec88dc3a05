"""Judges pictures on a Ray cluster.

Workers load the judge by its name. A judge of items, such as adherence, is sent measurements, and judges in this process
as it always does; so its values are those of one machine, and the items are stored. Other judges judge on the workers, in
the same batches as on one machine. The collection stays with this process, its only writer.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from ...errors import ImageError, JudgeError, first_line
from ...metrics.damage.titles import Kind
from ...metrics.image import read_image
from ...metrics.items.combined import stored_parts
from ...metrics.protocols import Extractor, Judge
from ...version import __version__
from ..collection.png import unchanged_content
from ..collection.tables import ImageRow
from ..scoring.pictures import PicturesInMemory, StoredPictures
from ..support.batching import batches
from ..support.processes import compute_on_one_core
from ..support.progress import Advance, silent
from ..support.ray_cluster import check_version, ray_connection, worker_error
from .adherence import AdherenceJudge
from .catalogue import Catalogue
from .guarded import GuardedJudge, WithoutValue
from .storing import fit_part, judge_missing, judge_pictures, still_to_judge, store_values

#: Pictures that a worker measures at once; the batches of a judge of pixels are its own.
_MEASURED = 64
#: Times that Ray does a batch again whose worker died.
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """A worker's answer for a batch of pictures."""

    #: for each picture its items (p,) by their version; empty for a judge of pixels
    items: list[dict[str, np.ndarray]] = field(default_factory=list)
    values: np.ndarray | None = None  # (n,) higher is better, NaN where there is none; None for a judge of items
    problems: tuple[str, ...] = ()  # a sentence for each picture that cannot be read
    #: pictures of this batch without a value, by the reason
    failed: dict[str, WithoutValue] = field(default_factory=dict)
    stopped: str = ""


@lru_cache(maxsize=2)
def _loaded(named: str, version: str) -> Judge:
    judge = Catalogue().judge(named)
    if judge.version != version:
        raise JudgeError(
            f"A node has the judge {named!r} in version {judge.version!r}, not {version!r}: install the same packages and "
            "weights on every node."
        )
    return judge


def judge_files(
    named: str, judge_version: str, version: str, files: Sequence[tuple[str, str]], prompts: Sequence[str]
) -> WorkerAnswer:
    """Measure or judge a batch of picture files in a worker."""
    check_version(version)
    compute_on_one_core()
    judge = GuardedJudge(_loaded(named, judge_version), named=named)
    pixels: list[np.ndarray | None] = []
    problems = []
    for path, sha256 in files:
        try:
            pixels.append(read_image(unchanged_content(Path(path), sha256), label=path).pixels)
        except ImageError as error:
            pixels.append(None)
            problems.append(str(error))
    if _by_items(judge):
        items = [
            {} if picture is None else _items(judge, picture, prompt)
            for picture, prompt in zip(pixels, prompts, strict=True)
        ]
        return WorkerAnswer(items, None, tuple(problems))
    values = np.full(len(files), np.nan)
    readable = {i: picture for i, picture in enumerate(pixels) if picture is not None}
    judged = _Files(readable, dict(enumerate(prompts)))
    judged.paths = [path for path, _ in files]
    values[[*readable]] = judge.values(judged)
    return WorkerAnswer([], values, tuple(problems), dict(judge.failed), judge.stopped)


class _Files(PicturesInMemory):
    """Pictures that are named by their files."""

    paths: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """The files of the pictures, for sentences."""
        return [repr(self.paths[number]) for number in self.ids]

    def part(self, ids: Container[int]) -> Self:
        """Those of the pictures that have these numbers."""
        part = super().part(ids)
        part.paths = self.paths
        return part


def _by_items(judge: GuardedJudge) -> bool:
    return isinstance(judge.inner, AdherenceJudge) or judge.extractor is not None


def _items(judge: GuardedJudge, pixels: np.ndarray, prompt: str) -> dict[str, np.ndarray]:
    extractors: Sequence[Extractor] = () if judge.extractor is None else stored_parts(judge.extractor)
    if isinstance(judge.inner, AdherenceJudge):
        extractors = [s.extractor for s in judge.inner.needed(prompt, (pixels.shape[1], pixels.shape[0]))]
    return {extractor.version: extractor.extract(pixels)[0].astype(np.float32) for extractor in extractors}


def judge_on_cluster(
    pictures: StoredPictures, judge: GuardedJudge, progress: Advance = silent, workers: int | None = None
) -> tuple[dict[int, float], list[str]]:
    """As ``judge_pictures``, on a Ray cluster whose nodes reach the files under the same absolute paths.

    ``workers`` is the most batches under way at a time; of a cluster started here its number of CPUs.
    """
    if not judge.named:
        raise JudgeError(
            f"The judge {judge.name!r} is a Python object, which a cluster cannot load: pass its name or 'module:Class' instead."
        )
    # Tastes and blends are files of this machine.
    if judge.person or judge.key.kind is Kind.TASTE or hasattr(judge.inner, "judges"):
        return judge_pictures(pictures, judge, progress)
    values, missing, problems = still_to_judge(pictures, judge, progress)
    collection = pictures.collection
    asked = len(missing.rows)
    fit, unreadable = fit_part(missing, judge)
    missing = missing.part({*fit.ids})
    progress(asked - len(missing.rows))
    store_values(pictures, judge, {})
    problems += unreadable
    if not missing.rows:
        return values, [*dict.fromkeys(problems), *judge.problems]
    for own, answer in _answers(missing, judge, workers):
        if answer.values is None:
            for version in {version for items in answer.items for version in items}:
                fresh = {
                    row.id: items[version] for row, items in zip(own, answer.items, strict=True) if version in items
                }
                collection.add_items(version, fresh)
            found, left_out = judge_missing(missing.part({row.id for row in own}), judge, progress)
            problems += left_out
        else:
            found = {row.id: float(v) for row, v in zip(own, answer.values, strict=True) if np.isfinite(v)}
            store_values(missing.part({row.id for row in own}), judge, found)
            problems += answer.problems
            for what, those in answer.failed.items():
                judge.note_failed(what, those)
            judge.stopped = answer.stopped
            progress(len(own))
        values |= found
        if judge.stopped:
            break
    return values, [*dict.fromkeys(problems), *judge.problems]


def _answers(
    pictures: StoredPictures, judge: GuardedJudge, workers: int | None
) -> Iterator[tuple[list[ImageRow], WorkerAnswer]]:
    """The answers for batches of pictures, in any order."""
    collection, rows = pictures.collection, pictures.rows
    prompts = dict(zip(pictures.ids, pictures.prompts(), strict=True)) if "prompt" in judge.needs else {}
    with ray_connection(workers) as ray:
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(judge_files)
        left = (list(block) for block in batches(rows, _MEASURED if _by_items(judge) else judge.batch))
        running: dict[Any, list[ImageRow]] = {}
        try:
            while True:
                room = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
                while len(running) < room and (block := next(left, None)):
                    files = [(str(collection.locate(row)), row.sha256) for row in block]
                    texts = [prompts.get(row.id, "") for row in block]
                    running[task.remote(judge.named, judge.version, __version__, files, texts)] = block
                if not running:
                    return
                [done], _ = ray.wait([*running], num_returns=1)
                block = running.pop(done)
                try:
                    answer = ray.get(done)
                except ray.exceptions.RayTaskError as error:
                    raise worker_error(error) from error
                except ray.exceptions.RayError as error:
                    lost = f"its worker died again and again ({first_line(error).rstrip('.')})"
                    those = WithoutValue.of([True] * len(block), [repr(str(collection.locate(row))) for row in block])
                    answer = WorkerAnswer([], np.full(len(block), np.nan), (), {lost: those})
                yield block, answer
        finally:
            for unfinished in running:
                ray.cancel(unfinished, force=True)
