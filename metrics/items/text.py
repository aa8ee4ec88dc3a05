"""Text items: what is written in a picture, read by RapidOCR.

The lines that are read, from top to bottom, are joined by line feeds; the items are the code points of the characters,
followed by zeros. So text is stored like any other items, and read once for all prompts. RapidOCR (Apache-2.0, as its
models, which come in its package) is the extra ``text``; it runs PP-OCR on the CPU.

Source: Du et al., "PP-OCR: a practical ultra lightweight OCR system" (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ModelError, first_line, install_command
from ..image import check_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Characters of a picture that are kept.
LENGTH = 400
#: Settings of the reader: pictures up to 960 pixels are read at their own size, and text is not looked for upside down.
_SETTINGS = {
    "Global.log_level": "critical",
    "Global.use_cls": False,
    "Det.limit_type": "max",
    "Det.limit_side_len": 960,
}
#: Packages of the extra ``text``, by the names that they are imported by.
_PACKAGES = ("rapidocr", "onnxruntime")


def can_read_text() -> bool:
    """True if the extra ``text`` is installed."""
    return all(find_spec(package) for package in _PACKAGES)


@dataclass(frozen=True)
class TextExtractor:
    """Reads the text in pictures."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items in order, such as ``text/000``."""
        return tuple(f"text/{k:03d}" for k in range(LENGTH))

    @cached_property
    def version(self) -> str:
        """Identifier of the reader; items of different versions do not fit together."""
        try:
            return f"text-1:rapidocr-{version('rapidocr')}"
        except PackageNotFoundError:
            return "text-1:none"

    def extract(self, images: np.ndarray) -> np.ndarray:
        """(n, 400) float64 code points, then zeros, of (h, w, 3) or (n, h, w, 3) pictures, uint8 or floating 0…1."""
        pictures: Iterable[np.ndarray] = [images] if images.ndim == 3 else images
        rows = [_code_points(_lines(_as_uint8(picture))) for picture in pictures]
        return np.stack(rows) if rows else np.zeros((0, LENGTH))


def lines_of(item: np.ndarray) -> list[str]:
    """The lines of text in the text items (400,) of a picture, from top to bottom."""
    text = "".join(chr(int(code)) for code in item if code > 0)
    return text.split("\n") if text else []


def _code_points(lines: Iterable[str]) -> np.ndarray:
    row = np.zeros(LENGTH)
    codes = [ord(character) for character in "\n".join(lines)][:LENGTH]
    row[: len(codes)] = codes
    return row


def _as_uint8(picture: np.ndarray) -> np.ndarray:
    checked = check_pixels(picture)
    return picture if picture.dtype == np.uint8 else np.rint(checked * 255).astype(np.uint8)


def _lines(pixels: np.ndarray) -> list[str]:
    """The lines in a picture (h, w, 3) uint8, from top to bottom."""
    # The reader expects the channels of OpenCV.
    found = _reader()(np.ascontiguousarray(pixels[:, :, ::-1]))
    if found.txts is None:
        return []
    tops = [float(np.asarray(box)[:, 1].min()) for box in found.boxes]
    return [text.replace("\n", " ") for _, text in sorted(zip(tops, found.txts, strict=True), key=lambda pair: pair[0])]


@cache
def _reader() -> Any:  # noqa: ANN401
    try:
        from rapidocr import RapidOCR

        return RapidOCR(params=_SETTINGS)
    except ImportError as error:
        raise ModelError(f"Reading text in pictures needs RapidOCR: {install_command('text')}.") from error
    # Damaged models raise errors of nearly any kind.
    except Exception as error:
        raise ModelError(
            f"The models of RapidOCR cannot be loaded ({first_line(error)}): reinstall rapidocr."
        ) from error
