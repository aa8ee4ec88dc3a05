"""Lists of prompts in ComfyUI's graphs: the entry that a picture was made from, as far as the graph tells it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...support.comfygraph import Node
from .record import whole

DELIMITERS = ("delimiter", "separator", "sep", "delim")
# Words in the names of inputs of nodes that hand out the entries of a text, as a list or one by one, and in those of such nodes.
_INPUTS = r"list|(?<!multi)(?<!new)lines?$|split|iterat|array|start_index|max_rows|remove_empty|multiline_mode"
_KINDS = r"batch|loop|queue|sequence|schedul|travel|keyframe|cycl|rotat|shuffl|random|pick|choice|choose|prompts$|texts$|strings$"
_INPUT, _KIND = re.compile(_INPUTS, re.IGNORECASE), re.compile(f"{_INPUTS}|{_KINDS}", re.IGNORECASE)
#: Names of inputs that tell which entry a node hands out.
PLACE = re.compile(
    r"(?:(?:line|row|prompt|text|string|list|current)_?)?(?:index|idx|number)|select|line|row", re.IGNORECASE
)
# Prompts by the number of their frame: "0": "a fox", "12": "an owl".
_FRAMES = re.compile(r"""\s*\{?\s*["']?\d{1,6}["']?\s*:\s*["']""")


class Guess(str):
    """A text chosen by a rule that the graph does not state."""

    __slots__ = ()


def is_list(node: Node, slot: int) -> bool:
    """True if a node may hand out the entries of a text."""
    names = (name for name, value in node.inputs.items() if value is not False)
    named = _KIND.search(node.kind) or any(_INPUT.search(name) or PLACE.fullmatch(name) for name in names)
    return slot in node.lists or bool(named)


def entries(text: str, others: Mapping[str, Any]) -> list[str]:
    """The entries of a text: its lines, or what stands between the delimiters that a node names."""
    delimiter = next((others[name] for name in DELIMITERS if isinstance(others.get(name), str) and others[name]), "\n")
    return text.split(delimiter.replace("\\n", "\n"))


def has_several(text: str, others: Mapping[str, Any]) -> bool:
    """True if a text has several entries, or one for each of some frames."""
    return sum(not part.isspace() and part != "" for part in entries(text, others)) > 1 or bool(_FRAMES.match(text))


def entry(node: Node, slot: int, text: str, others: Mapping[str, Any], *, known: bool = True) -> str | None:
    """The entry of a text, at a ``slot`` that a node hands out, for this picture; None if the graph does not tell.

    All pictures of a run share the graph. ``others`` is what arrives at the other inputs, None for what is not known;
    ``known`` is False if one of them may decide in a way that is not known.
    """
    kind, parts = node.kind.lower(), entries(text, others)
    if {"start_index", "max_rows"} <= others.keys():
        row = _only_row(parts, others)
        around = [others.get(name, "") if slot == 0 else "" for name in ("prepend_text", "append_text")]
        return f"{around[0]}{row}{around[1]}" if row is not None and None not in around else None
    if kind == "impactstringselector" and others.get("multiline") is False:
        place = whole(others.get("select"), 0, 2**64)
        return None if place is None else parts[place % len(parts)]
    if kind == "text load line from file" and others.get("mode") == "index":
        lines, place = text.strip().split("\n"), whole(others.get("index"), 0, 2**64)
        return lines[place] if place is not None and place < len(lines) else None
    if kind == "text random line":
        seed = whole(others.get("seed"), 0, 2**64)
        # By its seed, as the node itself chooses.
        return None if seed is None else Guess(random.Random(seed).choice(parts))
    return _guessed(parts, others) if known and not _FRAMES.match(text) else None


def _only_row(parts: Sequence[str], others: Mapping[str, Any]) -> str | None:
    """The entry that a node hands out which begins at one and ends after a number of them, if it is only one."""
    start, most = (whole(others[name], 0, 2**64) for name in ("start_index", "max_rows"))
    if start is None or most is None:
        return None
    rows = [part for part in parts if part.strip()] if others.get("remove_empty_lines") is True else parts
    chosen = rows[min(start, len(rows) - 1) :][:most]
    return chosen[0] if len(chosen) == 1 else None


def _guessed(parts: Sequence[str], others: Mapping[str, Any]) -> str | None:
    """The entry at the one place that a node names, counted from 0, if nothing else may decide."""
    places = [name for name in others if PLACE.fullmatch(name)]
    place = whole(others[places[0]], 0, 2**64) if len(places) == 1 else None
    filled = [part for part in parts if part.strip()]
    return None if place is None else Guess(filled[place % len(filled)])
