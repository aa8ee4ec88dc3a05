import json
import pickle

import numpy as np
import pytest
import torch
import transformers

from soart.errors import ImageError
from soart.metrics.items.deep import LONGEST, DeepExtractor
from soart.metrics.items.networks import depth_numbers

LAYERS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
VISION = {**LAYERS, "image_size": 32, "patch_size": 8}
TEXT = {**LAYERS, "vocab_size": 40, "max_position_embeddings": 8, "eos_token_id": 2, "bos_token_id": 1}
COLOUR = {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
SQUARE = {"size": {"height": 32, "width": 32}, **COLOUR}
CROPPED = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True, **COLOUR}
SIGLIP = {"image_processor_type": "SiglipImageProcessor", **SQUARE}

#: Model, its processor, and how many items it gives.
KINDS = {
    "clip": (lambda: transformers.CLIPModel(transformers.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=12)), {"image_processor_type": "CLIPImageProcessor", **CROPPED}, 12),
    "siglip": (lambda: transformers.SiglipModel(transformers.SiglipConfig(text_config=TEXT, vision_config=VISION)), SIGLIP, 16),
    "siglip-vision": (lambda: transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**VISION)), SIGLIP, 16),
    "dinov2": (lambda: transformers.Dinov2Model(transformers.Dinov2Config(**VISION, mlp_ratio=2)), {"image_processor_type": "BitImageProcessor", **CROPPED}, 16),
    "vit": (lambda: transformers.ViTModel(transformers.ViTConfig(**VISION)), {"image_processor_type": "ViTImageProcessor", **SQUARE}, 16),
    "resnet": (lambda: transformers.ResNetModel(transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")), {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}, **COLOUR}, 16),
}  # fmt: skip


def save(kind, folder, seed=0):
    """A real model of random weights, saved as the hub would serve it."""
    build, processor, _ = KINDS[kind]
    torch.manual_seed(seed)
    build().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: save(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def vit(folders):
    return DeepExtractor.load(folders["vit"], batch_size=3)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_of_networks(folders, kind):
    extractor = DeepExtractor.load(folders[kind], batch_size=3)
    assert extractor.names[:2] == ("deep/000", "deep/001")
    assert len(extractor.names) == KINDS[kind][2]
    pictures = noise(5, 40, 52, 3)
    items = extractor.extract(pictures)
    assert items.shape == (5, len(extractor.names))
    assert items.dtype == np.float64
    assert np.isfinite(items).all()
    assert np.ptp(items, axis=0).max() > 1e-4
    for k in range(5):
        assert np.allclose(extractor.extract(pictures[k]), items[k], atol=1e-5)
    if kind in {"clip", "siglip"}:
        assert np.allclose(np.linalg.norm(items, axis=1), 1, atol=1e-5)
    # Sizes that channel guessing and cropping stumble over.
    odd = [noise(*size, 3) for size in ((1, 1), (3, 5), (1, 3), (4, 200), (33, 32))]
    together = extractor.extract(odd)
    assert np.isfinite(together).all()
    assert np.allclose(together, np.concatenate([extractor.extract(p) for p in odd]), atol=1e-5)


def test_items_are_the_models_own(folders):
    """The same from transformers directly, without a line of ours."""
    picture = noise(32, 32, 3)
    prepared = torch.from_numpy((picture / 255 - COLOUR["image_mean"]) / COLOUR["image_std"]).float()
    inputs = prepared.permute(2, 0, 1)[None]
    vit = transformers.ViTModel.from_pretrained(folders["vit"]).eval()
    siglip = transformers.SiglipModel.from_pretrained(folders["siglip"]).eval()
    with torch.no_grad():
        token = vit(inputs).last_hidden_state[:, 0]
        pooled = siglip.vision_model(inputs).pooler_output
    assert np.allclose(DeepExtractor.load(folders["vit"]).extract(picture), token, atol=1e-5)
    embedding = pooled / pooled.norm(dim=1, keepdim=True)
    assert np.allclose(DeepExtractor.load(folders["siglip"]).extract(picture), embedding, atol=1e-5)


def test_a_pickled_extractor_gives_the_same_items(folders):
    # Layers of transformers carry hooks of that library, which cannot be pickled.
    for source, depths in ((folders["vit"], False), ("efficientnet-lite0", False), ("efficientnet-lite0", True)):
        extractor = DeepExtractor.load(source, depths=depths)
        again = pickle.loads(pickle.dumps(extractor))  # noqa: S301
        picture = np.random.default_rng(1).random((40, 40, 3))
        assert again.version == extractor.version
        assert np.array_equal(again.extract(picture), extractor.extract(picture))


def test_container_does_not_matter(vit):
    pixels = noise(4, 20, 24, 3)
    items = vit.extract(pixels)
    unit = pixels.astype(np.float32) / 255
    tensor = torch.from_numpy(unit).permute(0, 3, 1, 2)
    for same in (unit, unit.astype(np.float64), tensor, tensor.half(), list(pixels), tuple(unit)):
        assert np.allclose(vit.extract(same), items, atol=1e-5)
    assert np.array_equal(vit.extract(pixels), items)
    assert np.allclose(vit.extract(pixels[::-1]), items[::-1], atol=1e-5)
    for empty in (pixels[:0], tensor[:0], []):
        assert vit.extract(empty).shape == (0, 16)


def test_a_far_too_long_picture_is_cut_to_its_middle(vit):
    strip = noise(2, 4000, 3)
    middle = strip[:, 2000 - LONGEST : 2000 + LONGEST]
    assert np.allclose(vit.extract(strip), vit.extract(middle), atol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4)),
        np.zeros((1, 1, 4, 4, 3)),
        np.zeros((2, 0, 4, 3)),
        np.zeros((4, 4, 3), np.int64),
        np.full((4, 4, 3), np.nan),
        np.full((4, 4, 3), 7.0),
        torch.zeros(3, 4, 4),
        torch.full((1, 3, 4, 4), torch.nan),
        [np.zeros((4, 4, 3)), np.full((5, 4, 3), np.nan)],
        [np.zeros((1, 4, 4, 3))],
        [1, 2],
        "photo.png",
        None,
    ],
)
def test_wrong_pictures(vit, wrong):
    with pytest.raises(ImageError, match="Expected"):
        vit.extract(wrong)


def test_version_names_weights_and_preparation(folders, vit, tmp_path):
    again = DeepExtractor.load(save("vit", tmp_path / "same"))
    other = DeepExtractor.load(save("vit", tmp_path / "other", seed=1))
    processor = tmp_path / "same" / "preprocessor_config.json"
    processor.write_text(json.dumps({**json.loads(processor.read_text()), "image_mean": [0.5, 0.5, 0.5]}))
    brighter = DeepExtractor.load(tmp_path / "same")
    assert again.version == vit.version
    assert vit.version.startswith("deep-1:ViTModel:class-token:")
    assert len({vit.version, other.version, brighter.version}) == 3


@pytest.mark.parametrize(("kind", "count"), [("clip", 32), ("siglip", 32), ("dinov2", 32), ("vit", 32), ("resnet", 24)])
def test_layers_at_several_depths(folders, kind, count):
    extractor = DeepExtractor.load(folders[kind], depths=True)
    assert len(extractor.names) == count
    assert (extractor.names[0], extractor.names[-1]) == ("deep/1/000", "deep/2/015")
    assert extractor.version.startswith("deep-2:")
    items = extractor.extract(noise(3, 40, 52, 3))
    assert np.isfinite(items).all()
    assert np.allclose(extractor.extract(noise(3, 40, 52, 3)[1]), items[1], atol=1e-5)


def test_layers_are_the_models_own(folders):
    picture = noise(32, 32, 3)
    prepared = (
        torch.from_numpy((picture / 255 - COLOUR["image_mean"]) / COLOUR["image_std"]).float().permute(2, 0, 1)[None]
    )
    vit = transformers.ViTModel.from_pretrained(folders["vit"]).eval()
    with torch.no_grad():
        first, last = vit(prepared, output_hidden_states=True).hidden_states[1:]
    items = DeepExtractor.load(folders["vit"], depths=True).extract(picture)[0]
    assert np.allclose(items, np.concatenate([first.mean(dim=1)[0], last.mean(dim=1)[0]]), atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "numbers"), [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (12, [2, 5, 8, 11]), (24, [5, 11, 17, 23])]
)
def test_depths_of_networks(layers, numbers):
    assert depth_numbers(layers) == numbers
