"""Profiles by name, and saving a taste only if it has changed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soart.errors import ProfileError
from soart.metrics.damage.names import DETECTORS, OVERALL
from soart.metrics.tastes.overall import OverallScorer
from soart.metrics.tastes.profile import TECHNICAL
from soart.metrics.tastes.trust import CHANCE, TOO_FEW
from soart.pipelines.collection.collection import Collection
from soart.pipelines.scoring.collection_profiles import CollectionProfiles
from soart.pipelines.scoring.profile_store import (
    RESERVED,
    ProfileStore,
    profile_names,
    save_if_changed,
    scorer_for,
    scorer_named,
    scorers_named,
    warnings_of,
)
from soart.pipelines.tastes.learning import learn_from_pictures


@pytest.fixture(scope="module")
def taste():
    rng = np.random.default_rng(0)
    good = list(rng.integers(0, 255, (6, 20, 20, 3), dtype=np.uint8))
    bad = [np.full((20, 20, 3), 20 * i, np.uint8) for i in range(1, 7)]
    return learn_from_pictures("mine", good, bad)


def test_built_in_profiles_come_first(tmp_path, taste):
    store = ProfileStore(tmp_path)
    assert profile_names(store) == list(RESERVED)
    store.save(taste)
    assert profile_names(store) == [*RESERVED, "mine"]
    assert [scorer.stored_name for scorer in scorers_named(["mine", "blur"], store)] == ["taste:mine", "blur-8"]
    with pytest.raises(ProfileError, match="'other'"):
        scorers_named(["blur", "other"], store)


def test_a_taste_no_better_than_chance_is_no_first_choice(tmp_path, taste):
    assert not taste.trust.useless
    noise = list(np.random.default_rng(1).integers(0, 255, (12, 20, 20, 3), dtype=np.uint8))
    chance = learn_from_pictures("chance", noise[:6], noise[6:])
    assert chance.trust.useless
    with Collection(tmp_path / "c") as collection:
        profiles = CollectionProfiles(collection, ProfileStore(tmp_path / "user"))
        for one in (chance, taste):
            profiles.own.save(one)
        profiles.own.path("damaged").write_bytes(b"damaged")
        assert profiles.judges() == [OVERALL, TECHNICAL, "mine", "chance", "damaged", *DETECTORS]
        assert profiles.doubtful() == {"chance": CHANCE}
        profiles.own.save(learn_from_pictures("new", noise[:3], noise[6:9]))
        assert profiles.doubtful() == {"chance": CHANCE, "new": TOO_FEW}


def test_a_taste_is_saved_only_if_it_has_changed(tmp_path, taste):
    store = ProfileStore(tmp_path)
    assert save_if_changed(store, taste) == ""
    written = store.path("mine").stat().st_mtime_ns
    assert save_if_changed(store, taste) == ""
    assert store.path("mine").stat().st_mtime_ns == written
    store.path("mine").write_bytes(b"damaged")
    assert save_if_changed(store, taste) != ""
    assert store.load("mine").name == "mine"
    with pytest.raises(ProfileError, match="built-in"):
        save_if_changed(store, replace(taste, name="blur"))


def test_a_taste_in_memory_scores_without_being_saved(tmp_path, taste):
    store = ProfileStore(tmp_path)
    store.save(taste)
    by_name, by_itself = scorer_for(taste.name, store), scorer_for(taste)
    assert by_itself.stored_name == by_name.stored_name
    assert by_itself.extractor.version == by_name.extractor.version
    for wrong in (OverallScorer, 3):
        with pytest.raises(ProfileError, match="Expected a taste, the name of a taste or a scorer, got"):
            scorer_for(wrong)


def test_warnings_of_scorers():
    assert warnings_of(SimpleNamespace(warning="careful"), SimpleNamespace(warning=None), object()) == ["careful"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "rated-quality",
            r"no taste 'rated-quality', but there is such a judge: write --judge rated-quality \(in Python",
        ),
        ("Rated_Quality", "write --judge rated-quality"),
        ("clip:some/model", r"write --judge clip:some/model \(in Python judge='clip:some/model'\)"),
        ("clipp", r"no taste 'clipp': did you mean --judge clip \(in Python judge='clip'\)\?"),
        ("clipp:some/model", "did you mean --judge clip:some/model"),
        ("mein:some/model", "Expected a name of letters"),
        ("appeal2", "did you mean 'appeal-2'"),
        ("Technical", "did you mean 'technical'"),
        ("mine_", "did you mean 'mine'"),
        ("nobody", "'nobody' in .*: choose one of appeal-2, mine, or learn it with soart taste learn"),
        ("a/b", "Expected a name of letters"),
    ],
)
def test_a_name_of_no_profile_is_explained(tmp_path, taste, name, message):
    store = ProfileStore(tmp_path)
    store.save(taste)
    store.save(replace(taste, name="appeal-2"))
    with pytest.raises(ProfileError, match=message):
        scorer_named(name, store)


def test_without_any_taste_there_is_none_to_choose(tmp_path):
    with pytest.raises(ProfileError, match="there is none yet, so learn it with soart taste learn"):
        scorer_named("nobody", ProfileStore(tmp_path))
