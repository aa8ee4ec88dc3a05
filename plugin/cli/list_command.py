"""The command ``soart list``: judges, models and classes that can be named, and the values of a workflow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from .options import Json, tastes_folder
from .terminal import emit, print_table, say


def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="judges|models|classes|WORKFLOW",
            help="Judges that --by can name; models on this machine; classes of diffusers that soart can run; or a workflow of "
            "ComfyUI as comfyui:#FILE.json, whose values <set:NAME:VALUE> in a prompt sets.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """List judges, models on this machine, classes of models, or the values of a workflow."""
    from ...pipelines.judges.catalogue import Catalogue
    from ...pipelines.models import at_hand
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    facts: Any
    headings: tuple[str, ...]
    cells: list[tuple[str, ...]]
    if what == "judges":
        judges = Catalogue(tastes_at_hand(tastes_folder())).entries()
        facts = [{name: getattr(one, name) for name in ("name", "usage", "kind", "summary", "notes")} for one in judges]
        headings = ("judge", "kind", "judges by")
        cells = [(one.usage, one.kind, "; ".join(filter(None, [one.summary, *one.notes]))) for one in judges]
        ending = (
            "What stands in brackets may be left out. Beside these: person:NAME, a person who rates in the collection, "
            "and module:Class, a Python class of yours."
        )
    elif what == "models":
        models = at_hand.models_at_hand()
        facts, headings = [asdict(one) for one in models], ("model", "use", "class", "MB")
        cells = [
            (one.name, "--model" if one.draws else "--network", one.kind or "–", f"{one.size / 1e6:.0f}")
            for one in models
        ]
        ending = (
            "Any hub id, diffusers folder or .safetensors file is a --model too; soart list classes lists the classes."
        )
    elif what == "classes":
        families = at_hand.families()
        facts, headings = [asdict(one) for one in families], ("class", "besides a prompt", "packages")
        cells = [(one.name, ", ".join(one.inputs) or "–", ", ".join(one.packages) or "–") for one in families]
        ending = ""
    elif what.partition(":")[0] != "comfyui":
        raise typer.BadParameter(
            f"expected judges, models, classes or comfyui:#FILE.json, got {what!r}", param_hint="WHAT"
        )
    else:
        values = at_hand.settable_values(what)
        what, facts, headings, cells = (
            "values",
            values,
            ("name", "value now"),
            [(name, str(value)) for name, value in values.items()],
        )
        ending = (
            "A prompt sets one as <set:NAME:VALUE>, or searches it as <set:NAME:{0..1}>; a %NAME% is set without its %."
        )
    if as_json:
        return emit({what: facts})
    print_table(headings, cells, right=("MB",))
    return say(ending) if ending else None
