"""Moves single files, and never replaces another one."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path


def move_file(source: Path, target: Path) -> None:
    """Move a file or a link to a free name in an existing folder; an error leaves both paths as they were.

    To another disk it is copied, and goes once the copy is whole and on the disk. FileExistsError tells that the name
    is taken, perhaps by another program at this moment.
    """
    if source.is_symlink():
        move_link(source, target, source.readlink())
        return
    if os.name == "nt":
        # Windows never replaces a file by renaming, and removes no second name of a file that is read-only.
        _rename(source, target)
        return
    try:
        # Unlike a rename, a second name never takes the place of another file.
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        # On another disk, or on one whose files have one name.
        _rename(source, target)
    else:
        _remove_moved(source, target)


def move_link(source: Path, target: Path, leads_to: Path) -> None:
    """Move a link to a free name, where it leads to ``leads_to``; errors as for ``move_file``."""
    target.symlink_to(leads_to)
    _remove_moved(source, target)


def _rename(source: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_to_another_disk(source, target)


def _move_to_another_disk(source: Path, target: Path) -> None:
    copy = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        shutil.copyfile(source, copy)
        # Some systems flush only through a descriptor that may write.
        with copy.open("rb+") as stream:
            os.fsync(stream.fileno())
        # Last, because the file may be read-only.
        shutil.copystat(source, copy)
        move_file(copy, target)
    finally:
        copy.unlink(missing_ok=True)
    _remove_moved(source, target)


def _remove_moved(source: Path, target: Path) -> None:
    """Remove a file that has its new place; if that fails, the new place is given up."""
    try:
        source.unlink()
    except BaseException:
        if os.path.lexists(source):
            target.unlink()
        raise
