"""Files written whole or not at all, or read if they are regular; paths without ``..`` or as the user named them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

#: Suffixes of the weights of a model in a single file.
WEIGHTS = {".safetensors", ".ckpt"}
#: Most bytes of a file that is read whole, which no picture of 100 megapixels has; of settings and words; and of the
#: weights of a model.
MOST, MOST_TEXT, MOST_WEIGHTS = 1 << 30, 1 << 24, 1 << 37
_PIECE = 1 << 20


def plain_path(path: Path | str) -> Path:
    """The absolute path of a file or folder without ``..``; links are followed only if ``..`` comes after one."""
    absolute = Path(path).absolute()
    plain = Path(os.path.normpath(absolute))
    return plain if plain == absolute or plain.resolve() == absolute.resolve() else absolute.resolve()


def is_gone(path: Path | str) -> bool:
    """True if there is nothing at a path; False if that cannot be seen, because a folder above it cannot be opened.

    >>> from soart.files import is_gone
    >>> is_gone("/"), is_gone("/no/such/file")
    (False, True)
    """
    try:
        os.lstat(path)
    # ValueError: a name that no file can have.
    except (OSError, ValueError) as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError | ValueError)
    return False


def from_home(path: Path | str) -> Path:
    """The path with ``~`` and ``~name`` at its beginning replaced by a home folder; unchanged if nobody has this name.

    >>> from soart.files import from_home
    >>> from_home("~nobody-of-this-name/art").parts[0], from_home("~/art").name
    ('~nobody-of-this-name', 'art')
    """
    # Path.expanduser fails for a folder whose own name begins so.
    return Path(os.path.expanduser(path))  # noqa: PTH111


def leads_out(path: Path | str, folders: Iterable[Path]) -> bool:
    """True if a link, at a path or above it, leads out of all of some folders, whose own links are resolved."""
    real = Path(os.path.realpath(path))
    return real != Path(path).absolute() and not any(real.is_relative_to(folder) for folder in folders)


def open_regular(path: Path | str, *, most: int = MOST, within: Iterable[Path] | None = None) -> BufferedReader:
    """Open a file that a stranger may have put there, for reading: the one door for all of them.

    It waits for nothing: a pipe or a device would perhaps never answer.

    Args:
        path: of the file.
        most: bytes that it may have.
        within: folders, links resolved, that no link may lead out of; None to go where the owner's links lead.

    Raises:
        OSError: the file cannot be opened, is no regular file, is too large, or a link leads out to it.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "its name holds a zero byte", str(path))
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    place: Path | str = path
    if within is not None:
        if leads_out(path, within):
            raise OSError(errno.EACCES, "its path is a link out of its folders", str(path))
        # What was looked at must be what is opened.
        place, flags = os.path.realpath(path), flags | getattr(os, "O_NOFOLLOW", 0)
    # Opening alone may act on a device, so the path is looked at first; what it leads to may change in between.
    if stat.S_ISREG(os.stat(place).st_mode):  # noqa: PTH116
        descriptor = os.open(place, flags)
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size <= most:
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        if stat.S_ISREG(status.st_mode):
            raise _too_large(path, most)
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def read_regular(path: Path | str, *, most: int = MOST, within: Iterable[Path] | None = None) -> bytes:
    """The content of a file that a stranger may have put there; see ``open_regular``."""
    with open_regular(path, most=most, within=within) as stream:
        content = stream.read(os.fstat(stream.fileno()).st_size + 1)
        # Files of the system have no size, and others may have grown.
        while len(content) <= most and (further := stream.read(_PIECE)):
            content += further
    if len(content) > most:
        raise _too_large(path, most)
    return content


def read_text(path: Path | str) -> str:
    """The text in a file of settings or words that a stranger may have put there; see ``open_regular``.

    Raises:
        OSError: as for ``open_regular``.
        ValueError: it is not UTF-8.
    """
    return read_regular(path, most=MOST_TEXT).decode("utf-8-sig")


def _too_large(path: Path | str, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it has more than {most >> 20} MiB", str(path))


def names_path(name: str) -> bool:
    """True if the name of a model means a file or folder, which need not exist, and not an id of the hub.

    >>> from soart.files import names_path
    >>> names_path("./model"), names_path("sdxl.safetensors"), names_path("stabilityai/sdxl-turbo")
    (True, True, False)
    """
    path = from_home(name)
    if path.is_absolute() or path.suffix in WEIGHTS or name.startswith((".", "~")):
        return True
    # Unlike Path.exists, it does not fail for a name that is too long for a file.
    return os.path.exists(path)  # noqa: PTH110


def shortened(name: str, most: int) -> str:
    """A file name of at most ``most`` bytes, as file systems count them; its suffix stays whole."""
    if len(os.fsencode(name)) <= most:
        return name
    suffix = os.fsencode(Path(name).suffix)
    return os.fsdecode(os.fsencode(name)[: most - len(suffix)].decode(errors="ignore").encode() + suffix)


def beginning_of_paths_in(folder: str, separator: str = os.sep) -> str:
    r"""The text that all paths of files in a folder begin with.

    >>> from soart.files import beginning_of_paths_in
    >>> beginning_of_paths_in("/art", "/"), beginning_of_paths_in("/", "/"), beginning_of_paths_in("C:\\art", "\\")
    ('/art/', '/', 'C:\\art\\')
    """
    return folder.rstrip(separator) + separator


def named_as_given(sentences: Iterable[str], given: Iterable[Path | str]) -> list[str]:
    """Sentences in which the quoted paths of files are those that the user knows.

    Args:
        sentences: with absolute paths in quotes, as ``repr`` writes them.
        given: files and folders as the user named them, relative or absolute; a quoted path of one, or of a file below
            it, begins as it does. Addresses, and names that lead nowhere (links in a circle), are passed over.

    Examples:
        >>> from pathlib import Path
        >>> from soart.files import named_as_given
        >>> named_as_given([f"{str(Path('art/a.png').absolute())!r} is all black."], ["art"])
        ["'art/a.png' is all black."]
    """
    texts = list(sentences)
    places: dict[str, str] = {}
    for path in map(Path, (one for one in given if "://" not in str(one))):
        # Links in a circle, a NUL in the name, or a current folder that is gone.
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            if not path.is_absolute():
                places |= dict.fromkeys((str(plain_path(path)), str(path.resolve())), str(path))
    for absolute in sorted(places, key=len, reverse=True):
        beginning = re.escape(repr(absolute)[1:-1])
        own = repr(places[absolute])[1:-1]
        separator = re.escape(repr(os.sep)[1:-1])
        below = "" if own == os.curdir else own + repr(os.sep)[1:-1]
        for n, text in enumerate(texts):
            inside = below.join(re.split(rf"(?<=['\"]){beginning}{separator}", text))
            texts[n] = own.join(re.split(rf"(?<=['\"]){beginning}(?=['\"])", inside))
    return texts


@contextlib.contextmanager
def whole_file(path: Path, *, private: bool = False, durable: bool = True) -> Iterator[Path]:
    """Write a file under a temporary name beside it, and give it its name when the block ends without an error.

    Args:
        path: the file; an earlier one is replaced. Its folder must exist. If it is a link, the file that it leads to is
            written, and the link stays.
        private: True if only the user may read the file; otherwise the process's umask decides.
        durable: True if the content must be on the disk before the file gets its name, so that a power cut leaves the
            earlier file or the new one. False where a damaged file does no harm.

    Yields:
        path of the temporary file, which exists and is empty.

    Raises:
        OSError: the file cannot be written. An earlier one stays as it is, and the temporary file is removed.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666))
        yield temporary
        if durable:
            # Some systems flush only through a descriptor that may write.
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_whole(path: Path, content: bytes, *, private: bool = False, durable: bool = True) -> None:
    """Write a file so that it is there whole or not at all; see ``whole_file``.

    Raises:
        OSError: the file cannot be written. An earlier one stays as it is.
    """
    with whole_file(path, private=private, durable=durable) as temporary:
        temporary.write_bytes(content)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet, whole or not at all; see ``whole_file``.

    Where the system has files without a name, a process that is killed meanwhile leaves nothing.

    Raises:
        FileExistsError: there is a file or folder of this name.
        OSError: the file cannot be written.
    """
    with contextlib.suppress(AttributeError, OSError):
        descriptor = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
            # Python follows the link to the file only if it is told a folder's descriptor.
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
            return
    path.touch(exist_ok=False)
    try:
        write_whole(path, content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def check_writable(path: Path, *, parents: bool = False) -> None:
    """Check that a file can be written, without leaving anything behind.

    Args:
        path: the file; an earlier one may exist.
        parents: True if its folder may be missing, because it will be made.

    Raises:
        OSError: the path is a folder, or a file cannot be made in its folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.absolute().parent
    while parents and not os.path.lexists(folder):
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder):
        pass
