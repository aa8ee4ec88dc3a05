"""Words in which prompts differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

_WORD = re.compile(r"\w+|\W+")


def mark_differences(prompts: Sequence[str]) -> list[list[tuple[str, bool]]]:
    """Cut prompts into parts, and mark those whose words are not in all prompts.

    Args:
        prompts: texts; letters count the same in either case, and the order of words does not count.

    Returns:
        for each prompt its parts in order, which together are the prompt; True for a part that another prompt lacks.

    Examples:
        >>> from soart.prompts.phrases.differences import mark_differences
        >>> mark_differences(["a red boat", "a boat at night"])
        [[('a ', False), ('red ', True), ('boat', False)], [('a boat ', False), ('at night', True)]]
    """
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
