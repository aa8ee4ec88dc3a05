import io

import numpy as np
import pytest
from PIL import Image

from soart.errors import ImageError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.thumbnails import LARGE, encode_thumbnail, for_browser, thumbnail, thumbnail_path


@pytest.mark.parametrize(("shape", "size"), [((600, 300, 3), (128, 256)), ((20, 30, 3), (30, 20)), ((1, 1, 3), (1, 1))])
def test_large_pictures_are_reduced_and_small_ones_kept(shape, size):
    image = Image.open(io.BytesIO(encode_thumbnail(np.full(shape, 90, np.uint8))))
    assert image.size == size
    assert image.format == "JPEG"


def test_a_thumbnail_is_made_once(collection, make_drawn):
    (row,) = collection.add_drawn([make_drawn(0)], "m", "s")
    first = thumbnail(collection, row)
    collection.locate(row).unlink()
    assert thumbnail(collection, row) == first
    with pytest.raises(ImageError, match="cannot be read"):
        thumbnail(collection, row, side=64)


def test_a_damaged_folder_of_thumbnails_costs_no_picture(collection, make_drawn):
    (row,) = collection.add_drawn([make_drawn(0)], "m", "s")
    (collection.folder / "thumbs").write_text("not a folder")
    assert thumbnail(collection, row)


def test_in_memory_nothing_is_kept(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9)).save(path)
    with Collection(None) as collection:
        row, _ = collection.add_file(path)
        assert thumbnail(collection, row)
        assert thumbnail_path(collection, row) is None


def test_browsers_get_small_files_as_they_are_and_others_as_thumbnails(collection, make_drawn, tmp_path):
    small, large = collection.add_drawn([make_drawn(0), make_drawn(1, size=300)], "m", "s")
    assert for_browser(collection, small) == (collection.locate(small).read_bytes(), "image/png")
    content, kind = for_browser(collection, large)
    assert (Image.open(io.BytesIO(content)).size, kind) == ((256, 256), "image/jpeg")
    assert for_browser(collection, large, LARGE)[1] == "image/png"
    # What not every browser shows, or only calls itself a PNG, is drawn anew.
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png", "TIFF")
    row, _ = collection.add_file(tmp_path / "a.png")
    assert for_browser(collection, row)[1] == "image/jpeg"
    # With all its pixels, as they are.
    content, kind = for_browser(collection, row, None)
    assert (np.asarray(Image.open(io.BytesIO(content))).max(), kind) == (0, "image/png")
    assert for_browser(collection, large, None)[0] == collection.locate(large).read_bytes()
    collection.locate(small).unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        for_browser(collection, small)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("side", [256, LARGE, None])
def test_browsers_show_transparent_pictures_as_they_are_measured(collection, tmp_path, mode, side):
    image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    image.paste((90, 90, 90, 255), (0, 0, 20, 30))
    image.paste((0, 0, 0, 128 if mode != "P" else 255), (20, 0, 30, 30))
    if mode == "P":
        image = image.quantize(4)
    image.convert(mode).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as saved:
        assert saved.has_transparency_data
    row, _ = collection.add_file(tmp_path / "a.png")
    content, kind = for_browser(collection, row, side)
    shown = Image.open(io.BytesIO(content))
    assert (kind, shown.mode) == ("image/png", "RGB")
    assert np.array_equal(np.asarray(shown), collection.pixels(row))
    assert np.asarray(shown)[0, -1].tolist() == [255, 255, 255]
