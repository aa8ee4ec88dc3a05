"""From an unread folder to a ranking: what can be rated at once, and what goes on behind it."""

import threading

import numpy as np
import pytest
from specimens.waiting import until
from sqlalchemy import func, select

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.tables import ItemsRow
from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.ingest.roots import remember_roots
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import add_first_pictures
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.evaluation import EvaluationService
from soart.pipelines.services.start import GOAL, StartService, check_several, lacking
from soart.pipelines.support.background import CANCELLED, DONE, FAILED, Jobs

COUNT = 28


class Gate:
    """Inspects files in this process once it is opened, and remembers them."""

    def __init__(self):
        self.open, self.names, self.most = threading.Event(), [], 10**6

    def inspect(self, paths, kinds=(None,)):
        for path in paths:
            if len(self.names) >= self.most:
                self.open.clear()
            assert self.open.wait(240)
            self.names.append(str(path).rsplit("/", 1)[-1])
            yield inspect_file(path)


@pytest.fixture
def engine():
    return Gate()


@pytest.fixture
def unread(tmp_path, paint):
    """A folder, and the empty collection for it."""
    folder = paint(tmp_path / "pictures", COUNT, 1, vivid=True)
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    with Collection(tmp_path / "collection") as collection:
        remember_roots(collection, [folder])
        yield folder, collection


@pytest.fixture
def start(unread, engine, tmp_path, monkeypatch):
    monkeypatch.setattr("soart.pipelines.services.start.default_network", lambda: None)
    collection, jobs, grown = unread[1], Jobs(), []
    tastes = CollectionTastes(collection, TasteStore(tmp_path / "user"))
    evaluation = EvaluationService(collection, tastes, jobs, engine, [tmp_path.resolve()])
    monkeypatch.setattr(evaluation, "run", lambda job, roots: grown.append(f"evaluated {len(roots)}"))
    start = StartService(
        collection, tastes, jobs, evaluation, tmp_path / "best", lambda: grown.append(len(collection.ids()))
    )
    start.grown = grown
    yield start
    engine.open.set()
    jobs.close()


@pytest.mark.parametrize(("stars", "pictures", "sentence", "ranks"), [
    ([3, 3], 1, "One picture alone", False), ([], 9, "alike", False), ([2] * 16, 40, "alike", False),
    ([1] * 14 + [5] * 2, 40, "You like 2 of 16 pictures so far.", True), ([1] * 5 + [5] * 5, 40, "", True),
])  # fmt: skip
def test_what_ratings_lack_for_a_ranking(stars, pictures, sentence, ranks):
    found = lacking(dict(enumerate(stars)), pictures)
    assert (sentence in found[0], bool(found[0]), found[1]) == (True, bool(sentence), ranks)


def test_a_single_picture_is_refused_before_it_is_read(unread, tmp_path, paint):
    folder, collection = unread
    check_several(collection, [folder])
    with pytest.raises(CollectionError, match="One picture alone cannot be ranked"):
        check_several(collection, [paint(tmp_path / "one", 1, 2, vivid=True), tmp_path / "gone"])


def test_the_first_pictures_can_be_rated_before_any_is_read(start, engine):
    job = start.read()
    until(lambda: start.state().files == COUNT + 1)
    state = start.state()
    assert (state.live, state.done, state.pictures, state.failed) == (True, 0, GOAL, "")
    assert start.read() is job
    engine.open.set()
    assert job.wait(240)
    assert job.state == DONE, job.message
    assert (start.state().live, start.state().done, start.state().pictures) == (False, COUNT + 1, COUNT)
    # In a random order, so that those read so far stand for all; the rankings follow their number.
    assert sorted(engine.names) != engine.names
    assert sorted(engine.names) == sorted([*(f"1-{i}.png" for i in range(COUNT)), "damaged.png"])
    *early, last, evaluated = start.grown
    assert (len(early) >= 1, last, evaluated) == (True, COUNT, "evaluated 2")


def test_reading_stops_and_goes_on(start, engine, monkeypatch):
    monkeypatch.setattr("soart.pipelines.ingest.sync._WRITE", 4)
    engine.most = 20
    job = start.read()
    engine.open.set()
    while len(engine.names) < 20:
        assert not job.wait(0.02)
    job.cancel()
    engine.most = 10**6
    engine.open.set()
    assert job.wait(240)
    assert job.state == CANCELLED
    assert not start.state().live
    read = len(engine.names)
    assert start.read().wait(240)
    assert start.state().pictures == COUNT
    # What was stored, all but the last batches, is not opened again.
    assert len(engine.names) - read <= COUNT + 1 - 12


def test_a_folder_without_pictures_is_said(start, engine, unread):
    for path in unread[0].iterdir():
        path.unlink()
    engine.open.set()
    assert start.read().wait(240)
    assert start.job.state == FAILED
    assert "no picture" in start.state().failed.lower()


def test_the_best_are_copied_and_the_copies_undone(start, unread, tmp_path):
    folder, collection = unread
    add_first_pictures(collection, Scan([folder]), 9, np.random.default_rng(1))
    best = collection.ids()[5:8]
    paths = [collection.locate(row) for row in (collection.images()[i] for i in (5, 6, 7))]
    copies, name = start.copy([*best, 10**9])
    target = tmp_path / "best"
    names = [f"{place} {path.name}" for place, path in enumerate(paths, 1)]
    assert (copies.count, sorted(path.name for path in target.iterdir())) == (3, names)
    assert (target / names[0]).read_bytes() == paths[0].read_bytes()
    # A second time there is nothing new, and nothing to undo.
    assert start.copy(best)[1] == ""
    # A copy that was changed since stays.
    (target / names[1]).write_bytes(b"mine")
    done, problems = start.undo_copy(name)
    assert (done, len(problems), [path.name for path in target.iterdir()]) == (2, 1, names[1:2])
    (target / names[1]).unlink()
    with pytest.raises(CollectionError, match="nothing to undo"):
        start.undo_copy("../../x.jsonl")
    copies, name = start.copy(best)
    assert start.undo_copy(name) == (3, [])
    assert not target.exists()
    with pytest.raises(CollectionError, match="nothing to undo"):
        start.undo_copy(name)
    assert all(path.exists() for path in paths)


def test_copies_are_kept_apart_from_what_is_read(start, unread):
    add_first_pictures(unread[1], Scan([unread[0]]), 2, np.random.default_rng(1))
    start.target = unread[0] / "best"
    with pytest.raises(CollectionError, match="choose a folder elsewhere"):
        start.copy(unread[1].ids()[:2])
    assert not start.target.exists()


@pytest.mark.parametrize("count", [0, 5, 200])
def test_first_pictures_are_random_and_sound(unread, count):
    folder, collection = unread
    added = []
    chosen = add_first_pictures(
        collection, Scan([folder]), count, np.random.default_rng(3), lambda: added.append(len(collection.ids()))
    )
    assert chosen == len(added) == len(collection.ids()) == min(count, COUNT)
    assert added == sorted(added)
    names = [collection.locate(row).name for row in collection.images()]
    assert count != 5 or names != sorted(names)
    # Nothing is measured yet, so the scan reads them all the same.
    with collection.session("be read") as session:
        assert session.execute(select(func.count()).select_from(ItemsRow)).scalar() == 0
