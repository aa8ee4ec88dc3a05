"""The commands ``soart taste import`` and ``delete``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import Json, tastes_folder
from .taste import describe, lines_of
from .terminal import note, show


def import_(
    file: Annotated[Path, typer.Argument(help="File that soart exported.")],
    name: Annotated[str | None, typer.Argument(help="Name of the imported taste; default: its own.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier taste of that name.")] = False,
    as_json: Json = False,
) -> None:
    """Import a taste file; altered, damaged or incompatible files are refused."""
    from dataclasses import replace as changed

    from ...metrics.tastes.taste_files import load_stored
    from ...pipelines.judges.catalogue import Catalogue
    from ...pipelines.scoring.taste_store import TasteStore

    taste = load_stored(file)
    Catalogue().stored(taste)
    taste = taste if name is None else changed(taste, name=name)
    facts = describe(taste, TasteStore(tastes_folder()).save(taste, replace=replace))
    show(as_json, facts, [*lines_of(facts), f"Saved: {facts['file']}"])


def delete(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of the tastes.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Delete tastes; ratings and pictures stay, so that they can be learnt again."""
    from ...errors import TasteError
    from ...pipelines.configuration import read_settings
    from ...pipelines.scoring.rated_tastes import tastes_at_hand
    from ...pipelines.tastes.priors import holders_of

    store = tastes_at_hand(tastes_folder())
    names = list(dict.fromkeys(names))
    files = [store.home(name).existing(name) for name in names]
    if not yes:
        if not sys.stdin.isatty():
            raise TasteError(f"To delete {', '.join(map(repr, names))} without being asked, add --yes.")
        typer.confirm(f"Delete {', '.join(map(str, files))}?", abort=True)
    for name in names:
        store.home(name).delete(name)
    default = read_settings()["by"]
    for name, holders in holders_of(names, store.own).items():
        note(f"A copy of {name!r} stays in {', '.join(map(repr, holders))}: scores do not change.")
    for text in default.value or () if tastes_folder() is None else ():
        # A taste of a rated folder may take the place of a deleted one.
        if (name := text.rpartition("=")[0] or text) in names and name not in store.names():
            note(f"{name!r} is still a configured judge ({default.source}): commands that use it will fail.")
    show(as_json, {"deleted": names}, [f"Deleted: {', '.join(names)}"])
