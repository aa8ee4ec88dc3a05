"""Texts of a ComfyUI graph: at text inputs, and behind conditionings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...support.comfygraph import DEEPEST, ENCODED, SLOTS, Graph, Link, Node
from ...support.comfyswitch import agreed
from .comfylists import DELIMITERS, PLACE, Guess, entry, has_several, is_list
from .record import LONGEST_PROMPT

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
