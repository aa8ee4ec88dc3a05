"""A Ray cluster that looks at pictures, and how soart comes to one.

Pictures are looked at by plain Ray tasks, not by Ray Data's ``map_batches``: paths come from a scan that compares them with the collection as it
goes, so they must be taken one batch at a time as there is room, which a task per batch does and a data set does not, for it wants its source
whole. A task that dies takes only its own batch along and says so, while a data set drops the block without telling whose picture it was or ends.
And a worker that is ended by the time limit of a picture is to Ray just one more dead worker.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..errors import SoartError
from .execution import TIME_LIMIT, WAITING, Looking, batches, compute_on_one_core, cores, fatal, look_at_all
from .looking import Look, look_at

#: Shared memory of a cluster on this machine, in bytes: a few batches of pictures or looks.
_STORE = 256 << 20
#: Times that a lone picture is looked at again when its worker was lost for a reason that need not be the picture.
_TRIES = 3
#: Ray reads these when it is imported: nothing is sent home, what happens on nodes is not printed here, and no device is hidden from workers.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def ray_or_sentence() -> Any:  # noqa: ANN401
    """The package ray.

    Raises:
        SoartError: it is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise SoartError("The engine ray needs the package of that name: pip install 'soart[ray]'.") from error
    return ray


@contextmanager
def connected(workers: int | None = None) -> Iterator[Any]:
    """The package ray, connected: as the caller already is, else to the cluster at RAY_ADDRESS, else to one started here that ends with the block.

    Args:
        workers: CPUs of a cluster started here; by default the cores that this process may use.

    Raises:
        SoartError: ray is not installed, or there is no cluster to be had.
    """
    ray = ray_or_sentence()
    if ray.is_initialized():
        yield ray
        return
    address = os.environ.get("RAY_ADDRESS")
    here = {"num_cpus": workers or cores(), "include_dashboard": False, "object_store_memory": _STORE}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        _knock(address)
        ray.init(address or "local", log_to_driver=False, configure_logging=False, **({} if address else here))
    # Anything from a wrong token to a port in use.
    except Exception as error:
        where = f"at RAY_ADDRESS={address} cannot be reached" if address else "cannot be started on this machine"
        raise SoartError(f"A Ray cluster {where}: {first_line(error)}.") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise OSError if nobody listens at a HOST:PORT; Ray itself would wait for minutes."""
    host, _, port = (address or "").rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def first_line(error: BaseException) -> str:
    """What an error says first, without its full stop."""
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def refusal(error: Any) -> SoartError:  # noqa: ANN401
    """The sentence for a ``RayTaskError``: of soart's own if its cause is one."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, SoartError):
        return cause
    return SoartError(
        f"The cluster's workers cannot do this work ({first_line(cause or error)}): install soart {__version__} on every node."
    )


def check_version(version: str) -> None:
    """Raise SoartError in a worker whose soart is not the one that sent the work."""
    if version != __version__:
        raise SoartError(f"A node has soart {__version__}, not {version}: install the same version on every node.")


def _look(
    version: str, paths: Sequence[str], networks: Sequence[str | None], limit: float, look: Looking
) -> list[Look]:
    check_version(version)
    compute_on_one_core()
    return look_at_all(paths, networks, limit, look)


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

    def __init__(self, workers: int | None = None, limit: float = TIME_LIMIT, look: Looking = look_at) -> None:
        ray_or_sentence()
        self.workers, self.limit, self.look = workers, limit, look

    def looks(self, paths: Iterable[str], networks: Sequence[str | None] = (None,)) -> Iterator[Look]:
        """A look at each path, in any order; few are read ahead of what has been taken.

        Raises:
            SoartError: no cluster to be had, or its workers cannot run soart.
        """
        with connected(self.workers) as ray:
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
                        raise refusal(error) from error
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
