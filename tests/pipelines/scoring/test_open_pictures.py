"""What is measured of files and folders is remembered, in the user's data folder."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from specimens.rights import enterable_folder, unwritable
from specimens.scanning import Here, settle

from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.items.combined import CombinedExtractor, ItemKind, default_network, taste_extractor
from soart.metrics.protocols import Measures
from soart.metrics.tastes.overall import OverallJudge
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.files import last_scan_number, likeness_to_copy
from soart.pipelines.collection.tables import AWAY, ImageRow
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest import lookup
from soart.pipelines.ingest.inspection import MeasuredFile, inspect_file
from soart.pipelines.ingest.roots import open_collection_for
from soart.pipelines.ingest.scan import Scan, find_pictures
from soart.pipelines.ingest.sync import sync
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.ranking import rank
from soart.pipelines.scoring.makings import prompts_of
from soart.pipelines.scoring.measuring import import_pictures, open_pictures, stored_items
from soart.pipelines.scoring.pictures import StoredPictures
from soart.training.captions import Scene
from soart.training.render import render

needs_network = pytest.mark.skipif(default_network() is None, reason="needs the packaged network")


def draw(path, number):
    subject = ("boat", "fox", "owl", "house")[number % 4]
    Image.fromarray(render(Scene(subject, "warm", "flat", "sharp"), np.random.default_rng(number))).save(path)
    settle(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "art" / "inner").mkdir(parents=True)
    for i, name in enumerate(("a.png", "b.png", "inner/c.png", "d.png")):
        draw(tmp_path / "art" / name, i)
    return tmp_path / "art"


@pytest.fixture
def inspected(monkeypatch):
    """Names of the files that are inspected."""
    names = []

    def inspect(file, kinds):
        names.append(Path(file).name)
        return inspect_file(file, kinds)

    monkeypatch.setattr(lookup, "inspect_file", inspect)
    return names


def seen(ranking):
    """What a user sees of a ranking; sums of other batches differ in the last digits."""
    return [
        (
            one.path,
            round(one.score, 9),
            one.percentile,
            [(r.text, round(r.contribution, 9)) for r in one.reasons],
            one.verdict,
        )
        for one in ranking
    ]


def shown(paths, judge=None):
    """The ranking as a user sees it, and the sentences."""
    judge = judge or TechnicalJudge.load()
    collection, rows, problems = open_pictures(paths, judge)
    with collection:
        ranking, left_out = rank(StoredPictures(collection, rows), [(guarded(judge), 1.0)])
    return seen(ranking), problems + left_out


def in_memory(folder, judge):
    with Collection(None) as collection:
        files = sorted(find_pictures([folder])[0], key=likeness_to_copy)
        rows, problems = import_pictures(collection, files, judge)
        ranking, left_out = rank(StoredPictures(collection, rows), [(guarded(judge), 1.0)])
    return seen(ranking), problems + left_out


@pytest.mark.parametrize("judge_class", [TechnicalJudge, pytest.param(OverallJudge, marks=needs_network)])
def test_a_second_ranking_measures_nothing_and_is_that_of_a_collection_in_memory(folder, inspected, judge_class):
    judge = judge_class.load()
    first = shown([folder], judge)
    assert sorted(inspected) == ["a.png", "b.png", "c.png", "d.png"]
    assert shown([folder], judge) == first == in_memory(folder, judge)
    assert len(inspected) == 4
    assert sorted(path.name for path in folder.rglob("*")) == ["a.png", "b.png", "c.png", "d.png", "inner"]


def test_new_changed_moved_and_lost_files_are_noticed(folder, inspected):
    shown([folder])
    (folder / "a.png").rename(folder / "inner" / "moved.png")
    (folder / "b.png").unlink()
    draw(folder / "d.png", 8)
    draw(folder / "new.png", 9)
    (folder / "broken.png").write_bytes(b"no picture")
    settle(folder / "broken.png")
    (folder / "twin.png").write_bytes((folder / "d.png").read_bytes())
    inspected.clear()
    found, problems = shown([folder])
    assert {path.name for path, *_ in found} == {"moved.png", "c.png", "d.png", "new.png"}
    assert sorted(inspected) == ["broken.png", "d.png", "new.png", "twin.png"]
    assert sorted(text.split("'")[1].rsplit("/", 1)[1] for text in problems) == ["broken.png", "twin.png"]
    assert (found, problems) == in_memory(folder, TechnicalJudge.load())
    inspected.clear()
    assert shown([folder]) == (found, problems)
    assert inspected == []


def test_a_single_file_belongs_to_its_folder_and_files_of_several_folders_work(folder, inspected):
    shown([folder / "a.png"])
    assert inspected == ["a.png"]
    shown([folder])
    assert sorted(inspected[1:]) == ["b.png", "c.png", "d.png"]
    inspected.clear()
    assert [path.name for path, *_ in shown([folder / "b.png"])[0]] == ["b.png"]
    assert inspected == []
    several, problems = shown([folder / "a.png", folder / "inner" / "c.png", folder / "inner"])
    assert {path.name for path, *_ in several} == {"a.png", "c.png"}
    assert problems == []


def test_relative_names_stay_as_the_user_wrote_them(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder / "broken.png").write_bytes(b"no picture")
    for _ in range(2):
        assert [text.split("'")[1] for text in shown(["art"])[1]] == ["art/broken.png"]
        assert [text.split("'")[1] for text in shown([Path("art/broken.png")])[1]] == ["art/broken.png"]


@needs_network
def test_ranking_and_evaluation_measure_nothing_that_the_other_has_measured(folder, inspected, monkeypatch):
    judge, engine = OverallJudge.load(), Here()

    def evaluated(by):
        store, roots = open_collection_for([str(folder)])
        with store:
            return sync_and_evaluate(store, Scan(roots), engine, by)

    assert len(evaluated("technical").evaluation.ids) == len(engine.seen) == 4
    # Ranked after an evaluation by the technical score, pictures need the items of the network alone.
    extract = CombinedExtractor.extract
    monkeypatch.setattr(CombinedExtractor, "extract", lambda *_: pytest.fail("an item was measured again"))
    ranking, problems = shown([folder], judge)
    assert problems == []
    assert (len(ranking), len(inspected)) == (4, 4)
    result = evaluated([judge])
    assert len(engine.seen) == 4
    assert result.update.problems == []
    monkeypatch.setattr(CombinedExtractor, "extract", extract)
    assert ranking == in_memory(folder, judge)[0]
    best = max(result.evaluation.scores[judge.stored_name])
    assert best == pytest.approx(ranking[0][1])


@needs_network
@pytest.mark.parametrize("in_collection", [False, True])
def test_what_tastes_have_measured_is_used_and_nima_alone_is_added(folder, monkeypatch, in_collection):
    judge = OverallJudge.load()
    store, rows, _ = open_pictures([folder], Measures(taste_extractor(default_network())))
    with store:
        monkeypatch.setattr(CombinedExtractor, "extend", lambda *_: pytest.fail("an item was measured again"))
        if in_collection:
            items = StoredPictures(store, rows).items(judge.extractor)
            assert set(map(len, map(store.item_versions, [row.id for row in rows]))) == {3}
            assert list(stored_items(store, judge.extractor, [rows[0].id])[rows[0].id]) == items[0].tolist()
    ranking, problems = shown([folder], judge)
    assert (len(ranking), problems) == (4, [])


@needs_network
def test_an_evaluation_by_a_network_uses_the_items_that_are_stored(folder, tmp_path, monkeypatch):
    kind = ItemKind(taste_extractor(default_network()).version, default_network())
    with Collection(tmp_path / "store") as store, Collection(tmp_path / "fresh") as fresh:
        sync(fresh, Scan([folder]), Here(), [None, kind])
        sync(store, Scan([folder]), Here())
        monkeypatch.setattr(CombinedExtractor, "extract", lambda *_: pytest.fail("an item was measured again"))
        assert sync(store, Scan([folder]), Here(), [None, kind]).problems == []
        expected = {row.sha256: fresh.items(kind.version, [row.id])[row.id] for row in fresh.images()}
        found = {row.sha256: store.items(kind.version, [row.id])[row.id] for row in store.images()}
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[digest], expected[digest]) for digest in expected)


def test_stored_items_of_other_content_are_not_used(folder):
    path = str(folder / "a.png")
    [(version, items)] = inspect_file(path).items
    wrong = MeasuredFile(path, "0" * 64, ((version, bytes(len(items))),))
    assert inspect_file(wrong).items == ((version, items),)


def test_texts_beside_pictures_that_change_are_read_again(folder):
    def prompts():
        collection, rows, _ = open_pictures([folder], TechnicalJudge.load())
        with collection:
            return {
                Path(row.path).name: prompt for row in rows if (prompt := prompts_of(collection, [row]).get(row.id))
            }

    (folder / "a.txt").write_text("a red boat")
    assert prompts() == {"a.png": "a red boat"}
    (folder / "a.txt").write_text("a blue boat")
    (folder / "inner" / "c.txt").write_text("a fox")
    assert prompts() == {"a.png": "a blue boat", "c.png": "a fox"}


def test_ranking_disturbs_no_scan_and_brings_moved_pictures_back(folder):
    store, roots = open_collection_for([str(folder)])
    with store:
        scan = sync(store, Scan(roots), Here()).scan_number
        with store.session("be written", write=True) as session:
            session.get(ImageRow, 1).problem = AWAY
    draw(folder / "new.png", 7)
    assert len(shown([folder])[0]) == 5
    with open_collection_for([str(folder)])[0] as store:
        assert last_scan_number(store) == scan
        assert store.images()[0].problem == AWAY
        assert sync(store, Scan(roots), Here()).found == 5


def test_a_folder_that_was_only_ranked_has_no_scan(folder):
    shown([folder])
    with open_collection_for([str(folder)])[0] as store:
        assert len(store.images()) == 4
        assert last_scan_number(store) is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs rights of POSIX")
def test_a_data_folder_that_cannot_be_written_is_no_obstacle(monkeypatch):
    with enterable_folder() as place:
        monkeypatch.setenv("XDG_DATA_HOME", str(place / "home"))
        (place / "art").mkdir()
        for i, name in enumerate(("a.png", "b.png")):
            draw(place / "art" / name, i)
        with unwritable(place):
            expected, problems = shown([place / "art"])
            assert {path.name for path, *_ in expected} == {"a.png", "b.png"}
            assert "not kept for the next time" in problems[-1]
            assert str(place / "home") in problems[-1]
        assert shown([place / "art" / "a.png"])[1] == []
        [collection] = (place / "home" / "soart" / "collections").iterdir()
        with unwritable(collection):
            found, problems = shown([place / "art"])
            assert found == expected
            assert "is read-only" in problems[-1]
            assert shown([place / "art" / "a.png"])[1] == []
        assert shown([place / "art"]) == (expected, [])


#: Ranks a folder by the technical score; prints names and scores, and sentences.
RANK = """
import resource, sys
from soart.pipelines.judges.finding import judges_for, measurer_of
from soart.pipelines.judges.ranking import rank
from soart.pipelines.scoring.measuring import open_pictures
from soart.pipelines.scoring.pictures import StoredPictures
if len(sys.argv) > 2:
    # As a full disk does, this lets no file grow.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
judges = judges_for("technical")
collection, rows, problems = open_pictures([sys.argv[1]], measurer_of(judges))
with collection:
    ranking, left_out = rank(StoredPictures(collection, rows), judges)
print([(one.path.name, round(one.score, 9)) for one in ranking])
print(problems + left_out)
"""


def started(folder, *options):
    command = [sys.executable, "-c", RANK, str(folder), *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_a_full_data_folder_is_no_obstacle(folder):
    run = started(folder, 100_000)
    out, err = run.communicate(timeout=240)
    assert run.returncode == 0, err
    ranking, problems = out.splitlines()
    assert ranking == str([(path.name, score) for path, score, *_ in shown([folder])[0]])
    assert "not kept for the next time" in problems


def test_two_processes_may_rank_a_folder_at_once(folder):
    runs = [started(folder) for _ in range(2)]
    outputs = [run.communicate(timeout=240) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    expected = [(path.name, score) for path, score, *_ in shown([folder])[0]]
    assert {out for out, _ in outputs} == {f"{expected}\n[]\n"}
    with open_collection_for([str(folder)])[0] as store:
        assert len(store.images()) == 4
