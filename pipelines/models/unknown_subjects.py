"""Prompts that ask the embedded model for something it cannot draw."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from textwrap import shorten

from ...errors import ModelError
from ..tiny.words import SUBJECTS, names_subject
from .prompt_limit import SHOWN
from .prompt_syntax import parse_prompt

log = logging.getLogger(__name__)


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
