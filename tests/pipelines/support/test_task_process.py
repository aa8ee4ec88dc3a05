"""A process for heavy work: one task at a time, progress, cancelling, and what happens when it is killed."""

import os
import signal
import threading
from pathlib import Path

import pytest
from specimens.tasks import add, fail, note, refuse, run_for, sleep
from specimens.waiting import until

from soart.pipelines.support import task_process
from soart.pipelines.support.background import CANCELLED, DONE, FAILED, WAITING, Jobs
from soart.pipelines.support.task_process import TaskProcess


@pytest.fixture
def jobs():
    jobs = Jobs()
    yield jobs
    jobs.close()


@pytest.fixture(scope="module")
def process():
    process = TaskProcess("Adding")
    yield process
    process.close()


def start(jobs, process, key, work, *arguments):
    return jobs.start(key, "Adding", lambda job: process.run(job, work, *arguments))


def test_work_is_done_elsewhere_with_progress(jobs, process):
    job = start(jobs, process, "k", add, 3, 4)
    assert job.wait(240)
    assert (job.state, job.total) == (DONE, 2)
    total, pid = job.result
    assert total == 7
    assert pid == process.pid != os.getpid()


def test_tasks_of_many_jobs_run_one_after_another_in_one_process(jobs, process, tmp_path):
    path = str(tmp_path / "notes")
    started = [start(jobs, process, str(k), note, path, 0.05) for k in range(6)]
    assert all(job.wait(240) for job in started)
    assert {job.state for job in started} == {DONE}
    assert Path(path).read_text().split() == ["begin", "end"] * 6


def test_failures_are_sentences(jobs, process, capfd):
    refused, failed = start(jobs, process, "a", refuse), start(jobs, process, "b", fail)
    assert refused.wait(240)
    assert failed.wait(240)
    assert (refused.state, refused.message) == (FAILED, "This cannot be done.")
    assert (failed.state, failed.message) == (FAILED, "Adding failed unexpectedly (ZeroDivisionError: by zero).")


def test_a_task_is_cancelled_while_it_runs_and_while_it_waits(jobs, process):
    running, waiting = start(jobs, process, "a", run_for, 600), start(jobs, process, "b", add, 1, 1)
    until(lambda: running.done)
    pid = process.pid
    assert waiting.state == WAITING
    waiting.cancel()
    assert waiting.wait(240)
    running.cancel()
    assert running.wait(240)
    assert (running.state, waiting.state) == (CANCELLED, CANCELLED)
    # The process itself goes on.
    job = start(jobs, process, "c", add, 1, 1)
    assert job.wait(240)
    assert job.result == (2, pid)


def test_a_task_that_does_not_stop_is_killed(jobs, process, tmp_path):
    began = tmp_path / "began"
    job = start(jobs, process, "a", sleep, str(began), 600)
    until(began.exists)
    job.cancel()
    assert job.wait(240)
    assert job.state == CANCELLED
    assert process.pid is None


def test_a_killed_process_fails_its_task_and_comes_again(jobs, process):
    job, next_one = start(jobs, process, "a", run_for, 600), start(jobs, process, "b", add, 2, 2)
    until(lambda: job.done)
    os.kill(process.pid, signal.SIGKILL)
    assert job.wait(240)
    assert job.state == FAILED
    assert job.message.startswith("Adding stopped because its process was ended")
    assert next_one.wait(240)
    assert next_one.result[0] == 4
    # It may also be killed between two tasks.
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: process.pid is None)
    last = start(jobs, process, "c", add, 2, 3)
    assert last.wait(240)
    assert last.result[0] == 5


def test_an_idle_process_ends(jobs):
    process = TaskProcess("Adding", idle=0.3)
    job = start(jobs, process, "a", add, 1, 1)
    assert job.wait(240)
    until(lambda: process.pid is None)
    again = start(jobs, process, "b", add, 2, 2)
    assert again.wait(240)
    assert again.result[0] == 4
    process.close()
    late = start(jobs, process, "c", add, 1, 1)
    assert late.wait(240)
    assert "not possible any more" in late.message


def test_the_queue_is_limited(jobs, process, monkeypatch):
    monkeypatch.setattr(task_process, "MOST_WAITING", 2)
    first = [start(jobs, process, str(k), run_for, 600) for k in range(2)]
    until(lambda: len(process._waiting) == 2)
    refused = start(jobs, process, "more", add, 1, 1)
    assert refused.wait(240)
    assert refused.message == "Adding has 2 tasks to do before this one: try again later."
    for job in first:
        job.cancel()
        assert job.wait(240)


def test_no_thread_is_left(jobs):
    process = TaskProcess("Adding")
    before = threading.active_count()
    job = start(jobs, process, "a", add, 1, 1)
    assert job.wait(240)
    process.close()
    until(lambda: threading.active_count() <= before)
