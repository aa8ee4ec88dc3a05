"""Brings a collection in step with folders and evaluates it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...errors import expect as check_type
from ...files import named_as_given, plain_path
from ...metrics.items.combined import taste_extractor
from ...metrics.protocols import PictureJudge, Scorer
from ..collection.collection import Collection
from ..collection.files import sound_image_ids
from ..ingest.engines import Engine
from ..ingest.inspection import Inspection
from ..ingest.roots import remember_roots
from ..ingest.scan import Scan, as_text
from ..ingest.scan_records import check_undisturbed
from ..ingest.sync import Update, sync
from ..scoring.prior_scores import sentences_on_judges
from ..scoring.profile_store import scorer_for
from .evaluate import evaluate
from .judging import JudgedPictures, judge_evaluated
from .result import Evaluation

if TYPE_CHECKING:
    from ...metrics.tastes.blend import Taste
    from ..judges.engines import Judging
    from ..judges.guarded import GuardedJudge


@dataclass(frozen=True)
class EvaluatedCollection:
    """A collection in step with its folders, and its evaluation.

    Attributes:
        collection: the collection.
        update: changes found in the folders.
        evaluation: of the pictures in the folders.
        title: names of the first folders.
        judged: values of judges by others.
        taste: the taste that ranks; None for a built-in profile.
    """

    collection: Collection
    update: Update
    evaluation: Evaluation
    title: str
    judged: JudgedPictures = field(default_factory=JudgedPictures)
    taste: Taste | None = None


def sync_and_evaluate(
    collection: Collection,
    scan: Scan,
    engine: Engine,
    tastes: Sequence[Taste | Scorer | str] = (),
    *,
    judges: Sequence[GuardedJudge | PictureJudge | str] = (),
    judging: Judging | None = None,
    retry: bool = False,
    progress: Callable[[int], None] = lambda files: None,
    expect: Callable[[int], None] = lambda total: None,
    inspected: Callable[[Inspection], None] = lambda inspection: None,
    evaluating: Callable[[int], None] = lambda pictures: None,
) -> EvaluatedCollection:
    """Bring a collection in step with folders and evaluate it.

    Args:
        collection: the collection.
        scan: the folders.
        engine: inspects new files.
        tastes: tastes, names of profiles, or scorers to score by, beside the technical score and the detectors; the first
            one ranks.
        judges: judges by others or their names, whose values come beside the scores.
        judging: engine that runs them; this process by default.
        retry: True to inspect files again that could not be decoded.
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
    for what, several in (("tastes", tastes), ("judges", judges)):
        check_type(f"a list of {what}", several, list, tuple)
    scorers = [scorer_for(taste) for taste in tastes]
    called: list[GuardedJudge] = []
    if judges:
        from ..judges.in_memory import guarded

        called = [guarded(judge) for judge in judges]
    needed = [of for scorer in scorers if (of := getattr(scorer, "item_kind", None)) is not None]
    kinds = {kind for kind in needed if kind.version != taste_extractor().version}
    update = sync(
        collection,
        scan,
        engine,
        [None, *sorted(kinds)],
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
    # First, because a taste may start from a judge's values.
    judged = judge_evaluated(collection, ids, called, evaluating, judging)
    evaluation = evaluate(collection, update.scan_number, scorers, evaluating)
    unjudged = [text for scorer in scorers for text in sentences_on_judges(collection, scorer, ids.tolist())]
    judged = replace(judged, problems=(*named_as_given(judged.problems, scan.roots), *unjudged))
    # Evaluating takes long: files that another scan took meanwhile would be missing in exports and moves.
    check_undisturbed(collection, update.scan_number, update.stored)
    taste = getattr(scorers[0], "taste", None) if scorers else None
    return EvaluatedCollection(collection, update, evaluation, title, judged, taste)
