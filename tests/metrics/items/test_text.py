"""Text items: code points of what is read."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from soart.errors import ImageError
from soart.metrics.items.text import LENGTH, TextExtractor, can_read_text, lines_of

needs_reader = pytest.mark.skipif(not can_read_text(), reason="the extra text is not installed")


def test_items_are_code_points():
    item = np.zeros(LENGTH)
    item[:6] = [ord(character) for character in "né\n日本!"]
    # As stored.
    assert lines_of(item.astype(np.float32)) == ["né", "日本!"]
    assert lines_of(np.zeros(LENGTH)) == []


@needs_reader
def test_a_sign_is_read():
    picture = Image.new("RGB", (320, 160), "navy")
    ImageDraw.Draw(picture).text((30, 10), "OPEN\nUNTIL 9", font=ImageFont.load_default(56), fill="white")
    extractor = TextExtractor()
    rows = extractor.extract(np.stack([np.asarray(picture), np.zeros((160, 320, 3), np.uint8)]))
    assert rows.shape == (2, len(extractor.names))
    assert lines_of(rows[0]) == ["OPEN", "UNTIL 9"]
    assert lines_of(rows[1]) == []


def test_wrong_pictures_are_refused():
    with pytest.raises(ImageError):
        TextExtractor().extract(np.zeros((4, 4)))
