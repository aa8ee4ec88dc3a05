"""Pydantic models of a prompt space file; their errors name line and path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Place = tuple[str | int, ...]
#: An option of this form stands for all options of a vocabulary.
WHOLE_WILDCARD = re.compile(r"__(.+)__")


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
