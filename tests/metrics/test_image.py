import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from soart.errors import ImageError
from soart.metrics import image as image_module
from soart.metrics.image import check_pixels, read_image, rgb_of


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


RED = Image.new("RGB", (8, 6), (255, 0, 0))


def test_plain_picture_is_unchanged(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(encode(Image.fromarray(pixels)))
    picture = read_image(path)
    assert np.array_equal(picture.pixels, pixels)
    assert (picture.format, picture.notes) == ("PNG", ())
    assert not picture.pixels.flags.writeable


def test_content_decides_not_the_suffix(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(RED))
    assert read_image(path).format == "PNG"


def test_transparency_lies_over_the_background():
    clear = encode(Image.new("RGBA", (2, 2), (255, 0, 0, 0)))
    assert (read_image(clear).pixels == 255).all()
    assert (read_image(clear, background=(0, 0, 9)).pixels == (0, 0, 9)).all()
    half = encode(Image.new("RGBA", (1, 1), (0, 0, 0, 128)))
    assert abs(int(read_image(half).pixels[0, 0, 0]) - 127) <= 1


def test_palette_with_transparent_entry():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    assert read_image(encode(image, transparency=0)).pixels.tolist() == [[[255, 255, 255], [0, 255, 0]]]


def test_exif_orientation_is_applied():
    image = Image.new("RGB", (4, 2))
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read_image(encode(image, exif=exif))
    assert picture.pixels.shape == (4, 2, 3)
    assert picture.pixels[0, 1, 0] == 255
    assert "turned by EXIF orientation" in picture.notes


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_an_orientation_that_turns_nothing_is_not_noted(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert read_image(encode(RED, exif=exif)).notes == ()


def test_sixteen_bit_gray_keeps_its_range():
    values = np.array([[0, 32768, 65535]], dtype=np.uint16)
    assert read_image(encode(Image.fromarray(values))).pixels[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 65535]], np.int32), [0, 255]),
        (np.array([[0, 100_000, 200_000]], np.int32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 128, 255]], np.float32), [0, 128, 255]),
        (np.array([[0, 500, 1000]], np.float32), [0, 128, 255]),
        (np.array([[-1, np.nan, 0.5, np.inf]], np.float32), [0, 0, 128, 255]),
    ],
)
def test_grey_of_32_bits_keeps_its_range(values, expected):
    assert read_image(encode(Image.fromarray(values), "TIFF")).pixels[0, :, 0].tolist() == expected


def test_cmyk_becomes_rgb():
    picture = read_image(encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    assert picture.pixels[0, 0, 0] > 200 > 60 > picture.pixels[0, 0, 1]
    assert "CMYK converted to RGB" in picture.notes


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (3, 3), c) for c in ("red", "blue")]
    picture = read_image(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]
    assert picture.notes[0] == "first of 2 frames"


def test_colour_profile_is_converted():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    converted = read_image(encode(RED, icc_profile=lab))
    broken = read_image(encode(RED, icc_profile=b"nonsense"))
    assert "colour profile" in " ".join(converted.notes)
    assert broken.notes == ("unusable colour profile ignored",)
    assert broken.pixels[0, 0].tolist() == [255, 0, 0]


def linear_profile(name, *, grey=False):
    """A version 2 ICC profile of linear light, with the primaries of sRGB."""

    def numbers(*values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, 256, 0)
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78,
        b"wtpt": numbers(0.9642, 1, 0.8249),
    }
    if grey:
        tags[b"kTRC"] = curve
    else:
        primaries = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7142))
        tags |= {
            letter + b"XYZ": numbers(*primary) for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=True)
        }
        tags |= {letter + b"TRC": curve for letter in (b"r", b"g", b"b")}
    table, body = struct.pack(">I", len(tags)), b""
    for kind, data in tags.items():
        table += kind + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s28x", 128 + len(table + body), 0x02200000, b"mntr", b"GRAY" if grey else b"RGB ", b"XYZ ", b"acsp")  # fmt: skip
    header += numbers(0.9642, 1, 0.8249)[8:]
    return header.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("mode", ["RGB", "P", "L", "LA"])
def test_profiles_of_linear_light_are_converted_in_every_mode(mode):
    """A judge that GIMP calls "Linear sRGB" is not mistaken for sRGB, and tastes of grey and palettes are not ignored."""
    image = Image.new("RGB", (4, 4), (64, 64, 64))
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    profile = linear_profile("GIMP built-in Linear sRGB", grey=mode in ("L", "LA"))
    picture = read_image(encode(image, icc_profile=profile))
    assert picture.pixels[0, 0].tolist() == [137, 137, 137]
    assert "colour profile converted to sRGB" in picture.notes


def test_grey_pictures_with_a_profile_of_colours_stay_as_they_are():
    picture = read_image(encode(Image.new("L", (4, 4), 64), icc_profile=linear_profile("colours")))
    assert picture.pixels[0, 0].tolist() == [64, 64, 64]


def bomb():
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (encode(Image.effect_noise((200, 200), 50))[:900], "damaged or cut short"),
        (encode(RED.resize((300, 300)), "JPEG")[:400], "damaged or cut short"),
        (bomb(), "than the limit"),
    ],
)
def test_bad_content_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "odd\nnäme.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    assert "näme.png" in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.png", tmp_path, "none\0.png"):
        with pytest.raises(ImageError, match="cannot be read"):
            read_image(path)


@pytest.mark.parametrize("cut", range(0, 400, 23))
def test_flipped_bytes_never_escape_as_other_errors(cut):
    content = bytearray(encode(Image.effect_noise((32, 32), 50).convert("RGB"), "JPEG"))
    content[cut % len(content)] ^= 0xFF
    with contextlib.suppress(ImageError):
        assert read_image(bytes(content)).pixels.dtype == np.uint8


def test_check_pixels():
    assert check_pixels(np.full((1, 1, 3), 255, np.uint8)).max() == 1.0
    for wrong in (
        np.zeros((4, 4)),
        np.zeros((0, 4, 3)),
        np.zeros((4, 4, 3), np.int64),
        np.full((4, 4, 3), np.nan),
        np.full((4, 4, 3), np.inf),
        np.full((4, 4, 3), 2.0),
    ):
        with pytest.raises(ImageError, match="xpected"):
            check_pixels(wrong)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "1"), ("PNG", "RGBA"), ("GIF", "L"), ("JPEG", "RGB")])
def test_large_pictures_of_next_to_nothing_are_refused_before_decoding(kind, mode, monkeypatch):
    content = encode(Image.new(mode, (4000, 3000)), kind)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(ImageError, match=r"unpacks to 4000×3000 pixels, \d+ times its file, as decompression bombs do"):
        read_image(content)


def test_a_plain_picture_of_4k_and_a_large_photograph_are_decoded():
    assert read_image(encode(Image.new("RGB", (4096, 2160)))).pixels.shape == (2160, 4096, 3)
    noise = np.random.default_rng(0).integers(0, 256, (3000, 4000, 1), dtype=np.uint8)
    assert (read_image(encode(Image.fromarray(noise[..., 0]), compress_level=1)).pixels == noise).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "P", "1", "CMYK", "I;16", "I", "F"])
def test_strips_of_a_picture_are_converted_as_the_whole(mode, monkeypatch):
    rng = np.random.default_rng(1)
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        values = rng.integers(0, 60_000, (37, 23)).astype(kind)
        if mode == "F":
            values[2, 3], values[4, 5] = np.nan, -np.inf
        image = Image.fromarray(values)
    else:
        image = Image.fromarray(rng.integers(0, 256, (37, 23, 4), dtype=np.uint8), "RGBA")
        image = image if mode == "RGBA" else image.convert("RGB").convert(mode)
    whole = rgb_of(image, (10, 200, 30))
    monkeypatch.setattr(image_module, "_STRIP", 100)
    assert (rgb_of(image, (10, 200, 30)) == whole).all()
