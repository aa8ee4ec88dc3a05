"""What leaves an evaluation: tables and the page."""

import csv
import io
import json
import re

import pytest

from soart.errors import CollectionError
from soart.pipelines.evaluate_report import render_evaluation, write_evaluation
from soart.pipelines.exports import export, format_of
from soart.pipelines.records import columns, records


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_exports_hold_every_file_and_come_back(found, tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    names = columns(found.evaluation)
    expected = list(records(found.store, found.update.scan, found.evaluation))
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
    export(records(found.store, found.update.scan, found.evaluation), names, path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


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
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    written = write_evaluation(tmp_path / "report", found)
    assert written.name == "index.html"
    assert len(list((tmp_path / "report" / "thumbs").iterdir())) == 42
    assert "data:image/jpeg" in written.read_text(encoding="utf-8")
