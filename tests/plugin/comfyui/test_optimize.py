"""The node Optimize: on the stand-in always, and on the real server where COMFYUI_DIR names a checkout."""

import re

import numpy as np
import pytest
import torch

OPTIMIZE = {
    "prompt": "a boat in cool colors", "negative": "", "by": "technical", "seconds": 600.0, "pictures": 8, "seed": 3, "model": "embedded",
    "steps": 2, "guidance": -1.0, "width": 0, "height": 0,
}  # fmt: skip


def values_of(text):
    found = re.search(r": ([-\d.]+) for the best of the first seeds, ([-\d.]+) now\.", text)
    return tuple(map(float, found.groups()))


def test_a_picture_is_optimized_beside_its_start(host, graph):
    node = graph.add("SoartOptimize", **OPTIMIZE)
    text = graph.add("TestSink", value=node.out(2))
    sizes = [graph.add("TestSink", value=node.out(number)) for number in (0, 1)]
    ran = host.run(graph)
    assert ran.ok, ran.error
    said = " ".join(ran.outputs[text.id]["text"])
    before, now = values_of(said)
    assert now >= before
    assert "The judge 'appeal', not optimized: " in said
    assert "A general score does not know what you like" in said
    assert [" ".join(ran.outputs[one.id]["text"]) for one in sizes] == ["[1, 128, 128, 3]"] * 2
    assert len(ran.outputs[node.id]["images"]) == 2


def test_gradients_are_found_in_the_inference_mode_of_the_host(comfy, graph):
    # Another node has loaded the model and the judge in that mode.
    drawn = graph.add("SoartGenerate", prompt="a boat", negative="", model="embedded", count=1, seed=3, prompt_seed=1, steps=2,
                      guidance=-1.0, width=0, height=0)  # fmt: skip
    scored = graph.add("SoartScore", images=drawn.out(), by="overall")
    node = graph.add("SoartOptimize", **OPTIMIZE | {"by": "overall", "pictures": 6})
    with torch.inference_mode():
        ran = comfy.run(graph)
    assert ran.ok, ran.error
    assert scored.id in ran.outputs
    said = " ".join(ran.outputs[node.id]["text"])
    assert "tried instead" not in said
    before, now = values_of(said)
    assert now >= before


def test_a_linked_model_draws_more_seeds(comfy, graph):
    loaded = graph.add("TestModel")
    parts = {"comfy_model": loaded.out(), "clip": loaded.out(1), "vae": loaded.out(2), "scheduler": "dpmpp_2m karras"}
    node = graph.add("SoartOptimize", **OPTIMIZE | {"width": 96, "height": 64, "pictures": 24, "seed": 5}, **parts)
    ran = comfy.run(graph)
    assert ran.ok, ran.error
    said = " ".join(ran.outputs[node.id]["text"])
    assert "A model of a host gives no derivative. Other seeds are tried instead." in said
    before, now = values_of(said)
    assert now > before
    start, found = (comfy.image(entry).astype(float) for entry in ran.outputs[node.id]["images"])
    assert found.shape == (64, 96, 3)
    assert not np.array_equal(start, found)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"model": "gone"}, "gone"),
        ({"by": "nothing"}, "nothing"),
        ({"checkpoint": "gone.safetensors"}, "There is no checkpoint 'gone.safetensors'"),
    ],
)
def test_mistakes_end_the_run_with_a_sentence(comfy, graph, more, said):
    node = graph.add("SoartOptimize", **OPTIMIZE | more)
    ran = comfy.run(graph)
    assert not ran.ok
    assert said in ran.error
    assert node.id not in ran.outputs


def test_a_linked_picture_is_drawn_on(comfy, graph):
    drawn = graph.add("SoartGenerate", prompt="a boat", negative="", model="embedded", count=1, seed=3, prompt_seed=1, steps=4,
                      guidance=-1.0, width=0, height=0)  # fmt: skip
    node = graph.add("SoartOptimize", **OPTIMIZE | {"steps": 4}, like=drawn.out(), strength=0.5)
    shown = graph.add("TestSink", value=node.out(2))
    ran = comfy.run(graph)
    assert ran.ok, ran.error
    assert "for the picture that was drawn on" in " ".join(ran.outputs[shown.id]["text"])
