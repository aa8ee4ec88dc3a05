"""Writes the pages that are made from the code: the rooms, the commands and the schema of prompt spaces.

    python docs/build_pages.py

``tests/test_docs.py`` fails where the committed pages differ from what this script writes.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_type_hints

if TYPE_CHECKING:
    from typer.core import TyperArgument, TyperCommand, TyperOption

    from soart.plugin.cli.app import GroupedCommands

    Parameter: TypeAlias = TyperArgument | TyperOption

DOCS = Path(__file__).parent
INTRODUCTION = """\
# Commands

<!-- Written by docs/build_pages.py from the commands themselves; edit their help texts instead. -->

Every command but `soart web` takes `--json`, which prints one JSON document instead of text. `--help` on any command shows the same options as
this page. `--set KEY=VALUE`, anywhere in a line, is a [setting](configuration.md) for this call.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failure, explained in one sentence on stderr |
| 2 | wrong usage |
| 130 | interrupted; finished work is kept, and the same command continues |
"""


def _commands(group: GroupedCommands) -> Iterator[tuple[str, list[tuple[str, TyperCommand]]]]:
    """Each heading of ``soart --help`` with the names and commands below it, subcommands included."""
    for heading, names in group.headings().items():
        found = []
        for name in names:
            command = group.commands[name]
            found.append((name, command))
            found.extend((f"{name} {inner}", one) for inner, one in getattr(command, "commands", {}).items())
        if found:
            yield heading, found


def _plain(text: str | None) -> str:
    """Help text as Markdown: one line a paragraph, capitals and brackets left alone."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text or ""))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _escaped(text: str) -> str:
    """Text with the characters escaped that Markdown would take for markup."""
    return re.sub(r"([<*\[\]]|_(?=_)|(?<=_)_)", r"\\\1", text)


def _kind(command: TyperCommand, parameter: Parameter) -> str:
    """Placeholder of a value in the usage: the metavar if there is one, else a word for its type."""
    if parameter.metavar:
        return str(parameter.metavar)
    hint = get_type_hints(inspect.unwrap(command.callback))[parameter.name]
    kinds = {int: "NUMBER", float: "NUMBER", Path: "PATH"}
    return next((word for kind, word in kinds.items() if kind in _inside(hint)), "TEXT")


def _inside(hint: object) -> set[object]:
    """A type and those inside it: of ``list[Path] | None`` also ``Path``."""
    return {hint}.union(*(_inside(inner) for inner in get_args(hint)))


def _facts(parameter: Parameter) -> str:
    """Range, default and environment variable in brackets; empty without any."""
    facts = []
    # Versions of Typer differ in where they keep a range.
    low, high = (
        getattr(parameter, end, getattr(getattr(parameter, "type", None), end, None)) for end in ("min", "max")
    )
    if low is not None and high is not None:
        facts.append(f"{low} to {high}")
    elif low is not None:
        facts.append(f"at least {low}")
    if parameter.required and parameter.param_type_name == "option":
        facts.append("required")
    default = parameter.default
    if isinstance(default, bool):
        facts.extend(["on by default"] if default and parameter.secondary_opts else [])
    elif default not in (None, "", []):
        facts.append(f"default: `{default:g}`" if isinstance(default, float) else f"default: `{default}`")
    if getattr(parameter, "envvar", None):
        facts.append(f"environment variable: `{parameter.envvar}`")
    return f" ({', '.join(facts)})" if facts else ""


def _argument(parameter: Parameter) -> str:
    return str(parameter.metavar or parameter.name.upper()).removesuffix("...")


def _line(command: TyperCommand, parameter: Parameter) -> str:
    """An argument or option as an item of a list."""
    if parameter.param_type_name == "argument":
        names = f"`{_argument(parameter)}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        names += "" if parameter.is_flag else f" `{_kind(command, parameter)}`"
    return f"* {names}: {_escaped(_plain(parameter.help))}{_facts(parameter)}"


def _usage(name: str, command: TyperCommand) -> str:
    words = []
    for parameter in (p for p in command.params if p.param_type_name == "argument"):
        word = _argument(parameter) + ("" if parameter.nargs == 1 else "...")
        words.append(word if parameter.required else f"[{word}]")
    return " ".join(["soart", name, *words, "[OPTIONS]"])


def _section(name: str, command: TyperCommand) -> str:
    level = "###" if " " in name else "##"
    parts = [f"{level} soart {name}", _escaped(_plain(command.help))]
    if getattr(command, "commands", None) and not command.invoke_without_command:
        return "\n\n".join(parts)
    parts.append(f"    {_usage(name, command)}")
    shown = [p for p in command.params if p.name != "help" and not getattr(p, "hidden", False)]
    # Arguments first.
    shown.sort(key=lambda p: p.param_type_name)
    parts.append("\n".join(_line(command, p) for p in shown))
    if settings := ", ".join(f"`{key}`" for key in getattr(command, "settings", lambda _: ())(name)):
        parts.append(f"Settings: {settings}")
    if command.epilog:
        examples = (re.sub(r"^\w+: ", "", text) for text in re.split(r"\s{2,}(?=or: )", command.epilog))
        parts.append("\n".join(["```sh", *examples, "```"]))
    return "\n\n".join(parts)


def commands_page() -> str:
    """``docs/commands.md``: every command with its arguments and options."""
    from soart.plugin.cli.app import root

    group, parts, sections = root(), [INTRODUCTION.rstrip()], []
    for heading, found in _commands(group):
        links = (f"[`{name}`](#{f'soart-{name}'.replace(' ', '-')})" for name, _ in found)
        parts.append(f"**{heading}**: {', '.join(links)}")
        sections.extend(_section(name, command) for name, command in found)
    own = [_line(group, p) for p in group.params if p.name != "help"]
    return "\n\n".join([*parts, "Without a command:", "\n".join(own), *sections]) + "\n"


#: For the hover texts of editors.
MEANINGS = {
    "template": "Prompt with a {slot} place for every text slot, and {subject} for the context. Default: all in a row.",
    "negative": "Negative prompt with a {slot} place for every negative slot. Default: all in a row.",
    "contexts": "Base subjects that every choice should suit.",
    "slots": "What varies: a name and its options.",
    "constraints": "Rules between options of different slots.",
    "ban": "Options that are never taken, SLOT=OPTION.",
    "pin": "The only options taken in their slots, SLOT=OPTION.",
    "options": "At least one; no two alike.",
    "kind": "Default: setting for guidance, steps, scheduler and size, else text.",
    "low": "Lowest number of a slot of numbers; its place stands in the template, or in options of another slot.",
    "high": "No number is larger.",
    "step": "Distance of neighbouring numbers. Default: a round one.",
    "log": "True if ratios matter, not differences.",
    "text": "Words put into the prompt; empty for nothing.",
    "wildcard": "Name of a vocabulary whose words are all options.",
    "weight": "How often a random draw takes the option, relative to the others.",
    "not both": "At least two options of different slots, SLOT=OPTION, that never go together.",
    "if": "An option, SLOT=OPTION, that needs others.",
    "needs": "The options that it needs; several of one slot are alternatives.",
}


def _described(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties without the titles that pydantic makes of their names, with their meanings."""
    return {
        name: {"description": MEANINGS[name], **{key: value for key, value in rest.items() if key != "title"}}
        for name, rest in properties.items()
    }


def schema_text() -> str:
    """``docs/prompt-space.schema.json``: the JSON schema of prompt spaces in YAML, short forms included."""
    from soart.prompts.space.yaml_file import SpaceModel

    schema = SpaceModel.model_json_schema()
    option, slot, rule = (schema["$defs"][name] for name in ("OptionModel", "SlotModel", "RuleModel"))
    # Every scalar is read as the text it is.
    text = {"type": ["string", "number", "boolean"]}
    texts = {"anyOf": [text, {"type": "array", "items": text}, {"type": "null"}]}
    weighted = {
        "description": "An option and its weight.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
    }
    option["properties"] |= {"text": text, "wildcard": {"type": "string"}}
    options = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/option"}}
    slot["properties"]["options"] = options
    bounds = {name: {"type": "number"} for name in ("low", "high")}
    bounds |= {"step": {"type": "number", "exclusiveMinimum": 0}, "log": {"type": "boolean", "default": False}}
    kind = {"kind": slot["properties"]["kind"]}
    rule["properties"] = {
        "not both": {**texts}, "if": rule["properties"]["if"] | text, "needs": {**texts}
    }  # fmt: skip
    own = schema["properties"] | {name: {**texts} for name in ("contexts", "ban", "pin")}
    own["slots"] = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/slot"}}
    own["constraints"] = {"type": "array", "items": {"$ref": "#/$defs/rule"}}
    plain = {"type": "object", "additionalProperties": False}
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "soart prompt space",
        **plain,
        "required": schema["required"],
        "properties": _described(own),
        "$defs": {
            "option": {"anyOf": [text, weighted, {**plain, "properties": _described(option["properties"])}]},
            "slot": {
                "anyOf": [
                    text,
                    options,
                    {**plain, "required": ["options"], "properties": _described({"options": options} | kind)},
                    {**plain, "required": ["low", "high"], "properties": _described(kind | bounds)},
                ]
            },
            "rule": {**plain, "properties": _described(rule["properties"])},
        },
    }
    return json.dumps(made, indent=2) + "\n"


ROOT = DOCS.parent
ROOMS = ("plugin", "pipelines", "metrics", "prompts")
MARKS = ("<!-- rooms: written by docs/build_pages.py -->", "<!-- end of rooms -->")


def _purpose(place: Path) -> str:
    """First line of the docstring of a module or package, without its full stop; empty without one."""
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.exists() else ""
    return (text or "").split("\n\n")[0].replace("\n", " ").replace("``", "`").rstrip(".")


def _room(room: str, name: str) -> str:
    """A sub-room as a row of the table."""
    place = ROOT / room / name
    return f"| `{name}/` | {_purpose(place)} |" if place.is_dir() else f"| `{name}.py` | {_purpose(place)} |"


def architecture_page() -> str:
    """``docs/architecture.md``, with its table of rooms as the import contracts order them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {c["containers"][0]: c for c in settings["tool"]["importlinter"]["contracts"] if "containers" in c}
    parts = []
    for room in ROOMS:
        contract = contracts[f"soart.{room}"]
        names = [name.strip() for layer in contract["layers"] for name in layer.split("|")]
        names += contract.get("exhaustive_ignores", [])
        rows = [_room(room, name) for name in names]
        parts.append("\n".join([f"### {room}", "", "| | holds |", "|---|---|", *rows]))
    before, _, rest = (DOCS / "architecture.md").read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    return "\n\n".join([before + MARKS[0], *parts, MARKS[1] + after])


#: What is written where.
PAGES = {
    "architecture.md": architecture_page,
    "commands.md": commands_page,
    "prompt-space.schema.json": schema_text,
}


def main() -> None:
    """Write the pages."""
    for name, made in PAGES.items():
        (DOCS / name).write_text(made(), encoding="utf-8")
        print(f"written: docs/{name}")


if __name__ == "__main__":
    main()
