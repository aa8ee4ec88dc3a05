"""Pictures drawn by a running ComfyUI and by workflows, against a server that speaks its interface; failures are injected."""

import io
import json
import socket
import sys
import threading

import numpy as np
import pytest
from PIL import Image
from specimens.backends import A1111, Comfy, only, opened, serving
from specimens.waiting import until

import soart
from soart.errors import LoraError, ModelError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.models.backends import comfyui as backend_comfyui
from soart.pipelines.models.backends.comfy_workflow import default_workflow, read_workflow, workflow_of
from soart.pipelines.models.backends.http import Events
from soart.pipelines.models.steps import StepReport


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


def text(**event):
    return 0x81, json.dumps(event).encode()


def told(name, sampler, value, **more):
    return {"type": "progress", "data": {"value": value, "max": 3, "prompt_id": name, "node": sampler, **more}}


def course_of_a_run(backend, name):
    """What ComfyUI pushes of a run, and of others; in every form of the protocol."""
    [sampler] = [key for key, node in backend.runs[name].items() if node["class_type"] == "KSampler"]
    [decoder] = [key for key, node in backend.runs[name].items() if node["class_type"] == "VAEDecode"]
    step = json.dumps(told(name, sampler, 2)).encode()
    yield text(type="status", data={"status": {"exec_info": {"queue_remaining": 1}}})
    yield text(**told(name, sampler, 1))
    # A preview, then a message in parts around a ping.
    yield 0x82, bytes(9999)
    yield 0x01, step[:9]
    yield 0x89, b"there?"
    yield 0x80, step[9:]
    for other in (
        told("another", sampler, 3),
        told(name, decoder, 3),
        told(name, sampler, "3"),
        told(name, sampler, 4),
        {"type": "progress"},
    ):
        yield text(**other)
    yield from [(0x81, b"no JSON"), (0x81, b"[3]"), text(pad="x" * 300, **told(name, sampler, 3))]
    yield text(type="executing", data={"node": None, "prompt_id": name})
    # The run ends when all of this was read.
    yield 0x89, b""


def test_the_steps_of_a_picture_are_told():
    backend, seen = Comfy(), []

    def frames(name):
        *course, last = course_of_a_run(backend, name)
        yield from course
        until(lambda: (3, 3) in seen)
        yield last

    backend.frames = frames
    report = StepReport(lambda step: seen.append((step.number, step.total)))
    with serving(backend) as name, opened(name) as generator:
        for _ in generator.draw([generator.request("a boat", seed) for seed in (1, 2)], report):
            assert list(dict.fromkeys(seen)) == [(0, 0), (1, 3), (2, 3), (3, 3)]
            assert generator.doing == ""
            seen.clear()
    assert backend.pongs == [b"there?", b""] * 2


def test_a_picture_is_ended_at_a_step():
    backend = Comfy()
    backend.frames = lambda name: course_of_a_run(backend, name)

    def stop(step):
        if step.number == 2:
            raise KeyboardInterrupt

    with serving(backend) as name, opened(name) as generator, pytest.raises(KeyboardInterrupt):
        list(generator.draw([generator.request("a boat", 1)], StepReport(stop)))
    assert ("POST", "/interrupt") in [request[:2] for request in backend.requests]


@pytest.mark.parametrize("frames", [[(0x81, b"{}"), (0x88, b"")], [(0x81, b'{"a": 1')], []])
def test_a_server_that_tells_no_steps_draws_all_the_same(frames):
    backend = Comfy()
    backend.frames = lambda name: frames
    with serving(backend) as name, opened(name) as generator:
        assert only(generator).pixels.shape == (24, 16, 3)


def test_without_websockets_it_draws_without_steps(monkeypatch, caplog):
    caplog.set_level("DEBUG", "soart")
    monkeypatch.setitem(sys.modules, "websockets.sync.client", None)
    backend = Comfy()
    with serving(backend) as name, opened(name) as generator:
        assert only(generator).pixels.shape == (24, 16, 3)
    assert "pip install 'soart[models]'" in caplog.text
    assert "/ws" not in [path for _, path, *_ in backend.requests]


def test_without_a_connection_for_steps_it_is_not_asked_again():
    backend = Comfy()
    with serving(backend) as name, opened(name) as generator:
        list(generator.draw([generator.request("a boat", seed) for seed in (1, 2)]))
    assert [path for _, path, *_ in backend.requests].count("/ws") == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: x\r\n\r\n",
        b"\x00" * 9,
        b"x" * 70_000,
        b"",
    ],
)
def test_a_handshake_with_something_else_is_an_error(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(OSError, match="The server does not"):
            Events(f"http://127.0.0.1:{server.getsockname()[1]}/ws")
        thread.join()
