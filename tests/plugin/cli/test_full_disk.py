"""Commands that change or write files, on a disk that gets full: nothing is lost, one sentence sums up, and the exit code is 1."""

import contextlib
import json
import os
import re

import numpy as np
import pytest
from PIL import Image

COUNT = 12
#: Of a picture below, on a disk whose blocks are 4 KiB.
PICTURE = 16 << 10


@pytest.fixture
def art(tmp_path, monkeypatch):
    """Pictures of noise, of less than ``PICTURE`` bytes each; the user's own places lie in a temporary folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "art"
    folder.mkdir()
    for seed in range(COUNT):
        pixels = np.random.default_rng(seed).integers(0, 256, (68, 68, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed:02}.png")
    assert all(PICTURE - 4096 < path.stat().st_size < PICTURE for path in folder.iterdir())
    return folder


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fill(disk):
    with (disk / "filler").open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(bytes(1024)):
            pass
    assert os.statvfs(disk).f_bavail == 0


def test_a_cull_to_a_full_disk_says_so_once_and_can_be_undone(soart, art, small_disk):
    before, disk = contents(art), small_disk(6 * PICTURE)
    code, out, err = soart("cull", art, "--below", 1e6, "--to", disk)
    undo_file = re.search(r"To undo: soart undo (\S+)", out)[1]
    moved = len(contents(disk))
    assert 4 <= moved <= 6
    assert out.startswith(f"Moved: {moved} low, of {COUNT} pictures\n")
    assert re.findall(r".*No space left.*", err) == [
        f"{COUNT - moved} files cannot be moved: No space left on device. The first is {str(art / f'{moved:02}.png')!r}."
    ]
    assert code == 1
    assert len(contents(art)) == COUNT - moved
    assert soart("undo", undo_file)[:2] == (0, f"{moved} changes undone\n")
    assert contents(art) == before
    assert contents(disk) == {}


def test_an_undo_to_a_full_disk_says_so_once_and_goes_on_later(soart, art, tmp_path, small_disk):
    disk = small_disk(2 * COUNT * PICTURE)
    mine = art.rename(tmp_path / "away")
    for name, content in contents(mine).items():
        (disk / name).write_bytes(content)
    done = json.loads(soart("cull", disk, "--below", 1e6, "--to", tmp_path / "out", "--json")[1])
    fill(disk)
    code, _, err = soart("undo", done["undo_file"])
    assert (code, err.count("No space left")) == (1, 1)
    assert f"{COUNT} files cannot be moved back: No space left on device. The first is " in err
    (disk / "filler").unlink()
    assert soart("undo", done["undo_file"])[:2] == (0, f"{COUNT} changes undone\n")
    assert contents(disk) == contents(mine)


def test_a_keep_to_a_full_disk_says_so_once(soart, art, small_disk):
    for path in art.iterdir():
        path.with_suffix(".txt").write_text("a fox")
    code, out, _ = soart("keep", art, "--by", "technical", "--move-others-to", small_disk(6 * PICTURE), "--json")
    document = json.loads(out)
    assert (code, 0 < document["moved"] < COUNT - 1) == (1, True)
    assert sum("No space left" in problem for problem in document["problems"]) == 1
    assert soart("undo", document["undo_file"])[0] == 0
    assert len(contents(art)) == 2 * COUNT


def test_annotations_on_a_full_disk_say_so_once_and_can_be_undone(soart, art, tmp_path, small_disk):
    disk = small_disk((COUNT + 5) * PICTURE)
    for name, content in contents(art).items():
        (disk / name).write_bytes(content)
    fill(disk)
    code, out, err = soart("label", disk, "--xmp")
    said, undo_file = out.split("To undo: soart undo ")
    assert (code, said) == (1, "Annotated 0 files\n")
    assert err.count("No space left") == 1
    assert f"{COUNT} files cannot be annotated: No space left on device." in err
    assert soart("undo", undo_file.strip())[0] == 0
    (disk / "filler").unlink()
    assert contents(disk) == contents(art)


@pytest.mark.parametrize(
    "command",
    [
        ("rank", "--by", "technical"),
        ("find", "--like", "00.png", "--network", "none"),
        ("keep", "--by", "technical", "--group", "folder", "--per-group", "99"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_copies_to_a_full_disk_say_so_once(soart, art, small_disk, command, form):
    name, *options = command
    if name == "find":
        Image.new("RGB", (68, 68), "red").save("00.png")
    arguments = [name, art, *options]
    disk = small_disk(6 * PICTURE)
    code, out, err = soart(*arguments, "--copy-to", disk, *form)
    copied = len(contents(disk))
    said = "\n".join(json.loads(out)["problems"]) if form else err
    assert said.count("No space left") == 1
    assert f"{COUNT - copied} files cannot be copied to {str(disk)!r}: No space left on device." in said
    assert (json.loads(out)["copied"] if form else int(re.search(r"(\d+) copied", out)[1])) == copied
    assert (code, 4 <= copied <= 6) == (1, True)


@pytest.mark.parametrize(
    "option",
    [("--report", "report"), ("--report", "report.html"), ("--export", "table.csv"), ("--export", "table.json")],
)
def test_reports_and_exports_to_a_full_disk_fail_in_one_sentence(soart, art, small_disk, option):
    disk = small_disk(2 * PICTURE)
    fill(disk)
    code, _, err = soart("evaluate", art, option[0], disk / option[1])
    assert (code, err.count("No space left on device"), err.count("cannot be written")) == (1, 1, 1)
