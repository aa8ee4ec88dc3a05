"""Prompts that ask the embedded model for something it cannot draw."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from textwrap import shorten

from ...errors import ModelError
from ...prompts.phrases.cutting import LINKS
from ..tiny.words import FACTORS, SUBJECTS, names_subject
from .prompt_limit import SHOWN
from .prompt_syntax import parse_prompt

log = logging.getLogger(__name__)

#: Words that a sentence names at most.
_NAMED = 4
#: Words that the embedded model knows, and others that ask for nothing that a picture could lack.
_KNOWN = {word for options in FACTORS.values() for names in options.values() for name in names for word in name.split()}
_KNOWN |= LINKS | {"picture", "image", "painting", "drawing", "color", "colour", "one", "lora"}


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
