"""The examples in docstrings run, and every public name has one."""

import ast
import doctest
from importlib import import_module
from pathlib import Path

import pytest

import soart
import soart.metrics

ROOT = Path(__file__).parents[1]
ROOMS = ("metrics", "pipelines", "plugin", "prompts")
SOURCES = [
    ROOT / "errors.py",
    ROOT / "files.py",
    ROOT / "notebooks.py",
    ROOT / "threads.py",
    *(path for room in ROOMS for path in (ROOT / room).rglob("*.py")),
]
PUBLIC = {
    "soart.metrics": soart.metrics,
    **{name: getattr(soart.metrics, name) for name in soart.metrics.__all__},
    **{name: getattr(soart, name) for name in soart.__all__ if name != "__version__"},
}


def test_every_public_name_has_an_example():
    assert [name for name, one in PUBLIC.items() if ">>> " not in one.__doc__] == []


def has_examples(path):
    text = path.read_text(encoding="utf-8")
    if ">>> " not in text:
        return False
    tree = ast.parse(text)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return any(">>> " in (ast.get_docstring(node) or "") for node in ast.walk(tree) if isinstance(node, kinds))


@pytest.mark.parametrize(
    "path", sorted(filter(has_examples, SOURCES)), ids=lambda path: path.relative_to(ROOT).as_posix()
)
@pytest.mark.usefixtures("usual_effort")
def test_examples_run(path, tmp_path, monkeypatch):
    """They have to import what they use, for readers copy them."""
    monkeypatch.chdir(tmp_path)
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = import_module(".".join(["soart", *(part for part in parts if part != "__init__")]))
    tests = [test for test in doctest.DocTestFinder().find(module, globs={}) if test.examples]
    assert tests
    for test in tests:
        printed = []
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=printed.append)
        assert result.failed == 0, "".join(printed)
