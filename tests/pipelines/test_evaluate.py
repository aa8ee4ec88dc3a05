import csv
import io
import json
import os
import re

import numpy as np
import pytest
from PIL import Image, ImageFilter
from sqlalchemy import select
from ugly import encoded, picture, write_ugly

from soart.errors import CollectionError
from soart.metrics.technical import DETECTORS, TechnicalScorer
from soart.pipelines import evaluate as module
from soart.pipelines.annotate import annotate, notes_of, stars_of, with_rating
from soart.pipelines.collection import Collection
from soart.pipelines.contrast import contrast
from soart.pipelines.cull import Rule, cull, plan_cull
from soart.pipelines.evaluate import evaluate
from soart.pipelines.evaluate_report import render_evaluation, write_evaluation
from soart.pipelines.evaluation import Evaluation
from soart.pipelines.execution import LocalEngine
from soart.pipelines.exports import export, format_of
from soart.pipelines.journal import undo
from soart.pipelines.library import bring_up_to_date
from soart.pipelines.ratings import rate
from soart.pipelines.records import columns, records
from soart.pipelines.scanning import Scan
from soart.pipelines.schema import FileRow
from soart.pipelines.summary import summarise
from soart.pipelines.surveys import known_roots, open_for, place_for, survey

WORDS = ("sharp", "soft")


def scene(seed):
    """Edges and colours at many scales, so that blur shows."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (96, 96), tuple(rng.integers(0, 256, 3)))
    for size in (48, 24, 12, 6):
        small = rng.integers(0, 256, (96 // size, 96 // size, 3), dtype=np.uint8)
        image = Image.blend(image, Image.fromarray(small).resize((96, 96), Image.Resampling.NEAREST), 0.45)
    return image


@pytest.fixture(scope="module")
def art(tmp_path_factory):
    """Forty pictures: half sharp, half soft, as their prompts say; a reduced copy, an exact one, a strange one, and broken ones."""
    folder = tmp_path_factory.mktemp("art")
    for k in range(40):
        image = scene(k)
        if k % 2:
            image = image.filter(ImageFilter.GaussianBlur(2.5))
        image.save(folder / f"{k:02}.png")
        (folder / f"{k:02}.txt").write_text(f"{WORDS[k % 2]}, thing number {k // 4}")
    scene(4).resize((48, 48)).save(folder / "small.png")
    (folder / "copy.png").write_bytes((folder / "06.png").read_bytes())
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(folder / "strange.png")
    (folder / "broken <b>.png").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def found(art, tmp_path_factory):
    with Collection(tmp_path_factory.mktemp("collection")) as store:
        yield survey(store, Scan([art]), LocalEngine(2))


def name_of(found, row):
    return next(iter(module_paths(found, [int(found.evaluation.ids[row])]).values())).rsplit("/", 1)[1]


def module_paths(found, ids):
    from soart.pipelines.summary import paths_of

    return paths_of(found.store, found.update.scan, ids)


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
    blurred = {names[row] for row in range(len(e.ids)) if e.mode_name(row) == "blur"}
    assert len(blurred & {names[row] for row in soft}) > 10


def test_summary_counts_agree(found):
    e, summary = found.evaluation, summarise(found, 5)
    assert (summary.files, summary.copies, summary.spare) == (43, 1, 1)
    assert len(summary.best) == 5
    assert summary.best[0].score == e.scores[e.main].max()
    assert sum(count for count, _ in summary.damage.values()) == (e.mode >= 0).sum()
    assert sum(style.pictures for style, _ in summary.styles) == len(e.ids)
    assert "not a picture" in found.update.problems[0]


def test_the_same_pictures_are_evaluated_once(found, monkeypatch):
    monkeypatch.setattr(module, "_evaluate", None)
    again = evaluate(found.store, found.update.scan)
    assert again.packed() == found.evaluation.packed()


def test_evaluations_survive_packing(found):
    e, copy = found.evaluation, Evaluation.unpacked(found.evaluation.packed())
    for name in ("ids", "distance", "mode", "group", "best", "style"):
        assert np.array_equal(getattr(e, name), getattr(copy, name))
    assert (copy.associations, copy.trends, copy.styles, copy.timeline) == (
        e.associations,
        e.trends,
        e.styles,
        e.timeline,
    )
    assert copy.scores.keys() == e.scores.keys()


def test_blocks_and_ids_do_not_matter(found, art, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 7)
    with Collection(tmp_path / "c") as store:
        # The last ones first, so that ids are others.
        bring_up_to_date(store, Scan([art], ["[2-9]*"]), LocalEngine(1))
        other = survey(store, Scan([art]), LocalEngine(1))
        rows = list(records(store, other.update.scan, other.evaluation))
    expected = list(records(found.store, found.update.scan, found.evaluation))
    assert rows == expected


def test_both_databases_say_the_same(found, art, where):
    with Collection(where) as store:
        other = survey(store, Scan([art]), LocalEngine(2))
        rows = list(records(store, other.update.scan, other.evaluation))
        assert evaluate(store, other.update.scan).packed() == other.evaluation.packed()
        assert survey(store, Scan([art]), LocalEngine(1)).update.looked <= 1
    expected = list(records(found.store, found.update.scan, found.evaluation))
    assert sorted(rows, key=lambda row: row["path"]) == expected
    assert [one.value for one in other.evaluation.associations] == [one.value for one in found.evaluation.associations]


def test_scores_are_stored_for_others_to_use(found):
    e = found.evaluation
    stored = found.store.scores(e.main)
    assert [stored[i] for i in e.ids.tolist()] == e.scores[e.main].tolist()
    assert set(e.scores) == {TechnicalScorer.load().name, *(TechnicalScorer.detector(d).name for d in DETECTORS)}


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_exports_hold_every_file_and_come_back(found, tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    names = columns(found.evaluation)
    expected = list(records(found.store, found.update.scan, found.evaluation))
    export(iter(expected), names, path)
    first = path.read_bytes()
    if kind == "json":
        assert json.loads(first) == expected
    elif kind == "parquet":
        from pyarrow import parquet

        assert parquet.read_table(path).to_pylist() == expected
    else:
        rows = list(csv.DictReader(io.StringIO(first.decode(), newline="")))
        assert [row["path"] for row in rows] == [row["path"] for row in expected]
        assert [float(row["score"] or 0) for row in rows] == [row["score"] or 0 for row in expected]
    assert len(expected) == 44
    export(records(found.store, found.update.scan, found.evaluation), names, path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_formulas_stay_text_in_spreadsheets(tmp_path):
    export([{"a": "=1+1", "b": -1.5}, {"a": "@x", "b": None}], {"a": str, "b": float}, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().splitlines() == ["a,b", "'=1+1,-1.5", "'@x,"]


def test_exports_that_cannot_be_written_are_a_sentence(tmp_path):
    with pytest.raises(CollectionError, match=r"ends in \.csv, \.json, \.parquet"):
        format_of(tmp_path / "x.xls")
    with pytest.raises(CollectionError, match="cannot be written"):
        export([], {"a": str}, tmp_path / "missing" / "x.csv")


def test_the_page_holds_everything_and_runs_nothing_of_strangers(found, tmp_path):
    page = render_evaluation(found, notes=["<i>note</i>"])
    assert "<b>" not in page.split("Cannot be used")[1].split("</ul>")[0]
    assert "broken &lt;b&gt;.png" in page
    assert "&lt;i&gt;note" in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1]
    assert "<" not in data
    assert len(json.loads(data)["rows"]) == 42
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    written = write_evaluation(tmp_path / "report", found)
    assert written.name == "index.html"
    assert len(list((tmp_path / "report" / "thumbs").iterdir())) == 42
    assert "data:image/jpeg" in written.read_text(encoding="utf-8")


def test_two_collections_are_compared(found, art, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for k in range(20):
        scene(100 + k).convert("L").save(other / f"{k}.png")
    (other / "same.png").write_bytes((art / "00.png").read_bytes())
    with Collection(tmp_path / "c") as store:
        second = survey(store, Scan([other]), LocalEngine(1))
        result = contrast(found, second)
    assert result.shared == 1
    assert result.apart > 0.9
    # The others are grey.
    assert any("red–green" in gap.name for gap in result.looks)
    assert all(gap.clear for gap in result.looks)
    assert {gap.name for gap in result.damage} == set(DETECTORS)


def test_a_collection_is_like_itself(found):
    result = contrast(found, found)
    assert not any(gap.clear for gap in (*result.scores, *result.damage))
    assert (result.looks, result.words) == ((), ())


def test_ugly_collections_are_evaluated(collection, tmp_path):
    _, odd = write_ugly(tmp_path / "ugly")
    result = survey(collection, Scan([tmp_path / "ugly"]), LocalEngine(2))
    assert len(result.evaluation.ids) == len(odd)
    assert np.isfinite(result.evaluation.scores["technical-1"]).all()
    assert render_evaluation(result)
    assert len(list(records(collection, result.update.scan, result.evaluation))) == result.update.found


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_pictures_are_enough(collection, tmp_path, count):
    for k in range(count):
        (tmp_path / f"{k}.png").write_bytes(encoded(picture(k), "PNG"))
    result = survey(collection, Scan([tmp_path], ["*.png"]), LocalEngine(1))
    assert len(result.evaluation.ids) == count
    assert not result.evaluation.outlier.any()
    assert render_evaluation(result)
    assert contrast(result, result).apart != contrast(result, result).apart


def test_a_folder_without_pictures_is_a_sentence(collection, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CollectionError, match="There is no picture"):
        survey(collection, Scan([tmp_path / "empty"]), LocalEngine(1))
    (tmp_path / "empty" / "a.png").write_bytes(b"x")
    with pytest.raises(CollectionError, match="no picture that can be evaluated"):
        survey(collection, Scan([tmp_path / "empty"]), LocalEngine(1))


def test_places_belong_to_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    one, two = tmp_path / "one", tmp_path / "two"
    assert place_for([one, two]) == place_for([two, one, two])
    assert place_for([one]) != place_for([two])
    store, roots = open_for([str(one)])
    with store:
        assert store.folder == place_for([one])
        assert roots == [one]


def test_a_collection_is_evaluated_in_place_with_folders_it_knows(collection, make_drawn, art):
    collection.add_drawn([make_drawn(k) for k in range(3)], "m", "s")
    survey(collection, Scan([art]), LocalEngine(1))
    store, roots = open_for([str(collection.folder)])
    with store:
        assert roots == [collection.folder / "images", art]
        result = survey(store, Scan(roots), LocalEngine(1))
        assert len(result.evaluation.ids) == 45
        assert known_roots(store) == [art]


def copy_of(art, folder):
    folder.mkdir()
    for path in art.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
        os.utime(folder / path.name, (1e9, 1e9))
    return folder


def test_culled_pictures_go_by_reason_with_their_texts_and_come_back(collection, art, tmp_path):
    folder = copy_of(art, tmp_path / "mine")
    before = sorted(p.name for p in folder.iterdir())
    result = survey(collection, Scan([folder]), LocalEngine(1))
    moves = plan_cull(result, Rule(duplicates=True, worst=10), [folder], tmp_path / "out")
    assert {move.target.parent.name for move in moves} == {"duplicates", "low"}
    done, problems = cull(moves, tmp_path / "undo.jsonl")
    assert (done, problems) == (len(moves), [])
    moved = {p.name for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert {"small.png", "copy.png"} <= moved or {"small.png", "06.png"} <= moved
    for name in moved:
        assert not (folder / name).exists()
        if name[:2].isdigit():
            assert name[:2] + ".txt" in moved
    assert undo(tmp_path / "undo.jsonl")[1] == []
    assert sorted(p.name for p in folder.iterdir()) == before


def test_a_text_of_two_pictures_stays(collection, tmp_path):
    for name, seed in (("a.png", 1), ("a.jpg", 2)):
        (tmp_path / name).write_bytes(encoded(picture(seed), "PNG"))
    (tmp_path / "a.txt").write_text("both")
    result = survey(collection, Scan([tmp_path], ["a.*"]), LocalEngine(1))
    moves = plan_cull(result, Rule(worst=50), [tmp_path], tmp_path / "out")
    cull(moves, tmp_path / "undo.jsonl")
    assert len(moves) == 1
    assert (tmp_path / "a.txt").exists()


@pytest.mark.parametrize("rule", [{}, {"worst": 0.0}, {"worst": 120.0}])
def test_rules_must_say_something(rule):
    with pytest.raises(CollectionError, match="Expected a"):
        Rule(**rule)


def test_stars_are_fifths():
    assert stars_of(np.array([0, 19.9, 20, 50, 99, 100.0])).tolist() == [1, 1, 2, 3, 5, 5]


@pytest.mark.parametrize(
    "old",
    [
        None,
        '<rdf:RDF><rdf:Description rdf:about="" xmp:Rating="1" dc:title="x"/></rdf:RDF>',
        "<rdf:RDF><rdf:Description><xmp:Rating>1</xmp:Rating></rdf:Description></rdf:RDF>",
        '<rdf:RDF><rdf:Description rdf:about="" dc:title="x"/></rdf:RDF>',
    ],
)
def test_ratings_are_set_and_the_rest_stays(old):
    new = with_rating(old, 4)
    assert re.search(r'xmp:Rating(="|>)4', new)
    if old and "title" in old:
        assert 'dc:title="x"' in new
    assert with_rating(new, 4) == new


def test_sidecars_without_a_description_are_left():
    assert with_rating("<x/>", 3) is None


def test_annotations_touch_no_pixel_and_are_undone(collection, art, tmp_path):
    folder = copy_of(art, tmp_path / "mine")
    (folder / "00.xmp").write_text('<rdf:RDF><rdf:Description dc:title="x"/></rdf:RDF>')
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    result = survey(collection, Scan([folder]), LocalEngine(1))
    pixels = {p.name: np.asarray(Image.open(p)).tobytes() for p in folder.glob("[0-9]*.png")}
    done, problems = annotate(result, list(notes_of(result)), tmp_path / "undo.jsonl", png=True)
    assert (done, problems) == (43, [])
    for name, content in pixels.items():
        with Image.open(folder / name) as image:
            assert np.asarray(image).tobytes() == content
            assert json.loads(image.info["soart"])["profile"] == "technical-1"
    assert 'dc:title="x"' in (folder / "00.xmp").read_text()
    # The pictures are still the same to the collection.
    again = survey(collection, Scan([folder]), LocalEngine(1))
    assert again.update.looked == 0
    assert len(collection.images()) == 42
    assert undo(tmp_path / "undo.jsonl")[1] == []
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert survey(collection, Scan([folder]), LocalEngine(1)).update.looked == 0


def test_a_raters_stars_are_written(collection, art, tmp_path):
    folder = copy_of(art, tmp_path / "mine")
    result = survey(collection, Scan([folder]), LocalEngine(1))
    with collection.session("be read") as session:
        image = session.scalar(select(FileRow.image_id).where(FileRow.path == str(folder / "02.png")))
    rate(collection, "me", {image: 5})
    (note,) = notes_of(result, "me")
    assert (note.path.name, note.stars) == ("02.png", 5)
    annotate(result, [note], tmp_path / "undo.jsonl")
    assert 'xmp:Rating="5"' in (folder / "02.xmp").read_text()
