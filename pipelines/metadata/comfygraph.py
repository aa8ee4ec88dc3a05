"""Graphs of ComfyUI: which text, number or name arrives at an input, followed through the nodes on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .record import LONGEST_PROMPT, number

_MOST_NODES = 20_000
_DEEPEST = 150


class Link(NamedTuple):
    """An input that comes from slot ``slot`` of node ``node``."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its class, and its inputs as literals or links."""

    kind: str
    inputs: Mapping[str, Any]


#: Inputs that carry several things at once, and the slots at which nodes hand them out.
_PIPES = ("pipe", "basic_pipe", "context", "ctx", "base_ctx", "sdxl_pipe", "optional_pipe", "any_pipe")
_SLOTS: dict[str, dict[int, str]] = {
    "frombasicpipe": {0: "model", 3: "positive", 4: "negative"},
    "frombasicpipe_v2": {1: "model", 4: "positive", 5: "negative"},
    "context (rgthree)": {1: "model", 4: "positive", 5: "negative", 8: "seed"},
    "context big (rgthree)": {1: "model", 4: "positive", 5: "negative", 8: "seed"},
    "applyinstantid": {0: "model", 1: "positive", 2: "negative"},
    "applyinstantidadvanced": {0: "model", 1: "positive", 2: "negative"},
    "efficient loader": {0: "model", 1: "positive", 2: "negative"},
}
#: Texts of encoders, the most telling first.
_ENCODED = (
    "populated_text",
    "t5xxl",
    "text_g",
    "clip_g",
    "clip_l",
    "text_l",
    "llama",
    "mt5xl",
    "bert",
    "user_prompt",
    "prompt",
    "text",
)
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
_VALUES = ("value", "number", "int", "float", "seed", "string", "text")
_DELIMITERS = ("delimiter", "separator", "sep", "delim")
# Names of inputs that show that a node makes its text rather than passes it on.
_OPAQUE = re.compile(
    r"model|seed|temperature|token|api|instruct|find|replace|pattern|template|mode|style|random", re.IGNORECASE
)


class Graph:
    """A graph; asking it costs a bounded number of steps, whatever its loops."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        self._budget = 50_000

    @classmethod
    def of_prompt(cls, prompt: Mapping[str, Any]) -> Graph | None:
        """The graph of ComfyUI's API format; ``None`` if it is another object."""
        nodes: dict[str, Node] = {}
        for name, node in list(prompt.items())[:_MOST_NODES]:
            if (
                isinstance(node, dict)
                and isinstance(node.get("class_type"), str)
                and isinstance(node.get("inputs"), dict)
            ):
                nodes[str(name)] = Node(node["class_type"], {str(k): _input(v) for k, v in node["inputs"].items()})
        return cls(nodes) if nodes else None

    def at(self, value: object) -> tuple[Node, int] | None:
        """The node and slot behind a link, past reroutes; ``None`` if it leads nowhere."""
        for _ in range(_DEEPEST):
            node = self.nodes.get(value.node) if isinstance(value, Link) else None
            self._budget -= 1
            if node is None or self._budget < 0 or not isinstance(value, Link):
                return None
            if "reroute" not in node.kind.lower():
                return node, value.slot
            value = next((item for item in node.inputs.values() if isinstance(item, Link)), None)
        return None

    def find(self, node: Node | None, *names: str) -> Any:  # noqa: ANN401 - a literal of a stranger, or a link
        """The first of the inputs that the node has, or that comes to it in a pipe."""
        for _ in range(_DEEPEST):
            if node is None:
                break
            for name in names:
                if node.inputs.get(name) is not None:
                    return node.inputs[name]
            found = next(
                (self.at(node.inputs[name]) for name in _PIPES if isinstance(node.inputs.get(name), Link)), None
            )
            node = found[0] if found else None
        return None

    def literal(self, value: object, name: str, depth: int = 0) -> object:
        """A number or name that arrives at input ``name``: itself, or what primitive nodes hold."""
        if not isinstance(value, Link):
            return value.get("content") if isinstance(value, dict) else value
        found = self.at(value)
        if found is None or depth > _DEEPEST:
            return None
        node, slot = found
        wanted = _SLOTS.get(node.kind.lower(), {}).get(slot, name)
        inside = self.find(node, wanted) if wanted in node.inputs or wanted != name else None
        if inside is None:
            held = {key: item for key, item in node.inputs.items() if key.lower() in _VALUES}
            if len(held) != 1 or any(isinstance(item, Link) for key, item in node.inputs.items() if key not in held):
                return None
            inside = next(iter(held.values()))
        return self.literal(inside, name, depth + 1)

    def text(self, value: object, depth: int = 0) -> str | None:
        """The text that arrives at an input; ``None`` if a node on the way makes one that is not written down."""
        if isinstance(value, str):
            return value if len(value) <= LONGEST_PROMPT else None
        found = self.at(value)
        if found is None or depth > _DEEPEST:
            return None
        (node, slot), kind = found, found[0].kind.lower()
        inputs = node.inputs
        if isinstance(inputs.get("populated_text"), str):
            return str(inputs["populated_text"])
        if "styler" in kind and ("text_positive" in inputs or "text_negative" in inputs):
            # The style's own words are in another file: this is what was typed.
            return self.text(inputs.get("text_negative" if slot == 1 else "text_positive", ""), depth + 1)
        if "concat" in kind or "join" in kind or "combine" in kind:
            return self._joined(inputs, depth)
        if "switch" in kind:
            return self.text(self._switched(inputs), depth + 1)
        if "show" in kind or "display" in kind or kind.startswith(("power prompt", "sdxl power prompt")):
            return self.text(inputs.get("prompt", inputs.get("text")), depth + 1)
        names = [name for name in inputs if name.lower() in _WORDS and isinstance(inputs[name], str | Link)]
        others = [name for name in inputs if name not in names]
        if len(names) != 1 or any(isinstance(inputs[name], Link) or _OPAQUE.search(name) for name in others):
            if len(names) != 1 or not ("wildcard" in kind or kind.startswith("dp")):
                return None
            text = self.text(inputs[names[0]], depth + 1)
            return None if text is None or re.search(r"[{}]|__", text) else text
        return self.text(inputs[names[0]], depth + 1)

    def _joined(self, inputs: Mapping[str, Any], depth: int) -> str | None:
        delimiter = next((inputs[name] for name in _DELIMITERS if isinstance(inputs.get(name), str)), "")
        parts = []
        for name, value in sorted(inputs.items()):
            if name not in _DELIMITERS and (isinstance(value, Link) or (isinstance(value, str) and _part(name))):
                text = self.text(value, depth + 1)
                if text is None:
                    return None
                parts.append(text)
        joined = delimiter.replace("\\n", "\n").join(part for part in parts if part)
        return joined if parts and len(joined) <= LONGEST_PROMPT else None

    def _switched(self, inputs: Mapping[str, Any]) -> object:
        """The input that a switch lets through, if its setting is written down."""
        choice = next(
            (inputs[name] for name in ("switch", "select", "index", "boolean", "input") if name in inputs), None
        )
        if isinstance(choice, bool):
            names: tuple[str, ...] = ("on_true", "true") if choice else ("on_false", "false")
        else:
            which = number(choice)
            names = (
                tuple(f"{stem}{which:g}" for stem in ("input", "text", "text_", "input_")) if which is not None else ()
            )
        return next((inputs[name] for name in names if name in inputs), None)

    def words(self, value: object, depth: int = 0) -> list[str] | None:
        """The texts behind a conditioning, in order, none twice; ``None`` if one of them is unknown."""
        if isinstance(value, str):
            return [value]
        found = self.at(value)
        if found is None or depth > _DEEPEST:
            return None
        (node, slot), kind = found, found[0].kind.lower()
        inputs = node.inputs
        if "zeroout" in kind:
            return []
        if kind in _SLOTS or ("positive" in inputs and "negative" in inputs):
            names = _SLOTS.get(kind, {0: "positive", 1: "negative"})
            inside = self.find(node, names[slot]) if names.get(slot) in ("positive", "negative") else None
            words = self.words(inside, depth + 1)
            text = self.text(inside, depth + 1) if words is None else None
            return words if text is None else [text]
        if "switch" in kind:
            return self.words(self._switched(inputs), depth + 1)
        # "conditioning_to" goes before "conditioning_from".
        sources = sorted(
            (n for n in inputs if n.lower().startswith("cond") and isinstance(inputs[n], Link)), key=_order
        )
        if sources:
            parts = [self.words(inputs[name], depth + 1) for name in sources]
            known = [text for part in parts for text in part or ()]
            return None if None in parts or len(known) > 1000 else list(dict.fromkeys(known))
        texts = [self.text(inputs[name], depth + 1) for name in _ENCODED if isinstance(inputs.get(name), str | Link)]
        if not texts or not any(isinstance(item, Link) for item in inputs.values()):
            return None
        if "populated_text" in inputs:
            texts = texts[:1]
        return None if None in texts else list(dict.fromkeys(text for text in texts if text))

    def upstream(self, start: Iterator[Link], skipped: frozenset[str]) -> Iterator[str]:
        """Names of the nodes above some links, each once; inputs named in ``skipped`` are not followed."""
        pending, seen = list(start), set[str]()
        while pending:
            name = pending.pop().node
            if name in seen or name not in self.nodes:
                continue
            seen.add(name)
            yield name
            pending += [v for k, v in self.nodes[name].inputs.items() if isinstance(v, Link) and k not in skipped]


def _input(value: object) -> object:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int):
        return Link(str(value[0]), value[1])
    return value


def _part(name: str) -> bool:
    return re.fullmatch(r"(?:string|text|prompt|str|input)?_?(?:[a-z]|\d{1,2})?", name.lower()) is not None


def _order(name: str) -> tuple[bool, str]:
    return name.endswith("_from"), name
