"""Pictures drawn by any running backend, against servers that speak their interfaces; failures are injected."""

import base64
import socket

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens.backends import A1111, Comfy, only, opened, serving

import soart
from soart.errors import ModelError, SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.configuration import read_settings
from soart.pipelines.doctor import run_checks
from soart.pipelines.generate import generate, plan
from soart.pipelines.models.backends import comfyui as backend_comfyui
from soart.pipelines.models.backends.address import backend_address
from soart.pipelines.models.backends.http import BackendClient

#: Keys of answers, and the paths that may answer anything.
NAMES = (
    "title", "filename", "images", "info", "prompt_id", "run-0", "outputs", "9", "status", "messages", "errors",
    "node_errors", "input", "error", "sd_model_checkpoint",
)  # fmt: skip
PATHS = {
    A1111: ("/sdapi/v1/options", "/sdapi/v1/sd-models", "/sdapi/v1/txt2img"),
    Comfy: ("/system_stats", "/object_info/CheckpointLoaderSimple", "/experiment/models/checkpoints", "/prompt", "/history/run-0", "/queue", "/view"),
}  # fmt: skip


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
    assert "device and batch_size has no effect" in caplog.text
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


def test_a_refusal_without_a_reason_names_the_backend_once(backend, model):
    path = {"a1111": "/sdapi/v1/txt2img", "comfyui": "/prompt"}[backend.kind]
    with opened(model) as generator:
        backend.failures[path] = (502, b"<html>")
        with pytest.raises(ModelError) as caught:
            only(generator)
    assert str(caught.value).count(backend_address(model).title) == 1
    assert "failed: it refuses a request (502)" in str(caught.value)


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
