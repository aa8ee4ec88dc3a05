"""Writes ZIP archives piece by piece, so that an archive of any size needs little memory.

Source: PKWARE's APPNOTE.TXT 6.3.10; sizes follow the data of each file, as streams need it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime

#: Bytes handed on at once, at least.
_PIECE = 1 << 16
#: The years that an archive can hold.
_FIRST, _LAST = datetime(1980, 1, 1), datetime(2107, 12, 31)


class _Pieces(io.RawIOBase):
    """A stream that cannot seek and gives away everything that was written to it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._written += view
        return len(view)

    def __len__(self) -> int:
        return len(self._written)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def zip_stream(files: Iterable[tuple[str, datetime, Iterable[bytes]]]) -> Iterator[bytes]:
    """The bytes of a ZIP archive, in pieces, of files below 2 GiB by name, local time of their last change, and content."""
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w") as archive:
        for name, changed, content in files:
            time = min(max(changed, _FIRST), _LAST)
            # Pictures are compressed already: the archive only holds them.
            entry = zipfile.ZipInfo(name, time.timetuple()[:6])
            with archive.open(entry, "w") as stream:
                for piece in content:
                    stream.write(piece)
                    if len(pieces) >= _PIECE:
                        yield pieces.take()
    yield pieces.take()
