"""The commands ``soart config``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import SoartError
from ...pipelines.configuration import (
    KEYS,
    PROJECT,
    Setting,
    Value,
    checked,
    known,
    read_settings,
    store,
    user_file,
    variable,
    without_password,
)
from .commands import Commands
from .options import Json, prior_names, weighted, wrong_usage
from .setting_defaults import USES
from .terminal import emit, note, print_table, printable, say, show

app = Commands(
    invoke_without_command=True,
    rich_markup_mode=None,
)
KeyName = Annotated[str, typer.Argument(metavar="KEY", help=f"One of {', '.join(KEYS)}.")]
Project = Annotated[bool, typer.Option("--project", help=f"Change {PROJECT} in this folder, not your own settings.")]


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
def show_(ctx: typer.Context, as_json: Json = False) -> None:
    """Show or change settings, which hold until you change them: model, judges, collection, device.

    Alone it shows every setting, its value, where the value comes from, and the commands that use it.
    """
    if ctx.invoked_subcommand is not None:
        return None
    settings, files = read_settings(), [str(Path(PROJECT).absolute()), str(user_file())]
    if as_json:
        return emit({"settings": _facts(settings), "files": files})
    rows = []
    for key, setting in settings.items():
        value = f"({KEYS[key].default})" if setting.value is None else _text(setting.value)
        rows.append((key, value, setting.source, ", ".join(USES[key])))
    print_table(("setting", "value", "from", "for"), rows)
    say(f"Each is also an environment variable, such as {variable('device')}; then count the files")
    for name in files:
        say(printable(name))
    return None


@app.command("set", epilog="Example: soart config set by mine clip=0.5")
def set_(
    key: KeyName,
    value: Annotated[list[str] | None, typer.Argument(help="Its value; judges may be several.")] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Remove the setting, so that the next source or the default holds.")
    ] = False,
    project: Project = False,
    as_json: Json = False,
) -> None:
    """Store a setting, or remove it. Options of a command and environment variables go before it."""
    with wrong_usage("KEY"):
        known(key)
    if default == bool(value):
        raise typer.BadParameter("expected a value, or --default without one", param_hint="VALUE")
    path = _file(project)
    if not value:
        store(path, key, None)
        return _changed(key, path, as_json)
    if not KEYS[key].several and len(value) > 1:
        raise typer.BadParameter(f"{key} has one value, got {len(value)}", param_hint="VALUE")
    chosen = value if KEYS[key].several else value[0]
    with wrong_usage("VALUE"):
        checked(key, chosen, "on the command line")
    if key == "by":
        weighted(value, "VALUE")
    if key == "priors":
        _check_priors(prior_names(value, "VALUE") or ())
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


def _changed(key: str, path: Path, as_json: bool) -> None:
    setting = read_settings()[key]
    value = KEYS[key].default if setting.value is None else f"{_text(setting.value)} ({setting.source})"
    show(as_json, {"file": str(path), **_facts({key: setting})}, [f"{key}: {value}"])
