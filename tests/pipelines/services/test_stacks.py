"""Stacks as the gallery asks for them: found once, and anew when pictures or corrections come."""

import pytest

from soart.errors import CollectionError
from soart.pipelines.collection.labels import mark_distinct
from soart.pipelines.keepers import stacks as finding
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services import keepers
from soart.pipelines.services.evaluation import EvaluationService
from soart.pipelines.services.keepers import StackService
from soart.pipelines.support.background import Jobs


def test_groups_are_found_once_and_anew_when_pictures_come(collection, make_drawn, tmp_path, monkeypatch):
    counted = []
    monkeypatch.setattr(keepers, "group_origins", lambda *rest: counted.append(rest[1]) or finding.group_origins(*rest))
    jobs = Jobs()
    service = StackService(
        EvaluationService(collection, CollectionTastes(collection, TasteStore(tmp_path)), jobs, allowed=[])
    )
    collection.add_drawn([make_drawn(seed, f"prompt {seed // 2}") for seed in range(4)], "m", "s")
    collection.set_scores("x", {2: 5.0, 1: 4.0})
    assert service.stacks("prompt", "x") == [(2, 1), (3, 4)]
    # Scores and corrections count at once, without new groups.
    collection.set_scores("x", {1: 9.0})
    mark_distinct(collection, [3, 4])
    assert service.stacks("prompt", "x") == [(1, 2)]
    assert service.stacks("prompt", "") == [(1, 2)]
    assert counted == ["prompt"]
    collection.add_drawn([make_drawn(9, "prompt 1")], "m", "s")
    assert service.stacks("prompt", "x") == [(1, 2), (3, 5)]
    assert service.stacks("burst", "x") == [(1, 2), (3, 5)]
    assert counted == ["prompt", "prompt", "burst"]
    with pytest.raises(CollectionError, match="choose Evaluate first"):
        service.stacks("look-alike", "x")
    jobs.close()
