"""The wheel and the source distribution hold what is tracked, and an installed wheel works."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("metrics", "pipelines", "plugin", "prompts")
MODULES = (
    "__init__.py",
    "__main__.py",
    "errors.py",
    "files.py",
    "notebooks.py",
    "py.typed",
    "testing.py",
    "threads.py",
    "version.py",
)


@pytest.fixture(scope="module")
def tracked():
    """Paths of the files that belong to the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )  # fmt: skip
    paths = (Path(os.fsdecode(name)) for name in listing.stdout.split(b"\0") if name)
    return [path for path in paths if (ROOT / path).is_file()]


@pytest.fixture(scope="module")
def product(tracked):
    """Paths of the files of the package soart."""
    return {path.as_posix() for path in tracked if path.parts[0] in ROOMS or path.as_posix() in MODULES}


@pytest.fixture(scope="module")
def copy(tracked, tmp_path_factory):
    """A clean copy of the repository."""
    folder = tmp_path_factory.mktemp("copy")
    for path in tracked:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    return folder


def build(copy, out, call):
    """The wheel that a call of setuptools makes of a copy."""
    code = f"import sys; from setuptools.build_meta import *; {call}"
    subprocess.run([sys.executable, "-c", code, out], check=True, cwd=copy, stdout=subprocess.DEVNULL)
    [path] = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def built(copy, tmp_path_factory):
    """A folder with the source distribution, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, copy], check=True, cwd=copy, stdout=subprocess.DEVNULL
    )  # fmt: skip
    return out


@pytest.mark.slow
def test_type_checkers_see_a_strict_editable_install(copy, tmp_path):
    made = build(copy, tmp_path, "build_editable(sys.argv[1], {'editable_mode': 'strict'})")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "environment"], check=True)
    [packages] = (tmp_path / "environment").glob("lib/python3*/site-packages")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(packages)
    (tmp_path / "user.py").write_text("import soart\nreveal_type(soart.rank('x'))\nsoart.rank('x', tast=1)\n")
    line = [sys.executable, "-m", "mypy", "--python-executable", tmp_path / "environment" / "bin" / "python", "user.py"]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert 'Revealed type is "soart.pipelines.api.Ranking"' in done.stdout
    assert 'Unexpected keyword argument "tast"' in done.stdout


def test_the_wheel_holds_the_package_and_nothing_else(copy, product, tmp_path):
    check_wheel(build(copy, tmp_path, "build_wheel(sys.argv[1])"), product)


def check_wheel(wheel, product):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside == {f"soart/{path}" for path in product}
    assert any(name.startswith("soart/plugin/comfyui/web/") for name in inside)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_source_distribution_holds_what_the_wheel_is_made_of(built, product):
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    names = {name for name in names if not name.startswith("soart.egg-info/")}
    assert product <= names
    extra = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg", "setup.py"}  # fmt: skip
    assert names - product <= extra
    [wheel] = built.glob("*.whl")
    check_wheel(wheel, product)


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """An environment with nothing but the wheel; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    [packages] = folder.glob("lib/python3*/site-packages")
    # A path that is added by a .pth file brings packages, but not the editable installation of this repository.
    [wheel] = built.glob("*.whl")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel],
        check=True,
    )
    return folder


@pytest.mark.slow
def test_an_installed_wheel_runs_the_first_step_of_the_demo(installed, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "import soart, sys; sys.exit(f'not the wheel: {soart.__file__}' if sys.prefix not in soart.__file__ else 0)"
    subprocess.run([installed / "bin" / "python", "-c", code], check=True, cwd=tmp_path, env=environment)
    line = [installed / "bin" / "soart", "generate", "a boat", "-n", "2", "--steps", "2", "--report", "report.html"]
    done = subprocess.run(line, check=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "2 drawn" in done.stdout + done.stderr
    assert len(list((tmp_path / "soart-pictures" / "images").rglob("*.png"))) == 2
    assert "<img" in (tmp_path / "report.html").read_text(encoding="utf-8")
