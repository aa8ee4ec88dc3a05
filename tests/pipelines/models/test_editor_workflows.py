"""Workflows that the editor of ComfyUI has saved, drawn by a stand-in of its server."""

import json

import pytest
from specimens.backends import Comfy, serving

from soart.errors import ModelError
from soart.pipelines.models.at_hand import settable_values
from soart.pipelines.models.backends.comfy_workflow import default_workflow, widget_names
from soart.pipelines.models.opening import open_generator

NUMBER, WHOLE, TEXT = ["FLOAT", {}], ["INT", {}], ["STRING", {"multiline": True}]
#: As ``/object_info`` of ComfyUI 0.3.64 tells them, in order.
INPUTS = {
    "CheckpointLoaderSimple": {"ckpt_name": [["dreamy.safetensors"], {}]},
    "LoraLoader": {
        "model": ["MODEL"], "clip": ["CLIP"], "lora_name": [["ink.safetensors", "wash.safetensors"], {}],
        "strength_model": NUMBER, "strength_clip": NUMBER,
    },
    "CLIPTextEncode": {"text": TEXT, "clip": ["CLIP"]},
    "EmptyLatentImage": {"width": WHOLE, "height": WHOLE, "batch_size": WHOLE},
    "KSampler": {
        "model": ["MODEL"], "seed": ["INT", {"control_after_generate": True}], "steps": WHOLE, "cfg": NUMBER,
        "sampler_name": [["euler", "dpmpp_2m"]], "scheduler": ["COMBO", {"options": ["normal", "karras"]}],
        "positive": ["CONDITIONING"], "negative": ["CONDITIONING"], "latent_image": ["LATENT"], "denoise": NUMBER,
    },
    "VAEDecode": {"samples": ["LATENT"], "vae": ["VAE"]},
    "PreviewImage": {"images": ["IMAGE"]},
}  # fmt: skip
OUTPUTS = {
    "CheckpointLoaderSimple": ["MODEL", "CLIP", "VAE"], "LoraLoader": ["MODEL", "CLIP"], "CLIPTextEncode": ["CONDITIONING"],
    "EmptyLatentImage": ["LATENT"], "KSampler": ["LATENT"], "VAEDecode": ["IMAGE"], "PreviewImage": [], "Reroute": ["*"], "PrimitiveNode": ["FLOAT"],
}  # fmt: skip


class Editor:
    """A workflow as the editor saves it, built node by node."""

    def __init__(self):
        self.nodes, self.links = [], []

    def add(self, number, kind, values=(), /, **links):
        """Add a node; links are the number of a node and its output. Widgets are linked by name too."""
        sockets = [name for name, (type_, *_) in INPUTS.get(kind, {}).items() if str(type_) in OUTPUT_TYPES]
        inputs = [{"name": name, "type": INPUTS[kind][name][0], "link": None} for name in sockets]
        for name, (source, slot) in links.items():
            link = len(self.links) + 1
            self.links.append([link, source, slot, number, 0, "*"])
            place = next((one for one in inputs if one["name"] == name), None)
            if place is None:
                place = {"name": name, "type": "*", "link": None, "widget": {"name": name}}
                inputs.append(place)
            place["link"] = link
        outputs = [{"name": kind, "type": kind} for kind in OUTPUTS.get(kind, [])]
        node = {
            "id": number,
            "type": kind,
            "mode": 0,
            "inputs": inputs,
            "outputs": outputs,
            "widgets_values": list(values),
        }
        self.nodes.append(node)
        return node

    def saved(self, path):
        path.write_text(json.dumps({"version": 0.4, "nodes": self.nodes, "links": self.links}))
        return path


OUTPUT_TYPES = {kind for kinds in OUTPUTS.values() for kind in kinds}


def usual():
    editor = Editor()
    editor.add(4, "CheckpointLoaderSimple", ["dreamy.safetensors"])
    editor.add(10, "LoraLoader", ["ink.safetensors", 0.8, 1.0], model=(4, 0), clip=(4, 1))["title"] = "Load LoRA"
    editor.add(11, "Reroute", [], clip=(10, 1))
    editor.add(6, "CLIPTextEncode", ["%prompt%, in %medium%"], clip=(11, 0))
    editor.add(7, "CLIPTextEncode", ["blur"], clip=(11, 0))
    editor.add(5, "EmptyLatentImage", [64, 48, 1])
    editor.add(
        3, "KSampler", [77, "randomize", 20, 8.0, "euler", "normal", 1.0],
        model=(10, 0), positive=(6, 0), negative=(7, 0), latent_image=(5, 0),
    )  # fmt: skip
    editor.add(8, "VAEDecode", [], samples=(3, 0), vae=(4, 2))
    editor.add(9, "PreviewImage", [], images=(8, 0))
    editor.nodes.append({"id": 20, "type": "MarkdownNote", "mode": 0, "widgets_values": ["read me"]})
    return editor


@pytest.fixture
def backend():
    found = Comfy()
    found.inputs = INPUTS
    return found


def drawn(backend, path, prompt="a fox", **settings):
    """The graph that ComfyUI is sent for a prompt."""
    with serving(backend) as name, open_generator(f"{name}#{path}") as generator:
        next(generator.draw([generator.request(prompt, 5, **settings)]))
    return backend.runs["run-0"]


def test_the_editors_format_runs_as_the_exported_one(backend, tmp_path):
    graph = drawn(
        backend, usual().saved(tmp_path / "w.json"), "a fox <set:medium:ink> <set:Load LoRA.strength_model:0.4>"
    )
    expected = default_workflow("dreamy.safetensors").nodes
    assert {number: node["class_type"] for number, node in graph.items()} == {
        number: node["class_type"] for number, node in expected.items()
    } | {"10": "LoraLoader"}
    assert graph["3"]["inputs"] == {
        "seed": 5, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0, "model": ["10", 0],
        "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
    }  # fmt: skip
    # The reroute is part of the editor alone.
    assert graph["6"]["inputs"] == {"text": "a fox, in ink", "clip": ["10", 1]}
    assert graph["10"]["inputs"]["strength_model"] == 0.4
    assert graph["5"]["inputs"] == {"width": 64, "height": 48, "batch_size": 1}


def test_values_from_elsewhere_and_nodes_that_are_switched_off(backend, tmp_path):
    editor = usual()
    # A widget that a primitive feeds, and a LoRA that is bypassed.
    editor.add(30, "PrimitiveNode", [0.5, "fixed"])
    sampler = next(node for node in editor.nodes if node["id"] == 3)
    editor.links.append([99, 30, 0, 3, 9, "FLOAT"])
    sampler["inputs"].append({"name": "denoise", "type": "FLOAT", "link": 99, "widget": {"name": "denoise"}})
    next(node for node in editor.nodes if node["id"] == 10)["mode"] = 4
    graph = drawn(backend, editor.saved(tmp_path / "w.json"))
    assert "10" not in graph
    assert (graph["3"]["inputs"]["model"], graph["6"]["inputs"]["clip"]) == (["4", 0], ["4", 1])
    assert graph["3"]["inputs"]["denoise"] == 0.5


def test_what_can_be_searched_is_listed_by_name(backend, tmp_path):
    path = usual().saved(tmp_path / "w.json")
    with serving(backend) as name:
        values = settable_values(f"{name}#{path}")
        assert values == {
            "CheckpointLoaderSimple.ckpt_name": "dreamy.safetensors", "Load LoRA.lora_name": "ink.safetensors",
            "Load LoRA.strength_model": 0.8, "Load LoRA.strength_clip": 1.0, "EmptyLatentImage.batch_size": 1, "KSampler.denoise": 1.0,
            "%medium%": "%prompt%, in %medium%",
        }  # fmt: skip
        # Every name that is listed can be set.
        with open_generator(f"{name}#{path}") as generator:
            for listed, value in values.items():
                generator.request(f"a fox <set:{listed.strip('%')}:{value if listed[0] != '%' else 'ink'}>", 1)
    for model in ("embedded", f"{name}#dreamy.safetensors"):
        with pytest.raises(ModelError, match="name a workflow of ComfyUI"):
            settable_values(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.add(40, "GetMyThing"), "ComfyUI has no node 'GetMyThing', which the workflow .* needs: install it there"),
        (lambda e: e.nodes[6].update(widgets_values=[1, 2]), r"The value of 'cfg' of the node KSampler \(3\) .* Export \(API\)"),
        (lambda e: e.nodes[7]["inputs"][0].update(link=None), r"The value of 'samples' of the node VAEDecode \(8\)"),
    ],
)  # fmt: skip
def test_a_workflow_that_cannot_be_followed_is_refused_in_a_sentence(backend, tmp_path, change, message):
    editor = usual()
    change(editor)
    with serving(backend) as name, pytest.raises(ModelError, match=message):
        open_generator(f"{name}#{editor.saved(tmp_path / 'w.json')}")


def test_names_of_widgets_are_those_of_the_editor():
    facts = {
        "input": {
            "required": {
                "image": [["a.png"], {"image_upload": True}], "model": ["MODEL"], "count": ["INT", {"control_after_generate": True}],
                "text": ["STRING", {"forceInput": True}], "seed": ["INT", {"control_after_generate": True}],
            },
            "optional": {"on": ["BOOLEAN", {}], "odd": None},
        }
    }  # fmt: skip
    assert widget_names(facts) == ["image", "", "count", "", "seed", "on"]
    assert widget_names({}) == []
