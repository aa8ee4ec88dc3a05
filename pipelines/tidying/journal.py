"""Journal of changes to the user's files, by which they can be undone.

Each change is written down before it is made, as one JSON object a line: a file was ``moved``, a small file ``written``
(with its old content), bytes were ``inserted`` into one, or pictures were ``labelled``. Written and changed files are recognised by their SHA-256
before and after. ``undoing`` undoes them; an undone change adds a line
``{"undone": number}``, so that an interrupted undo can be continued.

The lines are signed, so that those of another user, or changed ones, are recognised. The key lies in the user's data folder.
Each signature covers its line and the signature before it, so that no line can be changed, left out before another, or brought
in from another file.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import hmac
import json
import os
import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import IO, Any

import platformdirs

from ...errors import CollectionError
from ...files import check_writable, read_regular, whole_file, write_whole
from ..collection.collection import Collection
from ..collection.labels import set_label
from .moving import move_file, move_link

#: Name of the signature in a line.
SIGNATURE = "signed"
_KEY_BYTES = 32


def key_path() -> Path:
    """Path of the key, in the user's data folder."""
    return platformdirs.user_data_path("soart") / "undo.key"


def stored_key() -> bytes | None:
    """The key of this user; None if there is none that can be read."""
    try:
        key = read_regular(key_path())
    except OSError:
        return None
    return key if len(key) == _KEY_BYTES else None


def own_key() -> bytes | None:
    """The key of this user, made if there is none; None if it cannot be made, so that lines stay unsigned."""
    path = key_path()
    if (key := stored_key()) is not None:
        return key
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{uuid.uuid4().hex}.key")
        with whole_file(fresh, private=True) as temporary:
            temporary.write_bytes(secrets.token_bytes(_KEY_BYTES))
        try:
            # Another process may have made one meanwhile, and its key counts.
            move_file(fresh, path)
        except FileExistsError:
            fresh.unlink()
    return stored_key()


def signature(key: bytes, before: str, entry: Mapping[str, Any]) -> str:
    """The signature of a line, hexadecimal; one in the line itself does not count, and the first has none ``before``."""
    plain = json.dumps({name: value for name, value in entry.items() if name != SIGNATURE}, sort_keys=True)
    return hmac.new(key, f"{before}\n{plain}".encode(), hashlib.sha256).hexdigest()


def is_signed(key: bytes, before: str, entry: Mapping[str, Any]) -> bool:
    """True if a line has the signature that it should have, see ``signature``."""
    return hmac.compare_digest(signature(key, before, entry).encode(), str(entry.get(SIGNATURE)).encode())


class Journal:
    """Changes files, and writes down before each change, in a new file, how to undo it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: IO[bytes] | None = None
        self._entries, self._signature = 0, ""
        self._key: bytes | None = None
        #: New paths by earlier ones, absolute and with links resolved.
        self._moved: dict[Path, Path] = {}
        checked_undo_file(path)

    def _note(self, **entry: Any) -> None:  # noqa: ANN401
        """Write a line, signed unless it is only a mark."""
        with writing(self.path):
            if self._stream is None:
                self._key = own_key()
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Without a buffer, so that nothing of a line that did not fit on the disk is written later.
                self._stream = self.path.open("xb", buffering=0)
            signed = self._signature
            if self._key is not None and not is_mark(entry):
                signed = entry[SIGNATURE] = signature(self._key, self._signature, entry)
            line, end = json.dumps(entry).encode() + b"\n", self._stream.tell()
            try:
                if self._stream.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(self._stream.fileno())
            except OSError:
                # A later line must not follow a part of this one.
                with contextlib.suppress(OSError):
                    self._stream.truncate(end)
                    self._stream.seek(end)
                raise
            self._entries, self._signature = self._entries + 1, signed

    def move(self, source: Path, target: Path) -> Path:
        """Move a file to ``target``, or to a numbered name beside it if that is taken; return its new path.

        A link leads to the same file as before, also if that was moved before it.
        """
        made = sum(not parent.exists() for parent in target.absolute().parents)
        target.parent.mkdir(parents=True, exist_ok=True)
        for free in _names(target):
            # Another program may take a free name before it is used: then the next one is tried.
            with contextlib.suppress(FileExistsError):
                if not os.path.lexists(free):
                    self._move(source, free, made)
                    return free
        raise AssertionError("unreachable")

    def _move(self, source: Path, free: Path, made: int) -> None:
        """Move a file to a free name; ``made`` of the folders above it were made for it, so that they can go again."""
        entry = {"moved": str(source.absolute()), "to": str(free.absolute()), **({"made": made} if made else {})}
        before, place = place_of(source), place_of(free)
        # Where a folder is reached by a link, it is known by its place: the link may lead elsewhere when this is undone.
        places = (("from_place", before, entry["moved"]), ("to_place", place, entry["to"]))
        entry |= {name: str(at) for name, at, path in places if str(at) != path}
        link = source.readlink() if source.is_symlink() else None
        leads_to = None if link is None else self._text_of_moved(link, before, place)
        self._note(**entry, **({"link": str(link)} if leads_to != link else {}))
        try:
            if leads_to is None or leads_to == link:
                move_file(source, free)
            else:
                move_link(source, free, leads_to)
            self._moved[before] = place
        except BaseException:
            if os.path.lexists(source) or not os.path.lexists(free):
                remove_folders([entry])
                # A move that was not made is nothing to undo.
                with contextlib.suppress(CollectionError):
                    self._note(undone=self._entries - 1)
            raise

    def _text_of_moved(self, link: Path, before: Path, place: Path) -> Path:
        """The text of a link at ``place`` that leads to the same file as the text ``link`` of one at ``before``."""
        goal = place_of(before.parent / link)
        now = self._moved.get(goal, goal)
        if link.is_absolute():
            return link if now == goal else now
        try:
            return Path(os.path.relpath(now, place.parent))
        except ValueError:
            # On another drive of Windows.
            return now

    def write(self, path: Path, content: bytes, made: int = 0) -> None:
        """Write a small file, for which ``made`` folders were made; of an earlier one the journal stores the content."""
        mode = path.stat().st_mode & 0o7777 if path.exists() else None
        old = None if mode is None else read_regular(path)
        encoded = None if old is None else base64.b64encode(old).decode()
        self._note(
            written=str(path.absolute()),
            old=encoded,
            before=sha256_of(old),
            after=sha256_of(content),
            **_place_if_other(path),
            **({"made": made} if made else {}),
        )
        write_whole(path, content)
        if mode is not None:
            path.chmod(mode)

    def insert(self, path: Path, content: bytes, at: int, addition: bytes) -> bytes:
        """Insert bytes into a file with the given content; return the new one."""
        new = content[:at] + addition + content[at:]
        hashes = {"before": sha256_of(content), "after": sha256_of(new)}
        self._note(inserted=str(path.absolute()), at=at, length=len(addition), **hashes, **_place_if_other(path))
        rewrite(path, new)
        return new

    def label(self, collection: Collection, kind: str, name: str, images: Sequence[int], *, on: bool) -> list[int]:
        """Give pictures of a collection a label, or take it away; return the ids that changed."""
        changed = set_label(collection, kind, name, images, on=on)
        if changed:
            self._note(labelled=collection.name, kind=kind, name=name, images=changed, on=on)
        return changed

    def close(self) -> None:
        """Close the journal."""
        if self._stream is not None:
            self._stream.close()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of writing a journal into one sentence."""
    try:
        yield
    except OSError as error:
        raise CollectionError(f"The undo file {str(path)!r} cannot be written: {error.strerror or error}.") from error


def place_of(path: Path) -> Path:
    """The absolute path of a file or a link, with the links of its folders resolved."""
    return path.absolute().parent.resolve() / path.name


def _names(target: Path) -> Iterator[Path]:
    yield target
    number = 2
    while True:
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")
        number += 1


def _place_if_other(path: Path) -> dict[str, str]:
    """The place of a file for its line, if that is not the path itself."""
    place = str(place_of(path))
    return {} if place == str(path.absolute()) else {"place": place}


def sha256_of(content: bytes | None) -> str | None:
    """The SHA-256 of a content, hexadecimal; None for a file that is not there."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def rewrite(path: Path, content: bytes) -> None:
    """Replace the content of a file; its permissions and times stay."""
    status = path.stat()
    write_whole(path, content)
    path.chmod(status.st_mode & 0o7777)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def is_mark(entry: object) -> bool:
    """True if a line only says that another one was undone."""
    return isinstance(entry, dict) and "undone" in entry


def remove_folders(entries: Sequence[Any]) -> None:
    """Remove the folders that moves and copies made, as far as they are empty."""
    for entry in reversed(entries):
        known = entry if isinstance(entry, dict) else {}
        file, made = known.get("to", known.get("written")), known.get("made")
        for folder in Path(file).parents[:made] if isinstance(file, str) and isinstance(made, int) and made > 0 else ():
            try:
                folder.rmdir()
            except OSError:
                break


def checked_undo_file(path: Path | None = None) -> Path:
    """Check the path of a new undo file before any work begins; by default one in the current folder, named after now."""
    if path is None:
        names = chain([""], (f"-{number}" for number in count(2)))
        paths = (Path(f"soart-undo-{datetime.now():%Y%m%d-%H%M%S}{name}.jsonl") for name in names)
        path = next(path for path in paths if not path.exists())
    if path.exists():
        raise CollectionError(f"{str(path)!r} exists already: undo it, or name another undo file.")
    with writing(path):
        check_writable(path, parents=True)
    return path
