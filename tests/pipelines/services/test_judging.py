"""Judging in the background: any judge that can be named, again after a cancel, and the filter by adherence."""

import re
import sys
import threading

import pytest
from specimens.crowding import CrowdedLock

from soart.errors import JudgeError, SoartError
from soart.pipelines.collection.queries import Query, order
from soart.pipelines.collection.ratings import rate
from soart.pipelines.judges import storing
from soart.pipelines.judges.adherence import AdherenceJudge
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.guarded import GuardedJudge, WithoutValue
from soart.pipelines.judges.storing import judge_pictures, score_all
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.prior_scores import sentences_on_judges
from soart.pipelines.services import judging
from soart.pipelines.services.judging import (
    adherence_among,
    adherence_of_picture,
    limits_of_shown,
    start_judging,
    tastes_from,
)
from soart.pipelines.support.background import CANCELLED, DONE, FAILED
from soart.pipelines.tastes.learning import Sources, learn


def test_two_visitors_load_the_judge_of_phrases_once(monkeypatch):
    lock, found, loaded = CrowdedLock(), [], []
    second = threading.Thread(target=lambda: found.append(judging._built_in()), daemon=True)

    def load(name):
        loaded.append(name)
        if len(loaded) == 1:
            second.start()
            assert lock.second_waits.wait(240)
        return object()

    monkeypatch.setattr(judging, "_loading", lock)
    monkeypatch.setattr(judging, "load", load)
    # One of its own: other tests go on with the judge that they have loaded.
    monkeypatch.setattr(judging, "_loaded", [])
    first = judging._built_in()
    second.join(240)
    assert found == [first]
    assert loaded == ["embedded"]


@pytest.fixture
def ids(collection, make_drawn):
    collection.add_drawn([make_drawn(seed) for seed in range(20)], "m", "s")
    return collection.ids()


def ended(job):
    assert job.wait(240)
    return job


def test_a_cancelled_job_goes_on_where_it_was(collection, ids, jobs, tastes, package, monkeypatch):
    import acme_judge

    judged = []

    class Cancelling(acme_judge.Redness):
        def values(self, pictures):
            judged.extend(pictures.ids)
            if len(judged) == 8:
                jobs.list()[-1].cancel()
            return super().values(pictures)

    monkeypatch.setattr(acme_judge, "Redness", Cancelling)
    first = ended(start_judging(jobs, collection, tastes, " redness ", ids))
    assert (first.state, first.key, len(judged)) == (CANCELLED, "judge:redness", 8)
    assert len(collection.scores("judge:redness@1")) == 8
    again = ended(start_judging(jobs, collection, tastes, "redness", ids))
    assert (again.state, again.result, len(judged)) == (DONE, "judge:redness@1", 20)
    assert (again.done, again.total, again.message) == (20, 20, "redness: 20 of 20 pictures judged.")
    assert collection.scores("judge:redness@1").keys() == set(ids)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "There is no judge 'nobody'"),
        ("acme_judge:Redness", "register it as an entry point"),
        ("", "There is no judge ''"),
    ],
)
def test_a_judge_that_does_not_exist_or_is_code_is_refused_at_once(
    collection, ids, jobs, tastes, package, name, message
):
    with pytest.raises(JudgeError, match=re.escape(message)):
        start_judging(jobs, collection, tastes, name, ids)
    assert jobs.list() == []
    assert "acme_judge" not in sys.modules


def test_a_judge_that_cannot_be_loaded_is_one_sentence(collection, ids, jobs, tastes, package):
    job = ended(start_judging(jobs, collection, tastes, "broken", ids))
    assert job.state == FAILED
    assert "RuntimeError: no weights" in job.message


def test_a_judge_that_always_fails_makes_the_job_fail(collection, ids, jobs, tastes, package, monkeypatch):
    import acme_judge

    def fail(self, pictures):
        raise ValueError("no idea")

    monkeypatch.setattr(acme_judge.Redness, "values", fail)
    job = ended(start_judging(jobs, collection, tastes, "redness", ids))
    assert job.state == FAILED
    assert "failed on every picture of a batch" in job.message


def test_pictures_without_a_value_are_one_sentence_and_values_are_read_once(
    collection, ids, jobs, tastes, package, monkeypatch
):
    import acme_judge

    monkeypatch.setattr(acme_judge, "Redness", acme_judge.Moody)
    scores, reads = collection.scores, []
    read = storing.scores_and_reasons
    monkeypatch.setattr(storing, "scores_and_reasons", lambda *asked: reads.append(asked) or read(*asked))
    # Most of them were removed meanwhile.
    job = ended(start_judging(jobs, collection, tastes, "redness", range(1, 3001)))
    missing = 20 - len(scores("judge:redness@1"))
    assert 1 < missing < 20
    nothing = [row for row in collection.images() if row.id not in scores("judge:redness@1")]
    named = WithoutValue.of([True] * missing, [repr(str(collection.locate(row))) for row in nothing]).named
    assert job.message == (
        f"redness: {20 - missing} of 3,000 pictures judged. The judge 'redness' gave {missing} pictures no value: it cannot "
        f"tell{named}."
    )
    assert (job.done, len(reads)) == (3000, 1)


def test_a_judge_at_work_is_not_started_again(collection, ids, jobs, tastes, package, monkeypatch):
    import acme_judge

    release, judge = threading.Event(), acme_judge.Redness.values
    monkeypatch.setattr(acme_judge.Redness, "values", lambda *asked: release.wait(240) and judge(*asked))
    first = start_judging(jobs, collection, tastes, "redness:/home/ann/x", ids[:8])
    assert first.title == "Judging by redness"
    with pytest.raises(SoartError, match="already running"):
        start_judging(jobs, collection, tastes, "redness:/home/ann/x", ids)
    release.set()
    assert ended(first).done == 8
    assert ended(start_judging(jobs, collection, tastes, "redness:/home/ann/x", ids)).done == 20


def test_tastes_that_start_from_the_judge_score_anew(collection, ids, jobs, tastes, package):
    rate(collection, "me", {image: 5 if number % 2 else 1 for number, image in enumerate(ids[:10])})
    learnt = learn("mine", collection, Sources(rater="me"), network=None, priors=["redness"])
    tastes.own.save(learnt.taste)
    judge = tastes.judge("mine")
    score_all(collection, judge)
    before = collection.scores(judge.stored_name)
    (sentence,) = sentences_on_judges(collection, judge, ids)
    assert "has not judged 10 of 20 pictures" in sentence
    assert "soart rank --by redness" in sentence
    judged = ended(start_judging(jobs, collection, tastes, "redness", ids))
    assert judged.state == DONE
    after = collection.scores(judge.stored_name)
    assert after.keys() == before.keys() == set(ids)
    assert {image for image in ids if after[image] != before[image]} == set(ids[10:])
    assert [one.stored_name for one in tastes_from(guarded("redness"), tastes)] == [judge.stored_name]
    assert tastes_from(guarded("appeal"), tastes) == []


def test_no_pictures(collection, jobs, tastes, package):
    job = ended(start_judging(jobs, collection, tastes, "redness", []))
    assert (job.state, job.message) == (DONE, "redness: 0 of 0 pictures judged.")


def test_the_adherence_that_judged_last_counts_even_if_an_older_one_has_more_values(collection, ids):
    judge = GuardedJudge(AdherenceJudge([]))
    assert judge_pictures(StoredPictures(collection, []), judge) == ({}, [])
    counts = {"judge:adherence@0-older": 20}
    assert adherence_among(collection, counts) == "judge:adherence@0-older"
    assert adherence_among(collection, {**counts, judge.stored_name: 1}) == judge.stored_name
    assert adherence_among(collection, {judge.stored_name: 1, **counts}) == judge.stored_name


def test_asked_for_and_not_shown(collection, ids):
    name = "judge:adherence@3-x"
    collection.set_scores(name, {image: k / 10 for k, image in enumerate(ids[:10])})
    collection.set_scores("judge:adherence@2-y", {ids[0]: 1.0})
    collection.set_scores("judge:adherence-of-acme@1", dict.fromkeys(ids, 0.0))
    counts = {
        stored: len(collection.scores(stored)) for stored in (name, "judge:adherence@2-y", "judge:adherence-of-acme@1")
    }
    assert adherence_among(collection, counts) == name
    assert adherence_among(collection, {"technical-9": 3}) == ""
    for shown, expected in (("no", ids[:2]), ("yes", ids[5:10]), ("", ids)):
        query = Query(ascending=True, judge="technical-9", **limits_of_shown(shown, collection, counts))
        assert order(collection, query, "me") == expected
    for shown, tastes in (("maybe", counts), ("no", {})):
        with pytest.raises(SoartError):
            limits_of_shown(shown, collection, tastes)


def test_a_judged_picture_tells_phrase_by_phrase(collection, jobs, make_drawn, tastes):
    collection.add_drawn([make_drawn(seed, prompt="a fox in zorblax, without an owl") for seed in range(2)], "m", "s")
    first, second = collection.ids()
    assert adherence_of_picture(collection, first) is None
    job = ended(start_judging(jobs, collection, tastes, "adherence", [first]))
    adherence = adherence_of_picture(collection, first)
    assert adherence.value == pytest.approx(collection.scores(job.result)[first])
    assert {p.phrase.text: (p.told, p.phrase.negated) for p in adherence.phrases} == {
        "fox": (True, False), "zorblax": (False, False), "owl": (True, True),
    }  # fmt: skip
    assert adherence_of_picture(collection, second) is None
    # Values of another adherence cannot be told phrase by phrase.
    other = GuardedJudge(AdherenceJudge([]))
    judge_pictures(StoredPictures(collection, []), other)
    collection.set_scores(other.stored_name, {first: 0.5})
    assert adherence_of_picture(collection, first) is None
    with pytest.raises(SoartError):
        adherence_of_picture(collection, 99)
