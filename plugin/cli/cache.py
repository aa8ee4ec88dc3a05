"""The command ``soart cache``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import SoartError
from .options import Json
from .terminal import print_table, say, show


def cache(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders of pictures; leave out for everything that is stored.")
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove what can be measured again; ratings, labels and tastes stay.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what is stored of the folders that you ranked, searched or evaluated, and remove it on request.

    It is kept in your data folder, so that a second command takes seconds. Pictures are never touched.
    """
    from ...pipelines.ingest.stored import clear as remove
    from ...pipelines.ingest.stored import stored_folders

    stored = stored_folders(folders or ())
    if folders and not stored:
        raise SoartError(f"Nothing is stored of {', '.join(repr(str(folder)) for folder in folders)}.")
    cleared, problems, failed = [], [], False
    if clear:
        for one in stored:
            try:
                remove(one)
            except SoartError as error:
                problems.append(str(error))
                failed = failed or not one.irreplaceable
            else:
                cleared.append(one)
    facts = [
        {
            "folder": one.folder, "place": str(one.place), "pictures": one.pictures, "bytes": one.size,
            "irreplaceable": list(one.irreplaceable), "problem": one.problem, "cleared": one in cleared,
        }
        for one in stored
    ]  # fmt: skip
    if as_json or clear:
        said = f"{len(cleared)} of {len(stored)} cleared, {sum(one.size for one in cleared) / 1e6:.1f} MB"
        show(as_json, {"stored": facts, "problems": problems}, [said], problems)
        if failed:
            raise typer.Exit(1)
        return
    if not stored:
        say("Nothing is stored.")
        return
    rows = [
        (
            one.folder or one.place,
            one.pictures,
            f"{one.size / 1e6:.1f}",
            one.problem or ", ".join(one.irreplaceable) or "–",
        )
        for one in stored
    ]
    print_table(("folder", "pictures", "MB", "cannot be measured again"), rows, right=("pictures", "MB"))
