"""Work of child processes until they are killed."""

import errno
import os
import signal
from pathlib import Path

from soart.pipelines.collection.collection import Collection
from soart.pipelines.services.importing import import_picture

from .noise import drawn_noise

#: Functions of the system that change a disk or wait for it: before and after each call is a moment to be killed at.
STEPS = ("fsync", "link", "rename", "unlink", "rmdir")


def die_at(writer, moment, act, elsewhere):
    """Run ``act``, and be killed at a moment, counted from 0, after telling the call it is at."""
    left = moment

    def checked(name, call):
        def at(when):
            nonlocal left
            if left == 0:
                os.write(writer, f"{when} {name}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

        def run(*arguments, **options):
            at("before")
            if elsewhere and name in ("link", "rename") and len({Path(path).parent for path in arguments[:2]}) > 1:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            result = call(*arguments, **options)
            at("after")
            return result

        return run

    for name in STEPS:
        setattr(os, name, checked(name, getattr(os, name)))
    act()


def add_batches(writer, where, first):
    """Add batches of three pictures to a collection, a byte for each, seeds from ``first`` on."""
    with Collection(where) as collection:
        for batch in range(10_000):
            collection.add_drawn([drawn_noise(first + batch * 3 + k) for k in range(3)], "m", "DDIM")
            os.write(writer, b".")


def import_pictures(writer, where, content, first, count):
    """Import a picture under some names, from number ``first`` on, a byte for each."""
    with Collection(where) as collection:
        for number in range(first, first + count):
            import_picture(collection, f"{number}.png", content)
            os.write(writer, b".")


def import_and_die(writer, moment, where, content):
    """Import a picture, and be killed at a moment, see ``die_at``."""
    with Collection(where) as collection:
        die_at(writer, moment, lambda: import_picture(collection, f"{moment}.png", content), False)
