import os
import random
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from specimens.dying import add_batches
from sqlalchemy import select

from soart.errors import CollectionError, ImageError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import comparisons, store_choice
from soart.pipelines.collection.names import DATABASE
from soart.pipelines.collection.pictures import perceptual_hashes
from soart.pipelines.collection.ratings import rate, ratings
from soart.pipelines.collection.tables import FingerprintRow, GenerationRow, ImageRow, Meta, restored, storable


def test_drawn_pictures_come_back(collection, where, make_drawn):
    batch = [make_drawn(1), make_drawn(2, problem="all black")]
    collection.add_drawn(batch, "model", "DDIM")
    with Collection(where) as again:
        rows = again.images()
        assert [r.problem for r in rows] == [None, "all black"]
        assert [r.generation.seed for r in rows] == [1, 2]
        for row, drawn in zip(rows, batch, strict=True):
            assert np.array_equal(np.asarray(Image.open(again.locate(row))), drawn.pixels)
        known = again.known_requests([d.request.key("model") for d in batch] + ["other"])
        assert len(known) == 2


def test_lost_file_is_drawn_again_into_its_old_row(collection, make_drawn, judge):
    row = collection.add_drawn([make_drawn(1)], "m", "DDIM")[0]
    collection.add_items("v", {row.id: np.ones(3)})
    with collection.session("be written", write=True) as session:
        session.add(FingerprintRow(image_id=row.id, phash=1, format="PNG", notes="", thumbnail=b""))
    collection.locate(row).unlink()
    key = make_drawn(1).request.key("m")
    assert collection.known_requests([key]) == {}
    other = make_drawn(1)
    other.pixels[0, 0] ^= 1
    again = collection.add_drawn([other], "m", "DDIM")[0]
    assert again.id == row.id
    assert len(collection.images()) == 1
    assert collection.items("v", [row.id]) == {}
    # What a scan measured of the old picture would be wrong for the new one.
    assert perceptual_hashes(collection, [row.id]) == {}


def test_lost_picture_is_drawn_again_as_one_that_was_added_from_elsewhere(collection, make_drawn, tmp_path):
    row = collection.add_drawn([make_drawn(1)], "m", "DDIM")[0]
    other = make_drawn(1)
    other.pixels[0, 0] ^= 1
    with Collection(tmp_path / "elsewhere") as elsewhere:
        file = elsewhere.locate(elsewhere.add_drawn([other], "m", "DDIM")[0])
        added, _ = collection.add_file(file)
    collection.locate(row).unlink()
    again = collection.add_drawn([other], "m", "DDIM")[0]
    assert again.id == added.id
    assert collection.known_requests([other.request.key("m")]).keys() == {other.request.key("m")}
    assert [(each.id, each.generation is None) for each in collection.images()] == [(row.id, True), (added.id, False)]


def changed(drawn, by):
    """The picture of the same request, each value nearer to grey by at most so much."""
    pixels = drawn.pixels.astype(int)
    return replace(drawn, pixels=(pixels - np.sign(pixels - 128) * by).astype(np.uint8))


def test_ratings_survive_rounding_but_not_another_picture(collection, make_drawn):
    """One that is told again for a request, by a node of ComfyUI say, replaces the earlier one."""
    first, other = make_drawn(1), make_drawn(2)
    row, second = collection.add_drawn([first, other], "m", "DDIM")
    rate(collection, "me", {row.id: 4})
    store_choice(collection, "me", "one", row.id, [second.id])
    collection.set_scores("s", {row.id: 1.0})
    assert collection.add_drawn([changed(first, 1)], "m", "DDIM")[0].id == row.id
    assert (ratings(collection, "me"), collection.scores("s")) == ({row.id: 4}, {})
    assert comparisons(collection, "me") == [(row.id, second.id)]
    assert collection.add_drawn([changed(first, 3)], "m", "DDIM")[0].id == row.id
    assert (ratings(collection, "me"), comparisons(collection, "me")) == ({}, [])


def test_a_file_that_somebody_has_changed_is_kept_beside_the_picture_that_is_drawn_again(collection, make_drawn):
    [row] = collection.add_drawn([make_drawn(1)], "m", "DDIM")
    path = collection.locate(row)
    path.write_bytes(b"the work of hours")
    collection.add_drawn([make_drawn(1)], "m", "DDIM")
    assert np.array_equal(collection.pixels(row), make_drawn(1).pixels)
    [kept] = set(path.parent.iterdir()) - {path}
    assert (kept.read_bytes(), kept.name.startswith(f"{path.stem}-")) == (b"the work of hours", True)


def test_nothing_is_stored_of_pictures_that_do_not_exist(collection, where, make_drawn):
    collection.add_drawn([make_drawn(1)], "m", "DDIM")
    with Collection(where) as again:
        with pytest.raises(CollectionError, match="cannot be written"):
            again.set_scores("s", {1: 1.0, 99: 2.0})
        assert again.scores("s") == {}


def test_a_picture_twice_in_a_batch_has_one_row(collection, make_drawn):
    first, second = collection.add_drawn([make_drawn(1), make_drawn(1)], "m", "DDIM")
    assert first.id == second.id
    assert len(collection.images()) == 1


def test_file_left_in_place(collection, tmp_path):
    path = tmp_path / "näme with\nnewline.png"
    Image.new("RGB", (4, 4), "red").save(path)
    row, picture = collection.add_file(str(path))
    assert picture.pixels.shape == (4, 4, 3)
    assert collection.locate(row) == path.resolve()
    copy = tmp_path / "copy.png"
    copy.write_bytes(path.read_bytes())
    assert collection.add_file(copy) == (row, None) or collection.add_file(copy)[0].id == row.id
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"bad\.png"):
        collection.add_file(tmp_path / "bad.png")
    with pytest.raises(ImageError, match="a picture as a path, got 5"):
        collection.add_file(5)
    assert len(collection.images()) == 1


def test_items_and_scores(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(i) for i in range(3)], "m", "DDIM")
    values = np.linspace(-80, 3, 7)
    collection.add_items("v1", {rows[0].id: values})
    assert collection.items("v2", [rows[0].id]) == {}
    assert np.array_equal(collection.items("v1", [r.id for r in rows])[rows[0].id], values.astype("f4"))
    collection.set_scores("p", {rows[0].id: 1.0, rows[1].id: 2.0})
    collection.set_scores("p", {rows[0].id: 3.0})
    for judge, scores, words in (
        ("p", {rows[0].id: float("nan")}, "scores of 'p' as numbers, got NaN"),
        ("p", {rows[0].id: "5"}, "scores as numbers, got '5'"),
        ("p", [5.0], "scores by the ids of pictures"),
        (5, {rows[0].id: 5.0}, "the name of the scores as text, got 5"),
    ):
        with pytest.raises(CollectionError, match=words):
            collection.set_scores(judge, scores)
    for wrong, words in (([5], "ratings by the ids of pictures"), ({"a": 5}, "ids of pictures as whole numbers")):
        with pytest.raises(CollectionError, match=words):
            rate(collection, "me", wrong)
    assert collection.scores("p") == {rows[0].id: 3.0, rows[1].id: 2.0}
    assert collection.scores("q") == {}


def test_numbers_of_numpy_are_numbers(collection, make_drawn):
    first, second = (np.int64(row.id) for row in collection.add_drawn([make_drawn(i) for i in range(2)], "m", "DDIM"))
    collection.set_scores("p", {first: np.float32(1.5), second: np.int64(2)})
    assert collection.scores("p") == {1: 1.5, 2: 2.0}
    rate(collection, "me", {first: np.float32(4.5)})
    assert ratings(collection, "me") == {1: 4.5}
    collection.add_items("v1", {1: np.zeros(3)})
    assert list(collection.items("v1", [first, second])) == [1]


def test_many_rows_in_one_question(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(i, size=8) for i in range(3)], "m", "DDIM")
    assert collection.items("v", [r.id for r in rows] * 1000) == {}


@pytest.mark.parametrize("version", ["99", "nonsense"])
def test_later_schema_version_is_refused(collection, where, version):
    with collection.session("be written", write=True) as session:
        session.get(Meta, "schema_version").value = version
    with pytest.raises(CollectionError, match=f"schema version {version}, this soart reads"):
        Collection(where)
    with collection.session("be read") as session:
        assert session.get(Meta, "schema_version").value == version


def test_damaged_database_and_file_in_the_way(tmp_path):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / DATABASE).write_bytes(b"this is no database" * 99)
    with pytest.raises(CollectionError, match=r"cannot be opened: .* \(its file soart.db is damaged"):
        Collection(folder)
    with pytest.raises(CollectionError, match="is a file"):
        Collection(folder / DATABASE)


def test_names_that_no_folder_can_have(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prompt = "a fox in the snow, " * 20
    assert not Collection.is_collection(prompt)
    with pytest.raises(CollectionError, match="cannot be made: File name too long"):
        Collection(prompt)


def test_a_folder_whose_name_begins_like_a_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Collection("~nobody-of-this-name/art").close()
    assert Collection.is_collection("~nobody-of-this-name/art")
    assert (tmp_path / "~nobody-of-this-name" / "art" / DATABASE).is_file()


def test_a_damaged_page_is_named_as_such(tmp_path):
    Collection(tmp_path).close()
    content = (tmp_path / DATABASE).read_bytes()
    (tmp_path / DATABASE).write_bytes(content[: len(content) // 2])
    with pytest.raises(CollectionError, match=r"malformed \(its file soart.db is damaged"):
        Collection(tmp_path)


def test_full_disk_loses_nothing(collection, make_drawn, monkeypatch):
    collection.add_drawn([make_drawn(1)], "m", "DDIM")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CollectionError, match="No space left"):
        collection.add_drawn([make_drawn(2), make_drawn(3)], "m", "DDIM")
    assert len(collection.images()) == 1
    assert len(list((collection.folder / "images").iterdir())) == 1


def test_second_writer_waits_or_says_so(collection, where, make_drawn, monkeypatch):
    monkeypatch.setattr("soart.pipelines.collection.database.LOCK_SECONDS", 0.2)
    with Collection(where) as second:
        with collection.session("be written", write=True), pytest.raises(CollectionError, match=r"lock.*another soart"):
            second.add_drawn([make_drawn(1)], "m", "DDIM")
        assert second.images() == []
        second.add_drawn([make_drawn(1)], "m", "DDIM")
    assert len(collection.images()) == 1


def test_reader_sees_whole_batches_while_another_writes(collection, where, make_drawn):
    collection.add_drawn([make_drawn(1)], "m", "DDIM")
    with Collection(where) as reader:
        with collection.session("be written", write=True) as session:
            session.add(Meta(key="k", value="v"))
            session.flush()
            assert len(reader.images()) == 1
            with reader.session("be read") as reading:
                assert reading.get(Meta, "k") is None
        with reader.session("be read") as reading:
            assert reading.get(Meta, "k").value == "v"


AWKWARD = ["\x00nul\x00", "\udcff surrogate", "\x1a", "\x1a0041", "\x1a\x00", "emoji 🦊 \r\n\t", "a" * 100_000, ""]


def test_text_of_strangers_comes_back(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(i, size=8) for i in range(len(AWKWARD))], "m", "DDIM")
    with collection.session("be written", write=True) as session:
        for row, text in zip(rows, AWKWARD, strict=True):
            session.get(GenerationRow, row.id).prompt = text
    assert [row.generation.prompt for row in collection.images()] == AWKWARD
    with collection.session("be read") as session:
        for row, text in zip(rows, AWKWARD, strict=True):
            assert session.scalar(select(GenerationRow.image_id).where(GenerationRow.prompt == text)) == row.id
    rate(collection, "r\udcff", {rows[0].id: 5})
    assert ratings(collection, "r\udcff") == {rows[0].id: 5}


@given(st.text(st.characters(exclude_categories=())))
def test_stored_text_is_restored(text):
    kept = storable(text)
    assert restored(kept) == text
    assert "\0" not in kept
    kept.encode()


def test_file_name_of_bytes_that_are_no_text(collection, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (4, 4), "red").save(path)
    collection.add_file(path)
    assert collection.locate(collection.images()[0]) == path.resolve()


def test_numbers_too_large_end_in_a_sentence(collection, make_drawn):
    with pytest.raises(CollectionError, match=r"cannot be written: .*(large|out of range)"):
        collection.add_drawn([make_drawn(1), big(make_drawn(2))], "m", "DDIM")
    assert collection.images() == []


def big(drawn):
    return replace(drawn, request=replace(drawn.request, seed=2**63))


def test_mistakes_in_data_are_not_blamed_on_the_disk(collection, make_drawn):
    collection.add_drawn([make_drawn(1)], "m", "DDIM")
    row = collection.images()[0]
    with (
        pytest.raises(CollectionError, match="cannot be written") as twice,
        collection.session("be written", write=True) as session,
    ):
        session.add(ImageRow(sha256=row.sha256, path="x", width=1, height=1))
    with pytest.raises(CollectionError, match="cannot be written") as large:
        collection.set_scores("m", {2**70: 1.0})
    for caught in (twice, large):
        assert "disk" not in str(caught.value)
    with pytest.raises(CollectionError, match="There is no picture 99"):
        rate(collection, "me", {row.id: 5, 99: 5})
    assert ratings(collection, "me") == {}


def test_items_are_kept_as_first_stored(collection, make_drawn):
    (row,) = collection.add_drawn([make_drawn(1)], "m", "DDIM")
    collection.add_items("v", {row.id: np.zeros(3)})
    collection.add_items("v", {row.id: np.ones(3)})
    assert collection.items("v", [row.id])[row.id].tolist() == [0, 0, 0]


def test_memory_holds_no_pictures(make_drawn):
    with Collection(None) as collection, pytest.raises(CollectionError, match="open it in a folder"):
        collection.add_drawn([make_drawn(1)], "m", "DDIM")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_kill_at_any_moment_loses_at_most_the_batch_in_flight(where, nursery):
    """Twenty kills in a row on one collection; after each, every acknowledged batch is whole."""
    Collection(where).close()
    waits = random.Random(4)
    acknowledged = 0
    for life in range(20):
        child, reader = nursery.start(add_batches, where, life * 100_000)
        os.read(reader, 1)
        time.sleep(waits.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        nursery.wait(child)
        acknowledged += 1 + len(os.read(reader, 1 << 16))
        os.close(reader)
        with Collection(where) as collection:
            rows = collection.images()
            assert 3 * acknowledged <= len(rows) <= 3 * (acknowledged + life + 1)
            assert len(rows) % 3 == 0
    with Collection(where) as collection:
        for row in collection.images():
            assert np.asarray(Image.open(collection.locate(row))).shape == (16, 16, 3)


def test_items_that_somebody_else_stored_meanwhile_are_no_mistake(collection, make_drawn):
    (row,) = collection.add_drawn([make_drawn(0)], "m", "s")
    collection.add_items("v", {row.id: np.ones(3)})
    collection.add_items("v", {row.id: np.ones(3)})
    collection.add_items("w", {row.id: np.zeros(2)})
    assert collection.items("v", [row.id])[row.id].tolist() == [1, 1, 1]
    assert collection.items("w", [row.id])[row.id].tolist() == [0, 0]


def test_equal_pictures_without_texts_stay_apart(collection, make_drawn):
    """Two prompts may draw the same pixels, and each has a row of its own."""
    pixels = make_drawn(1).pixels
    one, two, three = (replace(make_drawn(seed), pixels=pixels) for seed in (1, 2, 3))
    rows = collection.add_drawn([one, two], "m", "DDIM", None) + collection.add_drawn([three], "m", "DDIM", None)
    assert len({row.id for row in rows}) == len({row.sha256 for row in rows}) == 3
    for row in rows:
        with Image.open(collection.locate(row)) as picture:
            assert np.array_equal(np.asarray(picture), pixels)
            # No text but a hash, and that only where it must be.
            assert [len(text) for text in picture.text.values()] == ([] if row is rows[0] else [64])
    assert [row.id for row in collection.add_drawn([one, two, three], "m", "DDIM", None)] == [row.id for row in rows]


def test_a_picture_is_held_while_its_file_holds_it(collection, make_drawn):
    row, other = collection.add_drawn([make_drawn(1), make_drawn(2)], "m", "s")
    place = collection.locate(row)
    assert collection.holds(row)
    content = place.read_bytes()
    place.write_bytes(collection.locate(other).read_bytes())
    assert not collection.holds(row)
    place.write_bytes(content)
    assert collection.holds(row)
    place.unlink()
    assert not collection.holds(row)
    key = make_drawn(1).request.key("m")
    # Asked for once, whatever became of its file.
    assert {k: r.id for k, r in collection.requested([key, key, "other"]).items()} == {key: row.id}


def test_what_is_measured_of_which_pictures(collection, make_drawn):
    first, second, third = (row.id for row in collection.add_drawn([make_drawn(k) for k in range(3)], "m", "s"))
    collection.add_items("b", {third: np.ones(2), first: np.zeros(2)})
    collection.add_items("a", {third: np.ones(1)})
    assert collection.measured("b") == (2, third)
    assert collection.measured_ids("b") == [first, third]
    assert collection.measured("c") == (0, 0)
    assert collection.item_versions(third) == ["a", "b"]
    assert collection.item_versions(second) == []
    # What is stored stays.
    collection.add_items("b", {first: np.ones(2), second: np.ones(2)})
    assert collection.items("b", [first])[first].tolist() == [0, 0]
    assert collection.measured_ids("b") == [first, second, third]


@pytest.mark.parametrize(
    ("name", "scores", "words"),
    [
        (1, {1: 2.0}, "name of the scores as text"),
        ("x", [(1, 2.0)], "scores by the ids of pictures"),
        ("x", {"1": 2.0}, "ids of pictures as whole numbers"),
        ("x", {1.0: 2.0}, "ids of pictures as whole numbers"),
        ("x", {1: "2"}, "scores as numbers"),
        ("x", {1: float("nan")}, "got NaN: leave such pictures out"),
    ],
)
def test_scores_of_wrong_types_are_refused(name, scores, words):
    with Collection(None) as collection:
        with pytest.raises(CollectionError, match=words):
            collection.set_scores(name, scores)
        assert collection.scores("x") == {}


def test_places_are_checked_before_long_work(tmp_path):
    Collection.check_place(None)
    Collection.check_place(tmp_path / "new" / "deep")
    assert not (tmp_path / "new").exists()
    Collection(tmp_path / "old").close()
    Collection.check_place(tmp_path / "old")
    assert Collection.is_collection(tmp_path / "old")
    assert not Collection.is_collection(tmp_path)
    assert not Collection.is_collection("a prompt " * 99)
    (tmp_path / "file").touch()
    with pytest.raises(CollectionError, match="is a file: a collection is a folder"):
        Collection.check_place(tmp_path / "file")
    (tmp_path / "old" / DATABASE).write_bytes(b"no database")
    with pytest.raises(CollectionError, match="cannot be opened"):
        Collection.check_place(tmp_path / "old")
