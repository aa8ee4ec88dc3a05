import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from soart.errors import ImageError
from soart.metrics.formats.png import LONGEST_PROFILE, inflate, trim_png
from soart.metrics.image import read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def png(**options):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG", **options)
    return buffer.getvalue()


def with_chunks(*chunks):
    """A PNG with more chunks before its pixels."""
    content = png()
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return content[:33] + data + content[33:]


def text(kind, length):
    words = b"a fox, " * (length // 7)
    if kind == b"tEXt":
        return kind, b"parameters\0" + words
    if kind == b"zTXt":
        return kind, b"parameters\0\0" + zlib.compress(words)
    return kind, b"parameters\0\1\0\0\0" + zlib.compress(words)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
@pytest.mark.parametrize("late", [False, True])
def test_a_text_of_several_megabytes_does_not_matter(kind, late):
    content = with_chunks(text(kind, 3 * 2**20))
    if late:
        (_, body), plain = text(kind, 3 * 2**20), png()
        chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        content = plain[:-12] + chunk + plain[-12:]
    picture = read_image(content)
    assert (picture.pixels == PIXELS).all()
    assert picture.notes == ()


def test_many_texts_do_not_matter():
    """Pillow refuses texts of more than 64 MiB together."""
    assert (read_image(with_chunks(*[text(b"zTXt", 2**20 - 99)] * 80)).pixels == PIXELS).all()


def test_what_need_not_be_changed_is_left_alone():
    content = with_chunks(text(b"tEXt", 700), text(b"zTXt", 700))
    assert trim_png(content).content is content
    trimmed = trim_png(with_chunks(text(b"tEXt", 700), text(b"zTXt", 3 * 2**20)))
    assert trimmed.content == with_chunks(text(b"tEXt", 700))


def padded_profile(length):
    """A valid profile that is not called sRGB, followed by zeros."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace("sRGB".encode("utf-16-be"), "ours".encode("utf-16-be"))
    return struct.pack(">I", length) + profile[4:] + bytes(length - len(profile))


def test_a_profile_of_several_megabytes_is_used():
    large = read_image(png(icc_profile=padded_profile(2 * 2**20)))
    small = read_image(png(icc_profile=padded_profile(2**12)))
    assert large.notes == small.notes == ("colour profile converted to sRGB",)
    assert (large.pixels == small.pixels).all()


def test_a_profile_beyond_the_limit_is_ignored_and_noted():
    picture = read_image(with_chunks((b"iCCP", b"icc\0\0" + zlib.compress(bytes(LONGEST_PROFILE + 1)))))
    assert (picture.pixels == PIXELS).all()
    assert picture.notes == ("colour profile of more than 16 MiB ignored",)


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt"])
def test_bombs_cost_neither_time_nor_memory(kind):
    bomb = zlib.compress(bytes(2**20), 9) if kind != b"iCCP" else zlib.compress(bytes(200 * 2**20), 1)
    head = {b"iCCP": b"icc\0\0", b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0"}[kind]
    content = with_chunks(*[(kind, head + bomb)] * (1 if kind == b"iCCP" else 2000))
    tracemalloc.start()
    start = time.process_time()
    assert (read_image(content).pixels == PIXELS).all()
    assert time.process_time() - start < 5
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


def test_broken_chunks_are_for_the_decoder_to_judge():
    assert inflate(b"nonsense", 9) == b""
    content = with_chunks((b"iCCP", b"icc\0\0nonsense"), (b"zTXt", b"a\0\0nonsense"), (b"iTXt", b""))
    assert trim_png(content).content is content
    for end in range(8, 400, 7):
        with pytest.raises(ImageError):
            read_image(with_chunks(text(b"zTXt", 3 * 2**20))[:end])
