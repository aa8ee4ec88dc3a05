"""Settings in force for a command: as defaults of its options, or by key."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import typer

from ...errors import SoartError
from ...pipelines.configuration import (
    KEYS,
    TYPED,
    Setting,
    Value,
    check_answer,
    checked,
    needs_answer,
    read_settings,
    typed_setting,
)
from .terminal import printable

_DRAWING = ("generate", "tune", "optimize", "taste distil", "web")
_EVALUATING = ("evaluate", "keep", "cull", "label")
_OF_TASTES = tuple(f"taste {name}" for name in ("learn", "show", "import", "delete", "distil"))
#: For each setting the commands that use it, those that draw beside an option of the same name.
USES = {
    **dict.fromkeys(("model", "device", "dtype", "offload", "batch_size", "model_config", "request"), _DRAWING),
    "engine": ("generate", "tune", "rank", "evaluate"),
    "workers": ("generate", "tune", "rank", "find", *_EVALUATING),
    "by": ("generate", "rank", "tune", "optimize", *_EVALUATING),
    "model_effect": ("rank", "evaluate", "keep", "web"),
    "priors": ("taste learn", "web"),
    "collection": _DRAWING,
    "wildcards": ("generate", "tune"),
    "tastes": ("generate", "rank", "start", "tune", "optimize", "web", "list", *_EVALUATING, *_OF_TASTES),
}
_IN_FORCE: ContextVar[Mapping[str, Setting] | None] = ContextVar("settings in force", default=None)


@dataclass(frozen=True)
class AskedFirst:
    """A default that is used after the user has allowed it."""

    key: str
    setting: Setting
    value: Value

    def __call__(self) -> Value:
        """Ask, unless the user has allowed it before."""
        check_answer(self.key, self.setting, _ask if sys.stdin.isatty() else None)
        return self.value


def _ask(question: str) -> bool:
    return typer.confirm(printable(question), err=True)


def keys_of(command: str) -> list[str]:
    """The settings that a command uses, by the words of the command."""
    return [key for key, commands in USES.items() if command in commands]


def put_in_force(command: str, parameters: Sequence[Any], typed: Sequence[str]) -> dict[str, Any]:
    """Read the settings that a command uses; those that are options of it are returned as Click takes defaults."""
    keys = keys_of(command)
    try:
        for key, value in map(typed_setting, typed):
            if key not in keys:
                raise SoartError(f"soart {command} does not use the setting {key!r}, but {', '.join(keys) or 'none'}.")
            checked(key, [value] if KEYS[key].several else value, TYPED)
    except SoartError as error:
        raise typer.BadParameter(str(error), param_hint=TYPED) from error
    # Only commands that use settings may fail for a mistake in their files.
    settings = read_settings(typed=typed) if keys else {}
    _IN_FORCE.set({key: settings[key] for key in keys})
    defaults: dict[str, Any] = {}
    for parameter in parameters:
        for key in (key for key in keys if f"--{key}" in parameter.opts):
            if (stored := settings[key].value) is not None:
                shown = [stored] if parameter.multiple and isinstance(stored, str) else stored
                asked = needs_answer(key, settings[key])
                defaults[parameter.name] = AskedFirst(key, settings[key], shown) if asked else shown
    return defaults


def setting(key: str) -> Any:  # noqa: ANN401
    """The value of a setting that is not an option of the running command; None without one."""
    found = (_IN_FORCE.get() or {}).get(key)
    return None if found is None or found.value is None else AskedFirst(key, found, found.value)()


def is_typed(key: str) -> bool:
    """True if ``--set`` names a setting, so that a mistake in it is wrong usage."""
    found = (_IN_FORCE.get() or {}).get(key)
    return found is not None and found.source == TYPED
