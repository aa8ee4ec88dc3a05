"""Decodes picture files safely to 8-bit sRGB, and checks arrays of pixels.

The content decides the format, never the suffix. EXIF orientation is applied, an ICC profile is converted to sRGB,
transparency is laid over a stated background, 16-bit and palette pictures become 8-bit RGB, and of an animation the
first frame is taken. The result notes each of these steps.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..errors import ImageError, expect, first_line
from ..files import read_regular
from .formats.decoders import UNDECODED, is_jxl, jxl_size, register_decoder
from .formats.png import LONGEST_PROFILE, SIGNATURE, TrimmedPng, trim_png

#: Pictures of more pixels than this are refused before decoding (100 megapixels take 300 MB).
PIXEL_LIMIT = 100_000_000
#: Pictures of at most this many pixels are decoded however small their file is: 4K, with some room.
LARGE = 10_000_000
#: Bytes of pixels for each byte of the file, beyond which a large picture is refused as a decompression bomb. A single
#: colour has 190 as a JPEG and 950 as a PNG.
BOMB_RATIO = 150
#: Pixels that are converted at once, so that copies of a large picture are never in memory together.
_STRIP = 1_000_000
WHITE = (255, 255, 255)
#: Modes of grey pictures, whose colour profiles are of grey; and all modes whose profiles count.
_GREY = {"L", "LA", "I;16", "I;16B", "I;16L"}
_PROFILED = {"RGB", "RGBA", "CMYK", "P", "PA", *_GREY}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: (height, width, 3) uint8 sRGB, read-only.
        format: the format of the content, such as ``"PNG"``.
        notes: steps beyond plain decoding, such as ``"first of 12 frames"``.
    """

    pixels: np.ndarray
    format: str
    notes: tuple[str, ...] = ()


def read_content(path: Path | str, within: Iterable[Path] | None = None) -> bytes:
    """Read the file of a picture, as ``open_regular`` does, or raise an ``ImageError``."""
    try:
        return read_regular(path, within=within)
    except OSError as error:
        raise ImageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error


def read_image(
    source: Path | str | bytes,
    *,
    label: str | None = None,
    background: tuple[int, int, int] = WHITE,
) -> Picture:
    """Decode a file, or the bytes of one, to 8-bit sRGB.

    Args:
        source: a path, or the content itself.
        label: name of the picture in messages; by default its path.
        background: the RGB colour, 0–255, laid under transparent pixels.

    Raises:
        ImageError: the file is missing, unreadable, empty, not a picture, truncated, corrupt, too large, or in a format
            that is not decoded; ``MissingDecoderError`` if only the decoder is missing.

    Examples:
        >>> import io
        >>> from soart import read_image
        >>> from PIL import Image
        >>> content = io.BytesIO()
        >>> Image.new("RGBA", (3, 2), (255, 0, 0, 0)).save(content, "PNG")
        >>> picture = read_image(content.getvalue())
        >>> picture.pixels.shape, picture.pixels[0, 0].tolist(), picture.format, picture.notes
        ((2, 3, 3), [255, 255, 255], 'PNG', ('transparency laid over background',))
    """
    expect("a picture as a path or the content of a file", source, str, Path, bytes, error=ImageError)
    name = "The picture" if isinstance(source, bytes) and label is None else repr(label or str(source))
    content = source if isinstance(source, bytes) else read_content(source)
    if not content:
        raise ImageError(f"{name} is empty: expected the content of a picture, got 0 bytes.")
    register_decoder(content, name)
    try:
        # The decoder of JPEG XL unpacks the pixels as it opens a file.
        if is_jxl(content) and (size := jxl_size(content)):
            _check_size(size, name)
            _check_ratio(size, 3, len(content), name)
        trimmed = trim_png(content) if content.startswith(SIGNATURE) else TrimmedPng(content)
        with warnings.catch_warnings():
            # Pillow warns of large pictures below our own limit, and of harmless metadata slips.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(trimmed.content)) as image:
                if image.format in UNDECODED:
                    raise ImageError(
                        f"{name} is in the format {image.format}, which is not decoded: convert it to PNG."
                    )
                _check_size(image.size, name)
                _check_ratio(image.size, _bytes_a_pixel(image.mode), len(trimmed.content), name)
                return _decode(image, background, trimmed)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has more pixels than the limit of {PIXEL_LIMIT}: make it smaller.") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture in any known format.") from error
    # Decoders raise nearly anything on hostile content.
    except Exception as error:
        reason = first_line(error).partition(". ")[0]
        raise ImageError(f"{name} is damaged or cut short: {reason}.") from error


def _check_size(size: tuple[int, int], name: str) -> None:
    if size[0] * size[1] > PIXEL_LIMIT:
        raise ImageError(
            f"{name} has {size[0]}×{size[1]} pixels, more than the limit of {PIXEL_LIMIT}: make it smaller."
        )


def _bytes_a_pixel(mode: str) -> int:
    """Bytes that a pixel of a mode of Pillow has."""
    return Image.getmodebands(mode) * (4 if mode in {"I", "F"} else 2 if mode.startswith("I;16") else 1)


def _check_ratio(size: tuple[int, int], depth: int, length: int, name: str) -> None:
    """Refuse a large picture that unpacks to very many times its file."""
    ratio = size[0] * size[1] * depth / length
    if size[0] * size[1] > LARGE and ratio > BOMB_RATIO:
        raise ImageError(
            f"{name} unpacks to {size[0]}×{size[1]} pixels, {ratio:.0f} times its file, as decompression bombs do: make it "
            "smaller."
        )


def _decode(image: Image.Image, background: tuple[int, int, int], trimmed: TrimmedPng) -> Picture:
    notes = []
    if trimmed.ignored:
        notes.append(f"colour profile of more than {LONGEST_PROFILE >> 20} MiB ignored")
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"first of {frames} frames")
    image.load()
    profile = trimmed.profile or image.info.get("icc_profile")
    upright = image
    # The decoder of JPEG XL has turned the pixels already, except those that it restores as a JPEG.
    as_stored = image.format != "JXL" or getattr(image, "jpeg", False)
    if as_stored and image.getexif().get(0x0112) in range(2, 9):
        upright = ImageOps.exif_transpose(image)
        notes.append("turned by EXIF orientation")
    rgb = _to_rgb(upright, background, notes)
    if profile and image.mode in _PROFILED:
        rgb = _to_srgb(upright, rgb, profile, notes)
    pixels = _array_of(rgb)
    pixels.flags.writeable = False
    return Picture(pixels, image.format or "unknown", tuple(notes))


def rgb_of(image: Image.Image, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    """(h, w, 3) uint8 pixels of a PIL picture in any mode; its colour profile and orientation do not count."""
    return _array_of(_to_rgb(image, background, []))


def _strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) of whole rows that cover a picture from top to bottom."""
    rows = max(1, _STRIP // max(size[0], 1))
    for top in range(0, size[1], rows):
        yield 0, top, size[0], min(top + rows, size[1])


def _array_of(rgb: Image.Image) -> np.ndarray:
    """(h, w, 3) uint8 pixels of a picture in mode RGB."""
    if rgb.width * rgb.height <= LARGE:
        return np.array(rgb)
    pixels = np.empty((rgb.height, rgb.width, 3), dtype=np.uint8)
    for box in _strips(rgb.size):
        pixels[box[1] : box[3]] = np.asarray(rgb.crop(box))
    return pixels


def _laid_over(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """A transparent picture over a background, as RGB."""
    whole = Image.new("RGB", image.size)
    for box in _strips(image.size):
        above = image.crop(box).convert("RGBA")
        below = Image.new("RGBA", above.size, (*background, 255))
        whole.paste(Image.alpha_composite(below, above).convert("RGB"), box)
    return whole


def _finite(values: np.ndarray) -> np.ndarray:
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def _grey_to_8_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """A grey picture of 16 or 32 bits a pixel as RGB; adds to ``notes``."""
    values = np.asarray(image)
    strips = [values[box[1] : box[3]] for box in _strips(image.size)]
    ranges = [(float(own.min()), float(own.max())) for own in map(_finite, strips) if len(own)] or [(0.0, 0.0)]
    low, high = min(ranges)[0], max(0.0, *(high for _, high in ranges))
    # White is the least usual maximum that no value exceeds.
    scales = (1.0, 255.0) if image.mode == "F" else (65535.0,)
    top = next((scale for scale in scales if high <= scale), high)
    notes.append(f"{image.mode} values {low:g}…{high:g} scaled to 8 bits")
    gray = np.empty(values.shape, dtype=np.uint8)
    for strip, box in zip(strips, _strips(image.size), strict=True):
        shares = np.nan_to_num(strip.astype(np.float64).clip(0, top)) / top
        gray[box[1] : box[3]] = (shares * 255.0 + 0.5).astype(np.uint8)
    return Image.fromarray(gray, "L").convert("RGB")


def _to_rgb(image: Image.Image, background: tuple[int, int, int], notes: list[str]) -> Image.Image:
    """8-bit RGB of an image in any mode, without regard to its colour profile; adds to ``notes``."""
    if image.mode in {"I", "F", "I;16", "I;16B", "I;16L"}:
        return _grey_to_8_bits(image, notes)
    if image.has_transparency_data:
        notes.append("transparency laid over background")
        return _laid_over(image, background)
    if image.mode != "RGB":
        if image.mode not in {"L", "P", "1"}:
            notes.append(f"{image.mode} converted to RGB")
        return image.convert("RGB")
    return image


def _to_srgb(image: Image.Image, rgb: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    """Convert an image to sRGB by its ICC profile; ``rgb`` if the profile is sRGB or unusable. Adds to ``notes``."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = ImageCms.getProfileDescription(source)
        # "Linear sRGB" shares nothing but the primaries.
        if "sRGB" in described and "linear" not in described.lower():
            return rgb
        origin = image if image.mode == "CMYK" else rgb.convert("L") if image.mode in _GREY else rgb
        converted = ImageCms.profileToProfile(origin, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        notes.append("unusable colour profile ignored")
        return rgb
    notes.append("colour profile converted to sRGB")
    return converted or rgb


def check_pictures(array: np.ndarray) -> np.ndarray:
    """(n, h, w, 3) pictures, uint8 or float32, of (h, w, 3) or (n, h, w, 3) that are uint8 or floating 0…1 and finite."""
    if array.ndim not in {3, 4} or array.shape[-1] != 3 or 0 in array.shape[-3:]:
        raise ImageError(
            f"Expected RGB pictures of shape (height, width, 3) or (n, height, width, 3), got {array.shape}."
        )
    pictures = array if array.ndim == 4 else array[None]
    if array.dtype == np.uint8:
        return pictures
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(f"Expected pictures as uint8 0–255 or floating point 0…1, got {array.dtype}.")
    if not np.isfinite(array).all():
        raise ImageError("Expected finite pixel values, got NaN or infinity.")
    if array.size and (array.min() < 0 or array.max() > 1):
        raise ImageError(f"Expected floating-point pixels in 0…1, got {array.min():g}…{array.max():g}.")
    return pictures.astype(np.float32)


def check_pixels(array: np.ndarray) -> np.ndarray:
    """Check an array of RGB pictures as ``check_pictures`` does, and convert it to float32 in 0…1 of the same shape."""
    pictures = check_pictures(array)
    if pictures.dtype == np.uint8:
        pictures = np.divide(pictures, np.float32(255), dtype=np.float32)
    return pictures.reshape(array.shape)
