"""The commands ``soart config``, and the settings as defaults of all other commands."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import SoartError
from ...pipelines.configuration import (
    KEYS,
    PROJECT,
    Setting,
    Value,
    check_answer,
    checked,
    known,
    needs_answer,
    read_settings,
    store,
    user_file,
    variable,
    without_password,
)
from .commands import Commands
from .options import Json, prior_names, weighted, wrong_usage
from .terminal import emit, note, out, plain_table, printable, say

_DRAWING = ("generate", "tune", "optimize", "taste distil", "web")
#: For each setting, its option and the commands that use it.
USES = {
    **{key: (f"--{key}", _DRAWING) for key in ("model", "device", "dtype", "offload")},
    "by": ("--by", ("generate", "rank", "tune", "optimize", "evaluate", "keep", "cull", "annotate")),
    "priors": ("--prior", ("taste learn", "web")),
    "model_effect": ("--model-effect", ("rank", "evaluate", "keep", "web")),
    "collection": ("--collection", _DRAWING),
    "wildcards": ("--wildcards", ("generate", "tune")),
}
app = Commands(
    help="Settings that hold until you change them: model, judges, collection, device. Alone it shows them.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
KeyName = Annotated[str, typer.Argument(metavar="KEY", help=f"One of {', '.join(KEYS)}.")]
Project = Annotated[bool, typer.Option("--project", help=f"Change {PROJECT} in this folder, not your own settings.")]


def defaults(commands: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the settings by command and parameter, as Click takes them for defaults.

    A value that the user must allow is an ``AskedFirst``, which Click calls where no option of the command replaces it.
    """
    values: dict[str, Any] = {}
    for key, setting in read_settings().items():
        option, names = USES[key]
        value = setting.value
        if value is None:
            continue
        for name in names:
            # A command of a group has two words.
            group, _, inner = name.partition(" ")
            command = commands[group].commands[inner] if inner else commands[group]
            parameter = next(one for one in command.params if option in one.opts)
            many = parameter.multiple and isinstance(value, str)
            own = values.setdefault(group, {})
            own = own.setdefault(inner, {}) if inner else own
            shown = [str(value)] if many else value
            own[parameter.name] = AskedFirst(key, setting, shown) if needs_answer(key, setting) else shown
    return values


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


def _file(project: bool) -> Path:
    return Path(PROJECT) if project else user_file()


def _text(value: Value) -> str:
    shown = without_password(value)
    return shown if isinstance(shown, str) else " ".join(shown)


def _facts(settings: Mapping[str, Setting]) -> dict[str, Any]:
    shown = {
        key: None if setting.value is None else without_password(setting.value) for key, setting in settings.items()
    }
    return {key: {"value": shown[key], "from": setting.source} for key, setting in settings.items()}


@app.callback()
def _shown_alone(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        show()


@app.command(epilog="Example: soart config show")
def show(as_json: Json = False) -> None:
    """Show every setting, its value, and where the value comes from."""
    from rich.text import Text

    settings = read_settings()
    if as_json:
        return emit(_facts(settings))
    table = plain_table()
    for heading in ("setting", "value", "from", "for"):
        table.add_column(heading, overflow="fold")
    for key, setting in settings.items():
        value = f"({KEYS[key].default})" if setting.value is None else _text(setting.value)
        cells = (key, value, setting.source, ", ".join(USES[key][1]))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return out.print(table)


@app.command("set", epilog="Example: soart config set by mine clip=0.5")
def set_(
    key: KeyName,
    value: Annotated[list[str], typer.Argument(help="Its value; judges may be several.")],
    project: Project = False,
    as_json: Json = False,
) -> None:
    """Store a setting. Options of a command and environment variables go before it."""
    with wrong_usage("KEY"):
        known(key)
    if not KEYS[key].several and len(value) > 1:
        raise typer.BadParameter(f"{key} has one value, got {len(value)}", param_hint="VALUE")
    chosen = value if KEYS[key].several else value[0]
    with wrong_usage("VALUE"):
        checked(key, chosen, "on the command line")
    if key == "by":
        weighted(value, "VALUE")
    if key == "priors":
        _check_priors(prior_names(value, "VALUE") or ())
    path = _file(project)
    store(path, key, chosen)
    if unusable := _unusable(value) if key == "by" else "":
        note(f"Stored, but commands that use this judge will fail: {unusable}")
    return _changed(key, path, as_json)


def _check_priors(names: Sequence[str]) -> None:
    from ...pipelines.scoring.taste_store import TasteStore
    from ...pipelines.tastes.priors import check_priors

    with wrong_usage("VALUE"):
        check_priors(names, [TasteStore()])


def _unusable(by: Sequence[str]) -> str:
    """Why no command can judge by a name; empty if one can. Models are not loaded for that."""
    from ...metrics.damage.titles import Kind
    from ...pipelines.judges.catalogue import Catalogue

    catalogue = Catalogue()
    try:
        for name, _ in weighted(by, "VALUE"):
            if catalogue.entry(name).kind == Kind.TASTE:
                catalogue.judge(name)
    except SoartError as error:
        return str(error)
    return ""


@app.command(epilog="Example: soart config unset model")
def unset(key: KeyName, project: Project = False, as_json: Json = False) -> None:
    """Remove a setting, so that the next source or the default holds."""
    with wrong_usage("KEY"):
        known(key)
    path = _file(project)
    store(path, key, None)
    return _changed(key, path, as_json)


def _changed(key: str, path: Path, as_json: bool) -> None:
    setting = read_settings()[key]
    if as_json:
        return emit({"file": str(path), **_facts({key: setting})})
    value = KEYS[key].default if setting.value is None else f"{_text(setting.value)} ({setting.source})"
    return say(printable(f"{key}: {value}"))


@app.command(epilog="Example: soart config path")
def path(as_json: Json = False) -> None:
    """Print the files and environment variables that settings are read from, the first one that has a value counts."""
    variables = [variable(key) for key in KEYS]
    files = [str(Path(PROJECT).absolute()), str(user_file())]
    if as_json:
        return emit({"variables": variables, "files": files})
    say(" ".join(variables))
    for name in files:
        say(printable(name))
    return None
