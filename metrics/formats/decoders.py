"""Suffixes of picture files, and decoders that are registered when needed.

Pillow decodes most formats. HEIC, JPEG XL and, with old versions of Pillow, AVIF need the extra ``formats``.

Source of the size of JPEG XL: ISO/IEC 18181-1:2024, D.2 and D.3; of its boxes: ISO/IEC 18181-2:2024.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cache

from ...errors import MissingDecoderError, install_command

#: Suffixes, in lower case, by which folders are searched for pictures; the content decides the format.
SUFFIXES = frozenset(
    {
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff",
        ".avif", ".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".jpf", ".jpx", ".jpc",
        ".tga", ".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".ico", ".qoi",
    }
)  # fmt: skip
#: Formats that Pillow recognises but that hold no pixels, or hand their content to another program.
UNDECODED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF = frozenset({b"avif", b"avis"})
#: Bytes that hold the size of a JPEG XL.
_HEADER = 14
_JXL_STREAM, _JXL_BOXES = b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_MOST_BOXES = 100_000
#: Width to height by the number in the header of JPEG XL; 0 stands for a width of its own.
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def register_decoder(content: bytes, name: str) -> None:
    """Register the decoder of a content with Pillow, if it needs one, or raise a ``MissingDecoderError``."""
    for is_format, label, register in _EXTRA:
        if is_format(content):
            try:
                register()
            except ImportError as error:
                raise MissingDecoderError(
                    f"{name} is {label} picture, whose decoder is not installed: {install_command('formats')}."
                ) from error


def is_heic(content: bytes) -> bool:
    """True for the content of a HEIC file."""
    return bool(_brands(content) & _HEIC)


def is_avif(content: bytes) -> bool:
    """True for the content of an AVIF file."""
    return bool(_brands(content) & _AVIF)


def is_jxl(content: bytes) -> bool:
    """True for the content of a JPEG XL file."""
    return content.startswith((_JXL_STREAM, _JXL_BOXES))


def _brands(content: bytes) -> set[bytes]:
    """Brands in the first box of an ISO file; empty for other files."""
    if content[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(content[:4], "big"), 256)
    return {content[8:12], *(content[at : at + 4] for at in range(16, end - 3, 4))}


@cache
def _register_heic() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


@cache
def _register_jxl() -> None:
    import pillow_jxl  # noqa: F401 - registers itself


@cache
def _check_avif() -> None:
    from PIL import features

    if not features.check("avif"):
        raise ImportError("Pillow without AVIF")


_EXTRA: tuple[tuple[Callable[[bytes], bool], str, Callable[[], None]], ...] = (
    (is_heic, "a HEIC", _register_heic),
    (is_jxl, "a JPEG XL", _register_jxl),
    (is_avif, "an AVIF", _check_avif),
)


def iso_boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the data of each outer box of an ISO file; a box that is cut off ends with the file."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(content):
            return
        length, kind = struct.unpack_from(">I4s", content, at)
        start = at + 8
        if length == 1 and at + 16 <= len(content):
            length, start = int.from_bytes(content[at + 8 : at + 16], "big"), at + 16
        end = len(content) if length == 0 else at + length
        if end < start:
            return
        yield kind, start, min(end, len(content))
        at = end


def jxl_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG XL from its header, because its decoder unpacks all at once; None without a header."""
    stream = content[:_HEADER] if content.startswith(_JXL_STREAM) else b""
    for kind, start, end in iso_boxes(content) if not stream else ():
        # The stream may be cut into parts, each with a number of four bytes.
        first = {b"jxlc": start, b"jxlp": start + 4}.get(kind, end)
        stream += content[first : min(end, first + _HEADER)]
        if len(stream) >= _HEADER:
            break
    if not stream.startswith(_JXL_STREAM) or len(stream) < 4:
        return None
    bits = int.from_bytes(stream[2:_HEADER], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = take(3)
    if ratio == 0:
        return side(), height
    across, down = _RATIOS[ratio]
    return height * across // down, height
