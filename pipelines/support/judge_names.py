"""Names of judges, so that whatever scores may know them without loading any."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: Group of the entry points at which packages offer judges.
GROUP = "soart.judges"

#: The built-in judges, in the order in which they are listed.
JUDGES = (
    "adherence", "appeal", "rated-quality", "clip", "siglip", "pickscore", "aesthetic", "pyiqa", "vqascore", "image-reward", "hpsv2", "hpsv3",
)  # fmt: skip


def offered_judges() -> dict[str, EntryPoint]:
    """Entry points of other packages' judges by name; the first of a name counts, and built-in judges stay."""
    # Takes some milliseconds, which not every command that scores needs.
    from importlib.metadata import entry_points

    entries: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in JUDGES:
            entries.setdefault(entry.name, entry)
    return entries
