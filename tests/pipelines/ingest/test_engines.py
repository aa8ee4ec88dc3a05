"""The contract of an engine, over worker processes on this machine and over a Ray cluster."""

import multiprocessing
import os
import signal
import threading
import time
from itertools import count
from pathlib import Path

import pytest
from specimens import ugly
from specimens.ugly import dangerous_inspection, encoded, failing_inspection, large_inspection, picture
from specimens.waiting import PATIENCE, until

from soart.errors import SoartError
from soart.pipelines.ingest.engines import engine_named
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.ray_engine import RayEngine
from soart.pipelines.support.batching import BATCH, WAITING
from soart.pipelines.support.ray_cluster import import_ray, ray_connection


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.slow)], scope="module")
def make(request):
    """Makes an engine."""
    if request.param == "local":
        yield LocalEngine
        return
    # Workers of the cluster cannot import the tests.
    import_ray().cloudpickle.register_pickle_by_value(ugly)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with ray_connection(2):
            yield RayEngine


@pytest.fixture
def paths(tmp_path):
    """Twenty good pictures, in more than one batch."""
    names = [tmp_path / f"{number:02}.png" for number in range(20)]
    for number, name in enumerate(names):
        name.write_bytes(encoded(picture(number), "PNG"))
    return list(map(str, names))


def by_path(inspections):
    pairs = [(inspection.path, inspection) for inspection in inspections]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def inspect_until_interrupted(path, moment):
    """Inspect a file that hangs, and press Ctrl-C at a moment."""

    def press():
        moment()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    next(LocalEngine(2, inspect=dangerous_inspection).inspect([str(path)]))


class TestEngine:
    def test_every_path_is_inspected_once(self, make, paths, tmp_path):
        (tmp_path / "empty.png").touch()
        inspections = by_path(make(2).inspect([*paths, str(tmp_path / "empty.png"), str(tmp_path / "gone.png")]))
        problems = {Path(path).name: i for path, i in inspections.items() if i.problem}
        assert {name: i.lasting for name, i in problems.items()} == {"empty.png": True, "gone.png": False}
        sound = {path: i for path, i in inspections.items() if not i.problem}
        assert sorted(sound) == paths
        assert all((i.width, i.height, len(i.items)) == (40, 32, 1) and i.sha256 for i in sound.values())

    def test_no_paths_are_no_inspections(self, make):
        assert list(make(2).inspect([])) == []

    def test_a_file_that_ends_its_worker_or_hangs_costs_only_itself(self, make, paths, tmp_path, capfd):
        fatal = [str(tmp_path / name) for name in ("crash.png", "killed.png", "hang.png")]
        for path in fatal:
            (tmp_path / path).write_bytes(encoded(picture(50), "PNG"))
        inspections = by_path(
            make(2, limit=30.0, inspect=dangerous_inspection).inspect([*paths[:4], *fatal, *paths[4:]])
        )
        for path in fatal:
            assert inspections.pop(path).problem == f"Decoding {path!r} crashed or timed out; skipped."
        assert sorted(inspections) == paths
        assert not any(inspection.problem for inspection in inspections.values())
        assert capfd.readouterr() == ("", "")

    def test_workers_end_at_once_if_nobody_takes_their_results(self, paths, tmp_path):
        """As after Ctrl-C: one of them is busy for long."""
        hanging = tmp_path / "hang.png"
        hanging.write_bytes(encoded(picture(50), "PNG"))
        before = set(multiprocessing.active_children())
        inspections = LocalEngine(2, inspect=dangerous_inspection).inspect([*paths, str(hanging)])
        assert next(inspections).problem is None
        workers = set(multiprocessing.active_children()) - before
        assert len(workers) == 2
        started = time.monotonic()
        inspections.close()
        assert time.monotonic() - started < PATIENCE
        assert not any(worker.is_alive() for worker in workers)

    def test_ctrl_c_while_workers_start_or_work_is_quiet(self, tmp_path, capfd):
        hanging = tmp_path / "hang.png"
        hanging.write_bytes(encoded(picture(50), "PNG"))
        # Runners of tests may ignore it.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for moment in (lambda: time.sleep(0.02), lambda: until(hanging.with_suffix(".pid").exists)):
                with pytest.raises(KeyboardInterrupt):
                    inspect_until_interrupted(hanging, moment)
                assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        finally:
            signal.signal(signal.SIGINT, before)
        assert capfd.readouterr() == ("", "")

    def test_workers_end_even_if_one_has_died(self, paths, tmp_path):
        killed = tmp_path / "killed.png"
        killed.write_bytes(encoded(picture(50), "PNG"))
        inspections = LocalEngine(2, inspect=dangerous_inspection).inspect([*paths, str(killed), *paths])
        while next(inspections).problem is None:
            pass
        started = time.monotonic()
        inspections.close()
        assert time.monotonic() - started < PATIENCE

    def test_workers_end_while_they_send_results(self):
        """Results are larger than a pipe holds."""
        for taken in (1, 40, 100):
            inspections = LocalEngine(2, inspect=large_inspection).inspect(map(str, range(100_000)))
            for _ in range(taken):
                next(inspections)
            started = time.monotonic()
            inspections.close()
            assert time.monotonic() - started < PATIENCE

    def test_an_unexpected_error_is_a_sentence(self, make, tmp_path):
        path = str(tmp_path / "a.png")
        [inspection] = make(1, inspect=failing_inspection).inspect([path])
        assert inspection.problem == f"{path!r} cannot be measured: out of cheese."

    def test_few_paths_are_read_ahead(self, make, paths):
        taken = count()
        inspections = make(2).inspect(path for path in paths * 50 if next(taken) >= 0)
        next(inspections)
        inspections.close()
        assert next(taken) <= (2 * WAITING + 1) * BATCH


def test_engines_have_names():
    assert engine_named("local", 3).workers == 3
    assert isinstance(engine_named("ray"), RayEngine)
    with pytest.raises(SoartError, match="local and ray, got 'steam'"):
        engine_named("steam")
