"""An engine that inspects files in this process, and waiting for jobs of the evaluation service."""

from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.support.background import DONE


class Here:
    """Inspects files in this process, and counts them."""

    count = 0

    def inspect(self, paths, kinds=(None,)):
        for path in paths:
            self.count += 1
            yield inspect_file(path, kinds)


def finish(service, job, state=DONE):
    assert job.wait(240)
    assert job.state == state, job.message
    return job.message
