"""More fields of a web UI's requests, how far a picture is, and interrupts, on a stand-in of its server."""

import json
import threading

import pytest
from specimens.backends import A1111, Comfy, serving

from soart.errors import ModelError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.generate import generate
from soart.pipelines.models.backends import generator as module
from soart.pipelines.models.backends.a1111 import request_fields
from soart.pipelines.models.opening import open_generator
from soart.pipelines.models.options import GeneratorOptions


@pytest.fixture
def backend():
    return A1111()


@pytest.fixture
def model(backend):
    with serving(backend) as name:
        yield name


def sent(backend):
    return [body for method, path, body, _ in backend.requests if path == "/sdapi/v1/txt2img"]


def paths(backend):
    return [path for _, path, _, _ in backend.requests]


def test_more_fields_are_sent_and_make_other_pictures(backend, model):
    fields = {
        "enable_hr": True,
        "hr_scale": 1.5,
        "styles": ["ink"],
        "alwayson_scripts": {"adetailer": {"args": [True]}},
    }
    plain, more = open_generator(model), open_generator(GeneratorOptions(model, request=fields))
    next(more.draw([more.request("a fox", 3)]))
    [payload] = sent(backend)
    assert {name: payload[name] for name in fields} == fields
    assert (payload["prompt"], payload["seed"]) == ("a fox", 3)
    other = open_generator(model, request=fields | {"hr_scale": 2})
    assert len({one.model.identity for one in (plain, more, other)}) == 3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 3}, "The field 'steps' of a request is set by soart itself: use --steps"),
        ({"override_settings": {}}, "name the checkpoint in the address"),
        (
            {"script_name": "x/y/z plot"},
            "'script_name' of a request would make something else than the picture asked for",
        ),
        ({"infotext": "Steps: 3"}, "use soart's own options"),
        ({"disable_extra_networks": True}, "leave the LoRA out of the prompt"),
        ({"enable_hires": True}, "knows no field 'enable_hires' of a request: did you mean enable_hr"),
        ({"qqq": 1}, r"knows no field 'qqq' of a request\."),
        ({"hr_scale": float("nan")}, "'hr_scale' of a request cannot be sent: .* got nan"),
        ({"enable_hr": object}, "'enable_hr' of a request cannot be sent"),
        ({1: 2}, "The field 1 of a request cannot be sent"),
    ],
)
def test_fields_that_cannot_be_are_refused(backend, model, fields, message):
    backend.fields = ["prompt", "enable_hr", "hr_scale"]
    with pytest.raises(ModelError, match=message):
        open_generator(GeneratorOptions(model, request=fields))
    assert not sent(backend)


def test_a_web_ui_without_a_description_takes_any_field(model):
    open_generator(model, request={"anything": 1})
    with pytest.raises(ModelError, match="fields of a request as a mapping"):
        open_generator(model, request=["anything"])


def test_other_models_take_no_request(tmp_path):
    with serving(Comfy()) as comfy:
        for other in (comfy, None):
            with pytest.raises(ModelError, match="request names fields of a web UI's request"):
                open_generator(GeneratorOptions(other, request={"enable_hr": True}))


def test_fields_come_from_texts_and_files(tmp_path):
    path = tmp_path / "hires.json"
    path.write_text(json.dumps({"enable_hr": True, "hr_scale": 2}))
    texts = [str(path), "hr_scale=1.5", "hr_upscaler=Latent", 'styles=["ink"]']
    assert request_fields(texts) == {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "styles": ["ink"]}
    path.write_text("[]")
    for wrong, message in {
        "hires": "Expected FIELD=VALUE or the name of a .json file",
        str(path): "Expected one JSON object",
        str(tmp_path / "none.json"): "cannot be read",
    }.items():
        with pytest.raises(ModelError, match=message):
            request_fields([wrong])


def test_a_picture_tells_how_far_it_is(backend, model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ASK_SECONDS", 0.02)
    backend.steps = 5
    seen, counts = [], []
    with open_generator(model) as generator, Collection(tmp_path / "c") as collection:

        def progress(count):
            counts.append(count)
            seen.append(generator.doing)

        generate(collection, generator, [generator.request("a fox", 1)], progress=progress)
        assert generator.doing == ""
    assert sum(counts) == 1
    steps = [text for text in seen if text]
    assert set(steps) <= {f"step {number} of 5" for number in range(6)}
    assert len(set(steps)) >= 2
    assert backend.interrupted == 0


@pytest.mark.parametrize("kind", [A1111, Comfy])
def test_whoever_gives_up_ends_the_picture_there_too(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ASK_SECONDS", 0.02)
    backend = kind()
    backend.steps = 50

    class CancelledError(Exception):
        pass

    def cancel(count):
        # The first call counts what is there already.
        if sent(backend) or "/prompt" in paths(backend):
            raise CancelledError

    with (
        serving(backend) as name,
        open_generator(name) as generator,
        Collection(tmp_path / "c") as collection,
        pytest.raises(CancelledError),
    ):
        generate(collection, generator, [generator.request("a fox", 1)], progress=cancel)
    assert len([path for path in paths(backend) if path.endswith("/interrupt")]) == 1


def test_a_picture_that_somebody_interrupts_there_is_not_stored(backend, model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ASK_SECONDS", 0.02)
    backend.steps = 50
    with open_generator(model) as generator, Collection(tmp_path / "c") as collection:

        def progress(count):
            if sent(backend):
                backend.interrupted = 1

        requests = [generator.request("a fox", 1)]
        with pytest.raises(ModelError, match="interrupted there, so the picture is not stored"):
            generate(collection, generator, requests, progress=progress)
        assert not list(collection.images())
        backend.steps = 0
        assert generate(collection, generator, requests).drawn == 1


def test_a_failure_is_told_and_interrupts_nothing(backend, model, monkeypatch):
    monkeypatch.setattr(module, "ASK_SECONDS", 0.02)
    backend.failures["/sdapi/v1/txt2img"] = (500, {"error": "OutOfMemoryError"})
    generator = open_generator(model)
    with pytest.raises(ModelError, match="does not have enough memory"):
        next(generator.draw([generator.request("a fox", 1)]))
    assert backend.interrupted == 0
    assert generator.doing == ""


def test_progress_that_is_not_told_does_no_harm(backend, model, monkeypatch):
    monkeypatch.setattr(module, "ASK_SECONDS", 0.02)
    backend.steps = 2
    for failure in ((404, {}), (200, {"state": {"sampling_step": "x", "sampling_steps": None}}), (200, [])):
        backend.failures["/sdapi/v1/progress"] = failure
        generator = open_generator(model)
        [[picture]] = generator.draw([generator.request("a fox", 1)])
        assert picture.pixels.shape == (512, 512, 3)
    assert threading.active_count() < 50
