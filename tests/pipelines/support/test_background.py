import threading

import numpy as np
import pytest

from soart.errors import SoartError
from soart.pipelines.support import background
from soart.pipelines.support.background import CANCELLED, DONE, FAILED, MAX_FINISHED, RUNNING, Jobs, TimeLeft


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


COUNT = 300


def planted(durations, every=0.1):
    """(seconds since the start, estimate, truth) whenever a page or a bar asks, of steps of these durations."""
    ends = np.cumsum(durations)
    left = TimeLeft()
    return [
        (now, left(int(np.searchsorted(ends, now, side="right")), len(ends), now), ends[-1] - now)
        for now in np.arange(0.0, ends[-1], every)
    ]


def durations_of(kind):
    rng = np.random.default_rng(7)
    steady = np.full(COUNT, 0.15)
    if kind == "a start of eight seconds":
        steady[0] = 8.0
    elif kind == "most are known":
        steady[:250] = 0.0
    elif kind == "few large ones":
        steady = rng.lognormal(-2.5, 1.0, COUNT)
    elif kind == "in batches":
        steady = np.where(np.arange(COUNT) % 16 == 0, 16 * 0.15, 0.0)
    elif kind == "a pause of two minutes":
        steady[20] = 120.0
    elif kind == "five times slower from the middle":
        steady[COUNT // 2 :] *= 5
    elif kind == "ten at once, then slow":
        steady = np.r_[np.full(10, 0.16), np.full(COUNT - 10, 12.6)]
    return steady


STEADY = ("steady", "a start of eight seconds", "most are known", "few large ones", "in batches")
UNSTEADY = ("a pause of two minutes", "five times slower from the middle", "ten at once, then slow")


@pytest.mark.parametrize("kind", STEADY)
def test_the_estimate_of_steady_work_is_near_the_truth(kind):
    seen = [(estimate, truth) for _, estimate, truth in planted(durations_of(kind)) if estimate is not None]
    assert len(seen) > 10
    for estimate, truth in seen[len(seen) // 4 :]:
        assert abs(estimate - truth) < max(2.5, 0.5 * truth)


@pytest.mark.parametrize("kind", [*STEADY, *UNSTEADY])
def test_an_estimate_never_grows_faster_than_time_passes(kind):
    seen = [(now, estimate) for now, estimate, _ in planted(durations_of(kind)) if estimate is not None]
    times, estimates = np.array(seen).T
    assert (np.diff(estimates) <= np.diff(times) + 1e-6).all()


def test_forty_eight_seconds_do_not_become_an_hour():
    # By the ten that came at once 48 seconds would be left: nothing is shown that has to be taken back.
    (first, truth), *_ = [(left, truth) for _, left, truth in planted(durations_of("ten at once, then slow")) if left]
    assert first > truth / 2 > 1500
    # Neither does a pause: by the mean until its end it would be 29 minutes.
    paused = [left for _, left, _ in planted(durations_of("a pause of two minutes")) if left]
    assert max(paused) < 240


def test_nothing_is_said_without_evidence():
    left = TimeLeft()
    assert left(0, 0, 0.0) is None
    assert left(0, 9, 50.0) is None
    assert left(1, 9, 51.0) is None
    assert left(9, 9, 99.0) is None
    assert left(12, 9, 100.0) is None


def test_another_total_begins_another_estimate():
    left = TimeLeft()
    for step in range(20):
        left(step, 40, float(step))
    assert left(20, 40, 20.0) == pytest.approx(20)
    assert left(21, 4000, 21.0) == pytest.approx(3979)
