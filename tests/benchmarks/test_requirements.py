"""What benchmarks need: packages of the extras that `make bench` installs, and pictures that not every machine has."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "benchmarks").rglob("*.py"))
#: Distributions of modules of other names, for those that are not installed beside the tests.
OTHER_NAMES = {"skimage": "scikit-image"}


def declared(requirements, extras):
    """Names of the distributions among some requirements, with those of soart's extras."""
    found = set()
    for requirement in requirements:
        name, several = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", requirement).groups()
        if name == "soart":
            for extra in several.split(","):
                found |= declared(extras[extra], extras)
        else:
            found.add(re.sub(r"[-_.]+", "-", name).lower())
    return found


def imported(path):
    """Top-level modules that a script imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


@pytest.fixture(scope="module")
def owners():
    """Names of the distributions of each installed module."""
    return packages_distributions()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.relative_to(ROOT / "benchmarks").as_posix())
def test_the_extras_declare_what_scripts_import(path, owners):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    known = declared([*project["dependencies"], *extras["dev"], *extras["bench"]], extras)
    here = {*sys.stdlib_module_names, "soart"}
    missing = [
        module
        for module in set(imported(path)) - here
        if not known
        & {re.sub(r"[-_.]+", "-", name).lower() for name in owners.get(module, [OTHER_NAMES.get(module, module)])}
    ]
    assert missing == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.relative_to(ROOT / "benchmarks").as_posix())
def test_scripts_import_what_soart_has(path):
    nodes = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom))
    for node in nodes:
        if not node.level and node.module.partition(".")[0] == "soart":
            module = importlib.import_module(node.module)
            for name in (alias.name for alias in node.names):
                assert hasattr(module, name) or importlib.import_module(f"{node.module}.{name}")


def test_make_bench_runs_scripts_that_exist():
    [names] = re.findall(r"^BENCHMARKS := \\\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    scripts = re.findall(r"[\w/]+\.py", names)
    assert len(scripts) > 30
    assert [script for script in scripts if not (ROOT / "benchmarks" / script).is_file()] == []


#: Scripts of documented commands that need data from their authors first, or write files of the package or the docs.
APART = {
    "score/parts.py",
    "score/model_places.py",
    "score/looks.py",
    "score/malformed.py",
    "adherence/several_things.py",
    "score/attention_tables.py",
    "taste/choices.py",
    "score/look_alikes.py",
    "search/words.py",
    "taste/hunting.py",
    "score/overall.py",
    "taste/people_report.py",
    "taste/starts.py",
}


def test_make_bench_runs_what_the_docs_name():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "benchmarks").glob("*.md"))
    named = set(re.findall(r"python benchmarks/([\w/]+\.py)", pages)) - APART
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert sorted(name for name in named if "/build_" not in name and name not in makefile) == []


def test_without_pictures_of_packages_a_script_ends_with_a_sentence(tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    line = [sys.executable, ROOT / "benchmarks/score/invariance.py"]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        f"{tmp_path / 'soart-benchmarks'} holds no pictures of Debian packages, which this benchmark needs: "
        "run it on Debian 13 after apt-get update, or copy that folder from such a machine.\n"
    )
