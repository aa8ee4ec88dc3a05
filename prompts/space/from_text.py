"""Makes prompt spaces of dynamic-prompts templates and of plain prompts."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...errors import PromptError, expect, expect_text
from .conditions import place_of
from .definition import SpaceDefinition
from .number_range import NumberRange
from .rendering import SUBJECT, escape
from .slots import SETTINGS, Kind, Option, Slot
from .templates import WILDCARD, check_weights, check_wildcards, guarded, parsed, quoted, unguarded, wildcard_values

if TYPE_CHECKING:
    from dynamicprompts.commands import Command

#: Slots put around a plain prompt: name, vocabulary file, kind. The embedded model knows only its own words.
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
        ("quality", "embedded_quality", "text"),
        ("negative", "embedded_negative", "negative"),
    ),
}
#: Words of each vocabulary around a plain prompt.
WORDS = 5
#: A variant with more options than this is refused: no budget could tune it.
_MOST_OPTIONS_OF_A_VARIANT = 500
#: What a number is the weight of, before its place: a LoRA or words.
_WEIGHT_OF = re.compile(r"(?:<lora:|\()([^:<>(){}]+):\s*$", re.IGNORECASE)
_LONGEST_NAME = 30


def is_template(text: str) -> bool:
    """True if ``text`` is more than a plain prompt: it has variants, wildcards or variables."""
    return bool(re.search(r"[{}]", text) or WILDCARD.search(text))


def space_from_text(
    text: str,
    negative: str = "",
    *,
    vocabulary: str = "general",
    words: int = WORDS,
    wildcards: Path | str | None = None,
) -> SpaceDefinition:
    """Make a space of the variants and wildcards of ``text`` or, if it has none, of the vocabularies around it."""
    expect_text("the prompt", text, PromptError)
    expect_text("the negative prompt", negative, PromptError)
    check_wildcards(wildcards)
    check_weights(text)
    check_weights(negative)
    if is_template(text):
        return space_from_template(text, negative, wildcards)
    return space_from_prompt(text, negative, vocabulary=vocabulary, words=words, wildcards=wildcards)


def space_from_prompt(
    prompt: str,
    negative: str = "",
    *,
    vocabulary: str = "general",
    words: int = WORDS,
    wildcards: Path | str | None = None,
) -> SpaceDefinition:
    """Make a space around a plain prompt, which stays in all; each vocabulary is a slot, its first option empty.

    The words of ``negative`` stay in every negative prompt; its variants and wildcards become slots, as in a template.
    ``vocabulary`` is one of ``VOCABULARY_SLOTS``: of each general one the first ``words`` are taken, which differ most,
    and of the embedded model's few all. ``wildcards`` is a folder whose ``NAME.txt`` files replace the vocabularies of
    those names.
    """
    if not prompt.strip(" ,;\t\n"):
        raise PromptError("The prompt is empty: describe what the picture should show.")
    if vocabulary not in VOCABULARY_SLOTS:
        raise PromptError(f"Unknown vocabulary {vocabulary!r}: known are {', '.join(VOCABULARY_SLOTS)}.")
    expect("the number of words as a whole number", words, int, error=PromptError)
    if words < 1:
        raise PromptError(f"Expected at least one word from each vocabulary, got {words}.")
    most = None if vocabulary == "embedded" else words
    slots = [
        Slot(name, ["", *dict.fromkeys(wildcard_values(file, wildcards)[:most])], kind)
        for name, file, kind in VOCABULARY_SLOTS[vocabulary]
    ]
    places = "".join(f", {{{slot.name}}}" for slot in slots if slot.kind == "text")
    fixed = _template(negative.strip(), "negative", slots, wildcards) + ", " if negative.strip() else ""
    return SpaceDefinition(tuple(slots), f"{{{SUBJECT}}}{places}", (prompt,), negative=f"{fixed}{{negative}}")


class _Expansion(NamedTuple):
    """One of the texts that a piece of a template can become."""

    text: str
    weight: float


def space_from_template(text: str, negative: str = "", wildcards: Path | str | None = None) -> SpaceDefinition:
    """Make a space of a dynamic-prompts template that has a variant or wildcard, there or in ``negative``.

    Each ``{a|b}`` becomes a slot ``choice1``, ``choice2`` …, each ``__name__`` a slot ``name``; those of ``negative``
    are named ``negative1`` …. Variants inside variants become options of the outer slot, with the product of their
    weights. A variant with one option is plain text; options of weight 0 are left out. ``{0..1.2}`` becomes a slot of
    numbers, named after the LoRA or the words that it is the weight of; inside a variant it is in use with that option
    only. Slots cannot represent several options at once (``{2$$…}``) and variables.
    """
    slots: list[Slot] = []
    parts: tuple[tuple[str, Kind], ...] = ((text, "text"), (negative, "negative"))
    templates = [_template(part, kind, slots, wildcards) for part, kind in parts]
    if not slots:
        raise PromptError(f"Nothing varies in the prompt {quoted(text)}: write {{a|b}} or __style__ where it may.")
    return SpaceDefinition(tuple(slots), templates[0], negative=templates[1])


def _template(text: str, kind: Kind, slots: list[Slot], wildcards: Path | str | None) -> str:
    """The space's template for ``text``; a slot for each of its variants and wildcards is appended to ``slots``."""
    from dynamicprompts.commands import LiteralCommand, SequenceCommand, WildcardCommand

    if not is_template(text):
        return escape(text)
    tree = parsed(guarded(text))
    template = ""
    for token in tree.tokens if isinstance(tree, SequenceCommand) else [tree]:
        if isinstance(token, LiteralCommand):
            template += escape(unguarded(token.literal))
            continue
        if (numbers := _range_of(token)) is not None:
            template += _add_numbers(numbers, kind, template, slots)
            continue
        options = _merged(_expansions(token, text, wildcards, (), kind, slots), text)
        if len(options) == 1 and not isinstance(token, WildcardCommand) and "{" not in options[0].text:
            template += escape(options[0].text)
            continue
        wildcard = str(token.wildcard).replace("/", "_") if isinstance(token, WildcardCommand) else ""
        name = _free_name(wildcard, "choice" if kind == "text" else "negative", {slot.name for slot in slots})
        slots.append(Slot(name, options, kind))
        template += f"{{{name}}}"
    return template


def _range_of(command: Command) -> NumberRange | None:
    """The range of a variant such as ``{0..1.2}``; None for other parts of a template."""
    from dynamicprompts.commands import LiteralCommand, VariantCommand

    if not isinstance(command, VariantCommand) or len(command.variants) != 1:
        return None
    only = command.variants[0].value
    return NumberRange.written(only.literal) if isinstance(only, LiteralCommand) else None


def _add_numbers(numbers: NumberRange, kind: Kind, before: str, slots: list[Slot]) -> str:
    """Append a slot of numbers to ``slots``; returns its place. ``before`` is the text up to there, which names it."""
    weighted = _WEIGHT_OF.search(before)
    words = re.sub(r"\W+", "_", weighted[1]).strip("_")[:_LONGEST_NAME] if weighted else ""
    # A slot of words may not be called like a setting, nor after words in another script.
    name = _free_name(words if words.isascii() else "", "number", {*SETTINGS, *(slot.name for slot in slots)})
    slots.append(Slot(name, numbers, kind))
    return place_of(name)


def _free_name(wildcard: str, stem: str, taken: set[str]) -> str:
    if wildcard:
        stem = wildcard if wildcard[0].isalpha() or wildcard[0] == "_" else f"_{wildcard}"
        if stem not in taken:
            return stem
    return next(name for i in itertools.count(2 if wildcard else 1) if (name := f"{stem}{i}") not in taken)


def _merged(expansions: list[_Expansion], text: str) -> list[Option]:
    """Options of these texts: equal ones are merged, those of weight 0 left out."""
    weights: dict[str, float] = {}
    for expansion in expansions:
        if expansion.weight > 0:
            key = " ".join(expansion.text.split())
            weights[key] = weights.get(key, 0.0) + expansion.weight
    if not weights:
        raise PromptError(
            f"A variant of the prompt {quoted(text)} has no option of a weight above 0: give one of them a weight."
        )
    return [Option(*item) for item in weights.items()]


def _expansions(
    command: Command,
    text: str,
    wildcards: Path | str | None,
    above: tuple[str, ...],
    kind: Kind,
    slots: list[Slot],
    before: str = "",
) -> list[_Expansion]:
    """All texts that ``command`` can become; its numbers become slots of ``kind``, named by the text ``before`` them."""
    from dynamicprompts.commands import LiteralCommand, SequenceCommand

    if (numbers := _range_of(command)) is not None:
        return [_Expansion(_add_numbers(numbers, kind, before, slots), 1.0)]
    if isinstance(command, LiteralCommand):
        return [_Expansion(unguarded(command.literal), 1.0)]
    if isinstance(command, SequenceCommand):
        expansions = [_Expansion("", 1.0)]
        for token in command.tokens:
            more = _expansions(token, text, wildcards, above, kind, slots, expansions[-1].text)
            _check_count(len(expansions) * len(more), text)
            expansions = [_Expansion(a.text + b.text, a.weight * b.weight) for a in expansions for b in more]
        return expansions
    expansions = []
    for value, weight, inside in _branches(command, text, wildcards, above):
        inner = _expansions(value, text, wildcards, inside, kind, slots)
        total = sum(expansion.weight for expansion in inner) or 1.0
        expansions += [_Expansion(expansion.text, weight * expansion.weight / total) for expansion in inner]
        _check_count(len(expansions), text)
    return expansions


def _branches(
    command: Command, text: str, wildcards: Path | str | None, above: tuple[str, ...]
) -> list[tuple[Command, float, tuple[str, ...]]]:
    """The alternatives of a variant or a wildcard: each with its weight and the wildcards around it."""
    from dynamicprompts.commands import LiteralCommand, VariantCommand, WildcardCommand

    if isinstance(command, VariantCommand):
        if (command.min_bound, command.max_bound) != (1, 1):
            raise PromptError(
                f"The prompt {quoted(text)} takes several options of one variant at once ($$), which a slot cannot represent: "
                "write one variant for each."
            )
        return [(option.value, float(option.weight), above) for option in command.variants]
    if isinstance(command, WildcardCommand) and isinstance(command.wildcard, str) and not command.variables:
        name = command.wildcard
        if name in above:
            raise PromptError(f"A wildcard of the prompt {quoted(text)} contains itself: __{name}__.")
        values = wildcard_values(name, wildcards)
        return [(parsed(guarded(v)) if is_template(v) else LiteralCommand(v), 1.0, (*above, name)) for v in values]
    raise PromptError(
        f"The prompt {quoted(text)} uses variables or wrappers, which a slot cannot represent: write them out."
    )


def _check_count(expansions: int, text: str) -> None:
    if expansions > _MOST_OPTIONS_OF_A_VARIANT:
        raise PromptError(
            f"One variant of the prompt {quoted(text)} has more than {_MOST_OPTIONS_OF_A_VARIANT} options: "
            "split it into several."
        )
