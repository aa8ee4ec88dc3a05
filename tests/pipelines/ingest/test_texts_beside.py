"""Texts beside pictures: which picture they belong to, and when they are read again."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin
from specimens.scanning import settle, update
from sqlalchemy import select
from sqlalchemy import update as changed

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.names import DATABASE
from soart.pipelines.collection.tables import FileRow, FingerprintRow, MetadataRow
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.lookup import look_up
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync


def prompts(collection):
    with collection.session("be read") as session:
        query = select(FileRow.path, MetadataRow.prompt).outerjoin(
            MetadataRow, MetadataRow.image_id == FileRow.image_id
        )
        return {Path(path).name: prompt for path, prompt in session.execute(query)}


def test_texts_beside_pictures_are_read_and_read_again_when_they_change(collection, folder):
    (folder / "0.txt").write_text("a boat")
    (folder / "metadata.jsonl").write_text(
        '{"file_name": "1.png", "text": "a tree"}\n{"file_name": "inner/3.png", "text": "a fox"}\n'
    )
    update(collection, folder)
    assert prompts(collection) == {"0.png": "a boat", "1.png": "a tree", "2.png": None, "3.png": "a fox", "4.png": None}
    (folder / "0.txt").write_text("a ship")
    (folder / "inner" / "4.png.json").write_text('{"prompt": "a house"}')
    (folder / "metadata.jsonl").write_text('{"file_name": "1.png", "text": "an oak"}\n')
    done, _ = update(collection, folder)
    assert done.looked == 0
    assert prompts(collection) == {
        "0.png": "a ship",
        "1.png": "an oak",
        "2.png": None,
        "3.png": None,
        "4.png": "a house",
    }


def test_problems_of_tables_are_reported_until_they_are_mended(collection, folder):
    (folder / "metadata.jsonl").write_text('{"file_name": "0.png", "text": "a boat"}\n{broken\n')
    (folder / "inner" / "metadata.csv").write_text("name,text\n3.png,a fox\n")
    expected = [
        f"'{folder}/metadata.jsonl', line 2: not a JSON object, or too long; the line was left out.",
        f"'{folder}/inner/metadata.csv', line 2: 'file_name' is missing or leads out of the folder; name a file in it.",
    ]
    done, _ = update(collection, folder)
    assert (done.table_problems, done.problems, prompts(collection)["0.png"]) == (expected, [], "a boat")
    # An unchanged table is not read again.
    done, _ = update(collection, folder)
    assert (done.table_problems, done.looked) == (expected, 0)
    (folder / "inner" / "metadata.csv").write_text("file_name,text\n3.png,a fox\n")
    (folder / "metadata.jsonl").unlink()
    assert update(collection, folder)[0].table_problems == []


def test_only_the_first_problems_of_a_table_are_reported(collection, folder):
    (folder / "metadata.jsonl").write_text("{broken\n" * 1000)
    done, _ = update(collection, folder)
    assert (len(done.table_problems), done.table_problems[-1]) == (20, "Further lines of these tables cannot be used.")


def test_the_text_of_a_copy_counts_beside_those_of_the_others(collection, folder):
    """Whatever is read last, and whether the copies are there from the beginning."""
    (folder / "inner" / "b.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "inner" / "b.txt").write_text("a bee")
    update(collection, folder)
    assert prompts(collection)["0.png"] == "a bee"
    # A table that does not name the copy beside it, a second text, and a third one.
    (folder / "metadata.jsonl").write_text('{"file_name": "1.png", "text": "an oak"}\n')
    update(collection, folder)
    assert prompts(collection)["0.png"] == "a bee"
    (folder / "c.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "c.txt").write_text("a cat")
    update(collection, folder)
    assert prompts(collection)["0.png"] == "a bee"
    (folder / "0.txt").write_text("an ant")
    update(collection, folder)
    assert prompts(collection) == dict.fromkeys(["0.png", "b.png", "c.png"], "an ant") | {
        "1.png": "an oak", "2.png": None, "3.png": None, "4.png": None
    }  # fmt: skip


def test_a_known_picture_gets_the_text_that_lies_where_it_was_moved(collection, folder):
    (folder / "0.txt").write_text("a boat")
    (folder / "inner" / "fox.txt").write_text("a fox")
    (folder / "inner" / "ship.txt").write_text("a ship")
    update(collection, folder)
    (folder / "1.png").rename(folder / "inner" / "fox.png")
    (folder / "0.png").rename(folder / "inner" / "ship.png")
    done, seen = update(collection, folder)
    assert (done.recognised, done.looked) == (2, 0)
    assert (prompts(collection)["fox.png"], prompts(collection)["ship.png"]) == ("a fox", "a ship")
    # Moved with its text, it is not even opened for that.
    (folder / "inner").rename(folder / "other")
    done, seen = update(collection, folder)
    assert (done.recognised, seen) == (4, [])
    assert prompts(collection)["ship.png"] == "a ship"


def test_texts_that_changed_before_another_folder_was_read_are_read_again(collection, folder, tmp_path):
    (folder / "0.txt").write_text("a boat")
    (folder / "inner" / "3.txt").write_text("a fox")
    update(collection, folder / "0.png")
    update(collection, folder)
    (folder / "0.txt").write_text("a ship")
    (folder / "inner" / "3.txt").write_text("an owl")
    (tmp_path / "other").mkdir()
    update(collection, tmp_path / "other")
    update(collection, folder / "inner")
    assert (prompts(collection)["0.png"], prompts(collection)["3.png"]) == ("a boat", "an owl")
    update(collection, folder)
    assert prompts(collection)["0.png"] == "a ship"


def test_a_text_that_changed_between_a_picture_and_its_folder_is_read_again(collection, folder):
    (folder / "0.txt").write_text("a boat")
    update(collection, folder / "0.png")
    (folder / "0.txt").write_text("a ship")
    update(collection, folder)
    assert prompts(collection)["0.png"] == "a ship"


def test_texts_of_pictures_that_patterns_left_out_are_read_again_later(collection, folder):
    (folder / "0.txt").write_text("a boat")
    update(collection, folder)
    (folder / "0.txt").write_text("a ship")
    sync(collection, Scan([folder], globs=["1.png"]), LocalEngine(1))
    assert prompts(collection)["0.png"] == "a boat"
    update(collection, folder)
    assert prompts(collection)["0.png"] == "a ship"


def test_what_a_text_said_stays_known_when_it_is_deleted(collection, folder):
    (folder / "0.txt").write_text("a boat")
    update(collection, folder)
    (folder / "0.txt").unlink()
    done, _ = update(collection, folder)
    assert done.unchanged == 5
    assert prompts(collection)["0.png"] == "a boat"


def as_read_before(collection):
    """The collection as an earlier soart left it, which gave each picture a whole list of prompts."""
    with collection.session("be written", write=True) as session:
        session.execute(changed(FingerprintRow).values(readers=0))
        session.execute(changed(MetadataRow).values(prompt="a fox\nan owl", guessed=False))


def test_a_collection_of_the_tables_before_is_read_again(folder, tmp_path):
    (folder / "0.txt").write_text("a boat")
    with Collection(tmp_path / "collection") as collection:
        update(collection, folder)
        as_read_before(collection)
    with contextlib.closing(sqlite3.connect(tmp_path / "collection" / DATABASE)) as database:
        database.executescript(
            "ALTER TABLE metadata DROP COLUMN guessed; ALTER TABLE fingerprints DROP COLUMN readers;"
            "UPDATE meta SET value = '5' WHERE key = 'schema_version'"
        )
    with Collection(tmp_path / "collection") as collection:
        assert prompts(collection)["0.png"] == "a fox\nan owl"
        update(collection, folder)
        assert prompts(collection)["0.png"] == "a boat"


@pytest.mark.parametrize("by", ["scan", "look-up"])
def test_metadata_that_an_earlier_soart_read_are_read_again_once(collection, folder, by):
    def opened():
        if by == "scan":
            return update(collection, folder)[1]
        return look_up(collection, [*folder.rglob("*.png")], [None]).stored

    (folder / "0.txt").write_text("a boat")
    (folder / "1.txt").write_text("a tree")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    settle(folder / "copy.png")
    update(collection, folder)
    as_read_before(collection)
    opened()
    assert [prompts(collection)[name] for name in ("0.png", "1.png", "2.png")] == ["a boat", "a tree", None]
    assert prompts(collection)["copy.png"] == "a boat"
    # Nothing is opened the second time.
    assert not opened()


def test_of_a_collection_only_the_files_at_hand_are_read_again(collection, folder):
    (folder / "0.txt").write_text("a boat")
    (folder / "inner" / "3.txt").write_text("a fox")
    update(collection, folder)
    as_read_before(collection)
    update(collection, folder / "inner")
    assert prompts(collection)["3.png"] == "a fox"
    assert prompts(collection)["0.png"] == "a fox\nan owl"
    # A file that was moved meanwhile is known by its content.
    (folder / "0.png").rename(folder / "moved.png")
    (folder / "0.txt").rename(folder / "moved.txt")
    update(collection, folder)
    assert prompts(collection)["moved.png"] == "a boat"


def picker(path, index):
    """A picture by a ComfyUI graph that hands out a line of a text."""
    nodes = {
        "1": {"class_type": "KSampler", "inputs": {"seed": 4, "steps": 9, "positive": ["2", 0]}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": ["3", 0], "clip": ["9", 0]}},
        "3": {"class_type": "Prompt Picker", "inputs": {"prompt": "a fox\nan owl", "index": index}},
    }
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps(nodes))
    with Image.open(path) as image:
        image.load()
    image.save(path, pnginfo=info)


def test_a_caption_counts_before_a_guess_where_it_appears_and_where_a_picture_is_moved(collection, folder):
    picker(folder / "0.png", 1)
    picker(folder / "1.png", 0)
    picker(folder / "2.png", ["9", 0])
    (folder / "inner" / "moved.txt").write_text("a red fox")
    (folder / "inner" / "open.txt").write_text("a hare")
    update(collection, folder)
    assert [prompts(collection)[f"{k}.png"] for k in range(3)] == ["an owl", "a fox", None]
    with collection.session("be read") as session:
        guesses = select(MetadataRow.prompt).where(MetadataRow.guessed).order_by(MetadataRow.prompt)
        assert list(session.scalars(guesses)) == ["a fox", "an owl"]
    (folder / "0.txt").write_text("a white owl")
    (folder / "1.png").rename(folder / "inner" / "moved.png")
    (folder / "2.png").rename(folder / "inner" / "open.png")
    update(collection, folder)
    found = prompts(collection)
    assert [found[name] for name in ("0.png", "moved.png", "open.png")] == ["a white owl", "a red fox", "a hare"]
    # Of copies the one with a text beside it counts, whichever is read first.
    picker(folder / "inner" / "3.png", 1)
    (folder / "3.png").write_bytes((folder / "inner" / "3.png").read_bytes())
    update(collection, folder)
    (folder / "inner" / "3.txt").write_text("a snowy owl")
    update(collection, folder)
    assert prompts(collection)["3.png"] == "a snowy owl"
