"""Less effort of learning for tests that are about something else; tasks must be able to import it."""

from functools import partial

from soart.metrics.tastes import learning_curve
from soart.pipelines.support.background import Job
from soart.pipelines.support.task_process import TaskProcess

#: Learning curves of two sizes and repetitions instead of four, which take most of learning.
SHORT_CURVES = {"measure_curve": partial(learning_curve.measure_curve, repeats=2), "SHARES": (0.6, 1.0)}


def shorten_curves(job):
    for name, value in SHORT_CURVES.items():
        setattr(learning_curve, name, value)


class SharedProcess:
    """The learning process of the servers of many tests, because it takes a while to start; it outlives them."""

    def __init__(self):
        self._process = TaskProcess("Learning")
        self._shortened = None

    def run(self, job, work, *arguments):
        if self._process.pid is None or self._process.pid != self._shortened:
            self._process.run(Job(0, "", ""), shorten_curves)
            self._shortened = self._process.pid
        return self._process.run(job, work, *arguments)

    @property
    def pid(self):
        return self._process.pid

    def close(self):
        """A server that ends leaves it to the others."""

    def end(self):
        self._process.close()
