"""Comparing: the pictures to compare, choices, and their undo."""

import json
import re

import pytest

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate
from soart.pipelines.collection.tables import MetadataRow


def joined(ids):
    return ",".join(map(str, ids))


def test_the_best_by_a_judge_are_those_with_scores(visitor, folder):
    assert visitor.get("/api/pool", source="best", by="technical", count=4).json()["ids"] == []
    with Collection(folder) as collection:
        collection.set_scores("technical-9", {3: 1.0, 5: 3.0, 7: 2.0})
        rate(collection, "ann", {4: 2, 6: 5})
    assert visitor.get("/api/pool", source="best", by="technical", count=4).json()["ids"] == [5, 7, 3]
    assert visitor.get("/api/pool", source="best", by="person:ann", count=4).json()["ids"] == [6, 4]
    assert visitor.get("/api/pool", source="best", by="nobody", count=4).status_code == 400


def test_pictures_to_compare_of_other_sources(reader):
    assert len(reader.get("/api/pool", source="any", count=4, words="red").json()["ids"]) == 4
    assert reader.get("/api/pool", source="liked").json()["ids"] == []


def test_too_few_pictures_and_wrong_choices_are_refused(reader):
    assert reader.get("/api/compare", ids="1,999").status_code == 400
    assert reader.send("compare", choice="c", winner=1, losers="2").status_code == 400


@pytest.mark.parametrize("skipped", ["1,2", "1"])
def test_skipped_pairs_come_last(reader, skipped):
    state = reader.get("/api/compare", ids="1,2,3", passed=skipped).json()
    assert len(state["ask"]) == 2
    if "," in skipped:
        assert {cell["id"] for cell in state["ask"]} != {1, 2}


def test_two_pictures_are_an_order_after_two_choices(visitor):
    for choice in ("c", "d"):
        assert not visitor.get("/api/compare", ids="2,3").json()["clear"]
        visitor.send("compare", choice=choice, winner=3, losers=[2])
    state = visitor.get("/api/compare", ids="2,3").json()
    assert state["clear"]
    assert [cell["id"] for cell in state["order"]] == [3, 2]


def test_settings_have_names_in_words_and_no_size_is_shown_twice(visitor, folder, paint, tmp_path):
    with Collection(folder) as collection:
        rows = [collection.add_file(path)[0] for path in sorted(paint(tmp_path / "found", 2, 3, vivid=True).iterdir())]
        sizes = (f"{rows[0].width}x{rows[0].height}", "16x16")
        with collection.session("be written", write=True) as session:
            for row, digest, size in zip(rows, ("ab12", "cd34"), sizes, strict=True):
                settings = json.dumps({"model hash": digest, "100 % odd": digest, "size": size})
                session.add(
                    MetadataRow(image_id=row.id, source="png", tool="x", prompt="a", negative=digest, settings=settings)
                )
    ids = joined(row.id for row in rows)
    page = visitor.client.get("/c/0/compare/differences", params={"ids": ids}).text
    names = re.findall(r'<th scope="row">([^<]*)</th>', page)
    assert names == ["Prompt", "Negative", "Model hash", "100 % odd", "Size when drawn"]
    assert '<td class="num">–</td><td class="num">16x16</td>' in page
    details = visitor.client.get(f"/c/0/detail/{rows[0].id}").text
    assert "<dt>Model hash</dt><dd>ab12</dd>" in details
    assert "when drawn" not in details


def test_files_of_which_nothing_is_known_are_said_to_be_so(visitor, folder, paint, tmp_path):
    with Collection(folder) as collection:
        rows = [collection.add_file(path)[0] for path in sorted(paint(tmp_path / "found", 2, 3, vivid=True).iterdir())]
    page = visitor.get("/compare/differences", ids=joined(row.id for row in rows)).text
    assert "No difference is known" in page
    assert "<table" not in page
    assert "<table" in visitor.get("/compare/differences", ids=f"{rows[0].id},4").text


def test_differences_of_prompts_and_settings_are_shown_as_text(reader):
    page = reader.get("/compare/differences", ids="4,5,999").text
    assert "a <mark>red </mark>thing number <mark>3</mark>" in page
    assert "a <mark>grey </mark>thing number <mark>4</mark>" in page
    assert '<th scope="row">Seed</th><td class="num">3</td><td class="num">4</td>' in page
    assert "Steps" not in page
    hostile = reader.get("/compare/differences", ids="1,2").text
    assert "<img" not in hostile
    assert "<script" not in hostile
    assert reader.get("/compare/differences", ids="x").status_code == 400
