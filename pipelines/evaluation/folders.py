"""The job of ``soart evaluate`` from end to end: where its collection lies, what is scanned, what is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import CollectionError
from ...metrics.protocols import Scorer
from ..collection.collection import Collection
from ..ingest.engines import Engine
from ..ingest.roots import remember_roots
from ..ingest.scan import Scan, as_text
from ..ingest.sync import Update, sync
from .evaluate import evaluate
from .result import Evaluation


@dataclass(frozen=True)
class EvaluatedCollection:
    """What a survey found.

    Attributes:
        collection: the collection.
        update: what changed in the folders.
        evaluation: of the pictures that are there.
        title: what was surveyed, in a few words.
    """

    collection: Collection
    update: Update
    evaluation: Evaluation
    title: str


def sync_and_evaluate(
    collection: Collection,
    scan: Scan,
    engine: Engine,
    tastes: Sequence[Scorer] = (),
    *,
    retry: bool = False,
    progress: Callable[[int], None] = lambda files: None,
    expect: Callable[[int], None] = lambda total: None,
    evaluating: Callable[[int], None] = lambda pictures: None,
) -> EvaluatedCollection:
    """Bring a collection in step with folders and evaluate it.

    Args:
        collection: the collection.
        scan: the folders.
        engine: looks at what is new.
        tastes: profiles to score by; the first one ranks.
        retry: look again at files that could not be decoded.
        progress: as for ``sync``.
        expect: as well.
        evaluating: as the ``progress`` of ``evaluate``.

    Raises:
        CollectionError: no picture, or a collection that cannot be read or written.
    """
    named = {getattr(getattr(scorer, "taste", None), "network", None) for scorer in tastes}
    networks = [None, *sorted(name for name in named if name)]
    update = sync(collection, scan, engine, networks, retry=retry, progress=progress, expect=expect)
    remember_roots(collection, scan.roots)
    if update.found == 0:
        where = ", ".join(repr(str(root)) for root in scan.roots)
        said = "".join(f" {problem}" for problem in update.problems[:3])
        raise CollectionError(f"There is no picture in {where}.{said}")
    title = ", ".join(as_text(root.absolute().name) for root in scan.roots[:3])
    return EvaluatedCollection(collection, update, evaluate(collection, update.scan_number, tastes, evaluating), title)
