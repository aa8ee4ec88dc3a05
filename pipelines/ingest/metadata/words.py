"""Words of a prompt for statistics, without the syntax of tools."""

from __future__ import annotations

import re

from .record import LONGEST_PROMPT

_LONGEST_PHRASE = 6
# Spans that do not describe the picture.
_DROPPED = re.compile(
    r"<[^<>]{0,300}>"  # <lora:name:0.8>, <embedding:name>, <wildcard:name>
    r"|(?<!\w)embedding:[^\s,()]{1,200}"
    r"|(?<!\w)__[\w*/\- ]{1,100}__(?!\w)"
    r"|(?<!\S)(?:--|—)[A-Za-z]\w{0,20}(?:[ =]+(?![A-Za-z]{3,}(?!\w*:))[\w.:/\-]{1,60})?"  # --ar 3:2, --v 6
    r"|https?://\S{1,500}"
)
_BREAKS = re.compile(r"(?<!\w)(?:BREAK|AND|ADDCOMM|ADDROW|ADDCOL|ADDBASE)(?!\w)")
# Weights and times: (word:1.2), word::2, 1.3::word::, [from:to:0.5], (word)1.3.
_NUMBERS = re.compile(
    r"(?<![\w.])-?\d+(?:\.\d+)?::|::?\s*-?\d*\.?\d+(?=\s*[)\]:,|]|\s*$)|(?<=[)+\-])\d+(?:\.\d+)?(?![\w.])"
)
_SEPARATORS = re.compile(r"[,;|\n\r\t，、。；]|\.(?=\s|$)|::?|[()\[\]{}\"“”]")
_STOP = frozenset(
    [
        "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "her", "his", "in", "into",
        "is", "it", "its", "of", "on", "or", "over", "s", "that", "the", "their", "this", "to", "under", "was",
        "with",
    ]
)  # fmt: skip


def _without_tools(prompt: str) -> str:
    text = prompt[:LONGEST_PROMPT].replace("\\(", "\ue000").replace("\\)", "\ue001")
    return _BREAKS.sub(",", _DROPPED.sub(" ", text))


def plain_prompt(prompt: str) -> str:
    """A prompt without weights, brackets of weights, LoRAs, embeddings, wildcards, flags and ``BREAK``."""
    text = re.sub(r"[()\[\]{}]", " ", _NUMBERS.sub(" ", _without_tools(prompt)))
    return " ".join(text.replace("\ue000", "(").replace("\ue001", ")").split())


def prompt_words(prompt: str) -> list[str]:
    r"""The phrases of up to six words and the single words of a prompt, folded to lower case, each once, in order.

    Weights, LoRAs, embeddings, wildcards, flags, ``BREAK`` and brackets are left out; ``\(`` and ``\)`` are kept as
    brackets of a name; underscores count as spaces. Articles and prepositions do not count as single words.
    """
    text = _NUMBERS.sub(" , ", _without_tools(prompt))
    words: dict[str, None] = {}
    for part in _SEPARATORS.split(text):
        phrase = " ".join(part.replace("_", " ").replace("\\", " ").casefold().split())
        phrase = re.sub(r"^[+\-*#!?'.\s]+|[+\-*#!?'.\s]+$", "", phrase).replace("\ue000", "(").replace("\ue001", ")")
        if not phrase or re.fullmatch(r"[\d.\s]+", phrase):
            continue
        pieces = phrase.split(" ")
        if len(pieces) <= _LONGEST_PHRASE:
            words.setdefault(phrase)
        for piece in pieces:
            word = piece.strip("()'’!?*+.:")
            if len(word) > 1 and word not in _STOP and not word.isdigit():
                words.setdefault(word)
    return list(words)
