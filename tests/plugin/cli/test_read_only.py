"""Commands on collections in folders that cannot be written."""

import codecs
import os

import numpy as np
import pytest
from PIL import Image
from specimens.rights import enterable_folder, unwritable

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs rights of POSIX")


@pytest.fixture
def place():
    with enterable_folder() as folder:
        yield folder


def test_commands_that_keep_nothing_work(soart, place, monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(place / "home"))
    # Which the ordinary user may enter.
    monkeypatch.chdir(place)
    (place / "pictures").mkdir()
    for k in range(3):
        Image.fromarray(np.random.default_rng(k).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(
            place / "pictures" / f"{k}.png"
        )
    evaluation = ("evaluate", place / "pictures", "--collection", place / "pictures" / "art", "--export")
    looks = (
        ("rank", place / "pictures" / "art", "--json"),
        ("keep", place / "pictures" / "art", "--group", "prompt", "--json"),
        ("keep", place / "pictures" / "art", "--move-others-to", place / "out" / "others", "--dry-run"),
        ("cull", place / "pictures" / "art", "--to", place / "out" / "bad", "--worst", "50", "--dry-run"),
        ("label", place / "pictures" / "art", "--xmp", "--dry-run"),
    )
    (place / "out").mkdir(mode=0o777)
    (place / "out").chmod(0o777)
    # Imports everything, which an ordinary user may not read here.
    codecs.lookup("cp437")
    assert soart(*evaluation, place / "out" / "before.csv")[0] == 0
    expected = [soart(*look)[:2] for look in looks]
    assert [code for code, _ in expected] == [0] * len(looks)
    with unwritable(place / "pictures"):
        code, _, err = soart(*evaluation, place / "out" / "after.csv")
        assert (code, "is read-only: this evaluation of it is not kept" in err) == (0, True)
        assert [soart(*look)[:2] for look in looks] == expected
    assert (place / "out" / "after.csv").read_bytes() == (place / "out" / "before.csv").read_bytes()
