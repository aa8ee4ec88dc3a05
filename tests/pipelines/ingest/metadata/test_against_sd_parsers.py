import io
import json

import pytest
from sd_parsers import Eagerness, ParserManager

from soart.pipelines.ingest.metadata import embedded_metadata

GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dream"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 8, "height": 8}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blur", "clip": ["4", 1]}},
}
LINKS = [
    [1, 4, 0, 3, 0, "MODEL"],
    [2, 6, 0, 3, 1, "CONDITIONING"],
    [3, 7, 0, 3, 2, "CONDITIONING"],
    [4, 5, 0, 3, 3, "LATENT"],
]
TEXTS = {
    "a1111": {"parameters": "a fox\nNegative prompt: blur\nSteps: 20, Sampler: euler, CFG scale: 7.0, Seed: 5, Size: 8x8, Model hash: ab, Model: dream"},
    "comfyui": {"prompt": json.dumps(GRAPH), "workflow": json.dumps({"links": LINKS})},
    "invokeai": {"invokeai_metadata": json.dumps({"positive_prompt": "a fox", "negative_prompt": "blur", "model": {"model_name": "dream"}, "seed": 5, "steps": 20, "cfg_scale": 7.0, "scheduler": "euler"})},
    "dream": {"Dream": '"a fox [blur]" -s 20 -S 5 -C 7.0 -A euler'},
    "novelai": {"Description": "a fox", "Software": "NovelAI", "Source": "dream", "Comment": json.dumps({"uc": "blur", "steps": 20, "seed": 5, "scale": 7.0, "sampler": "euler"})},
}  # fmt: skip


@pytest.mark.parametrize("tool", TEXTS)
def test_both_readers_agree(build, tool):
    """An independent reader finds the same in what both can read."""
    content = build.png(TEXTS[tool])
    ours, theirs = embedded_metadata(content), ParserManager(eagerness=Eagerness.DEFAULT).parse(io.BytesIO(content))
    assert (
        (ours.prompt, ours.negative) == (theirs.prompts[0].value, theirs.negative_prompts[0].value) == ("a fox", "blur")
    )
    sampler = theirs.samplers[0]
    values = {**theirs.metadata, **sampler.parameters}
    known = sampler.name, str(values["seed"]), str(values["steps"])
    assert (ours.sampler, str(ours.seed), str(ours.steps)) == known == ("euler", "5", "20")
    if tool in ("a1111", "comfyui", "invokeai"):
        assert [ours.model] == [model.name for model in theirs.models] == ["dream"]
