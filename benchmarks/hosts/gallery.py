"""The gallery as a process of its own, for the benchmarks that talk to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import httpx2 as httpx


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Gallery:
    """A running gallery, until the end of a ``with`` block; ``entrance`` is the address with the token, which lets a browser in."""

    def __init__(
        self,
        folder: Path,
        home: Path | None = None,
        command: Sequence[str] = ("web",),
        *,
        options: Sequence[str] = (),
        port: int | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.port = free_port() if port is None else port
        self.address = f"http://127.0.0.1:{self.port}"
        line = [sys.executable, "-m", "soart.plugin.cli", *command, str(folder), "--no-open", "--port", str(self.port)]
        names = () if home is None else ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
        places = {name: f"{home}/{name}" for name in names}
        self.process = subprocess.Popen(
            [*line, *options], stdout=subprocess.PIPE, text=True, env={**os.environ, **places, **environment}
        )
        assert self.process.stdout is not None
        self.entrance = self.process.stdout.readline().split()[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory(self) -> float:
        """Resident megabytes of the server."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def memory_of_all(self) -> tuple[float, int]:
        """Megabytes of the server with its child processes, and the number of processes."""
        sizes = [proportional_memory(process) for process in family(self.process.pid)]
        return sum(sizes), len(sizes)


def proportional_memory(process: int) -> float:
    """Megabytes of a process, shared pages in parts; 0 if it has just ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def family(process: int) -> Iterator[int]:
    """The numbers of a process and of all its descendants."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            numbers = children.read_text().split()
        except OSError:
            continue
        for child in numbers:
            yield from family(int(child))


def enter(client: httpx.Client, server: Gallery, rater: str) -> dict[str, str]:
    """Open a session under the name of a rater, as a browser does; returns the header of changing requests."""
    client.get(server.entrance)
    text = client.get("/c/0/gallery", headers={"accept": "text/html"}).text
    headers = {"x-csrf-token": text.split('data-csrf="')[1].split('"')[0]}
    client.post("/rater", json={"rater": rater}, headers=headers).raise_for_status()
    return headers
