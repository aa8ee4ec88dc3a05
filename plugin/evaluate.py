"""``soart evaluate``: what is in a collection of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import SoartError
from .options import Json
from .taste import Profiles, warning_of
from .terminal import Progress, emit, interruptible, note, printable, say

if TYPE_CHECKING:
    from ..pipelines.collection import Collection
    from ..pipelines.evaluation import Evaluation
    from ..pipelines.library import Update

Folders = Annotated[list[Path], typer.Argument(help="Folders of pictures, single pictures, or a collection.")]
Store = Annotated[
    Path | None,
    typer.Option("--collection", help="Where what is found is kept; default: a place of its own for these folders."),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GLOB", help="Take only files that match, such as '*.png' or '2026/*'; repeatable."),
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes that decode; default: one a core.")]
Engine = Annotated[str, typer.Option("--engine", help="local, or ray: on the cluster that RAY_ADDRESS names.")]


def evaluate(
    folders: Folders,
    tastes: Annotated[
        list[str] | None,
        typer.Option("--taste", help="Score by this taste; repeatable, the first one ranks; default: technical."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write a page: OUT.html with everything inside, or a folder for many pictures."),
    ] = None,
    export: Annotated[
        list[Path] | None,
        typer.Option("--export", help="Write a row for every file to FILE.csv, .json or .parquet; repeatable."),
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", help="Say what differs in the pictures of this folder; repeatable."),
    ] = None,
    collection: Store = None,
    only: Only = None,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow links to folders.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Look again at files that could not be decoded.")] = False,
    workers: Workers = None,
    engine: Engine = "local",
    profiles: Profiles = None,
    top: Annotated[int, typer.Option(min=0, help="Lines to print of each list.")] = 5,
    as_json: Json = False,
) -> None:
    """Say what is in a collection: what is good, broken, double or strange, and what goes with better pictures.

    Nothing is written beside the pictures. A second run opens new and changed files only.
    """
    from ..pipelines.exports import format_of
    from ..pipelines.profilestore import ProfileStore, scorer_named

    for path in export or ():
        format_of(path)
    scorers = [scorer_named(name, ProfileStore(profiles)) for name in tastes or ()]
    notes = [text for scorer in scorers for text in warning_of(scorer)]
    with interruptible():
        found = _run(folders, scorers, collection, only, follow_links, retry, workers, engine)
