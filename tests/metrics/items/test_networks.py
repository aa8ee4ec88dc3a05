import importlib.util
import json
import logging
import sys

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file

from soart.errors import ModelError
from soart.metrics.items.deep import DeepExtractor

LAYERS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
VISION = {**LAYERS, "image_size": 32, "patch_size": 8}
PROCESSOR = {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}


def save_vit(folder):
    torch.manual_seed(0)
    transformers.ViTModel(transformers.ViTConfig(**VISION)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return save_vit(tmp_path_factory.mktemp("vit"))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_classifier_without_pooler_gives_the_same_items_each_time(tmp_path):
    """The pooler that such weights lack would be random; the class token is not."""
    torch.manual_seed(3)
    transformers.ViTForImageClassification(transformers.ViTConfig(**VISION)).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    first, second = DeepExtractor.load(tmp_path), DeepExtractor.load(tmp_path)
    assert first.version == second.version
    assert np.array_equal(first.extract(noise(32, 32, 3)), second.extract(noise(32, 32, 3)))


def spoil_text_model(folder):
    config = transformers.BertConfig(**LAYERS, vocab_size=40)
    transformers.BertModel(config).save_pretrained(folder)


def spoil_text_model_with_processor(folder):
    spoil_text_model(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))


def spoil_weights(folder):
    path = save_vit(folder) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:900])


def spoil_values(folder):
    save_vit(folder)
    model = transformers.ViTModel.from_pretrained(folder)
    torch.nn.init.constant_(model.layernorm.weight, torch.nan)
    model.save_pretrained(folder)


def spoil_layers(folder):
    config = json.loads((save_vit(folder) / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))


def spoil_by_pickle(folder):
    (save_vit(folder) / "model.safetensors").unlink()
    torch.save({"weight": torch.zeros(3)}, folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_text_model, "no usable image processor"),
        (spoil_text_model_with_processor, "takes input_ids, not pictures"),
        (spoil_weights, "cannot be loaded"),
        (spoil_values, "not finite"),
        (spoil_layers, "would be random"),
        (spoil_by_pickle, "safetensors"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: None, "cannot be loaded"),
    ],
)
def test_folder_that_holds_no_sound_vision_model(tmp_path, spoil, says):
    spoil(tmp_path)
    with pytest.raises(ModelError, match=says) as caught:
        DeepExtractor.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_other_things_that_cannot_be_loaded(vit, tmp_path):
    with pytest.raises(ModelError, match="not a model folder"):
        DeepExtractor.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="hub cannot be reached"):
        DeepExtractor.load("nobody/no-such-model")
    with pytest.raises(ModelError, match="hub cannot be reached"):
        DeepExtractor.load("timm:no_such_model")
    with pytest.raises(ModelError, match="cannot run on 'nonsense'"):
        DeepExtractor.load(vit, device="nonsense")
    with pytest.raises(ValueError, match="batch size"):
        DeepExtractor.load(vit, batch_size=0)


def test_missing_package(vit, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'soart\[deep\]'"):
        DeepExtractor.load(vit)


def test_network_with_random_output(tmp_path):
    """A masked autoencoder hides another part of the picture each time."""
    config = transformers.ViTMAEConfig(**VISION, decoder_hidden_size=16, decoder_num_attention_heads=2)
    transformers.ViTMAEModel(config).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    with pytest.raises(ModelError, match="other items for the same picture"):
        DeepExtractor.load(tmp_path)


def test_timm_folder(tmp_path):
    """A folder as timm writes it: settings and weights, no image processor."""
    settings = {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic"}
    config = {"architecture": "resnet10t", "num_classes": 0, "num_features": 512, "pretrained_cfg": settings}
    (tmp_path / "config.json").write_text(json.dumps(config))
    if not importlib.util.find_spec("timm"):
        with pytest.raises(ModelError, match=r"pip install 'soart\[deep\]'"):
            DeepExtractor.load(tmp_path)
        return
    import timm

    torch.manual_seed(0)
    save_file(timm.create_model("resnet10t", num_classes=0).state_dict(), tmp_path / "model.safetensors")
    extractor = DeepExtractor.load(f"timm:{tmp_path}")
    items = extractor.extract(noise(3, 40, 50, 3))
    assert items.shape == (3, 512)
    assert np.allclose(extractor.extract(noise(3, 40, 50, 3)[1]), items[1], atol=1e-5)


def test_terminal_stays_quiet(vit, capfd):
    level = transformers.logging.get_verbosity()
    DeepExtractor.load(vit)
    assert capfd.readouterr() == ("", "")
    assert transformers.logging.get_verbosity() == level
    assert logging.getLogger("transformers").level == level
