import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from specimens.scanning import Here
from specimens.ugly import encoded, picture, write_ugly
from sqlalchemy import update

from soart.errors import CollectionError
from soart.metrics.damage.technical import DETECTORS, TechnicalJudge
from soart.metrics.damage.titles import stored_title
from soart.metrics.image import read_image
from soart.metrics.similarity.near_duplicates import alike, views
from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.damage import suspected
from soart.pipelines.collection.files import first_paths
from soart.pipelines.collection.tables import FingerprintRow
from soart.pipelines.evaluation import evaluate as module
from soart.pipelines.evaluation import summary as summary_module
from soart.pipelines.evaluation.contrast import contrast
from soart.pipelines.evaluation.evaluate import evaluate
from soart.pipelines.evaluation.export import export_evaluation
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.near_duplicates import best_of_groups, keeping_order
from soart.pipelines.evaluation.records import records
from soart.pipelines.evaluation.result import Evaluation
from soart.pipelines.evaluation.summary import best_and_worst, near_duplicates_left, summarise
from soart.pipelines.ingest.default_places import default_collection_path
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.roots import known_roots, open_collection_for, title_of_collection
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync
from soart.pipelines.reports.charts import histogram_chart
from soart.pipelines.reports.evaluation import render_evaluation


def name_of(found, row):
    image = int(found.evaluation.ids[row])
    return first_paths(found.collection, found.update.scan_number, [image])[image].rsplit("/", 1)[1]


def test_what_was_planted_is_found(found):
    e = found.evaluation
    names = {row: name_of(found, row) for row in range(len(e.ids))}
    assert len(e.ids) == 42
    (group,) = ({names[row] for row in np.flatnonzero(e.group == g)} for g in range(e.group.max() + 1))
    assert group == {"04.png", "small.png"}
    assert [names[row] for row in np.flatnonzero(e.best)] == ["04.png"]
    assert "strange.png" in {names[row] for row in np.flatnonzero(e.outlier)}
    sharp = [row for row, name in names.items() if name[:2].isdigit() and int(name[:2]) % 2 == 0]
    soft = [row for row, name in names.items() if name[:2].isdigit() and int(name[:2]) % 2]
    scores = e.scores[e.main]
    assert np.median(scores[sharp]) > np.median(scores[soft])
    word = next(one for one in e.associations if one.value == "soft")
    assert word.high < 0
    assert word.q < 0.05
    blurred = {names[row] for row in range(len(e.ids)) if e.damage_name(row) == "blur"}
    assert len(blurred & {names[row] for row in soft}) > 10
    assert not blurred & {names[row] for row in sharp}
    stored = suspected(found.collection)
    assert {names[row]: e.damage_name(row) for row in range(len(e.ids)) if e.damage[row] >= 0} == {
        names[row]: stored[i] for row, i in enumerate(e.ids.tolist()) if i in stored
    }


def test_summary_counts_agree(found):
    e, summary = found.evaluation, summarise(found, 5)
    assert (summary.files, summary.copies, summary.spare) == (43, 1, 1)
    assert "and 1 exact copy<" in render_evaluation(found)
    assert len(summary.best) == 5
    assert summary.best[0].score == e.scores[e.main].max()
    # Of the two near-duplicates one is listed, for both.
    listed = {Path(picture.path).name: picture.others for picture in summarise(found, 42).best}
    assert len(listed) == 41
    assert [others for others in listed.values() if others] == ["and 1 more like it"]
    assert len({"04.png", "small.png"} & listed.keys()) == 1
    assert sum(summary.damage.values()) == (e.damage >= 0).sum()
    assert [part.name for part in summary.contents["sizes"]][:1] == ["96 × 96"]
    kinds = [(one.kind, len(one.pictures)) for one in summary.decisions]
    assert len(kinds) == 20
    assert (kinds, {*kinds}) == (sorted(kinds), {("damaged", 1), ("duplicates", 2), ("unusual", 1)})
    pair = next(one for one in summary.decisions if one.kind == "duplicates")
    assert (Path(pair.pictures[0].path).name, pair.moved) == ("04.png", [pair.pictures[1].id])
    assert pair.command.endswith("small.png --duplicates --to culled")
    assert "not a picture" in found.update.problems[0]


def test_the_best_are_few_of_one_prompt(found, monkeypatch):
    same = [picture.id for picture in summarise(found, 5).best]
    monkeypatch.setattr(summary_module, "known_prompts", lambda collection, ids: dict.fromkeys(same, "a prompt"))
    best = summarise(found, 5).best
    assert 1 < len({picture.id for picture in best} & {*same}) < 5
    assert sum(picture.alike for picture in best) > 0


def test_lists_of_the_best_and_the_worst_hold_one_of_near_duplicates():
    group = np.array([-1, 0, 0, -1, 1, 1, 0, -1])
    order = np.arange(8)
    assert [rows.tolist() for rows in best_and_worst(group, order, 2, 2)] == [[0, 1], [7, 5]]
    assert [rows.tolist() for rows in best_and_worst(group, order, 8, 8)] == [[0, 1, 3, 4, 7], []]
    assert [rows.tolist() for rows in best_and_worst(group, order[::-1], 1, 3)] == [[7], [0, 1, 3]]
    assert near_duplicates_left(group, order) == {1: 2, 2: 2, 4: 1, 5: 1, 6: 2}
    # Those that are not in the order do not count.
    assert near_duplicates_left(group, order[:5]) == {1: 1, 2: 1}
    assert [rows.tolist() for rows in best_and_worst(group, order[:0], 3, 3)] == [[], []]
    assert near_duplicates_left(group, order[:0]) == {}


def test_the_same_pictures_are_evaluated_once(found, monkeypatch):
    monkeypatch.setattr(module, "_evaluate", None)
    again = evaluate(found.collection, found.update.scan_number, found.judged.main, found.judged.scores)
    assert again.packed() == found.evaluation.packed()


def test_evaluations_survive_packing(found):
    e, copy = found.evaluation, Evaluation.unpacked(found.evaluation.packed())
    for name in ("ids", "distance", "damage", "group", "best", "faces"):
        assert np.array_equal(getattr(e, name), getattr(copy, name))
    assert (copy.associations, copy.trends, copy.parts) == (e.associations, e.trends, e.parts)
    assert copy.scores.keys() == e.scores.keys()


def test_blocks_and_ids_do_not_matter(found, art, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 7)
    with Collection(tmp_path / "c") as collection:
        # The last ones first, so that ids are others.
        sync(collection, Scan([art], ["[2-9]*"]), Here())
        other = sync_and_evaluate(collection, Scan([art]), Here(), "technical")
        rows = list(records(collection, other.update.scan_number, other.evaluation))
    expected = list(records(found.collection, found.update.scan_number, found.evaluation))
    assert rows == expected


def test_both_databases_say_the_same(found, art, where):
    with Collection(where) as collection:
        other = sync_and_evaluate(collection, Scan([art]), LocalEngine(2), "technical")
        rows = list(records(collection, other.update.scan_number, other.evaluation))
        again = evaluate(collection, other.update.scan_number, other.judged.main, other.judged.scores)
        assert again.packed() == other.evaluation.packed()
        assert sync_and_evaluate(collection, Scan([art]), Here(), "technical").update.looked <= 1
    expected = list(records(found.collection, found.update.scan_number, found.evaluation))
    assert sorted(rows, key=lambda row: row["path"]) == expected
    assert [one.value for one in other.evaluation.associations] == [one.value for one in found.evaluation.associations]


def test_nothing_could_go_that_is_not_near_the_picture_that_stays(tmp_path, scene):
    """A chain of pictures, each near the next: single linkage made one group of it."""
    first, last = (np.asarray(scene(k), float) for k in (0, 2))
    for k, share in enumerate(np.linspace(0, 1, 24)):
        Image.fromarray((first + (last - first) * share).astype(np.uint8)).save(tmp_path / f"{k:02}.png")
    for k, palette in enumerate([(0, 1, 2), (2, 0, 1), (1, 2, 0)]):
        Image.fromarray(np.asarray(scene(4))[:, :, palette]).save(tmp_path / f"palette{k}.png")
    with Collection(None) as collection:
        found = sync_and_evaluate(collection, Scan([tmp_path]), Here(), "technical")
        e = found.evaluation
        seen = {name_of(found, row): views(read_image(tmp_path / name_of(found, row)).pixels) for row in range(27)}
        names = np.array([name_of(found, row) for row in range(27)])
    assert not any(name.startswith("palette") for name in names[e.group >= 0])
    assert e.group.max() >= 2
    for number in range(e.group.max() + 1):
        keeper = names[(e.group == number) & e.best].item()
        others = names[(e.group == number) & ~e.best]
        assert alike(seen[keeper], np.stack([seen[name] for name in others])).all()


def test_scores_are_stored_for_others_to_use(found):
    e = found.evaluation
    stored = found.collection.scores(e.main)
    assert [stored[i] for i in e.ids.tolist()] == e.scores[e.main].tolist()
    assert set(e.scores) == {
        TechnicalJudge.load().stored_name,
        *(TechnicalJudge.detector(d).stored_name for d in DETECTORS),
    }


def test_two_collections_are_compared(found, art, scene, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for k in range(20):
        scene(100 + k).convert("L").save(other / f"{k}.png")
    (other / "same.png").write_bytes((art / "00.png").read_bytes())
    with Collection(tmp_path / "c") as collection:
        second = sync_and_evaluate(collection, Scan([other]), Here(), "technical")
        result = contrast(found, second)
    assert result.shared == 1
    assert result.auc > 0.9
    # The others are grey.
    assert any("red–green" in gap.name for gap in result.looks)
    assert all(gap.clear for gap in result.looks)
    assert {gap.name for gap in result.damage} == set(DETECTORS)


def test_halves_of_one_kind_of_pictures_differ_in_no_look(scene, tmp_path):
    """Hundreds of items are compared, of which one in twenty seemed to differ."""
    halves = []
    with Collection(tmp_path / "a") as one, Collection(tmp_path / "b") as two:
        for number, collection in enumerate((one, two)):
            folder = tmp_path / f"pictures {number}"
            folder.mkdir()
            for k in range(20):
                scene(200 + 20 * number + k).save(folder / f"{k}.png")
            halves.append(sync_and_evaluate(collection, Scan([folder]), Here(), "technical"))
        result = contrast(*halves)
    assert result.looks == ()


def test_a_collection_is_like_itself(found):
    result = contrast(found, found)
    assert not any(gap.clear for gap in (*result.scores, *result.damage))
    assert (result.looks, result.words) == ((), ())


def test_ugly_collections_are_evaluated(collection, tmp_path):
    _, odd = write_ugly(tmp_path / "ugly")
    result = sync_and_evaluate(collection, Scan([tmp_path / "ugly"]), LocalEngine(2), "technical")
    assert len(result.evaluation.ids) == len(odd)
    fit = result.evaluation.unfit == ""
    assert np.isfinite(result.evaluation.scores["technical-9"][fit]).all()
    assert np.isnan(result.evaluation.scores["technical-9"][~fit]).all()
    assert render_evaluation(result)
    assert len(list(records(collection, result.update.scan_number, result.evaluation))) == result.update.found


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_pictures_are_enough(collection, tmp_path, count):
    for k in range(count):
        (tmp_path / f"{k}.png").write_bytes(encoded(picture(k), "PNG"))
    result = sync_and_evaluate(collection, Scan([tmp_path], ["*.png"]), Here(), "technical")
    assert len(result.evaluation.ids) == count
    assert not result.evaluation.outlier.any()
    assert render_evaluation(result)
    assert contrast(result, result).auc != contrast(result, result).auc


def test_a_scan_of_the_same_pictures_meanwhile_is_noticed(collection, tmp_path, scene):
    """Exports and moves would have had none of the files that it took."""
    scene(1).save(tmp_path / "a.png")
    scene(2).save(tmp_path / "b.png")
    with pytest.raises(CollectionError, match="Another program scanned the same pictures"):
        sync_and_evaluate(
            collection,
            Scan([tmp_path]),
            Here(),
            evaluating=lambda _: sync(collection, Scan([tmp_path / "a.png"]), Here()),
        )
    result = sync_and_evaluate(collection, Scan([tmp_path]), Here(), "technical")
    assert result.update.stored == 2
    export_evaluation(result, tmp_path / "out.csv")
    before = (tmp_path / "out.csv").read_bytes()
    sync(collection, Scan([tmp_path / "a.png"]), Here())
    with pytest.raises(CollectionError, match="Another program scanned the same pictures"):
        export_evaluation(result, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == before


def test_a_folder_without_pictures_is_a_sentence(collection, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CollectionError, match="There is no picture"):
        sync_and_evaluate(collection, Scan([tmp_path / "empty"]), Here(), "technical")
    (tmp_path / "empty" / "a.png").write_bytes(b"x")
    with pytest.raises(
        CollectionError, match=r"no picture that can be evaluated in .*empty'\. .*a\.png' is not a picture"
    ):
        sync_and_evaluate(collection, Scan([tmp_path / "empty"]), Here(), "technical")


def test_places_belong_to_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    one, two = tmp_path / "one", tmp_path / "two"
    assert default_collection_path([one, two]) == default_collection_path([two, one, two])
    assert default_collection_path([one]) != default_collection_path([two])
    one.mkdir()
    collection, roots = open_collection_for([str(one)])
    with collection:
        assert collection.folder == default_collection_path([one])
        assert roots == [one]


def test_a_collection_in_the_data_folder_is_named_after_the_folder_of_its_pictures(tmp_path, monkeypatch, paint):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder, other = tmp_path / "Ann's pics", paint(tmp_path / "a", 1, 2, vivid=True)
    paint(folder, 2, 1, vivid=True)
    collection, roots = open_collection_for([str(folder)])
    with collection:
        assert title_of_collection(collection) == "Ann-s-pics"
        sync_and_evaluate(collection, Scan(roots), Here(), "technical")
        assert title_of_collection(collection) == "Ann's pics"
        sync_and_evaluate(collection, Scan([other, *roots]), Here(), "technical")
        assert title_of_collection(collection) == "Ann's pics"
    with Collection(tmp_path / "own-3eef45f4f655") as own:
        assert title_of_collection(own) == "own-3eef45f4f655"


def test_a_collection_is_evaluated_in_place_with_folders_it_knows(collection, make_drawn, art):
    collection.add_drawn([make_drawn(k) for k in range(3)], "m", "s")
    sync_and_evaluate(collection, Scan([art]), Here(), "technical")
    store, roots = open_collection_for([str(collection.folder)])
    with store:
        assert roots == [collection.folder / "images", art]
        result = sync_and_evaluate(store, Scan(roots), Here(), "technical")
        assert len(result.evaluation.ids) == 45
        assert known_roots(store) == [art]


@pytest.mark.parametrize(("damaged", "expected"), [
    ((0, 0, 0, 0), 3), ((0, 0, 0, 1), 2), ((0, 0, 1, 1), 1), ((0, 1, 1, 1), 0), ((1, 1, 1, 1), 3), ((1, 0, 0, 1), 2),
])  # fmt: skip
def test_of_near_duplicates_an_undamaged_one_is_kept_then_the_largest_then_the_best(tmp_path, scene, damaged, expected):
    with Collection(tmp_path / "collection") as collection:
        ids = []
        for number, side in enumerate((48, 96, 96, 192)):
            path = tmp_path / f"{number}.png"
            scene(number).resize((side, side)).save(path)
            ids.append(collection.add_file(path)[0].id)
        scores, group = np.array([99.0, 50.0, 60.0, -20.0]), np.zeros(4, dtype=np.int64)
        order = keeping_order(collection, np.array(ids), scores, np.array(damaged, dtype=bool))
        best, nothing = best_of_groups(order, group), best_of_groups(order, group - 1)
    assert np.flatnonzero(best).tolist() == [expected]
    assert not nothing.any()


def test_of_near_duplicates_the_lossless_file_that_says_how_it_was_made_is_kept(tmp_path, scene):
    """Though a copy saved anew is larger, or has the better score, and the original alone is suspected of damage."""
    folder, text = tmp_path / "art", PngInfo()
    folder.mkdir()
    text.add_text("parameters", "a fox\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 96x96")
    picture = scene(0).resize((96, 96))
    picture.save(folder / "original.png", pnginfo=text)
    picture.save(folder / "plain.png")
    picture.resize((192, 192)).save(folder / "enlarged.png")
    exif = picture.getexif()
    exif[ExifTags.Base.ImageDescription] = "a fox"
    picture.save(folder / "saved-anew.jpg", quality=95, exif=exif)
    with Collection(tmp_path / "collection") as collection:
        evaluated = sync_and_evaluate(collection, Scan([folder]), Here(), "technical").evaluation
        paths = first_paths(collection, 1, evaluated.ids.tolist())
        row = {Path(path).stem: evaluated.place[image] for image, path in paths.items()}
        damaged = np.isin(np.arange(4), [row["original"]])
        order = keeping_order(collection, evaluated.ids, np.where(damaged, 1.0, 99.0), damaged)
    assert len(set(evaluated.group.tolist())) == 1
    assert np.flatnonzero(evaluated.best).tolist() == [row["original"]] == [order[0]]


def test_of_near_duplicates_of_one_size_a_lossless_file_goes_before_a_jpeg(tmp_path, scene):
    """Of a picture without metadata the copy that was saved as JPEG stayed, because its score was higher."""
    scene(0).resize((96, 96)).save(tmp_path / "original.png")
    scene(0).resize((96, 96)).save(tmp_path / "copy.jpg", quality=95)
    with Collection(tmp_path / "collection") as collection:
        ids = [collection.add_file(tmp_path / name)[0].id for name in ("copy.jpg", "original.png")]
        sync_and_evaluate(collection, Scan([tmp_path]), Here(), "technical")
        order = keeping_order(collection, np.array(ids), np.array([99.0, 1.0]), np.zeros(2, bool))
    assert order.tolist() == [1, 0]


def test_near_duplicates_of_known_pictures_are_not_compared_again(tmp_path, scene):
    folder = tmp_path / "art"
    folder.mkdir()
    for number in range(6):
        scene(number // 2).resize((96 - number % 2, 96)).save(folder / f"{number}.png")
    with Collection(tmp_path / "collection") as collection:
        first = sync_and_evaluate(collection, Scan([folder]), Here(), "technical").evaluation
        assert first.group.max() == 2
        # Who reads a thumbnail of a known picture fails.
        with collection.session("be written", write=True) as session:
            session.execute(update(FingerprintRow).values(thumbnail=b"no JPEG"))
        scene(7).save(folder / "new.png")
        second = sync_and_evaluate(collection, Scan([folder]), Here(), "technical").evaluation
        paths = first_paths(collection, 2, second.ids.tolist())
    named = {Path(path).stem: second.group[second.place[image]] for image, path in paths.items()}
    assert named.pop("new") == -1
    assert [named[str(n)] == named[str(n ^ 1)] for n in range(6)] == [True] * 6
    assert len(set(named.values())) == 3


def test_changed_prompts_and_dates_are_evaluated_anew(collection, tmp_path):
    folder = tmp_path / "art"
    folder.mkdir()
    rng = np.random.default_rng(0)
    words = {"fox": 230, "owl": 60}

    def describe(first, second):
        for number in range(24):
            (folder / f"{number:02}.txt").write_text(f"a picture of {(first, second)[number % 2]}, number {number}")

    for number in range(24):
        level = list(words.values())[number % 2]
        pixels = np.clip(rng.normal(level, 8, (96, 96, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    describe("fox", "owl")
    first = sync_and_evaluate(collection, Scan([folder]), Here(), "technical").evaluation
    assert {"fox", "owl"} <= {a.value for a in first.associations}
    judged = {int(image): 1.0 for image in first.ids}
    collection.set_scores("judge:somebody@1", judged)
    collection.set_scores("technical-0", judged)
    assert sync_and_evaluate(collection, Scan([folder]), Here(), "technical").evaluation.packed() == first.packed()
    describe("yak", "zebra")
    for path in folder.glob("*.png"):
        os.utime(path, (1e9, 1e9))
    again = sync_and_evaluate(collection, Scan([folder]), Here(), "technical").evaluation
    found = {a.value for a in again.associations}
    assert {"yak", "zebra"} <= found
    assert not {"fox", "owl"} & found
    # Judges may have seen the prompts.
    assert collection.scores("judge:somebody@1") == {}
    assert collection.scores("technical-0") == judged


def test_loras_of_prompts_are_compared_within_prompts(collection, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "art").mkdir()
    for number in range(24):
        level = (230, 60)[number % 2]
        path = tmp_path / "art" / f"{number:02}.png"
        Image.fromarray(np.clip(rng.normal(level, 8, (96, 96, 3)), 0, 255).astype(np.uint8)).save(path)
        tag = "<lora:glow:0.5>" if number % 2 else ""
        path.with_suffix(".json").write_text(json.dumps({"prompt": f"thing {number // 2} {tag}", "model": "m"}))
    e = sync_and_evaluate(collection, Scan([tmp_path / "art"]), Here(), "technical").evaluation
    lora = next(one for one in e.associations if one.kind == "LoRA")
    assert (lora.value, lora.within, lora.pictures) == ("glow", 12, 12)
    paths = first_paths(collection, 1, e.ids.tolist())
    odd = np.array([int(Path(paths[image]).stem) % 2 == 1 for image in e.ids.tolist()])
    scores = e.scores[e.main]
    assert lora.difference == pytest.approx(scores[odd].mean() - scores[~odd].mean())


def test_what_cannot_be_judged_counts_in_no_statistics(collection, tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "art"
    folder.mkdir()

    def add(number, pixels, day):
        path = folder / f"{number:02}.png"
        Image.fromarray(pixels).save(path)
        path.with_suffix(".json").write_text(
            json.dumps({"prompt": f"a {('fox', 'owl')[number % 2]}, number {number}", "steps": number})
        )
        os.utime(path, (day * 86_400, day * 86_400))

    for number in range(24):
        add(number, np.clip(rng.normal(128, (4, 12)[number % 2], (96, 96, 3)), 0, 255).astype(np.uint8), 15_000)
    before = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    assert {"fox", "owl"} <= {a.value for a in before.evaluation.associations}
    assert [trend.name for trend in before.evaluation.trends] == ["steps"]
    # Black pictures of one of the animals, which would seem to be the worse one.
    for number in range(24, 64, 2):
        add(number, np.full((96 + number, 96, 3), number // 30, np.uint8), 16_000)
    with Collection(tmp_path / "all") as other:
        after = sync_and_evaluate(other, Scan([folder]), Here(), "technical")
        assert (after.evaluation.unfit != "").sum() == 20
        for name in ("associations", "trends"):
            one, two = (getattr(evaluated.evaluation, name) for evaluated in (before, after))
            assert [each.pictures for each in one] == [each.pictures for each in two]
            value = {"associations": "difference", "trends": "rho"}[name]
            assert [getattr(each, value) for each in one] == pytest.approx([getattr(each, value) for each in two])
        gaps = contrast(before, after).scores
        assert [gap.first for gap in gaps] == pytest.approx([gap.second for gap in gaps])


def test_what_cannot_be_judged_is_not_called_damaged(collection, tmp_path, scene):
    folder = tmp_path / "art"
    folder.mkdir()
    for name, pixels in (
        ("black", np.zeros((300, 300, 3), np.uint8)),
        ("plain", np.full((300, 300, 3), 90, np.uint8)),
        ("tiny", np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)),
        ("scene", np.asarray(scene(3))),
    ):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    found = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    table = {Path(row["path"]).stem: row for row in records(collection, found.update.scan_number, found.evaluation)}
    assert table["black"]["verdict"] == "all black"
    assert table["tiny"]["verdict"].startswith("too small to be judged")
    assert {table[name]["damage"] for name in ("black", "plain", "tiny")} == {None}
    unfit = found.evaluation.ids[found.evaluation.unfit != ""]
    assert len(unfit) == 3
    assert not set(suspected(collection)) & set(unfit.tolist())
    assert table["scene"]["verdict"] not in ("all black", "nothing but one tone")
    assert Evaluation.unpacked(found.evaluation.packed()).unfit.tolist() == found.evaluation.unfit.tolist()
    # Nor is a score counted that an earlier version gave.
    again = evaluate(collection, found.update.scan_number, stored_name(), np.full(4, 50.0))
    assert np.isnan(again.scores[again.main]).tolist() == (again.unfit != "").tolist()
    summary = summarise(found)
    assert sum(summary.unfit.values()) == 3
    assert [Path(picture.path).stem for picture in (*summary.best, *summary.worst)] == ["scene"]
    assert summary.mean == summary.best[0].score
    assert [one.why for one in summary.decisions[:2]] == ["all black", "nothing but one tone"]
    page = render_evaluation(found)
    assert histogram_chart([summary.mean], stored_title(found.evaluation.main)) in page
    data = json.loads(re.search(r'<script[^>]* id="data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    assert {Path(row[1]).stem for row in data["rows"] if row[2] is row[3] is None} == {"black", "plain", "tiny"}
