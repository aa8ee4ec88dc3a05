import sys

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from specimens.ugly import encoded, picture

from soart.metrics.formats import decoders
from soart.metrics.image import read_image
from soart.metrics.items.combined import ItemKind, default_network, taste_extractor
from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.ingest.scan import Scan, find_pictures


def test_a_picture_without_a_decoder_is_tried_again_in_the_next_scan(tmp_path, monkeypatch):
    """After the extra is installed its content can be read."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    decoders._register_heic.cache_clear()
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    inspection = inspect_file(str(path))
    assert (inspection.lasting, len(inspection.sha256)) == (False, 64)
    assert "pip install 'soart[formats]'" in inspection.problem
    decoders._register_heic.cache_clear()
    path.write_bytes(b"nonsense")
    assert inspect_file(str(path)).lasting


def test_a_picture_with_megabytes_of_text_is_measured_and_its_prompt_read(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a fox\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5")
    info.add_text("workflow", "x" * 5_000_000, zip=True)
    (tmp_path / "a.png").write_bytes(encoded(picture(), "PNG", pnginfo=info))
    inspection = inspect_file(str(tmp_path / "a.png"))
    assert (inspection.problem, inspection.width, inspection.metadata.prompt) == (None, 40, "a fox")


def test_without_kinds_only_the_metadata_is_read(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a fox\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5")
    # Cut within the pixels: decoding it would fail.
    (tmp_path / "a.png").write_bytes(encoded(picture(), "PNG", pnginfo=info)[:-500])
    whole, only = (inspect_file(str(tmp_path / "a.png"), kinds) for kinds in ((None,), ()))
    assert "cut short" in whole.problem
    assert (only.problem, only.sha256, only.metadata.prompt, only.items) == (None, whole.sha256, "a fox", ())


@pytest.mark.parametrize("suffix", sorted(decoders.SUFFIXES))
def test_folders_are_searched_for_every_suffix(tmp_path, suffix):
    for name in (f"a{suffix}", f"B{suffix.upper()}", "notes.pdf"):
        (tmp_path / name).write_bytes(b"content")
    expected = [f"B{suffix.upper()}", f"a{suffix}"]
    assert [path.name for path in find_pictures([tmp_path])[0]] == expected
    assert sorted(file.path.rsplit("/", 1)[1] for file in Scan([tmp_path])) == expected


def test_kinds_of_items_that_differ_by_a_network_share_the_others(tmp_path):
    Image.radial_gradient("L").convert("RGB").resize((70, 60)).save(tmp_path / "a.png")
    extractor = taste_extractor(default_network())
    inspection = inspect_file(str(tmp_path / "a.png"), (None, ItemKind(extractor.version, default_network())))
    items = {version: np.frombuffer(values, "<f4") for version, values in inspection.items}
    plain, both = items[taste_extractor().version], items[extractor.version]
    assert np.array_equal(both[: len(plain)], plain)
    pixels = read_image(tmp_path / "a.png").pixels
    assert np.allclose(both, extractor.extract(pixels)[0], rtol=1e-4, atol=1e-4)
