"""Pictures drawn by running backends, against servers that speak their interfaces; failures are injected."""

import base64
import io
import json
import socket

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from specimens.backends import A1111, Comfy, serving

import soart
from soart.errors import LoraError, ModelError, SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.configuration import read_settings
from soart.pipelines.doctor import run_checks
from soart.pipelines.generate import generate, plan
from soart.pipelines.models.backends import comfyui as backend_comfyui
from soart.pipelines.models.backends.address import backend_address
from soart.pipelines.models.backends.comfy_workflow import default_workflow, read_workflow, workflow_of
from soart.pipelines.models.backends.http import BackendClient
from soart.pipelines.models.opening import open_generator
from soart.pipelines.models.options import GeneratorOptions

#: Keys of answers, and the paths that may answer anything.
NAMES = (
    "title",
    "filename",
    "images",
    "info",
    "prompt_id",
    "run-0",
    "outputs",
    "9",
    "status",
    "messages",
    "errors",
    "node_errors",
    "input",
    "error",
    "sd_model_checkpoint",
)
PATHS = {
    A1111: ("/sdapi/v1/options", "/sdapi/v1/sd-models", "/sdapi/v1/txt2img"),
    Comfy: ("/system_stats", "/object_info/CheckpointLoaderSimple", "/experiment/models/checkpoints", "/prompt", "/history/run-0", "/queue", "/view"),
}  # fmt: skip


def opened(model, **options):
    return open_generator(GeneratorOptions(model, **options))


def only(generator, **settings):
    [[picture]] = generator.draw([generator.request("a boat", 7, width=16, height=24, **settings)])
    return picture


@pytest.fixture(params=[A1111, Comfy], ids=["a1111", "comfyui"])
def backend(request):
    return request.param()


@pytest.fixture
def model(backend):
    with serving(backend) as name:
        yield name


def test_addresses():
    assert backend_address(None) is backend_address("org/model") is backend_address("a1111") is None
    assert backend_address("comfyui:").title == "ComfyUI at 127.0.0.1:8188"
    named = backend_address("a1111:https://me:s%40cret@[::1]:7861/sd/#sub/x.safetensors")
    assert (named.url, named.choice, named.user, named.password) == (
        "https://[::1]:7861/sd", "sub/x.safetensors", "me", "s@cret",
    )  # fmt: skip
    assert "s@cret" not in repr(named)
    assert backend_address("a1111:box:80").url == "http://box:80"


@pytest.mark.parametrize(
    "wrong",
    [
        "file:///etc/passwd",
        "http://",
        "http://a:b:c",
        "http://box?x=1",
        "http://b\nox",
        "http://box:99999",
        "http://box:0",
        "http://a..b",
        "http://box/ä",
    ],
)
def test_a_wrong_address_is_a_mistake_in_one_sentence(wrong):
    with pytest.raises(ModelError, match="cannot be reached: expected an address such as"):
        backend_address(f"a1111:{wrong}")


@pytest.mark.parametrize("place", ["http://me:s/cret@box", "me:s/cret@box:x", "http://me:s#cret@box:x"])
def test_messages_do_not_tell_a_password_that_breaks_the_address(place):
    with pytest.raises(ModelError) as caught:
        backend_address(f"a1111:{place}")
    assert "cret" not in str(caught.value)


def test_pictures_depend_on_every_setting_and_on_nothing_else(model):
    with opened(model) as generator:
        first = only(generator)
        assert first.pixels.shape == (24, 16, 3)
        assert first.problem is None
        assert np.array_equal(first.pixels, only(generator).pixels)
        sampler = {"a1111": "DPM++ 2M Karras", "comfyui": "dpmpp_2m karras"}[model.partition(":")[0]]
        changes = ({"steps": 5}, {"guidance": 3.0}, {"negative": "fog"}, {"scheduler": sampler})
        others = [only(generator, **change).pixels for change in changes]
        others.append(next(generator.draw([generator.request("a boat", 8, width=16, height=24)]))[0].pixels)
        others.append(next(generator.draw([generator.request("a fox", 7, width=16, height=24)]))[0].pixels)
        assert all(not np.array_equal(first.pixels, other) for other in others)
        assert not generator.can_preview
        assert generator.meanings(["a boat"]) == {}


def test_stored_pictures_are_reused_for_the_same_checkpoint_alone(backend, model, tmp_path):
    with Collection(tmp_path / "c") as collection:
        for name, drawn in ((model, 2), (model, 0), (f"{model}#photoXL", 2)):
            with opened(name) as generator:
                requests = plan("a boat", 2, generator, width=16, height=16)
                made = generate(collection, generator, requests)
                assert (made.drawn, made.reused) == (drawn, 2 - drawn)
        row = made.rows[0].generation
        assert row.model.startswith(f"{backend.kind}:photoXL")
        assert row.sampler == {"a1111": "Euler", "comfyui": "euler normal"}[backend.kind]


def test_the_size_follows_the_name_of_the_checkpoint(model):
    assert opened(model).model.size == (512, 512)
    named = opened(f"{model}#photoXL.safetensors")
    assert named.model.size == (1024, 1024)
    assert named.title.endswith(", model photoXL")


def test_flux_is_drawn_with_its_distilled_guidance_and_both_are_slots():
    forge, comfy = A1111(), Comfy()
    forge.options |= {"forge_preset": "flux", "flux_t2i_d_cfg": 2.5, "flux_t2i_cfg": 1}
    comfy.architectures["dreamy.safetensors"] = "flux-1-dev"
    sent = []
    for backend, steps, usual in ((forge, 20, 2.5), (comfy, 20, 3.5)):
        with serving(backend) as name, opened(name) as generator:
            assert (generator.model.steps, generator.model.guidance, generator.model.size) == (
                steps,
                usual,
                (1024, 1024),
            )
            drawn = [only(generator), only(generator, guidance=5.0), only(generator, true_cfg=2.0)]
            assert len({picture.pixels.tobytes() for picture in drawn}) == 3
            space = soart.PromptSpace.parse(
                "template: a {what}\nslots: {what: [fox, owl], true_cfg: [1, 2], guidance: [2, 4]}"
            )
            choice = space.render((0, 1, 0))
            request = generator.request(choice.prompt, 1, **choice.settings)
            assert (request.guidance, request.true_cfg) == (2.0, 2.0)
        sent.append(backend)
    bodies = [body for _, path, body, _ in forge.requests if path.endswith("txt2img")]
    assert [(body["cfg_scale"], body["distilled_cfg_scale"]) for body in bodies] == [(1.0, 2.5), (1.0, 5.0), (2.0, 2.5)]
    graphs = comfy.runs.values()
    assert [(graph["3"]["inputs"]["cfg"], graph["10"]["inputs"]["guidance"]) for graph in graphs] == [
        (1.0, 3.5), (1.0, 5.0), (2.0, 3.5),
    ]  # fmt: skip


def test_a_checkpoint_with_one_guidance_takes_no_second_one(model):
    with opened(model) as generator, pytest.raises(ModelError, match="has one guidance only: leave true_cfg out"):
        generator.request("a fox", 1, true_cfg=2.0)


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
            body = backend.requests[-1][2]
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


def test_a_lora_in_a_text_of_a_workflow_needs_a_node_that_reads_it(tmp_path):
    graph = flux()
    path = tmp_path / "w.json"
    path.write_text(json.dumps(graph))
    backend = Comfy()
    with serving(backend) as name:
        with pytest.raises(LoraError, match=r"No node of the workflow .* reads the LoRA 'ink' in the prompt text"):
            opened(f"{name}#{path}").request("a fox <lora:ink:1>", 1)
        # Past a node of others it may be read.
        backend.modules["Shout"] = "custom_nodes.shouting"
        graph["20"] = {"class_type": "Shout", "inputs": {"words": ["12", 0]}}
        graph["2"]["inputs"] |= {"clip_l": ["20", 0], "t5xxl": ["20", 0]}
        graph["12"]["inputs"]["value"] = "%prompt%"
        path.write_text(json.dumps(graph))
        assert opened(f"{name}#{path}").request("a fox <lora:ink:1>", 1)


def test_the_python_interface_and_the_tuner_draw_with_a_backend(model, tmp_path, judge):
    ranking = soart.generate("a {red|blue} boat", 2, tmp_path / "c", model=model, width=32, height=32)
    assert len(list(ranking)) == 2
    space = soart.PromptSpace.from_text("a {boat|fox} in {warm|cool} colors")
    with opened(model) as generator, Collection(tmp_path / "t") as collection:
        generator._settings = {"width": 32, "height": 32}
        tuner = soart.Tuner(collection, generator, space, soart.Panel(judge), batch=2, budget=2)
        assert len(tuner.step()) == 2
        assert not tuner.prune


def test_what_a_backend_cannot_do_is_refused_or_has_no_effect(model, tmp_path, caplog):
    for options in ({"loras": tmp_path}, {"model_config": tmp_path}, {"engine": "ray"}, {"workers": 2}):
        with pytest.raises(ModelError, match=r"cannot be used with .*, because .*: leave it out\."):
            opened(model, **options)
    opened(model, device="cuda", batch_size=4)
    assert "--device and --batch-size has no effect" in caplog.text
    with pytest.raises(ModelError, match="sampler"):
        opened(model).request("a boat", 1, scheduler="EulerDiscreteScheduler")
    with pytest.raises(ModelError, match=r"no checkpoint 'nowhere'.*such as"):
        opened(f"{model}#nowhere")


def test_nothing_answers(backend):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ModelError, match=r"at 127.0.0.1:\d+ does not answer \(.*refused\): start it"):
        opened(f"{backend.kind}:127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ("break", "stopped in the middle of an answer"),
        ((200, b"<html>"), "something else than JSON"),
        ((302, b"http://127.0.0.1:1/"), "redirects to another address"),
        ((401, {"detail": "Not authenticated"}), "asks for a user and a password"),
        ((500, {"error": "Boom", "errors": "it burns.\nsecond line"}), "(500): it burns."),
        ((404, {"detail": "Not Found"}), ""),
    ],
)
def test_other_answers_at_the_beginning(backend, model, failure, message):
    backend.failures["*"] = failure
    with pytest.raises(ModelError) as error:
        opened(model)
    expected = "start it with --api" if not message and backend.kind == "a1111" else message
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("failure", ["trickle", "trickle head"])
def test_an_answer_that_trickles_has_a_time_limit_as_a_whole(backend, model, failure):
    backend.failures["*"] = failure
    client = BackendClient(backend_address(model))
    with pytest.raises(ModelError, match=r"did not answer within 1 seconds"):
        client.content("/", seconds=1)


@pytest.mark.parametrize(
    "failure", ["break", (500, {"error": "OutOfMemoryError", "errors": "CUDA out of memory. Tried"})]
)
def test_a_backend_that_dies_keeps_what_was_drawn(backend, model, failure, tmp_path):
    path = {"a1111": "/sdapi/v1/txt2img", "comfyui": "/prompt"}[backend.kind]
    with Collection(tmp_path / "c") as collection, opened(model) as generator:
        requests = plan("a boat", 3, generator, width=16, height=16)

        def stop(done):
            if done == 1:
                backend.failures[path] = failure

        with pytest.raises(ModelError):
            generate(collection, generator, requests, (), stop)
        backend.failures.clear()
        made = generate(collection, generator, requests)
        assert (made.drawn, made.reused) == (2, 1)


def test_user_and_password_are_sent_to_the_backend(backend):
    with serving(backend) as name:
        opened(name.replace("http://", "http://me:secret@"))
    headers = [headers for *_, headers in backend.requests]
    assert {header["Authorization"] for header in headers} == {f"Basic {base64.b64encode(b'me:secret').decode()}"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", [A1111, Comfy])
def test_any_answer_is_used_or_told_in_one_sentence(kind, monkeypatch):
    monkeypatch.setattr(backend_comfyui, "_FIRST_PAUSE", 0.0001)
    monkeypatch.setattr(backend_comfyui, "DRAW_SECONDS", 0.02)
    backend = kind()
    with serving(backend) as name:

        @settings(max_examples=30)
        @given(st.sampled_from(PATHS[kind]), st.sampled_from((200, 400, 500)), JSON)
        def check(path, status, document):
            backend.failures = {path: (status, document)}
            message = ""
            try:
                only(opened(name), scheduler=None)
            except ModelError as error:
                message = str(error)
            assert "\n" not in message

        check()


# Automatic1111


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
    sent = backend.requests[-1][2]["override_settings"]
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


def test_a_refusal_without_a_reason_names_the_backend_once(backend, model):
    path = {"a1111": "/sdapi/v1/txt2img", "comfyui": "/prompt"}[backend.kind]
    with opened(model) as generator:
        backend.failures[path] = (502, b"<html>")
        with pytest.raises(ModelError) as caught:
            only(generator)
    assert str(caught.value).count(backend_address(model).title) == 1
    assert "failed: it refuses a request (502)" in str(caught.value)


# ComfyUI


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (["execution_error", {"node_type": "KSampler", "exception_message": "bad cfg\nmore", "exception_type": "ValueError"}], "node KSampler says: bad cfg. What was drawn before is kept."),
        (["execution_error", {"node_type": "KSampler", "exception_message": "Allocation on device", "exception_type": "torch.OutOfMemoryError"}], "enough memory"),
        (["execution_interrupted", {}], "was interrupted there"),
    ],
)  # fmt: skip
def test_runs_that_fail(outcome, message):
    backend = Comfy()
    with serving(backend) as name, opened(name) as generator:
        backend.outcome = [outcome]
        with pytest.raises(ModelError, match=message):
            only(generator)


def test_a_run_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(backend_comfyui, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(backend_comfyui, "DRAW_SECONDS", 0.06)

    class Endless(Comfy):
        def history(self, name):
            return {}

    backend = Endless()
    with (
        serving(backend) as name,
        opened(name) as generator,
        pytest.raises(ModelError, match="did not draw a picture within"),
    ):
        only(generator)
    assert ("POST", "/interrupt") in [request[:2] for request in backend.requests]


def test_a_run_that_vanishes_from_the_queue(monkeypatch):
    monkeypatch.setattr(backend_comfyui, "_FIRST_PAUSE", 0.001)
    backend = Comfy()
    with serving(backend) as name, opened(name) as generator:
        backend.forgets = True
        with pytest.raises(ModelError, match="no longer knows the picture"):
            only(generator)
    assert ("POST", "/interrupt") in [(method, path) for method, path, *_ in backend.requests]


def test_a_checkpoint_that_vanishes_is_named():
    backend = Comfy()
    with serving(backend) as name, opened(name) as generator:
        backend.checkpoints = ["other.safetensors"]
        with pytest.raises(
            ModelError, match=r"node CheckpointLoaderSimple refuses the graph: Value not in list \(ckpt_name"
        ):
            only(generator)


def test_comfyui_without_checkpoints_and_prompts_with_loras():
    backend = Comfy()
    with serving(backend) as name:
        with pytest.raises(LoraError, match="No node of ComfyUI reads the LoRA 'ink'"):
            opened(name).request("a boat <lora:ink:1>", 1)
        backend.checkpoints = []
        with pytest.raises(ModelError, match="has no checkpoint: put one into"):
            opened(name)


def flux():
    """A graph with distilled guidance, a sampler of parts, reroutes, and a seed and a text in nodes of their own."""

    def node(kind, **inputs):
        return {"class_type": kind, "inputs": inputs}

    return {
        "1": node("UNETLoader", unet_name="flux/dev.safetensors"),
        "2": node("CLIPTextEncodeFlux", clip_l=["12", 0], t5xxl=["12", 0], guidance=3.5, clip=["3", 0]),
        "3": node("DualCLIPLoader", clip_name1="a"),
        "4": node("BasicGuider", model=["1", 0], conditioning=["5", 0]),
        "5": node("Reroute", any=["2", 0]),
        "6": node("RandomNoise", noise_seed=["13", 0]),
        "7": node("KSamplerSelect", sampler_name="euler"),
        "8": node("BasicScheduler", scheduler="simple", steps=8, denoise=1.0, model=["1", 0]),
        "9": node("SamplerCustomAdvanced", noise=["6", 0], guider=["4", 0], sampler=["7", 0], sigmas=["8", 0], latent_image=["10", 0]),
        "10": node("EmptySD3LatentImage", width=96, height=64, batch_size=4),
        "11": node("SaveImage", images=["9", 0], filename_prefix="x"),
        "12": node("PrimitiveString", value="a castle"),
        "13": node("PrimitiveInt", value=5),
    }  # fmt: skip


def test_settings_go_to_their_places_in_a_workflow_of_parts():
    workflow = workflow_of(flux(), "it")
    assert (workflow.own("steps"), workflow.own("guidance"), workflow.own("sampler"), workflow.own("width")) == (
        8,
        3.5,
        "euler",
        96,
    )
    assert "negative" not in workflow.places
    filled = workflow.filled({"prompt": "a fox", "seed": 9, "steps": 3, "guidance": 2.0, "schedule": None})
    assert filled["12"]["inputs"]["value"] == "a fox"
    assert filled["13"]["inputs"]["value"] == 9
    assert (filled["2"]["inputs"]["guidance"], filled["8"]["inputs"]["steps"]) == (2.0, 3)
    assert filled["10"]["inputs"]["batch_size"] == 1
    assert filled["8"]["inputs"]["scheduler"] == "simple"
    assert workflow.weights == "flux/dev.safetensors"


def test_a_workflow_draws_with_its_own_values(tmp_path):
    (tmp_path / "w.json").write_text(json.dumps(flux()))
    backend = Comfy()
    with serving(backend) as name, opened(f"{name}#{tmp_path / 'w.json'}") as generator:
        request = generator.request("a fox", 1)
        assert (request.steps, request.guidance, request.width, request.height) == (8, 3.5, 96, 64)
        assert next(generator.draw([request]))[0].pixels.shape == (64, 96, 3)
        assert generator.model.identity.startswith("comfyui:dev@")
        assert generator.model.sampler == "euler simple"
        next(generator.draw([generator.request("a fox", 1, scheduler="dpmpp_2m")]))
        graph = backend.runs["run-1"]
        assert (graph["7"]["inputs"]["sampler_name"], graph["8"]["inputs"]["scheduler"]) == ("dpmpp_2m", "simple")
        with pytest.raises(ModelError, match="does not take a negative prompt"):
            generator.request("a fox", 1, negative="fog")


def with_widgets(path):
    """A workflow with a LoRA, a switch, a list and a mark in a text."""
    graph = flux()
    graph["21"] = {
        "class_type": "LoraLoaderModelOnly", "_meta": {"title": "Load LoRA"},
        "inputs": {"lora_name": "ink.safetensors", "strength_model": 1.0, "on": True, "rank": 4, "model": ["1", 0]},
    }  # fmt: skip
    graph["4"]["inputs"]["model"] = ["21", 0]
    graph["12"]["inputs"]["value"] = "%prompt%, in %medium%"
    path.write_text(json.dumps(graph))
    return path


def test_any_widget_of_a_workflow_is_set_and_searched(tmp_path):
    backend = Comfy()
    with serving(backend) as name, opened(f"{name}#{with_widgets(tmp_path / 'w.json')}") as generator:
        prompt = "a fox <set:Load LoRA.strength_model:0.4> <set:21.on:false> <set:LoraLoaderModelOnly.lora_name:wash.safetensors> <set:medium:ink>"
        request = generator.request(prompt, 1)
        next(generator.draw([request, generator.request("a fox", 1)]))
        graph = backend.runs["run-0"]
        inputs = graph["21"]["inputs"]
        assert (inputs["strength_model"], inputs["on"], inputs["lora_name"]) == (0.4, False, "wash.safetensors")
        assert graph["12"]["inputs"]["value"] == "a fox, in ink"
        # What draws another picture is another request.
        assert request.key("m") != generator.request("a fox", 1).key("m")
        assert list(generator._workflow.widgets())[:2] == ["1.unet_name", "UNETLoader.unet_name"]
        for wrong, message in {
            "<set:Load LoRA.strong:1>": r"has no widget 'Load LoRA.strong': name one such as .*Load LoRA.strength_model",
            "<set:21.strength_model:much>": "holds the number 1.0: expected a number, got 'much'",
            "<set:21.on:yes>": "is a switch: expected true or false",
            "<set:8.steps:3>": "has no widget '8.steps'",
        }.items():
            with pytest.raises(ModelError, match=message):
                generator.request(f"a fox {wrong}", 1)
        with pytest.raises(ModelError, match="set it in the prompt"):
            opened(name).request("a fox", 1, negative="<set:21.on:true>")


def test_other_models_have_no_widgets(generator):
    with pytest.raises(ModelError, match="which only a workflow of ComfyUI can have"):
        generator.request("a boat <set:x.y:1>", 1)
    with serving(A1111()) as name, pytest.raises(ModelError, match="only a workflow of ComfyUI"):
        opened(name).request("a boat <set:x.y:1>", 1)


class Brightness:
    """Judges pictures by their mean."""

    name, version, scale, needs = "brightness", "1", (0.0, 255.0, "levels"), ("pixels",)

    def values(self, pictures):
        return np.array([picture.mean() for picture in pictures.pixels()])


@pytest.mark.slow
def test_the_strength_of_a_lora_in_a_workflow_is_found_by_search(tmp_path):
    """The planted truth: pictures are the brighter, the nearer the strength is to 0.6."""

    class Graded(Comfy):
        def history(self, name):
            answer = super().history(name)
            strength = self.runs[name]["21"]["inputs"]["strength_model"]
            noise = np.random.default_rng(len(self.files)).integers(0, 40, (32, 32, 3))
            content = io.BytesIO()
            Image.fromarray((noise + 200 - 250 * abs(strength - 0.6)).astype(np.uint8)).save(content, "PNG")
            self.files[f"{name}.png"] = content.getvalue()
            return answer

    with (
        serving(Graded()) as name,
        opened(f"{name}#{with_widgets(tmp_path / 'w.json')}") as generator,
        Collection(tmp_path / "c") as collection,
    ):
        space = soart.PromptSpace.from_text("a fox <set:Load LoRA.strength_model:{0..1.2}>")
        tuner = soart.Tuner(collection, generator, space, soart.Panel(Brightness()), batch=5, budget=15)
        soart.tune(tuner)
        [best, *_] = soart.findings_of(tuner).winners
    strength = float(best.words[0].prompt.partition("strength_model:")[2].rstrip(">"))
    assert abs(strength - 0.6) <= 0.15


def test_a_node_that_feeds_two_settings_takes_equal_values_only(tmp_path):
    graph = flux()
    graph["14"] = {"class_type": "PrimitiveInt", "inputs": {"value": 64}}
    graph["10"]["inputs"] |= {"width": ["14", 0], "height": ["14", 0]}
    (tmp_path / "w.json").write_text(json.dumps(graph))
    with serving(Comfy()) as name, opened(f"{name}#{tmp_path / 'w.json'}") as generator:
        assert generator.request("a fox", 1, width=96, height=96).width == 96
        with pytest.raises(ModelError, match="takes width and height from one input, 'value' of its node 14"):
            generator.request("a fox", 1, width=96, height=64)


def test_a_schedule_without_a_place_in_the_workflow_is_refused(tmp_path):
    graph = flux()
    del graph["8"]["inputs"]["scheduler"]
    (tmp_path / "w.json").write_text(json.dumps(graph))
    with serving(Comfy()) as name, opened(f"{name}#{tmp_path / 'w.json'}") as generator:
        assert generator.request("a fox", 1, scheduler="dpmpp_2m").scheduler == "dpmpp_2m"
        with pytest.raises(ModelError, match="takes no schedule such as 'karras': name the sampler alone"):
            generator.request("a fox", 1, scheduler="dpmpp_2m karras")


def test_a_workflow_keeps_its_negative_prompt_until_one_is_given(tmp_path):
    graph = {name: dict(node) for name, node in default_workflow("dreamy.safetensors").nodes.items()}
    graph["7"]["inputs"] = graph["7"]["inputs"] | {"text": "ugly"}
    (tmp_path / "w.json").write_text(json.dumps(graph))
    with serving(Comfy()) as name, opened(f"{name}#{tmp_path / 'w.json'}") as generator:
        words = [generator.request("a fox", 1, negative=given).negative for given in (None, "", "fog")]
    assert words == ["ugly", "", "fog"]


def test_marks_stand_for_texts_that_cannot_be_found():
    graph = default_workflow("x.safetensors").nodes
    graph["6"]["inputs"]["text"] = ["20", 0]
    graph["20"] = {"class_type": "Shout", "inputs": {"words": "best, %prompt%", "seed": 1, "loud": True}}
    graph["7"]["inputs"]["text"] = "%negative%"
    filled = workflow_of(graph, "it").filled({"prompt": "a fox", "negative": "fog"})
    assert filled["20"]["inputs"]["words"] == "best, a fox"
    assert filled["7"]["inputs"]["text"] == "fog"
    # Both in one text, and a prompt that holds the characters of a mark.
    graph["20"]["inputs"]["words"] = "%prompt%, without %negative%"
    filled = workflow_of(graph, "it").filled({"prompt": "a %negative% fox", "negative": "fog"})
    assert filled["20"]["inputs"]["words"] == "a %negative% fox, without fog"
    graph["20"]["inputs"]["words"] = "best"
    with pytest.raises(ModelError, match="write %prompt% where the prompt goes"):
        workflow_of(graph, "it")


def test_the_identity_of_a_workflow_ignores_what_requests_name_and_nothing_else(tmp_path):
    def identity(**changes):
        nodes = flux()
        for place, value in changes.items():
            node, name = place.split("_", 1)
            nodes[node.removeprefix("n")]["inputs"][name] = value
        path = tmp_path / "w.json"
        path.write_text(json.dumps(nodes))
        return opened(f"{model}#{path}").model.identity

    with serving(Comfy()) as model:
        first = identity()
        assert identity(n12_value="b", n13_value=6, n8_steps=9, n2_guidance=2.0, n10_width=64) == first
        # A request without a sampler is drawn with that of the workflow.
        changes = (
            {"n7_sampler_name": "dpmpp_2m"},
            {"n8_scheduler": "karras"},
            {"n3_clip_name1": "b"},
            {"n10_width": 3},
        )
        assert len({first, *(identity(**change) for change in changes)}) == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ('{"nodes": [], "links": []}', "is not a graph in ComfyUI's API format"),
        ("[]", "is not a graph in ComfyUI's API format"),
        ('{"1": {"class_type": "SaveImage", "inputs": {}}}', "starts from no samplers"),
    ],
)
def test_files_that_are_no_workflow(content, message, tmp_path):
    (tmp_path / "w.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        read_workflow(tmp_path / "w.json", {}.get)
    with pytest.raises(ModelError, match="cannot be read"):
        read_workflow(tmp_path / "missing.json", {}.get)


def test_backends_are_named_by_the_owner_alone(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="use open_generator"):
        soart.load_model("a1111:")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "soart.toml").write_text('model = "a1111:http://10.0.0.1"')
    with pytest.raises(SoartError, match="a project's file must not send requests"):
        read_settings({})
    assert read_settings({"SOART_MODEL": "comfyui:"}, [])["model"].value == "comfyui:"


def test_doctor_asks_a_configured_backend(model):
    [check] = [check for check in run_checks(model) if check.name == "backend"]
    assert (check.ok, check.found.partition(" at ")[0]) == (True, backend_address(model).name)
    [check] = [check for check in run_checks("a1111:127.0.0.1:1") if check.name == "backend"]
    assert (check.ok, check.optional) == (False, True)
    assert "does not answer" in check.advice
