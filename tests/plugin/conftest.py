import importlib.util
import io
import os
import sys
import types
from pathlib import Path

import pytest

from soart.plugin import cli

ROOT = Path(__file__).parents[2]
COMFYUI = os.environ.get("COMFYUI_DIR")


def neighbour(path):
    """A helper module of the tests; importlib mode puts no folder on the path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


standin = neighbour(Path(__file__).with_name("comfy_standin.py"))
server = neighbour(Path(__file__).with_name("comfy_server.py"))


def link_packs(folder):
    """Both packs as custom nodes; the names are no names of Python packages, as those of many clones are."""
    nodes = folder / "custom_nodes"
    nodes.mkdir(parents=True)
    packs = nodes / "soart-checkout.v1", nodes / "comfy-test-nodes"
    packs[0].symlink_to(ROOT)
    packs[1].symlink_to(Path(__file__).with_name("comfy_test_nodes"))
    return packs


@pytest.fixture(scope="session")
def _stood_in(tmp_path_factory):
    base = tmp_path_factory.mktemp("standin")
    for name in ("output", "temp"):
        (base / name).mkdir()
    patch = pytest.MonkeyPatch()
    for name, module in standin.interface(base / "output", base / "temp").items():
        patch.setitem(sys.modules, name, module)
    patch.setenv("XDG_CONFIG_HOME", str(base / "config"))
    packs = [standin.load_pack(pack) for pack in link_packs(base)]
    nodes = standin.core_nodes(sys.modules["comfy_api.latest"].io)
    host = standin.StandIn(nodes | {name: node for _, own in packs for name, node in own.items()})
    host.base, host.pack = base, packs[0][0]
    yield host
    patch.undo()
    for name in [name for name in sys.modules if name.startswith(str(base).replace(".", "_x_"))]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def _real(tmp_path_factory):
    base = tmp_path_factory.mktemp("comfyui")
    link_packs(base)
    host = server.Server(COMFYUI, base, {"XDG_CONFIG_HOME": str(base / "config"), "OMP_NUM_THREADS": "1"})
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
def soart(capsys, monkeypatch):
    """Run a command line in this process; returns code, stdout, stderr."""

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
