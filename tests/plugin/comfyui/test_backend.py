"""Pictures drawn with a real ComfyUI over its own interface, where COMFYUI_DIR names a checkout."""

import json

import numpy as np
import pytest

from soart.errors import ModelError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.generate import generate, plan
from soart.pipelines.models.backends.comfy_workflow import default_workflow
from soart.pipelines.models.opening import open_generator


@pytest.fixture
def named(comfyui_checkout, request, tmp_path):
    """The name of a workflow on the real server, as a model."""
    server = request.getfixturevalue("_real")

    def name(nodes):
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps(nodes))
        return f"comfyui:{server.address}#{path}"

    return name


def with_small_model():
    """The default graph with the small model of the test nodes in place of a checkpoint."""
    nodes = dict(default_workflow("none.safetensors").nodes)
    nodes["4"] = {"class_type": "TestModel", "inputs": {}}
    nodes["5"]["inputs"] |= {"width": 64, "height": 128}
    nodes["3"]["inputs"]["steps"] = 3
    return nodes


def test_the_sampler_of_a_real_comfyui_draws_what_is_asked_for(named, tmp_path, request):
    model = named(with_small_model())
    with Collection(tmp_path / "c") as collection, open_generator(model) as generator:
        requests = plan("a {boat|castle}", 3, generator)
        assert {(request.steps, request.width, request.height) for request in requests} == {(3, 64, 128)}
        made = generate(collection, generator, requests)
        assert (made.drawn, made.rows[0].width, made.rows[0].height) == (3, 64, 128)
        first, again, other, _ = (
            next(generator.draw([generator.request("a boat", seed, scheduler=sampler)]))[0].pixels
            for seed, sampler in ((1, None), (1, None), (2, None), (1, "dpmpp_2m karras"))
        )
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        # The pictures of an untrained model are saturated, so that another sampler shows in the run alone.
        *_, run = request.getfixturevalue("_real").json("/history").values()
        assert [run["prompt"][2]["3"]["inputs"][name] for name in ("sampler_name", "scheduler")] == [
            "dpmpp_2m",
            "karras",
        ]
    with open_generator(model) as generator, Collection(tmp_path / "c") as collection:
        assert generate(collection, generator, requests).reused == 3
        with pytest.raises(ModelError, match="Expected a sampler and a scheduler of ComfyUI at"):
            generator.request("a boat", 1, scheduler="nowhere normal")


def test_a_node_that_draws_by_itself_is_a_workflow_too(named):
    """Soart's own node draws with the embedded model."""
    drawing = {"prompt": "x", "negative": "", "model": "embedded", "count": 1, "seed": 0, "prompt_seed": 0, "steps": 0,
               "guidance": -1.0, "width": 0, "height": 0}  # fmt: skip
    nodes = {
        "1": {"class_type": "SoartGenerate", "inputs": drawing},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "backend"}},
    }
    with open_generator(named(nodes)) as generator:
        [[picture]] = generator.draw([generator.request("a boat in cool colors", 3, steps=2)])
        assert picture.pixels.shape == (64, 64, 3)
        assert picture.pixels.std() > 5
        # Its own words for what it cannot do arrive.
        with pytest.raises(ModelError, match=r"failed: its node SoartGenerate says: .*LoRA"):
            next(generator.draw([generator.request("a boat <lora:ink:1>", 3, steps=2)]))


def test_mistakes_of_a_graph_are_one_sentence(named):
    nodes = with_small_model()
    nodes["8"]["inputs"]["vae"] = ["4", 1]
    with (
        open_generator(named(nodes)) as generator,
        pytest.raises(ModelError, match="its node VAEDecode refuses the graph: Return type mismatch"),
    ):
        next(generator.draw([generator.request("a boat", 1)]))
    with pytest.raises(ModelError, match="has no checkpoint: put one into"):
        open_generator(named(nodes).partition("#")[0])
    with (
        open_generator(
            named({**with_small_model(), "9": nodes["9"], "4": {"class_type": "Nowhere", "inputs": {}}})
        ) as generator,
        pytest.raises(ModelError, match="Nowhere"),
    ):
        next(generator.draw([generator.request("a boat", 1)]))
