"""The process that learns, shared by many tests."""

from soart.metrics.tastes.taste import learn_taste
from soart.pipelines.support.task_process import TaskProcess


def with_one_repetition(job, work, *arguments):
    """Work for which tastes are validated once, as in the process of the tests."""
    learn_taste.__kwdefaults__["repeats"] = 1
    return work(job, *arguments)


class SharedProcess:
    """The learning process of the servers of many tests, because it takes a while to start; it outlives them."""

    def __init__(self):
        self._process = TaskProcess("Learning")

    def run(self, job, work, *arguments):
        return self._process.run(job, with_one_repetition, work, *arguments)

    @property
    def pid(self):
        return self._process.pid

    def close(self):
        """A server that ends leaves it to the others."""

    def end(self):
        self._process.close()
