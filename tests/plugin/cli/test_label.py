"""The command line of ``soart label``."""

import json

import numpy as np
import pytest
from specimens.scanning import Here

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import corrections
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.default_places import default_collection_path
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.models.request import DrawnPicture, Request


@pytest.fixture
def art(tmp_path, monkeypatch, paint):
    """A folder of three pictures that was evaluated."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    folder = paint(tmp_path / "art", 3, 1, vivid=True)
    with Collection(default_collection_path([folder])) as collection:
        sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    return folder


def listed(soart, folder):
    return json.loads(soart("label", folder, "--json")[1])


def test_labels_are_given_listed_and_taken_away(soart, art):
    assert listed(soart, art) == {"tag": {}, "album": {}, "favourite": {}, "not_duplicates": 0}
    assert soart("label", art)[1].startswith("No picture has a label yet")
    code, out, err = soart(
        "label", art, "art/1-0.png", art / "1-1.png", "art/none.png", "--tag", "sea  side", "--favourite"
    )
    assert code == 1
    assert "tag sea side: added to 2 of 2" in out
    assert "favourite of me: added to 2 of 2" in out
    assert "'art/none.png' is not in the collection" in err
    assert listed(soart, art)["tag"] == {"sea side": 2}
    assert "tag sea side: 2\nfavourite of me: 2\n" in soart("label", art)[1]
    document = json.loads(soart("label", art, "art/1-0.png", "--tag", "sea side", "--remove", "--json")[1])
    assert document["labels"] == [{"kind": "tag", "name": "sea side", "changed": 1}]
    assert listed(soart, art)["tag"] == {"sea side": 1}


def test_a_rater_has_one_name_however_its_accents_are_written(soart, art):
    """The gallery composes accents, so what is stored under decomposed ones would belong to somebody else there."""
    assert soart("label", art, "art/1-0.png", "--favourite", "--rater", "Rene\u0301")[0] == 0
    assert listed(soart, art)["favourite"] == {"Ren\u00e9": 1}


def test_corrections_of_duplicates_are_remembered_and_forgotten(soart, art):
    pair = ("label", art, art / "1-0.png", art / "1-1.png", "--not-duplicates")
    assert "Marked as not duplicates of each other." in soart(*pair)[1]
    with Collection(default_collection_path([art])) as collection:
        assert [len(ids) for ids in corrections(collection).values()] == [2]
    assert soart("label", art, art / "1-0.png", art / "1-2.png", "--not-duplicates", "--remove")[0] == 0
    assert listed(soart, art)["not_duplicates"] == 1
    assert "No longer marked as not duplicates." in soart(*pair, "--remove")[1]
    assert listed(soart, art)["not_duplicates"] == 0


def test_pictures_of_a_collection_itself_are_labelled(soart, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Collection(tmp_path / "own") as collection:
        pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        collection.add_drawn([DrawnPicture(Request("a boat", 1, width=16, height=16), pixels, None, 0.1)], "m", "s")
        file = collection.locate(collection.images()[0])
    assert "album best: added to 1 of 1" in soart("label", "own", file, "--album", "best")[1]
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert "album near: added to 1 of 1" in soart("label", "../own", file, "--album", "near")[1]


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (["art", "art/1-0.png"], 2, "add --tag, --album, --favourite or --not-duplicates"),
        (["art", "--tag", "x"], 2, "add the files to label"),
        (["art", "art/1-0.png", "--tag", "a,b"], 1, "without commas"),
        (["art", "art/1-0.png", "--not-duplicates"], 1, "at least two different pictures"),
        (["art", "nothing.png", "--tag", "x"], 1, "'nothing.png' is not in the collection"),
        (["other", "x.png", "--tag", "x"], 1, "'other' has not been evaluated yet"),
    ],
)
def test_mistakes_change_nothing(soart, art, line, code, message):
    got, _, err = soart("label", *line)
    assert (got, message in " ".join(err.replace("│", " ").split())) == (code, True)
    assert listed(soart, art) == {"tag": {}, "album": {}, "favourite": {}, "not_duplicates": 0}


def test_the_pictures_of_a_search_are_labelled_ranked_and_kept_in_one_step(soart, art):
    for name, prompt in (("1-0", "a fox"), ("1-1", "a fox"), ("1-2", "a boat")):
        (art / f"{name}.txt").write_text(prompt)
    assert soart("evaluate", art)[0] == 0
    code, out, _ = soart("label", art, "--matching", "fox", "--tag", "animals")
    assert (code, "tag animals: added to 2 of 2" in out) == (0, True)
    assert listed(soart, art)["tag"] == {"animals": 2}
    ranked = json.loads(soart("rank", art, "--matching", "tag:animals -boat", "--json")[1])["ranking"]
    assert {path.rsplit("/", 1)[-1] for path in (one["path"] for one in ranked)} == {"1-0.png", "1-1.png"}
    kept = json.loads(soart("keep", art, "--matching", "tag:animals", "--json")[1])
    assert ([len(group["pictures"]) for group in kept["groups"]], kept["alone"]) == ([2], 0)
    assert soart("undo", out.rsplit("soart undo ", 1)[1].strip()) == (0, "1 change undone\n", "")
    assert listed(soart, art)["tag"] == {}
    for words, said in (
        ("tag:animals", "No picture matches 'tag:animals'"),
        ("model:x", "No picture matches"),
        ("faces:some", "is not known"),
    ):
        code, _, err = soart("rank", art, "--matching", words)
        assert (code, said in " ".join(err.split())) == (1, True)
