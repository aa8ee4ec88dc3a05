import json

import numpy as np
import pytest
import torch
import transformers

from soart.errors import CollectionError, ItemsError
from soart.metrics.items.cache import FolderCache, extract_cached
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.soart import SoartExtractor


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    transformers.ViTModel(transformers.ViTConfig(**size, image_size=32, patch_size=8)).save_pretrained(folder)
    processor = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return DeepExtractor.load(folder)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


class Recording(dict):
    """Remembers what was stored."""

    def __init__(self):
        super().__init__()
        self.stored = []

    def __setitem__(self, key, value):
        self.stored.append(key)
        super().__setitem__(key, value)


def test_cache_measures_each_content_once(vit):
    pictures = [noise(20 + k % 2, 24, 3, seed=k) for k in range(5)]
    hashes = ["a", "b", "c", "d", "e"]
    cache = Recording()
    items = extract_cached(vit, [*pictures, pictures[0]], [*hashes, "a"], cache)
    assert np.allclose(items, vit.extract([*pictures, pictures[0]]), atol=1e-5)
    assert sorted(cache.stored) == hashes

    def never():
        raise AssertionError("decoded again")

    new = noise(9, 9, 3, seed=9)
    again = extract_cached(vit, [never, lambda: new, never], ["e", "f", "b"], cache)
    assert sorted(cache.stored) == [*hashes, "f"]
    assert np.array_equal(again[[0, 2]], items[[4, 1]])
    assert np.allclose(again[1], vit.extract(new), atol=1e-5)
    assert extract_cached(vit, [], [], cache).shape == (0, 16)
    with pytest.raises(ItemsError, match="one hash for each picture"):
        extract_cached(vit, pictures, hashes[:-1], cache)


def test_unusable_rows_are_measured_again(vit):
    picture = noise(20, 24, 3)
    cache = {"short": np.zeros(3), "nan": np.full(16, np.nan), "text": np.array(["x"] * 16)}
    items = extract_cached(vit, [picture] * 3, list(cache), cache)
    assert np.allclose(items, vit.extract(picture), atol=1e-5)
    assert all(np.array_equal(cache[key], row) for key, row in zip(cache, items, strict=True))


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00v\x00", b"PK\x03\x04 no archive", b"\x80\x04K\x01."])
def test_damaged_cache_file(vit, tmp_path, damage):
    cache = FolderCache(tmp_path, vit.version)
    picture = noise(20, 24, 3)
    items = extract_cached(vit, [picture], ["abc"], cache)
    (file,) = cache.folder.glob("*.npy")
    file.write_bytes(damage)
    assert "abc" not in cache
    assert np.array_equal(extract_cached(vit, [picture], ["abc"], cache), items)
    assert np.array_equal(cache["abc"], items[0])


def test_folder_cache(vit, tmp_path):
    """A mapping on disk; SOART items keep their last digit, those of a network take half the room."""
    picture = noise(20, 24, 3)
    soart = SoartExtractor(scales=1)
    stores = {e.version: FolderCache(tmp_path, e.version) for e in (soart, vit)}
    for extractor in (soart, vit):
        collection = stores[extractor.version]
        items = extract_cached(extractor, [picture], ["abc"], collection)
        assert np.array_equal(collection["abc"], items[0])
        assert list(collection) == ["abc"]
        assert len(list(collection.folder.iterdir())) == len(collection) == 1
    assert stores[vit.version]["abc"].dtype == np.float32
    assert stores[soart.version]["abc"].dtype == np.float64
    del stores[vit.version]["abc"]
    assert len(stores[vit.version]) == 0
    assert len(stores[soart.version]) == 1
    with pytest.raises(KeyError):
        del stores[vit.version]["abc"]
    for wrong in ("../outside", "", "a/b", 3):
        with pytest.raises(ItemsError, match="hash of letters and digits"):
            stores[vit.version][wrong] = np.zeros(2)


def test_folder_that_cannot_hold_a_cache(vit, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CollectionError, match="cannot be cached"):
        extract_cached(vit, [noise(8, 8, 3)], ["abc"], FolderCache(tmp_path / "file", vit.version))
