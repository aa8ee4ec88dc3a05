import io
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def png(texts=None, *, kind="auto", pixels=PIXELS, exif=None):
    """A PNG with texts as ``tEXt``/``iTXt`` (as Pillow chooses), ``zTXt`` or compressed ``iTXt``."""
    info = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        if kind == "auto":
            info.add_text(name, text)
        elif kind == "zTXt":
            info.add_text(name, text, zip=True)
        else:
            info.add_itxt(name, text, zip=True)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=info, **({"exif": exif} if exif else {}))
    return stream.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(content, kind, data):
    """A PNG with one more chunk, before its pixels."""
    return content[:33] + chunk(kind, data) + content[33:]


def tiff(entries, order="<", comment=None):
    """An EXIF structure with byte strings ``{tag: (type, bytes)}`` and a UserComment in its own directory."""
    entries = dict(entries)
    count = len(entries) + (comment is not None)
    data = b""
    start = 8 + 2 + 12 * count + 4
    rows = []
    for tag, (kind, raw) in sorted(entries.items()):
        rows.append(struct.pack(order + "HHI", tag, kind, len(raw)) + place(order, raw, start + len(data)))
        data += raw if len(raw) > 4 else b""
    if comment is not None:
        at = start + len(data)
        rows.append(struct.pack(order + "HHII", 0x8769, 4, 1, at))
        data += struct.pack(order + "H", 1) + struct.pack(order + "HHII", 0x9286, 7, len(comment), at + 18)
        data += b"\0\0\0\0" + comment
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8) + struct.pack(order + "H", count) + b"".join(rows) + b"\0\0\0\0" + data


def place(order, raw, at):
    return raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(order + "I", at)


def saved(format_name, exif=None, **options):
    stream = io.BytesIO()
    extra = {"exif": b"Exif\0\0" + exif} if exif else {}
    Image.fromarray(PIXELS).save(stream, format_name, **extra, **options)
    return stream.getvalue()


@pytest.fixture(scope="session")
def build():
    return SimpleNamespace(png=png, chunk=chunk, with_chunk=with_chunk, tiff=tiff, saved=saved, pixels=PIXELS)
