"""The service of evaluation, on real pictures, without other processes."""

import pytest
from specimens.evaluating import finish
from specimens.scanning import Here

from soart.errors import CollectionError, TasteError
from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.counts import count_collection
from soart.pipelines.collection.labels import TAG, label_counts, set_label
from soart.pipelines.collection.pictures import count_sound_pictures
from soart.pipelines.collection.queries import Query, order, row_of
from soart.pipelines.evaluation.settings import EvaluationSettings
from soart.pipelines.scoring.collection_tastes import CollectionTastes
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.services.evaluation import EvaluationService
from soart.pipelines.support.background import FAILED, Jobs
from soart.pipelines.tastes.rating_session import unrated_pictures
from soart.pipelines.tidying.cull import Rule


def test_an_evaluation_is_found_again_after_a_restart_without_opening_a_file(service, open_service, monkeypatch):
    assert len(service.result.evaluation.ids) == 18
    again = open_service()
    assert again.result is None
    monkeypatch.setattr("soart.pipelines.evaluation.evaluate._evaluate", None)
    again.recall()
    finish(again, again.job)
    assert again.engine.seen == []
    assert again.result.evaluation.packed() == service.result.evaluation.packed()
    before = again.job
    again.recall()
    assert again.job is before


def test_nothing_is_evaluated_unasked(open_service):
    service = open_service()
    service.recall()
    assert service.job is None
    assert service.groups() == []
    with pytest.raises(CollectionError, match="first"):
        service.plan(Rule(damaged=True))
    with pytest.raises(TasteError):
        service.evaluate("nobody")
    assert service.job is None


def test_the_judge_and_the_folders_are_remembered(service, open_service, tmp_path, paint):
    other = paint(tmp_path / "other", 3, 7, vivid=True)
    finish(service, service.evaluate("blur", [other]))
    assert len(service.result.evaluation.ids) == 21
    assert service.result.evaluation.main == "blur-8"
    again = open_service()
    again.recall()
    finish(again, again.job)
    assert again.result.evaluation.packed() == service.result.evaluation.packed()
    assert again.engine.seen == []
    finish(service, service.evaluate("technical", []))
    assert len(service.result.evaluation.ids) == 18
    assert service.settings.by == "technical"
    finish(service, service.evaluate("overall", []))
    assert service.settings.by == ""
    assert service.result.evaluation.main == stored_name()


def test_an_empty_collection_and_missing_folders_are_sentences(tmp_path):
    with Collection(tmp_path / "empty") as collection:
        service = EvaluationService(
            collection, CollectionTastes(collection, TasteStore(tmp_path / "user")), Jobs(), Here()
        )
        assert "no picture" in finish(service, service.evaluate(), FAILED)
        assert "no picture" in finish(service, service.evaluate("", [tmp_path / "gone"]), FAILED)
        assert service.result is None


def test_another_one_can_be_kept_or_all(service, open_service):
    assert [sorted(group) for group in service.groups()] in ([[5, 17], [6, 18]], [[6, 18], [5, 17]])
    rule = Rule(duplicates=True)
    assert sorted(service.plan(rule).pictures["duplicates"]) == [17, 18]
    service.keep(17)
    assert sorted(service.plan(rule).pictures["duplicates"]) == [5, 18]
    again = open_service()
    again.recall()
    finish(again, again.job)
    assert sorted(again.plan(rule).pictures["duplicates"]) == [5, 18]
    # What is shown names files by their last scan; the other service has made a newer one.
    with pytest.raises(CollectionError, match="meanwhile"):
        service.plan(rule)
    service.recall()
    finish(service, service.job)
    service.keep(17, every=True)
    assert service.plan(rule).pictures["duplicates"] == [18]
    service.keep(18, every=True)
    assert service.plan(rule).moves == ()
    # What is kept on purpose stays under every other rule, too.
    away = service.plan(Rule(worst=99)).pictures["low"]
    assert len(away) == 14
    assert not {5, 6, 17, 18} & set(away)
    service.keep(5, every=True)
    service.keep(6, every=True)
    assert sorted(service.plan(rule).pictures["duplicates"]) == [17, 18]
    with pytest.raises(CollectionError, match="no near-duplicates"):
        service.keep(1)


def test_deleted_pictures_are_left_out_from_the_next_evaluation_until_they_return(collection, service):
    file, copied = collection.locate(row_of(collection, 2)), collection.locate(row_of(collection, 3))
    content = file.read_bytes()
    copied.rename(copied.with_name("another name.png"))
    set_label(collection, TAG, "sea", [1, 2, 3])

    def shown():
        ids = set(order(collection, Query(), "me"))
        counts = count_collection(collection)
        assert counts.pictures == len(ids)
        assert label_counts(collection, TAG) == {"sea": len(ids & {1, 2, 3})}
        sound = {row.id for row in collection.images() if row.problem is None} & ids
        assert {row.id for row in unrated_pictures(collection, "me", 99)} == sound
        assert count_sound_pictures(collection) == len(sound)
        return ids

    everything = shown()
    file.unlink()
    finish(service, service.evaluate())
    assert shown() == everything - {2}
    file.write_bytes(content)
    finish(service, service.evaluate())
    assert shown() == everything


def test_choices_of_another_server_stay(collection, open_service):
    first, second = open_service(), open_service()
    second.choose_of([17, 18], [17])
    assert first.choose_of([5, 6], [6]) == []
    assert first.settings.keep == second.settings.keep == (6, 17)
    assert second.choose_of([5, 6], [5]) == [6]
    first.evaluate().wait(240)
    assert first.settings.keep == (5, 17)


def test_numbers_that_are_no_pictures_are_not_kept(open_service):
    service = open_service()
    service.choose_of([5, 6, *range(1000, 2000)], [6, *range(1000, 2000)])
    assert service.settings.keep == (6,)


def test_settings_of_0_1_0_name_their_judge_a_profile():
    settings = EvaluationSettings.read('{"profile": "blur", "keep": [3]}')
    assert settings == EvaluationSettings("blur", (3,)) == EvaluationSettings.read(settings.text())
    assert EvaluationSettings.read(None) == EvaluationSettings()
