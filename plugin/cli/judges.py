"""The command ``soart judges``."""

from __future__ import annotations

from .options import Json, TasteFolder
from .terminal import emit, out, plain_table, printable, say


def judges(tastes: TasteFolder = None, as_json: Json = False) -> None:
    """List every judge that --by can name: built in, your tastes, models, and those of other packages."""
    from rich.text import Text

    from ...pipelines.judges.catalogue import Catalogue
    from ...pipelines.scoring.rated_tastes import tastes_at_hand

    found = Catalogue(tastes_at_hand(tastes)).entries()
    if as_json:
        emit(
            {
                "judges": [
                    {"name": one.name, "usage": one.usage, "kind": one.kind, "summary": one.summary, "notes": one.notes}
                    for one in found
                ]
            }
        )
        return
    table = plain_table()
    for heading in ("judge", "kind", "judges by"):
        table.add_column(heading, overflow="fold")
    for one in found:
        summary = "; ".join([one.summary, *one.notes]) if one.summary else "; ".join(one.notes)
        table.add_row(*(Text(printable(cell)) for cell in (one.usage, one.kind, summary)))
    out.print(table)
    say(
        "What stands in brackets may be left out. Beside these: person:NAME, a person who rates in the collection, and module:Class, a Python class of yours."
    )
