"""Texts of a ComfyUI graph: at text inputs, and behind conditionings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...support.comfygraph import DEEPEST, ENCODED, SLOTS, Graph, Link, Node
from ...support.comfyswitch import agreed
from .record import LONGEST_PROMPT

_WORDS = (
    "text",
    "string",
    "value",
    "prompt",
    "positive",
    "negative",
    "str",
    "multiline_text",
    "text_input",
    "string_input",
)
_DELIMITERS = ("delimiter", "separator", "sep", "delim")
# Names of inputs that show that a node computes its text instead of passing it on.
_OPAQUE = re.compile(
    r"model|seed|temperature|token|api|instruct|find|replace|pattern|template|mode|style|random", re.IGNORECASE
)

# Words in the names of nodes that hand out one line of a text after the other, as lists, and of their inputs.
_LINES = re.compile(r"list|(?<!multi)lines?$|split|iterat|start_index|max_rows|remove_empty", re.IGNORECASE)


class Texts:
    """The texts of a graph, each resolved once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._texts: dict[Link, str | None] = {}
        self._words: dict[Link, list[str] | None] = {}

    def text(self, value: object, depth: int = 0) -> str | None:
        """The text that arrives at an input; ``None`` if a node on the way computes it."""
        if isinstance(value, str):
            return value if len(value) <= LONGEST_PROMPT else None
        if not isinstance(value, Link):
            return None
        if value not in self._texts:
            origin = self.graph.at(value)
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
            return self._joined(inputs, depth)
        branches = self.graph.branches(node)
        if branches is not None:
            return agreed([self.text(value, depth + 1) for value in branches])
        if "show" in kind or "display" in kind or kind.startswith(("power prompt", "sdxl power prompt")):
            return self.text(inputs.get("prompt", inputs.get("text")), depth + 1)
        names = [name for name in inputs if name.lower() in _WORDS and isinstance(inputs[name], str | Link)]
        others = [name for name in inputs if name not in names]
        if len(names) != 1 or any(isinstance(inputs[name], Link) or _OPAQUE.search(name) for name in others):
            if len(names) != 1 or not ("wildcard" in kind or kind.startswith("dp")):
                return None
            text = self.text(inputs[names[0]], depth + 1)
            return None if text is None or re.search(r"[{}]|__", text) else text
        text = self.text(inputs[names[0]], depth + 1)
        if text is not None and any(map(_LINES.search, (kind, *others))) and len(text.strip().splitlines()) > 1:
            # Each picture of such a run has a line of its own, and the graph, which is that of all, does not tell which.
            return None
        return text

    def _joined(self, inputs: Mapping[str, Any], depth: int) -> str | None:
        delimiter = next((inputs[name] for name in _DELIMITERS if isinstance(inputs.get(name), str)), "")
        parts = []
        for name in sorted(inputs, key=_order):
            value = inputs[name]
            if name not in _DELIMITERS and (isinstance(value, Link) or (isinstance(value, str) and _is_part(name))):
                text = self.text(value, depth + 1)
                if text is None:
                    return None
                parts.append(text)
        joined = delimiter.replace("\\n", "\n").join(part for part in parts if part)
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
            known = [text for part in parts for text in part or ()]
            return None if None in parts or len(known) > 1000 else list(dict.fromkeys(known))
        texts = [self.text(inputs[name], depth + 1) for name in ENCODED if isinstance(inputs.get(name), str | Link)]
        if not texts or not any(isinstance(item, Link) for item in inputs.values()):
            return None
        if "populated_text" in inputs:
            texts = texts[:1]
        return None if None in texts else list(dict.fromkeys(text for text in texts if text))


def _is_part(name: str) -> bool:
    return re.fullmatch(r"(?:string|text|prompt|str|input)?_?(?:[a-z]|\d{1,2})?", name.lower()) is not None


def _order(name: str) -> tuple[bool, int, str]:
    """Sorts ``text_2`` before ``text_10``, and ``conditioning_to`` before ``conditioning_from``."""
    return name.endswith("_from"), len(name), name
