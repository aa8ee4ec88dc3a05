"""Reads short formats: web demos, TensorArt, SwarmUI, Draw Things, Midjourney, NovelAI, Fooocus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .record import LONGEST_PROMPT, PictureMetadata, loras, read_flat, read_object, record, size

# The log has labels ("Guidance Scale"), pictures have names ("guidance_scale").
_MARKS = {"metadata_scheme", "guidance_scale", "performance", "sharpness", "adm_guidance", "base_model", "styles"}
#: Name for the tool of settings in the words of diffusers whose program is not named.
DEMO = "diffusers"


def read_swarm_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read SwarmUI's ``sui_image_params``."""
    inner = values.get("sui_image_params")
    if not isinstance(inner, dict):
        return None
    names, weights = inner.get("loras"), inner.get("loraweights")
    names = names if isinstance(names, list) else str(names).split(",") if isinstance(names, str) else []
    weights = weights if isinstance(weights, list) else str(weights).split(",") if isinstance(weights, str) else []
    weights = [*weights, *[None] * len(names)]
    return record(
        "SwarmUI",
        source,
        prompt=inner.get("prompt"),
        negative=inner.get("negativeprompt"),
        model=inner.get("model"),
        sampler=inner.get("sampler") or inner.get("comfyuisampler"),
        scheduler=inner.get("scheduler") or inner.get("comfyuischeduler"),
        seed=inner.get("seed"),
        steps=inner.get("steps"),
        guidance=inner.get("cfgscale"),
        settings={
            "size": size(inner.get("width"), inner.get("height")),
            "loras": loras(zip(names, weights, strict=False)),
            "distilled guidance": inner.get("fluxguidancescale"),
            "vae": inner.get("vae"),
            "denoise": inner.get("initimagecreativity"),
            "refiner": inner.get("refinermodel"),
            "clip skip": inner.get("clipstopatlayer"),
            "version": inner.get("swarm_version"),
        },
    )


def read_demo_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read the settings that web demos of diffusers pipelines write as JSON; ``None`` for an object without a prompt.

    The names are arguments of the pipeline (``guidance_scale``, ``num_inference_steps``); ``Model`` may be an object
    with the name and the hash.
    """
    if not isinstance(values.get("prompt"), str):
        return None
    return read_flat(DEMO, source, {**values, "resolution": _resolution(values.get("resolution"))})


def read_demo(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read ``read_demo_object`` in texts that other tools use too, by names that only diffusers has."""
    for key in ("UserComment", "Comment", "ImageDescription"):
        values = read_object(texts.get(key))
        if values and {"guidance_scale", "num_inference_steps"} & values.keys():
            metadata = read_demo_object(values, places[key])
            if metadata is not None:
                return metadata
    return None


def _resolution(value: object) -> object:
    """``832x1216`` of ``832 x 1216``; anything else as it is."""
    match = re.fullmatch(r"(\d{1,6})\s*x\s*(\d{1,6})", value) if isinstance(value, str) else None
    return f"{match[1]}x{match[2]}" if match else value


def read_tensorart(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read TensorArt's ``generation_data``."""
    values = read_object(texts.get("generation_data"))
    if values is None or not isinstance(values.get("prompt"), str):
        return None
    base, listed = values.get("baseModel"), values.get("models")
    base = base if isinstance(base, dict) else {}
    return record(
        "TensorArt",
        places["generation_data"],
        prompt=values["prompt"],
        negative=values.get("negativePrompt"),
        model=base.get("modelFileName") or base.get("label"),
        sampler=values.get("samplerName") or values.get("sampler"),
        scheduler=values.get("scheduler"),
        seed=values.get("seed"),
        steps=values.get("steps"),
        guidance=values.get("cfgScale"),
        settings={
            "size": size(values.get("width"), values.get("height")),
            "clip skip": values.get("clipSkip"),
            "model hash": base.get("hash"),
            "loras": loras(
                (item.get("modelFileName") or item.get("label"), item.get("weight"))
                for item in (listed if isinstance(listed, list) else [])
                if isinstance(item, dict)
            ),
        },
    )


def read_drawthings(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read the JSON that Draw Things puts into the XMP's (or EXIF's) UserComment."""
    for key in ("xmp:UserComment", "UserComment"):
        values = read_object(texts.get(key))
        if values is None or "c" not in values or not {"uc", "sampler", "scale", "steps"} & values.keys():
            continue
        second = values.get("v2")
        more = second if isinstance(second, dict) else {}
        listed = values.get("lora")
        return record(
            "Draw Things",
            places[key],
            prompt=values["c"],
            negative=values.get("uc"),
            model=values.get("model"),
            sampler=values.get("sampler"),
            seed=values.get("seed"),
            steps=values.get("steps"),
            guidance=values.get("scale"),
            settings={
                "size": values.get("size"),
                "denoise": values.get("strength"),
                "shift": more.get("shift"),
                "clip skip": more.get("clipSkip"),
                "loras": loras(
                    (item.get("model") or item.get("file"), item.get("weight"))
                    for item in (listed if isinstance(listed, list) else [])
                    if isinstance(item, dict)
                ),
            },
        )
    return None


_JOB = re.compile(r"\s*Job ID:\s*([0-9a-fA-F-]{8,40})\s*\Z")
_VALUED = {
    "s": "stylize",
    "c": "chaos",
    "iw": "image weight",
    "q": "quality",
    "ar": "aspect",
    "aspect": "aspect",
    "w": "weird",
}
_KNOWN = {
    *_VALUED, "stylize", "chaos", "quality", "weird", "no", "seed", "v", "version", "niji", "style", "tile", "raw",
    "stop", "sref", "sw", "cref", "cw", "p", "profile", "personalize", "repeat", "r", "video", "fast", "relax",
    "turbo", "upbeta", "uplight", "oref", "ow", "draft", "exp", "hd", "creative", "test", "testp", "sameseed",
    "stealth", "public",
}  # fmt: skip


def read_midjourney(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read a description as Midjourney writes it: the prompt, its flags, the job.

    A job, two known flags, or a flag of Midjourney alone (``--v``, ``--ar``, ``--niji``) identify it.
    """
    for key in ("Description", "ImageDescription", "xmp:Description", "Comment"):
        text = texts.get(key, "")
        if len(text) > LONGEST_PROMPT or not re.search("--|—|Job ID", text):
            continue
        job = _JOB.search(text[-200:])
        body = text[: len(text) - len(job[0])] if job else text.rstrip()
        start, flags = _flags(body)
        known = flags.keys() & _KNOWN
        if not job and len(known) < 2 and not known & {"v", "ar", "niji"}:
            continue
        version = flags.get("v") or flags.get("version")
        model = f"Midjourney {version}" if version else f"Niji {flags['niji']}" if flags.get("niji") else None
        settings: dict[str, object] = {_VALUED.get(name, name): flags[name] or "true" for name in known}
        for name in ("no", "seed", "v", "version"):
            settings.pop(name, None)
        settings["job"] = job[1] if job else None
        return record(
            "Midjourney",
            places[key],
            # The spaces before the flags are not of the prompt.
            prompt=body[:start].rstrip(),
            negative=flags.get("no"),
            model=model,
            seed=flags.get("seed"),
            settings=settings,
        )
    return None


def _flags(body: str) -> tuple[int, dict[str, str]]:
    """Start of the flags in the text, and their values; dashes before the first known flag belong to the prompt."""
    start, name = len(body), ""
    flags: dict[str, list[str]] = {}
    for match in re.finditer(r"\S+", body):
        flag = re.fullmatch(r"(?:--|—)([a-zA-Z]\w{0,20})", match[0])
        if flag and (flags or flag[1].lower() in _KNOWN):
            name = flag[1].lower()
            start = match.start() if not flags else start
            flags.setdefault(name, [])
        elif flags:
            flags[name].append(match[0])
    return start, {name: " ".join(words) for name, words in flags.items()}


def read_easy_diffusion(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read the PNG texts (``prompt``, ``seed``, …, in two spellings) or the JSON comment of Easy Diffusion."""
    key = next((name for name in ("prompt", "Prompt") if name in texts), None)
    if key and {"num_inference_steps", "guidance_scale", "Steps", "Guidance Scale"} & texts.keys():
        return read_flat(
            "Easy Diffusion", places[key], {n: t for n, t in texts.items() if places[n].startswith("png:")}
        )
    values = read_object(texts.get("UserComment"))
    if values and "prompt" in values and "num_inference_steps" in values:
        return read_flat("Easy Diffusion", places["UserComment"], values)
    return None


def read_novelai(texts: Mapping[str, str], places: Mapping[str, str]) -> PictureMetadata | None:
    """Read the ``Comment``, and the ``Description`` if the comment has no prompt."""
    values = read_object(texts.get("Comment"))
    signed = texts.get("Software", "").startswith("NovelAI")
    if values is None or not (signed or {"uc", "steps", "sampler"} <= values.keys()):
        if signed and "Description" in texts:
            return record("NovelAI", places["Description"], prompt=texts["Description"], model=texts.get("Source"))
        return None
    negative = values.get("uc")
    base, characters = _caption(values.get("v4_prompt"))
    negative_base, negative_characters = _caption(values.get("v4_negative_prompt"))
    return record(
        "NovelAI",
        places["Comment"],
        prompt=values.get("prompt") or base or texts.get("Description"),
        negative=negative if negative is not None else negative_base,
        model=texts.get("Source"),
        sampler=values.get("sampler"),
        scheduler=values.get("noise_schedule"),
        seed=values.get("seed"),
        steps=values.get("steps"),
        guidance=values.get("scale"),
        settings={
            "size": size(values.get("width"), values.get("height")),
            "characters": characters,
            "negative characters": negative_characters,
            # Written for every picture, but meaningful only for those made from another one.
            "denoise": values.get("strength") if "Img2Img" in str(values.get("request_type")) else None,
            "cfg rescale": values.get("cfg_rescale"),
            "smea": values.get("sm"),
            "smea dyn": values.get("sm_dyn"),
            "request": values.get("request_type"),
        },
    )


def _caption(value: Any) -> tuple[str | None, str | None]:  # noqa: ANN401 - of a stranger's JSON
    """The base caption and the captions of the characters, in version 4 and later."""
    caption = value.get("caption") if isinstance(value, dict) else None
    if not isinstance(caption, dict):
        return None, None
    listed = caption.get("char_captions")
    parts = [item.get("char_caption") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    base = caption.get("base_caption")
    return base if isinstance(base, str) else None, " | ".join(
        part for part in parts if isinstance(part, str) and part
    ) or None


def read_fooocus_object(values: Mapping[str, Any], source: str) -> PictureMetadata | None:
    """Read an object of Fooocus's scheme or log; ``None`` if it is another tool's."""
    flat = {re.sub(r"[\s-]+", "_", str(name)[:80].strip().lower()): value for name, value in list(values.items())[:300]}
    ruined = str(flat.get("software")).startswith("RuinedFooocus")
    if "prompt" not in flat or not (ruined or len(_MARKS & flat.keys()) >= 3):
        return None
    numbers = re.findall(r"\d{1,6}", str(flat.get("resolution", ""))[:40])
    return record(
        "RuinedFooocus" if ruined else "Fooocus",
        source,
        prompt=flat["prompt"],
        negative=flat.get("negative_prompt", flat.get("negative")),
        model=flat.get("base_model", flat.get("base_model_name")),
        sampler=flat.get("sampler", flat.get("sampler_name")),
        scheduler=flat.get("scheduler"),
        seed=flat.get("seed"),
        steps=flat.get("steps"),
        guidance=flat.get("guidance_scale", flat.get("cfg")),
        settings={
            "size": "x".join(numbers) if len(numbers) == 2 else size(flat.get("width"), flat.get("height")),
            "styles": _listed(flat.get("styles")),
            "performance": flat.get("performance"),
            "sharpness": flat.get("sharpness"),
            "clip skip": flat.get("clip_skip"),
            "vae": flat.get("vae"),
            "refiner": None if flat.get("refiner_model") == "None" else flat.get("refiner_model"),
            "refiner switch": flat.get("refiner_switch"),
            "loras": loras(_loras(flat)),
            "model hash": flat.get("base_model_hash"),
            "version": flat.get("version"),
        },
    )


def _listed(value: object) -> object:
    """Styles as text, from a list or from a string that spells one in Python."""
    if isinstance(value, str):
        return re.sub(r"[\[\]'\"]", "", value)
    return ", ".join(item for item in value if isinstance(item, str)) if isinstance(value, list) else None


def _loras(flat: Mapping[str, Any]) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    listed = flat.get("loras")
    for item in listed[:50] if isinstance(listed, list) else []:
        if isinstance(item, list) and len(item) >= 2:
            pairs.append((item[0], item[1]))
        elif isinstance(item, dict):
            pairs.append((item.get("name") or item.get("model_name"), item.get("weight")))
    for name, value in flat.items():
        # "lora_combined_1" in pictures and "LoRA 1" in the log: "name.safetensors : 0.5".
        if re.fullmatch(r"lora(_combined)?_\d{1,2}", name) and isinstance(value, str):
            label, _, weight = value[:400].rpartition(" : ")
            pairs.append((label or weight, weight if label else None))
    return pairs
