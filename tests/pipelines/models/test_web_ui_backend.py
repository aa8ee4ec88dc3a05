"""Pictures drawn by a running web UI, against a server that speaks its interface; failures are injected."""

import base64
import json

import pytest
from specimens.backends import A1111, only, opened, serving

from soart.errors import LoraError, ModelError


def test_the_preset_of_forge_counts_for_the_loaded_checkpoint_alone():
    backend = A1111()
    backend.options["forge_preset"] = "flux"
    with serving(backend) as name:
        assert opened(name).model.guidance == 3.5
        assert opened(f"{name}#photoXL").model.guidance == 7.0
        # Without Forge there is one guidance, which SD.Next sends where Flux takes it.
        del backend.options["forge_preset"]
        backend.models[1]["title"] = backend.models[1]["filename"] = "flux1-dev.safetensors"
        with opened(f"{name}#flux1-dev") as generator:
            assert generator.model.guidance == 3.5
            backend.models[1]["filename"] = "flux1-dev.safetensors"
            only(generator)
            [body] = [body for _, path, body, _ in backend.requests if path == "/sdapi/v1/txt2img"]
            assert (body["cfg_scale"], "distilled_cfg_scale" in body) == (3.5, False)
            with pytest.raises(ModelError, match="one guidance only"):
                generator.request("a fox", 1, true_cfg=2.0)


def test_a_web_ui_that_sends_jpegs_is_told_once(caplog):
    backend = A1111()
    backend.options["samples_format"] = "jpg"
    with serving(backend) as name:
        with opened(name) as generator:
            only(generator)
            only(generator, steps=3)
        assert caplog.text.count("sends JPEGs, whose losses count as damage: choose png there") == 1
        assert "+jpg" in generator.model.identity
        caplog.clear()
        backend.options["samples_format"] = "png"
        with opened(name) as generator:
            only(generator)
        assert "JPEG" not in caplog.text


def test_a_lora_that_a_web_ui_does_not_have_is_refused():
    backend = A1111()
    with serving(backend) as name, opened(name) as generator:
        assert generator.request("a fox <lora:ink:0.5>", 1).prompt == "a fox <lora:ink:0.5>"
        assert generator.request("a fox <lora:ink_v1:0.5:0.8>", 1)
        with pytest.raises(LoraError, match=r"has no LoRA 'inc': choose one such as ink"):
            generator.request("a fox <lora:inc:1>", 1)
        with pytest.raises(LoraError, match="The negative prompt names the LoRA 'ink'"):
            generator.request("a fox", 1, negative="<lora:ink:1>")
        # Files may be added meanwhile.
        backend.loras.append("inc")
        assert generator.request("a fox <lora:inc:1>", 1)
        backend.loras = None
        assert opened(name).request("a fox <lora:anything:1>", 1)


def test_identity_of_a_web_ui_names_checkpoint_hash_and_options():
    backend = A1111()
    with serving(backend) as name:
        first = opened(name).model.identity
        assert first.startswith("a1111:dreamy_v2@0123456789+")
        backend.options["sd_vae"] = "other.vae"
        assert opened(name).model.identity != first
        # A web UI that has nothing loaded, and several checkpoints.
        backend.options["sd_model_checkpoint"] = None
        with pytest.raises(ModelError, match="has no checkpoint loaded"):
            opened(name)


def test_options_that_are_changed_in_a_web_ui_meanwhile_do_not_count():
    backend = A1111()
    backend.options |= {"CLIP_stop_at_last_layers": 1, "randn_source": None}
    with serving(backend) as name, opened(name) as generator:
        backend.options |= {"CLIP_stop_at_last_layers": 2, "sd_vae": "other.vae"}
        next(generator.draw([generator.request("a fox", 1, steps=1)]))
    [sent] = [body["override_settings"] for _, path, body, _ in backend.requests if path == "/sdapi/v1/txt2img"]
    assert sent == {
        "sd_model_checkpoint": backend.models[0]["title"], "sd_vae": "Automatic", "CLIP_stop_at_last_layers": 1,
    }  # fmt: skip


def test_a_web_ui_that_draws_with_another_checkpoint_is_caught():
    backend = A1111()
    backend.follows = False
    with (
        serving(backend) as name,
        pytest.raises(ModelError, match=r"drew with the checkpoint 'dreamy_v2' and not with 'photoXL'"),
    ):
        only(opened(f"{name}#photoXL"))


@pytest.mark.parametrize(
    ("digest", "same"), [("0123456789", True), ("0123456789abcdef", True), ("fedcba9876", False), ("", True)]
)
def test_a_web_ui_that_names_its_checkpoint_by_hash_alone(digest, same):
    class ByHash(A1111):
        def draw(self, body):
            answer = super().draw(body)
            return answer | {"info": json.dumps({"sd_model_hash": digest})}

    with serving(ByHash()) as name, opened(name) as generator:
        if same:
            only(generator)
            return
        with pytest.raises(ModelError, match=r"drew with the checkpoint 'fedcba9876' and not with 'dreamy_v2'"):
            only(generator)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"images": []}, "without a picture"),
        ({"images": ["not base64!"]}, "is damaged"),
        ({"images": [base64.b64encode(b"no picture").decode()]}, "something else than a picture"),
        ([], "without a picture"),
    ],
)
def test_answers_without_a_picture(answer, message):
    backend = A1111()
    with serving(backend) as name, opened(name) as generator:
        backend.failures["/sdapi/v1/txt2img"] = (200, answer)
        with pytest.raises(ModelError, match=message):
            only(generator)


def test_out_of_memory_is_told_with_a_way_out():
    backend = A1111()
    with serving(backend) as name, opened(name) as generator:
        backend.failures["/sdapi/v1/txt2img"] = (500, {"error": "OutOfMemoryError", "errors": "CUDA out of memory."})
        with pytest.raises(ModelError, match=r"does not have enough memory for a picture: choose a smaller size"):
            only(generator)
