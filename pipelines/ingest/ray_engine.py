"""A Ray cluster that looks at pictures, and how soart comes to one.

Pictures are looked at by plain Ray tasks, not by Ray Data's ``map_batches``: paths come from a scan that compares them with the collection as it
goes, so they must be taken one batch at a time as there is room, which a task per batch does and a data set does not, for it wants its source
whole. A task that dies takes only its own batch along and says so, while a data set drops the block without telling whose picture it was or ends.
And a worker that is ended by the time limit of a picture is to Ray just one more dead worker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...version import __version__
from ..support.batching import WAITING, batches
from ..support.ray_cluster import check_version, import_ray, ray_connection, worker_error
from .look import Inspection, inspect_file
from .worker import TIME_LIMIT, InspectFile, compute_on_one_core, fatal, inspect_all

#: Times that a lone picture is looked at again when its worker was lost for a reason that need not be the picture.
_TRIES = 3


def _look(
    version: str, paths: Sequence[str], networks: Sequence[str | None], limit: float, look: InspectFile
) -> list[Inspection]:
    check_version(version)
    compute_on_one_core()
    return inspect_all(paths, networks, limit, look)


@dataclass(frozen=True, slots=True)
class _Batch:
    paths: Sequence[str]
    tries: int = 0


class RayEngine:
    """Workers on a Ray cluster; every node must reach the files under the same absolute paths.

    Args:
        workers: how many batches are handed out at a time on a cluster that is there already, or how many CPUs a cluster started here
            has; by default as many as there are CPUs.
        limit: seconds that one picture may take.
        look: what looks at one file; a function that workers can import.

    Raises:
        SoartError: ray is not installed.
    """

    def __init__(self, workers: int | None = None, limit: float = TIME_LIMIT, look: InspectFile = inspect_file) -> None:
        import_ray()
        self.workers, self.limit, self.look = workers, limit, look

    def looks(self, paths: Iterable[str], networks: Sequence[str | None] = (None,)) -> Iterator[Inspection]:
        """A look at each path, in any order; few are read ahead of what has been taken.

        Raises:
            SoartError: no cluster to be had, or its workers cannot run soart.
        """
        with ray_connection(self.workers) as ray:
            task = ray.remote(num_cpus=1, max_retries=0)(_look)
            fresh = map(_Batch, batches(paths))
            again: deque[_Batch] = deque()
            running: dict[Any, _Batch] = {}
            try:
                while True:
                    cpus = _cpus(ray)
                    # Batches that wait at a worker are batches that other CPUs would take, where there are more of them.
                    room = self.workers if self.workers and self.workers < cpus else WAITING * cpus
                    while len(running) < room:
                        batch = again.popleft() if again else next(fresh, None)
                        if batch is None:
                            break
                        running[task.remote(__version__, batch.paths, networks, self.limit, self.look)] = batch
                    if not running:
                        return
                    [done], _ = ray.wait([*running], num_returns=1)
                    batch = running.pop(done)
                    try:
                        looks = ray.get(done)
                    except ray.exceptions.RayTaskError as error:
                        raise worker_error(error) from error
                    except ray.exceptions.RayError as error:
                        crashed = isinstance(error, ray.exceptions.WorkerCrashedError)
                        if batch.tries >= (1 if crashed else _TRIES):
                            looks = [fatal(path) for path in batch.paths]
                        else:
                            # One by one, for only one of them is to blame, if any.
                            again += [_Batch([path], batch.tries + 1) for path in batch.paths]
                            looks = []
                    yield from looks
            finally:
                for unfinished in running:
                    ray.cancel(unfinished, force=True)


def _cpus(ray: Any) -> int:  # noqa: ANN401
    # Asked again for every batch: clusters grow and shrink.
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
