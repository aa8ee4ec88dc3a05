"""Values of judges beside an evaluation."""

import numpy as np
import pytest
from specimens.scanning import Here

from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.judge_values import all_judges, titles_of
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.judges.versions import note_latest

NEW, OLD = "judge:rated-quality@007db90d9615", "judge:rated-quality@9f7c5968f213"


@pytest.fixture
def evaluated(tmp_path, paint):
    with Collection(tmp_path / "collection") as collection:
        yield sync_and_evaluate(collection, Scan([paint(tmp_path / "art", 6, 3, vivid=True)]), Here(), "technical")


def test_versions_have_no_order_by_name(evaluated):
    ids, collection = evaluated.evaluation.ids.tolist(), evaluated.collection
    collection.set_scores(NEW, dict.fromkeys(ids, 0.5))
    collection.set_scores(OLD, dict.fromkeys(ids[:3], 0.1))
    assert [judge.name for judge in all_judges(evaluated)] == [NEW]
    collection.set_scores(OLD, dict.fromkeys(ids, 0.1))
    note_latest(collection, NEW)
    assert [judge.name for judge in all_judges(evaluated)] == [NEW]
    # The latest version has no values of these pictures.
    note_latest(collection, "judge:other@2")
    collection.set_scores("judge:other@1", dict.fromkeys(ids, 1.0))
    assert [judge.name for judge in all_judges(evaluated)] == ["judge:other@1", NEW]


def test_different_judges_of_one_title_stay_apart(evaluated):
    ids, collection = evaluated.evaluation.ids.tolist(), evaluated.collection
    places = np.arange(float(len(ids)))
    for name, sign in (("judge:clip:/a/fine@1", 1), ("judge:clip:/b/fine@1", -1), ("judge:appeal@1", 1)):
        collection.set_scores(name, dict(zip(ids, sign * places, strict=True)))
    judges = all_judges(evaluated)
    titles = ["judge: appeal", "judge: clip:/a/fine", "judge: clip:/b/fine"]
    assert titles_of(judges) == titles
