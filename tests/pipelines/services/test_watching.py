"""Watching folders: what is new, when it is written, and what an evaluation then finds."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimens.scanning import Here

from soart.errors import CollectionError, SoartError
from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.evaluation import EvaluationService
from soart.pipelines.services.watching import FolderWatch, Novelty
from soart.pipelines.support.background import Jobs


@pytest.fixture
def watched(tmp_path, paint):
    """A folder, the evaluation of its collection, and the engine that inspects it."""
    folder, engine, jobs = paint(tmp_path / "outputs", 3, 1, vivid=True), Here(), Jobs()
    with Collection(tmp_path / "collection") as collection:
        sync_and_evaluate(collection, Scan([folder]), engine, faces=True)
        tastes = CollectionTastes(collection, TasteStore(tmp_path / "user"))
        yield folder, EvaluationService(collection, tastes, jobs, engine, [tmp_path.resolve()]), engine
        jobs.close()


def seen(evaluation, watch, now):
    """True if a look started an evaluation; it has ended then."""
    started = watch.look(now)
    assert evaluation.job is None or evaluation.job.wait(240)
    return started


def test_a_picture_is_scanned_once_as_soon_as_it_is_written(watched, paint, tmp_path):
    folder, evaluation, engine = watched
    watch = FolderWatch(evaluation, settled=2)
    whole = next(paint(tmp_path / "other", 1, 9, vivid=True).iterdir()).read_bytes()
    assert not seen(evaluation, watch, 0)
    (folder / "new.png").write_bytes(whole[:100])
    assert not seen(evaluation, watch, 10)
    (folder / "new.png").write_bytes(whole)
    assert [seen(evaluation, watch, now) for now in (11, 12, 13, 15, 99)] == [False, False, True, False, False]
    assert [Path(path).name for path in engine.seen[3:]] == ["new.png"]
    assert len(evaluation.result.evaluation.ids) == 4
    assert evaluation.result.update.problems == []


def test_files_of_before_the_watch_are_found_and_removed_ones_are_no_news(watched, paint):
    folder, evaluation, engine = watched
    paint(folder, 1, 5, vivid=True)
    watch = FolderWatch(evaluation, settled=2)
    assert [seen(evaluation, watch, now) for now in (0, 2, 4)] == [False, True, False]
    (folder / "5-0.png").unlink()
    assert [seen(evaluation, watch, now) for now in (6, 9)] == [False, False]
    assert [Path(path).name for path in engine.seen[3:]] == ["5-0.png"]


def test_a_busy_evaluation_is_awaited(watched, paint):
    folder, evaluation, _ = watched
    watch = FolderWatch(evaluation, settled=0)
    paint(folder, 1, 5, vivid=True)
    release = evaluation.jobs.start(evaluation.key, "Waiting", lambda job: job._cancelled.wait(240))
    assert not watch.look(0)
    release.cancel()
    assert release.wait(240)
    assert seen(evaluation, watch, 1)
    assert len(evaluation.result.evaluation.ids) == 4


def test_links_and_folders_that_lead_out_are_not_read(watched, paint, tmp_path):
    folder, evaluation, engine = watched
    watch = FolderWatch(evaluation, settled=0)
    (folder / "link.png").symlink_to(next(paint(tmp_path / "secret", 1, 7, vivid=True).iterdir()))
    assert not seen(evaluation, watch, 0)
    evaluation.allowed = [tmp_path / "collection"]
    with pytest.raises(CollectionError, match="may not read"):
        watch.look(1)
    assert len(engine.seen) == 3


def test_a_failed_evaluation_is_tried_again_after_a_while(watched, paint, monkeypatch):
    folder, evaluation, _ = watched
    watch = FolderWatch(evaluation, settled=0)
    paint(folder, 1, 5, vivid=True)

    def fail(job, roots):
        raise SoartError("The database is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "run", fail)
        assert [seen(evaluation, watch, now) for now in (0, 1, 30, 31)] == [True, False, False, True]
        assert evaluation.failure == "The database is locked."
    # The next pause is twice as long.
    assert [seen(evaluation, watch, now) for now in (40, 80, 99, 100, 999)] == [False, False, False, True, False]
    assert len(evaluation.result.evaluation.ids) == 4


def test_new_pictures_do_not_wait_for_the_next_try(watched, paint, monkeypatch):
    folder, evaluation, _ = watched
    watch = FolderWatch(evaluation, settled=0)
    paint(folder, 1, 5, vivid=True)
    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "run", lambda job, roots: 1 / 0)
        assert [seen(evaluation, watch, now) for now in (0, 1)] == [True, False]
    paint(folder, 1, 6, vivid=True)
    assert [seen(evaluation, watch, now) for now in (2, 3)] == [True, False]
    assert len(evaluation.result.evaluation.ids) == 5


def test_without_the_taste_that_ranked_the_overall_score_does(watched, paint):
    folder, evaluation, _ = watched
    watch = FolderWatch(evaluation, settled=0)
    evaluation._change(lambda settings: replace(settings, by="deleted"))
    paint(folder, 1, 5, vivid=True)
    assert seen(evaluation, watch, 0)
    assert (len(evaluation.result.evaluation.ids), evaluation.settings.by) == (4, "")
    assert evaluation.result.evaluation.main == stored_name()


def test_an_ended_watch_takes_no_partial_listing(watched, paint):
    folder, evaluation, engine = watched
    watch = FolderWatch(evaluation, settled=0)
    paint(folder, 1, 5, vivid=True)
    watch.close()
    assert list(watch._files()) == []
    assert not seen(evaluation, watch, 0)
    assert len(engine.seen) == 3


@pytest.mark.parametrize("kind", [SoartError, ValueError])
def test_the_thread_goes_on_after_a_failure_and_ends(watched, paint, monkeypatch, caplog, kind):
    folder, evaluation, _ = watched
    failed, evaluate, deadline = threading.Event(), evaluation.evaluate, time.monotonic() + 240

    def fail_once(by=""):
        if not failed.is_set():
            failed.set()
            raise kind("Another job has just started.")
        return evaluate(by)

    monkeypatch.setattr(evaluation, "evaluate", fail_once)
    watch = FolderWatch(evaluation, pause=0.01, settled=0)
    watch.start()
    paint(folder, 2, 5, vivid=True)
    assert failed.wait(240)
    while evaluation.result is None or len(evaluation.result.evaluation.ids) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    watch.close()
    watch.close()
    assert not watch._thread.is_alive()
    assert "Another job has just started." in caplog.text
    # Only what is not expected needs a trace.
    assert ("Traceback" in caplog.text) == (kind is ValueError)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3), max_size=12))
def test_every_file_that_rests_is_taken_exactly_once(listings):
    """By a naive count: a state is taken if the listings show it twice in a row, and never again while it lasts."""
    novelty, taken = Novelty({}, settled=1, patience=0), {}
    for now, states in enumerate(listings):
        listing = {path: (state, 0) for path, state in states.items()}
        previous = listings[now - 1] if now else {}
        taken = {path: state for path, state in taken.items() if path in states}
        rested = {path: state for path, state in states.items() if previous.get(path) == state != taken.get(path)}
        assert novelty.take(listing, now) == bool(rested)
        taken |= rested


def test_a_folder_that_is_written_all_the_time_is_scanned_after_a_while():
    novelty = Novelty({}, settled=2, patience=30)
    times = [now for now in range(0, 100, 2) if novelty.take({"done": (1, 0), "log": (now, now)}, now)]
    assert times == [30]
