"""ComfyUI's graphs of nodes, and the values that arrive at their inputs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from . import comfyswitch

_MOST_NODES = 20_000
DEEPEST = 150


class Link(NamedTuple):
    """An input that comes from slot ``slot`` of node ``node``."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its class, its inputs as literals or links, and what the editor knows of it."""

    kind: str
    inputs: Mapping[str, Any]
    title: str = ""
    lists: frozenset[int] = frozenset()  # slots at which it hands out a list, of which each picture gets one entry
    shown: tuple[str, ...] = ()  # texts that it showed when it ran


#: Inputs that carry several values at once, and the slots at which nodes hand them out.
_PIPES = ("pipe", "basic_pipe", "context", "ctx", "base_ctx", "sdxl_pipe", "optional_pipe", "any_pipe")
SLOTS: dict[str, dict[int, str]] = {
    "frombasicpipe": {0: "model", 3: "positive", 4: "negative"},
    "frombasicpipe_v2": {1: "model", 4: "positive", 5: "negative"},
    "context (rgthree)": {1: "model", 4: "positive", 5: "negative", 8: "seed"},
    "context big (rgthree)": {1: "model", 4: "positive", 5: "negative", 8: "seed"},
    "applyinstantid": {0: "model", 1: "positive", 2: "negative"},
    "applyinstantidadvanced": {0: "model", 1: "positive", 2: "negative"},
    "efficient loader": {0: "model", 1: "positive", 2: "negative"},
}
#: Text inputs of encoders, the most informative first.
ENCODED = (
    "populated_text", "t5xxl", "text_g", "clip_g", "clip_l", "text_l", "llama", "mt5xl", "bert", "user_prompt",
    "prompt", "text",
)  # fmt: skip
#: Inputs of video samplers for texts that a node of their own has encoded.
EMBEDDED = frozenset({"text_embeds", "hyvid_embeds"})
# Inputs of a sampler that do not lead to the picture it starts from.
_NO_PICTURE = frozenset(
    {
        "positive", "negative", "conditioning", "model", "clip", "vae", "guider", "sigmas", "noise", "seed",
        "noise_seed", "sampler",
    }
    | {"control_net", "text", "prompt", "text_embeds", "steps", "cfg", "clip_vision", "style_model"}
)  # fmt: skip
#: Inputs of nodes that hold one value.
VALUES = ("value", "number", "int", "float", "seed", "string", "text")


class Graph:
    """A graph of nodes; its methods take a bounded number of steps, whatever loops it has."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        self._budget = 50_000
        self._literals: dict[tuple[Link, str], object] = {}
        # By identity of the node, which this graph keeps.
        self._switches: dict[int, tuple[tuple[object] | None, list[object] | None]] = {}

    @classmethod
    def of_prompt(cls, prompt: Mapping[str, Any]) -> Graph | None:
        """The graph of an object in ComfyUI's API format; ``None`` if the object is something else."""
        nodes: dict[str, Node] = {}
        for name, node in list(prompt.items())[:_MOST_NODES]:
            if (
                isinstance(node, dict)
                and isinstance(node.get("class_type"), str)
                and isinstance(node.get("inputs"), dict)
            ):
                nodes[str(name)] = Node(node["class_type"], {str(k): _input(v) for k, v in node["inputs"].items()})
        return cls(nodes) if nodes else None

    def add_outputs(self, editor: Graph) -> None:
        """Add what the editor's graph of the same run knows of the outputs of nodes."""
        for name, known in editor.nodes.items():
            node = self.nodes.get(name)
            if node is not None and node.kind == known.kind and (known.lists or known.shown):
                self.nodes[name] = replace(node, lists=known.lists, shown=known.shown)

    def origin(self, value: object) -> Link | None:
        """The end of a link past reroutes: a link to the node that makes the value; ``None`` if it leads nowhere."""
        for _ in range(DEEPEST):
            node = self.nodes.get(value.node) if isinstance(value, Link) else None
            self._budget -= 1
            if node is None or self._budget < 0 or not isinstance(value, Link):
                return None
            if "reroute" not in node.kind.lower():
                return value
            value = next((item for item in node.inputs.values() if isinstance(item, Link)), None)
        return None

    def at(self, value: object) -> tuple[Node, int] | None:
        """The node and slot behind a link, past reroutes and switches that are set; ``None`` if it leads nowhere."""
        for _ in range(DEEPEST):
            origin = self.origin(value)
            if origin is None:
                return None
            node = self.nodes[origin.node]
            chosen, _branches = self._switch(node)
            if chosen is None or not isinstance(chosen[0], Link):
                return node, origin.slot
            value = chosen[0]
        return None

    def branches(self, node: Node) -> list[object] | None:
        """The input that a switch lets through, or all that it may if it is not set; ``None`` of other nodes."""
        chosen, branches = self._switch(node)
        return branches if chosen is None else [*chosen]

    def _switch(self, node: Node) -> tuple[tuple[object] | None, list[object] | None]:
        if id(node) not in self._switches:
            name = comfyswitch.setting(node.inputs)
            choice = node.inputs[name] if name else None
            if isinstance(choice, Link):
                origin = self.origin(choice)
                held = self.nodes[origin.node] if origin else None
                choice = held.inputs.get("value") if held is not None and held.kind == "PrimitiveBoolean" else None
            self._switches[id(node)] = (
                comfyswitch.chosen(node.kind, node.inputs, choice),
                comfyswitch.branches(node.kind, node.inputs, Link),
            )
        return self._switches[id(node)]

    def find(self, node: Node | None, *names: str) -> Any:  # noqa: ANN401 - a literal of a stranger, or a link
        """The first of the named inputs that the node has, or that reaches it in a pipe."""
        for _ in range(DEEPEST):
            if node is None:
                break
            for name in names:
                if node.inputs.get(name) is not None:
                    return node.inputs[name]
            origin = next(
                (self.at(node.inputs[name]) for name in _PIPES if isinstance(node.inputs.get(name), Link)), None
            )
            node = origin[0] if origin else None
        return None

    def literal(self, value: object, name: str, depth: int = 0) -> object:
        """The number or name that arrives at input ``name``: ``value`` itself, or the one that primitive nodes hold.

        Behind a switch that is not set it is the one that all branches have.
        """
        if not isinstance(value, Link):
            return value.get("content") if isinstance(value, dict) else value
        key = value, name
        if key not in self._literals:
            # For loops.
            self._literals[key] = None
            origin = self.at(value)
            self._literals[key] = self._literal(*origin, name, depth) if origin and depth <= DEEPEST else None
        return self._literals[key]

    def _literal(self, node: Node, slot: int, name: str, depth: int) -> object:
        wanted = SLOTS.get(node.kind.lower(), {}).get(slot, name)
        inside = self.find(node, wanted) if wanted in node.inputs or wanted != name else None
        if inside is None:
            branches = self.branches(node)
            if branches:
                return comfyswitch.agreed([self.literal(branch, name, depth + 1) for branch in branches])
            values = {key: item for key, item in node.inputs.items() if key.lower() in VALUES}
            if len(values) != 1 or any(
                isinstance(item, Link) for key, item in node.inputs.items() if key not in values
            ):
                return None
            inside = next(iter(values.values()))
        return self.literal(inside, name, depth + 1)

    def upstream(self, start: Iterable[Link], skipped: frozenset[str]) -> Iterator[str]:
        """Names of the nodes above some links, each once; inputs named in ``skipped`` are not followed."""
        pending, visited = list(start), set[str]()
        while pending:
            name = pending.pop().node
            if name in visited or name not in self.nodes:
                continue
            visited.add(name)
            yield name
            pending += [v for k, v in self.nodes[name].inputs.items() if isinstance(v, Link) and k not in skipped]


def _input(value: object) -> object:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int):
        return Link(str(value[0]), value[1])
    return value


def is_sampler(node: Node) -> bool:
    """True if a node turns noise into a picture, judging by its inputs."""
    names = node.inputs.keys()
    seeded = bool({"seed", "noise_seed", "noise"} & names)
    stepped = bool({"steps", "sigmas"} & names)
    if "guider" in names and stepped:
        return True
    if "positive" in names and seeded and stepped and not re.search("presampling|loader", node.kind, re.IGNORECASE):
        return True
    kind = node.kind.lower()
    return "sampler" in kind and ((seeded and stepped and bool(EMBEDDED & names)) or "pipe" in names)


def base_samplers(graph: Graph) -> list[str]:
    """Names of the samplers from which the saved pictures start: no other sampler is above them."""
    used = {v.node for node in graph.nodes.values() for v in node.inputs.values() if isinstance(v, Link)}
    ends = [name for name in graph.nodes if name not in used]
    for wanted in ("save", "preview"):
        outputs = [name for name in graph.nodes if wanted in graph.nodes[name].kind.lower()]
        if outputs:
            ends = outputs
            break
    above = set(graph.upstream([Link(name, 0) for name in ends], frozenset()))
    samplers = {name for name in graph.nodes if name in above and is_sampler(graph.nodes[name])}
    if not samplers:
        # Nodes of paid services: one call with the prompt in it.
        calls = [name for name in above if {"prompt", "seed"} <= graph.nodes[name].inputs.keys()]
        return calls if len(calls) == 1 else []
    if len(samplers) > 100:
        return []
    return [name for name in graph.nodes if name in samplers and not _starts_from(graph, name) & samplers]


def _starts_from(graph: Graph, name: str) -> set[str]:
    inputs = graph.nodes[name].inputs
    links = [v for k, v in inputs.items() if isinstance(v, Link) and k not in _NO_PICTURE]
    # Stable Cascade hands the first stage to the second beside the prompt.
    positive = graph.at(inputs.get("positive"))
    if positive and isinstance(positive[0].inputs.get("stage_c"), Link):
        links.append(positive[0].inputs["stage_c"])
    return set(graph.upstream(links, _NO_PICTURE)) - {name}
