"""The job of ``soart evaluate`` from end to end: where its collection lies, what is scanned, what is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ..errors import CollectionError
from .collection import Collection
from .evaluate import evaluate
from .evaluation import Evaluation
from .execution import Engine
from .library import Update, bring_up_to_date
from .rank import Scorer
from .scanning import Scan, as_text
from .schema import Meta

_ROOTS = "roots"


def place_for(roots: Sequence[Path]) -> Path:
    """Where what is found in some folders is kept if the user names no place: one place for the same folders, whatever their order."""
    absolute = sorted({str(root.absolute()) for root in roots})
    digest = hashlib.sha256("\n".join(absolute).encode(errors="surrogateescape")).hexdigest()[:12]
    name = "".join(c if c.isalnum() else "-" for c in Path(absolute[0]).name)[:40]
    return platformdirs.user_data_path("soart") / "collections" / f"{name}-{digest}"


def open_for(folders: Sequence[str], collection: str | None = None) -> tuple[Collection, list[Path]]:
    """The collection that an evaluation of some folders uses, to be closed by the caller, and what it has to scan.

    A single folder that is a collection itself is evaluated in place: the pictures it holds, and the folders it was used for before.

    Raises:
        CollectionError: the collection cannot be opened, or a folder has no name.
    """
    if not all(folders):
        raise CollectionError("Expected names of folders, got an empty one: for the folder you are in say '.'.")
    if collection is None and len(folders) == 1 and Collection.is_collection(folders[0]):
        store = Collection(folders[0])
        own = [] if store.folder is None else [store.folder / "images"]
        return store, [*own, *known_roots(store)]
    roots = [Path(folder) for folder in folders]
    return Collection(collection or place_for(roots)), roots


def known_roots(store: Collection) -> list[Path]:
    """Folders that a collection was brought in step with before."""
    with store.session("be read") as session:
        found = session.get(Meta, _ROOTS)
        return [Path(root) for root in json.loads(found.value)] if found else []


def _remember(store: Collection, roots: Sequence[Path]) -> None:
    own = None if store.folder is None else (store.folder / "images").absolute()
    names = [str(root.absolute()) for root in roots if root.absolute() != own]
    with store.session("be written", write=True) as session:
        session.merge(Meta(key=_ROOTS, value=json.dumps(names)))


@dataclass(frozen=True)
class Survey:
    """What a survey found.

    Attributes:
        store: the collection.
        update: what changed in the folders.
        evaluation: of the pictures that are there.
        title: what was surveyed, in a few words.
    """

    store: Collection
    update: Update
    evaluation: Evaluation
    title: str


def survey(
    store: Collection,
    scan: Scan,
    engine: Engine,
    tastes: Sequence[Scorer] = (),
    *,
    retry: bool = False,
    progress: Callable[[int], None] = lambda files: None,
    expect: Callable[[int], None] = lambda total: None,
    evaluating: Callable[[int], None] = lambda pictures: None,
) -> Survey:
    """Bring a collection in step with folders and evaluate it.

    Args:
        store: the collection.
        scan: the folders.
        engine: looks at what is new.
        tastes: profiles to score by; the first one ranks.
        retry: look again at files that could not be decoded.
        progress: as for :func:`~.library.bring_up_to_date`.
        expect: as well.
        evaluating: as the ``progress`` of :func:`~.evaluate.evaluate`.

    Raises:
        CollectionError: no picture, or a collection that cannot be read or written.
    """
    named = {getattr(getattr(scorer, "taste", None), "network", None) for scorer in tastes}
    networks = [None, *sorted(name for name in named if name)]
    update = bring_up_to_date(store, scan, engine, networks, retry=retry, progress=progress, expect=expect)
    _remember(store, scan.roots)
    if update.found == 0:
        where = ", ".join(repr(str(root)) for root in scan.roots)
        said = "".join(f" {problem}" for problem in update.problems[:3])
        raise CollectionError(f"There is no picture in {where}.{said}")
    title = ", ".join(as_text(root.absolute().name) for root in scan.roots[:3])
    return Survey(store, update, evaluate(store, update.scan, tastes, evaluating), title)
