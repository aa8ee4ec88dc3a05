"""Words in which prompts differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

_WORD = re.compile(r"\w+|\W+")


def mark_differences(prompts: Sequence[str]) -> list[list[tuple[str, bool]]]:
    """Cut each prompt into parts; True for one whose words, in any order and case, another prompt lacks."""
    words = [{word.lower() for word in _WORD.findall(prompt) if _is_word(word)} for prompt in prompts]
    common = set.intersection(*words) if words else set()
    return [_parts(_WORD.findall(prompt), common) for prompt in prompts]


def _parts(tokens: Sequence[str], common: set[str]) -> list[tuple[str, bool]]:
    marked, other = [], False
    for token in tokens:
        # Spaces and commas belong to the word before.
        if _is_word(token):
            other = token.lower() not in common
        marked.append((token, other))
    return [("".join(token for token, _ in part), mark) for mark, part in groupby(marked, key=lambda pair: pair[1])]


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"
