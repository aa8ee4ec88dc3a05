"""A small process whose children are killed: to fork one that has loaded everything takes a tenth of a second each time."""

import os
import subprocess
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path


class Nursery:
    """Starts children, which work at once; what they need is imported with the first one."""

    def __init__(self):
        self._orders, theirs = Pipe()
        command = f"from specimens.nursery import serve; serve({theirs.fileno()})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", command], cwd=Path(__file__).parents[1], pass_fds=[theirs.fileno()]
        )
        theirs.close()

    def start(self, work, *arguments):
        """Let a child run ``work(writer, *arguments)``, a function of a module; its pid, and the other end of the writer's pipe."""
        reader, writer = os.pipe()
        self._orders.send((work, arguments))
        send_handle(self._orders, writer, self._process.pid)
        os.close(writer)
        return self._orders.recv(), reader

    def wait(self, child):
        """The status of a child that has ended, as of ``os.waitpid``."""
        self._orders.send(child)
        return self._orders.recv()

    def end(self):
        self._orders.close()
        assert self._process.wait() == 0


def serve(handle):
    """Start and await children until nobody asks for more."""
    orders = Connection(handle)
    with suppress(EOFError):
        while True:
            order = orders.recv()
            if isinstance(order, int):
                orders.send(os.waitpid(order, 0)[1])
                continue
            work, arguments = order
            writer = recv_handle(orders)
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    orders.close()
                    work(writer, *arguments)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            os.close(writer)
            orders.send(child)
