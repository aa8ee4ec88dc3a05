"""The command ``soart models``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .options import Json
from .terminal import emit, out, plain_table, printable, say


def models(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="WORKFLOW",
            help="A workflow of ComfyUI, as comfyui:#FILE.json: list its values by the names that <set:NAME:VALUE> in a prompt sets them by.",
            show_default=False,
        ),
    ] = None,
    families: Annotated[
        bool, typer.Option("--families", help="List the classes of diffusers that soart can run, and what each needs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the models on this machine: the embedded one, and those in the hub's cache."""
    from rich.text import Text

    from ...pipelines.models import at_hand

    if model is not None:
        if families:
            raise typer.BadParameter("--families lists classes, not the values of a workflow: leave out one of them.")
        values = at_hand.settable_values(model)
        if as_json:
            return emit({"values": values})
        table = plain_table()
        for heading in ("name", "value now"):
            table.add_column(heading, overflow="fold")
        for name, value in values.items():
            table.add_row(Text(printable(name)), Text(printable(str(value))))
        out.print(table)
        say(
            "A prompt sets one as <set:NAME:VALUE>, or searches it as <set:NAME:{0..1}>; a %NAME% is set without its %."
        )
        return None
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
