"""Finds and loads networks of transformers, of timm, or the packaged EfficientNet."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from ...errors import ModelError, first_line, install_command
from ...files import from_home
from ...threads import import_whole, one_model_at_a_time
from .efficientnet import fused, load_classifier, load_efficientnet, prepare, prepare_squeezed, prepare_whole
from .mobilenet import load_weights, prepare_sides, untold
from .openvino import CompiledMarks, CompiledStages, worth_starting
from .packaged import EFFICIENTNET, STAGES

#: Seconds that the hub has to answer; without a connection the libraries would ask for half a minute.
SECONDS = 10.0
#: Depths at which the layers of a network are read, in shares of their number.
DEPTHS = (0.25, 0.5, 0.75, 1.0)
#: Settings that, with the weights, identify a network.
_SETTINGS = ("config.json", "preprocessor_config.json", "processor_config.json")

Inputs = Mapping[str, torch.Tensor]


def check_on_hub(name: str, file: str = "config.json") -> None:
    """Check that the hub has a model, unless its ``file`` is in the local cache; an answer neither yes nor no will do."""
    from huggingface_hub import model_info, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    try:
        if isinstance(try_to_load_from_cache(name, file), str):
            return
        model_info(name, timeout=SECONDS)
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"The Hugging Face hub has no model {name!r}, or it is private: check the id, log in with 'hf auth login', "
            "or give a local folder."
        ) from error
    except (HfHubHTTPError, HFValidationError):
        return
    # The library passes on the errors of its client for HTTP, which another version may replace.
    except Exception as error:
        raise ModelError(
            f"The model {name!r} is not on this machine, and the Hugging Face hub cannot be reached "
            f"({first_line(error)}): check the id and the connection, or give a local folder, which works offline."
        ) from error


@dataclass(frozen=True)
class Network:
    """A network, in eval mode and float32 on its device, and how to use it."""

    module: nn.Module
    encode: Callable[[Image.Image], Inputs]  # turns an RGB picture into inputs whose first axis has length one
    embed: Callable[[Inputs], torch.Tensor]  # turns inputs of n pictures into (n, p) items
    identity: str  # class, pooling and a hash of weights and settings
    widths: tuple[int, ...] | None = None  # number of items of each depth; None if there is one depth only


@one_model_at_a_time()
def load_network(source: str, *, depths: bool = False) -> Network:
    """Load a network by name, in eval mode on the CPU; see ``DeepExtractor.load``."""
    return _efficientnet(depths) if source == EFFICIENTNET else _pretrained(source, depths)


def _digest(module: nn.Module, settings: Sequence[bytes] = (), without: Sequence[str] = ()) -> str:
    """Hash of names, shapes and values of all weights except ``without``, and of settings; 16 hex digits."""
    digest = hashlib.sha256()
    for content in settings:
        digest.update(hashlib.sha256(content).digest())
    for name, tensor in sorted(module.state_dict().items()):
        if name not in without:
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _efficientnet(depths: bool) -> Network:
    module = load_efficientnet()
    if depths:
        digest = _digest(module)
        return Network(
            fused(module),
            partial(_one_view, prepare_whole),
            partial(_output, CompiledStages(module)) if worth_starting() else partial(_stages, module),
            f"{EFFICIENTNET}:stages:{digest}",
            tuple(channels for *_, channels in STAGES),
        )
    return Network(
        module, partial(_one_view, prepare), partial(_output, module), f"{EFFICIENTNET}:pooled:{_digest(module)}"
    )


# Functions of the module, not lambdas, so that other processes can unpickle a network.
def _one_view(prepared: Callable[[Image.Image], torch.Tensor], picture: Image.Image) -> Inputs:
    return {"pixel_values": prepared(picture)}


def _two_views(picture: Image.Image) -> Inputs:
    return {"middle": prepare(picture), "whole": prepare_squeezed(picture)}


def _stages(module: Any, inputs: Inputs) -> torch.Tensor:  # noqa: ANN401
    return torch.cat(module.stages(**inputs), dim=1)


def _output(module: Callable[..., torch.Tensor], inputs: Inputs) -> torch.Tensor:
    return module(**inputs)


def _larger(module: nn.Module, inputs: Inputs) -> torch.Tensor:
    return torch.maximum(module(inputs["middle"]), module(inputs["whole"]))


def _processed(processor: Any, picture: Image.Image) -> Inputs:  # noqa: ANN401
    prepared = processor(images=[picture], return_tensors="pt")
    return {name: value for name, value in prepared.items() if isinstance(value, torch.Tensor)}


def _joined_layers(vision: Any, inputs: Inputs) -> torch.Tensor:  # noqa: ANN401
    return torch.cat(_layers(vision, inputs), dim=1)


@one_model_at_a_time()
def load_class_network() -> Network:
    """EfficientNet-Lite0 with its classifier: the largest log-probability of each ImageNet class over two views.

    The views are the middle square and the whole picture squeezed into a square, so that a thing at the edge counts.
    """
    module, classifier = load_efficientnet(), load_classifier()
    digest = hashlib.sha256((_digest(module) + _digest(classifier)).encode()).hexdigest()[:16]
    both = nn.Sequential(fused(module), classifier, nn.LogSoftmax(dim=1))
    return Network(both, _two_views, partial(_larger, both), f"{EFFICIENTNET}:classes:{digest}")


@one_model_at_a_time()
def load_nima() -> Network:
    """NIMA with the weights that come with soart: the mean mark of a picture, and why it means nothing."""
    module = load_weights(Path(__file__).with_name("nima.safetensors"))
    marks = CompiledMarks(module) if worth_starting() else module
    return Network(module, _sides, partial(_mark, marks), "nima")


def _sides(picture: Image.Image) -> Inputs:
    sides = prepare_sides(picture)
    return {"sides": sides, "untold": torch.tensor([[float(untold(picture.size, sides))]])}


def _mark(marks: Callable[[torch.Tensor], torch.Tensor], inputs: Inputs) -> torch.Tensor:
    sides = inputs["sides"]
    found = marks(sides.flatten(0, 1)).reshape(sides.shape[:2]).mean(dim=1, keepdim=True)
    return torch.cat([found, inputs["untold"]], dim=1)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars and notices of transformers off the terminal while one thread loads; errors still raise."""
    import_whole("transformers")
    from transformers import logging

    with one_model_at_a_time():
        level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            logging.set_verbosity(level)
            if bar:
                logging.enable_progress_bar()


def _pretrained(source: str, depths: bool) -> Network:
    """Load a vision model by transformers, which runs those of timm as well."""
    place = source.removeprefix("hf-hub:")
    if place.startswith("timm:"):
        place = place.removeprefix("timm:").removeprefix("hf-hub:")
        place = place if "/" in place or Path(place).exists() else f"timm/{place}"
    path = from_home(place)
    local = path.exists() or path.is_absolute() or place.startswith((".", "~"))
    if local and not path.is_dir():
        raise ModelError(
            f"{source!r} is not a model folder: give a folder with config.json and safetensors, a hub id, or "
            f"{EFFICIENTNET!r}."
        )
    if not local:
        check_on_hub(place)
    try:
        with quiet():
            return _from_transformers(str(path) if local else place, source, depths)
    except ModelError:
        raise
    except ImportError as error:
        raise ModelError(
            f"The model {source!r} needs a package that is not installed ({first_line(error)}): "
            f"{install_command('deep')}."
        ) from error
    # The library raises errors of nearly any kind; its own reason is the best one.
    except Exception as error:
        hint = "" if local else " (is the id right, and can the hub be reached? A local folder works offline)"
        raise ModelError(f"The model {source!r} cannot be loaded: {first_line(error)}{hint}.") from error


def _from_transformers(place: str, source: str, depths: bool) -> Network:
    from transformers import AutoConfig, AutoImageProcessor, AutoModel
    from transformers.utils import cached_file

    config = AutoConfig.from_pretrained(place, trust_remote_code=False)
    try:
        # Pillow gives the same picture whether or not torchvision is installed.
        processor = AutoImageProcessor.from_pretrained(place, backend="pil", trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"The model {source!r} ({config.model_type}) has no usable image processor ({first_line(error)}): give a vision "
            "model such as CLIP, SigLIP, DINOv2 or ViT."
        ) from error
    model, report = AutoModel.from_pretrained(
        place, use_safetensors=True, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
    )
    pooling = _pooling(model)
    missing = sorted(report["missing_keys"])
    if [name for name in missing if pooling != "class-token" or not name.startswith("pooler.")]:
        raise ModelError(
            f"The model {source!r} lacks {len(missing)} of its weights, such as {missing[0]!r}, which would be random: "
            "give complete weights."
        )
    files = [cached_file(place, name, _raise_exceptions_for_missing_entries=False) for name in _SETTINGS]
    settings = [Path(file).read_bytes() for file in files if file]
    encode = partial(_processed, processor)
    digest = _digest(model, settings, missing)
    if depths:
        vision = getattr(model, "vision_model", model).eval()
        with torch.inference_mode():
            widths = tuple(layer.shape[1] for layer in _layers(vision, encode(Image.new("RGB", (32, 32)))))
        identity = f"{type(model).__name__}:layers:{digest}"
        return Network(vision, encode, partial(_joined_layers, vision), identity, widths)
    identity = f"{type(model).__name__}:{pooling}:{digest}"
    return Network(model.eval(), encode, partial(_embed, model, pooling), identity)


def _pooling(model: Any) -> str:  # noqa: ANN401
    """Choose how items are taken from a vision model's output: ``image-embedding``, ``class-token`` or ``pooled``."""
    if hasattr(model, "get_image_features"):
        return "image-embedding"
    if model.main_input_name != "pixel_values":
        raise ModelError(f"A {type(model).__name__} takes {model.main_input_name}, not pictures: give a vision model.")
    tokens = any(name.rpartition(".")[2] == "cls_token" for name, _ in model.named_parameters())
    return "class-token" if tokens and model.config.model_type != "timm_wrapper" else "pooled"


def _embed(model: Any, pooling: str, inputs: Inputs) -> torch.Tensor:  # noqa: ANN401
    """(n, p) items from inputs of n pictures."""
    if pooling == "image-embedding":
        features = model.get_image_features(**inputs)
        # A tensor before transformers 5.
        return functional.normalize(features if isinstance(features, torch.Tensor) else features.pooler_output, dim=1)
    output = model(**inputs)
    if pooling == "class-token":
        return output.last_hidden_state[:, 0]  # type: ignore[no-any-return]
    pooled = getattr(output, "pooler_output", None)
    if pooled is None:
        # (n, tokens, p), or (n, p, h, w).
        hidden = output.last_hidden_state
        pooled = hidden.mean(dim=1) if hidden.ndim == 3 else hidden.mean(dim=(2, 3))
    return pooled.flatten(1)  # type: ignore[no-any-return]


def _layers(vision: Any, inputs: Inputs) -> list[torch.Tensor]:  # noqa: ANN401
    """(n, width) means over the picture of the layers at ``DEPTHS``, from inputs of n pictures."""
    # The first of them is what enters the first layer.
    layers = vision(pixel_values=inputs["pixel_values"], output_hidden_states=True).hidden_states[1:]
    chosen = [layers[number] for number in depth_numbers(len(layers))]
    # (n, tokens, p), or (n, p, h, w).
    return [layer.mean(dim=1) if layer.ndim == 3 else layer.mean(dim=(2, 3)) for layer in chosen]


def depth_numbers(count: int) -> list[int]:
    """Numbers of the layers at ``DEPTHS``, of ``count`` in all; fewer if there are fewer layers."""
    return sorted({max(1, round(share * count)) - 1 for share in DEPTHS})
