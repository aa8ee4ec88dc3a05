"""Prompt spaces made from text: a dynamic-prompts template, or a plain prompt with the vocabularies around it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...errors import PromptError
from .rendering import SUBJECT, escape
from .slots import Kind, Option, Slot
from .space import PromptSpace
from .templates import _WILDCARD, wildcard_values

if TYPE_CHECKING:
    from dynamicprompts.commands import Command

#: Slots put around a plain prompt: name, vocabulary file, kind. The embedded model knows no words but its own.
VOCABULARY_SLOTS: dict[str, tuple[tuple[str, str, Kind], ...]] = {
    "general": (
        ("medium", "medium", "text"),
        ("style", "art_style", "text"),
        ("composition", "composition", "text"),
        ("light", "light", "text"),
        ("palette", "color_palette", "text"),
        ("camera", "camera", "text"),
        ("quality", "image_quality", "text"),
        ("negative", "negative", "negative"),
    ),
    "embedded": (
        ("palette", "palette", "text"),
        ("style", "style", "text"),
        ("quality", "quality", "text"),
        ("negative", "embedded_negative", "negative"),
    ),
}
#: A slot with more options than this is no slot to be tuned.
_MOST_OPTIONS = 500


def is_template(text: str) -> bool:
    """Whether ``text`` is more than a plain prompt: it has variants, wildcards or variables."""
    return bool(re.search(r"[{}]", text) or _WILDCARD.search(text))


def space_from_text(
    text: str, negative: str = "", *, vocabulary: str = "general", wildcards: Path | None = None
) -> PromptSpace:
    """Space of ``text``: of its variants and wildcards where it has any, else of the vocabularies put around it.

    Args:
        text: a dynamic-prompts template or a plain prompt.
        negative: likewise for the negative prompt.
        vocabulary: ``general``, or ``embedded`` for the words that the embedded model understands; for plain prompts.
        wildcards: a folder of the user's own ``NAME.txt`` files, which win over the built-in ones.

    Raises:
        PromptError: an empty text, broken or unsupported syntax, an unknown wildcard or vocabulary.
    """
    if is_template(text):
        return space_from_template(text, negative, wildcards)
    return space_from_prompt(text, negative, vocabulary=vocabulary, wildcards=wildcards)


def space_from_prompt(
    prompt: str, negative: str = "", *, vocabulary: str = "general", options: int = 5, wildcards: Path | None = None
) -> PromptSpace:
    """Space around a plain prompt: its words are the context, every vocabulary a slot, with an empty option first.

    Args:
        prompt: the subject, such as ``a fox in the snow``; it stays in every prompt.
        negative: words that stay in every negative prompt.
        vocabulary: ``general`` or ``embedded``; see ``VOCABULARY_SLOTS``.
        options: how many options to take from each general vocabulary, the first ones, beside the empty one; at least 1.
            Each vocabulary opens with those that differ most. The embedded model's few words are all taken.
        wildcards: a folder whose ``NAME.txt`` files replace the vocabularies of those names.

    Raises:
        PromptError: an empty prompt, or an unknown vocabulary.
    """
    if not prompt.strip(" ,;\t\n"):
        raise PromptError("The prompt is empty: say what the picture should show.")
    if vocabulary not in VOCABULARY_SLOTS:
        raise PromptError(f"Unknown vocabulary {vocabulary!r}: known are {', '.join(VOCABULARY_SLOTS)}.")
    if options < 1:
        raise PromptError(f"Expected at least one option from each vocabulary, got {options}.")
    most = None if vocabulary == "embedded" else options
    slots = tuple(
        Slot(name, ["", *dict.fromkeys(wildcard_values(file, wildcards)[:most])], kind)
        for name, file, kind in VOCABULARY_SLOTS[vocabulary]
    )
    places = "".join(f", {{{slot.name}}}" for slot in slots if slot.kind == "text")
    fixed = escape(negative.strip()) + ", " if negative.strip() else ""
    return PromptSpace(slots, f"{{{SUBJECT}}}{places}", (prompt,), negative=f"{fixed}{{negative}}")


class _Said(NamedTuple):
    """One of the texts that a piece of a template can become."""

    text: str
    weight: float


def space_from_template(text: str, negative: str = "", wildcards: Path | None = None) -> PromptSpace:
    """Space of a dynamic-prompts template: each ``{a|b}`` becomes a slot ``choice1``, ``choice2`` …, each ``__name__`` a slot ``name``.

    Variants inside variants become options of the outer slot, with the product of their weights; a variant with one option is
    plain text, one of weight 0 is left out.

    Args:
        text: the template; it needs at least one variant or wildcard, here or in ``negative``.
        negative: template of the negative prompt; its slots are negative slots, named ``negative1`` …
        wildcards: a folder of the user's own ``NAME.txt`` files.

    Raises:
        PromptError: broken syntax; what no slot can stand for: several options at once (``{2$$…}``) and variables; an unknown
            wildcard; nothing that varies; or a slot with more than 500 options.
    """
    slots: list[Slot] = []
    parts: tuple[tuple[str, Kind], ...] = ((text, "text"), (negative, "negative"))
    made = [_template(part, kind, slots, wildcards) for part, kind in parts]
    if not slots:
        raise PromptError(f"Nothing varies in the prompt {text!r}: write {{a|b}} or __style__ where it may.")
    return PromptSpace(tuple(slots), made[0], negative=made[1])


def _template(text: str, kind: Kind, slots: list[Slot], wildcards: Path | None) -> str:
    """The template of ``text``; what varies in it is appended to ``slots``."""
    from dynamicprompts.commands import LiteralCommand, SequenceCommand, WildcardCommand

    if not is_template(text):
        return escape(text)
    tree = _parse(text)
    made = ""
    for token in tree.tokens if isinstance(tree, SequenceCommand) else [tree]:
        if isinstance(token, LiteralCommand):
            made += escape(token.literal)
            continue
        options = _merged(_texts(token, text, wildcards, ()), text)
        if len(options) == 1 and not isinstance(token, WildcardCommand):
            made += escape(options[0].text)
            continue
        named = str(token.wildcard).replace("/", "_") if isinstance(token, WildcardCommand) else ""
        name = _free_name(named, "choice" if kind == "text" else "negative", {slot.name for slot in slots})
        slots.append(Slot(name, options, kind))
        made += f"{{{name}}}"
    return made


def _free_name(wildcard: str, stem: str, taken: set[str]) -> str:
    if wildcard:
        stem = wildcard if wildcard[0].isalpha() or wildcard[0] == "_" else f"_{wildcard}"
        if stem not in taken:
            return stem
    return next(name for i in itertools.count(2 if wildcard else 1) if (name := f"{stem}{i}") not in taken)


def _parse(text: str) -> Command:
    from dynamicprompts.parser.parse import parse

    try:
        return parse(text)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PromptError(f"The prompt {text!r} is not valid dynamic-prompts syntax: {reason}.") from error


def _merged(said: list[_Said], text: str) -> list[Option]:
    """Options of these texts, like ones together, those of weight 0 left out."""
    weights: dict[str, float] = {}
    for one in said:
        if one.weight > 0:
            key = " ".join(one.text.split())
            weights[key] = weights.get(key, 0.0) + one.weight
    if not weights:
        raise PromptError(
            f"A variant of the prompt {text!r} has no option of a weight above 0: give one of them a weight."
        )
    return [Option(*item) for item in weights.items()]


def _texts(command: Command, text: str, wildcards: Path | None, above: tuple[str, ...]) -> list[_Said]:
    """Everything that ``command`` can become; ``above`` are the wildcards it stands in."""
    from dynamicprompts.commands import LiteralCommand, SequenceCommand, VariantCommand, WildcardCommand

    if isinstance(command, LiteralCommand):
        return [_Said(command.literal, 1.0)]
    if isinstance(command, SequenceCommand):
        said = [_Said("", 1.0)]
        for token in command.tokens:
            more = _texts(token, text, wildcards, above)
            said = _limited([_Said(a.text + b.text, a.weight * b.weight) for a in said for b in more], text)
        return said
    if isinstance(command, VariantCommand):
        if (command.min_bound, command.max_bound) != (1, 1):
            raise PromptError(
                f"The prompt {text!r} takes several options of one variant at once ($$), which no slot can stand for: "
                "write one variant for each."
            )
        branches = [(option.value, float(option.weight), above) for option in command.variants]
    elif isinstance(command, WildcardCommand) and isinstance(command.wildcard, str) and not command.variables:
        name = command.wildcard
        if name in above:
            raise PromptError(f"A wildcard of the prompt {text!r} contains itself: __{name}__.")
        values = wildcard_values(name, wildcards)
        branches = [(_parse(v) if is_template(v) else LiteralCommand(v), 1.0, (*above, name)) for v in values]
    else:
        raise PromptError(
            f"The prompt {text!r} uses variables or wrappers, which no slot can stand for: write them out."
        )
    found: list[_Said] = []
    for value, weight, inside in branches:
        inner = _texts(value, text, wildcards, inside)
        total = sum(one.weight for one in inner) or 1.0
        found += [_Said(one.text, weight * one.weight / total) for one in inner]
        _limited(found, text)
    return found


def _limited(said: list[_Said], text: str) -> list[_Said]:
    if len(said) > _MOST_OPTIONS:
        raise PromptError(
            f"One variant of the prompt {text!r} has more than {_MOST_OPTIONS} options: split it into several."
        )
    return said
