"""Heat maps of pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from soart.errors import CollectionError
from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.explaining import heat_picture, write_picture


@pytest.mark.parametrize(
    ("size", "shown"), [((64, 40), (256, 160)), ((300, 20), (300, 20)), ((2048, 512), (1024, 256))]
)
def test_small_pictures_are_enlarged_in_whole_steps_and_large_ones_reduced(collection, size, shown):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    [row] = collection.add_drawn([DrawnPicture(Request("a boat", 1), pixels, None, 0.1)], "m", "s")
    with Image.open(io.BytesIO(heat_picture(collection, row, TechnicalJudge.load()))) as image:
        assert (image.format, image.size) == ("JPEG", shown)


@pytest.mark.parametrize(("name", "side"), [("heat.webp", 16384), ("heat.jpg", 65536)])
def test_a_picture_that_its_format_does_not_hold_is_refused_in_a_sentence(tmp_path, name, side):
    pixels = np.zeros((1, side, 3), dtype=np.uint8)
    with pytest.raises(CollectionError, match=f"A picture of {side}x1 pixels is too large for .*, not '{name}'"):
        write_picture(pixels, tmp_path / name)
    assert write_picture(pixels, tmp_path / "heat.png").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["heat.png"]


@pytest.mark.parametrize("name", ["heat.png", "heat.jpg", "heat.webp"])
def test_only_its_own_pictures_are_replaced(tmp_path, name):
    pixels, path = np.zeros((8, 8, 3), dtype=np.uint8), tmp_path / name
    write_picture(pixels, path)
    write_picture(pixels + 200, path)
    with Image.open(path) as image:
        assert np.asarray(image).min() > 190
    for content in (b"", b"notes"):
        path.write_bytes(content)
        with pytest.raises(CollectionError, match="exists already and would be replaced: name another file"):
            write_picture(pixels, path)
        assert path.read_bytes() == content
    Image.fromarray(pixels).save(path)
    with pytest.raises(CollectionError, match="exists already"):
        write_picture(pixels, path)
