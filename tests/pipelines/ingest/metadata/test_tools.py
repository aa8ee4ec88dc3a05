"""Metadata of tools other than ComfyUI, each in its own form."""

import json

import pytest

from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.ingest.metadata.others import read_fooocus_object, read_midjourney


def facts(found):
    return found.tool, found.prompt, found.negative, found.model, found.sampler, found.seed, found.steps, found.guidance


INVOKE = {
    "app_version": "4.2.0",
    "generation_mode": "sdxl_txt2img",
    "positive_prompt": "a fox",
    "negative_prompt": "blur",
    "width": 1024,
    "height": 768,
    "seed": 2**32 - 1,
    "cfg_scale": 7.5,
    "steps": 30,
    "scheduler": "euler_a",
    "model": {"key": "k", "name": "juggernaut", "base": "sdxl", "type": "main"},
    "loras": [{"model": {"name": "ink"}, "weight": 0.75}],
}


def test_invokeai_3_and_later(build):
    found = embedded_metadata(build.png({"invokeai_metadata": json.dumps(INVOKE), "invokeai_graph": "{}"}))
    assert facts(found) == ("InvokeAI", "a fox", "blur", "juggernaut", "euler_a", 2**32 - 1, 30, 7.5)
    assert found.settings["loras"] == "ink:0.75"
    assert found.settings["size"] == "1024x768"
    old = INVOKE | {
        "model": {"model_name": "sd15", "base_model": "sd-1"},
        "loras": [{"lora": {"model_name": "x"}, "weight": 1}],
    }
    found = embedded_metadata(build.png({"invokeai_metadata": json.dumps(old)}))
    assert (found.model, found.settings["loras"]) == ("sd15", "x:1")
    # 0 is no layer to stop at.
    for skip, expected in ((0, None), (2, "2")):
        found = embedded_metadata(build.png({"invokeai_metadata": json.dumps(INVOKE | {"clip_skip": skip})}))
        assert found.settings.get("clip skip") == expected


def test_invokeai_2(build):
    image = {
        "prompt": [{"prompt": "a fox [blur] in snow [noise]", "weight": 1}],
        "steps": 50,
        "cfg_scale": 7.5,
        "seed": 9,
        "sampler": "k_lms",
        "width": 512,
        "height": 512,
        "type": "txt2img",
    }
    values = {
        "model": "stable diffusion",
        "model_weights": "sd-1.5",
        "app_id": "invoke-ai/InvokeAI",
        "app_version": "v2.2.3",
        "image": image,
    }
    found = embedded_metadata(build.png({"sd-metadata": json.dumps(values)}))
    assert facts(found) == ("InvokeAI", "a fox in snow", "blur, noise", "sd-1.5", "k_lms", 9, 50, 7.5)


def test_dream(build):
    found = embedded_metadata(build.png({"Dream": '"a "red" fox [blur]" -s 50 -S 2980 -W 512 -H 768 -C 7.5 -A k_lms'}))
    assert facts(found) == ("InvokeAI", 'a "red" fox', "blur", None, "k_lms", 2980, 50, 7.5)
    assert found.settings["size"] == "512x768"


NOVEL = {
    "prompt": "fox, {{snow}}",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "uncond_scale": 1.0,
    "seed": 123,
    "sampler": "k_euler",
    "noise_schedule": "karras",
    "uc": "lowres",
    "request_type": "PromptGenerateRequest",
}


def test_novelai(build):
    texts = {
        "Title": "AI generated image",
        "Description": "fox, {{snow}}",
        "Software": "NovelAI",
        "Source": "Stable Diffusion XL C1E1DE52",
        "Comment": json.dumps(NOVEL),
    }
    found = embedded_metadata(build.png(texts))
    assert facts(found) == (
        "NovelAI",
        "fox, {{snow}}",
        "lowres",
        "Stable Diffusion XL C1E1DE52",
        "k_euler",
        123,
        28,
        5.0,
    )
    assert (found.scheduler, found.settings["size"], found.source) == ("karras", "832x1216", "png:Comment")
    # A strength is written for every picture, and used for those that are made from another one.
    for request, strength in (("PromptGenerateRequest", None), ("Img2ImgRequest", "0.7")):
        comment = NOVEL | {"strength": 0.7, "request_type": request}
        assert (
            embedded_metadata(build.png(texts | {"Comment": json.dumps(comment)})).settings.get("denoise") == strength
        )


def test_novelai_4_with_characters(build):
    caption = {
        "caption": {
            "base_caption": "two foxes",
            "char_captions": [{"char_caption": "red", "centers": []}, {"char_caption": "white"}],
        }
    }
    values = NOVEL | {"prompt": "two foxes", "v4_prompt": caption}
    found = embedded_metadata(build.png({"Software": "NovelAI", "Comment": json.dumps(values)}))
    assert (found.prompt, found.settings["characters"]) == ("two foxes", "red | white")


def test_novelai_without_comment(build):
    found = embedded_metadata(build.png({"Software": "NovelAI", "Description": "a fox"}))
    assert (found.tool, found.prompt, found.seed) == ("NovelAI", "a fox", None)


FOOOCUS = {
    "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernautXL", "base_model_hash": "aeb7", "clip_skip": 2, "created_by": None,
    "full_negative_prompt": ["x"], "full_prompt": ["a fox, cinematic"], "guidance_scale": 4.0, "loras": [["ink", 0.5, "ff"]],
    "metadata_scheme": "fooocus", "negative_prompt": "blur", "performance": "Speed", "prompt": "a fox", "refiner_model": "None",
    "refiner_switch": 0.5, "resolution": "(1152, 896)", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "seed": "6952411511246973023",
    "sharpness": 2.0, "steps": 30, "styles": "['Fooocus V2', 'Fooocus Sharp']", "vae": "Default (model)", "version": "Fooocus v2.4.3",
}  # fmt: skip
FOOOCUS_LOG = {
    "Prompt": "a fox", "Negative Prompt": "blur", "Fooocus V2 Expansion": "a fox, great", "Styles": "['Fooocus V2']", "Performance": "Speed",
    "Steps": 30, "Resolution": "(1152, 896)", "Guidance Scale": 4, "Sharpness": 2, "Base Model": "juggernautXL", "Refiner Model": "None",
    "Sampler": "dpmpp_2m_sde_gpu", "Scheduler": "karras", "Seed": 6952411511246973023, "LoRA 1": "ink.safetensors : 0.5", "Version": "v2.1.8",
}  # fmt: skip


def test_fooocus_scheme(build):
    expected = ("Fooocus", "a fox", "blur", "juggernautXL", "dpmpp_2m_sde_gpu", 6952411511246973023, 30, 4.0)
    text = json.dumps(FOOOCUS)
    exif = build.tiff({0x0131: (2, b"Fooocus v2.4.3\0"), 0x927C: (2, b"fooocus\0")}, "<", text.encode())
    for content in (
        build.png({"parameters": text, "fooocus_scheme": "fooocus"}),
        build.saved("JPEG", exif),
        build.saved("WEBP", exif),
    ):
        found = embedded_metadata(content)
        assert facts(found) == expected
        assert found.settings["styles"] == "Fooocus V2, Fooocus Sharp"
        assert (found.settings["loras"], found.settings["size"]) == ("ink:0.5", "1152x896")


def test_two_names_of_fooocus_are_not_enough():
    values = {"prompt": "a fox", "styles": "x", "sharpness": 2}
    assert read_fooocus_object(values, "y") is None
    assert read_fooocus_object(values | {"performance": "Speed"}, "y").prompt == "a fox"


def test_fooocus_log(build):
    for key in ("Comment", "parameters"):
        found = embedded_metadata(build.png({key: json.dumps(FOOOCUS_LOG)}))
        assert facts(found) == (
            "Fooocus",
            "a fox",
            "blur",
            "juggernautXL",
            "dpmpp_2m_sde_gpu",
            6952411511246973023,
            30,
            4.0,
        )
        assert found.settings["loras"] == "ink.safetensors:0.5"


def test_ruined_fooocus(build):
    values = {
        "Prompt": "a fox", "Negative": "blur", "steps": 30, "cfg": 4, "width": 8, "height": 9, "seed": 5,
        "sampler_name": "euler", "scheduler": "karras", "base_model_name": "j", "loras": [],
        "software": "RuinedFooocus",
    }  # fmt: skip
    found = embedded_metadata(build.png({"parameters": json.dumps(values)}))
    assert facts(found) == ("RuinedFooocus", "a fox", "blur", "j", "euler", 5, 30, 4.0)
    assert found.settings["size"] == "8x9"


def test_fooocus_other_scheme(build):
    text = "a fox\nNegative prompt: blur\nSteps: 30, Sampler: DPM++ 2M SDE, Seed: 5, Size: 8x8, CFG scale: 4, Model: j, Version: Fooocus v2.4.3"
    assert embedded_metadata(build.png({"parameters": text, "fooocus_scheme": "a1111"})).tool == "Fooocus"
    assert (
        embedded_metadata(
            build.png({"parameters": text.replace("Version: Fooocus v2.4.3", "Version: x"), "fooocus_scheme": "a1111"})
        ).tool
        == "Fooocus"
    )


SWARM = {
    "sui_image_params": {
        "prompt": "a fox", "negativeprompt": "blur", "model": "OfficialStableDiffusion/sd_xl_base_1.0", "seed": 7, "steps": 20, "cfgscale": 7.0,
        "width": 1024, "height": 1024, "sampler": "euler", "scheduler": "normal", "loras": ["ink"], "loraweights": ["0.6"], "swarm_version": "0.9.4.0",
    },
    "sui_models": [],
}  # fmt: skip


def test_swarmui(build):
    text = json.dumps(SWARM, indent=2)
    graph = json.dumps({"1": {"class_type": "KSampler", "inputs": {}}})
    exif = build.tiff({}, "<", b"UNICODE\0" + text.encode("utf-16-le"))
    for content in (
        build.png({"parameters": text}),
        build.png({"prompt": graph, "parameters": text}),
        build.saved("JPEG", exif),
    ):
        found = embedded_metadata(content)
        assert facts(found) == (
            "SwarmUI",
            "a fox",
            "blur",
            "OfficialStableDiffusion/sd_xl_base_1.0",
            "euler",
            7,
            20,
            7.0,
        )
        assert (found.scheduler, found.settings["loras"]) == ("normal", "ink:0.6")


XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"
xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>{body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def drawn(values):
    text = json.dumps(values).replace("&", "&amp;").replace("<", "&lt;")
    body = f'<xmp:CreatorTool>Draw Things</xmp:CreatorTool><exif:UserComment><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></exif:UserComment>'
    return XMP.format(attributes='xmp:Rating="4"', body=body)


def test_draw_things(build):
    values = {
        "c": "a fox & <an owl>",
        "uc": "blur",
        "model": "sdxl.ckpt",
        "sampler": "DPM++ 2M Karras",
        "scale": 6,
        "seed": 11,
        "size": "512x640",
        "steps": 20,
        "strength": 1,
        "lora": [{"model": "ink", "weight": 0.5}],
    }
    packet = drawn(values)
    jpeg = build.saved("JPEG", xmp=packet.encode())
    for content in (
        build.png({"XML:com.adobe.xmp": packet}),
        jpeg,
        build.saved("WEBP", xmp=packet.encode()),
        build.saved("AVIF", xmp=packet.encode()),
    ):
        found = embedded_metadata(content)
        assert facts(found) == ("Draw Things", "a fox & <an owl>", "blur", "sdxl.ckpt", "DPM++ 2M Karras", 11, 20, 6.0)
        assert (found.source, found.settings["rating"]) == ("xmp:UserComment", "4")
        assert found.settings["loras"] == "ink:0.5"


def test_ratings(build):
    for content in (
        build.saved("JPEG", xmp=XMP.format(attributes='xmp:Rating="5"', body="").encode()),
        build.saved("JPEG", xmp=XMP.format(attributes="", body="<xmp:Rating>5</xmp:Rating>").encode()),
        build.saved(
            "JPEG", build.tiff({0x4746: (3, b"\5\0")}, "<").replace(b"\x46\x47\3\0\2\0\0\0", b"\x46\x47\3\0\1\0\0\0")
        ),
    ):
        found = embedded_metadata(content)
        assert (found.tool, found.prompt, found.settings) == ("XMP", None, {"rating": "5"})
    assert embedded_metadata(build.saved("JPEG", xmp=XMP.format(attributes='xmp:Rating="0"', body="").encode())) is None
    text = "a\nSteps: 2, Sampler: Euler, Seed: 1"
    found = embedded_metadata(
        build.png({"parameters": text, "XML:com.adobe.xmp": XMP.format(attributes='xmp:Rating="2"', body="")})
    )
    assert (found.tool, found.prompt, found.settings["rating"]) == ("AUTOMATIC1111", "a", "2")


JOB = "Job ID: 0f5b1d3c-1b5a-4c36-9d3f-4a1bb8a0a111"


def test_midjourney(build):
    text = (
        f"a fox -- or an owl, https://x.y/z.png --ar 3:2 --v 6.1 --no blur, text --seed 12 --stylize 250 --tile {JOB}"
    )
    found = embedded_metadata(build.png({"Description": text, "Author": "someone"}))
    assert facts(found) == (
        "Midjourney",
        "a fox -- or an owl, https://x.y/z.png",
        "blur, text",
        "Midjourney 6.1",
        None,
        12,
        None,
        None,
    )
    assert found.settings == {"aspect": "3:2", "stylize": "250", "tile": "true", "job": JOB[8:]}
    packet = XMP.format(
        attributes="",
        body=f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:description>',
    )
    assert embedded_metadata(build.saved("JPEG", xmp=packet.encode())).prompt == found.prompt
    assert embedded_metadata(build.saved("JPEG", build.tiff({0x010E: (2, text.encode() + b"\0")}))).seed == 12


@pytest.mark.parametrize(
    ("text", "prompt", "model"),
    [
        ("fox --niji 5", "fox", "Niji 5"),
        (f"fox {JOB}", "fox", None),
        ("fox --ar 1:1 --v 5", "fox", "Midjourney 5"),
        ("fox —v 6 —ar 2:3", "fox", "Midjourney 6"),
        ("fox --by night --v 6 --unheard of", "fox --by night", "Midjourney 6"),
    ],
)
def test_midjourney_forms(text, prompt, model):
    found = read_midjourney({"Description": text}, {"Description": "png:Description"})
    assert (found.prompt, found.model) == (prompt, model)


@pytest.mark.parametrize(
    "text", ["OLYMPUS DIGITAL CAMERA", "a fox -- running", "run tool --verbose --output x", "--", "prog --test"]
)
def test_other_descriptions_are_unknown(build, text):
    assert embedded_metadata(build.png({"Description": text})) is None


def test_easy_diffusion(build):
    values = {
        "prompt": "a fox",
        "negative_prompt": "blur",
        "seed": 5,
        "use_stable_diffusion_model": "sd-v1-5",
        "sampler_name": "euler_a",
        "num_inference_steps": 25,
        "guidance_scale": 7.5,
        "width": 512,
        "height": 768,
        "clip_skip": True,
    }
    expected = ("Easy Diffusion", "a fox", "blur", "sd-v1-5", "euler_a", 5, 25, 7.5)
    found = embedded_metadata(build.png({name: str(value) for name, value in values.items()}))
    assert facts(found) == expected
    assert found.settings["size"] == "512x768"
    titled = {
        "Prompt": "a fox",
        "Negative Prompt": "blur",
        "Seed": "5",
        "Stable Diffusion model": "sd-v1-5",
        "Sampler": "euler_a",
        "Steps": "25",
        "Guidance Scale": "7.5",
    }
    assert facts(embedded_metadata(build.png(titled))) == expected
    exif = build.tiff({}, "<", b"ASCII\0\0\0" + json.dumps(values).encode())
    assert facts(embedded_metadata(build.saved("JPEG", exif))) == expected


def test_camera_pictures_are_unknown(build):
    exif = build.tiff(
        {0x010F: (2, b"Canon\0"), 0x0110: (2, b"EOS 5D\0"), 0x010E: (2, b"holiday\0")}, ">", b"ASCII\0\0\0   \0\0"
    )
    for name in ("JPEG", "WEBP", "AVIF"):
        assert embedded_metadata(build.saved(name, exif)) is None
        assert embedded_metadata(build.saved(name)) is None


DEMO = {
    "prompt": "1girl, fox ears, snow, ",
    "negative_prompt": "lowres, ",
    "resolution": "832 x 1216",
    "guidance_scale": 7,
    "num_inference_steps": 28,
    "seed": 1180638,
    "sampler": "Euler a",
    "sdxl_style": "(None)",
    "add_quality_tags": True,
    "quality_tags": "Heavy v3.1",
    "use_upscaler": None,
    "Model": {"Model": "Some XL 3.1", "Model hash": "e3c47aedb0"},
}


def test_web_demos_write_json_into_parameters(build):
    found = embedded_metadata(build.png({"parameters": json.dumps(DEMO)}))
    assert facts(found) == (
        "diffusers",
        "1girl, fox ears, snow, ",
        "lowres, ",
        "Some XL 3.1",
        "Euler a",
        1180638,
        28,
        7.0,
    )
    assert (found.settings["size"], found.settings["sdxl_style".replace("_", " ")]) == ("832x1216", "(None)")
    assert found.source == "png:parameters"
    least = json.dumps({"prompt": "a fox", "negative_prompt": "blur", "guidance_scale": 3.5})
    exif = build.tiff({}, "<", b"UNICODE\0" + least.encode("utf-16-le"))
    for content in (build.png({"parameters": least}), build.saved("WEBP", exif), build.saved("JPEG", exif)):
        assert facts(embedded_metadata(content)) == ("diffusers", "a fox", "blur", None, None, None, None, 3.5)


@pytest.mark.parametrize("values", [{}, {"prompt": ""}, {"prompt": 5, "seed": 1, "steps": 2}, {"seed": 1, "steps": 2}])
def test_other_json_in_parameters_is_unknown(build, values):
    assert embedded_metadata(build.png({"parameters": json.dumps(values)})) is None


TENSORART = {
    "models": [
        {"label": "ink", "type": "LORA", "modelId": "5", "modelFileId": "6", "weight": 0.8, "modelFileName": "ink_v2", "baseModel": "SDXL 1.0", "hash": "AB"},
    ],
    "prompt": "a fox,  ",
    "negativePrompt": "blur",
    "width": 768,
    "height": 1152,
    "imageCount": 1,
    "samplerName": "Euler a",
    "steps": 25,
    "cfgScale": 7,
    "seed": "2405514972",
    "clipSkip": 2,
    "baseModel": {"label": "RealXL", "type": "BASE_MODEL", "modelId": "1", "modelFileId": "2", "modelFileName": "realxl_v4", "baseModel": "SDXL 1.0", "hash": "CD"},
    "sdVae": "Automatic",
}  # fmt: skip


def test_tensorart(build):
    expected = ("TensorArt", "a fox,  ", "blur", "realxl_v4", "Euler a", 2405514972, 25, 7.0)
    alone = embedded_metadata(build.png({"generation_data": json.dumps(TENSORART)}))
    assert facts(alone) == expected
    assert (alone.settings["size"], alone.settings["loras"], alone.source) == (
        "768x1152",
        "ink_v2:0.8",
        "png:generation_data",
    )
    # The texts of the user are beside the graph that the service ran.
    graph = {
        "1": {"class_type": "KSampler", "inputs": {"seed": 2405514972, "steps": 25, "scheduler": "karras", "positive": ["2", 0], "model": ["3", 0], "latent_image": ["4", 0]}},
        "2": {"class_type": "BNK_CLIPTextEncodeAdvanced", "inputs": {"text": "a fox, more", "clip": ["3", 1]}},
        "3": {"class_type": "ECHOCheckpointLoaderSimple", "inputs": {"ckpt_name": "internal"}},
    }  # fmt: skip
    both = embedded_metadata(build.png({"prompt": json.dumps(graph), "generation_data": json.dumps(TENSORART)}))
    assert (facts(both), both.scheduler) == (expected, "karras")
    assert embedded_metadata(build.png({"generation_data": "[]"})) is None
    assert embedded_metadata(build.png({"generation_data": '{"prompt": 1}'})) is None


def test_texts_are_kept_as_written(build):
    odd = " a fox,  in snow , "
    texts = [
        {"invokeai_metadata": json.dumps(INVOKE | {"positive_prompt": odd})},
        {"Dream": f'"{odd}" -s 50 -S 2980 -C 7.5 -A k_lms'},
        {"Software": "NovelAI", "Comment": json.dumps(NOVEL | {"prompt": odd})},
        {"parameters": json.dumps(FOOOCUS | {"prompt": odd})},
        {"parameters": json.dumps(DEMO | {"prompt": odd})},
        {"parameters": json.dumps({"sui_image_params": {"prompt": odd, "steps": 1}})},
    ]
    for one in texts:
        assert embedded_metadata(build.png(one)).prompt == odd
