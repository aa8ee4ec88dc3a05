"""Exports of an evaluation: tables and the page."""

import csv
import io
import json
import os
import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from specimens.scanning import Here
from specimens.ugly import encoded, picture

from soart.errors import CollectionError
from soart.metrics.damage.reasons import NO_FAULT
from soart.pipelines.collection.pictures import sha256_by_id, update_pictures
from soart.pipelines.collection.score_statistics import numbers_and_scores
from soart.pipelines.evaluation.export import export, format_of
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.records import columns, records
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.reports.evaluation import render_evaluation, write_evaluation
from soart.pipelines.services.export import PictureExport
from soart.pipelines.tidying.annotate import with_rating


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_exports_hold_every_file_and_come_back(found, tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    names = columns(found.evaluation)
    expected = list(records(found.collection, found.update.scan_number, found.evaluation))
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
    judged = [row for row in expected if row["score"]]
    assert all(row["technometric"] >= 0 and (row["verdict"] == NO_FAULT) <= (row["damage"] is None) for row in judged)
    assert sorted(judged, key=lambda row: row["technometric"]) == sorted(judged, key=lambda row: -row["score"])
    export(records(found.collection, found.update.scan_number, found.evaluation), names, path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_stars_beside_a_picture_name_no_tool(collection, tmp_path):
    folder = tmp_path / "art"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(picture(1), "PNG"))
    (folder / "a.xmp").write_text(with_rating(None, 4))
    result = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
    [row] = records(collection, result.update.scan_number, result.evaluation)
    assert (row["tool"], row["settings"], row["source"]) == (None, '{"rating": "4"}', "sidecar:a.xmp")
    content = b"".join(PictureExport(collection, result.evaluation.ids.tolist(), "json", ()).stream())
    [row] = json.loads(content)
    assert (row["tool"], row["settings"]) == (None, "rating: 4")


def test_times_before_1970_are_not_mirrored(collection, tmp_path):
    times = {"a": -1, "b": -300_000_000, "c": 0, "d": -(2**31), "e": 2_000_000_000, "f": int(time.time())}
    for k, (name, when) in enumerate(times.items()):
        (tmp_path / f"{name}.png").write_bytes(encoded(picture(k), "PNG"))
        os.utime(tmp_path / f"{name}.png", (when, when))
    expected = ["1969-12-31T23:59:59Z", "1960-06-29T18:40:00Z", "1970-01-01T00:00:00Z", "1922-06-20T21:20:00Z"]
    expected += ["2033-05-18T03:33:20Z", f"{datetime.fromtimestamp(times['f'], UTC):%Y-%m-%dT%H:%M:%SZ}"]
    result = sync_and_evaluate(collection, Scan([tmp_path]), Here(), "technical")
    rows = [*records(collection, result.update.scan_number, result.evaluation)]
    assert [row["changed"] for row in rows] == expected
    dates = numbers_and_scores(collection, result.update.scan_number, result.evaluation.main, "date")[0][:, 0]
    assert sorted(str(date(1970, 1, 1) + timedelta(int(day))) for day in dates) == sorted(day[:10] for day in expected)
    # None of them is opened again.
    assert sync_and_evaluate(collection, Scan([tmp_path]), Here(), "technical").update.looked == 0


def test_a_picture_that_failed_has_its_reason(found):
    ids = found.evaluation.ids[:2].tolist()
    update_pictures(found.collection, [{"id": ids[0], "problem": "all black"}])
    try:
        rows = list(records(found.collection, found.update.scan_number, found.evaluation))
    finally:
        update_pictures(found.collection, [{"id": ids[0], "problem": None}])
    digest = sha256_by_id(found.collection, ids)[ids[0]]
    assert {row["sha256"] for row in rows if row["problem"] == "all black"} == {digest}


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
    assert not re.search(r'src="(?!data:)|href="(?!data:|#|file:///)', page)
    written = write_evaluation(tmp_path / "report", found)
    assert written.name == "index.html"
    assert len(list((tmp_path / "report" / "thumbs").iterdir())) == 42
    assert "data:image/jpeg" in written.read_text(encoding="utf-8")


@pytest.fixture
def strange(tmp_path):
    """A folder with a good picture, a broken one, and files that are bad by name or kind."""
    folder = tmp_path / "strange"
    folder.mkdir()
    (folder / "good.png").write_bytes(encoded(picture(1), "PNG"))
    (folder / "noise.png").write_bytes(b"noise")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "circle.png").symlink_to(folder / "circle.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "device.jpg").symlink_to(os.devnull)
    (folder / "folder.png").mkdir()
    (folder / "link.png").symlink_to(tmp_path)
    (folder / "note.txt").symlink_to(tmp_path / "nowhere.txt")
    Path(os.fsdecode(os.fsencode(folder) + b"/b\xff.png")).write_bytes(encoded(picture(2), "PNG"))
    return folder


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_files_that_cannot_be_looked_at_have_rows(collection, strange, tmp_path, kind):
    bad = {
        "b\\xff.png": "not valid UTF-8", "circle.png": "symbolic links", "device.jpg": "not a regular file", "gone.png": "not there",
        "noise.png": "", "pipe.png": "not a regular file",
    }  # fmt: skip
    result = sync_and_evaluate(collection, Scan([strange, strange / "pipe.png"]), Here(), "technical")
    assert len(result.update.problems) == len(bad)
    path = tmp_path / f"out.{kind}"
    rows = records(collection, result.update.scan_number, result.evaluation, result.update.unusable)
    export(rows, columns(result.evaluation), path)
    if kind == "json":
        got = json.loads(path.read_bytes())
    elif kind == "parquet":
        from pyarrow import parquet

        got = parquet.read_table(path).to_pylist()
    else:
        got = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    names = {row["path"].removeprefix(f"{strange}/"): row["problem"] or "" for row in got}
    assert list(names) == sorted([*bad, "good.png"])
    assert len(got) == len(names)
    assert names.pop("good.png") == ""
    assert all(names[name] and reason in names[name] for name, reason in bad.items())


def test_files_that_cannot_be_opened_have_rows(collection, strange):
    class Locked(LocalEngine):
        def inspect(self, paths, kinds=(None,)):
            for inspection in super().inspect(paths, kinds):
                refused = inspection.path.endswith("noise.png")
                yield replace(inspection, problem="It is locked.", lasting=False) if refused else inspection

    result = sync_and_evaluate(collection, Scan([strange]), Locked(1), "technical")
    rows = records(collection, result.update.scan_number, result.evaluation, result.update.unusable)
    assert {row["path"]: row["problem"] for row in rows}[str(strange / "noise.png")] == "It is locked."


def test_a_folder_whose_name_is_no_text(collection, strange, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xfe"))
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(picture(3), "PNG"))
    for _ in range(2):
        result = sync_and_evaluate(collection, Scan([strange, folder, folder / "a.png"]), Here(), "technical")
        assert result.title == "strange, d\\xfe, a.png"
        assert "not valid UTF-8" in result.update.unusable[str(folder / "a.png")]
    write_evaluation(tmp_path / "page.html", result)
