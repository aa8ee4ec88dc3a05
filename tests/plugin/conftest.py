import io
import math
import os
import sys
import types
from importlib import import_module
from pathlib import Path

import pytest
from specimens import comfy_server, comfy_standin
from specimens.scanning import Here

from soart.pipelines.ingest.fork_server import MANY
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.plugin.cli import app as cli
from soart.plugin.cli import terminal

ROOT = Path(__file__).parents[2]
COMFYUI = os.environ.get("COMFYUI_DIR")


def link_packs(folder):
    """Both packs as custom nodes; the names are no names of Python packages, as those of many clones are."""
    nodes = folder / "custom_nodes"
    nodes.mkdir(parents=True)
    packs = nodes / "soart-checkout.v1", nodes / "comfy-test-nodes"
    packs[0].symlink_to(ROOT)
    packs[1].symlink_to(ROOT / "tests" / "specimens" / "comfy_test_nodes")
    return packs


@pytest.fixture(scope="module", autouse=True)
def few_files_here():
    """A few new files are measured in this process: the workers of each test would load all networks anew."""
    inspect = LocalEngine.inspect

    def inspect_few_here(engine, files, kinds=(None,)):
        files = [*files]
        return inspect(engine, files, kinds) if len(files) >= MANY else Here().inspect(files, kinds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalEngine, "inspect", inspect_few_here)
        yield


@pytest.fixture(scope="session")
def _stood_in(tmp_path_factory):
    base = tmp_path_factory.mktemp("standin")
    for name in ("output", "temp"):
        (base / name).mkdir()
    patch = pytest.MonkeyPatch()
    for name, module in comfy_standin.interface(base / "output", base / "temp").items():
        patch.setitem(sys.modules, name, module)
    patch.setenv("XDG_CONFIG_HOME", str(base / "config"))
    packs = [comfy_standin.load_pack(pack) for pack in link_packs(base)]
    # The pack is a package of its own, whose tastes are validated once, too.
    learn_taste = import_module(f"{packs[0][0]}.metrics.tastes.taste").learn_taste
    patch.setitem(learn_taste.__kwdefaults__, "repeats", 1)
    nodes = comfy_standin.core_nodes(sys.modules["comfy_api.latest"].io)
    host = comfy_standin.StandIn(nodes | {name: node for _, own in packs for name, node in own.items()})
    host.base, host.pack = base, packs[0][0]
    yield host
    patch.undo()
    for name in [name for name in sys.modules if name.startswith(str(base).replace(".", "_x_"))]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def _real(tmp_path_factory):
    base = tmp_path_factory.mktemp("comfyui")
    link_packs(base)
    host = comfy_server.Server(COMFYUI, base, {"XDG_CONFIG_HOME": str(base / "config"), "OMP_NUM_THREADS": "1"})
    yield host
    host.close()


@pytest.fixture
def comfyui_checkout():
    """The checkout that COMFYUI_DIR names; skips without one."""
    if not COMFYUI:
        pytest.skip("COMFYUI_DIR names no checkout")
    return Path(COMFYUI)


REAL = pytest.param("_real", id="real", marks=pytest.mark.skipif(not COMFYUI, reason="COMFYUI_DIR names no checkout"))


@pytest.fixture(params=[pytest.param("_stood_in", id="standin"), REAL])
def host(request):
    """ComfyUI: the stand-in, and the real server where COMFYUI_DIR names a checkout."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def comfy(_stood_in):
    """The stand-in alone, for what cannot be asked over HTTP."""
    return _stood_in


class Graph(dict):
    """A graph in API form, built node by node."""

    def add(self, kind, /, **inputs):
        """Add a node; values may be links. Returns it, to be linked by ``node[output number]``."""
        key = str(len(self) + 1)
        self[key] = {"class_type": kind, "inputs": inputs}
        return types.SimpleNamespace(id=key, out=lambda number=0: [key, number])


@pytest.fixture
def graph():
    return Graph()


@pytest.fixture
def patient_graph():
    """A graph whose soart nodes show their mistakes and keep going."""

    class Patient(Graph):
        def add(self, kind, /, **inputs):
            return super().add(kind, **(({"keep_going": True} if kind.startswith("Soart") else {}) | inputs))

    return Patient()


@pytest.fixture
def soart(capsys, monkeypatch, tmp_path):
    """Run a command line in this process, in a folder of the test's own; returns code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    # On a busy machine a line of progress would come between the words that tests look for.
    monkeypatch.setattr(terminal, "LINE_SECONDS", math.inf)

    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", ["soart", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            cli.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code or 0
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return run


def commands(command, words=()):
    """All commands that do something, by their words."""
    if hasattr(command, "commands"):
        return {
            key: one for name, inner in command.commands.items() for key, one in commands(inner, (*words, name)).items()
        }
    return {words: command}
