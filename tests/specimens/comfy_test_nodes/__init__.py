"""A pack of nodes for the tests: pictures of every sort, good and bad, and a place where values can be seen."""

import importlib.util
from types import SimpleNamespace

import torch
from comfy_api.latest import ComfyExtension, io


class TestPictures(io.ComfyNode):
    __test__ = False

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestPictures",
            category="test",
            inputs=[
                io.String.Input("kind", default="vivid"),
                io.Int.Input("count", default=4, min=0),
                io.Int.Input("seed", default=0, min=0, control_after_generate=True),
            ],
            outputs=[io.Image.Output("images")],
        )

    @classmethod
    def execute(cls, kind, count, seed):
        source = torch.Generator().manual_seed(seed)
        channels = {"rgba": 4, "grey": 1}.get(kind, 3)
        images = torch.rand((count, 24, 24, channels), generator=source)
        if kind == "dull":
            images = images.mean(dim=-1, keepdim=True).repeat(1, 1, 1, 3) * 0.5
        if kind == "white":
            images[...] = 1.0
        if kind == "one black":
            images[1] = 0.0
        if kind == "nan":
            images[...] = float("nan")
        if kind == "one nan":
            images[1, 3, 3] = float("nan")
        return io.NodeOutput(images)


class TestSink(io.ComfyNode):
    __test__ = False

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestSink", category="test", is_output_node=True, inputs=[io.AnyType.Input("value")], outputs=[]
        )

    @classmethod
    def execute(cls, value):
        text = str(list(value.shape)) if hasattr(value, "shape") else str(value)
        return io.NodeOutput(ui={"text": [text]})


class SD15:
    """Named as the latents of Stable Diffusion 1.5 in ComfyUI."""


class PaintingVae:
    """Decodes latents (n, 4, h, w) to pictures 8 times as large, by three of their channels."""

    def decode(self, latents):
        colours = latents[:, :3].sigmoid().repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
        return colours.movedim(1, -1).float()


class CountingClip:
    """Encodes a text as noise of its own."""

    def tokenize(self, text):
        return text

    def encode_from_tokens_scheduled(self, text):
        source = torch.Generator().manual_seed(sum(text.encode()))
        return [[torch.randn((1, 8, 16), generator=source), {}]]


def untrained_model():
    """A small untrained model of the architecture of Stable Diffusion 1.5, as ComfyUI's loaders give it."""
    from comfy import model_management, model_patcher, supported_models

    shape = {
        "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "num_res_blocks": [1, 1], "channel_mult": (1, 2),
        "transformer_depth": [1, 1], "transformer_depth_output": [1, 1, 1, 1], "transformer_depth_middle": 1, "context_dim": 16,
        "use_spatial_transformer": True, "legacy": False, "dtype": torch.float32, "use_linear_in_transformer": False,
        "adm_in_channels": None, "use_temporal_attention": False,
    }  # fmt: skip
    model = supported_models.SD15(shape).get_model({})
    torch.manual_seed(0)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    return model_patcher.ModelPatcher(
        model, load_device=model_management.get_torch_device(), offload_device=torch.device("cpu")
    )


class TestModel(io.ComfyNode):
    """A MODEL, CLIP and VAE: for the sampler of the stand-in, or small ones for that of ComfyUI."""

    __test__ = False

    @classmethod
    def define_schema(cls):
        outputs = [io.Model.Output("model"), io.Clip.Output("clip"), io.Vae.Output("vae")]
        return io.Schema(node_id="TestModel", category="test", inputs=[], outputs=outputs)

    @classmethod
    def execute(cls):
        if importlib.util.find_spec("comfy.supported_models") is None:
            return io.NodeOutput(SimpleNamespace(model=SimpleNamespace(latent_format=SD15())), "", 1.0)
        return io.NodeOutput(untrained_model(), CountingClip(), PaintingVae())


class TestExtension(ComfyExtension):
    __test__ = False

    async def get_node_list(self):
        return [TestPictures, TestModel, TestSink]


def comfy_entrypoint():
    return TestExtension()
