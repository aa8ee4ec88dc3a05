"""Engine that inspects files on a Ray cluster.

Files are inspected by plain Ray tasks, not by Ray Data's ``map_batches``. Paths come from a scan that compares them
with the collection as it goes, so they must be taken one batch at a time as there is room. A task for each batch does
that; a data set wants its whole source first. A task that dies loses only its own batch and reports it; a data set
drops the block without naming its files, or ends. To Ray, a worker killed by the time limit of a file is an ordinary
worker death.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...metrics.items.combined import ItemKind
from ...version import __version__
from ..support.batching import WAITING, batches
from ..support.processes import compute_on_one_core, keep_freed_memory
from ..support.ray_cluster import check_version, import_ray, ray_connection, worker_error
from .inspection import TIME_LIMIT, FileToInspect, InspectFile, Inspection, inspect_all, inspect_file, lost_worker

#: Retries of a single file whose worker was lost for a reason that need not be the file.
_TRIES = 3


def _inspect(
    version: str, files: Sequence[FileToInspect], kinds: Sequence[ItemKind | None], limit: float, inspect: InspectFile
) -> list[Inspection]:
    check_version(version)
    keep_freed_memory()
    compute_on_one_core()
    return inspect_all(files, kinds, limit, inspect)


@dataclass(frozen=True, slots=True)
class _Batch:
    files: Sequence[FileToInspect]
    tries: int = 0


class RayEngine:
    """Workers on a Ray cluster; an ``Engine``. Every node must reach the files under the same absolute paths.

    ``workers`` is the most batches under way on a running cluster, or the CPUs of one started here; by default as many
    as there are CPUs. Workers must be able to import ``inspect``.
    """

    def __init__(self, workers: int | None = None, inspect: InspectFile = inspect_file) -> None:
        import_ray()
        self.workers, self.inspect_file = workers, inspect

    def inspect(
        self, files: Iterable[FileToInspect], kinds: Sequence[ItemKind | None] = (None,), /
    ) -> Iterator[Inspection]:
        """The inspection of each file, in any order; few files are read ahead of the inspections taken."""
        with ray_connection(self.workers) as ray:
            task = ray.remote(num_cpus=1, max_retries=0)(_inspect)
            fresh = map(_Batch, batches(files))
            retries: deque[_Batch] = deque()
            running: dict[Any, _Batch] = {}
            try:
                while True:
                    cpus = _cpus(ray)
                    # With fewer workers than CPUs, a batch that waits for a worker would run on another CPU at once.
                    room = self.workers if self.workers and self.workers < cpus else WAITING * cpus
                    while len(running) < room:
                        batch = retries.popleft() if retries else next(fresh, None)
                        if batch is None:
                            break
                        running[task.remote(__version__, batch.files, kinds, TIME_LIMIT, self.inspect_file)] = batch
                    if not running:
                        return
                    [done], _ = ray.wait([*running], num_returns=1)
                    batch = running.pop(done)
                    try:
                        inspections = ray.get(done)
                    except ray.exceptions.RayTaskError as error:
                        raise worker_error(error) from error
                    except ray.exceptions.RayError as error:
                        crashed = isinstance(error, ray.exceptions.WorkerCrashedError)
                        if batch.tries >= (1 if crashed else _TRIES):
                            inspections = [lost_worker(file) for file in batch.files]
                        else:
                            # One by one, because only one of them is to blame, if any.
                            retries += [_Batch([file], batch.tries + 1) for file in batch.files]
                            inspections = []
                    yield from inspections
            finally:
                for unfinished in running:
                    ray.cancel(unfinished, force=True)


def _cpus(ray: Any) -> int:  # noqa: ANN401
    # Read again for every batch: clusters grow and shrink.
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
