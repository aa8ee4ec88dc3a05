"""Pictures that are dropped on the gallery: owner alone, pictures alone, safe names."""

import errno
import io
import itertools
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from PIL import Image
from specimens.dying import import_and_die, import_pictures

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.services.importing import import_picture
from soart.plugin.web import security


def encoded(seed, side=40):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


#: Takes a while to be written.
LARGE = encoded(0, side=900)


@pytest.fixture
def folder(tmp_path, make_drawn):
    """A collection of four pictures, which are soon measured."""
    with Collection(tmp_path / "things") as collection:
        collection.add_drawn([make_drawn(seed, size=24) for seed in range(4)], "m", "s")
    return tmp_path / "things"


def drop(visitor, name, content):
    headers = {"x-csrf-token": visitor.token}
    return visitor.client.post("/c/0/api/import", params={"name": name}, content=content, headers=headers)


def test_dropped_pictures_are_copied_and_found_by_the_scan(visitor, folder):
    names = ["a.png", "a.png", "../../../x/a.png", "b:\\c\\..\\d?.png"]
    answers = [
        drop(visitor, name, encoded(seed)).json()["name"] for name, seed in zip(names, (1, 1, 2, 3), strict=True)
    ]
    # The same picture once, another one of its name beside it, and no name leads out.
    assert answers == ["a.png", "a.png", "a (2).png", "d_.png"]
    imported = folder / "images" / "imported"
    assert {path.name for path in imported.iterdir()} == {"a.png", "a (2).png", "d_.png"}
    assert {path.name for path in folder.parent.iterdir()} <= {"things", "user"}
    assert visitor.post("/c/0/api/import/scan").status_code == 200
    assert visitor.wait_for("evaluate")["state"] == "done"
    with Collection(folder) as collection:
        found = sorted(collection.locate(row).name for row in collection.images()[4:])
    assert found == ["a (2).png", "a.png", "d_.png"]
    assert len(visitor.get("/api/ids").json()["ids"]) == 7


def test_a_name_that_is_long_in_bytes_is_shortened(collection):
    # On other systems names may have 255 characters, whatever their bytes.
    first, second = (import_picture(collection, "狐狸" * 120 + ".png", encoded(seed)) for seed in (1, 2))
    assert second.name == f"{first.stem} (2).png"
    assert (first.read_bytes(), second.read_bytes()) == (encoded(1), encoded(2))


def test_pictures_of_one_name_that_arrive_at_once_all_stay(collection):
    contents = [encoded(seed) for seed in (*range(8), 0)]
    with ThreadPoolExecutor(len(contents)) as pool:
        paths = list(pool.map(partial(import_picture, collection, "a.png"), contents))
    assert len(set(paths)) == 8
    assert [path.read_bytes() for path in paths] == contents


def remains(folder):
    """Imported files that are not whole."""
    return [path.name for path in (folder / "images" / "imported").iterdir() if path.read_bytes() != LARGE]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="the system has no files without a name")
def test_an_import_that_is_killed_twenty_times_leaves_nothing_behind(nursery, folder):
    waits = random.Random(4)
    for life in range(20):
        child, reader = nursery.start(import_pictures, folder, LARGE, life * 1000, 1000)
        os.read(reader, 1)
        time.sleep(waits.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        assert nursery.wait(child) == signal.SIGKILL
        os.close(reader)
        assert remains(folder) == []


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="the system has no files without a name")
def test_an_import_killed_at_any_moment_leaves_nothing_behind(nursery, folder):
    for moment in itertools.count():
        child, reader = nursery.start(import_and_die, moment, folder, LARGE)
        with os.fdopen(reader) as stream:
            call = stream.read()
        assert nursery.wait(child) == (signal.SIGKILL if call else 0)
        assert remains(folder) == [], call
        if not call:
            break
    assert moment >= 4


@pytest.mark.parametrize("disk_is_full", [False, True])
def test_a_picture_is_imported_whole_or_not_at_all_where_all_files_have_names(collection, monkeypatch, disk_is_full):
    opened, flushed = os.open, os.fsync

    def fail(path, flags, *arguments, **options):
        if flags & getattr(os, "O_TMPFILE", 0) == getattr(os, "O_TMPFILE", -1):
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return opened(path, flags, *arguments, **options)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "open", fail)
    monkeypatch.setattr(os, "fsync", full if disk_is_full else flushed)
    folder = collection.file("images") / "imported"
    if disk_is_full:
        with pytest.raises(CollectionError, match="full"):
            import_picture(collection, "a.png", LARGE)
        assert [*folder.iterdir()] == []
        return
    for content, name in ((LARGE, "a.png"), (encoded(1), "a (2).png"), (LARGE, "a.png")):
        assert import_picture(collection, "a.png", content) == folder / name
    assert {path.name for path in folder.iterdir()} == {"a.png", "a (2).png"}


@pytest.mark.parametrize(("name", "content"), [
    ("a.html", encoded(1)), ("a.png", b"<script>"), ("a.svg", b"<svg/>"), (".png", encoded(1)), ("a.png", b""),
    ("a.png", encoded(1)[:-200]), ("", encoded(1)),
])  # fmt: skip
def test_anything_but_a_sound_picture_is_refused(reader, things, name, content):
    assert drop(reader, name, content).status_code == 400
    assert not (things / "images" / "imported").exists()


def test_only_the_owner_adds_pictures_and_only_with_the_token_of_the_session(visit, folder):
    guest = visit(guests=True, secrets={"token": ""})
    assert drop(guest, "a.png", encoded(1)).status_code == 403
    assert guest.post("/c/0/api/import/scan").status_code == 403
    owner = visit()
    owner.token = "guess"
    assert drop(owner, "a.png", encoded(1)).status_code == 403
    assert not (folder / "images" / "imported").exists()


def test_the_size_of_pictures_is_limited_for_the_owner_and_more_for_guests(visit, monkeypatch):
    large = encoded(1, side=650)
    assert len(large) > security.MOST_BYTES
    owner, guest = visit(), visit(guests=True, secrets={"token": ""})
    assert drop(owner, "large.png", large).status_code == 200
    assert "too large" in drop(guest, "large.png", large).json()["error"]
    monkeypatch.setattr(security, "MOST_PICTURE_BYTES", 1000)
    assert "too large" in drop(owner, "b.png", large).json()["error"]
    # Other addresses take no more than before.
    assert owner.post("/c/0/api/rate", {"junk": "x" * 1_100_000}).status_code == 403
