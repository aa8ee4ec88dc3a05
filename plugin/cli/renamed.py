"""Old names of commands and options: each is answered by one sentence that names the new one."""

from __future__ import annotations

from ...errors import SoartError

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
