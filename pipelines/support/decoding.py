"""Decodes pictures in a few processes: one that a hostile file crashes, hangs or fills ends alone."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from ...errors import ImageError
from ...metrics.image import Picture, read_image
from .processes import cores, follow_parent

#: Most processes, and seconds that one picture may take.
MOST, TIME_LIMIT = 4, 30.0


class DecodingProcesses:
    """Processes that decode one picture each at a time, within ``limit`` seconds; more pictures wait.

    They are started when they are needed: one for each core, up to ``MOST``, or ``count``.
    """

    def __init__(self, count: int | None = None, limit: float = TIME_LIMIT) -> None:
        self.limit = limit
        self._turns = threading.BoundedSemaphore(count or min(MOST, cores()))
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._closed = False

    def decode(self, content: bytes, label: str) -> Picture:
        """Decode the content of a file, see ``read_image``; ImageError also if its decoder crashed or took too long."""
        with self._turns:
            worker = self._take()
            try:
                result = worker.decode(content, label, self.limit)
            except (EOFError, OSError) as error:
                worker.end()
                raise ImageError(f"Decoding {label!r} crashed or took more than {self.limit:g} seconds.") from error
            except BaseException:
                worker.end()
                raise
            self._give_back(worker)
        if isinstance(result, ImageError):
            raise result
        # Flags of arrays are lost on the way.
        result.pixels.flags.writeable = False
        return result

    def close(self) -> None:
        """End the processes; later pictures are refused."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _take(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise ImageError("Pictures are not decoded any more because the server ends.")
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                worker.end()
        return _Worker()

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.end()


class _Worker:
    """A process that decodes one picture at a time."""

    def __init__(self) -> None:
        # Never fork a process that has threads.
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(other,), name="soart: decoding", daemon=True)
        self._process.start()
        other.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def decode(self, content: bytes, label: str, limit: float) -> Picture | ImageError:
        self._connection.send((content, label))
        if not self._connection.poll(limit):
            raise TimeoutError
        result: Picture | ImageError = self._connection.recv()
        return result

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(connection: Connection) -> None:
    """Decode pictures until the connection ends."""
    follow_parent()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            content, label = connection.recv()
            try:
                result: Picture | ImageError = read_image(content, label=label)
            except ImageError as error:
                # Without its cause, which the other process may not be able to load.
                result = type(error)(*error.args)
            connection.send(result)
