"""Pictures that the service of evaluation moves away and brings back, on real files."""

import json
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from specimens.evaluating import finish
from specimens.scanning import Here

from soart.errors import CollectionError, SoartError, TasteError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.counts import count_collection
from soart.pipelines.collection.png import NOTE_AT, note_chunk
from soart.pipelines.collection.queries import Query, order
from soart.pipelines.collection.ratings import rate, ratings
from soart.pipelines.collection.tables import AWAY, ImageRow
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.evaluation import KEY, EvaluationService
from soart.pipelines.services.rating import RatingService
from soart.pipelines.support.background import CANCELLED, FAILED, Jobs
from soart.pipelines.tidying.cull import Rule
from soart.pipelines.tidying.moved_away import mark_moved
from soart.pipelines.tuning.study import Study, Trial


def contents(folder):
    """Every file below with its content and time, but for databases and thumbnails."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "soart.db" not in path.name and "thumbs" not in path.parts
    }


def rows(collection):
    """All tables of pictures as they are, without what each scan counts up."""
    with sqlite3.connect(collection.folder / "soart.db") as base:
        return {
            table: base.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()
            for table, columns in {
                "images": "id, path, problem, sha256", "ratings": "*", "scores": "*", "items": "*", "metadata": "*",
                "files": "id, path, size, image_id, problem, missing_since",
            }.items()
        }  # fmt: skip


def move(service, rule):
    plan = service.plan(rule)
    return plan, finish(service, service.move(rule, plan.digest)[0])


def test_moved_pictures_are_away_everywhere_and_undo_restores_exactly_what_was_there(
    service, open_service, collection, tmp_path
):
    folder = tmp_path / "more"
    folder.mkdir()
    for k in range(4):
        Image.fromarray(np.random.default_rng(k).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(
            folder / f"{k}.png"
        )
        (folder / f"{k}.txt").write_text(f"strange {k}")
    (folder / "sub").mkdir()
    (folder / "sub" / "copy.png").write_bytes((folder / "2.png").read_bytes())
    rate(collection, "ann", {number: 1 + number % 5 for number in range(1, 19)})
    finish(service, service.evaluate("", [folder]))
    before = contents(collection.folder), contents(folder), rows(collection)
    rule = Rule(duplicates=True, worst=85)
    evaluation = service.result.evaluation
    low = set(
        evaluation.ids[np.argsort(evaluation.standing, kind="stable")[: int(0.85 * len(evaluation.ids))]].tolist()
    )
    plan, said = move(service, rule)
    assert said.startswith(f"{len(plan.moves)} files moved away.")
    moved = {move.image for move in plan.moves}
    # Pictures 5 and 6 are the ones to keep; where one goes for its score, its better near-duplicate stays.
    assert low & {5, 6}
    assert [{large, small} & moved for large, small in ((5, 17), (6, 18))] == [
        {large, small} & low or {small} for large, small in ((5, 17), (6, 18))
    ]
    assert {one.source.is_relative_to(folder) for one in plan.moves} == {True, False}
    for one in plan.moves:
        assert not one.source.exists()
        assert one.target.is_file()
        assert one.target.is_relative_to(collection.folder / "culled")
    away = {row.id for row in collection.images() if row.problem == AWAY}
    # The copy that stays keeps its picture here.
    assert away == {image for image in moved if image not in service.result.evaluation.place}
    assert not set(service.result.evaluation.ids.tolist()) & away
    assert count_collection(collection).away == len(away)
    assert count_collection(collection).pictures == 23 - len(away)
    assert count_collection(collection).problems == 1
    assert set(order(collection, Query(), "ann")) == {row.id for row in collection.images()} - away
    assert not set(collection.ids()) & away
    assert len(ratings(collection, "ann")) == 18
    (undo,) = service.undo_files()
    assert sum(undo.reasons.values()) == len(plan.moves)
    # A restarted server knows as much.
    again = open_service()
    again.recall()
    finish(again, again.job)
    assert again.result.evaluation.packed() == service.result.evaluation.packed()
    assert {row.id for row in collection.images() if row.problem == AWAY} == away
    finish(again, again.undo_move(undo.name))
    after = contents(collection.folder), contents(folder), rows(collection)
    assert after == before
    assert again.undo_files() == []
    assert len(again.result.evaluation.ids) == 22
    assert count_collection(collection).away == 0


def test_moved_pictures_still_teach(service, collection, process):
    rate(collection, "ann", {number: 5 if number % 2 else 1 for number in range(1, 19)})
    rater = RatingService(collection, service.tastes, service.jobs, "ann", process)
    finish(rater, rater.learn_now())
    known = len(service.tastes.load("ann").examples)
    move(service, Rule(worst=50))
    finish(rater, rater.learn_now())
    assert len(service.tastes.load("ann").examples) == known == 18
    assert not {row.id for row in rater.queue(20)} - set(collection.ids())


def test_a_plan_that_is_out_of_date_is_refused(service, collection):
    rule = Rule(duplicates=True)
    plan = service.plan(rule)
    service.keep(17)
    with pytest.raises(CollectionError, match="reload it"):
        service.move(rule, plan.digest)
    nothing = Rule(below=-1e9)
    with pytest.raises(CollectionError, match="reload it"):
        service.move(nothing, service.plan(nothing).digest)
    assert not (collection.folder / "culled").exists()


def test_moving_every_picture_is_reported_and_undone(service, collection):
    rule = Rule(below=1e9)
    said = finish(service, service.move(rule, service.plan(rule).digest)[0], FAILED)
    assert said.startswith("18 files moved away.")
    assert service.result is None
    assert count_collection(collection).pictures == 1
    finish(service, service.undo_move(service.undo_files()[0].name))
    assert len(service.result.evaluation.ids) == 18


def test_one_thing_at_a_time(service):
    plan = service.plan(Rule(duplicates=True))
    with service._lock:
        service.jobs.start(KEY, "Holding", lambda job: job._cancelled.wait(240))
        for act in (service.evaluate, lambda: service.move(Rule(duplicates=True), plan.digest)):
            with pytest.raises(SoartError, match="wait until"):
                act()
    service.job.cancel()


def test_a_cancelled_cull_stops_and_can_be_undone(service, collection, monkeypatch):
    before = contents(collection.folder), rows(collection)
    rule = Rule(worst=50)
    plan = service.plan(rule)
    done = []
    real = os.fsync

    def cancel_at_the_third(stream):
        done.append(stream)
        if len(done) == 3:
            service.job.cancel()
        real(stream)

    monkeypatch.setattr("soart.pipelines.tidying.journal.os.fsync", cancel_at_the_third)
    finish(service, service.move(rule, plan.digest)[0], CANCELLED)
    assert count_collection(collection).away == 3
    assert service.result is None
    service.recall()
    finish(service, service.job)
    assert len(service.result.evaluation.ids) == 15
    finish(service, service.undo_move(service.undo_files()[0].name))
    assert (contents(collection.folder), rows(collection)) == before


def test_a_move_whose_evaluation_fails_tells_that_files_were_moved(service, monkeypatch):
    rule = Rule(duplicates=True)
    plan = service.plan(rule)

    def fail(job, roots):
        raise TasteError("The taste is gone.")

    monkeypatch.setattr(service, "run", fail)
    message = finish(service, service.move(rule, plan.digest)[0], FAILED)
    assert message == f"{len(plan.moves)} files moved away. The taste is gone."


def test_a_cull_that_was_killed_before_it_was_recorded_is_made_good(service, open_service, collection, monkeypatch):
    rule = Rule(duplicates=True)
    monkeypatch.setattr("soart.pipelines.services.evaluation.mark_moved", lambda collection: 1 / 0)
    finish(service, service.move(rule, service.plan(rule).digest)[0], FAILED)
    assert count_collection(collection).away == 0
    monkeypatch.undo()
    again = open_service()
    again.recall()
    finish(again, again.job)
    assert count_collection(collection).away == 2
    # Moved back by hand, without the undo file.
    for path in (collection.folder / "culled" / "duplicates").iterdir():
        path.rename(collection.folder / "images" / path.name)
    finish(again, again.evaluate())
    assert count_collection(collection).away == 0
    assert len(again.result.evaluation.ids) == 18


def test_other_problems_stay_and_what_cannot_come_back_is_reported(service, collection):
    failed = 19
    _, _ = move(service, Rule(duplicates=True))
    (undo,) = service.undo_files()
    first, second = sorted((collection.folder / "culled" / "duplicates").iterdir())
    first.unlink()
    said = finish(service, service.undo_move(undo.name))
    assert "1 file brought back." in said
    assert "is gone" in said
    by_id = {row.id: row.problem for row in collection.images()}
    assert by_id[failed] == "all black"
    assert sorted(str(problem) for problem in by_id.values() if problem) == ["all black", AWAY]
    assert service.undo_files()[0].reasons == {"duplicates": 1}
    assert (collection.folder / "images" / second.name).is_file()
    # The failed picture's file was never part of it, and is no reason to mark anything.
    assert mark_moved(collection) is False


def test_another_picture_at_the_old_place_is_not_taken_for_the_moved_one(service, collection, tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    place = folder / "strange.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(place)
    finish(service, service.evaluate("", [folder]))
    plan, _ = move(service, Rule(worst=99))
    assert place in {one.source for one in plan.moves}
    Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(place)
    finish(service, service.evaluate())
    strange = next(one.image for one in plan.moves if one.source == place)
    assert next(row for row in collection.images() if row.id == strange).problem == AWAY
    assert "is another file now" in finish(service, service.undo_move(service.undo_files()[0].name))


def test_annotated_pictures_come_back(service, collection):
    finish(service, service.evaluate())
    files = [path for path in (collection.folder / "images").iterdir() if path.suffix == ".png"]
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[:NOTE_AT] + note_chunk("{}") + content[NOTE_AT:])
    move(service, Rule(duplicates=True))
    assert count_collection(collection).away == 2
    finish(service, service.undo_move(service.undo_files()[0].name))
    assert count_collection(collection).away == 0


def test_strangers_undo_files_are_not_carried_out(service, collection, tmp_path):
    undo, culled = collection.folder / "undo", collection.folder / "culled"
    undo.mkdir()
    (culled / "x").mkdir(parents=True)
    (culled / "x" / "evil.png").write_bytes(b"evil")
    (tmp_path / "secret.txt").write_text("secret")
    images = collection.folder / "images"
    entries = [
        {"moved": str(tmp_path / ".bashrc"), "to": str(culled / "x" / "evil.png")},
        {"moved": str(images / "a.png"), "to": str(tmp_path / "secret.png")},
        {"moved": str(images / "a.png"), "to": f"{culled}/../../secret.png"},
        {"moved": "a.png", "to": str(culled / "x" / "evil.png")},
        {"moved": 3, "to": None},
        {"written": str(tmp_path / "secret.txt"), "old": None, "before": "", "after": ""},
        {"undone": [[]]},
    ]
    for number, entry in enumerate(entries[:-1]):
        (undo / f"{number}.jsonl").write_text(json.dumps(entry) + "\n")
    (undo / "7.jsonl").write_text("junk")
    (undo / "8.jsonl").write_text("[1]\n")
    (undo / "9.jsonl").write_bytes(b"\xff\xfe")
    found = service.undo_files()
    assert len(found) == 9
    assert all(one.problem for one in found)
    for one in found:
        with pytest.raises(CollectionError, match="undo"):
            service.undo_move(one.name)
    for name in ("../soart.db", "/etc/passwd", "", "undo/0.jsonl"):
        with pytest.raises(CollectionError, match="nothing to undo"):
            service.undo_move(name)
    assert (tmp_path / "secret.txt").read_text() == "secret"
    assert mark_moved(collection) is False
    assert not (tmp_path / ".bashrc").exists()


def test_a_folder_that_holds_the_collection_does_not_bring_back_what_was_moved(service, collection):
    move(service, Rule(duplicates=True))
    finish(service, service.evaluate("", [collection.folder.parent]))
    assert count_collection(collection).away == 2
    assert len(service.result.evaluation.ids) == 16
    assert all(not Path(row.path).is_relative_to(collection.folder / "culled") for row in collection.images())


def test_moved_pictures_still_count_in_a_tune():
    problems = (None, AWAY, "all black")
    rows = [
        ImageRow(id=number, sha256=str(number), path="", problem=problem) for number, problem in enumerate(problems)
    ]
    asked = [Trial(number, 0, (0,), "", number, str(number), row) for number, row in enumerate(rows)]
    assert [one.number for one in Study(own=asked).drawn] == [0, 1]


def test_both_databases_move_and_bring_back(where, tmp_path, make_drawn):
    with Collection(where) as collection:
        collection.add_drawn([make_drawn(seed, size=40) for seed in range(8)], "m", "s")
        service = EvaluationService(
            collection, CollectionTastes(collection, TasteStore(tmp_path / "user")), Jobs(), Here()
        )
        finish(service, service.evaluate())
        move(service, Rule(worst=50))
        assert count_collection(collection).away == 4
        assert len(order(collection, Query(), "ann")) == len(service.result.evaluation.ids) == 4
        finish(service, service.undo_move(service.undo_files()[0].name))
        assert count_collection(collection).away == 0
        assert len(service.result.evaluation.ids) == 8


def test_selected_pictures_are_moved_without_an_evaluation_and_come_back(open_service, collection, tmp_path, paint):
    drawn = collection.images()[0]
    path = next(paint(tmp_path / "found", 1, 3, vivid=True).iterdir())
    path.with_suffix(".txt").write_text("a caption")
    added, _ = collection.add_file(path)
    before = contents(collection.folder)
    service = open_service()
    job, name = service.move_pictures([added.id, drawn.id, drawn.id])
    assert finish(service, job) == "2 files moved away."
    assert service.result is None
    assert not path.exists()
    assert not path.with_suffix(".txt").exists()
    assert not {added.id, drawn.id} & set(order(collection, Query(), "ann"))
    assert count_collection(collection).away == 2
    assert service.undo_files()[0].name == name
    assert service.undo_files()[0].reasons == {"selected": 2}
    finish(service, service.undo_move(name))
    assert {added.id, drawn.id} <= set(order(collection, Query(), "ann"))
    assert path.with_suffix(".txt").read_text() == "a caption"
    assert contents(collection.folder) == before
    with pytest.raises(CollectionError, match="nothing to move away"):
        service.move_pictures([999])


def test_selected_pictures_of_a_folder_that_became_a_link_stay(open_service, collection, tmp_path, paint):
    path = next(paint(tmp_path / "found", 1, 3, vivid=True).iterdir())
    row, _ = collection.add_file(path)
    service = open_service()
    service.allowed = [tmp_path.resolve() / "found", collection.folder.resolve()]
    path.parent.rename(tmp_path / "elsewhere")
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CollectionError, match="may not read the folder"):
        service.move_pictures([row.id])


def test_moves_that_another_user_recorded_are_not_offered(service, collection):
    move(service, Rule(duplicates=True))
    (file,) = service.undo_files()
    path = collection.folder / "undo" / file.name
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**line, "signed": "0" * 64}) + "\n" for line in lines))
    (one,) = service.undo_files()
    assert (
        one.problem == f"{file.name!r} was not recorded by you with this soart: soart undo lists its changes and asks."
    )
    with pytest.raises(CollectionError, match="was not recorded by you"):
        service.undo_move(file.name)
