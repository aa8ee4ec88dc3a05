"""Files that people really have: broken, odd and merely unusual ones."""

import io
import os
import signal
import struct
import time
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from soart.pipelines.ingest.inspection import Inspection, inspect_file


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(seed=0, size=(40, 32)):
    """Smooth random colours."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def bomb():
    """A PNG of a few hundred bytes that says it has 60000 × 60000 pixels."""
    content = bytearray(encoded(picture(), "PNG"))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def broken_files():
    """Names and contents of files without a usable picture."""
    png, jpeg = encoded(picture(), "PNG"), encoded(picture(), "JPEG")
    gif, webp, tiff, bmp = (encoded(picture(), kind) for kind in ("GIF", "WEBP", "TIFF", "BMP"))
    bad_crc = bytearray(png)
    bad_crc[60] ^= 0xFF
    rng = np.random.default_rng(3)
    return {
        "empty.png": b"", "empty.jpg": b"", "one-byte.png": b"\x89", "text.png": b"this is no picture", "html.jpg": b"<html></html>",
        "zeros.jpg": bytes(5000), "noise.png": rng.bytes(3000), "noise.webp": rng.bytes(3000), "noise.gif": rng.bytes(3000),
        "noise.tiff": rng.bytes(3000), "noise.bmp": rng.bytes(3000), "noise.avif": rng.bytes(3000),
        "only-signature.png": png[:8], "only-header.png": png[:33], "half.png": png[: len(png) // 2], "bad-crc.png": bytes(bad_crc),
        "half.jpg": jpeg[: len(jpeg) // 2], "only-start.jpg": jpeg[:20], "tail-only.jpg": jpeg[len(jpeg) // 2 :],
        "half.webp": webp[: len(webp) // 2], "half.gif": gif[:30], "half.tif": tiff[: len(tiff) // 2], "half.bmp": bmp[:40],
        "bomb.png": bomb(), "pdf.png": b"%PDF-1.7\n", "zip.jpg": b"PK\x03\x04" + bytes(60), "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "<img src=x onerror=alert(1)>.png": b"x", "new\nline.jpg": b"x", "'quote\".png": b"x", "ünï – 画.png": b"x", " space .jpg": b"x",
        "-rf.png": b"x", "$(reboot).jpg": b"x", "%s%n.png": b"x", "UPPER.PNG": b"x", "x..jpg.png": b"x", "a" * 200 + ".png": b"x",
        "riff.webp": b"RIFF" + struct.pack("<I", 2**31) + b"WEBPVP8 ", "huge-chunk.png": png[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT",
    }  # fmt: skip


def odd_files():
    """Names and contents of unusual files that hold good pictures."""
    base = picture(7)
    rgba = base.convert("RGBA")
    rgba.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 40, dtype=np.uint8), (32, 1))))
    frames = [picture(k) for k in range(3)]
    exif = Image.Exif()
    exif[0x0112] = 6
    gray16 = Image.fromarray(np.arange(40 * 32, dtype=np.uint16).reshape(32, 40) * 50)
    return {
        "alpha.png": encoded(rgba, "PNG"), "palette.gif": encoded(base.convert("P"), "GIF"), "gray.png": encoded(base.convert("L"), "PNG"),
        "bits.png": encoded(base.convert("1"), "PNG"), "cmyk.jpg": encoded(base.convert("CMYK"), "JPEG"), "deep.png": encoded(gray16, "PNG"),
        "moving.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "turned.jpg": encoded(base, "JPEG", exif=exif),
        "pixel.png": encoded(picture(1, (1, 1)), "PNG"), "line.png": encoded(picture(2, (200, 1)), "PNG"),
        "jpeg-inside.png": encoded(picture(11), "JPEG"), "UPPER.JPG": encoded(picture(12), "JPEG"), "black.png": encoded(Image.new("RGB", (30, 30)), "PNG"),
        "new\nline good.png": encoded(picture(13), "PNG"), "<b>bold<b>.webp": encoded(picture(14), "WEBP"), "画 ü.png": encoded(picture(15), "PNG"),
    }  # fmt: skip


def write_ugly(folder):
    """Write all of them, and links that lead nowhere or in circles; returns names of broken and of odd files."""
    folder.mkdir(parents=True, exist_ok=True)
    broken, odd = broken_files(), odd_files()
    for name, content in {**broken, **odd}.items():
        (folder / name).write_bytes(content)
    os.symlink(folder, folder / "loop")
    os.symlink("nowhere.png", folder / "dangling.png")
    (folder / "folder.png").mkdir()
    (folder / ".hidden.png").write_bytes(b"x")
    return set(broken), set(odd)


def dangerous_inspection(path, kinds):
    """Inspects files, but crashes at some names, and sleeps at others once a file beside them holds its process id."""
    if "crash" in path:
        os.abort()
    if "killed" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang" in path:
        mark = Path(path).with_suffix(".pid")
        mark.with_suffix(".new").write_text(str(os.getpid()))
        mark.with_suffix(".new").rename(mark)
        time.sleep(600)
    return inspect_file(path, kinds)


def large_inspection(path, kinds=(None,)):
    """The inspection of a picture with a large thumbnail, without opening a file."""
    return Inspection(path, thumbnail=bytes(20_000))


class _Cheese:
    """An extractor that fails in an unexpected way."""

    version = "cheese"

    @property
    def without_network(self):
        return self

    def extract(self, pixels):
        raise RuntimeError("out of cheese")


def failing_inspection(path, kinds):
    """An inspection whose extractor fails, at a good picture."""
    from soart.pipelines.ingest import inspection

    Path(path).write_bytes(encoded(picture(), "PNG"))
    original, inspection.extractor_of = inspection.extractor_of, lambda kind: _Cheese()
    try:
        return inspect_file(path, kinds)
    finally:
        inspection.extractor_of = original
