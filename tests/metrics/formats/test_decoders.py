import io
import sys

import numpy as np
import pytest
from PIL import Image

from soart.errors import ImageError, MissingDecoderError
from soart.metrics.formats import decoders
from soart.metrics.formats.decoders import SUFFIXES, is_avif, is_heic, is_jxl, iso_boxes, jxl_size
from soart.metrics.image import read_image

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
JXL = b"\xff\x0a"


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(size=(24, 16)):
    return Image.radial_gradient("L").convert("RGB").resize(size)


@pytest.fixture
def extra():
    """The packages of the extra ``formats``, registered."""
    pytest.importorskip("pillow_heif")
    pytest.importorskip("pillow_jxl")
    decoders.register_decoder(HEIC, "x")


@pytest.fixture
def no_extra(monkeypatch):
    """The packages of the extra ``formats`` are not installed, and none of them was imported before."""
    for name, register in (("pillow_heif", decoders._register_heic), ("pillow_jxl", decoders._register_jxl)):
        monkeypatch.setitem(sys.modules, name, None)
        register.cache_clear()
    yield
    decoders._register_heic.cache_clear()
    decoders._register_jxl.cache_clear()


@pytest.mark.parametrize(
    ("kind", "mode", "suffix"),
    [
        ("JPEG2000", "RGB", ".jp2"), ("TGA", "RGBA", ".tga"), ("PPM", "RGB", ".ppm"), ("PPM", "L", ".pgm"), ("PPM", "1", ".pbm"),
        ("PCX", "RGB", ".pcx"), ("PCX", "L", ".pcx"), ("ICO", "RGBA", ".ico"), ("BMP", "RGB", ".bmp"), ("AVIF", "RGB", ".avif"),
        ("DIB", "RGB", ".dib"), ("QOI", "RGB", ".qoi"), ("TIFF", "RGB", ".tif"), ("GIF", "P", ".gif"), ("WEBP", "RGB", ".webp"),
    ],
)  # fmt: skip
def test_formats_of_pillow_are_read_and_found(kind, mode, suffix, tmp_path):
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"this version of Pillow does not write {kind}")
    path = tmp_path / f"a{suffix.upper()}"
    image = gradient((32, 32)).convert(mode)
    path.write_bytes(encoded(image, kind, **({"irreversible": False} if kind == "JPEG2000" else {})))
    picture = read_image(path)
    expected = np.asarray(image.convert("RGB"), float)
    assert np.abs(picture.pixels - expected).mean() < 6
    assert suffix in SUFFIXES


def test_a_pgm_of_sixteen_bits_keeps_its_range():
    values = np.array([[0, 32768, 65535]], ">u2")
    assert read_image(b"P5 3 1 65535\n" + values.tobytes()).pixels[0, :, 0].tolist() == [0, 128, 255]


def test_formats_that_run_other_programs_are_named_and_not_decoded():
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    with pytest.raises(ImageError, match=r"'a\.png' is in the format EPS, which is not decoded: convert it to PNG\."):
        read_image(content, label="a.png")


@pytest.mark.parametrize(("content", "label"), [(HEIC, "a HEIC"), (JXL + bytes(20), "a JPEG XL")])
def test_a_missing_extra_is_named(no_extra, content, label):
    with pytest.raises(MissingDecoderError, match=rf"^'a.x' is {label} picture.*pip install 'soart\[formats\]'\.$"):
        read_image(content, label="a.x")


def test_other_pictures_need_no_extra(no_extra):
    assert read_image(encoded(gradient(), "PNG")).format == "PNG"


def test_formats_are_told_apart():
    assert is_heic(HEIC)
    assert is_heic(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heixmiaf")
    assert is_avif(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf")
    assert is_avif(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1A")
    for content in (b"", b"ftyp", b"\0\0\0\x18ftypisom\0\0\0\0mp42iso2", encoded(gradient(), "PNG"), b"\0\0\0\x18ftyp"):
        assert not any(is_format(content) for is_format in (is_heic, is_avif, is_jxl))


def test_heic_is_read_and_turned_once(extra):
    image = gradient((64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read_image(encoded(image, "HEIF", quality=95, exif=exif.tobytes()))
    assert (picture.format, picture.pixels.shape) == ("HEIF", (64, 32, 3))
    assert np.abs(picture.pixels - np.asarray(image.rotate(-90, expand=True), float)).mean() < 6


def test_jxl_is_read(extra):
    image = gradient((64, 32))
    picture = read_image(encoded(image, "JXL", lossless=True))
    assert picture.format == "JXL"
    assert (picture.pixels == np.asarray(image)).all()
    clear = encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "JXL", lossless=True)
    assert (read_image(clear).pixels == 255).all()


def test_jxl_is_turned_only_where_it_restores_a_jpeg(extra, tmp_path):
    image = gradient((64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    # By the standard the orientation in the EXIF data of a JPEG XL is not applied.
    assert read_image(encoded(image, "JXL", exif=exif.tobytes())).pixels.shape == (32, 64, 3)
    image.save(tmp_path / "a.jpg", exif=exif)
    with pytest.warns(UserWarning, match="JPEG reconstruction"), Image.open(tmp_path / "a.jpg") as jpeg:
        restored = encoded(jpeg, "JXL")
    assert read_image(restored).pixels.shape == read_image(tmp_path / "a.jpg").pixels.shape == (64, 32, 3)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (256, 256), (640, 360), (64, 80), (1000, 3), (9, 600), (700, 700)])
@pytest.mark.parametrize("options", [{}, {"use_container": True}, {"exif": b"II*\0\x08\0\0\0" + bytes(6)}])
def test_the_size_of_a_jxl_is_in_its_header(extra, size, options):
    assert jxl_size(encoded(Image.new("L", size), "JXL", effort=1, **options)) == size


def header(*fields):
    """A code stream whose header has these (value, bits)."""
    bits = at = 0
    for value, count in fields:
        bits |= value << at
        at += count
    return JXL + bits.to_bytes(12, "little") + bytes(8)


def test_a_bomb_in_jxl_is_refused_before_it_is_decoded():
    # 40000 rows, and as wide as high.
    huge = header((0, 1), (2, 2), (39_999, 18), (1, 3))
    assert jxl_size(huge) == (40_000, 40_000)
    pytest.importorskip("pillow_jxl")
    with pytest.raises(ImageError, match="40000×40000 pixels, more than the limit"):
        read_image(huge)


def test_sizes_in_headers():
    assert jxl_size(header((1, 1), (4, 5), (0, 3), (9, 5))) == (80, 40)
    assert jxl_size(header((0, 1), (0, 2), (359, 9), (5, 3))) == (640, 360)
    assert jxl_size(header((0, 1), (1, 2), (1079, 13), (0, 3), (3, 2), (99_999, 30))) == (100_000, 1080)
    for cut in (b"", JXL, JXL + b"\1", HEIC):
        assert jxl_size(cut) is None


def test_a_size_in_several_boxes_is_put_together():
    stream = header((0, 1), (2, 2), (39_999, 18), (1, 3))
    content = b"\0\0\0\x0cJXL \r\n\x87\n"
    for number, part in enumerate((stream[:3], stream[3:4], stream[4:])):
        content += (len(part) + 12).to_bytes(4, "big") + b"jxlp" + number.to_bytes(4, "big") + part
    assert jxl_size(content) == (40_000, 40_000)


def test_boxes_of_hostile_files_end():
    assert list(iso_boxes(b"\0\0\0\0abcd12")) == [(b"abcd", 8, 10)]
    assert list(iso_boxes(b"\0\0\0\4abcd" * 3)) == []
    assert list(iso_boxes(b"\0\0\0\1abcd" + b"\xff" * 8)) == [(b"abcd", 16, 16)]
    assert len(list(iso_boxes(b"\0\0\0\x08free" * 200_000))) == 100_000


@pytest.mark.parametrize("kind", ["HEIF", "JXL"])
def test_flipped_and_cut_files_are_one_sentence(extra, kind):
    content = encoded(gradient((64, 64)), kind)
    sentences = []
    for k in range(0, len(content), max(1, len(content) // 40)):
        for broken in (content[:k], content[:k] + bytes([content[k] ^ 0xFF]) + content[k + 1 :]):
            try:
                read_image(broken)
            except ImageError as error:
                sentences.append(str(error))
    assert len(sentences) > 10
    assert not any("\n" in sentence for sentence in sentences)
