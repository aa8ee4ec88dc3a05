"""Reads and writes prompt spaces as YAML; errors name file, line and path.

Every scalar is read as text, so that ``no``, ``16:9`` and ``1e3`` stay words; only weights are converted to numbers.
Anchors work, tags are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import yaml  # type: ignore[import-untyped]  # it ships no types
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ...errors import PromptError, expect
from ...files import read_text
from .constraints import Constraint, needs, not_both
from .definition import SpaceDefinition
from .number_range import NumberRange
from .slots import Option, Slot, default_kind
from .templates import check_wildcards, wildcard_values

Place = tuple[str | int, ...]
#: An option of this form stands for all options of a vocabulary.
WHOLE_WILDCARD = re.compile(r"__(.+)__")
#: A file with more nodes than this (aliases counted each time) is refused.
_MOST_NODES = 100_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _option(raw: object) -> object:
    """The keys of an option; it may also be written as a text, or as {text: weight}."""
    if raw is None or (isinstance(raw, dict) and not raw.keys() - {"weight"}):
        raise ValueError('an entry without a text; write "" for an option that adds nothing')
    short = raw if isinstance(raw, dict) and len(raw) == 1 and not raw.keys() & {"text", "wildcard"} else None
    if not short and not isinstance(raw, str):
        return raw
    ((text, weight),) = short.items() if short else ((raw, 1.0),)
    name = WHOLE_WILDCARD.fullmatch(str(text).strip())
    return {"wildcard": name[1], "weight": weight} if name else {"text": text, "weight": weight}


def _slot(raw: object) -> object:
    # A wrong key is named as such.
    bare = (
        isinstance(raw, dict) and not raw.keys() - {"options", "kind", "step", "log", "more"} and not raw.get("options")
    )
    if raw is None or raw == [] or bare:
        raise ValueError("a slot without options; list at least one")
    if isinstance(raw, str):
        raw = [raw]
    return {"options": raw} if isinstance(raw, list) else raw


def _listed(raw: object) -> object:
    return [raw] if isinstance(raw, str) else [] if raw is None else raw


def _rule(raw: object) -> object:
    return {key.replace(" ", "_"): value for key, value in raw.items()} if isinstance(raw, dict) else raw


Texts = Annotated[list[str], BeforeValidator(_listed)]


class OptionModel(_Strict):
    """An option, or all options of a wildcard, with a weight."""

    text: str = ""
    wildcard: str = ""
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class SlotModel(_Strict):
    """A slot: its options, or the lowest and highest of its numbers, and its kind if the name does not imply it."""

    options: list[Annotated[OptionModel, BeforeValidator(_option)]] = []
    kind: Literal["text", "negative", "setting"] | None = None
    low: Annotated[float, Field(allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(allow_inf_nan=False)] | None = None
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    log: bool = False
    more: Annotated[list[Annotated[OptionModel, BeforeValidator(_option)]], BeforeValidator(_listed)] | None = None


class RuleModel(_Strict):
    """A constraint: ``not both``, or ``if`` and ``needs``."""

    not_both: Texts = []
    if_: str = Field("", alias="if")
    needs: Texts = []


class SpaceModel(_Strict):
    """The whole file."""

    template: str = ""
    negative: str = ""
    contexts: Texts = []
    slots: dict[str, Annotated[SlotModel, BeforeValidator(_slot)]]
    constraints: list[Annotated[RuleModel, BeforeValidator(_rule)]] = []
    ban: Texts = []
    pin: Texts = []


def complaint(error: ValidationError, name: str, lines: Mapping[Place, int]) -> str:
    """Pydantic's first error as a sentence with file, line and path; a wrong key before what it leaves missing."""
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    place: Place = first["loc"]
    # A slot may be written as a plain list: then the file has no 'options' key.
    short = tuple(key for i, key in enumerate(place) if (i, key) != (2, "options"))
    line = next((lines[p[:k]] for k in range(len(place), -1, -1) for p in (place, short) if p[:k] in lines), 1)
    got = first["input"] if isinstance(first["input"], str | int | float) else type(first["input"]).__name__
    known = {"slots": "options, kind, low, high, step, log, more", "constraints": "not both, if, needs"}
    keys = known.get(str(place[0]), "") if len(place) > 1 else ", ".join(SpaceModel.model_fields)
    reason = {
        "missing": "is missing; add it",
        "extra_forbidden": f"is not a known key here; known are {keys}",
        "value_error": str(first["msg"]).removeprefix("Value error, "),
        "model_type": f"expected a text or keys with values, got a {got}",
    }.get(
        first["type"],
        f"{first['msg'].replace('Input should be', 'expected')}, got {'nothing' if first['input'] is None else repr(got)}",
    )
    return f"{name} line {line}, {'.'.join(map(str, place)) or 'top'}: {reason}."


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int], above: tuple[int, ...] = ()) -> object:
    """The node as text, lists and dictionaries; the line of each place is added to ``lines``."""
    lines[place] = node.start_mark.line + 1
    if id(node) in above or len(lines) > _MOST_NODES:
        raise PromptError(f"line {lines[place]}: the anchors and aliases go round in circles or grow without end.")
    inside = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*place, i), lines, inside) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, object] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise PromptError(f"line {line}: expected a plain word before the colon.")
            if key.value in mapping:
                raise PromptError(f"line {line}: the key {key.value!r} occurs for the second time; merge the two.")
            mapping[key.value] = _plain(value, (*place, key.value), lines, inside)
            lines[(*place, key.value)] = line
        return mapping
    return None if node.tag == "tag:yaml.org,2002:null" and node.style is None else str(node.value)


def parse_yaml(text: str, name: str = "space.yaml", wildcards: Path | str | None = None) -> SpaceDefinition:
    """The space that YAML ``text`` describes; messages call it ``name``.

    Keys: ``slots`` (name: list of options, or ``options`` and ``kind``), ``template``, ``negative``, ``contexts``,
    ``constraints`` (``not both: [slot=option, …]``, or ``if: slot=option`` with ``needs: …``), ``ban`` and ``pin``. An
    option is a text, ``text: weight``, or ``__wildcard__`` for all options of a vocabulary; ``{text: …, weight: …}`` is
    taken literally. A slot of numbers has ``low``, ``high`` and, if wanted, ``step`` or ``log`` in place of options.
    """
    expect("the YAML of a prompt space as text", text, str, error=PromptError)
    check_wildcards(wildcards)
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = _plain(node, (), lines) if node else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
        reason = getattr(error, "problem", None) or getattr(error, "reason", "") or "unreadable"
        reason = f"{error.context}, {reason}" if reason.startswith("but ") else reason
        raise PromptError(f"{name} line {line}: not valid YAML: {reason}.") from error
    except RecursionError as error:
        raise PromptError(f"{name}: nested too deeply for a prompt space.") from error
    except PromptError as error:
        raise PromptError(f"{name} {error}") from error
    if not isinstance(raw, dict):
        raise PromptError(f"{name} line 1: expected keys such as 'slots' and 'template', got a {type(raw).__name__}.")
    try:
        model = SpaceModel.model_validate(raw)
    except ValidationError as error:
        raise PromptError(complaint(error, name, lines)) from None

    @contextmanager
    def at(*place: str | int) -> Iterator[None]:
        try:
            yield
        except PromptError as error:
            line = next(lines[place[:k]] for k in range(len(place), -1, -1) if place[:k] in lines)
            raise PromptError(f"{name} line {line}, {'.'.join(map(str, place))}: {error}") from error

    slots = []
    for key, entry in model.slots.items():
        with at("slots", key):
            more = None if entry.more is None else [option.text for option in _options(entry.more, wildcards)]
            slots.append(Slot(key, _range(key, entry) or _options(entry.options, wildcards), entry.kind, more=more))
    # Step by step, so that the message names the key with the mistake.
    with at("template" if "template" in raw else "slots"):
        words = [slot for slot in slots if slot.kind != "negative"] or slots
        SpaceDefinition(tuple(words), model.template, tuple(model.contexts))
    with at("negative" if "negative" in raw else "slots"):
        space = SpaceDefinition(tuple(slots), model.template, tuple(model.contexts), (), model.negative)
    for i, rule in enumerate(model.constraints):
        with at("constraints", i):
            space = replace(space, constraints=(*space.constraints, _constraint(rule)))
    for i, ban in enumerate(model.ban):
        with at("ban", i):
            space = space.restrict(bans=[ban])
    if model.pin:
        with at("pin"):
            space = space.restrict(pins=model.pin)
    return space


def _range(name: str, entry: SlotModel) -> NumberRange | None:
    """The range of a slot of numbers; None for a slot of options."""
    if entry.low is None and entry.high is None:
        if entry.step is not None or entry.log:
            raise PromptError("Expected 'step' and 'log' with 'low' and 'high'.")
        return None
    if entry.low is None or entry.high is None or entry.options:
        raise PromptError("Expected both 'low' and 'high' and no 'options', or only 'options'.")
    whole = name == "steps" and (entry.kind or default_kind(name)) == "setting"
    return NumberRange(entry.low, entry.high, entry.step, entry.log, whole=whole)


def _options(entries: Sequence[OptionModel], wildcards: Path | str | None) -> list[Option]:
    options = []
    for option in entries:
        texts = wildcard_values(option.wildcard, wildcards) if option.wildcard else [option.text]
        options += [Option(text, option.weight) for text in texts]
    return options


def _constraint(rule: RuleModel) -> Constraint:
    if rule.not_both and not rule.if_ and not rule.needs:
        return not_both(*rule.not_both)
    if rule.if_ and rule.needs and not rule.not_both:
        return needs(rule.if_, *rule.needs)
    raise PromptError("Expected 'not both' with two options, or 'if' and 'needs' with one each.")


def is_yaml(text: str) -> bool:
    """True if a line of ``text`` begins with ``slots:``; refuses a text with other keys of a space alone."""
    if re.search(r"^slots\s*:", text, re.MULTILINE):
        return True
    if other := re.search(r"^(slot|template|contexts|constraints)\s*:", text, re.MULTILINE):
        raise PromptError(
            f"The text has a line '{other[1]}:' like a prompt space, but none that begins with 'slots:': add the slots."
        )
    return False


def read_yaml(path: Path | str, wildcards: Path | str | None = None) -> SpaceDefinition:
    """The space of a YAML file; see ``parse_yaml``."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PromptError(f"The prompt space {str(path)!r} cannot be read: {reason}.") from error
    return parse_yaml(text, Path(path).name, wildcards)


def _entry(text: str, slot: Slot, weight: float) -> object:
    """The shortest form of an option that reads back unchanged; plain numbers of settings without quotes."""
    value: object = text
    if slot.kind == "setting" and re.fullmatch(r"(0|[1-9]\d*)(\.\d*[1-9]|\.0)?", text):
        value = float(text) if "." in text else int(text)
    return value if weight == 1 and not WHOLE_WILDCARD.fullmatch(text) else {"text": value, "weight": weight}


def _bounds(numbers: NumberRange) -> dict[str, object]:
    """The keys of a slot of numbers; whole numbers without a decimal point."""
    bounds = {"low": numbers.low, "high": numbers.high, "step": numbers.step}
    keys: dict[str, object] = {
        key: int(value) if value == int(value) else value for key, value in bounds.items() if value is not None
    }
    return keys | ({"log": True} if numbers.log else {})


def space_to_yaml(space: SpaceDefinition) -> str:
    """``space`` as YAML, in the form that ``parse_yaml`` reads."""
    slots: dict[str, object] = {}
    for slot in space.slots:
        kind = {} if slot.kind == default_kind(slot.name) else {"kind": slot.kind}
        if slot.range is not None:
            slots[slot.name] = kind | _bounds(slot.range)
            continue
        options = [_entry(o.text, slot, o.weight) for o in slot.options]
        more = {"more": [_entry(text, slot, 1.0) for text in slot.more]} if slot.more is not None else {}
        slots[slot.name] = kind | {"options": options} | more if kind or more else options
    rules: list[dict[str, object]] = [
        {"not both": [rule.first, *rule.others]}
        if rule.kind == "not both"
        else {"if": rule.first, "needs": list(rule.others)}
        for rule in space.constraints
    ]
    bans = [
        f"{slot.name}={slot.texts[i]}"
        for slot, banned in zip(space.slots, space.banned, strict=True)
        for i in sorted(banned)
    ]
    keys = {
        "template": space.template,
        "negative": space.negative,
        "contexts": list(space.contexts),
        "slots": slots,
        "constraints": rules,
        "ban": bans,
    }
    filled = {key: value for key, value in keys.items() if value}
    return str(yaml.safe_dump(filled, sort_keys=False, allow_unicode=True, width=120))
