"""The choice between several versions of a judge."""

from types import SimpleNamespace

import pytest

from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.storing import judge_pictures
from soart.pipelines.judges.versions import ADHERENCES, is_adherence, latest_of, note_latest, noted_latest
from soart.pipelines.scoring.pictures import StoredPictures

QUALITY = "judge:rated-quality"
NEW, OLD = f"{QUALITY}@007db90d9615", f"{QUALITY}@9f7c5968f213"


def test_the_version_that_judged_last_counts_else_the_one_with_most_values(collection):
    assert latest_of(collection, QUALITY, {}) == ""
    assert latest_of(collection, QUALITY, {NEW: 3, OLD: 20}) == OLD
    assert latest_of(collection, QUALITY, {NEW: 20, OLD: 3}) == NEW
    note_latest(collection, NEW)
    assert latest_of(collection, QUALITY, {NEW: 3, OLD: 20}) == NEW
    assert latest_of(collection, QUALITY, {OLD: 20}) == OLD
    note_latest(collection, OLD)
    assert latest_of(collection, QUALITY, {NEW: 30, OLD: 20}) == OLD


def test_a_judge_at_work_is_noted(collection):
    judge = SimpleNamespace(name="redness", version="2", scale=(0, 1), needs=("pixels",), values=lambda _: [])
    assert judge_pictures(StoredPictures(collection, []), GuardedJudge(judge)) == ({}, [])
    assert noted_latest(collection, "judge:redness") == "judge:redness@2"


def test_judges_are_noted_apart_whatever_their_names(collection):
    names = [f"judge:clip:/{folder}/{'x' * 200}@1" for folder in "ab"] + ["judge:adherence@2", "judge:adherence:a@2"]
    for name in names:
        note_latest(collection, name)
    assert [noted_latest(collection, name.partition("@")[0]) for name in names] == names
    assert noted_latest(collection, ADHERENCES) == "judge:adherence:a@2"


@pytest.mark.parametrize(("name", "expected"), [
    ("judge:adherence@1", True), ("judge:adherence:towers@1", True), ("judge:adherence-of-acme@1", False),
])  # fmt: skip
def test_adherence(name, expected):
    assert is_adherence(name) == expected
