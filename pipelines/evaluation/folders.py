"""Brings a collection in step with folders and evaluates it."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import expect as check_type
from ...files import named_as_given, plain_path
from ..collection.collection import Collection
from ..collection.files import sound_image_ids
from ..collection.makes import place_effects
from ..ingest.engines import Engine
from ..ingest.inspection import Inspection
from ..ingest.roots import remember_roots
from ..ingest.scan import Scan, as_text
from ..ingest.scan_records import check_undisturbed
from ..ingest.sync import Update, sync
from ..judges.engines import Judging
from ..judges.face_source import FaceSource
from ..judges.finding import By, judges_for, kinds_of
from ..judges.storing import judge_pictures
from ..scoring.rated_tastes import tastes_at_hand
from ..support.progress import Advance, silent
from .evaluate import evaluate
from .judging import JudgedPictures, judge_evaluated
from .result import Evaluation


@dataclass(frozen=True)
class EvaluatedCollection:
    """A collection in step with its folders, and its evaluation; ``title`` names the first folders."""

    collection: Collection
    update: Update
    evaluation: Evaluation
    title: str
    judged: JudgedPictures = field(default_factory=JudgedPictures)

    @property
    def effect(self) -> np.ndarray:
        """(n,) what models add to the main scores where pictures are put in places; 0 for none."""
        e = self.evaluation
        return place_effects(self.collection, e.main).points(e.ids, e.scores[e.main])

    @property
    def standing(self) -> np.ndarray:
        """(n,) main scores and effects of models, by which pictures are put in places; −∞ for those without a score."""
        return np.asarray(self.evaluation.standing + self.effect)

    def part(self, ids: Set[int]) -> EvaluatedCollection:
        """The same for some of the pictures alone."""
        return replace(self, evaluation=self.evaluation.part(np.isin(self.evaluation.ids, list(ids))))


def unkept(collection: Collection) -> list[str]:
    """A sentence if an evaluation in a collection is lost in the end, because the collection cannot be written."""
    if collection.kept:
        return []
    return [f"The collection {collection.name!r} is read-only: this evaluation of it is not kept."]


def sync_and_evaluate(
    collection: Collection,
    scan: Scan,
    engine: Engine,
    by: By = None,
    *,
    judging: Judging = judge_pictures,
    retry: bool = False,
    faces: bool = False,
    progress: Advance = silent,
    expect: Advance = silent,
    inspected: Callable[[Inspection], None] = lambda inspection: None,
    evaluating: Advance = silent,
) -> EvaluatedCollection:
    """Bring a collection in step with folders and evaluate it.

    Args:
        collection: the collection.
        scan: the folders.
        engine: inspects new files.
        by: the judge that ranks, or its name; several of them, or weights by judge or name. By default the overall score.
        judging: engine that runs judges; this process by default.
        retry: True to inspect files again that could not be decoded.
        faces: True to look for faces too, so that they are among the parts of the collection.
        progress: called with a number of files that are done.
        expect: called with the number of files, as for ``sync``.
        inspected: called with each inspection, such as ``FirstFindings.add``.
        evaluating: called with a number of pictures that are evaluated.

    Raises:
        CollectionError: there is no picture, the collection cannot be read or written, or another program scanned the
            same pictures meanwhile.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder, soart.Collection(Path(folder, "collection")) as collection:
        ...     pictures = Path(folder, "pictures")
        ...     pictures.mkdir()
        ...     for name in ("one.png", "copy.png"):
        ...         Image.radial_gradient("L").convert("RGB").save(pictures / name)
        ...     result = soart.sync_and_evaluate(collection, soart.Scan([pictures]), soart.LocalEngine(1))
        ...     print(result.title, result.update.found, len(result.evaluation.ids))
        pictures 2 1
    """
    for what, value, kind in (("a collection", collection, Collection), ("a Scan of folders", scan, Scan)):
        check_type(what, value, kind)
    judges = judges_for(by, tastes_at_hand(places=[collection]))
    update = sync(
        collection,
        scan,
        engine,
        [None, *kinds_of(judges), *([FaceSource().item_kind] if faces else [])],
        retry=retry,
        progress=progress,
        expect=expect,
        inspected=inspected,
    )
    update.problems = named_as_given(update.problems, scan.roots)
    update.table_problems = named_as_given(update.table_problems, scan.roots)
    remember_roots(collection, scan.roots)
    if update.found == 0:
        raise scan.no_picture(update.problems)
    title = ", ".join(as_text(plain_path(root).name) for root in scan.roots[:3])
    ids = sound_image_ids(collection, update.scan_number)
    if not len(ids):
        raise scan.no_picture(update.problems, "picture that can be evaluated")
    judged = judge_evaluated(collection, ids, judges, evaluating, judging)
    # What another scan took meanwhile would miss in the evaluation, and in exports and moves after it.
    check_undisturbed(collection, update.scan_number, update.stored)
    judged = replace(judged, problems=tuple(named_as_given(judged.problems, scan.roots)))
    evaluation = evaluate(collection, update.scan_number, judged.main, judged.scores, evaluating)
    check_undisturbed(collection, update.scan_number, update.stored)
    return EvaluatedCollection(collection, update, evaluation, title, judged)
