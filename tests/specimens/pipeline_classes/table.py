"""Tries every class of pipelines on tiny random weights, and writes the page of the documentation about them.

python -m specimens.pipeline_classes.table  # in the folder tests; writes docs/models.md
"""

import contextlib
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import diffusers
import numpy as np
import pytest
from PIL import Image

from soart.errors import ModelError
from soart.pipelines.models.calls import check_inputs, listed_classes, needed_inputs
from soart.plugin.diffusers import SoartCallback, wrap

from . import BUILDERS, build

PAGE = Path(__file__).parents[3] / "docs/models.md"
#: Listed classes without a tiny pipeline here, and why.
NOT_TRIED = {
    "KolorsPipeline": "its tokenizer exists as a file only",
    "KolorsPAGPipeline": "its tokenizer exists as a file only",
    "GlmImagePipeline": "its processor exists as files only",
    "KandinskyCombinedPipeline": "its successor KandinskyV22CombinedPipeline was",
    "Kandinsky3Pipeline": "KandinskyV22CombinedPipeline was",
    "LuminaPipeline": "its successor Lumina2Pipeline was",
    "CogView3PlusPipeline": "its successor CogView4Pipeline was",
    "WuerstchenCombinedPipeline": "its successor StableCascadeCombinedPipeline was",
    "PRXPipeline": "it needs the package ftfy",
}
#: Classes outside the list that are refused.
REFUSED = (
    "WanPipeline", "LTXPipeline", "HunyuanVideoPipeline", "AnimateDiffPipeline", "AudioLDM2Pipeline",
    "StableCascadePriorPipeline", "StableCascadeDecoderPipeline", "KandinskyV22Pipeline", "QwenImageLayeredPipeline",
    "ShapEPipeline", "DiTPipeline",
)  # fmt: skip
STEPS = 5
YES, NO, NOTHING = "yes", "no", "–"


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    draws: str = NOTHING
    previews: str = NOTHING
    guidance: str = NOTHING
    inputs: str = NOTHING
    refused: str = NOTHING
    optimizes: str = NOTHING
    calls_back: str = NOTHING


def refusal(name):
    """The sentence with which a class is refused with everything it needs; None if it is not."""
    kind = getattr(diffusers, name)
    try:
        check_inputs(kind, needed_inputs(kind))
    except ModelError as error:
        return str(error)
    return None


def try_class(name, folder):
    """Draw, preview, guide and condition a tiny pipeline of a class."""
    needed = needed_inputs(getattr(diffusers, name))
    pipeline, inputs = build(name, folder)
    if needed:
        with pytest.raises(ModelError, match="does not draw pictures from text alone"):
            wrap(pipeline, **{key: value for key, value in inputs.items() if key not in needed})
    generator = wrap(pipeline, **inputs).generator
    size = {"width": 32, "height": 32} if {"width", "height"} <= generator.model.accepts else {}

    def draw(generator, **settings):
        request = generator.request("a fox", 1, **{"steps": STEPS, "guidance": 4.0, **size, **settings})
        [[picture]] = generator.draw([request])
        assert picture.problem is None, picture.problem
        return picture.pixels

    drawn = draw(generator)
    assert np.array_equal(drawn, draw(generator))
    previews = NO
    if generator.can_preview:
        [[preview]] = generator.preview([generator.request("a fox", 1, steps=STEPS, guidance=4.0, **size)], 0.4)
        previews = YES if preview.problem is None and not np.array_equal(preview.pixels, drawn) else NO
    guidance, argument = NO, generator.model.guidance_argument
    if argument and not np.array_equal(draw(generator, guidance=1.5), draw(generator, guidance=20.0)):
        guidance = f"`{argument}`" if argument != "guider" else "its guider"
    for key in (key for key in needed if isinstance(inputs[key], Image.Image)):
        other = wrap(
            pipeline, **{**inputs, key: inputs[key].transpose(Image.Transpose.FLIP_TOP_BOTTOM).point(lambda v: v // 2)}
        )
        assert other.generator.model.identity != generator.model.identity
        if key != "mask_image":
            assert not np.array_equal(draw(other.generator), drawn), f"{name} ignores {key}"
    optimizes, calls_back = use(pipeline, inputs, size, folder)
    conditions = ", ".join(f"`{key}`" for key in needed) or NOTHING
    return Row(name, YES, previews, guidance, conditions, NOTHING, optimizes, calls_back)


def use(pipeline, inputs, size, folder):
    """Choose, tune, optimize and look at early pictures; says whether the last two did with a gradient and with scores."""
    wrapped, options = wrap(pipeline, **inputs), {"by": "technical", **size}
    assert len(wrapped.best_of("a fox", 2, steps=2, **options)) == 2
    wrapped.tune("a {fox|owl}", collection=folder / "study", budget=2, batch=2, steps=2, **options)
    optimized = wrapped.optimize("a fox", seconds=None, pictures=6, steps=4, **options)
    callback = SoartCallback(below=-1e9, by="technical", share=0.5, **size)
    if "callback_on_step_end" in wrapped.generator.model.accepts:
        # The schedule of Ideogram's guidance has the length of its usual steps.
        steps = {} if "guidance_schedule" in wrapped.generator.model.accepts else {"num_inference_steps": 4}
        with contextlib.suppress(ModelError):
            pipeline(prompt="a fox", callback_on_step_end=callback, **steps, **size, **inputs)
    return YES if {*optimized.steps} == {"gradient"} else NO, YES if callback.scores is not None else NO


def rows(folder, progress=lambda name: None):
    """Every listed class, in diffusers' order; then others that were tried; then others that are refused."""
    names = dict.fromkeys([*(kind.__name__ for kind in listed_classes()), *BUILDERS, *REFUSED])
    for name in names:
        progress(name)
        if sentence := refusal(name):
            yield Row(name, NO, refused=sentence)
        elif name in NOT_TRIED:
            yield Row(name, f"not tried: {NOT_TRIED[name]}")
        else:
            yield try_class(name, folder / name)


INTRODUCTION = """\
# Pipelines of diffusers

<!-- Written by tests/specimens/pipeline_classes/table.py from what it tried; do not edit. -->

`soart.wrap` takes every class that diffusers {version} lists as text to image, and those others that draw single pictures from a
prompt and fixed inputs. Tiny pipelines of random weights
did this on the CPU; each draws the same picture twice for the same request.

* **previews**: the early look after two of five steps is another picture than the final one. A class without it cannot be interrupted
  by diffusers, so that `tune` draws every candidate to the end.
* **guidance**: the argument through which 1.5 and 20 give two pictures. Distilled weights (FLUX.1 schnell, Klein, LCM) ignore guidance;
  `tune` leaves out a slot that changes nothing.
* **fixed inputs**: what the class needs besides text, as in `soart.wrap(pipeline, image=picture)`. Another picture there counts as another
  model in collections.

`best_of`, `tune` and `optimize` ran with each. `optimize` follows no gradient with {seeds} with fixed inputs. `SoartCallback` works where previews do, but not with {uncalled}.

| class | previews | guidance | fixed inputs |
|---|---|---|---|
"""


def page(table):
    """The page of the documentation."""
    table = list(table)
    version = ".".join(diffusers.__version__.split(".")[:2])
    lines = [f"| {r.name} | {r.previews} | {r.guidance} | {r.inputs} |" for r in table if r.draws == YES]
    not_tried = [f"* {r.name} was {r.draws}." for r in table if r.draws not in (YES, NO)]
    refused = [f"* {r.refused}" for r in table if r.draws == NO]
    seeds = [r.name if r.inputs == NOTHING else "" for r in table if r.optimizes == NO]
    seeds = f"{', '.join(filter(None, seeds))} and {seeds.count('')}"
    uncalled = ", ".join(r.name for r in table if (r.previews, r.calls_back) == (YES, NO))
    return INTRODUCTION.format(version=version, seeds=seeds, uncalled=uncalled) + "\n".join(
        [*lines, "", *not_tried, "", "Refused:", "", *refused, ""]
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        PAGE.write_text(page(rows(Path(place), lambda name: print(name, flush=True))), encoding="utf-8")
