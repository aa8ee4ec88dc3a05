"""The lowest versions that pyproject.toml allows: each has one, none is unsafe, and in their environment they are installed."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "floors.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Those that make test-floors installs.
EXTRAS = ("web", "models")
WANTED = [*PROJECT["dependencies"], *(one for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra])]


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("floors", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def constraints(*arguments):
    done = subprocess.run([sys.executable, SCRIPT, *arguments], check=True, capture_output=True, text=True)
    return {one.name.lower(): one for one in map(Requirement, done.stdout.split())}


def test_every_requirement_has_a_floor_that_it_allows():
    wanted = [Requirement(one) for one in WANTED]
    found = constraints(*EXTRAS)
    assert set(found) == {one.name.lower() for one in wanted} - {"torch"}
    for one in wanted:
        if one.name != "torch":
            [floor] = found[one.name.lower()].specifier
            assert floor.operator == "=="
            assert floor.version in one.specifier


def test_a_requirement_without_a_floor_is_refused(script):
    with pytest.raises(ValueError, match="no lower bound"):
        list(script.floors(["numpy<3"]))


def test_unsafe_versions_are_not_allowed():
    allowed = {one.name: one for one in map(Requirement, WANTED)}
    unsafe = {(name, next(iter(one.specifier)).version) for name, one in constraints("--unsafe").items()}
    # The pair with which it was found.
    for name, version_ in unsafe | {("diffusers", "0.35.2"), ("transformers", "4.57.6")}:
        assert version_ not in allowed[name].specifier


@pytest.mark.skipif("SOART_FLOORS" not in os.environ, reason="make test-floors runs this in their environment")
def test_the_floors_are_what_is_installed():
    for name, floor in constraints(*EXTRAS).items():
        assert version(name) in floor.specifier, name
