"""Connects to a Ray cluster, or starts one on this machine."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import SoartError, first_line
from ...version import __version__

#: Shared memory of a cluster on this machine, in bytes: a few batches of pictures or looks.
_STORE = 256 << 20
#: Ray reads these when it is imported: nothing is sent home, what happens on nodes is not printed here, and no device is hidden from workers.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def import_ray() -> Any:  # noqa: ANN401
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
def ray_connection(workers: int | None = None) -> Iterator[Any]:
    """The package ray, connected: as the caller already is, else to the cluster at RAY_ADDRESS, else to one started here that ends with the block.

    Args:
        workers: CPUs of a cluster started here; by default the cores that this process may use.

    Raises:
        SoartError: ray is not installed, or there is no cluster to be had.
    """
    ray = import_ray()
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


def worker_error(error: Any) -> SoartError:  # noqa: ANN401
    """The error for a ``RayTaskError``: its cause if that is soart's own, else one that names the cause."""
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


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def unknown_engine(name: str) -> SoartError:
    """The sentence for an engine that is not there."""
    return SoartError(f"Expected an engine among local and ray, got {name!r}.")
