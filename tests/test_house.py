"""The rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

import soart
import soart.metrics

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for folder in ("metrics", "prompts", "pipelines", "plugin") for p in (ROOT / folder).rglob("*.py"))


@cache
def imported(path):
    """Modules that a file imports by their full names."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append(node.module)
    return names


#: Copied into a cache of diffusers' own before they are loaded.
CUSTOM = [p for p in SOURCES if "custom_pipelines" in p.parts]
#: Top-level modules of the hosts, and who alone may import them.
HOSTS = {
    ("aiohttp", "comfy", "comfy_api", "comfy_execution", "folder_paths", "nodes", "server"): r"plugin/comfyui/\w+\.py",
    (
        "diffusers",
    ): r"pipelines/models/(calls|embedded|generator|loading)\.py|plugin/(diffusers|custom_pipelines/\w+/pipeline)\.py",
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


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


def file_imports(path):
    """Modules of the package that a file imports, each with True if it is imported as soon as the file is."""

    def walk(node, early):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ImportFrom) and child.level:
                base = [*path.relative_to(ROOT).parts[: -child.level], *([child.module] if child.module else [])]
                for alias in child.names:
                    full = ".".join([*base, alias.name])
                    yield full if full in MODULES else ".".join(base), early
            else:
                typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, early and not typing and not inside)

    return [(name, early) for name, early in walk(ast.parse(path.read_text(encoding="utf-8")), True) if name in MODULES]


def circles(graph):
    """Groups of nodes that reach each other: the strongly connected components by Tarjan's algorithm (1972)."""
    index, low, stack, groups = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            at = stack.index(node)
            group = stack[at:]
            del stack[at:]
            if len(group) > 1 or node in graph[node]:
                groups.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return groups


def test_circles_are_found():
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"d", "e"}, "e": set()}
    assert sorted(circles(graph)) == [["a", "b", "c"], ["d"]]


def test_no_file_circles():
    """No two files import each other, and no import inside a function or for type checkers would close a circle."""
    imports = {name: file_imports(path) for name, path in MODULES.items()}
    early = {name: {other for other, at_once in found if at_once} for name, found in imports.items()}
    every = {name: {other for other, _ in found} for name, found in imports.items()}
    assert sum(map(len, early.values())) > 500
    assert circles(early) == []
    closing = [
        f"{name} -> {other}"
        for group in circles(every)
        for name in group
        for other in every[name] & set(group) - early[name]
    ]
    assert closing == [], f"{len(closing)} late imports close a circle: {', '.join(closing)}"


def test_public_names_are_there_and_lazy():
    assert soart.__version__ == version("soart")
    for name in soart.__all__:
        assert getattr(soart, name) is not None
    for name in soart.metrics.__all__:
        assert getattr(soart.metrics, name) is not None
    code = "import soart; assert 'metrics' in dir(soart); print(soart.metrics.MT.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "MT\n"
    for package in (soart, soart.metrics):
        with pytest.raises(AttributeError, match="no attribute"):
            package.nonsense  # noqa: B018


def public_docstrings(path):
    """First lines of the docstrings of a module and of its public functions, classes and methods; None without one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield ast.get_docstring(tree)
    nodes = [(node, True) for node in tree.body]
    for node, public in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            public = public and not node.name.startswith("_")
            if public:
                yield ast.get_docstring(node)
            if isinstance(node, ast.ClassDef):
                nodes += [(inner, public) for inner in node.body]


def test_public_names_are_documented_and_summaries_are_statements():
    docstrings = [text for path in SOURCES for text in public_docstrings(path)]
    assert sum(text is not None for text in docstrings) >= 0.96 * len(docstrings)
    first_lines = [text.splitlines()[0] for text in docstrings if text]
    assert len([line for line in first_lines if re.match(r"(What|Who|Whether|Where|How)\b", line)]) < 10
    assert [line for line in first_lines if len(line) > 120] == []


def test_docstrings_name_things_in_code_font():
    """The site and editors show roles of Sphinx as they are written."""
    assert [
        p.name for p in SOURCES if re.search(r":(class|func|mod|meth|data|attr):`", p.read_text(encoding="utf-8"))
    ] == []


def test_tests_wait_longer_than_any_machine_is_busy():
    """Four minutes, in seconds or, in browsers, in milliseconds; below a second a test waits for what must not come."""
    impatient = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            limits = [keyword.value for keyword in call.keywords if keyword.arg == "timeout"]
            if getattr(call.func, "attr", None) in {"join", "set_default_timeout", "settimeout", "wait"}:
                limits += call.args[:1]
            seconds = [limit.value for limit in limits if isinstance(limit, ast.Constant)]
            if any(isinstance(n, int | float) and (1 <= n < 240 or 1000 < n < 240_000) for n in seconds):
                impatient.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert impatient == []
