"""Reads from a pipeline's class how it is called: what it needs besides text, and which argument guides it.

Text-to-image classes are those of diffusers' own list, which ``AutoPipelineForText2Image`` uses; what other classes
need follows from the arguments of their call.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import torch

from ...errors import ModelError

#: Arguments of a call that take pictures that the prompt is drawn on, or after.
PICTURES = ("image", "images", "mask_image", "control_image", "control_mask")
#: Arguments that soart sets for every picture, and never takes as fixed inputs.
OWN = frozenset(
    {"prompt", "generator", "output_type", "return_dict", "num_images_per_prompt", "callback", "callback_steps"}
    | {"callback_on_step_end", "callback_on_step_end_tensor_inputs", "latents", "prompt_embeds", "kwargs"}
)
#: Arguments that are settings of a request, by their names in soart.
SETTING_NAMES = {
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "negative_prompt": "negative",
    "width": "width",
    "height": "height",
}
#: Arguments of calls that do not draw single pictures, and what these draw.
_OTHER_MEDIA = {
    "num_frames": "videos", "num_videos_per_prompt": "videos", "video_length": "videos", "frames": "videos",
    "video": "videos", "audio_length_in_s": "sounds", "audio_end_in_s": "sounds", "audio_duration": "sounds",
    "num_waveforms_per_prompt": "sounds", "layers": "stacks of layers",
    "frame_size": "views of three-dimensional objects",
}  # fmt: skip
#: Arguments that guide a picture by its prompt, the strongest first.
_GUIDANCE = (
    "guidance_scale",
    "true_cfg_scale",
    "prior_guidance_scale",
    "decoder_guidance_scale",
    "distilled_guidance_scale",
)
#: The guidance of pipelines that take it from a component.
GUIDER = "guider"


def call_of(pipeline: Any) -> Mapping[str, inspect.Parameter]:  # noqa: ANN401
    """The arguments of a pipeline's call, by name."""
    if isinstance(pipeline, type) or not hasattr(pipeline, "components") or not callable(pipeline):
        what = f"the class {pipeline.__name__}" if isinstance(pipeline, type) else f"a {type(pipeline).__name__}"
        raise ModelError(f"Expected a loaded pipeline of diffusers, got {what}: load one with from_pretrained.")
    return _arguments(type(pipeline))


def _arguments(kind: type) -> Mapping[str, inspect.Parameter]:
    """The arguments of the call of a class; those that it hands on as ``**kwargs`` are the arguments of its parents."""
    arguments: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if "__call__" not in vars(base):
            continue
        own = inspect.signature(vars(base)["__call__"]).parameters
        arguments |= {name: own[name] for name in own if name not in arguments and name != "self"}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in own.values()):
            break
    loose = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: parameter for name, parameter in arguments.items() if parameter.kind not in loose}


def check_inputs(kind: type, inputs: Collection[str]) -> None:
    """Refuse classes of pipelines that draw no single pictures from text and the fixed ``inputs``."""
    call, name = _arguments(kind), kind.__name__
    if "prompt" not in call:
        raise ModelError(f"{name} does not draw pictures from text: its call takes no prompt.")
    media = next((kind for argument, kind in _OTHER_MEDIA.items() if argument in call), None)
    if media is not None:
        raise ModelError(f"{name} draws {media}, and soart single pictures only: wrap a text-to-image pipeline.")
    if "Prior" in name or any("embed" in argument for argument in _required(call)):
        raise ModelError(
            f"{name} is one half of a pair of pipelines and does not draw pictures from text: "
            "wrap the combined pipeline."
        )
    for argument in inputs:
        if argument in OWN or argument in SETTING_NAMES:
            raise ModelError(
                f"{argument!r} cannot be a fixed input because it belongs to each picture: leave it out"
                + (f", or pass {SETTING_NAMES[argument]} to best_of or tune." if argument in SETTING_NAMES else ".")
            )
        if argument not in call:
            fixed = sorted(call.keys() - OWN - SETTING_NAMES.keys())
            raise ModelError(f"{name} takes no {argument!r}: its fixed inputs are {', '.join(fixed) or 'none'}.")
    if missing := [argument for argument in needed_inputs(kind) if argument not in inputs]:
        example = ", ".join(f"{argument}=…" for argument in missing)
        raise ModelError(
            f"{name} does not draw pictures from text alone: give its {' and '.join(missing)} too, "
            f"as in soart.wrap(pipeline, {example})."
        )


def split_options(pipeline: Any, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401
    """Split keyword arguments into fixed inputs of a pipeline's call, and all others by their names in soart."""
    call = call_of(pipeline)
    for name in options:
        if name in OWN:
            more = ", and pass seed to choose the pictures" if name == "generator" else ""
            raise ModelError(f"{name!r} cannot be given because soart sets it for every picture: leave it out{more}.")
        other = SETTING_NAMES.get(name, name)
        if other != name and other in options:
            raise ModelError(f"{name!r} and {other!r} are the same setting: give one of them.")
    # What both name, such as a seed, is soart's.
    inputs = {name for name in options if name in call and name not in OWN | SETTING_NAMES.keys() | {"seed"}}
    return (
        {name: options[name] for name in inputs},
        {SETTING_NAMES.get(name, name): value for name, value in options.items() if name not in inputs},
    )


def counted_and_seeded(n: int | None, options: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Number of pictures, and options, of a call with ``num_images_per_prompt`` or a ``generator`` of PyTorch."""
    others = dict(options)
    for name, own, given in (("num_images_per_prompt", "n", n is not None), ("generator", "seed", "seed" in others)):
        if name in others and given:
            raise ModelError(f"{name!r} and {own!r} are the same setting: give one of them.")
    if isinstance(others.get("generator"), torch.Generator):
        others["seed"] = others.pop("generator").initial_seed()
    each = others.pop("num_images_per_prompt", None)
    if each is None:
        return 16 if n is None else n, others
    if not isinstance(each, int) or each < 1:
        raise ModelError(f"Expected num_images_per_prompt of at least 1, got {each!r}.")
    return each, others


def needed_inputs(kind: type) -> tuple[str, ...]:
    """Names of the arguments besides the prompt that a class of pipelines cannot draw without."""
    call = _arguments(kind)
    pictures = [argument for argument in PICTURES if argument in call]
    # A listed class without a control picture draws from text alone; its pictures are references.
    listed = _listed_class(kind) if pictures else None
    if listed is not None and "Control" not in listed:
        pictures = []
    needed = [*_required(call), *pictures]
    if "control_mode" in call and "Union" in (listed or kind.__name__):
        needed.append("control_mode")
    return tuple(dict.fromkeys(needed))


def guidance_argument(pipeline: Any) -> str | None:  # noqa: ANN401
    """The argument that takes the guidance of a request, ``GUIDER`` for a component, or None.

    ``guidance_scale`` beside a ``true_cfg_scale`` guides nothing but distilled weights where its default is None.
    """
    call = call_of(pipeline)
    for name in _GUIDANCE:
        if name not in call:
            continue
        if name == "guidance_scale" and "true_cfg_scale" in call and call[name].default is None:
            continue
        if name == "distilled_guidance_scale" and hasattr(getattr(pipeline, GUIDER, None), "guidance_scale"):
            return GUIDER
        return name
    return None


def image_to_image(pipeline: Any) -> Any:  # noqa: ANN401
    """The pipeline of the same networks that draws on a picture at a strength; None if diffusers has none."""
    from diffusers import AutoPipelineForImage2Image

    try:
        found = AutoPipelineForImage2Image.from_pipe(pipeline)
    except ValueError:
        return None
    return found if {"image", "strength"} <= call_of(found).keys() else None


def listed_classes() -> list[type]:
    """The text-to-image classes of the installed diffusers, in its order."""
    with warnings.catch_warnings():
        # Some of the listed families use what PyTorch will remove.
        warnings.simplefilter("ignore")
        from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

    return list(dict.fromkeys(AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values()))


def _listed_class(kind: type) -> str | None:
    """Name of a class, or of its first base class, among ``listed_classes``; None for others."""
    listed = set(listed_classes())
    return next((base.__name__ for base in kind.__mro__ if base in listed), None)


def _required(call: Mapping[str, inspect.Parameter]) -> list[str]:
    """Arguments without a default, besides the prompt."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, p in call.items() if p.default is p.empty and p.kind in named and name != "prompt"]
