"""Texts beside pictures: which picture they belong to, and when they are read again."""

from pathlib import Path

from specimens.scanning import update
from sqlalchemy import select

from soart.pipelines.collection.tables import FileRow, MetadataRow
from soart.pipelines.ingest.local_engine import LocalEngine
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
