"""Warns of words that a model has no room for, or does not know."""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import Any

from ...errors import ModelError
from ...prompts.phrases.cutting import LINKS
from ..support.wording import first_and_last
from ..tiny.words import FACTORS, SUBJECTS, names_subject
from .prompt_syntax import parse_prompt

log = logging.getLogger(__name__)

#: Names of a pipeline's tokenizers.
_TOKENIZERS = tuple(f"tokenizer{number}" for number in ("", "_2", "_3", "_4"))
#: Texts that are reported one by one, and about the most characters of each.
REPORTED, SHOWN = 3, 200
#: Words that a sentence names at most.
_NAMED = 4
#: Words that the embedded model knows, and others that ask for nothing that a picture could lack.
_KNOWN = {word for options in FACTORS.values() for names in options.values() for name in names for word in name.split()}
_KNOWN |= LINKS | {"picture", "image", "painting", "drawing", "color", "colour", "one", "lora"}


def lost_words(tokenizers: Sequence[Any], text: str) -> str:
    """The end of a text that none of a model's tokenizers, which all read the whole text, has room for."""
    words = text.split()
    read = max((_words_read(tokenizer, words) for tokenizer in tokenizers), default=len(words))
    return " ".join(words[read:])


def _words_read(tokenizer: Any, words: list[str]) -> int:  # noqa: ANN401
    """Number of the first words that fit into a tokenizer's limit."""

    def tokens(count: int) -> int:
        return len(tokenizer(" ".join(words[:count]), truncation=False, verbose=False)["input_ids"])

    limit = int(tokenizer.model_max_length)
    # Every word is a token at least, so a very long text need not be read to its end.
    most = min(len(words), limit)
    return most if tokens(most) <= limit else bisect_right(range(1, most + 1), limit, key=tokens)


class PromptLimit:
    """Warns of the first few texts that a pipeline does not read to their ends, naming the lost words; then once."""

    def __init__(self, pipeline: object) -> None:
        found = (getattr(pipeline, name, None) for name in _TOKENIZERS)
        self._tokenizers: list[Any] = [tokenizer for tokenizer in found if hasattr(tokenizer, "model_max_length")]
        self._known: set[str] = set()
        self._reported = 0

    def check(self, prompts: Iterable[str]) -> None:
        """Log a warning for each of some prompts that is too long."""
        for prompt in prompts:
            if prompt in self._known or self._reported > REPORTED:
                continue
            self._known.add(prompt)
            if not (warning := self._warning(prompt)):
                continue
            self._reported += 1
            further = self._reported > REPORTED
            log.warning("The model does not read the ends of further prompts: shorten them." if further else warning)

    def unread(self, prompts: Iterable[str]) -> str:
        """A sentence on the first of some prompts that is too long; empty if none is."""
        return next(filter(None, map(self._warning, prompts)), "")

    def read(self, prompt: str) -> str:
        """The words of a prompt that the model reads: all of them if it has room for them, or if that is unknown."""
        text = " ".join(parse_prompt(prompt).text.split())
        try:
            lost = lost_words(self._tokenizers, text)
        except Exception:
            log.debug("The length of a prompt cannot be found.", exc_info=True)
            return text
        return text.removesuffix(lost)

    def _warning(self, prompt: str) -> str:
        """A sentence that names the unread words of a prompt; empty if the model reads all of it, or if that is unknown."""
        try:
            lost = lost_words(self._tokenizers, parse_prompt(prompt).text)
        # A tokenizer of an unknown family may want other arguments; drawing does not depend on it.
        except Exception:
            log.debug("The length of a prompt cannot be found.", exc_info=True)
            self._tokenizers = []
            return ""
        if not lost:
            return ""
        most = max(int(tokenizer.model_max_length) for tokenizer in self._tokenizers)
        return (
            f"The model does not read the end of a prompt, because its text encoder takes at most {most} tokens: "
            f"shorten the prompt, or move these words forward: {first_and_last(lost, SHOWN)}."
        )


class UnknownSubjects:
    """Warns of the first prompt without a subject that the embedded model knows; refuses to tune none but such."""

    def __init__(self, *, embedded: bool) -> None:
        self._embedded, self._warned = embedded, False

    def check(self, prompts: Iterable[str]) -> None:
        """Log a warning of the first of some prompts that names no known subject, unless one was logged before."""
        if not self._warned and (warning := self.unknown(prompts)):
            log.warning(warning)
            self._warned = True

    def refuse(self, prompts: Iterable[str]) -> None:
        """Raise ModelError if some prompts ask for something, and none of them names a known subject."""
        prompts = [prompt for prompt in prompts if parse_prompt(prompt).text.strip()]
        if prompts and all(map(self.unknown, ([prompt] for prompt in prompts))):
            raise ModelError(self.unknown(prompts))

    def unread(self, prompts: Iterable[str]) -> str:
        """A sentence on the words of the first of some prompts that the embedded model does not know; empty if it knows all.

        A LoRA may know more.
        """
        for parsed in map(parse_prompt, prompts if self._embedded else []):
            words = dict.fromkeys(re.findall(r"[^\W\d_]{3,}", parsed.text.casefold()))
            others = [word for word in words if word not in _KNOWN and not names_subject(word)]
            if others and not parsed.loras:
                return f"The embedded model does not know {', '.join(map(repr, others[:_NAMED]))}: it draws the rest."
        return ""

    def unknown(self, prompts: Iterable[str]) -> str:
        """A sentence on the first of some prompts that names no known subject; empty if all do, or ask for nothing."""
        if not self._embedded:
            return ""
        texts = (parse_prompt(prompt).text.strip() for prompt in prompts)
        unknown = next((text for text in texts if text and not names_subject(text)), "")
        return unknown and (
            f"The embedded model cannot draw what a prompt asks for, because it knows only {', '.join(SUBJECTS)}: "
            f"name one of these, or choose another model for: {shorten(unknown, SHOWN, placeholder=' …')}."
        )
