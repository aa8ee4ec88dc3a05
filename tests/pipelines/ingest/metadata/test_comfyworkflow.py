import copy
import json
import time

import pytest

from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.ingest.metadata.comfyui import read_graph
from soart.pipelines.support.comfyworkflow import graph_of_workflow


def node(name, kind, inputs=(), outputs=(), values=None, **more):
    return {
        "id": name,
        "type": kind,
        "mode": 0,
        "inputs": [{"name": n, "type": t, "link": link} for n, t, link in inputs],
        "outputs": [{"name": t, "type": t} for t in outputs],
        "widgets_values": values,
    } | more


SAMPLER = [
    ("model", "MODEL", 1),
    ("positive", "CONDITIONING", 2),
    ("negative", "CONDITIONING", 3),
    ("latent_image", "LATENT", 4),
]
WORKFLOW = {
    "nodes": [
        node(4, "CheckpointLoaderSimple", (), ("MODEL", "CLIP", "VAE"), ["dream.safetensors"]),
        node(5, "EmptyLatentImage", (), ("LATENT",), [512, 768, 1]),
        node(6, "CLIPTextEncode", [("clip", "CLIP", 5)], ("CONDITIONING",), ["a fox"]),
        node(7, "CLIPTextEncode", [("clip", "CLIP", 6)], ("CONDITIONING",), ["blur"]),
        node(3, "KSampler", SAMPLER, ("LATENT",), [77, "randomize", 20, 8, "euler", "normal", 1]),
        node(8, "VAEDecode", [("samples", "LATENT", 7), ("vae", "VAE", 8)], ("IMAGE",)),
        node(9, "SaveImage", [("images", "IMAGE", 9)], (), ["x"]),
    ],
    "links": [
        [1, 4, 0, 3, 0, "MODEL"],
        [2, 6, 0, 3, 1, "CONDITIONING"],
        [3, 7, 0, 3, 2, "CONDITIONING"],
        [4, 5, 0, 3, 3, "LATENT"],
        [5, 4, 1, 6, 0, "CLIP"],
        [6, 4, 1, 7, 0, "CLIP"],
        [7, 3, 0, 8, 0, "LATENT"],
        [8, 4, 2, 8, 1, "VAE"],
        [9, 8, 0, 9, 0, "IMAGE"],
    ],
}


def read(workflow):
    return read_graph(graph_of_workflow(json.loads(json.dumps(workflow))), "x")


def changed(nodes=(), links=(), **modes):
    workflow = copy.deepcopy(WORKFLOW)
    kept = {item["id"]: item for item in [*workflow["nodes"], *nodes]}
    for name, mode in modes.items():
        kept[int(name[1:])]["mode"] = mode
    workflow["nodes"] = list(kept.values())
    workflow["links"] = list({link[0]: link for link in [*workflow["links"], *links]}.values())
    return workflow


def test_the_workflow_alone(build):
    found = embedded_metadata(build.png({"workflow": json.dumps(WORKFLOW)}))
    assert (found.tool, found.prompt, found.negative, found.model) == ("ComfyUI", "a fox", "blur", "dream.safetensors")
    assert (found.sampler, found.scheduler, found.seed, found.steps, found.guidance) == ("euler", "normal", 77, 20, 8.0)
    assert (found.settings, found.source) == ({"size": "512x768"}, "png:workflow")


def test_bypassed_and_muted_nodes():
    lora = node(20, "LoraLoader", [("model", "MODEL", 20), ("clip", "CLIP", 22)], ("MODEL", "CLIP"), ["ink", 0.5, 1])
    links = [[20, 4, 0, 20, 0, "MODEL"], [1, 20, 0, 3, 0, "MODEL"], [22, 4, 1, 20, 1, "CLIP"], [5, 20, 1, 6, 0, "CLIP"]]
    assert read(changed([lora], links)).settings["loras"] == "ink:0.5"
    found = read(changed([lora], links, n20=4))
    assert (found.model, found.prompt, "loras" in found.settings) == ("dream.safetensors", "a fox", False)
    found = read(changed([lora], links, n20=2))
    assert (found.model, found.prompt, found.negative) == (None, "a fox", "blur")
    assert read(changed(n6=2)).prompt is None


def test_a_muted_second_picture_does_not_count():
    more = [
        node(
            20,
            "KSampler",
            [(n, t, 20 + i) for i, (n, t, _) in enumerate(SAMPLER)],
            ("LATENT",),
            [1, "fixed", 9, 5, "ddim", "normal", 1],
        ),
        node(21, "VAEDecode", [("samples", "LATENT", 24)], ("IMAGE",)),
        node(22, "SaveImage", [("images", "IMAGE", 25)], (), ["y"]),
    ]
    links = [
        [20, 4, 0, 20, 0, "M"],
        [21, 6, 0, 20, 1, "C"],
        [22, 7, 0, 20, 2, "C"],
        [23, 5, 0, 20, 3, "L"],
        [24, 20, 0, 21, 0, "L"],
        [25, 21, 0, 22, 0, "I"],
    ]
    assert read(changed(more, links)).steps is None
    assert read(changed(more, links, n22=2, n21=2, n20=2)).steps == 20


def test_named_wires_and_primitives():
    more = [
        node(20, "PrimitiveNode", (), ("STRING",), ["an owl"]),
        node(21, "SetNode", [("STRING", "STRING", 20)], ("STRING",), ["wire"]),
        node(22, "GetNode", (), ("STRING",), ["wire"]),
        node(6, "CLIPTextEncode", [("clip", "CLIP", 5), ("text", "STRING", 21)], ("CONDITIONING",), ["stale"]),
    ]
    more[-1]["inputs"][1]["widget"] = {"name": "text"}
    links = [[20, 20, 0, 21, 0, "STRING"], [21, 22, 0, 6, 1, "STRING"]]
    assert read(changed(more, links)).prompt == "an owl"


def test_widgets_named_by_the_editor():
    widgets = [
        {"name": n, "type": "X", "link": None, "widget": {"name": n}}
        for n in ("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise")
    ]
    own = node(3, "MySampler", SAMPLER, ("LATENT",), [5, "fixed", 12, 3.5, "lcm", "simple", 0.9])
    own["inputs"] += widgets
    found = read(changed([own]))
    assert (found.seed, found.steps, found.guidance, found.sampler, found.settings["denoise"]) == (
        5,
        12,
        3.5,
        "lcm",
        "0.9",
    )
    own["widgets_values"].append("one more than there are names")
    found = read(changed([own]))
    assert (found.prompt, found.seed, found.steps) == (None, None, None)


SUB = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def subgraph(promoted):
    """The two encoders in a subgraph with the texts as inputs."""
    encoder = [("clip", "CLIP", 1), ("text", "STRING", 2)]
    inner = {
        "id": SUB,
        "inputs": [{"name": "clip", "type": "CLIP"}, {"name": "text", "type": "STRING"}],
        "outputs": [{"name": "CONDITIONING", "type": "CONDITIONING"}, {"name": "negative", "type": "CONDITIONING"}],
        "nodes": [
            node(1, "CLIPTextEncode", encoder, ("CONDITIONING",), ["inside"]),
            node(2, "CLIPTextEncode", [("clip", "CLIP", 3)], ("CONDITIONING",), ["blur"]),
        ],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0, "type": "CLIP"},
            {"id": 2, "origin_id": -10, "origin_slot": 1, "target_id": 1, "target_slot": 1, "type": "STRING"},
            {"id": 3, "origin_id": -10, "origin_slot": 0, "target_id": 2, "target_slot": 0, "type": "CLIP"},
            {"id": 4, "origin_id": 1, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "CONDITIONING"},
            {"id": 5, "origin_id": 2, "origin_slot": 0, "target_id": -20, "target_slot": 1, "type": "CONDITIONING"},
        ],
    }
    inner["nodes"][0]["inputs"][1]["widget"] = {"name": "text"}
    instance = node(
        20, SUB, [("clip", "CLIP", 5), ("text", "STRING", None)], ("CONDITIONING", "CONDITIONING"), promoted
    )
    instance["inputs"][1]["widget"] = {"name": "text"}
    workflow = changed([instance], [[5, 4, 1, 20, 0, "CLIP"], [2, 20, 0, 3, 1, "C"], [3, 20, 1, 3, 2, "C"]])
    workflow["definitions"] = {"subgraphs": [inner]}
    return workflow


@pytest.mark.parametrize(("promoted", "prompt"), [([], "inside"), (["outside"], "outside")])
def test_subgraphs(promoted, prompt):
    found = read(subgraph(promoted))
    assert (found.prompt, found.negative, found.steps) == (prompt, "blur", 20)


def test_subgraphs_are_fed_from_outside():
    workflow = subgraph([])
    text = node(21, "PrimitiveStringMultiline", (), ("STRING",), ["from outside"])
    workflow["nodes"].append(text)
    workflow["nodes"][-2]["inputs"][1]["link"] = 30
    workflow["links"].append([30, 21, 0, 20, 1, "STRING"])
    assert read(workflow).prompt == "from outside"


def test_names_are_those_of_the_api_format():
    assert {"20:1", "20:2", "3"} <= graph_of_workflow(subgraph([])).nodes.keys()


def test_subgraphs_within_themselves_end(build):
    workflow = subgraph([])
    inner = workflow["definitions"]["subgraphs"][0]
    inner["nodes"] += [node(name, SUB, [("clip", "CLIP", 1)], ("CONDITIONING",), []) for name in range(10, 20)]
    inner["links"][3]["origin_id"] = 10
    start = time.process_time()
    assert embedded_metadata(build.png({"workflow": json.dumps(workflow)})) is None
    assert time.process_time() - start < 10
