import gzip
import io
import json

import numpy as np
import pytest
from PIL import Image

from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.ingest.metadata.stealth import _png_may

TEXT = "a fox\nNegative prompt: blur\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 8x8"
NOVEL = {
    "Description": "a fox",
    "Software": "NovelAI",
    "Source": "NovelAI Diffusion V4",
    "Comment": json.dumps({"prompt": "a fox", "uc": "blur", "steps": 28, "scale": 5, "seed": 9, "sampler": "k_euler"}),
}


def bits_of(data):
    return [byte >> shift & 1 for byte in data for shift in range(7, -1, -1)]


def hide(pixels, mark, text, length=None):
    """Write mark, length and text into the lowest bits, down the columns, one bit at a time."""
    data = gzip.compress(text.encode()) if mark.endswith(b"comp") else text.encode()
    bits = bits_of(mark + (8 * len(data) if length is None else length).to_bytes(4, "big") + data)
    pixels = pixels.copy()
    channels = [3] if b"png" in mark else [0, 1, 2]
    places = ((row, column, c) for column in range(pixels.shape[1]) for row in range(pixels.shape[0]) for c in channels)
    for bit, place in zip(bits, places, strict=False):
        pixels[place] = pixels[place] & 254 | bit
    return pixels


def canvas(height=160, width=120, channels=4):
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, channels), dtype=np.uint8)
    if channels == 4:
        pixels[:, :, 3] = 255
    return pixels


def png(pixels, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("mark", [b"stealth_pnginfo", b"stealth_pngcomp", b"stealth_rgbinfo", b"stealth_rgbcomp"])
@pytest.mark.parametrize(("height", "width"), [(160, 120), (64, 200), (5, 600)])
def test_every_mode(mark, height, width):
    found = embedded_metadata(png(hide(canvas(height, width), mark, TEXT)))
    assert (found.tool, found.prompt, found.negative, found.seed) == ("AUTOMATIC1111", "a fox", "blur", 5)
    assert found.source == ("stealth:rgb" if b"rgb" in mark else "stealth:alpha")


def test_rgb_without_alpha():
    assert embedded_metadata(png(hide(canvas(channels=3), b"stealth_rgbcomp", TEXT))).prompt == "a fox"


def test_novelai():
    content = png(hide(canvas(), b"stealth_pngcomp", json.dumps(NOVEL)))
    found = embedded_metadata(content)
    assert (found.tool, found.prompt, found.negative, found.steps, found.model) == (
        "NovelAI",
        "a fox",
        "blur",
        28,
        "NovelAI Diffusion V4",
    )
    assert found.source == "stealth:alpha"


def test_webp():
    stream = io.BytesIO()
    Image.fromarray(hide(canvas(), b"stealth_pngcomp", json.dumps(NOVEL))).save(
        stream, "WEBP", lossless=True, exact=True
    )
    assert embedded_metadata(stream.getvalue()).seed == 9


@pytest.mark.parametrize("kind", range(5))
def test_the_first_column_is_read_through_every_filter(kind):
    import struct
    import zlib

    pixels = hide(canvas(), b"stealth_pnginfo", TEXT).astype(int)
    height, width, channels = pixels.shape
    rows = []
    for y in range(height):
        row = []
        for x in range(width):
            for c in range(channels):
                left = pixels[y, x - 1, c] if x else 0
                up = pixels[y - 1, x, c] if y else 0
                corner = pixels[y - 1, x - 1, c] if x and y else 0
                guess = left + up - corner
                paeth = min((left, up, corner), key=lambda value, guess=guess: abs(guess - value))
                row.append((pixels[y, x, c] - (0, left, up, (left + up) // 2, paeth)[kind]) % 256)
        rows.append(bytes([kind, *row]))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + chunk(b"IEND", b"")
    )
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)
    assert embedded_metadata(content).prompt == "a fox"


def test_pictures_without_a_mark_are_not_decoded():
    assert not _png_may(png(canvas()))
    assert not _png_may(png(canvas(channels=3)))
    assert embedded_metadata(png(canvas())) is None


@pytest.mark.parametrize(
    "content",
    [
        png(hide(canvas(), b"stealth_pnginfo", TEXT, length=2**32 - 1)),
        png(hide(canvas(), b"stealth_pnginfo", TEXT, length=0)),
        png(hide(canvas(), b"stealth_pngcomp", "")),
        png(hide(canvas(), b"stealth_pngxxxx", TEXT)),
        png(hide(canvas(), b"stealth_pnginfo", "no settings")),
        png(hide(canvas(), b"stealth_pnginfo", TEXT))[:2000],
        png(hide(canvas(3, 3), b"stealth_pnginfo", TEXT)),
        png(hide(canvas(1, 1), b"stealth_pnginfo", TEXT)),
    ],
)
def test_broken_texts_are_unknown(content):
    assert embedded_metadata(content) is None


def test_a_bomb_is_not_unpacked():
    content = png(hide(canvas(400, 400), b"stealth_pngcomp", "a" * (17 * 2**20)))
    assert embedded_metadata(content) is None
