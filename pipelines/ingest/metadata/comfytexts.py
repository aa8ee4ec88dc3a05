"""Texts of a ComfyUI graph: at text inputs, and behind conditionings."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...support.comfygraph import DEEPEST, ENCODED, SLOTS, Graph, Link, Node
from ...support.comfyswitch import agreed
from .record import LONGEST_PROMPT, whole

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
_WORDS = (
    "text", "string", "value", "prompt", "positive", "negative", "str", "multiline_text", "text_input",
    "string_input", "strings", "lines", "prompts", "texts",
)  # fmt: skip
# Names of inputs that show that a node computes its text instead of passing it on.
_OPAQUE = re.compile(
    r"model|seed|temperature|token|api|instruct|find|replace|pattern|template|mode|style|random", re.IGNORECASE
)
_MOST_LIST_CHARACTERS = 2_000_000
# Nodes that show the text that they hand on.
_SHOWS = re.compile(r"show|display", re.IGNORECASE)
# Nodes whose conditionings belong to one picture each.
_BATCHES = re.compile(r"batch|list")


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


class Texts:
    """The texts of a graph, each resolved once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._texts: dict[Link, str | None] = {}
        self._words: dict[Link, list[str] | None] = {}
        self._list_characters = _MOST_LIST_CHARACTERS
        # By identity of the node, which the graph keeps, and slot.
        self._shown: dict[tuple[int, int], Sequence[str]] = {}
        for node in graph.nodes.values():
            if node.shown and _SHOWS.search(node.kind):
                shows = (graph.at(value) for value in node.inputs.values())
                self._shown |= {(id(origin), slot): node.shown for origin, slot in ((node, 0), *filter(None, shows))}

    def text(self, value: object, depth: int = 0) -> str | None:
        """The text that arrives at an input; ``None`` if a node on the way computes it."""
        if isinstance(value, str):
            return value if len(value) <= LONGEST_PROMPT else None
        if not isinstance(value, Link):
            return None
        if value not in self._texts:
            origin = self.graph.at(value)
            shown = self._shown.get((id(origin[0]), origin[1])) if origin else None
            if shown:
                # Of a list the graph, which all its pictures share, does not tell the entry.
                self._texts[value] = self.text(agreed(shown))
            else:
                self._texts[value] = self._output(*origin, depth) if origin and depth <= DEEPEST else None
        return self._texts[value]

    def _output(self, node: Node, slot: int, depth: int) -> str | None:
        inputs, kind = node.inputs, node.kind.lower()
        if isinstance(inputs.get("populated_text"), str):
            return str(inputs["populated_text"])
        if "styler" in kind and ("text_positive" in inputs or "text_negative" in inputs):
            # The words of the style are in another file; the input holds the words that were typed.
            return self.text(inputs.get("text_negative" if slot == 1 else "text_positive", ""), depth + 1)
        if "concat" in kind or "join" in kind or "combine" in kind:
            return self._joined(node, slot, depth)
        branches = self.graph.branches(node)
        if branches is not None:
            return agreed([self.text(value, depth + 1) for value in branches])
        if _SHOWS.search(kind) or kind.startswith(("power prompt", "sdxl power prompt")):
            return self.text(next((inputs[n] for n in ("prompt", "text", "anything") if n in inputs), None), depth + 1)
        names = [name for name in inputs if name.lower() in _WORDS and isinstance(inputs[name], str | Link)]
        if len(names) != 1:
            return None
        others = [name for name in inputs if name not in names and not PLACE.fullmatch(name)]
        known = not any(isinstance(inputs[name], Link) or _OPAQUE.search(name) for name in others)
        text, several = self._entry(node, slot, names[0], depth, known=known)
        if known or several or text is None:
            return text
        wild = re.search(r"[{}]|__", text) or not ("wildcard" in kind or kind.startswith("dp"))
        return None if wild else text

    def _entry(self, node: Node, slot: int, name: str, depth: int, *, known: bool = True) -> tuple[str | None, bool]:
        """The text at an input of a node, of several entries that of this picture; True if there are several.

        ``known`` is False if another input may decide, too.
        """
        text = self.text(node.inputs[name], depth + 1)
        if text is None or not is_list(node, slot):
            return text, False
        self._list_characters -= len(text)
        if self._list_characters < 0:
            return None, True
        others = {other: self.graph.literal(value, other) for other, value in node.inputs.items() if other != name}
        if not (has_several(text, others) or {"start_index", "max_rows"} <= others.keys()):
            return text, False
        return entry(node, slot, text, others, known=known), True

    def _joined(self, node: Node, slot: int, depth: int) -> str | None:
        inputs = node.inputs
        delimiter = next((inputs[name] for name in DELIMITERS if isinstance(inputs.get(name), str)), "")
        parts = []
        for name in sorted(inputs, key=_order):
            value = inputs[name]
            if name not in DELIMITERS and (isinstance(value, Link) or (isinstance(value, str) and _is_part(name))):
                text = self.text(value, depth + 1)
                if text is None:
                    return None
                parts.append(text)
        if slot in node.lists or inputs.get("return_list") is True:
            return agreed(parts)
        joined = join([part for part in parts if part], delimiter.replace("\\n", "\n"))
        return joined if parts and len(joined) <= LONGEST_PROMPT else None

    def words(self, value: object, depth: int = 0) -> list[str] | None:
        """The texts behind a conditioning in order, each once; ``None`` if one of them is unknown."""
        if isinstance(value, str):
            return [value]
        if not isinstance(value, Link):
            return None
        if value not in self._words:
            origin = self.graph.at(value)
            self._words[value] = self._conditioning(*origin, depth) if origin and depth <= DEEPEST else None
        return self._words[value]

    def _conditioning(self, node: Node, slot: int, depth: int) -> list[str] | None:
        inputs, kind = node.inputs, node.kind.lower()
        if "zeroout" in kind:
            return []
        # Some video nodes take and hand on a positive conditioning alone.
        if kind in SLOTS or "positive" in inputs:
            names = SLOTS.get(kind, {0: "positive", 1: "negative"})
            inside = self.graph.find(node, names[slot]) if names.get(slot) in ("positive", "negative") else None
            words = self.words(inside, depth + 1)
            text = self.text(inside, depth + 1) if words is None else None
            return words if text is None else [text]
        branches = self.graph.branches(node)
        if branches is not None:
            return agreed([self.words(value, depth + 1) for value in branches])
        sources = sorted(
            (n for n in inputs if n.lower().startswith("cond") and isinstance(inputs[n], Link)), key=_order
        )
        if sources:
            parts = [self.words(inputs[name], depth + 1) for name in sources]
            if slot in node.lists or _BATCHES.search(kind):
                return agreed(parts)
            known = [text for part in parts for text in part or ()]
            return None if None in parts or len(known) > 1000 else list(dict.fromkeys(known))
        encoded = [name for name in ENCODED if isinstance(inputs.get(name), str | Link)]
        texts = [self._entry(node, slot, name, depth)[0] for name in encoded]
        if not texts or not any(isinstance(item, Link) for item in inputs.values()):
            return None
        if "populated_text" in inputs:
            texts = texts[:1]
        return None if None in texts else list(dict.fromkeys(text for text in texts if text))


def join(texts: Sequence[str], delimiter: str) -> str:
    """The texts as one, which is a guess if one of them is."""
    joined = delimiter.join(texts)
    return Guess(joined) if any(isinstance(text, Guess) for text in texts) else joined


def _is_part(name: str) -> bool:
    return re.fullmatch(r"(?:string|text|prompt|str|input)?_?(?:[a-z]|\d{1,2})?", name.lower()) is not None


def _order(name: str) -> tuple[bool, int, str]:
    """Sorts ``text_2`` before ``text_10``, and ``conditioning_to`` before ``conditioning_from``."""
    return name.endswith("_from"), len(name), name
