"""The process that workers are forked from."""

import subprocess
import sys
from pathlib import Path

import pytest

from soart.pipelines.collection.collection import Collection
from soart.pipelines.ingest import fork_server
from soart.pipelines.ingest.fork_server import MANY, look_new, start_for
from soart.pipelines.ingest.roots import open_memory_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with as many files as are worth processes, in two levels."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for number in range(MANY):
        file = tmp_path / "photos" / str(number % 2) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "photos"


def test_many_files_look_new_until_something_is_stored_of_them(folder):
    assert look_new([folder])
    assert not look_new([folder / "0"])
    assert not look_new([])
    assert look_new([folder / "0", folder / "1"])
    assert look_new([*folder.glob("0/*.png"), *folder.glob("1/*.png")])
    assert not look_new([folder / "nowhere"] * MANY)
    assert not look_new([Path("x" * 5000)])
    assert not look_new([Path("nul\0")])
    with open_memory_of([folder]):
        pass
    assert not look_new([folder])


def test_a_collection_is_not_new(folder):
    with Collection(folder):
        pass
    assert not look_new([folder])


@pytest.mark.parametrize(("cores", "new", "starts"), [(2, True, 1), (1, True, 0), (2, False, 0)])
def test_the_process_starts_early_only_if_that_helps(cores, new, starts, monkeypatch):
    started = []
    monkeypatch.setattr(fork_server, "look_new", lambda paths: new)
    monkeypatch.setattr(fork_server, "cores", lambda: cores)
    monkeypatch.setattr("multiprocessing.forkserver.ensure_running", lambda: started.append(1))
    start_for(["photos"])
    assert len(started) == (starts if fork_server.context().get_start_method() == "forkserver" else 0)


def test_a_process_that_cannot_start_early_is_left_to_the_workers(monkeypatch):
    tried = []

    def refused():
        tried.append(1)
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(fork_server, "look_new", lambda paths: True)
    monkeypatch.setattr(fork_server, "cores", lambda: 2)
    monkeypatch.setattr("multiprocessing.forkserver.ensure_running", refused)
    start_for(["photos"])
    assert tried == [1] * (fork_server.context().get_start_method() == "forkserver")


def test_workers_import_neither_a_database_nor_scipy():
    code = (
        "import sys, numpy as np, soart.pipelines.ingest.inspection\n"
        "from soart.metrics.similarity.near_duplicates import perceptual_hash\n"
        "perceptual_hash(np.zeros((9, 9, 3), np.uint8))\n"
        "print([name for name in ('sqlalchemy', 'scipy', 'sklearn', 'pandas') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
