"""Archives that are written in pieces."""

import io
import tracemalloc
import zipfile
from datetime import datetime

import numpy as np

from soart.pipelines.support.zip_stream import zip_stream


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
