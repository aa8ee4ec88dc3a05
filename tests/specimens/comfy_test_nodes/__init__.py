"""A pack of nodes for the tests: pictures of every sort, good and bad, and a place where values can be seen."""

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


class TestModel(io.ComfyNode):
    """A MODEL, CLIP and VAE for the sampler of the stand-in."""

    __test__ = False

    @classmethod
    def define_schema(cls):
        outputs = [io.Model.Output("model"), io.Clip.Output("clip"), io.Vae.Output("vae")]
        return io.Schema(node_id="TestModel", category="test", inputs=[], outputs=outputs)

    @classmethod
    def execute(cls):
        return io.NodeOutput(SimpleNamespace(model=SimpleNamespace(latent_format=SD15())), "", 1.0)


class TestExtension(ComfyExtension):
    __test__ = False

    async def get_node_list(self):
        return [TestPictures, TestModel, TestSink]


def comfy_entrypoint():
    return TestExtension()
