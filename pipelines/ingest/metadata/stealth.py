"""Texts hidden in the lowest bits of a picture ("stealth pnginfo").

They are in alpha or in colours, plain or compressed. The bits run down the columns: a mark of 15 letters, 32 bits with
the length of the text in bits, the text.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from ....metrics.formats.png import SIGNATURE, png_chunks, trim_png
from .containers import LONGEST_TEXT, webp_chunks

if TYPE_CHECKING:
    import numpy as np

_MARKS = {
    b"stealth_pnginfo": ("alpha", False),
    b"stealth_pngcomp": ("alpha", True),
    b"stealth_rgbinfo": ("rgb", False),
    b"stealth_rgbcomp": ("rgb", True),
}
_LETTERS = 15
#: Larger pictures are not decoded for a hidden text.
_MOST_PIXELS = 64 * 2**20


def stealth_text(content: bytes) -> tuple[str, str] | None:
    """Place (``"stealth:alpha"`` or ``"stealth:rgb"``) and text hidden in a PNG or WebP, or ``None``.

    A PNG is decoded only if its first pixels, read alone, begin like a mark; a WebP only if it has alpha.
    """
    if not (_png_may(content) if content.startswith(SIGNATURE) else _webp_may(content)):
        return None
    pixels = _pixels(content)
    if pixels is None:
        return None
    planes = {"rgb": pixels[:, :, :3]}
    if pixels.shape[2] == 4:
        planes["alpha"] = pixels[:, :, 3:]
    for mark, (plane, packed) in _MARKS.items():
        if plane not in planes or _read(planes[plane], 0, _LETTERS) != mark:
            continue
        length = int.from_bytes(_read(planes[plane], _LETTERS, 4), "big") // 8
        if 0 < length <= LONGEST_TEXT:
            data = _read(planes[plane], _LETTERS + 4, length)
            text = _gunzip(data) if packed else data
            return (f"stealth:{plane}", text.decode("utf-8", "replace")) if len(data) == length and text else None
    return None


def _read(plane: np.ndarray, start: int, count: int) -> bytes:
    """``count`` bytes from byte ``start`` of the lowest bits of a (height, width, channels) plane, down the columns."""
    import numpy as np

    height, _, channels = plane.shape
    first, last = 8 * start // (height * channels), -(-8 * (start + count) // (height * channels))
    bits = (plane[:, first:last].transpose(1, 0, 2) & 1).ravel()
    skipped = 8 * start - first * height * channels
    return np.packbits(bits[skipped : skipped + 8 * count]).tobytes()


def _gunzip(data: bytes) -> bytes:
    try:
        stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        text = stream.decompress(data, LONGEST_TEXT)
    except zlib.error:
        return b""
    return b"" if stream.unconsumed_tail else text


def _pixels(content: bytes) -> np.ndarray | None:
    import io
    import warnings

    import numpy as np
    from PIL import Image

    if content.startswith(SIGNATURE):
        content = trim_png(content).content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=["PNG", "WEBP"]) as image:
            if image.mode not in ("RGB", "RGBA") or image.width * image.height > _MOST_PIXELS:
                return None
            return np.asarray(image)


def _webp_may(content: bytes) -> bool:
    for kind, start, _ in webp_chunks(content):
        if kind == b"VP8X":
            # Alpha, and no animation.
            return content[start] & 0x12 == 0x10 if start < len(content) else False
        if kind == b"VP8L":
            return len(content) > start + 4 and bool(content[start + 4] & 0x10)
        return False
    return False


def _png_may(content: bytes) -> bool:
    """True if the lowest bits of the first column begin like a mark, judging by the first rows alone."""
    header = content[16:29]
    if len(header) < 13:
        return False
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    channels = {2: 3, 6: 4}.get(colour, 0)
    if depth != 8 or not channels or interlaced or not 0 < width * height <= _MOST_PIXELS:
        return False
    data = b"".join(content[start : min(end, start + 2**20)] for start, end in _first_data(content))
    rows = min(8, height)
    stride = 1 + width * channels
    try:
        raw = zlib.decompressobj().decompress(data, rows * stride)
    except zlib.error:
        return False
    bits = _column(raw, stride, channels)
    # Eight rows hold eight bits of alpha, or three times as many of colours.
    wanted = "".join(f"{letter:08b}" for letter in b"ste")
    alpha = "".join(str(pixel[3] & 1) for pixel in bits) if channels == 4 else "?"
    rgb = "".join(str(value & 1) for pixel in bits for value in pixel[:3])
    return bool(bits) and (wanted.startswith(alpha) or wanted.startswith(rgb))


def _first_data(content: bytes) -> list[tuple[int, int]]:
    """Start and end of the first chunks of pixels: enough for eight rows of any picture that may be decoded."""
    spans, total = [], 0
    for kind, start, end in png_chunks(content):
        if kind == b"IDAT":
            spans.append((start, end))
            total += end - start
        if total > 2**18 or (spans and kind != b"IDAT"):
            break
    return spans


def _column(raw: bytes, stride: int, channels: int) -> list[list[int]]:
    """The pixels of the first column: with nothing to the left, each filter of PNG needs only the pixel above."""
    above = [0] * channels
    pixels = []
    for at in range(0, len(raw) - channels, stride):
        kind = raw[at]
        # 2 is "up", 4 "Paeth", which is "up" here; 3 is the mean of above and nothing.
        base = above if kind in (2, 4) else [value // 2 for value in above] if kind == 3 else [0] * channels
        above = [(value + add) & 255 for value, add in zip(raw[at + 1 : at + 1 + channels], base, strict=True)]
        pixels.append(above)
    return pixels
