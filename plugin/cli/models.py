"""The command ``soart models``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .options import Json
from .terminal import emit, out, plain_table, printable, say


def models(
    families: Annotated[
        bool, typer.Option("--families", help="List the classes of diffusers that soart can run, and what each needs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the models on this machine: the embedded one, and those in the hub's cache."""
    from rich.text import Text

    from ...pipelines.models import at_hand

    found = at_hand.families() if families else at_hand.models_at_hand()
    if as_json:
        return emit({"families" if families else "models": [asdict(one) for one in found]})
    table = plain_table()
    for heading in ("class", "besides a prompt", "packages") if families else ("model", "use", "class", "MB"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "MB" else "left")
    for one in found:
        if isinstance(one, at_hand.Family):
            cells = [one.name, ", ".join(one.inputs) or "–", ", ".join(one.packages) or "–"]
        else:
            cells = [one.name, "--model" if one.draws else "--network", one.kind or "–", f"{one.size / 1e6:.0f}"]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    out.print(table)
    if not families:
        say(
            "Any hub id, diffusers folder or .safetensors file is a --model too; soart models --families lists the classes."
        )
    return None
