"""Exports of selected pictures: tables and archives."""

import csv
import io
import json
import tracemalloc
import zipfile
from datetime import datetime

import numpy as np
import pytest

from soart.errors import CollectionError
from soart.pipelines.collection.labels import FAVOURITE, TAG, set_label
from soart.pipelines.collection.ratings import NOT_FOR_ME, set_judgements
from soart.pipelines.services.export import PictureExport, original, safe_name, zip_stream


def archive_of(collection, ids, allowed=(), **options):
    content = b"".join(PictureExport(collection, ids, "zip", allowed, **options).stream())
    return zipfile.ZipFile(io.BytesIO(content))


@pytest.fixture
def mixed(collection, make_drawn, paint, tmp_path):
    """Two drawn pictures, the first with opinions, and two files of a folder, the first with texts beside it."""
    rows = collection.add_drawn([make_drawn(1, prompt="=a, boat"), make_drawn(2)], "m", "s")
    folder = tmp_path / "found"
    paths = sorted(paint(folder, 2, 3, vivid=True).iterdir())
    rows += [collection.add_file(path)[0] for path in paths]
    (folder / f"{paths[0].stem}.txt").write_text("a caption")
    ids = [row.id for row in rows]
    set_judgements(collection, "ann", {ids[0]: 4, ids[1]: 0})
    set_judgements(collection, "ben", {ids[0]: 1, ids[1]: NOT_FOR_ME})
    set_judgements(collection, "cleo", {ids[1]: NOT_FOR_ME})
    set_label(collection, TAG, "boat", [ids[0]])
    set_label(collection, FAVOURITE, "ann", [ids[0]])
    collection.set_scores("technical-9", {ids[0]: 71.5, ids[1]: float("inf")})
    return collection, ids, paths


def test_an_archive_holds_pictures_tables_and_texts(mixed):
    collection, ids, paths = mixed
    with archive_of(collection, [*ids, ids[0], 999], private=True) as archive:
        names = archive.namelist()
        drawn = [f"{n} {collection.locate(row).name}" for n, row in enumerate(collection.images()[:2], start=1)]
        assert names == [*drawn, f"3 {paths[0].name}", f"3 {paths[0].stem}.txt", f"4 {paths[1].name}", "pictures.csv", "pictures.json"]  # fmt: skip
        assert archive.read(names[2]) == paths[0].read_bytes()
        table = json.loads(archive.read("pictures.json"))
        rows = list(csv.DictReader(io.StringIO(archive.read("pictures.csv").decode())))
    assert [record["file"] for record in table] == [*drawn, f"3 {paths[0].name}", f"4 {paths[1].name}"]
    first = table[0]
    assert (first["prompt"], first["seed"], first["tool"], first["rating:ann"]) == ("=a, boat", "1", "soart", 4)
    assert (first["tags"], first["favourite_of"], first["score:technical-9"]) == ("boat", "ann", 71.5)
    assert (table[1]["rating:ann"], table[1]["score:technical-9"], table[2]["prompt"]) == (0, None, None)
    # "Not for me" is not one star.
    assert [(record["rating:ben"], record["not_for"]) for record in table[:2]] == [(1, None), (None, "ben, cleo")]
    assert [row["not_for"] for row in rows] == ["", "ben, cleo", "", ""]
    assert table[2]["path"] == str(paths[0])
    # A spreadsheet must not take a prompt for a formula.
    assert rows[0]["prompt"] == "'=a, boat"
    assert {record["left_out"] for record in table} == {None}


def test_without_the_right_neither_paths_nor_texts_are_exported(mixed, tmp_path):
    collection, ids, _ = mixed
    with archive_of(collection, ids) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".txt")]
        assert all(str(tmp_path).encode() not in archive.read(name) for name in archive.namelist())
    for kind in ("csv", "json"):
        export = b"".join(PictureExport(collection, ids, kind, ()).stream())
        assert str(tmp_path).encode() not in export
        assert b"=a, boat" in export


def test_links_out_changed_and_missing_files_are_left_out(mixed, tmp_path):
    collection, ids, paths = mixed
    secret = tmp_path / "secret.png"
    secret.write_bytes(paths[0].read_bytes())
    paths[0].unlink()
    paths[0].symlink_to(secret)
    paths[1].write_bytes(b"something else")
    collection.locate(collection.images()[1]).unlink()
    with archive_of(collection, ids) as archive:
        assert len(archive.namelist()) == 3
        reasons = [record["left_out"] for record in json.loads(archive.read("pictures.json"))]
    assert reasons[0] is None
    assert [reason.split(":")[0] for reason in reasons[1:]] == [
        "Its file cannot be read", "Its path is a link out of the folders of this collection.",
        "Its file was changed since it was scanned",
    ]  # fmt: skip
    # A link into an allowed folder is no link out.
    assert original(collection, collection.images()[2], [tmp_path.resolve()]) == secret.read_bytes()


def test_a_folder_that_became_a_link_is_left_out(mixed, tmp_path):
    collection, ids, paths = mixed
    paths[0].parent.rename(tmp_path / "elsewhere")
    paths[0].parent.symlink_to(tmp_path / "elsewhere")
    with archive_of(collection, ids[2:]) as archive:
        assert archive.namelist() == ["pictures.csv", "pictures.json"]


def test_wrong_exports_are_refused(mixed):
    collection, ids, _ = mixed
    with pytest.raises(CollectionError, match="zip, csv, json"):
        PictureExport(collection, ids, "exe", ())
    with pytest.raises(CollectionError, match="select others"):
        PictureExport(collection, [999], "csv", ())


def test_names_are_safe_on_every_system():
    assert safe_name("a:b?/..\\c\n.png") == "a_b__.._c_.png"
    assert safe_name("x" * 300 + ".png") == "x" * 90 + ".png"
    # Three bytes each.
    assert safe_name("狐" * 85 + ".png") == "狐" * 65 + ".png"
    assert safe_name("photo\u202egnp.exe") == "photo_gnp.exe"
    assert safe_name("..") == safe_name("") == "picture"
    assert safe_name("\udcff.png") == "?.png".replace("?", "_")


def test_the_archive_holds_the_files():
    noise = np.random.default_rng(0).bytes(300_000)
    files = [
        ("a.png", datetime(2026, 1, 31, 12, 30, 2), [noise[:1000], noise[1000:]]),
        ("ö b.txt", datetime(1970, 1, 1), [b""]),
        ("last.csv", datetime(9999, 1, 1), (b"x" for _ in range(3))),
    ]
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_stream(files)))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.png", "ö b.txt", "last.csv"]
        assert archive.read("a.png") == noise
        assert archive.read("last.csv") == b"xxx"
        assert archive.getinfo("a.png").date_time == (2026, 1, 31, 12, 30, 2)
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_stream([])))) as archive:
        assert archive.namelist() == []


def test_memory_does_not_grow_with_the_archive():
    content = bytes(1_000_000)
    files = ((f"{number}", datetime(2026, 1, 1), [content]) for number in range(40))
    tracemalloc.start()
    total = sum(map(len, zip_stream(files)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 40_000_000
    assert peak < 5_000_000
