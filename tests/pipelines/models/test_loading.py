import warnings
from concurrent.futures import ThreadPoolExecutor

import diffusers
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from specimens import families, ldm

from soart.errors import ModelError
from soart.metrics.items.networks import load_network
from soart.metrics.items.packaged import EFFICIENTNET
from soart.pipelines.models.devices import choose_device, choose_dtype
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import EMBEDDED_FOLDER, _fingerprint, load_model, quiet_libraries


def test_models_are_loaded_in_several_threads_at_once():
    """Loading libraries replace how modules are made; after two had overlapped, no model of the process had weights."""

    def load(number):
        if number % 3 == 2:
            return str(next(load_network(EFFICIENTNET).module.parameters()).device)
        return str(load_model(device="cpu").pipeline.unet.device)

    for _ in range(3):
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(load, range(3))) == ["cpu"] * 3
    assert torch.nn.Linear(1, 1).weight.device.type == "cpu"


def test_a_home_of_nobody_is_no_model():
    with pytest.raises(ModelError, match="There is no model at '~nobody-of-this-name/model'"):
        load_model("~nobody-of-this-name/model")
    with pytest.raises(ModelError, match="There is no model at"):
        load_model("./" + "a fox, " * 1000)


@pytest.mark.parametrize("name", ["sd1", "sdxl", "sd3", "flux", "pixart"])
def test_family_from_a_folder(tmp_path, name):
    folder = families.save_family(name, tmp_path)
    model = load_model(str(folder), device="cpu")
    assert (model.device, model.dtype, model.offload) == ("cpu", "float32", "none")
    generator = ImageGenerator(model, 2)
    wanted = [generator.request("a fox", seed, steps=2, width=32, height=32) for seed in (1, 2, 1)]
    drawn = [d for batch in generator.draw(wanted) for d in batch]
    assert [d.problem for d in drawn] == [None] * 3
    assert drawn[0].pixels.shape == (32, 32, 3)
    assert not np.array_equal(drawn[0].pixels, drawn[1].pixels)
    # The third picture came alone, the first in a batch of two.
    assert np.abs(drawn[0].pixels.astype(int) - drawn[2].pixels).max() <= 1
    if name == "pixart":
        assert "negative_prompt" in model.accepts
    assert generator.can_preview == (name != "pixart")
    if generator.can_preview:
        four = generator.request("a fox", 1, steps=4, width=32, height=32)
        [foreseen] = next(generator.preview([four], 0.5))
        assert foreseen.problem is None
        assert foreseen.pixels.shape == (32, 32, 3)
        assert not np.array_equal(foreseen.pixels, next(generator.draw([four]))[0].pixels)
        assert np.array_equal(next(generator.draw(wanted[:2]))[0].pixels, drawn[0].pixels)
    negative = generator.request("a fox", 1, steps=2, width=32, height=32, negative="owl")
    assert not np.array_equal(next(generator.draw([negative]))[0].pixels, drawn[0].pixels)


@pytest.mark.parametrize("wrong", [{"model": 5}, {"config": 5}])
def test_what_is_no_name_and_no_path_is_refused(wrong):
    with pytest.raises(ModelError, match=r"Expected the .* path, got 5"):
        load_model(**wrong)


def test_single_file_draws_what_its_folder_draws(tmp_path):
    folder = families.save_family("sd1", tmp_path)
    whole = load_model(str(folder), device="cpu")
    file = tmp_path / "single.safetensors"
    ldm.save_single_file(whole.pipeline, file)
    single = load_model(file, config=str(folder), device="cpu")
    assert single.identity.startswith("single.safetensors@")
    pictures = []
    for model in (whole, single):
        generator = ImageGenerator(model)
        request = generator.request("a fox", 1, steps=2, width=32, height=32)
        pictures.append(next(generator.draw([request]))[0].pixels)
    assert np.array_equal(*pictures)
    # Without a folder that describes it, its settings would have to come from the hub, which tests cannot reach.
    with pytest.raises(ModelError, match="--set model_config"):
        load_model(str(file), device="cpu")


def test_identity_follows_the_weights(tmp_path):
    folder = families.save_family("sd1", tmp_path)
    before = load_model(str(folder), device="cpu").identity
    assert load_model(str(folder), device="cpu").identity == before
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert load_model(str(folder), device="cpu").identity != before


def test_identity_follows_weights_in_other_formats(tmp_path):
    folder = families.save_family("sd1", tmp_path)
    before = load_model(str(folder), device="cpu").identity
    safe = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights, other = load_file(safe), safe.with_suffix(".bin")
    torch.save(weights, other)
    # Nothing reads it beside the safetensors.
    assert load_model(str(folder), device="cpu").identity == before
    safe.unlink()
    first = load_model(str(folder), device="cpu").identity
    torch.save({name: weight * 1.05 for name, weight in weights.items()}, other)
    second = load_model(str(folder), device="cpu").identity
    assert len({before, first, second}) == 3


def test_identity_follows_a_vocabulary_unless_another_is_read(tmp_path):
    words = tmp_path / "spiece.model"
    words.write_bytes(b"words")
    first = _fingerprint(tmp_path)
    words.write_bytes(b"other")
    assert _fingerprint(tmp_path) != first
    (tmp_path / "tokenizer.json").write_text("{}")
    known = _fingerprint(tmp_path)
    words.write_bytes(b"words")
    assert _fingerprint(tmp_path) == known


@pytest.mark.parametrize("shown", [True, False])
def test_quiet_libraries_are_as_loud_as_before(shown):
    logs = diffusers.utils.logging, transformers.logging
    before = [(log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs], list(warnings.filters)
    try:
        for log in logs:
            (log.enable_progress_bar if shown else log.disable_progress_bar)()
            log.set_verbosity_info()
        # Two threads overlap, and the first to come is the first to leave.
        first, second = quiet_libraries(), quiet_libraries()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert not any(log.is_progress_bar_enabled() for log in logs)
        second.__exit__(None, None, None)
        assert [log.is_progress_bar_enabled() for log in logs] == [shown, shown]
        assert all(log.get_verbosity() == log.INFO for log in logs)
        assert list(warnings.filters) == before[1]
    finally:
        for log, (verbosity, bars) in zip(logs, before[0], strict=True):
            log.set_verbosity(verbosity)
            (log.enable_progress_bar if bars else log.disable_progress_bar)()


def test_things_that_are_no_model(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    for name in ("empty", "broken.safetensors", "none.ckpt", "none/at/all"):
        with pytest.raises(ModelError) as caught:
            load_model(str(tmp_path / name), device="cpu")
        assert "\n" not in str(caught.value)
        assert name.split("/")[0] in str(caught.value)
    with pytest.raises(ModelError, match="not a diffusers model folder"):
        load_model(str(tmp_path / "other.safetensors"), config=tmp_path / "empty", device="cpu")


def test_hub_out_of_reach():
    with pytest.raises(ModelError, match="hub cannot be reached"):
        load_model("nobody/no-such-model", device="cpu")


def test_wrong_choices():
    for wrong in ({"device": "tpu"}, {"dtype": "int4", "device": "cpu"}, {"offload": "disk", "device": "cpu"}):
        with pytest.raises(ModelError, match="choose one of"):
            load_model(**wrong)


def test_rules():
    assert choose_dtype("cpu") is torch.float32
    assert choose_dtype("mps") is torch.float16
    assert choose_dtype("cpu", "bfloat16") is torch.bfloat16
    assert choose_device("cpu") == "cpu"


def test_no_weight_of_the_embedded_text_encoder_is_random(embedded):
    """transformers 4 and 5 name them differently, and fill those they do not find."""
    encoder = embedded.pipeline.text_encoder
    weights = load_file(EMBEDDED_FOLDER / "text_encoder" / "model.safetensors")
    loaded = {name.removeprefix("text_model."): value for name, value in encoder.state_dict().items()}
    assert loaded.keys() == weights.keys()
    for name, value in weights.items():
        assert torch.equal(loaded[name], value.to(loaded[name].dtype)), name
    assert not encoder.training
