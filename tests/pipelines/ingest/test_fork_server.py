"""The process that workers are forked from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from specimens.ugly import encoded, picture

from soart.pipelines.collection.collection import Collection
from soart.pipelines.ingest import fork_server
from soart.pipelines.ingest.fork_server import look_new, start_for
from soart.pipelines.ingest.roots import open_memory_of

#: A first ranking, after which the main process tells which modules it has.
RANK = """
import sys
from soart.plugin.cli import start
sys.argv = ["soart", "rank", "--json", sys.argv[1]]
try:
    start.main()
finally:
    print(sorted({"torch", "numpy"} & set(sys.modules)), file=sys.stderr)
"""


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "photos").mkdir()
    file = tmp_path / "photos" / "a.png"
    file.write_bytes(encoded(picture(1), "PNG"))
    return file


def test_files_and_folders_look_new_until_something_is_stored_of_them(photo):
    assert look_new([photo])
    assert look_new([photo.parent])
    assert not look_new([photo, photo.with_name("b.png")])
    assert not look_new([Path("x" * 5000)])
    assert not look_new([Path("nul\0")])
    with open_memory_of([photo]):
        pass
    assert not look_new([photo])
    assert not look_new([photo.parent])


def test_a_collection_is_not_new(tmp_path):
    with Collection(tmp_path / "drawn"):
        pass
    assert not look_new([tmp_path / "drawn"])


@pytest.mark.parametrize("broken", ["one core", "no process"])
def test_where_nothing_can_start_early_nothing_happens(broken, photo, monkeypatch):
    def refused():
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(fork_server, "look_new", look_new)
    monkeypatch.setattr(fork_server, "cores", lambda: 1 if broken == "one core" else 2)
    monkeypatch.setattr("multiprocessing.forkserver.ensure_running", refused)
    monkeypatch.setattr(fork_server, "_started", None)
    start_for([str(photo)])


@pytest.mark.slow
def test_a_first_ranking_of_one_picture_leaves_pytorch_to_a_worker(photo):
    run = subprocess.run([sys.executable, "-c", RANK, photo], capture_output=True, text=True, env={**os.environ})
    assert run.returncode == 0
    assert run.stderr.splitlines()[-1] == ("['numpy']" if fork_server.cores() > 1 else "['numpy', 'torch']")
    # A second one finds everything stored.
    again = subprocess.run([sys.executable, "-c", RANK, photo], capture_output=True, text=True, env={**os.environ})
    assert (again.stdout, again.stderr.splitlines()[-1]) == (run.stdout, "['numpy']")
