"""Fills templates with ``{slot}`` places, and tidies the prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import PromptError
from .slots import SettingValue, Slot

#: Name of the template's place for the base subject.
SUBJECT = "subject"
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True)
class RenderedChoice:
    """The words and settings of a choice; None for a setting without a slot, or a negative prompt without a template."""

    prompt: str
    negative: str | None = None
    guidance: float | None = None
    steps: int | None = None
    scheduler: str | None = None
    true_cfg: float | None = None
    width: int | None = None
    height: int | None = None

    @property
    def settings(self) -> dict[str, float | int | str]:
        """The settings that are not None, by name: guidance, true_cfg, steps, scheduler, width, height."""
        names = ("guidance", "true_cfg", "steps", "scheduler", "width", "height")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def places(template: str) -> list[str]:
    """Names of the places of a template, in order; ``{{`` and ``}}`` are plain braces, variants are refused."""
    names = []
    for piece in _PIECE.finditer(template):
        if piece[0] in "{}":
            raise PromptError(f"The template {template!r} has a {piece[0]!r} without its partner: double it if meant.")
        if piece[1] is not None:
            if "|" in piece[1]:
                raise PromptError(
                    f"The template {template!r} has the variants {piece[0]}: make them a slot and write its {{name}}."
                )
            names.append(piece[1].strip())
    return names


def escape(text: str) -> str:
    """``text`` as literal text of a template, its braces doubled."""
    return text.replace("{", "{{").replace("}", "}}")


def tidy(text: str) -> str:
    """``text`` without the remains of empty options: double spaces and commas, empty brackets, commas at the ends."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\(\s*(:\s*[\d.]+\s*)?\)", "", text)
    text = re.sub(r"\s+(?=[,;])|\s+(?=\s)", "", text)
    text = re.sub(r"([,;])(?:\s*[,;])+", r"\1", text)
    return text.strip(" ,;")


def fill(template: str, words: Mapping[str, str]) -> str:
    """The template with every place filled, tidied; braces in ``words`` are plain text."""

    def put(piece: re.Match[str]) -> str:
        return piece[0][0] if piece[1] is None else words[piece[1].strip()]

    return tidy(_PIECE.sub(put, template))


def default_template(slots: tuple[Slot, ...], contexts: bool) -> str:
    """Subject and text slots in a row, separated by commas."""
    return _row([SUBJECT] * contexts + [slot.name for slot in slots if slot.kind == "text"])


def default_negative(slots: tuple[Slot, ...]) -> str:
    """Negative slots in a row, separated by commas."""
    return _row([slot.name for slot in slots if slot.kind == "negative"])


def _row(names: list[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def check_template(template: str, slots: tuple[Slot, ...], contexts: tuple[str, ...]) -> None:
    """Raise PromptError if the template names an unknown slot, or leaves out a text slot or the subject."""
    text = {slot.name for slot in slots if slot.kind == "text" and not slot.conditional}
    others = {slot.name: slot.kind for slot in slots if slot.kind != "text"}
    if contexts and SUBJECT in text:
        raise PromptError(f"The space has contexts and a slot {SUBJECT!r}, both for {{{SUBJECT}}}: rename the slot.")
    known = text | ({SUBJECT} if contexts else set())
    named = places(template)
    for name in named:
        if name in others:
            raise PromptError(
                f"The template names {{{name}}}, a slot of kind {others[name]}: only text slots have a place in it."
            )
        if name not in known:
            raise PromptError(
                f"The template names an unknown slot {{{name}}}: known are {', '.join(sorted(known)) or 'none'}."
            )
    for name in sorted(known - set(named)):
        raise PromptError(f"The template leaves out {{{name}}}: add the place, or drop the slot or the contexts.")


def check_negative(negative: str, slots: tuple[Slot, ...]) -> None:
    """Raise PromptError if the negative template names something other than a negative slot, or leaves one out."""
    known = {slot.name for slot in slots if slot.kind == "negative" and not slot.conditional}
    named = places(negative)
    for name in named:
        if name not in known:
            raise PromptError(
                f"The negative template names {{{name}}}, which is not a negative slot: "
                f"known are {', '.join(sorted(known)) or 'none'}."
            )
    for name in sorted(known - set(named)):
        raise PromptError(f"The negative template leaves out {{{name}}}: add the place, or drop the slot.")


def render(template: str, negative: str, subject: str, chosen: Mapping[str, tuple[Slot, int]]) -> RenderedChoice:
    """Words and settings of a choice, given by slot name; ``subject`` fills ``{subject}``."""
    words = {name: slot.texts[option] for name, (slot, option) in chosen.items()}
    for name, number in [(name, words[name]) for name, (slot, _) in chosen.items() if slot.conditional]:
        words = {other: text.replace(f"{{{name}}}", number) for other, text in words.items()}
    words |= {SUBJECT: subject} if subject else {}
    settings: dict[str, SettingValue] = {
        name: slot.values[option] for name, (slot, option) in chosen.items() if slot.kind == "setting"
    }
    guidance, steps, scheduler, size = (settings.get(name) for name in ("guidance", "steps", "scheduler", "size"))
    true_cfg = settings.get("true_cfg")
    return RenderedChoice(
        fill(template, words),
        fill(negative, words) if negative else None,
        guidance if isinstance(guidance, float) else None,
        steps if isinstance(steps, int) else None,
        scheduler if isinstance(scheduler, str) and scheduler else None,
        true_cfg if isinstance(true_cfg, float) else None,
        *(size if isinstance(size, tuple) else (None, None)),
    )
