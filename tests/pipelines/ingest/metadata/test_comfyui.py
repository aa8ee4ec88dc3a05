"""Graphs of ComfyUI: which prompts, settings and LoRAs a picture was made with."""

import json

import pytest

from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.ingest.metadata.comfyui import read_graph
from soart.pipelines.support.comfygraph import Graph


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def base(**more):
    """Checkpoint, two encoders, sampler, decoder, file: the graph everybody starts from."""
    nodes = {
        "3": node(
            "KSampler",
            seed=2**63 + 5,
            steps=20,
            cfg=8,
            sampler_name="euler",
            scheduler="normal",
            denoise=1,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name="dream.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text="a fox", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blur", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="x", images=["8", 0]),
    }
    return nodes | more


def read(nodes):
    return read_graph(Graph.of_prompt(nodes), "x")


def change(nodes, name, **inputs):
    nodes[name]["inputs"].update(inputs)
    return nodes


def test_the_graph_everybody_starts_from(build):
    text = json.dumps(base())
    webp = build.tiff({0x0110: (2, b"prompt:" + text.encode() + b"\0"), 0x010F: (2, b'workflow:{"nodes": []}\0')})
    pictures = [
        (build.png({"prompt": text, "workflow": '{"nodes": []}'}), "png:prompt"),
        (build.saved("WEBP", webp), "exif:Model"),
        (build.saved("JPEG", build.tiff({0x010E: (2, b"Prompt: " + text.encode() + b"\0")})), "exif:ImageDescription"),
        (
            build.saved("JPEG", build.tiff({}, ">", b"UNICODE\0" + json.dumps({"prompt": base()}).encode("utf-16-be"))),
            "exif:UserComment",
        ),
    ]
    for content, source in pictures:
        found = embedded_metadata(content)
        assert (found.tool, found.prompt, found.negative, found.model) == (
            "ComfyUI",
            "a fox",
            "blur",
            "dream.safetensors",
        )
        assert (found.sampler, found.scheduler, found.seed, found.steps, found.guidance) == (
            "euler",
            "normal",
            2**63 + 5,
            20,
            8.0,
        )
        assert found.settings == {"size": "512x768"}
        assert found.source == source


def test_nan_in_the_graph(build):
    text = json.dumps(base() | {"99": node("X", is_changed=float("nan"))})
    assert embedded_metadata(build.png({"prompt": text.replace('"cfg": 8', '"cfg": NaN')})).guidance is None


TEXTS = {
    "primitive": {"20": node("PrimitiveStringMultiline", value="a fox")},
    "reroute": {"20": node("Reroute", **{"": ["21", 0]}), "21": node("Text Multiline", text="a fox")},
    "custom": {"20": node("CR Prompt Text", prompt="a fox")},
    "flagged": {"20": node("StringConstantMultiline", string="a fox", strip_newlines=True)},
    "shown": {"20": node("ShowText|pysssss", text=["21", 0], text_0="stale"), "21": node("String Literal", string="a fox")},
    "core concat": {"20": node("StringConcatenate", string_a="a", string_b=["21", 0], delimiter=" "), "21": node("PrimitiveString", value="fox")},
    "was concat": {"20": node("Text Concatenate", delimiter=" ", clean_whitespace="true", text_a=["21", 0], text_b="fox"), "21": node("Text Multiline", text="a")},
    "kj join": {"20": node("JoinStrings", string1="a", string2="fox", delimiter=" ")},
    "cr concat": {"20": node("CR Text Concatenate", text1="a", text2="fox", separator=" ")},
    "many": {"20": node("JoinStringMulti", inputcount=11, delimiter="", **{f"string_{n}": c for n, c in enumerate(["a", " ", "f", "", "", "", "", "", "", "o", "x"], 1)})},
    "easy": {"20": node("easy positive", positive="a fox")},
    "wildcards": {"20": node("ImpactWildcardProcessor", wildcard_text="a {fox|owl}", populated_text="a fox", mode="populate", seed=3)},
    "no wildcards": {"20": node("DPRandomGenerator", text="a fox", seed=3, autorefresh="No")},
    "switch": {"20": node("ComfySwitchNode", switch=False, on_true="an owl", on_false=["21", 0]), "21": node("PrimitiveString", value="a fox")},
    "select": {"20": node("ImpactSwitch", select=2, input1="an owl", input2="a fox")},
    "styler": {"20": node("SDXLPromptStyler", text_positive="a fox", text_negative="b", style="cinematic")},
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_followed(name):
    assert read(change(base(**TEXTS[name]), "6", text=["20", 0])).prompt == "a fox"


UNKNOWN = {
    "language model": {"20": node("OllamaGenerate", prompt="describe", model="llama", seed=1)},
    "caption": {"20": node("Florence2Run", text_input="", image=["5", 0], florence2_model=["4", 0])},
    "random": {"20": node("DPRandomGenerator", text="a {fox|owl}", seed=3)},
    "replaced": {"20": node("Text Find and Replace", text="a fox", find="fox", replace="owl")},
    "open switch": {"20": node("ImpactSwitch", select=["21", 0], input1="an owl", input2="a fox"), "21": node("Random", min=1, max=2)},
    "half a concat": {"20": node("StringConcatenate", string_a="a", string_b=["77", 0], delimiter=" ")},
    "dangling": {},
    "loop": {"20": node("Reroute", **{"": ["20", 0]})},
    "long loop": {"20": node("Text Multiline", text=["21", 0]), "21": node("ShowText", text=["20", 0])},
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_texts_that_are_not_written_down_are_unknown(name):
    found = read(change(base(**UNKNOWN[name]), "6", text=["20", 0]))
    assert (found.prompt, found.negative, found.steps) == (None, "blur", 20)


CONDITIONS = {
    "combine": ({"20": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["21", 0]), "21": node("CLIPTextEncode", text="snow", clip=["4", 1])}, "a fox, snow"),
    "concat": ({"20": node("ConditioningConcat", conditioning_from=["21", 0], conditioning_to=["6", 0]), "21": node("CLIPTextEncode", text="snow", clip=["4", 1])}, "a fox, snow"),
    "area": ({"20": node("ConditioningSetArea", conditioning=["6", 0], width=64, height=64, x=0, y=0, strength=1)}, "a fox"),
    "guidance": ({"20": node("FluxGuidance", conditioning=["6", 0], guidance=3.5)}, "a fox"),
    "sdxl": ({"20": node("CLIPTextEncodeSDXL", text_g="a fox", text_l="a fox", width=1, height=1, clip=["4", 1])}, "a fox"),
    "sdxl two": ({"20": node("CLIPTextEncodeSDXL", text_g="a fox", text_l="oil", width=1, height=1, clip=["4", 1])}, "a fox, oil"),
    "flux": ({"20": node("CLIPTextEncodeFlux", clip_l="fox", t5xxl="a fox sits", guidance=3.5, clip=["4", 1])}, "a fox sits, fox"),
    "sd3": ({"20": node("CLIPTextEncodeSD3", clip_l="a fox", clip_g="a fox", t5xxl="", empty_padding="none", clip=["4", 1])}, "a fox"),
    "qwen": ({"20": node("TextEncodeQwenImageEdit", prompt="a fox", clip=["4", 1], vae=["4", 2])}, "a fox"),
    "control": ({"20": node("ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], control_net=["4", 0], image=["5", 0], strength=1)}, "a fox"),
    "zero": ({"20": node("ConditioningZeroOut", conditioning=["6", 0])}, None),
    "efficient": ({"20": node("Efficient Loader", positive="a fox", negative="b", ckpt_name="c", clip_skip=-1)}, None),
    "half": ({"20": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["77", 0])}, None),
    "loop": ({"20": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["20", 0])}, None),
    "wildcards": ({"20": node("ImpactWildcardEncode", wildcard_text="{x}", populated_text="a fox", model=["4", 0], clip=["4", 1])}, "a fox"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditioning_is_followed(name):
    more, prompt = CONDITIONS[name]
    assert read(change(base(**more), "3", positive=["20", 0])).prompt == prompt


def test_the_slot_says_which_prompt_it_is():
    control = node(
        "ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], control_net=["4", 0], image=["5", 0]
    )
    found = read(change(base(**{"20": control}), "3", positive=["20", 0], negative=["20", 1]))
    assert (found.prompt, found.negative) == ("a fox", "blur")
    loader = node("Efficient Loader", ckpt_name="c.ckpt", positive="an owl", negative=["21", 0], lora_name="None")
    nodes = base(**{"20": loader, "21": node("PrimitiveString", value="noise")})
    found = read(change(nodes, "3", model=["20", 0], positive=["20", 1], negative=["20", 2]))
    assert (found.prompt, found.negative, found.model) == ("an owl", "noise", "c.ckpt")
    pipe = {
        "20": node("ToBasicPipe", model=["4", 0], clip=["4", 1], vae=["4", 2], positive=["6", 0], negative=["7", 0]),
        "21": node("FromBasicPipe", basic_pipe=["20", 0]),
    }
    found = read(change(base(**pipe), "3", model=["21", 0], positive=["21", 3], negative=["21", 4]))
    assert (found.prompt, found.negative) == ("a fox", "blur")


def flux(**more):
    return {
        "1": node(
            "SamplerCustomAdvanced",
            noise=["2", 0],
            guider=["3", 0],
            sampler=["4", 0],
            sigmas=["5", 0],
            latent_image=["6", 0],
        ),
        "2": node("RandomNoise", noise_seed=42),
        "3": node("BasicGuider", model=["7", 0], conditioning=["8", 0]),
        "4": node("KSamplerSelect", sampler_name="euler"),
        "5": node("BasicScheduler", scheduler="simple", steps=25, denoise=1.0, model=["7", 0]),
        "6": node("EmptySD3LatentImage", width=["13", 0], height=1024, batch_size=1),
        "7": node("ModelSamplingFlux", model=["9", 0], max_shift=1.15),
        "8": node("FluxGuidance", guidance=3.5, conditioning=["10", 0]),
        "9": node("LoraLoaderModelOnly", lora_name="ink.safetensors", strength_model=0.8, model=["11", 0]),
        "10": node("CLIPTextEncode", text="a fox", clip=["12", 0]),
        "11": node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="default"),
        "12": node("DualCLIPLoader", clip_name1="t5", clip_name2="l"),
        "13": node("PrimitiveInt", value=768),
        "14": node("VAEDecode", samples=["1", 0]),
        "15": node("SaveImage", images=["14", 0]),
    } | more


def test_custom_sampling():
    found = read(flux())
    assert (found.prompt, found.negative, found.model) == ("a fox", None, "flux1-dev.safetensors")
    assert (found.sampler, found.scheduler, found.seed, found.steps, found.guidance) == (
        "euler",
        "simple",
        42,
        25,
        None,
    )
    assert found.settings == {"size": "768x1024", "distilled guidance": "3.5", "loras": "ink.safetensors:0.8"}
    guider = node("CFGGuider", model=["11", 0], positive=["10", 0], negative=["16", 0], cfg=4.5)
    more = {
        "3": guider,
        "16": node("CLIPTextEncode", text="blur", clip=["12", 0]),
        "4": node("SamplerEulerAncestral", eta=1.0),
    }
    found = read(
        flux(
            **more,
            **{
                "5": node("SplitSigmas", sigmas=["17", 0], step=5),
                "17": node("KarrasScheduler", steps=12, sigma_max=14.0),
            },
        )
    )
    assert (found.negative, found.guidance, found.sampler, found.scheduler, found.steps) == (
        "blur",
        4.5,
        "euler_ancestral",
        "karras",
        12,
    )
    assert read(flux(**{"2": node("DisableNoise")})).seed is None


def test_sampler_custom_and_advanced():
    advanced = node(
        "KSamplerAdvanced",
        add_noise="enable",
        noise_seed=["20", 0],
        steps=30,
        cfg=["21", 0],
        sampler_name=["22", 0],
        scheduler="karras",
        start_at_step=0,
        end_at_step=25,
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["5", 0],
    )
    more = {
        "3": advanced,
        "20": node("Seed (rgthree)", seed=5),
        "21": node("FloatConstant", value=6.5),
        "22": node("Sampler Selector", sampler_name="dpmpp_2m"),
    }
    found = read(base(**more))
    assert (found.seed, found.steps, found.guidance, found.sampler, found.scheduler) == (
        5,
        30,
        6.5,
        "dpmpp_2m",
        "karras",
    )
    custom = node(
        "SamplerCustom",
        add_noise=True,
        noise_seed=9,
        cfg=1.0,
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        sampler=["20", 0],
        sigmas=["21", 0],
        latent_image=["5", 0],
    )
    found = read(
        base(
            **{
                "3": custom,
                "20": node("KSamplerSelect", sampler_name="lcm"),
                "21": node("SDTurboScheduler", steps=1, denoise=1),
            }
        )
    )
    assert (found.seed, found.steps, found.sampler, found.scheduler, found.prompt) == (9, 1, "lcm", "sdturbo", "a fox")


@pytest.mark.parametrize(
    "lines",
    [
        node("easy promptLine", prompt="by Ann\nby Bob\n", start_index=0, max_rows=1000),
        node("StringToList", text="by Ann\nby Bob"),
        node("Text Lines", multiline_text="by Ann\nby Bob"),
    ],
)
def test_a_picture_of_a_list_of_prompts_does_not_have_all_of_them(lines):
    nodes = change(base(**{"20": lines}), "6", text=["20", 0])
    assert read(nodes).prompt is None
    assert read(nodes).seed == 2**63 + 5
    # A list of one line is that line, and a text of several lines is no list.
    [name] = [name for name, value in lines["inputs"].items() if isinstance(value, str)]
    lines["inputs"][name] = "by Ann"
    assert read(nodes).prompt == "by Ann"
    nodes = change(base(**{"20": node("PrimitiveStringMultiline", value="by Ann\nby Bob")}), "6", text=["20", 0])
    assert read(nodes).prompt == "by Ann\nby Bob"


def test_numbers_from_sums_are_unknown():
    assert read(change(base(**{"20": node("MathAdd", a=1, b=2)}), "3", steps=["20", 0])).steps is None
    assert read(change(base(**{"20": node("Seed (rgthree)", seed=-1)}), "3", seed=["20", 0])).seed is None


def second(start, **inputs):
    return node(
        "KSampler",
        **(
            {
                "seed": 1,
                "steps": 10,
                "cfg": 5,
                "sampler_name": "ddim",
                "scheduler": "normal",
                "denoise": 0.4,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": start,
            }
            | inputs
        ),
    )


def test_of_a_chain_the_first_sampler_counts():
    chain = {
        "20": node("LatentUpscale", samples=["3", 0], width=1024),
        "21": second(["20", 0]),
        "8": node("VAEDecode", samples=["21", 0], vae=["4", 2]),
    }
    found = read(base(**chain))
    assert (found.steps, found.seed, found.sampler, found.settings) == (20, 2**63 + 5, "euler", {"size": "512x768"})
    face = node(
        "FaceDetailer",
        image=["8", 0],
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        seed=4,
        steps=8,
        cfg=3,
        sampler_name="ddim",
        scheduler="simple",
        denoise=0.5,
    )
    found = read(base(**{"20": face, "9": node("SaveImage", images=["20", 0])}))
    assert (found.steps, found.seed) == (20, 2**63 + 5)


def test_stages_of_a_cascade():
    stage = node("StableCascade_StageB_Conditioning", conditioning=["6", 0], stage_c=["3", 0])
    more = {
        "20": second(["5", 1], positive=["21", 0]),
        "21": stage,
        "8": node("VAEDecode", samples=["20", 0], vae=["4", 2]),
    }
    found = read(base(**more))
    assert (found.prompt, found.steps, found.sampler) == ("a fox", 20, "euler")


def test_two_pictures_of_one_graph_leave_open_what_differs():
    two = {
        "20": second(["5", 0]),
        "21": node("VAEDecode", samples=["20", 0], vae=["4", 2]),
        "22": node("SaveImage", images=["21", 0]),
    }
    found = read(base(**two))
    assert (found.prompt, found.negative, found.model) == ("a fox", "blur", "dream.safetensors")
    assert (found.steps, found.seed, found.sampler, found.guidance, found.scheduler) == (
        None,
        None,
        None,
        None,
        "normal",
    )
    # A branch that is only looked at, and one that leads nowhere, are not the saved picture.
    two["22"] = node("PreviewImage", images=["21", 0])
    assert read(base(**two)).steps == 20
    assert read(base(**{"20": second(["5", 0])})).steps == 20


def test_merged_models_have_no_one_name():
    more = {
        "20": node("ModelMergeSimple", model1=["4", 0], model2=["21", 0], ratio=0.5),
        "21": node("CheckpointLoaderSimple", ckpt_name="b"),
    }
    assert read(change(base(**more), "3", model=["20", 0])).model is None


def test_a_loader_that_loads_no_lora():
    loaders = {
        "20": node("LoraLoader", lora_name="None", strength_model=1, model=["4", 0], clip=["4", 1]),
        "21": node("LoraLoader", lora_name="ink", strength_model=0.5, model=["20", 0], clip=["20", 1]),
    }
    found = read(change(base(**loaders), "3", model=["21", 0]))
    assert (found.settings["loras"], found.model) == ("ink:0.5", "dream.safetensors")


def test_loras_in_stacks():
    stack = node(
        "Power Lora Loader (rgthree)",
        lora_1={"on": True, "lora": "a.safetensors", "strength": 0.5},
        lora_2={"on": False, "lora": "b", "strength": 1},
        model=["4", 0],
        clip=["4", 1],
    )
    found = read(change(base(**{"20": stack}), "3", model=["20", 0]))
    assert (found.settings["loras"], found.model) == ("a.safetensors:0.5", "dream.safetensors")


def test_easy_use_pipes():
    nodes = {
        "1": node("easy fullLoader", ckpt_name="c", positive="a fox", negative="blur", lora_name="None"),
        "2": node(
            "easy preSampling",
            pipe=["1", 0],
            steps=20,
            cfg=7,
            sampler_name="euler",
            scheduler="karras",
            denoise=1,
            seed=8,
        ),
        "3": node("easy kSampler", pipe=["2", 0], image_output="Save"),
    }
    found = read(nodes)
    assert (found.prompt, found.negative, found.model, found.steps, found.seed) == ("a fox", "blur", "c", 20, 8)


def test_video_sampler():
    nodes = {
        "1": node("WanVideoTextEncode", positive_prompt="a fox", negative_prompt="blur", t5=["9", 0]),
        "2": node("WanVideoModelLoader", model="wan.safetensors"),
        "3": node(
            "WanVideoSampler",
            model=["2", 0],
            text_embeds=["1", 0],
            steps=30,
            cfg=6,
            seed=1,
            scheduler="unipc",
            samples=["8", 0],
        ),
        "4": node("VHS_VideoCombine", images=["3", 0]),
    }
    found = read(nodes)
    assert (found.prompt, found.negative, found.model, found.seed) == ("a fox", "blur", "wan.safetensors", 1)


def test_paid_service():
    found = read(
        {
            "1": node("FluxProUltraImageNode", prompt="a fox", seed=4, aspect_ratio="1:1"),
            "2": node("SaveImage", images=["1", 0]),
        }
    )
    assert (found.prompt, found.seed) == ("a fox", 4)


def test_a_graph_without_samplers_says_only_who_made_it():
    found = read({"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0])})
    assert (found.tool, bool(found)) == ("ComfyUI", False)


def test_parameters_beside_a_graph(build):
    text = "a red fox\nNegative prompt: blur\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Version: ComfyUI"
    found = embedded_metadata(build.png({"parameters": text, "prompt": json.dumps(base())}))
    assert (found.tool, found.prompt, found.sampler, found.model) == (
        "ComfyUI",
        "a red fox",
        "Euler",
        "dream.safetensors",
    )
    # Where the two disagree on a number, neither is believed.
    assert (found.steps, found.seed, found.guidance) == (20, None, None)
    found = embedded_metadata(build.png({"parameters": text.replace("20", "21"), "prompt": json.dumps(base())}))
    assert (found.steps, found.sampler) == (None, "Euler")


def test_the_graph_that_ran_counts_whatever_the_editor_shows(build):
    """The editor has already chosen the next seed."""
    sampler = {"id": 3, "type": "KSampler", "widgets_values": [99, "randomize", 20, 8, "euler", "normal", 1]}
    sampler["inputs"] = [{"name": "positive", "type": "CONDITIONING", "link": 1}]
    encoder = {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a fox"]}
    workflow = {"nodes": [sampler, encoder], "links": [[1, 6, 0, 3, 1, "CONDITIONING"]]}
    found = embedded_metadata(build.png({"prompt": json.dumps(base()), "workflow": json.dumps(workflow)}))
    assert (found.seed, found.source) == (2**63 + 5, "png:prompt")


def test_civitai(build):
    values = base() | {
        "extra": {"airs": []},
        "extraMetadata": json.dumps(
            {
                "prompt": "a fox, final",
                "negativePrompt": "b",
                "steps": 25,
                "cfgScale": 4,
                "sampler": "Euler a",
                "seed": 3,
            }
        ),
    }
    found = embedded_metadata(
        build.saved("JPEG", build.tiff({}, ">", b"UNICODE\0" + json.dumps(values).encode("utf-16-be")))
    )
    assert (found.tool, found.prompt, found.negative, found.steps, found.seed) == (
        "Civitai",
        "a fox, final",
        "b",
        25,
        3,
    )


@pytest.mark.parametrize("word", ["unknown", "Unknown", "N/A", "none"])
def test_unknown_values_in_a_text_give_way_to_the_graph(build, word):
    """Saving nodes that do not understand a graph write such a text beside it."""
    text = f"{word}\nNegative prompt: {word}\nSteps: {word}, Sampler: {word}, CFG scale: {word}, Seed: {word}, Model: {word}"
    found = embedded_metadata(build.png({"parameters": text, "prompt": json.dumps(base())}))
    assert (found.tool, found.prompt, found.negative, found.model) == ("ComfyUI", "a fox", "blur", "dream.safetensors")
    assert (found.sampler, found.seed, found.steps, found.guidance) == ("euler", 2**63 + 5, 20, 8.0)
    values = {"prompt": word, "negative_prompt": word, "seed": 1, "num_inference_steps": 20, "sampler": word}
    found = embedded_metadata(build.png({"parameters": json.dumps(values), "prompt": json.dumps(base())}))
    assert (found.prompt, found.negative, found.sampler, found.steps) == ("a fox", "blur", "euler", 20)


def test_unknown_values_beside_a_graph_in_exif(build):
    text = "unknown\nNegative prompt: unknown\nSteps: 20, Sampler: unknown, CFG scale: 8, Seed: 7, Model: unknown"
    graph = {0x0110: (2, b"prompt:" + json.dumps(base()).encode() + b"\0")}
    exif = build.tiff(graph, ">", b"UNICODE\0" + text.encode("utf-16-be"))
    for kind in ("JPEG", "WEBP"):
        found = embedded_metadata(build.saved(kind, exif))
        assert (found.tool, found.prompt, found.negative, found.sampler) == ("ComfyUI", "a fox", "blur", "euler")
        # Its numbers are defaults of the saving node.
        assert (found.steps, found.seed, found.source) == (20, 2**63 + 5, "exif:Model")


def test_a_text_that_does_not_know_the_model_alone_counts_otherwise(build):
    text = "a red fox\nSteps: 20, Sampler: unknown, CFG scale: 8, Seed: 7, Model: unknown"
    found = embedded_metadata(build.png({"parameters": text, "prompt": json.dumps(base())}))
    assert (found.prompt, found.model, found.sampler, found.seed) == ("a red fox", "dream.safetensors", "euler", None)


@pytest.mark.parametrize(
    "end", ["Version: f2.0", "App: SD.Next", "Version: v1.10.1", "Version: Fooocus v2", "Size: 8x8"]
)
def test_unknown_values_give_way_whatever_tool_the_text_names(build, end):
    text = f"unknown\nNegative prompt: unknown\nSteps: 20, Sampler: unknown, CFG scale: 8, Model: unknown, {end}"
    found = embedded_metadata(build.png({"parameters": text, "prompt": json.dumps(base())}))
    assert (found.tool, found.prompt, found.negative, found.model) == ("ComfyUI", "a fox", "blur", "dream.safetensors")
    assert (found.sampler, found.seed, found.settings) == ("euler", 2**63 + 5, {"size": "512x768"})
    text = text.replace("unknown\nNeg", "a red fox\nNeg")
    found = embedded_metadata(build.png({"parameters": text, "prompt": json.dumps(base())}))
    assert (found.prompt, found.negative, found.model) == ("a red fox", "blur", "dream.safetensors")
    assert (found.sampler, found.steps, found.guidance) == ("euler", 20, 8)


def beside(build, text, **inputs):
    """What is read of a text beside a graph with a LoRA."""
    more = {"20": node("LoraLoader", lora_name="ink", strength_model=0.5, model=["4", 0], clip=["4", 1])}
    nodes = change(base(**more), "3", model=["20", 0], **inputs)
    return embedded_metadata(build.png({"parameters": text, "prompt": json.dumps(nodes)}))


@pytest.mark.parametrize("size", ["unknownxunknown", "Nonexnone", "unknown", "512xunknown", "N/A x N/A"])
def test_the_size_and_loras_of_the_graph_fill_gaps(build, size):
    text = f"a red fox\nNegative prompt: b\nSteps: 20, Sampler: Euler, CFG scale: 8, Size: {size}, Clip skip: 2"
    assert beside(build, text, denoise=0.5).settings == {
        "size": "512x768", "loras": "ink:0.5", "denoise": "0.5", "clip skip": "2",
    }  # fmt: skip
    text = text.replace(size, "1024x1536").replace("fox", "fox <lora:oil:1>")
    assert beside(build, text).settings == {"size": "1024x1536", "loras": "oil:1", "clip skip": "2"}


END = "Steps: 20, Sampler: Euler, CFG scale: 8, Model: dream"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A text leaves out an empty negative prompt; the saving node of the same prompt was not given any.
        ("an owl", ("an owl", None)),
        ("a fox,", ("a fox,", "blur")),
        ("an owl\nNegative prompt: unknown", ("an owl", "blur")),
        ("unknown\nNegative prompt: noise", ("a fox", "blur")),
        ("\nNegative prompt: noise", ("a fox", "blur")),
        ("an owl\nNegative prompt: noise", ("an owl", "noise")),
        ("an owl\nNegative prompt: noise\nNegative prompt: b", ("a fox", "blur")),
    ],
)
def test_prompt_and_negative_belong_together(build, text, expected):
    found = beside(build, f"{text}\n{END}")
    assert (found.prompt, found.negative) == expected


def test_a_graph_that_computes_its_prompt_still_knows_the_negative(build):
    found = beside(build, f"an owl\n{END}", positive=["77", 0])
    assert (found.prompt, found.negative) == ("an owl", "blur")
    found = beside(build, f"unknown\nNegative prompt: noise\n{END}", positive=["77", 0])
    assert (found.prompt, found.negative, found.model) == (None, "noise", "dream")


def test_a_hostile_graph_does_not_hide_the_text_beside_it(build):
    def level(n):
        inner = [{"id": k, "type": f"s{n + 1}"} for k in range(30)] if n < 11 else [{"id": 1, "type": "KSampler"}]
        return {"id": f"s{n}", "nodes": inner, "links": []}

    bomb = {
        "nodes": [{"id": 1, "type": "s0"}],
        "links": [],
        "definitions": {"subgraphs": [level(n) for n in range(12)]},
    }
    found = embedded_metadata(build.png({"parameters": f"an owl\n{END}", "workflow": json.dumps(bomb)}))
    assert (found.prompt, found.steps) == ("an owl", 20)


def test_the_word_alone_is_what_was_written(build):
    text = "unknown\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5"
    assert embedded_metadata(build.png({"parameters": text})).prompt == "unknown"


SWITCHES = {
    "agreeing": {"20": node("ComfySwitchNode", switch=["22", 0], on_true=["21", 0], on_false="a fox"), "21": node("PrimitiveString", value="a fox"), "22": node("Random")},
    "any": {"20": node("Any Switch (rgthree)", any_01=["21", 0], any_02=["23", 0]), "21": node("PrimitiveString", value="a fox"), "23": node("Text Multiline", text="a fox")},
    "named": {"20": node("CR Text Input Switch", Input=2, text1="an owl", text2="a fox")},
    "one branch": {"20": node("ImpactSwitch", select=["22", 0], input1=["21", 0]), "21": node("PrimitiveString", value="a fox"), "22": node("Random")},
}  # fmt: skip


@pytest.mark.parametrize("name", SWITCHES)
def test_switches_whose_branches_agree(name):
    assert read(change(base(**SWITCHES[name]), "6", text=["20", 0])).prompt == "a fox"


def test_switches_whose_branches_differ_are_unknown():
    more = {
        "20": node("Any Switch (rgthree)", any_01=["21", 0], any_02=["22", 0]),
        "21": node("PrimitiveString", value="a fox"),
        "22": node("PrimitiveString", value="a fox "),
    }
    assert read(change(base(**more), "6", text=["20", 0])).prompt is None
    more["22"] = node("Florence2Run", text_input="", image=["5", 0])
    assert read(change(base(**more), "6", text=["20", 0])).prompt is None


def test_switches_of_conditionings():
    more = {"20": node("ConditioningSwitch", input=["22", 0], conditioning1=["6", 0], conditioning2=["21", 0])}
    same = more | {"21": node("CLIPTextEncode", text="a fox", clip=["4", 1]), "22": node("Random")}
    assert read(change(base(**same), "3", positive=["20", 0])).prompt == "a fox"
    other = same | {"21": node("CLIPTextEncode", text="an owl", clip=["4", 1])}
    assert read(change(base(**other), "3", positive=["20", 0])).prompt is None


RANDOM = node("Random")
#: Nodes that let one of two inputs through, and the names of their settings and inputs.
TWO_BRANCHES = {
    "ImpactConditionalBranch": ("cond", "tt_value", "ff_value"),
    "easy ifElse": ("boolean", "on_true", "on_false"),
    "LazySwitchKJ": ("switch", "on_true", "on_false"),
    "IfExecute": ("ANY", "IF_TRUE", "IF_FALSE"),
}


def either(kind, setting, first, second):
    """A node that lets one of two inputs through."""
    names = TWO_BRANCHES[kind]
    return node(kind, **dict(zip(names, (setting, first, second), strict=True)))


@pytest.mark.parametrize("kind", TWO_BRANCHES)
def test_two_branches_that_agree(kind):
    def behind(place, **inputs):
        """A graph in which a value comes through the node; its second source differs as told."""
        nodes = base(**{"20": either(kind, ["99", 0], ["30", 0], ["31", 0]), "99": RANDOM})
        nodes["30"], nodes["31"] = place, {**place, "inputs": {**place["inputs"], **inputs}}
        return nodes

    text = node("PrimitiveString", value="a fox")
    assert read(change(behind(text), "6", text=["20", 0])).prompt == "a fox"
    assert read(change(behind(text, value="a fox,"), "6", text=["20", 0])).prompt is None
    encoded = node("CLIPTextEncode", text="a fox", clip=["4", 1])
    assert read(change(behind(encoded), "3", positive=["20", 0])).prompt == "a fox"
    assert read(change(behind(encoded, text="an owl"), "3", positive=["20", 0])).prompt is None
    loader = node("CheckpointLoaderSimple", ckpt_name="dream")
    assert read(change(behind(loader), "3", model=["20", 0])).model == "dream"
    assert read(change(behind(loader, ckpt_name="night"), "3", model=["20", 0])).model is None
    seed = node("PrimitiveInt", value=5)
    assert read(change(behind(seed), "3", seed=["20", 0])).seed == 5
    assert read(change(behind(seed, value=6), "3", seed=["20", 0])).seed is None
    latent = node("EmptyLatentImage", width=640, height=512, batch_size=1)
    assert read(change(behind(latent), "3", latent_image=["20", 0])).settings["size"] == "640x512"
    assert "size" not in read(change(behind(latent, width=512), "3", latent_image=["20", 0])).settings


@pytest.mark.parametrize("kind", TWO_BRANCHES)
@pytest.mark.parametrize("setting", [True, False, ["98", 0], ["97", 0]])
def test_two_branches_with_a_literal_that_decides(kind, setting):
    nodes = base(
        **{
            "20": either(kind, setting, ["21", 0], ["22", 0]),
            "21": node("CLIPTextEncode", text="an owl", clip=["4", 1]),
            "22": node("CLIPTextEncode", text="a hare", clip=["4", 1]),
            "23": either(kind, setting, ["24", 0], ["25", 0]),
            "24": node("CheckpointLoaderSimple", ckpt_name="day"),
            "25": node("LoraLoaderModelOnly", lora_name="ink", strength_model=1, model=["26", 0]),
            "26": node("CheckpointLoaderSimple", ckpt_name="night"),
            "27": either(kind, setting, ["28", 0], ["29", 0]),
            "28": node("PrimitiveInt", value=5),
            "29": node("PrimitiveInt", value=6),
            "98": node("PrimitiveBoolean", value=True),
            "97": node("PrimitiveBoolean", value=False),
        }
    )
    found = read(change(nodes, "3", positive=["20", 0], model=["23", 0], seed=["27", 0]))
    wanted = ("an owl", "day", 5, None) if setting in (True, ["98", 0]) else ("a hare", "night", 6, "ink:1")
    assert (found.prompt, found.model, found.seed, found.settings.get("loras")) == wanted


def test_a_model_with_and_without_a_lora_behind_a_switch():
    more = {
        "20": either("easy ifElse", ["99", 0], ["21", 0], ["4", 0]),
        "21": node("LoraLoaderModelOnly", lora_name="ink", strength_model=1, model=["4", 0]),
        "22": node("LoraLoaderModelOnly", lora_name="oil", strength_model=1, model=["20", 0]),
        "99": RANDOM,
    }
    found = read(change(base(**more), "3", model=["22", 0]))
    assert (found.model, found.settings.get("loras")) == ("dream.safetensors", None)
    more["20"] = either("easy ifElse", ["99", 0], ["21", 0], ["21", 0])
    found = read(change(base(**more), "3", model=["22", 0]))
    assert (found.model, found.settings["loras"]) == ("dream.safetensors", "ink:1, oil:1")


def test_numbered_switches_of_models_and_numbers():
    more = {"21": node("CheckpointLoaderSimple", ckpt_name="night"), "22": node("PrimitiveInt", value=5)}
    more["20"] = node("CR Model Input Switch", Input=2, model1=["4", 0], model2=["21", 0])
    assert read(change(base(**more), "3", model=["20", 0])).model == "night"
    more["20"] = node("CR Model Input Switch", Input=["99", 0], model1=["4", 0], model2=["21", 0])
    assert read(change(base(**more), "3", model=["20", 0])).model is None
    change(more, "21", ckpt_name="dream.safetensors")
    assert read(change(base(**more), "3", model=["20", 0])).model == "dream.safetensors"
    more["20"] = node("Any Switch (rgthree)", any_01=["22", 0], any_02=["23", 0])
    more["23"] = node("PrimitiveInt", value=5)
    assert read(change(base(**more), "3", seed=["20", 0])).seed == 5
    more["23"] = node("MathAdd", a=2, b=3)
    assert read(change(base(**more), "3", seed=["20", 0])).seed is None


def test_custom_sampling_behind_switches():
    two = {"20": either("easy ifElse", ["99", 0], ["2", 0], ["21", 0]), "21": node("RandomNoise", noise_seed=42)}
    two |= {
        "22": either("easy ifElse", ["99", 0], ["4", 0], ["23", 0]),
        "23": node("KSamplerSelect", sampler_name="euler"),
    }
    two |= {"24": either("easy ifElse", ["99", 0], ["8", 0], ["25", 0]), "99": RANDOM}
    two["25"] = node("FluxGuidance", guidance=3.5, conditioning=["10", 0])
    nodes = change(change(flux(**two), "1", noise=["20", 0], sampler=["22", 0]), "3", conditioning=["24", 0])
    found = read(nodes)
    assert (found.prompt, found.seed, found.sampler) == ("a fox", 42, "euler")
    assert found.settings["distilled guidance"] == "3.5"
    change(change(change(nodes, "21", noise_seed=43), "23", sampler_name="lcm"), "25", guidance=2)
    found = read(nodes)
    assert (found.prompt, found.seed, found.sampler) == ("a fox", None, None)
    assert "distilled guidance" not in found.settings


def test_a_switch_that_is_set_to_a_branch_without_a_link():
    more = {
        "20": node("ComfySwitchNode", switch=True, on_false=["21", 0]),
        "21": node("PrimitiveString", value="an owl"),
    }
    assert read(change(base(**more), "6", text=["20", 0])).prompt is None
    assert read(change(base(**change(more, "20", switch=False)), "6", text=["20", 0])).prompt == "an owl"


VIDEO = {
    "wan": node("WanImageToVideo", positive=["6", 0], negative=["7", 0], vae=["4", 2], width=832, height=480, length=81, batch_size=1, start_image=["99", 0]),
    "hunyuan": node("HunyuanImageToVideo", positive=["6", 0], vae=["4", 2], width=832, height=480, length=53, batch_size=1, guidance_type="v1"),
    "ltx": node("LTXVConditioning", positive=["6", 0], negative=["7", 0], frame_rate=24),
}  # fmt: skip


@pytest.mark.parametrize("name", VIDEO)
def test_video_nodes_hand_on_the_text(name):
    found = read(change(base(**{"20": VIDEO[name]}), "3", positive=["20", 0]))
    assert (found.prompt, found.negative) == ("a fox", "blur")


def test_a_chain_of_video_nodes_with_one_text():
    """Two samplers, one for high and one for low noise, behind two conditioning nodes."""
    nodes = base(
        **{
            "20": node("WanImageToVideo", positive=["6", 0], negative=["21", 0], vae=["4", 2], width=832, height=480),
            "21": node("ConditioningZeroOut", conditioning=["6", 0]),
            "22": node("TrimVideoLatent", samples=["3", 0], trim_amount=0),
        }
    )
    change(nodes, "3", positive=["20", 0], negative=["20", 1], latent_image=["20", 2])
    nodes["10"] = node("KSamplerAdvanced", noise_seed=9, steps=20, cfg=1, positive=["20", 0], negative=["20", 1], latent_image=["22", 0])  # fmt: skip
    nodes["8"] = node("VAEDecode", samples=["10", 0], vae=["4", 2])
    found = read(nodes)
    assert (found.prompt, found.negative, found.seed, found.settings["size"]) == ("a fox", None, 2**63 + 5, "832x480")


@pytest.mark.parametrize(
    "embeds",
    [
        {"1": node("WanVideoTextEmbedBridge", positive=["11", 0], negative=["12", 0])},
        {
            "1": node("WanVideoApplyNAG", original_text_embeds=["13", 0], nag_text_embeds=["14", 0], nag_scale=11),
            "13": node("WanVideoTextEncode", positive_prompt="a fox", negative_prompt="blur", t5=["9", 0]),
            "14": node("WanVideoTextEncodeSingle", prompt="noise", t5=["9", 0]),
        },
    ],
    ids=["bridge", "guided"],
)
def test_embeddings_of_video_samplers_are_followed(embeds):
    nodes = embeds | {
        "11": node("CLIPTextEncode", text="a fox", clip=["9", 0]),
        "12": node("CLIPTextEncode", text="blur", clip=["9", 0]),
        "3": node("WanVideoSampler", text_embeds=["1", 0], steps=30, cfg=6, seed=1, scheduler="unipc"),
        "4": node("VHS_VideoCombine", images=["3", 0]),
    }
    found = read(nodes)
    assert (found.prompt, found.negative, found.seed) == ("a fox", "blur", 1)


def test_a_video_sampler_with_texts_of_its_own_encoder():
    nodes = {
        "1": node("HyVideoTextEncode", text_encoders=["9", 0], prompt="a fox", force_offload=True),
        "3": node("HyVideoSampler", model=["2", 0], hyvid_embeds=["1", 0], steps=30, seed=1, flow_shift=9),
        "4": node("VHS_VideoCombine", images=["3", 0]),
    }
    found = read(nodes)
    assert (found.prompt, found.negative, found.steps) == ("a fox", None, 30)


def test_texts_are_kept_as_written():
    nodes = change(change(base(), "6", text=" a fox,  \n"), "7", text="blur,, ")
    found = read(nodes)
    assert (found.prompt, found.negative) == (" a fox,  \n", "blur,, ")
    # Texts that are joined, too.
    two = {"20": node("CLIPTextEncodeSDXL", text_g=" a fox, ", text_l="close up,\n", width=1, clip=["4", 1])}
    assert read(change(base(**two), "3", positive=["20", 0])).prompt == " a fox, close up,\n"
    change(two, "20", text_l=" \n")
    assert read(change(base(**two), "3", positive=["20", 0])).prompt == " a fox, "
    both = {
        "20": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["21", 0]),
        "21": node("CLIPTextEncode", text=" snow,", clip=["4", 1]),
    }
    assert read(change(base(**both), "3", positive=["20", 0])).prompt == "a fox,  snow,"
