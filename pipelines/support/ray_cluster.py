"""Connects to a Ray cluster, or starts one on this machine."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import SoartError, first_line, install_command
from ...version import __version__
from .processes import cores

#: Shared memory of a cluster on this machine, in bytes: a few batches of pictures or inspections.
_STORE = 256 << 20
#: Ray reads these when it is imported: no usage statistics, no output of nodes printed here, and no device hidden from
#: workers.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def import_ray() -> Any:  # noqa: ANN401
    """The package ray, or a SoartError that says how to install it."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise SoartError(f"`--engine ray` needs the package *ray*: {install_command('ray')}.") from error
    return ray


@contextmanager
def ray_connection(workers: int | None = None) -> Iterator[Any]:
    """The package ray, connected to a cluster.

    That is the cluster the caller is connected to already, else the one at RAY_ADDRESS, else one with ``workers`` CPUs
    (by default all cores) that is started on this machine and ends with the block.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    address = os.environ.get("RAY_ADDRESS")
    here = {"num_cpus": workers or cores(), "include_dashboard": False, "object_store_memory": _STORE}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        _check_port(address)
        ray.init(address or "local", log_to_driver=False, configure_logging=False, **({} if address else here))
    # Anything from a wrong token to a port in use.
    except Exception as error:
        where = f"at RAY_ADDRESS={address} cannot be reached" if address else "cannot be started on this machine"
        raise SoartError(f"A Ray cluster {where}: {first_line(error)}.") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_port(address: str | None) -> None:
    """Raise OSError if nothing listens at a HOST:PORT; Ray itself would wait for minutes."""
    host, _, port = (address or "").rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def worker_error(error: Any) -> SoartError:  # noqa: ANN401
    """The error for a ``RayTaskError``: its cause if that is soart's own, else one that names the cause."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, SoartError):
        return cause
    return SoartError(
        f"The cluster's workers cannot do this work ({first_line(cause or error)}): "
        f"install soart {__version__} on every node."
    )


def check_version(version: str) -> None:
    """Raise SoartError in a worker that has another version of soart than the sender of the work."""
    if version != __version__:
        raise SoartError(f"A node has soart {__version__}, not {version}: install the same version on every node.")
