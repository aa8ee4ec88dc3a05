"""Judges that a gallery offers."""

import pytest

from soart.errors import JudgeError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.offered import OfferedJudges
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore


@pytest.fixture
def tastes(tmp_path):
    with Collection(tmp_path / "collection") as collection:
        yield CollectionTastes(collection, TasteStore(tmp_path / "tastes"))


def labels(offered):
    return [judge.label for judge in offered]


def test_adherence_those_of_packages_and_those_of_the_owner(package, tmp_path):
    owner = [("acme_judge:Moody", 0.5), (f"clip:{tmp_path}/fine", 2.0), ("redness", 3.0)]
    offered = OfferedJudges(owner)
    assert labels(offered) == [
        "adherence",
        "appeal",
        "rated-quality",
        "nima",
        "faces",
        "broken",
        "ready",
        "redness",
        "acme_judge:Moody",
        "clip:fine",
    ]
    assert [judge.weight for judge in offered] == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 0.5, 2.0]
    assert [source.name for source in offered.own] == ["acme_judge:Moody", "clip:fine"]
    assert {judge.label: judge.source.origin for judge in offered}["ready"] == "acme-judge 2.5"


def test_the_owner_may_weigh_a_judge_that_is_offered_anyway(package):
    offered = OfferedJudges([(" adherence ", 0.5)])
    assert [(judge.label, judge.weight) for judge in offered if "adherence" in judge.label] == [("adherence", 0.5)]


def test_they_are_loaded_once_and_guarded_anew(package, tastes):
    offered = OfferedJudges([("acme_judge:Moody", 1.0)])
    [(first, weight)] = offered.weighted({"acme_judge:Moody": 0.5}, tastes)
    second = offered.named("acme_judge:Moody", tastes)
    assert (first.stored_name, weight) == ("judge:redness@1", 0.5)
    assert first is not second
    assert first.inner is second.inner


def test_visitors_name_judges_of_items_and_people_too(tastes):
    judges = OfferedJudges().weighted({"technical": 1.0, "person:ann": 2.0}, tastes)
    assert [(judge.stored_name, judge.person, weight) for judge, weight in judges] == [
        ("technical-9", "", 1.0), ("person:ann", "ann", 2.0),
    ]  # fmt: skip
    [(judge, weight)] = OfferedJudges().weighted({}, tastes)
    assert (judge.name, weight) == ("overall", 1.0)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"acme_judge:Redness": 1.0}, "'acme_judge:Redness' is not offered here"),
        ({"clip:/etc": 1.0}, "is not offered here"),
        ({"redness:0.5": 1.0}, "is not offered here"),
        ({"broken": 1.0}, "cannot be loaded: RuntimeError: no weights"),
        ({"redness": -1.0}, "Expected weights of judges from 0"),
        ({"redness": float("nan")}, "Expected weights of judges from 0"),
        ({"redness": 1.0, "ready": 1.0}, "named twice"),
    ],
)
def test_nothing_else_is_loaded(package, tastes, weights, message):
    with pytest.raises(JudgeError, match=message):
        OfferedJudges().weighted(weights, tastes)


def test_a_mistake_of_the_owner_is_seen_at_the_start(tmp_path):
    with pytest.raises(JudgeError, match="There is no judge 'nothing'"):
        OfferedJudges([("nothing", 1.0)])
    with pytest.raises(JudgeError, match="both be called 'clip:fine'"):
        OfferedJudges([(f"clip:{tmp_path}/a/fine", 1.0), (f"clip:{tmp_path}/b/fine", 1.0)])
