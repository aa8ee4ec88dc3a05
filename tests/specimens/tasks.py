"""Tasks for the process of heavy work, which must be able to import them."""

import os
import time
from pathlib import Path

from soart.errors import SoartError


def add(job, first, second):
    job.expect(2)
    job.advance()
    job.advance()
    return first + second, os.getpid()


def note(job, path, seconds):
    """Write down when the task began and ended."""
    with Path(path).open("a") as stream:
        stream.write("begin ")
    time.sleep(seconds)
    with Path(path).open("a") as stream:
        stream.write("end ")


def run_for(job, seconds):
    for _ in range(int(100 * seconds)):
        time.sleep(0.01)
        job.advance()


def refuse(job):
    raise SoartError("This cannot be done.")


def fail(job):
    raise ZeroDivisionError("by zero")


def sleep(job, path, seconds):
    """Do not stop when told to; write a file first."""
    Path(path).touch()
    time.sleep(seconds)
