"""Decodes picture files safely to 8-bit sRGB, and checks arrays of pixels.

The content decides the format, never the suffix. EXIF orientation is applied, an ICC profile is converted to sRGB,
transparency is laid over a stated background, 16-bit and palette pictures become 8-bit RGB, and of an animation the
first frame is taken. The result notes each of these steps.
"""

from __future__ import annotations

import io
import warnings
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


def read_content(path: Path | str) -> bytes:
    """Read a regular file.

    Raises:
        ImageError: the file cannot be read, or is a pipe, a device or the like.
    """
    try:
        return read_regular(path)
    # ValueError: a path with a zero byte.
    except (OSError, ValueError) as error:
        raise ImageError(f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def read_image(
    source: Path | str | bytes,
    *,
    label: str | None = None,
    background: tuple[int, int, int] = WHITE,
    pixel_limit: int = PIXEL_LIMIT,
) -> Picture:
    """Decode a file, or the bytes of one, to 8-bit sRGB.

    Args:
        source: a path, or the content itself.
        label: name of the picture in messages; by default its path.
        background: the RGB colour, 0–255, laid under transparent pixels.
        pixel_limit: the largest width × height that is decoded; Pillow has a limit of its own at 179 million.

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
            _check_size(size, pixel_limit, name)
        trimmed = trim_png(content) if content.startswith(SIGNATURE) else TrimmedPng(content)
        with warnings.catch_warnings():
            # Pillow warns of large pictures below our own limit, and of harmless metadata slips.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(trimmed.content)) as image:
                if image.format in UNDECODED:
                    raise ImageError(
                        f"{name} is in the format {image.format}, which is not decoded: convert it to PNG."
                    )
                _check_size(image.size, pixel_limit, name)
                return _decode(image, background, trimmed)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has more pixels than the limit of {pixel_limit}: make it smaller.") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture in any known format.") from error
    # Decoders raise nearly anything on hostile content.
    except Exception as error:
        reason = first_line(error).partition(". ")[0]
        raise ImageError(f"{name} is damaged or cut short: {reason}.") from error


def _check_size(size: tuple[int, int], pixel_limit: int, name: str) -> None:
    if size[0] * size[1] > pixel_limit:
        raise ImageError(
            f"{name} has {size[0]}×{size[1]} pixels, more than the limit of {pixel_limit}: make it smaller."
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
    if image.format != "JXL" or getattr(image, "jpeg", False):
        upright = ImageOps.exif_transpose(image)
        if upright.size != image.size or image.getexif().get(0x0112) in range(2, 9):
            notes.append("turned by EXIF orientation")
    rgb = _to_rgb(upright, background, notes)
    if profile and image.mode in _PROFILED:
        rgb = _to_srgb(upright, rgb, profile, notes)
    pixels = np.array(rgb, dtype=np.uint8)
    pixels.flags.writeable = False
    return Picture(pixels, image.format or "unknown", tuple(notes))


def rgb_of(image: Image.Image, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    """(h, w, 3) uint8 pixels of a PIL picture in any mode, as ``read_image`` makes them: laid over a background, of 8 bits.

    Args:
        image: without regard to its colour profile and orientation.
        background: the RGB colour, 0–255, laid under transparent pixels.
    """
    return np.array(_to_rgb(image, background, []), dtype=np.uint8)


def _to_rgb(image: Image.Image, background: tuple[int, int, int], notes: list[str]) -> Image.Image:
    """8-bit RGB of an image in any mode, without regard to its colour profile; adds to ``notes``."""
    if image.mode in {"I", "F", "I;16", "I;16B", "I;16L"}:
        values = np.asarray(image).astype(np.float64)
        finite = values[np.isfinite(values)]
        low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
        scales = (1.0, 255.0) if image.mode == "F" else (65535.0,)
        top = next((scale for scale in scales if high <= scale), high)
        notes.append(f"{image.mode} values {low:g}…{high:g} scaled to 8 bits")
        gray = (np.nan_to_num(values.clip(0, top)) / top * 255.0 + 0.5).astype(np.uint8)
        return Image.fromarray(gray, "L").convert("RGB")
    if image.has_transparency_data:
        notes.append("transparency laid over background")
        above = image.convert("RGBA")
        below = Image.new("RGBA", above.size, (*background, 255))
        return Image.alpha_composite(below, above).convert("RGB")
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
    """Check an array of RGB pictures; bytes stay bytes.

    Args:
        array: (height, width, 3) or (n, height, width, 3); uint8 0–255, or floating point 0…1.

    Returns:
        (n, height, width, 3), uint8 or float32.

    Raises:
        ImageError: the shape or dtype does not fit, there are no pixels, or values are not finite or outside 0…1.
    """
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
