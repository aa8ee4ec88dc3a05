"""Folders that this process may not write, whoever runs it."""

import contextlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory


@contextlib.contextmanager
def enterable_folder():
    """A temporary folder that every user can enter."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextlib.contextmanager
def unwritable(folder):
    """Take the right to write a folder from this process."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
