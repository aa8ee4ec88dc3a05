r"""Reads LoRAs and word weights in prompts, in the syntax of AUTOMATIC1111's web UI.

``<lora:NAME:WEIGHT>`` adds a LoRA, ``(some words:1.3)`` weighs words. Brackets without a number are plain text, and in a
prompt with weights ``\(`` and ``\)`` are too.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from ...errors import LoraError, ModelError
from ...prompts.space.rendering import tidy

_LORA = re.compile(r"<lora:([^<>]*)>", re.IGNORECASE)
_WIDGET = re.compile(r"<set:([^<>:]+):([^<>]*)>", re.IGNORECASE)
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_NAME_AND_WEIGHT = re.compile(rf"\s*([^:]*[^:\s])\s*(?::\s*({_NUMBER})\s*)?")
_TOKEN = re.compile(rf"\\[()]|\(|:\s*({_NUMBER})\s*\)|\)|[^\\():]+|[\\:]")


class Piece(NamedTuple):
    """Words of a prompt, and their weight."""

    text: str
    weight: float


class ParsedPrompt(NamedTuple):
    """A prompt without its syntax: the text to encode, the weights of its LoRAs, and its pieces of equal weight."""

    text: str
    loras: dict[str, float]  # added up for one that is named twice
    pieces: tuple[Piece, ...]  # none without weights


def parse_prompt(prompt: str) -> ParsedPrompt:
    """Read the LoRAs and word weights of a prompt; LoraError or ModelError for one that cannot be understood.

    >>> from soart.pipelines.models.prompt_syntax import parse_prompt
    >>> parse_prompt("a fox, <lora:ink:0.8>")
    ParsedPrompt(text='a fox', loras={'ink': 0.8}, pieces=())
    """
    loras: dict[str, float] = {}
    for tag in _LORA.finditer(prompt):
        parts = _NAME_AND_WEIGHT.fullmatch(tag[1])
        if parts is None:
            raise LoraError(f"Expected a LoRA as <lora:NAME:WEIGHT> with a number as its weight, got {tag[0]}.")
        loras[parts[1]] = loras.get(parts[1], 0.0) + float(parts[2] or 1)
    text = tidy(_LORA.sub(" ", prompt)) if loras else prompt
    pieces = _pieces(text)
    return ParsedPrompt("".join(piece.text for piece in pieces) if pieces else text, loras, pieces)


def split_widgets(prompt: str) -> tuple[str, dict[str, str]]:
    """A prompt without its ``<set:NAME:VALUE>``, and the values of the widgets of a workflow that these set.

    >>> from soart.pipelines.models.prompt_syntax import split_widgets
    >>> split_widgets("a fox, <set:Load LoRA.strength_model:0.8>")
    ('a fox', {'Load LoRA.strength_model': '0.8'})
    """
    values = {tag[1].strip(): tag[2].strip() for tag in _WIDGET.finditer(prompt)}
    return (tidy(_WIDGET.sub(" ", prompt)) if values else prompt), values


def lora_names(prompt: str) -> list[str]:
    """Names of the LoRAs of a prompt that another program reads, whatever follows them, in order.

    >>> from soart.pipelines.models.prompt_syntax import lora_names
    >>> lora_names("a fox <lora:ink:0.8:1.2> <lora:dusk>")
    ['ink', 'dusk']
    """
    return [tag[1].partition(":")[0].strip() for tag in _LORA.finditer(prompt)]


def _pieces(text: str) -> tuple[Piece, ...]:
    """The pieces of a text with weights, neighbours of one weight joined; none for a text without weights."""
    open_groups: list[list[Piece]] = [[]]
    weighted = False
    for token in _TOKEN.finditer(text):
        if token[0] == "(":
            open_groups.append([])
        elif token[1] is not None and len(open_groups) > 1:
            weight, weighted = float(token[1]), True
            if not 0 <= weight < math.inf:
                raise ModelError(f"Expected a weight of at least 0 for words of the prompt, got {token[1]}.")
            inside = open_groups.pop()
            open_groups[-1] += [Piece(piece.text, piece.weight * weight) for piece in inside]
        elif token[0] == ")" and len(open_groups) > 1:
            inside = open_groups.pop()
            open_groups[-1] += [Piece("(", 1.0), *inside, Piece(")", 1.0)]
        else:
            open_groups[-1].append(Piece(token[0][-1:] if token[0] in (r"\(", r"\)") else token[0], 1.0))
    if not weighted:
        return ()
    while len(open_groups) > 1:
        inside = open_groups.pop()
        open_groups[-1] += [Piece("(", 1.0), *inside]
    joined: list[Piece] = []
    for piece in open_groups[0]:
        if joined and joined[-1].weight == piece.weight:
            joined[-1] = Piece(joined[-1].text + piece.text, piece.weight)
        else:
            joined.append(piece)
    return tuple(joined)
