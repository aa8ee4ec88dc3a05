"""A small stand-in of ComfyUI, as far as a node pack sees it: the V3 interface, and how the server runs a graph.

It takes the arguments that both the oldest supported version (0.3.60) and the newest tried one (0.33.0) take: a test compares them with a checkout.
Held to what the real server does: ids must not collide, ``ui`` values are lists of plain JSON values without NaN, runs of a list are laid over each
other by the keys of the first, blockers travel on, a blocker without values blocks nothing, the same inputs are answered from the cache, and a pack
is loaded under a name made of its path.
"""

import asyncio
import importlib.util
import json
import sys
import types
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import count
from typing import ClassVar

import numpy as np
import torch
from PIL import Image


class InterruptedByUserError(Exception):
    pass


class ExecutionBlocker:
    def __init__(self, message):
        self.message = message


# The V3 interface

_INPUT = ("display_name", "optional", "tooltip", "lazy")
# Inputs with a widget took no `extra_dict` before 0.7.
_WIDGET = (*_INPUT, "default", "socketless")
_FIELD = (*_WIDGET, "force_input")
_NUMBER = (*_FIELD, "min", "max", "step", "display_mode")
#: Arguments of the inputs of each type, after the id.
ARGUMENTS = {
    "Boolean": (*_FIELD, "label_on", "label_off"),
    "Combo": (*_WIDGET, "options", "control_after_generate"),
    "Float": (*_NUMBER, "round"),
    "Int": (*_NUMBER, "control_after_generate"),
    "String": (*_FIELD, "multiline", "placeholder"),
}


class Input:
    known = (*_INPUT, "extra_dict")

    def __init__(self, id, **options):  # noqa: A002
        if unknown := set(options) - set(self.known):
            raise TypeError(f"{type(self).__qualname__} takes no {unknown}")
        self.id, self.options = id, options
        self.optional, self.extra_dict = options.get("optional", False), options.get("extra_dict") or {}


class Output:
    def __init__(self, id=None, display_name=None, tooltip=None, is_output_list=False):  # noqa: A002
        self.id, self.is_output_list = id, is_output_list
        self.display_name, self.tooltip = display_name, tooltip


def _type(name, known=Input.known):
    made = type(name, (), {"io_type": name})
    made.Input = type("Input", (Input,), {"known": known, "io_type": name})
    made.Output = type("Output", (Output,), {"io_type": name})
    return made


class Combo(_type("COMBO")):
    class Input(Input):
        known, io_type = ARGUMENTS["Combo"], "COMBO"

        def __init__(self, id, options, **others):  # noqa: A002
            super().__init__(id, **others)
            assert all(isinstance(option, str) for option in options)
            self.choices = options


@dataclass
class Schema:
    node_id: str
    display_name: str | None = None
    category: str = "sd"
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)
    description: str = ""
    is_input_list: bool = False
    is_output_node: bool = False
    hidden: list | None = None

    def validate(self):
        ids = Counter([one.id for one in (*self.inputs, *self.outputs)])
        if twice := [name for name, times in ids.items() if times > 1]:
            raise ValueError(f"Ids must be unique between inputs and outputs, but {twice} are not.")
        for one in self.inputs:
            # The front end gives every such widget a second one, and workflows that do not know of it read all values after it wrongly.
            if (
                one.io_type == "INT"
                and one.id in ("seed", "noise_seed")
                and not one.options.get("control_after_generate")
            ):
                raise ValueError(f"A whole number called {one.id!r} must say control_after_generate.")


class NodeOutput:
    def __init__(self, *args, ui=None, expand=None, block_execution=None):
        self.args, self.ui, self.block_execution = args, ui, block_execution


class ComfyNode:
    hidden = types.SimpleNamespace(prompt=None, extra_pnginfo=None)

    @classmethod
    def GET_SCHEMA(cls):  # noqa: N802
        schema = cls.define_schema()
        schema.validate()
        return schema


class ComfyExtension:
    pass


class PreviewImage:
    folder = None
    numbers = count()

    def __init__(self, image, animated=False, cls=None):
        self.values = []
        for picture in image:
            name = f"preview_{next(self.numbers):05}.png"
            pixels = np.clip(255.0 * picture.cpu().numpy(), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(self.folder / name)
            self.values.append({"filename": name, "subfolder": "", "type": "temp"})

    def as_dict(self):
        return {"images": self.values, "animated": (False,)}


class _ShowImages(ComfyNode):
    @classmethod
    def execute(cls, images, filename_prefix=""):
        return NodeOutput(ui=PreviewImage(images, cls=cls))


def core_nodes(io):
    """The nodes of the server itself that the example workflows use."""
    more = {"PreviewImage": [], "SaveImage": [io.String.Input("filename_prefix", default="ComfyUI")]}
    nodes = {}
    for name, inputs in more.items():
        schema = Schema(name, inputs=[io.Image.Input("images"), *inputs], is_output_node=True)
        nodes[name] = type(name, (_ShowImages,), {"define_schema": classmethod(lambda cls, schema=schema: schema)})
    return nodes


class ProgressBar:
    #: Set by a test to the number of updates after which the run ends, as by the button of the front end.
    interrupt_after = None
    seen: ClassVar[list] = []
    previews: ClassVar[list] = []

    def __init__(self, total, node_id=None):
        self.total, self.current = total, 0

    def update_absolute(self, value, total=None, preview=None):
        if ProgressBar.interrupt_after is not None:
            ProgressBar.interrupt_after -= 1
            if ProgressBar.interrupt_after < 0:
                ProgressBar.interrupt_after = None
                raise InterruptedByUserError
        self.total = self.total if total is None else total
        self.current = min(value, self.total)
        self.seen.append((self.current, self.total))
        if preview is not None:
            kind, picture, side = preview
            assert kind == "JPEG"
            assert side == 512
            self.previews.append(picture)


class Routes:
    """The addresses that packs add to the server."""

    def __init__(self):
        self.posts, self.gets = {}, {}

    def post(self, path):
        return partial(self._add, self.posts, path)

    def get(self, path):
        return partial(self._add, self.gets, path)

    @staticmethod
    def _add(answers, path, answer):
        answers[path] = answer
        return answer

    def send(self, path, content):
        """POST bytes to an address; returns status and document."""

        async def document():
            return json.loads(content)

        answer = asyncio.run(self.posts[path](types.SimpleNamespace(json=document)))
        return answer.status, answer.document

    def fetch(self, path):
        """GET the document at an address."""
        return asyncio.run(self.gets[path](types.SimpleNamespace())).document


class PromptServer:
    """The server as packs see it."""

    def __init__(self):
        self.routes, self.handlers, self.sent = Routes(), [], []

    def send_sync(self, event, data, sid=None):
        """Send to all pages."""
        self.sent.append((event, json.loads(json.dumps(data, allow_nan=False))))

    def get_queue_info(self):
        """Between the runs of a test nothing is left to do."""
        return {"exec_info": {"queue_remaining": 0}}

    def add_on_prompt_handler(self, handler):
        self.handlers.append(handler)

    def trigger_on_prompt(self, document):
        """Let packs change a graph before it is checked, as POST /prompt does."""
        for handler in self.handlers:
            document = handler(document)
        return document


def _json_response(document, status=200):
    return types.SimpleNamespace(status=status, document=json.loads(json.dumps(document)))


class LatentPreviewMethod(Enum):
    NoPreviews = "none"
    Auto = "auto"


class _KSampler:
    SAMPLERS = ("euler", "dpmpp_2m")
    SCHEDULERS = ("normal", "karras")


class _SamplerNode:
    """Paint the request to a sampler: the prompt's length is red, the seed green, guidance or its scheduler blue."""

    def sample(self, model, seed, steps, cfg, sampler_name, scheduler, positive, negative, latent_image, denoise=1.0):
        assert (sampler_name in _KSampler.SAMPLERS, scheduler in _KSampler.SCHEDULERS) == (True, True)
        blue = cfg / 100 if scheduler == "normal" else 1.0
        colour = torch.tensor([len(positive) / 255, seed / 255, blue])
        return ({"samples": colour.expand(*latent_image["samples"], 3)},)


class _EncodeNode:
    def encode(self, clip, text):
        return (clip + text,)


class _LatentNode:
    def generate(self, width, height, batch_size=1):
        return ({"samples": (batch_size, height, width)},)


class _DecodeNode:
    def decode(self, vae, samples):
        return (samples["samples"] * vae,)


class _Sampling:
    """As ``comfy.sample``: noise is made of a seed, and what is painted are its own numbers, coarse and pale."""

    @staticmethod
    def fix_empty_latent_channels(model, latent_image):
        batch, height, width = latent_image
        return torch.zeros(batch, 4, height // 8, width // 8)

    @staticmethod
    def prepare_noise(latent_image, seed, noise_inds=None):
        return torch.randn(latent_image.size(), generator=torch.Generator().manual_seed(seed))

    @staticmethod
    def sample(
        model, noise, steps, cfg, sampler_name, scheduler, positive, negative, latent_image, callback=None, seed=None
    ):
        assert noise.shape == latent_image.shape
        for step in range(steps):
            callback(step, noise, noise, steps)
        painted = torch.nn.functional.interpolate(0.5 + 0.15 * noise[:, :3], scale_factor=8, mode="bilinear")
        return painted.clamp(0, 1).permute(0, 2, 3, 1)


def _prepare_callback(model, steps, x0_output_dict=None):
    bar = ProgressBar(steps)
    return lambda step, x0, x, total: bar.update_absolute(step + 1, total)


def interface(output, temp):
    """The modules that a pack imports from its host, by name."""
    widgets = {name: _type(name.upper(), known) for name, known in ARGUMENTS.items()} | {"Combo": Combo}
    io = types.SimpleNamespace(
        ComfyNode=ComfyNode, Schema=Schema, NodeOutput=NodeOutput, Input=Input, Custom=_type,
        Hidden=types.SimpleNamespace(unique_id="unique_id"), Image=_type("IMAGE"), AnyType=_type("*"),
        Model=_type("MODEL"), Clip=_type("CLIP"), Vae=_type("VAE"), **widgets,
    )  # fmt: skip
    PreviewImage.folder = temp
    checkpoints = output.parent / "models" / "checkpoints"
    contents = {
        "comfy": {},
        "comfy.cli_args": {
            "LatentPreviewMethod": LatentPreviewMethod,
            "args": types.SimpleNamespace(
                disable_metadata=False, preview_method=LatentPreviewMethod.NoPreviews, preview_size=512
            ),
        },
        "comfy.sample": {
            name: getattr(_Sampling, name) for name in ("fix_empty_latent_channels", "prepare_noise", "sample")
        },
        "comfy.samplers": {"KSampler": _KSampler},
        "latent_preview": {"prepare_callback": _prepare_callback},
        "comfy.utils": {"ProgressBar": ProgressBar},
        "nodes": {
            "CLIPTextEncode": _EncodeNode,
            "EmptyLatentImage": _LatentNode,
            "KSampler": _SamplerNode,
            "VAEDecode": _DecodeNode,
        },
        "aiohttp": {"web": types.SimpleNamespace(json_response=_json_response, Request=object, Response=object)},
        "server": {"PromptServer": types.SimpleNamespace(instance=PromptServer())},
        "comfy_api": {},
        "comfy_api.latest": {
            "io": io,
            "ui": types.SimpleNamespace(PreviewImage=PreviewImage),
            "ComfyExtension": ComfyExtension,
        },
        "comfy_execution": {},
        "comfy_execution.graph_utils": {"ExecutionBlocker": ExecutionBlocker},
        "folder_paths": {
            "get_output_directory": lambda: str(output),
            "get_temp_directory": lambda: str(temp),
            "get_filename_list": lambda kind: sorted(file.name for file in checkpoints.glob("*")),
            "get_full_path": lambda kind, name: str(checkpoints / name) if (checkpoints / name).is_file() else None,
        },
    }
    modules = {}
    for name, values in contents.items():
        modules[name] = types.ModuleType(name)
        # Parts of it that are not listed here cannot be found, as for any package.
        modules[name].__path__ = []
        modules[name].__dict__.update(values)
    return modules


def load_pack(folder):
    """Load a pack as the server does; returns its name in ``sys.modules`` and its nodes by id."""
    name = str(folder).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    assert not hasattr(module, "NODE_CLASS_MAPPINGS"), "with V1 mappings the V3 entry point would be ignored"
    extension = module.comfy_entrypoint()
    assert isinstance(extension, ComfyExtension)
    return name, {node.GET_SCHEMA().node_id: node for node in asyncio.run(extension.get_node_list())}


# The server


@dataclass
class Ran:
    """The entry of ``/history`` for a run; ``executed`` are ids of nodes that were not answered from the cache."""

    ok: bool
    outputs: dict
    error: str
    executed: set
    node_errors: dict

    def refuses_choice(self, node):
        """True if the host itself refuses a value of a node that is not among the choices, as newer ComfyUI does."""
        errors = self.node_errors.get(node.id, {}).get("errors", ())
        return any(error["type"] == "value_not_in_list" for error in errors)


class StandIn:
    """Runs graphs in API form."""

    def __init__(self, nodes):
        self.nodes, self.cache = nodes, {}

    def run(self, prompt, extra_pnginfo=None):
        # Over HTTP the graph is a copy.
        document = json.loads(json.dumps({"prompt": prompt}))
        prompt = sys.modules["server"].PromptServer.instance.trigger_on_prompt(document)["prompt"]
        self.hidden = types.SimpleNamespace(prompt=prompt, extra_pnginfo=extra_pnginfo)
        errors = {key: wrong for key in prompt if (wrong := self._wrong(prompt, key))}
        ends = [key for key, node in prompt.items() if self.nodes[node["class_type"]].GET_SCHEMA().is_output_node]
        sound = [key for key in ends if not errors.keys() & self._ancestry(prompt, key)]
        assert sound, f"prompt_outputs_failed_validation: {errors}"
        ran, values, signatures = Ran(True, {}, "", set(), errors), {}, {}
        try:
            for key in sound:
                self._visit(prompt, key, values, signatures, ran)
        except Exception as error:
            ran.ok, ran.error = False, str(error)
        json.dumps(ran.outputs, allow_nan=False)
        return ran

    def send(self, path, document):
        routes = sys.modules["server"].PromptServer.instance.routes
        return routes.send(path, json.dumps(document).encode())

    def json(self, path):
        return sys.modules["server"].PromptServer.instance.routes.fetch(path)

    def image(self, entry):
        return np.asarray(Image.open(PreviewImage.folder / entry["filename"]))

    def _ancestry(self, prompt, key):
        links = [value[0] for value in prompt[key]["inputs"].values() if isinstance(value, list)]
        return {key}.union(*(self._ancestry(prompt, link) for link in links))

    def _wrong(self, prompt, key):
        schema, inputs = self.nodes[prompt[key]["class_type"]].GET_SCHEMA(), prompt[key]["inputs"]
        for one in schema.inputs:
            value = inputs.get(one.id)
            if value is None:
                if not one.optional:
                    return f"Required input is missing: {one.id}"
                continue
            if isinstance(value, list):
                outputs = self.nodes[prompt[value[0]]["class_type"]].GET_SCHEMA().outputs
                if "*" not in (one.io_type, outputs[value[1]].io_type) and one.io_type != outputs[value[1]].io_type:
                    return f"Return type mismatch between linked nodes: {one.id}"
                continue
            low, high = one.options.get("min"), one.options.get("max")
            if (low is not None and value < low) or (high is not None and value > high):
                return f"Value {value} out of range: {one.id}"
        return ""

    def _visit(self, prompt, key, values, signatures, ran):
        if key in values:
            return
        node, inputs = self.nodes[prompt[key]["class_type"]], prompt[key]["inputs"]
        schema, links = node.GET_SCHEMA(), {}
        for name, value in inputs.items():
            if isinstance(value, list):
                self._visit(prompt, value[0], values, signatures, ran)
                links[name] = values[value[0]][value[1]]
        known = {one.id for one in schema.inputs}
        declared = {name: value for name, value in inputs.items() if name in known}
        mark = None
        if hasattr(node, "fingerprint_inputs"):
            mark = node.fingerprint_inputs(**{n: None if n in links else v for n, v in declared.items()})
        signed = {n: (signatures[v[0]], v[1]) if n in links else v for n, v in declared.items()}
        signatures[key] = json.dumps([prompt[key]["class_type"], mark, signed], sort_keys=True)
        if signatures[key] not in self.cache:
            self.cache[signatures[key]] = self._execute(node, schema, {**declared, **links}, links, key)
            ran.executed.add(key)
        values[key], shown = self.cache[signatures[key]]
        if shown:
            ran.outputs[key] = shown

    def _execute(self, node, schema, inputs, links, key):
        lists = {name: value if name in links else [value] for name, value in inputs.items()}
        if schema.is_input_list:
            runs = [lists]
            blocked = [any(isinstance(v, ExecutionBlocker) for values in lists.values() for v in values)]
        else:
            times = max((len(values) for values in lists.values()), default=1)
            runs = [{n: v[min(i, len(v) - 1)] for n, v in lists.items()} for i in range(times)]
            blocked = [any(isinstance(v, ExecutionBlocker) for v in run.values()) for run in runs]
        results, shows = [], []
        for run, stopped in zip(runs, blocked, strict=True):
            if stopped:
                results.append([ExecutionBlocker(None)] * len(schema.outputs))
                continue
            # A class of its own each time, so that nothing can be kept in it.
            clone = type(f"{node.__name__}Clone", (node, *node.__bases__), dict(node.__dict__))
            # Nodes whose outputs end a graph get the texts of saved pictures.
            if schema.is_output_node:
                clone.hidden = types.SimpleNamespace(**vars(self.hidden))
            for name in schema.hidden or ():
                assert name == "unique_id"
                clone.hidden.unique_id = key
            output = clone.execute(**run)
            if output.ui is not None:
                shows.append(check_ui(output.ui if isinstance(output.ui, dict) else output.ui.as_dict()))
            if output.args:
                blocker = output.block_execution
                results.append(output.args if blocker is None else [ExecutionBlocker(blocker)] * len(schema.outputs))
        outputs = []
        for place, slot in enumerate(schema.outputs if results else []):
            column = [result[place] for result in results]
            if slot.is_output_list:
                column = [v for one in column for v in ([one] if isinstance(one, ExecutionBlocker) else one)]
            outputs.append(column)
        shown = {name: [v for show in shows for v in show[name]] for name in shows[0]} if shows else {}
        return outputs, json.loads(json.dumps(shown))


def check_ui(shown):
    """Refuse what makes ``/history`` fail, or the front end."""
    for name, values in shown.items():
        if not isinstance(values, list | tuple):
            raise TypeError(f"The ui value {name!r} must be a list, got {type(values).__name__}.")
        json.dumps(list(values), allow_nan=False)
        _check_plain(values)
    return shown


def _check_plain(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            assert isinstance(key, str)
            _check_plain(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_plain(inner)
    # Subclasses too: numpy's float64 is a float, and no plain value.
    elif type(value) not in (str, int, float, bool, type(None)):
        raise TypeError(f"The ui value {value!r} is a {type(value).__name__}, no plain JSON value.")
