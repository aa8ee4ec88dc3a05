"""The documentation is complete, its links lead somewhere, and its examples do what they say."""

import doctest
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import soart
import soart.metrics
from soart.pipelines.configuration import KEYS, known, read_file
from soart.plugin.cli.app import app
from soart.plugin.cli.setting_defaults import USES
from soart.prompts.space.space import PromptSpace

ROOT = Path(__file__).parents[1]
# Not the commands that other tests run: commands keep the names of the help option of the first context.
GROUP = get_command(app)
DOCS = sorted((ROOT / "docs").glob("*.md"))
BENCHMARKS = sorted((ROOT / "docs/benchmarks").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS, *BENCHMARKS]
ROOM_OF_NODES = "plugin/**/docs/Soart*.md"


def load_script(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(path, language):
    """Code blocks of a language, those inside lists without their indentation."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.S | re.M)
    return ["\n".join(line.removeprefix(indent) for line in code.splitlines()) for indent, code in found]


def commands():
    """Every command by the words that call it, and the command."""
    for name, command in GROUP.commands.items():
        yield name, command
        for inner, one in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", one


@pytest.mark.parametrize("path", [p for p in DOCS if ">>>" in p.read_text(encoding="utf-8")], ids=lambda p: p.name)
@pytest.mark.usefixtures("usual_effort")
def test_examples(path):
    failed, tried = doctest.testfile(str(path), module_relative=False, encoding="utf-8")
    assert tried > 0
    assert failed == 0


def test_the_method_is_documented():
    assert "method.md" in [p.name for p in DOCS]


@pytest.mark.parametrize("name", ["commands.md", "prompt-space.schema.json"])
def test_pages_made_from_the_code_are_up_to_date(name):
    made = load_script(ROOT / "docs/build_pages.py").PAGES[name]()
    assert made == (ROOT / "docs" / name).read_text(encoding="utf-8"), "run 'make pages'"


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_is_documented(name, command):
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    [section] = re.findall(rf"^##+ soart {name}\n(.*?)(?=^##|\Z)", page, re.S | re.M)
    options = {
        option
        for parameter in command.params
        if parameter.param_type_name == "option" and parameter.name != "help"
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    listed = "\n".join(line.split("`: ")[0] for line in section.splitlines() if line.startswith("* `"))
    does_something = getattr(command, "invoke_without_command", True)
    assert set(re.findall(r"`(--?[a-z][a-z-]*)", listed + "`")) == (options if does_something else set())
    assert name == "web" or not does_something or "--json" in options


def test_the_page_names_no_command_that_does_not_exist():
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^##+ soart (.+)$", page, re.M)) == {name for name, _ in commands()}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_commands_in_the_pages_parse(path):
    for line in (line for block in blocks(path, "sh") for line in block.splitlines()):
        if line.startswith("soart "):
            _, *arguments = shlex.split(line, comments=True)
            command, context = GROUP, GROUP.make_context("soart", list(arguments))
            while arguments and hasattr(command, "commands"):
                name, *arguments = arguments
                command = command.commands[name]
                context = command.make_context(name, list(arguments), parent=context)
            if "key" in context.params:
                known(context.params["key"])


def test_settings_in_the_pages_are_those_of_the_code(tmp_path):
    page = ROOT / "docs/configuration.md"
    [example] = blocks(page, "toml")
    file = tmp_path / "config.toml"
    file.write_text(example, encoding="utf-8")
    assert {*read_file(file)} == {"model", "by"}
    uses = {}
    for keys, names in re.findall(r"^\| (`.+?) \| (.+?) \|$", page.read_text(encoding="utf-8"), re.M):
        uses |= dict.fromkeys(re.findall(r"`(\w+)`", keys), tuple(names.split(", ")))
    assert uses == USES
    assert set(re.findall(r"`SOART_(\w+)`", page.read_text(encoding="utf-8"))) <= {key.upper() for key in KEYS}


def anchors(path):
    """Anchors of the headings of a page, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        place = path.parent / file if file else path
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


def test_every_page_is_in_the_navigation():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M)
    assert sorted(listed) == sorted(str(path.relative_to(ROOT / "docs")) for path in [*DOCS, *BENCHMARKS])


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_benchmarks_that_are_named_exist(path):
    for script in re.findall(r"benchmarks/[\w/]+\.py", path.read_text(encoding="utf-8")):
        assert (ROOT / script).is_file(), script


def test_the_readme_is_short_and_names_every_command_or_links_to_it():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.encode()) <= 10_240
    assert "docs/commands.md" in readme
    for name in ("generate", "rank", "taste learn", "tune", "web"):
        assert f"soart {name}" in readme


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("README.md", r"## How far to trust it\n(.*?)^\[Benchmarks"),
        ("docs/benchmarks/index.md", r"## Goals and misses\n(.*?)^## "),
    ],
)
def test_quoted_figures_are_in_the_benchmarks(page, part):
    """Summaries quote; the other pages of docs/benchmarks hold the tables with the script that prints each."""
    tables = "\n".join(path.read_text(encoding="utf-8") for path in BENCHMARKS if path.name != "index.md")
    [claims] = re.findall(part, (ROOT / page).read_text(encoding="utf-8"), re.S | re.M)
    figures = re.findall(r"\d[\d,.]*\d(?: %| s\b)?|\d+\+\d+", claims)
    assert len(figures) > 10
    known = set(re.findall(r"\d[\d,.]*\d(?: %| s\b)?|\d+\+\d+", tables.replace(".0 s", " s")))
    rounded = {f"{float(number):.2f}" for number in re.findall(r"\b0\.\d+", tables)}
    assert [figure for figure in figures if figure not in known and figure.removesuffix(" s") not in rounded] == []


def test_every_public_name_is_in_the_api_page():
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^::: (soart\.[\w.]+)$", page, re.M)
    assert len(set(listed)) == len(listed)
    public = {f"soart.{name}" for name in soart.__all__ if name != "__version__"}
    estimators = {f"soart.metrics.{name}" for name in soart.metrics.__all__ if name not in soart.__all__}
    assert set(listed) == public | estimators


@pytest.mark.usefixtures("usual_effort")
def test_the_python_example_in_the_readme_runs(tmp_path, monkeypatch, capsys):
    [example] = [code for code in blocks(ROOT / "README.md", "python") if "soart.generate" in code]
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102
    printed = capsys.readouterr().out
    assert "a boat, " in printed
    assert len(list(tmp_path.glob("soart-pictures/images/*.png"))) == 8


def spaces():
    """Prompt spaces of the pages and of the help of the nodes."""
    for path in (ROOT / "docs/prompt-spaces.md", *sorted(ROOT.glob(ROOM_OF_NODES))):
        for number, text in enumerate(blocks(path, "yaml")):
            yield pytest.param(text, id=f"{path.stem}-{number}")


@pytest.mark.parametrize("text", list(spaces()))
def test_prompt_spaces_in_the_pages_load_and_fit_the_schema(text):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs/prompt-space.schema.json").read_text(encoding="utf-8"))
    space = PromptSpace.parse_yaml(text)
    assert space.size > 1
    jsonschema.validate(yaml.safe_load(text), schema)
    jsonschema.validate(yaml.safe_load(space.to_yaml()), schema)
    assert PromptSpace.parse_yaml(space.to_yaml()) == space


@pytest.mark.parametrize(
    "text",
    [
        "slots: {}",
        "slots: {style: []}",
        "slots: {style: [ink: -1]}",
        "slots: {style: [ink, oil], colour: {kind: word, options: [red]}}",
        "template: a fox",
        "slots: {style: [ink, oil]}\nbans: style=oil",
    ],
)
def test_the_schema_refuses_what_the_code_refuses(text):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs/prompt-space.schema.json").read_text(encoding="utf-8"))
    with pytest.raises(soart.SoartError):
        PromptSpace.parse_yaml(text)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema)


def test_terms_are_defined_once():
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    terms = [term.lower() for line in re.findall(r"^\* (\*\*.+?): ", page, re.M) for term in re.findall(r"\*\*(.+?)\*\*", line)]  # fmt: skip
    assert len(terms) > 60
    assert len(set(terms)) == len(terms)


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path]
    done = subprocess.run(
        line, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "api.html").is_file()


def test_files_on_the_architecture_page_exist():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    walks = text.partition("## Three walks")[2]
    named = re.findall(r"`((?:metrics|pipelines|plugin|prompts)/[\w./]+)`", walks)
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []
    # Each file once in a walk.
    for walk in walks.split("### ")[1:]:
        files = re.findall(r"`([\w/]+\.(?:py|js))`", walk)
        assert len(files) == len(set(files))
