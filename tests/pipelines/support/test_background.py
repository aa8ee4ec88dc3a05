import threading

import pytest

from soart.errors import SoartError
from soart.pipelines.support import background
from soart.pipelines.support.background import CANCELLED, DONE, FAILED, MAX_FINISHED, RUNNING, Jobs


@pytest.fixture
def jobs():
    found = Jobs()
    yield found
    found.close()


def test_work_is_done_and_counted(jobs):
    def work(job):
        job.expect(3)
        for _ in range(3):
            job.advance()
        job.message = "done it"
        return 7

    job = jobs.start("k", "Counting", work)
    assert job.wait(240)
    assert (job.state, job.done, job.total, job.result, job.message) == (DONE, 3, 3, 7, "done it")
    assert jobs.find("k") is jobs.get(job.number) is job
    assert jobs.find("other") is jobs.get(99) is None


def test_the_time_left_is_that_of_the_present_stage(jobs, monkeypatch):
    now, seen = [0.0], []
    monkeypatch.setattr(background.time, "monotonic", lambda: now[0])

    def work(job):
        for total in (20, 100):
            job.expect(total)
            for _ in range(15):
                seen.append(job.seconds_left)
                job.advance()
                now[0] += 1

    job = jobs.start("k", "Two stages", work)
    assert job.wait(240)
    assert seen[:15] == [None] * 6 + [pytest.approx(20 - done) for done in range(6, 15)]
    assert seen[15:27] == [None] * 12
    assert seen[27:] == [pytest.approx(100 - done) for done in range(12, 15)]
    assert job.seconds_left is None


def test_one_key_is_worked_on_once_at_a_time(jobs):
    go = threading.Event()
    first = jobs.start("k", "Waiting", lambda job: go.wait(240))
    assert jobs.start("k", "Waiting", lambda job: None) is first
    assert jobs.start("other", "Else", lambda job: None) is not first
    go.set()
    assert first.wait(240)
    assert jobs.start("k", "Again", lambda job: None) is not first


def test_a_job_without_a_thread_does_not_hold_up_its_key(jobs, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            jobs.start("k", "Refused", lambda job: None)
    assert jobs.list() == []
    assert jobs.start("k", "Counting", lambda job: 7).wait(240)
    assert jobs.find("k").result == 7


def test_cancelling_ends_it_at_the_next_step(jobs):
    started = threading.Event()

    def work(job):
        job.expect(10**9)
        while True:
            job.advance()
            started.set()

    job = jobs.start("k", "Endless", work)
    assert started.wait(240)
    assert job.live
    assert job.state == RUNNING
    job.cancel()
    assert job.wait(240)
    assert job.state == CANCELLED
    assert job.seconds_left is None


def test_mistakes_and_failures_end_as_a_sentence(jobs, caplog):
    def mistake(job):
        raise SoartError("That picture is gone.")

    job = jobs.start("k", "Work", mistake)
    assert job.wait(240)
    assert (job.state, job.message) == (FAILED, "That picture is gone.")
    job = jobs.start("k", "Work", lambda job: 1 / 0)
    assert job.wait(240)
    assert "Work failed unexpectedly (ZeroDivisionError" in job.message
    assert "ZeroDivisionError" in caplog.text


def test_few_finished_jobs_are_remembered_and_closing_ends_all(jobs):
    for _ in range(MAX_FINISHED + 5):
        jobs.start("k", "Quick", lambda job: None).wait(240)
    assert len(jobs.list()) <= MAX_FINISHED + 1

    def work(job):
        while True:
            job.check()

    job = jobs.start("k", "Endless", work)
    jobs.close()
    assert job.state == CANCELLED
    late = jobs.start("k", "Late", lambda job: None)
    assert late.wait(240)
    assert late.state == CANCELLED
