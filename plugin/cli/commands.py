"""The class of every command: reads settings and old names, and refuses empty values, before anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ...errors import SoartError
from .setting_defaults import keys_of, put_in_force
from .terminal import note

#: By the words of an old command the new one.
COMMANDS = {
    "judges": "soart list judges",
    "models": "soart list models, classes or a workflow",
    "similar": "soart find --like PICTURE PATHS",
    "annotate": "soart label FOLDERS --xmp",
    "taste rate": "soart start FOLDER --terminal",
    "taste list": "soart taste show",
    "taste explain": "soart taste show NAME PICTURE",
    "taste next": "soart taste show NAME COLLECTION --next 8",
    "taste compare": "soart taste show NAME PATHS --against OTHER",
    "taste blend": "soart taste learn NAME --blend TASTE=WEIGHT",
    "taste export": "soart taste show NAME --export FILE",
    "config show": "soart config",
    "config path": "soart config",
    "config unset": "soart config set KEY --default",
}
_SETTINGS = (
    "device", "dtype", "offload", "batch-size", "model-config", "request", "engine", "workers", "tastes",
    "wildcards",
)  # fmt: skip
_ITSELF = "name the collection itself in place of the folder"
#: By an old option, if need be with the command before it, what to do now.
OPTIONS = {
    **{f"--{key}": f"use --set {key.replace('-', '_')}=VALUE" for key in _SETTINGS},
    "--prior": "use --set priors=NAME",
    "--undo-file": "the undo file is written to the current folder",
    **{f"{command} --collection": _ITSELF for command in ("keep", "cull", "label", "web")},
    "generate --top": "rank the collection with soart rank --top",
    "find --faces": "write faces:2+ among the words",
    "tune --resume": "leave out the SPACE",
    "tune --proposer": "use --propose ID_OR_FOLDER",
    **{f"tune --{no}prune": "previews are always judged where they help" for no in ("", "no-")},
    "taste import --name": "use soart taste import FILE NAME",
    "taste distil --check": "48 pairs are always examined",
    "compare-attention --unit-space": "the first of the folders is the unit space",
}
#: The key of a context's values of ``--set``.
TYPED = "soart.set"

#: Options that may be empty: texts, not names.
_MAY_BE_EMPTY = frozenset({"--negative", "--password"})


class RenamedError(SoartError):
    """A command or option that has another name now: wrong usage."""

    exit_code = 2


def refuse_command(words: str) -> None:
    """Name the command that replaces an old one; ``words`` follow ``soart``."""
    if words in COMMANDS:
        raise RenamedError(f"The command soart {words} is gone: use {COMMANDS[words]}.")


def refuse_option(command: str, option: str) -> None:
    """Name what replaces an old option of a command."""
    if new := OPTIONS.get(f"{command} {option}", OPTIONS.get(option)):
        raise RenamedError(f"The option {option} of soart {command} is gone: {new}.")


class Command(TyperCommand):
    """A command whose values are checked as texts first.

    An empty name of a file or folder would otherwise be the current folder, and an empty name of anything else would be
    looked up in vain after work that takes minutes.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Read the arguments."""
        if not ctx.resilient_parsing:
            args, typed = without_settings(args)
            self._refuse_old(ctx, args)
            ctx.default_map = put_in_force(words_of(ctx), self.params, [*ctx.meta.get(TYPED, ()), *typed])
            takes_value = {
                name for option in self.params if not getattr(option, "is_flag", False) for name in option.opts
            }
            arguments = [_argument_name(one) for one in self.params if one.param_type_name == "argument"]
            if (name := empty_value(args, takes_value, arguments)) is not None:
                raise typer.BadParameter("it is empty", ctx, param_hint=name)
        return super().parse_args(ctx, args)

    def _refuse_old(self, ctx: Any, args: Sequence[str]) -> None:  # noqa: ANN401
        own = {name for option in self.params for name in (*option.opts, *option.secondary_opts)}
        for text in args:
            name = text.partition("=")[0]
            if name not in own:
                refuse_option(words_of(ctx), name)

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401
        """The help text; settings are shown as defaults without their passwords."""
        from ...pipelines.configuration import without_password

        values = {name: getattr(value, "value", value) for name, value in (ctx.default_map or {}).items()}
        ctx.default_map = {name: without_password(value) for name, value in values.items()}
        return super().get_help(ctx)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the settings that count, and the example."""
        if names := self.settings(words_of(ctx)):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(f"Settings (--set KEY=VALUE, see soart config): {', '.join(names)}")
        super().format_epilog(ctx, formatter)

    def settings(self, words: str) -> list[str]:
        """The settings that the command, which has these words, uses and has not as options."""
        own = {name for option in self.params for name in option.opts}
        return [key for key in keys_of(words) if f"--{key}" not in own]

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            note("Interrupted.")
            raise typer.Exit(130) from None


class CommandGroup(TyperGroup):
    """Commands in a list with whole summaries, which Click cuts to one line."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Find a command by its name."""
        refuse_command(" ".join([*words_of(ctx).split(), args[0]]))
        return super().resolve_command(ctx, args)

    def headings(self) -> Mapping[str, Sequence[str]]:
        """Names of the commands by heading, in the order of ``--help``."""
        return {"Commands": tuple(self.commands)}

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the list of commands."""
        for heading, names in self.headings().items():
            rows = [(name, self.commands[name].get_short_help_str(limit=1000)) for name in names]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


class Commands(typer.Typer):
    """Commands of the class ``Command``, in a ``CommandGroup`` unless another ``cls`` is named."""

    def __init__(self, *, cls: type[TyperGroup] = CommandGroup, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(cls=cls, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:  # noqa: ANN401
        """Add a command."""
        return super().command(name, cls=Command, **settings)


def words_of(ctx: Any) -> str:  # noqa: ANN401
    """The words of a command after ``soart``."""
    names: list[str] = []
    while ctx.parent is not None:
        names.insert(0, ctx.info_name)
        ctx = ctx.parent
    return " ".join(names)


def without_settings(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """A command line without ``--set KEY=VALUE``, which may stand anywhere in it, and these texts."""
    rest, typed = list[str](), list[str]()
    texts = iter(args)
    for text in texts:
        if text == "--":
            return [*rest, text, *texts], typed
        if text == "--set":
            typed.append(next(texts, ""))
        elif text.startswith("--set="):
            typed.append(text.removeprefix("--set="))
        else:
            rest.append(text)
    return rest, typed


def _argument_name(argument: Any) -> str:  # noqa: ANN401
    """The name of an argument as help pages show it, without the dots of a repeatable one."""
    name: str = argument.metavar or (argument.name or "").upper()
    return name.removesuffix("...")


def empty_value(args: Sequence[str], takes_value: set[str], arguments: Sequence[str]) -> str | None:
    """The option or the argument whose value is empty or blank in a command line; None if there is none."""
    option, place, ended = "", 0, False
    for text in args:
        if option:
            # The value of an option may look like another one.
            if not text.strip() and option not in _MAY_BE_EMPTY:
                return option
            option = ""
        elif text.startswith("-") and text != "-" and not ended:
            name, split, value = text.partition("=")
            if split and name in takes_value and not value.strip() and name not in _MAY_BE_EMPTY:
                return name
            option, ended = text if text in takes_value else "", text == "--"
        elif text.strip():
            place += 1
        else:
            return arguments[min(place, len(arguments) - 1)] if arguments else "an argument"
    return None
