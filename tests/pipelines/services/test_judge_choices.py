"""Judges that pages offer, and the values of people beside stored ones."""

from dataclasses import replace

import pytest

from soart.errors import TasteError
from soart.metrics.damage.names import DETECTORS
from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.comparisons import store_choice
from soart.pipelines.collection.queries import Query
from soart.pipelines.collection.ratings import rate
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.scoring import taste_store
from soart.pipelines.services.judge_choices import (
    counted_choices,
    judge_choices,
    offered_models,
    ordered,
    stored_judge,
    stored_models,
    values_and_scale,
)
from soart.pipelines.tastes.learning import Sources, learn


def test_overall_comes_first_then_technical_tastes_people_models_and_faults(collection, tastes, coloured, monkeypatch):
    opinion = {image: 5 if number % 2 else 1 for number, image in enumerate(coloured[:6])}
    rate(collection, "me", opinion)
    taste = learn("able", collection, Sources(rater="me"), network=None).taste
    tastes.own.save(taste)
    tastes.own.path("broken").write_bytes(b"junk")
    choices = judge_choices(
        tastes, ["ann"], offered_models(Catalogue(tastes, [("adherence", 0.5), ("technical", 2.0)]))
    )
    names = [choice.name for choice in choices]
    assert names == [
        "overall", "technical", "able", "person:ann", "appeal", "rated-quality", "nima", "adherence", "faces", *DETECTORS
    ]  # fmt: skip
    by_name = {choice.name: choice for choice in choices}
    # From six ratings it is not reliable.
    assert by_name["able"].doubt == taste.trust.word
    assert (by_name["adherence"].weight, by_name["technical"].weight, by_name["overall"].weight) == (0.5, 2.0, 1.0)
    assert by_name["adherence"].source.summary
    # Choosing it tells what is missing.
    monkeypatch.setattr(taste_store, "default_network", lambda: None)
    assert judge_choices(tastes, [])[0].name == "overall"


def test_pictures_without_a_value_are_counted(collection, tastes, coloured):
    collection.set_scores(stored_name(), dict.fromkeys(coloured[:10], 50.0))
    stored = {stored_name(): 10, "judge:clip:/home/ann/fine@1": 4}
    models = stored_models(stored, shared=True)
    assert [model.name for model in models] == ["judge:clip:fine@1"]
    assert [model.name for model in stored_models(stored, shared=False)] == ["judge:clip:/home/ann/fine@1"]
    choices = counted_choices(judge_choices(tastes, ["ann"], models), tastes, stored, 30)
    counts = {choice.name: (choice.known, choice.missing) for choice in choices}
    assert counts["overall"] == (True, 20)
    assert counts["technical"] == (False, 30)
    assert counts["judge:clip:fine@1"] == (True, 26)
    assert counts["person:ann"] == (True, 0)


def test_values_of_overall_are_found_without_its_network(tastes, monkeypatch):
    monkeypatch.setattr(taste_store, "default_network", lambda: None)
    assert stored_judge(tastes, "overall") == stored_name()
    assert stored_judge(tastes, "technical") == "technical-9"
    assert stored_judge(tastes, "person:ann") == "person:ann"
    stored = ["judge:clip:/home/ann/fine@1"]
    assert stored_judge(tastes, "judge:clip:fine@1", stored) == stored[0]
    with pytest.raises(TasteError, match="no taste 'zoe'"):
        stored_judge(tastes, "zoe")


def test_a_person_sorts_and_limits_as_stored_values_do(collection, coloured):
    """The oracle: the same stars, stored under the name of a judge."""
    rate(collection, "ann", {coloured[0]: 2, coloured[1]: 5, coloured[2]: 4, coloured[3]: 4})
    store_choice(collection, "ann", "c1", coloured[5], [coloured[6]])
    person = "person:ann"
    stars = values_and_scale(collection, person, coloured)[0]
    assert len(stars) == 6
    assert stars[coloured[5]] > stars[coloured[6]]
    collection.set_scores("blur-8", stars)
    for query in (
        Query(judge=person, sort="score"),
        Query(judge=person, sort="score", ascending=True),
        Query(judge=person, sort="score", scored=True),
        Query(judge=person, sort="score", low=40, high=90),
        Query(judge=person, low=50),
        Query(judge=person, ascending=True, scored=True),
        Query(judge=person, sort="rating"),
    ):
        expected = ordered(collection, replace(query, judge="blur-8"), "ann")
        assert ordered(collection, query, "ann") == expected, query
    scales = [values_and_scale(collection, judge, [])[1].values.tolist() for judge in (person, "blur-8")]
    assert scales[0] == scales[1]
    # All choices count, whichever pictures are asked for.
    assert values_and_scale(collection, person, coloured[5:6])[0] == {coloured[5]: stars[coloured[5]]}
