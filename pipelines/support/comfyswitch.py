"""Switches among ComfyUI's nodes, known by their names and those of their inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
#: Inputs that set a switch; some names mean that only beside branches for true and false.
_SETTINGS = ("switch", "select", "index", "boolean", "input")
_CONDITIONS = (*_SETTINGS, "cond", "condition", "any")
_NUMBERED = (
    *("input", "input_", "text", "text_", "value", "value_", "any", "any_"),
    *("model", "conditioning", "latent", "image", "clip", "vae"),
)
_BRANCH = re.compile(r"(?:text|input|value|any|string)_?(?:\d{1,2}|[a-z])")
_SIDES = {"true": True, "tt": True, "then": True, "false": False, "ff": False, "else": False}


def setting(inputs: Mapping[str, Any]) -> str | None:
    """The name of the input that sets a switch."""
    names = _SETTINGS if _pair(inputs) is None else _CONDITIONS
    return next((name for wanted in names for name in inputs if name.lower() == wanted), None)


def chosen(kind: str, inputs: Mapping[str, Any], choice: object) -> tuple[object] | None:
    """The input that a switch lets through if it is set to ``choice``; ``None`` if that is open, or it is no switch."""
    pair = _pair(inputs)
    if pair is None and "switch" not in kind.lower():
        return None
    if isinstance(choice, bool):
        sides = {_side(name): value for name, value in inputs.items()}
        # Nothing comes through where the other side alone is linked.
        return (sides.get(choice),) if sides.keys() & {True, False} else None
    if pair is not None or not re.fullmatch(r"\d{1,3}(?:\.0)?", str(choice)):
        return None
    names = (f"{stem}{float(str(choice)):g}" for stem in _NUMBERED)
    return next(((inputs[name],) for name in names if name in inputs), None)


def branches(kind: str, inputs: Mapping[str, Any], link: type) -> list[object] | None:
    """All inputs that a switch may let through, those from other nodes of the type ``link``; ``None`` if it is none."""
    pair = _pair(inputs)
    if pair is not None:
        return [inputs[name] for name in pair]
    if "switch" not in kind.lower():
        return None
    name_of_setting = setting(inputs)
    return [
        value
        for name, value in inputs.items()
        if name != name_of_setting
        and (
            isinstance(value, link)
            or (isinstance(value, str) and (_BRANCH.fullmatch(name.lower()) or _side(name) is not None))
        )
    ]


def agreed(values: Sequence[T | None]) -> T | None:
    """The value that all have in common; ``None`` if there is none."""
    return values[0] if values and all(value == values[0] for value in values) else None


def _side(name: str) -> bool | None:
    """The condition under which an input such as ``on_true`` or ``ff_value`` counts."""
    words = re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:80]).lower())
    return next((_SIDES[word] for word in words if word in _SIDES), None)


def _pair(inputs: Mapping[str, Any]) -> tuple[str, str] | None:
    """The two branches for true and false; ``None`` if there are not exactly these."""
    sides = [[name for name in inputs if _side(name) is side] for side in (True, False)]
    return (sides[0][0], sides[1][0]) if [len(names) for names in sides] == [1, 1] else None
