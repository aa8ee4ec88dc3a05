"""Cuts a prompt into phrases of what the picture is asked to show.

    a sharp picture of two foxes, watercolor, "open", without snow
    → quality: sharp · count: two foxes · subject: fox · style: watercolor · text: open · not detail: snow

The words of a lexicon are found first, the longest first; then articles, prepositions and commas end a phrase.
``mark_differences`` cuts prompts where they differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType

from ..space.templates import wildcard_values

_WORD = re.compile(r"\w+|\W+")
#: Vocabularies whose entries are phrases of a kind.
_VOCABULARIES = {
    "art_style": "style", "camera": "camera", "color_palette": "palette", "composition": "composition",
    "image_quality": "quality", "light": "light", "medium": "style", "palette": "palette", "quality": "quality",
    "style": "style", "subject": "subject",
}  # fmt: skip
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "dozen")
_COUNT = re.compile(rf"(?:{'|'.join(_NUMBERS)}|[2-9]|1\d|20)")
#: Words that introduce what should not be there.
_NEGATIONS = frozenset({"without", "no", "not", "never", "ohne", "sans", "sin"})
#: Words between phrases.
LINKS = frozenset(
    [
        "a", "an", "the", "and", "or", "of", "in", "on", "at", "with", "by", "from", "to", "into", "over", "under",
        "near", "beside", "behind", "for", "as", "is", "are", "its", "his", "her", "their", "this", "that", "while",
        "very", "style",
    ]
)  # fmt: skip
#: Words that only say that there is a picture.
_FRAME = frozenset(
    ["picture", "photo", "image", "painting", "drawing", "illustration", "artwork", "photograph", "thing"]
)
_QUOTED = re.compile(r"[\"“„«]([^\"”“»]{1,200})[\"”»]|(?<!\w)'([^']{2,200})'(?!\w)")
_TOKENS = re.compile(r"[\w'’-]+|[,.;:|\n，、。；!?]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a prompt."""

    text: str  # in lower case; the text itself for quoted text
    #: ``subject`` (a known thing, or the first one named), ``attribute`` (a known thing with words before it),
    #: ``detail`` (further things), ``count``, ``text`` (quoted), or a kind of the lexicon, such as ``style``
    kind: str
    negated: bool = False  # True if the picture should not show it


@lru_cache(maxsize=1)
def vocabulary_lexicon() -> Mapping[str, str]:
    """Kinds of the phrases of the built-in vocabularies, by phrase."""
    lexicon: dict[str, str] = {}
    for file, kind in _VOCABULARIES.items():
        for value in wildcard_values(file, None):
            lexicon.setdefault(" ".join(value.casefold().split()), kind)
    return MappingProxyType(lexicon)


def cut_prompt(prompt: str, lexicon: Mapping[str, str] = MappingProxyType({})) -> list[Phrase]:
    """The phrases of a prompt without the syntax of tools (weights, LoRAs), each once, in order.

    ``lexicon`` has kinds of further phrases, by phrase in lower case; they go before the built-in vocabularies.
    """
    quoted = [Phrase(" ".join((a or b).split()), "text") for a, b in _QUOTED.findall(prompt)]
    words = _TOKENS.findall(_QUOTED.sub(" , ", prompt).casefold().replace("_", " "))
    phrases, named = [], False
    for phrase in _pieces(words, {**vocabulary_lexicon(), **lexicon}):
        if not phrase.kind:
            phrase = replace(phrase, kind="detail" if named or phrase.negated else "subject")
        named = named or phrase.kind == "subject"
        phrases.append(phrase)
    return list(dict.fromkeys([*phrases, *(phrase for phrase in quoted if phrase.text)]))


def singular(word: str) -> str:
    """A noun without its regular English plural ending; other words stay as they are."""
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _pieces(words: list[str], lexicon: Mapping[str, str]) -> Iterator[Phrase]:
    """Yield the phrases in order; those outside the lexicon have no kind yet."""
    longest = max((len(phrase.split()) for phrase in lexicon), default=1)
    run: list[str] = []
    negated, count, i = False, "", 0

    def counted(text: str) -> Iterator[Phrase]:
        nonlocal count
        if count:
            yield Phrase(f"{count} {text}", "count", negated)
        count = ""

    def flush() -> Iterator[Phrase]:
        if text := _plain(run):
            yield from counted(text)
            yield Phrase(text, "", negated)
        run.clear()

    while i < len(words):
        word = words[i]
        size = next((n for n in range(min(longest, len(words) - i), 0, -1) if _entry(words[i : i + n], lexicon)), 0)
        if size:
            raw, entry = " ".join(words[i : i + size]), _entry(words[i : i + size], lexicon)
            if lexicon[entry] == "subject" and (attributes := _plain(run)):
                run.clear()
                yield from counted(f"{attributes} {raw}")
                yield Phrase(entry, "subject", negated)
                yield Phrase(f"{attributes} {raw}", "attribute", negated)
            else:
                yield from flush()
                yield from counted(raw)
                yield Phrase(entry, lexicon[entry], negated)
            i += size
            continue
        if not re.match(r"\w", word):
            yield from flush()
            negated, count = False, ""
        elif word in _NEGATIONS:
            yield from flush()
            negated = True
        elif word in LINKS:
            yield from flush()
        elif _COUNT.fullmatch(word):
            yield from flush()
            count = word
        else:
            run.append(word)
        i += 1
    yield from flush()


def _plain(run: list[str]) -> str:
    return " ".join(word for word in run if word not in _FRAME)


def _entry(words: list[str], lexicon: Mapping[str, str]) -> str:
    """The entry of the lexicon for some words, of which the last may be a plural; empty if there is none."""
    text = " ".join(words)
    if text in lexicon:
        return text
    text = " ".join([*words[:-1], singular(words[-1])])
    return text if text in lexicon else ""


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
