"""The rules of the house that a machine can check."""

import ast
import re
from importlib.metadata import version
from pathlib import Path

import pytest

import soart
import soart.metrics

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for folder in ("metrics", "prompts", "pipelines", "plugin") for p in (ROOT / folder).rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


#: Copied into a cache of diffusers' own before they are loaded.
CUSTOM = [p for p in SOURCES if "custom_pipelines" in p.parts]
#: Top-level modules of the hosts, and who alone may import them.
HOSTS = {
    ("comfy", "comfy_api", "comfy_execution", "folder_paths"): r"plugin/comfyui/\w+\.py",
    (
        "diffusers",
    ): r"pipelines/(models/(generator|loading)|tiny/\w+)\.py|plugin/(diffusers|custom_pipelines/\w+/pipeline)\.py",
    ("optuna",): r"plugin/optuna\.py",
}


@pytest.mark.parametrize("modules", HOSTS, ids=lambda modules: modules[0])
def test_hosts_are_imported_in_their_places_alone(modules):
    users = [
        p.relative_to(ROOT).as_posix() for p in SOURCES if {name.split(".")[0] for name in imported(p)} & set(modules)
    ]
    assert users
    assert [path for path in users if not re.fullmatch(HOSTS[modules], path)] == []


@pytest.mark.parametrize("path", sorted({*SOURCES} - {*CUSTOM}), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_inside_the_package_are_relative(path):
    assert not [name for name in imported(path) if name.split(".")[0] == "soart"]


def test_sessions_are_opened_where_sql_lives():
    rooms = ("collection", "ingest")
    others = [p for p in SOURCES if p.relative_to(ROOT).parts[:2] not in {("pipelines", room) for room in rooms}]
    assert [str(p.relative_to(ROOT)) for p in others if ".session(" in p.read_text(encoding="utf-8")] == []


def test_no_pickle_and_no_eval():
    text = "\n".join(p.read_text(encoding="utf-8") for p in SOURCES)
    assert not re.search(r"\bimport pickle\b|\beval\(\"|\bexec\(|weights_only=False", text)


def test_public_names_are_there_and_lazy():
    assert soart.__version__ == version("soart")
    for name in soart.__all__:
        assert getattr(soart, name) is not None
    for name in soart.metrics.__all__:
        assert getattr(soart.metrics, name) is not None
    for package in (soart, soart.metrics):
        with pytest.raises(AttributeError, match="no attribute"):
            package.nonsense  # noqa: B018
