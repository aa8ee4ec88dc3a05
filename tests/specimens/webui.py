"""The part of a web UI's interface for scripts that soart's script uses, as in the source of Forge (2025-06-26)."""

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
from PIL import Image


class Script:
    """The base of scripts."""


class Processed:
    """A batch with its grid, of which every picture has another seed."""

    def __init__(self, p, images, seeds):
        self.images, self.index_of_first_image = images, len(images) - len(seeds)
        self.all_seeds, self.all_subseeds = seeds, [0] * len(seeds)
        self.all_prompts, self.all_negative_prompts = [p.prompt] * len(seeds), [""] * len(seeds)
        self.infotexts = ["grid"] * self.index_of_first_image + [f"seed {seed}" for seed in seeds]
        self.steps, self.cfg_scale, self.sampler_name, self.sd_model_name = p.steps, 7.0, "Euler", "dreamy"
        self.comments = ""


def drawn(p):
    """Squares that are sharper from picture to picture, and their grid."""
    seeds = list(range(p.seed, p.seed + p.n_iter))
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    images = []
    for seed in seeds:
        side = 4 + 12 * (seed - p.seed)
        images.append(Image.fromarray(noise).resize((side, side)).resize((48, 48)))
    processed = Processed(p, [Image.new("RGB", (96, 48)), *images], seeds)
    for image, text in zip(processed.images, processed.infotexts, strict=True):
        image.info["parameters"] = text
    return processed


class Component:
    """An input of the page, or a button."""

    def __init__(self, *texts, **facts):
        self.facts = SimpleNamespace(**facts)

    def click(self, function, inputs, outputs):
        Component.clicked = function, inputs


@contextmanager
def web_ui():
    """Make the modules importable that a web UI gives its scripts."""
    gradio = ModuleType("gradio")
    gradio.Textbox = gradio.Slider = gradio.Button = Component
    parts = {name: ModuleType(f"modules.{name}") for name in ("scripts", "processing", "shared")}
    parts["scripts"].Script, parts["processing"].process_images = Script, drawn
    parts["shared"].state = SimpleNamespace(interrupted=False, skipped=False)
    modules = ModuleType("modules")
    modules.__dict__.update(parts)
    names = {"gradio": gradio, "modules": modules, **{part.__name__: part for part in parts.values()}}
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
