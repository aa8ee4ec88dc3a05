"""Cells, details and usable tastes."""

import numpy as np
import pytest

from soart.errors import CollectionError, TasteError
from soart.pipelines.collection.damage import examined
from soart.pipelines.collection.queries import row_of
from soart.pipelines.collection.ratings import rate
from soart.pipelines.scoring import taste_store
from soart.pipelines.services.gallery import (
    cells_by_id,
    cells_of,
    picture_details,
    renew_scores,
    start_scoring,
    taste_judge,
    usable_judges,
)
from soart.pipelines.support.background import Jobs


def test_cells_show_the_rating_and_the_percentile_of_the_score(collection, coloured):
    first, second, third = coloured[:3]
    rate(collection, "ann", {first: 4})
    collection.set_scores("blur-8", {first: 1.0, second: 3.0})
    rows = [row for row in collection.images() if row.id in coloured[:3]]
    cells = {cell["id"]: cell for cell in cells_of(collection, rows, "ann", "blur-8")}
    assert [cells[image]["stars"] for image in coloured[:3]] == [4, None, None]
    assert [cells[image]["percentile"] for image in coloured[:3]] == [25.0, 75.0, None]
    assert cells[third]["title"] == "p2"


def test_cell_and_details_agree_on_the_percentile_though_digits_differ(collection, coloured, tastes):
    name, rows = tastes.judge("technical").stored_name, collection.images()
    score = picture_details(collection, tastes, coloured[0], "technical").explanation.score
    collection.set_scores(name, {coloured[0]: np.nextafter(score, 0), coloured[1]: score, coloured[2]: score + 1})
    cells = cells_of(collection, rows, "me", name)
    assert cells[0]["percentile"] == picture_details(collection, tastes, coloured[0], "technical").percentile
    assert cells[0]["percentile"] < 20


def test_pictures_that_an_earlier_version_scored_are_scored_anew_once(collection, coloured, tastes):
    jobs = Jobs()
    assert renew_scores(jobs, collection, tastes) is None
    collection.set_scores("technical-2", dict.fromkeys(coloured, 140.0))
    job = renew_scores(jobs, collection, tastes)
    assert "anew" in job.title
    assert job.wait(240)
    assert set(collection.scores(tastes.judge("technical").stored_name)) == set(coloured)
    assert collection.scores("technical-2") == dict.fromkeys(coloured, 140.0)
    assert renew_scores(jobs, collection, tastes) is None
    # A collection that an earlier version examined for damage is examined anew.
    collection.set_scores("blur-3", dict.fromkeys(coloured, 10.0))
    assert examined(collection) == set()
    assert renew_scores(jobs, collection, tastes).wait(240)
    assert examined(collection) == set(coloured)
    assert renew_scores(jobs, collection, tastes) is None


def test_pictures_whose_files_are_gone_are_not_waited_for(collection, coloured, tastes):
    jobs, current = Jobs(), tastes.judge("technical").stored_name
    collection.set_scores("technical-2", dict.fromkeys(coloured, 140.0))
    collection.set_scores(current, dict.fromkeys(coloured[1:], 50.0))
    file = collection.locate(row_of(collection, coloured[0]))
    away = file.rename(file.with_suffix(".away"))
    assert renew_scores(jobs, collection, tastes) is None
    away.rename(file)
    assert renew_scores(jobs, collection, tastes).wait(240)
    assert coloured[0] in collection.scores(current)


def test_the_overall_score_is_computed_in_the_background(collection, coloured, tastes, jobs):
    job = start_scoring(jobs, collection, tastes, "overall")
    assert job.wait(240)
    stored = collection.scores(tastes.judge("overall").stored_name)
    assert set(stored) == set(coloured)
    details = picture_details(collection, tastes, coloured[0], "overall")
    assert details.explanation.score == pytest.approx(stored[coloured[0]], abs=1e-6)
    assert details.percentile is not None
    assert 1 <= len(details.explanation.reasons) <= 3
    # Against the other pictures of the collection.
    assert not any(reason.text.endswith("than usual") for reason in details.explanation.reasons)


def test_overall_scores_of_an_earlier_version_are_renewed(collection, coloured, tastes):
    jobs, current = Jobs(), tastes.judge("overall").stored_name
    collection.set_scores("overall-0501", dict.fromkeys(coloured, 50.0))
    collection.set_scores("technical-2", dict.fromkeys(coloured, 140.0))
    assert renew_scores(jobs, collection, tastes).wait(240)
    for name in (current, tastes.judge("technical").stored_name):
        assert set(collection.scores(name)) == set(coloured)
    assert renew_scores(jobs, collection, tastes) is None


def test_cells_of_any_number_of_pictures_leave_missing_ones_out(collection, coloured):
    cells = cells_by_id(collection, [*coloured, 999, *range(1000, 1900)], "ann")
    assert sorted(cells) == sorted(coloured)


def test_a_taste_that_is_missing_is_told_with_those_of_the_collection(collection, tastes):
    tastes.own.folder.mkdir()
    tastes.own.path("ann").write_bytes(b"junk")
    with pytest.raises(TasteError) as error:
        taste_judge(tastes, "nobody")
    assert (
        str(error.value)
        == "There is no taste 'nobody', neither in this collection nor among your own (available: ann)."
    )


def test_a_damaged_taste_is_named_and_the_others_are_usable(collection, tastes):
    tastes.own.folder.mkdir()
    tastes.own.path("ann").write_bytes(b"junk")
    judges, problems = usable_judges(tastes, tastes.judges())
    assert "ann" not in judges
    assert "technical" in judges
    assert len(problems) == 1
    assert "ann" in problems[0]


def test_a_built_in_judge_is_not_a_taste(tastes):
    with pytest.raises(TasteError, match="not a taste"):
        taste_judge(tastes, "blur")


def test_details_without_a_named_judge_are_those_of_overall(collection, tastes, coloured):
    details = picture_details(collection, tastes, coloured[0])
    assert (details.judge, details.title, details.judged) == ("overall", "p0", None)
    assert details.explanation.reasons
    # One score is no scale.
    assert details.percentile is None
    with pytest.raises(CollectionError, match="no picture 999"):
        picture_details(collection, tastes, 999)


def test_no_other_judge_stands_in_for_one_that_cannot_be_used(collection, tastes, coloured, monkeypatch):
    details = picture_details(collection, tastes, coloured[0], "zoe")
    assert (details.judge, details.explanation.score, details.percentile) == ("zoe", None, None)
    assert details.explanation.problem.startswith("There is no taste 'zoe'")
    monkeypatch.setattr(taste_store, "default_network", lambda: None)
    details = picture_details(collection, tastes, coloured[0])
    assert details.explanation.problem.startswith("The judge 'overall' needs a network")
    assert "'technical'" in details.explanation.problem


def test_details_show_the_stars_of_the_person_that_ranks(collection, tastes, coloured):
    rate(collection, "ann", {coloured[0]: 5, coloured[1]: 2})
    judged = picture_details(collection, tastes, coloured[0], "person:ann").judged
    assert (judged.name, judged.value, judged.percentile) == ("person:ann", 5.0, 75.0)
    assert picture_details(collection, tastes, coloured[2], "person:ann").judged.value is None


def test_models_and_people_are_not_scored_as_judges_of_items_are(collection, tastes, jobs):
    for name, advice in (("judge:clip@1", "Judge pictures…"), ("person:ann", "ratings and choices")):
        with pytest.raises(TasteError, match=advice):
            start_scoring(jobs, collection, tastes, name)


def test_details_show_the_value_of_the_judge_that_ranks_before_the_technical_score(collection, tastes, coloured):
    name = "judge:clip:a/b@1"
    collection.set_scores(name, {coloured[0]: -2.5, coloured[1]: -1.0, coloured[2]: 0.0})
    details = picture_details(collection, tastes, coloured[1], name)
    assert (details.judged.name, details.judged.value, details.judged.percentile) == (name, -1.0, 50.0)
    technical = picture_details(collection, tastes, coloured[1], "technical")
    assert technical.judged is None
    assert (details.judge, details.explanation.score) == ("technical", technical.explanation.score)
    # It may have judged some pictures alone.
    unknown = picture_details(collection, tastes, coloured[3], name).judged
    assert (unknown.name, unknown.value, unknown.percentile) == (name, None, None)
