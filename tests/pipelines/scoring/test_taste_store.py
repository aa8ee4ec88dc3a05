"""Judges of items by name, and saving a taste only if it has changed."""

from dataclasses import replace

import numpy as np
import pytest

from soart.errors import JudgeError, TasteError
from soart.metrics.damage.names import DETECTORS, OVERALL
from soart.metrics.tastes.overall import OverallJudge
from soart.metrics.tastes.taste import TECHNICAL
from soart.metrics.tastes.trust import CHANCE, TOO_FEW
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.finding import guarded, judges_for
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore, save_if_changed
from soart.pipelines.tastes.learning import learn_from_pictures


@pytest.fixture(scope="module")
def taste():
    rng = np.random.default_rng(0)
    good = list(rng.integers(0, 255, (6, 20, 20, 3), dtype=np.uint8))
    bad = [np.full((20, 20, 3), 20 * i, np.uint8) for i in range(1, 7)]
    return learn_from_pictures("mine", good, bad)


def test_without_the_network_there_is_no_overall_score(monkeypatch):
    monkeypatch.setattr("soart.pipelines.scoring.taste_store.default_network", lambda: None)
    with pytest.raises(TasteError, match=r"'overall' needs a network: .*, or choose 'technical'"):
        judges_for()
    [(judge, weight)] = judges_for("technical")
    assert (judge.name, weight) == ("technical", 1.0)


def test_a_taste_no_better_than_chance_is_no_first_choice(tmp_path, taste):
    assert not taste.trust.useless
    noise = list(np.random.default_rng(1).integers(0, 255, (12, 20, 20, 3), dtype=np.uint8))
    chance = learn_from_pictures("chance", noise[:6], noise[6:])
    # Six of each kind hardly show it: others' tastes speak for it.
    chance = replace(chance, trust=replace(chance.trust, word=CHANCE))
    assert chance.trust.useless
    with Collection(tmp_path / "c") as collection:
        tastes = CollectionTastes(collection, TasteStore(tmp_path / "user"))
        for one in (chance, taste):
            tastes.own.save(one)
        tastes.own.path("damaged").write_bytes(b"damaged")
        assert tastes.judges() == [OVERALL, TECHNICAL, "mine", "chance", "damaged", *DETECTORS]
        assert tastes.doubtful() == {"chance": CHANCE}
        tastes.own.save(learn_from_pictures("new", noise[:3], noise[6:9]))
        assert tastes.doubtful() == {"chance": CHANCE, "new": TOO_FEW}


def test_a_taste_is_saved_only_if_it_has_changed(tmp_path, taste):
    store = TasteStore(tmp_path)
    assert save_if_changed(store, taste) == ""
    written = store.path("mine").stat().st_mtime_ns
    assert save_if_changed(store, taste) == ""
    assert store.path("mine").stat().st_mtime_ns == written
    store.path("mine").write_bytes(b"damaged")
    assert save_if_changed(store, taste) != ""
    assert store.load("mine").name == "mine"


def test_a_taste_in_memory_judges_without_being_saved(tmp_path, taste):
    store = TasteStore(tmp_path)
    store.save(taste)
    by_name, by_itself = guarded(taste.name, store), guarded(taste)
    assert by_itself.stored_name == by_name.stored_name
    assert by_itself.version == by_name.version
    assert guarded(replace(taste, rater="somebody")).version != by_name.version
    assert by_itself.extractor.version == by_name.extractor.version
    for wrong in (OverallJudge, 3):
        with pytest.raises(JudgeError, match=r"Expected a judge, got the class|has no 'name'"):
            guarded(wrong)
