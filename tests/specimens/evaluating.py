"""Waiting for jobs of the evaluation service."""

from soart.pipelines.support.background import DONE


def finish(service, job, state=DONE):
    assert job.wait(240)
    assert job.state == state, job.message
    return job.message
