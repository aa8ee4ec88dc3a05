"""Adds soart to diffusers: a wrapper, a callback and a modular block.

    pipe = soart.wrap(StableDiffusionPipeline.from_pretrained(...))
    best = pipe.best_of("a lighthouse at dusk", n=16)
    best[0].image.save("best.png")
    findings = pipe.tune("a lighthouse at dusk", budget=60, collection="lighthouse")

The wrapper takes any loaded pipeline. The callback cancels pictures that will score too low. The block scores the
pictures of modular pipelines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from diffusers.callbacks import PipelineCallback
from diffusers.modular_pipelines import InputParam, ModularPipelineBlocks, OutputParam, PipelineState
from PIL import Image

from ..errors import ModelError, expect
from ..pipelines.best_of import Candidates, best_of, pixels_of
from ..pipelines.collection.collection import Collection
from ..pipelines.collection.tables import ImageRow
from ..pipelines.judges.finding import By, guarded, judges_for
from ..pipelines.judges.in_memory import judge_of_pictures, judges_of_pictures, scores_and_ranking, value_of
from ..pipelines.models.adopting import adopt
from ..pipelines.models.calls import counted_and_seeded, split_options
from ..pipelines.models.generator import ImageGenerator
from ..pipelines.models.loras import LoraFiles
from ..pipelines.models.step_preview import StepPreview
from ..pipelines.models.steps import stop_if_too_low
from ..pipelines.optimizing.optimize import Optimized, optimize
from ..pipelines.optimizing.parents import drawn_on
from ..pipelines.scoring.in_memory import as_pictures
from ..pipelines.scoring.pictures import PicturesInMemory
from ..pipelines.scoring.rated_tastes import tastes_at_hand
from ..pipelines.tuning.ending import goal_judge, optimize_best
from ..pipelines.tuning.findings import StudyFindings, findings_of
from ..pipelines.tuning.loop import tune
from ..pipelines.tuning.panel import AdherenceFloor, Panel
from ..pipelines.tuning.tuner import Tuner
from ..prompts.space.space import PromptSpace
from ..prompts.space.yaml_file import is_yaml
from ..prompts.steering.proposals import Proposer

#: Folders for ``DiffusionPipeline.from_pretrained(..., custom_pipeline=FOLDER)``, by family.
CUSTOM_PIPELINES = {
    path.parent.name: path.parent for path in sorted(Path(__file__).parent.glob("custom_pipelines/*/pipeline.py"))
}


class SoartCallback(PipelineCallback):
    """Previews and scores the pictures of a call, and stops the call if they will score too low.

        callback = SoartCallback(below=40)
        image = pipe("a fox", callback_on_step_end=callback).images[0]
        if callback.stopped: ...  # the picture is unfinished

    A batch is stopped only if all of its pictures will score too low. A call of a single step is never previewed.
    Pipelines that diffusers cannot interrupt (LatentConsistencyModelPipeline, AuraFlowPipeline, …) are previewed too,
    but draw to the end.

    Args:
        below: pictures under this value of the judge are not worth finishing. A value means another thing under each
            judge, so that a threshold always belongs to the judge that it was chosen for.
        by: the judge: a name, a judge or a taste, of pictures alone; the overall score by default.
        share: of the steps after which to preview, in (0, 1).
        width: in pixels; needed for pictures that are not square, of models whose packed latents do not tell it (Flux).
        height: likewise.

    Attributes:
        scores: (k,) of the last preview; None before it, NaN for pictures that are all black, of one tone, or hold values
            that are not numbers. NaN counts as too low.
        pictures: (k, h, w, 3) float32 0…1 of the last preview; None before it.
        stopped: True if the last call was stopped.

    Raises:
        ModelError: a share outside (0, 1), a score that is not a number, or only one of width and height; when called, a pipeline whose latents cannot be decoded early.
        JudgeError: a judge that cannot be found, loaded or used, one that needs a prompt, or several; when called, a judge that fails.
        TasteError: a taste that cannot be used.
    """

    tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        below: float,
        by: By = None,
        share: float = 0.35,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        expect("below as a score", below, int, float)
        expect("the share of the steps as a number", share, int, float)
        if math.isnan(below):
            raise ModelError("Expected below as a score, got nan: give the score that a picture should reach.")
        if (width is None) != (height is None):
            raise ModelError(f"Expected width and height together, got {width} and {height}: give both or neither.")
        for side in (width, height):
            expect("width and height as whole numbers", side, int, type(None), error=ModelError)
            if side is not None and side < 1:
                raise ModelError(f"Expected width and height of at least 1 pixel, got {width} and {height}.")
        size = None if width is None or height is None else (width, height)
        preview = StepPreview(partial(value_of, judge_of_pictures(by)), share, size)
        super().__init__(cutoff_step_ratio=float(share), cutoff_step_index=None)
        self._preview = preview
        self.below, self.stopped = below, False

    @property
    def scores(self) -> np.ndarray | None:
        """Scores of the last preview."""
        return self._preview.scores

    @property
    def pictures(self) -> np.ndarray | None:
        """Pictures of the last preview."""
        return self._preview.pictures

    def callback_fn(
        self,
        pipeline: Any,
        step_index: int,
        timestep: Any,
        callback_kwargs: dict[str, Any],
    ) -> dict[str, Any]:
        """Preview at the right step; the pipeline calls this after every step."""
        if step_index == 0:
            self.stopped = False
        if self._preview.after(pipeline, step_index, callback_kwargs["latents"]):
            assert self.scores is not None
            self.stopped = stop_if_too_low(pipeline, self.scores, self.below)
        return callback_kwargs


class TuneWatch(Protocol):
    """Shows a tune while it runs."""

    def show(self, tuner: Tuner) -> None:
        """Show the state of a tuner."""


class BestOf:
    """Adds ``best_of`` and ``tune`` to a pipeline class; see ``SoartPipeline``."""

    def best_of(self, prompt: str | Sequence[str], n: int | None = None, **options: Any) -> Candidates:
        """See ``SoartPipeline.best_of``."""
        n, options = counted_and_seeded(n, options)
        inputs, options = split_options(self, options)
        return wrap(self, **inputs).best_of(prompt, n, **options)

    def optimize(self, prompt: str, **options: Any) -> Optimized:
        """See ``SoartPipeline.optimize``."""
        inputs, options = split_options(self, options)
        return wrap(self, **inputs).optimize(prompt, **options)

    def tune(self, space: PromptSpace | str, **options: Any) -> StudyFindings:
        """See ``SoartPipeline.tune``."""
        inputs, options = split_options(self, options)
        return wrap(self, **inputs).tune(space, **options)


class SoartPipeline:
    """A loaded pipeline with ``best_of`` and ``tune``; made by ``wrap``.

    All other attributes are read from and set on the wrapped pipeline (``pipe.scheduler = …``).

    Attributes:
        pipeline: the wrapped pipeline.
        generator: draws with it.
    """

    pipeline: Any
    generator: ImageGenerator

    def __init__(
        self,
        pipeline: Any,
        identity: str | None,
        batch_size: int | None,
        inputs: Mapping[str, Any],
        loras: LoraFiles | None = None,
    ) -> None:
        # Not through __setattr__, which sets attributes of the pipeline.
        self.__dict__.update(pipeline=pipeline, _identity=identity, _batch_size=batch_size, _inputs=dict(inputs))
        self.__dict__["_loras"] = loras or LoraFiles()
        self._adopt()

    def _adopt(self) -> None:
        """Describe the pipeline as it is now."""
        model = adopt(
            self.pipeline,
            identity=self._identity,
            batch_size=self._batch_size,
            inputs=self._inputs,
            loras=self._loras,
        )
        self.__dict__["generator"] = ImageGenerator(model)

    def _with(self, options: Mapping[str, Any]) -> tuple[ImageGenerator, dict[str, Any]]:
        """A generator with the fixed inputs among ``options``, and the other options."""
        inputs, others = split_options(self.pipeline, options)
        if not inputs:
            return self.generator, others
        inputs, weights = {**self._inputs, **inputs}, self.generator.model.weights
        model = adopt(self.pipeline, identity=weights, batch_size=self._batch_size, inputs=inputs, loras=self._loras)
        return ImageGenerator(model), others

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Call the pipeline."""
        return self.pipeline(*inputs, **options)

    def __getattr__(self, name: str) -> Any:
        # Copying and unpickling look up attributes before there is a pipeline, and must not get its special methods.
        if "pipeline" not in self.__dict__ or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        return getattr(self.pipeline, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            setattr(self.pipeline, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.pipeline)})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pipeline!r})"

    def to(self, *where: Any, **options: Any) -> Self:
        """Move or convert the pipeline, as ``DiffusionPipeline.to``; returns this wrapper."""
        self.pipeline.to(*where, **options)
        self._adopt()
        return self

    def best_of(
        self, prompt: str | Sequence[str], n: int | None = None, *, by: By = None, **options: Any
    ) -> Candidates:
        """Draw ``n`` pictures of a prompt or template; best first.

        Args:
            prompt: a prompt or a dynamic-prompts template; those of a list are drawn on the same seeds.
            n: number of pictures to draw of each prompt, 16 by default.
            by: a judge, a taste or a name; several of them, or weights by judge or name, see docs/judges.md. The overall
                score by default.
            options: ``num_images_per_prompt`` in place of ``n``; ``generator``, whose first seed is that of the first picture,
                in place of ``seed``; those of ``soart.pipelines.best_of.best_of``, settings also by their names in diffusers; and fixed
                arguments of the pipeline's call, such as ``clip_skip`` or ``ip_adapter_image``.

        Raises:
            SoartError: an argument of another type.
            ModelError: unknown or out-of-range settings, or every picture failed.
            JudgeError: a judge that cannot be found, loaded or used.
            TasteError: a taste that cannot be used.
            PromptError: a template that cannot be expanded.
        """
        n, options = counted_and_seeded(n, options)
        generator, others = self._with(options)
        return best_of(generator, prompt, n, by=by, **others)

    def optimize(
        self,
        prompt: str,
        *,
        by: By = None,
        seconds: float | None = 60.0,
        like: Image.Image | np.ndarray | Path | str | None = None,
        strength: float | None = None,
        **options: Any,
    ) -> Optimized:
        """Optimize the picture of a prompt for a judge, within bounds; nothing is stored.

        Args:
            prompt: a prompt.
            by: a judge, a taste or a name. The overall score by default.
            seconds: to spend; None for no limit, with ``pictures``.
            like: a picture to draw on (image-to-image): a file, PIL, an array, or one that soart drew or ranked.
            strength: with which it is drawn on, 0.5 by default: little changes at 0.2, and nothing is kept at 1.
            options: those of ``soart.pipelines.optimizing.optimize.optimize``, settings also by their names in diffusers; and
                fixed arguments of the pipeline's call, such as ``clip_skip``.

        Raises:
            ModelError: the model fails, or a setting is unknown or out of range.
            ImageError: ``like`` cannot be read.
            JudgeError: a judge that cannot be found or used, or that gives nothing to go by.
            TasteError: a taste that cannot be used or relied on.
        """
        if like is None and strength is not None:
            options["strength"] = strength
        generator, others = self._with(options)
        if like is not None:
            others["parents"] = [drawn_on(pixels_of(like), 0.5 if strength is None else strength)]
        return optimize(generator, prompt, by=by, seconds=seconds, **others)

    def tune(
        self,
        space: PromptSpace | str,
        *,
        collection: Path | str = "soart-tuning",
        by: By = None,
        budget: int = 120,
        batch: int = 8,
        seed: int = 0,
        prune: bool = True,
        vocabulary: str = "general",
        proposer: Proposer | None = None,
        optimize: float | None = None,
        progress: Callable[[int], None] = lambda done: None,
        watch: TuneWatch | None = None,
        **options: Any,
    ) -> StudyFindings:
        """Tune the prompts of a space; the same call continues after an interruption.

        Args:
            space: a space, or YAML, a template or a plain prompt.
            collection: folder for pictures, choices and ratings.
            by: judges as for ``best_of``. A person is named ``person:NAME``, as in ``by={"person:me": 1}``: their ratings and
                choices in the collection count as they come.
            budget: total number of pictures, those of earlier calls included.
            batch: pictures between two decisions.
            seed: of the search and of the first picture.
            prune: drop poor candidates after a preview.
            vocabulary: put around a plain prompt.
            proposer: adds and retires options between batches, such as ``soart.vocabulary_proposer()``; None leaves the
                space as it is.
            optimize: seconds to spend at the end on the best picture of the best prompt, which is then ``optimized`` of the
                findings; None for none.
            progress: called with the number of pictures drawn.
            watch: shows the tuner after every batch, such as ``soart.plugin.jupyter.widgets.WatchTune()``.
            options: settings of every picture that the space leaves open, such as ``width``, ``height``, ``steps`` and
                ``negative``, also by their names in diffusers; and fixed arguments of the pipeline's call, as in
                ``best_of``.

        Raises:
            SoartError: a space of one choice, an argument of another type or out of range, a judge that cannot be used, or
                every picture failed.
            CollectionError: the collection cannot be opened or written.
        """
        expect("a prompt space or its text", space, str, PromptSpace)
        expect("the collection as the path of a folder", collection, str, Path)
        # The weights may have changed, for example by a LoRA.
        self._adopt()
        generator, settings = self._with(options)
        if isinstance(space, str):
            # Words around a plain prompt have negative ones among them, beside which these stay.
            negative = "" if is_yaml(space) else settings.pop("negative", None) or ""
            space = PromptSpace.parse(space, vocabulary, negative)
        generator = ImageGenerator(generator.model, **settings)
        judges = dict(judges_for(by, tastes_at_hand(places=[collection])))
        panel = Panel(judges, AdherenceFloor(guarded("adherence")))
        expect("the seconds of optimize as a number", optimize, int, float, type(None))
        if optimize:
            # A judge that cannot be optimized for is refused before anything is drawn.
            goal_judge(panel)
        with Collection(collection) as store:
            tuner = Tuner(
                store, generator, space, panel, seed=seed, batch=batch, budget=budget, prune=prune, proposer=proposer
            )

            def on_batch(rows: list[ImageRow]) -> bool:
                if watch is not None:
                    watch.show(tuner)
                return False

            tune(tuner, on_batch=on_batch, progress=progress)
            findings = findings_of(tuner)
            return replace(findings, optimized=optimize_best(tuner, findings, optimize)) if optimize else findings


def wrap(
    pipeline: Any,
    *,
    identity: str | None = None,
    batch_size: int | None = None,
    loras: Path | str | Mapping[str, Path | str] | None = None,
    **inputs: Any,
) -> SoartPipeline:
    """Give a loaded pipeline ``best_of`` and ``tune``.

    >>> import soart
    >>> from soart.pipelines.models.loading import load_model
    >>> pipe = soart.wrap(load_model(device="cpu").pipeline)  # any pipeline of diffusers
    >>> best = pipe.best_of("a boat, {cool|warm} palette", n=2, num_inference_steps=2)
    >>> best[0].score >= best[1].score
    True
    >>> best[0].image.size
    (128, 128)

    Args:
        pipeline: of any family that draws pictures from text; it is not changed. A pipeline that is wrapped already
            keeps its identity, batch size, LoRAs and inputs where no others are given.
        identity: name of its weights in collections; by default a digest of them, taken anew at every
            ``SoartPipeline.tune``. The scheduler and its settings, and fixed inputs, are always part of the identity.
        batch_size: pictures drawn together; by default 1 on a CPU and with fixed pictures, else 4, halved when memory
            runs out. With fixed pictures, what some pipelines draw depends on the batch.
        loras: a folder of ``.safetensors`` files, one file, or the file of each name; prompts name them as
            ``<lora:NAME:WEIGHT>``. The pipeline's own active LoRAs stay on beside them.
        inputs: fixed arguments of its call: what an image-to-image, inpainting or ControlNet pipeline needs besides
            text (``image``, ``mask_image``, ``control_image``), and options such as ``strength`` or ``clip_skip``.

    Raises:
        ModelError: a pipeline that does not draw single pictures from text and these inputs, or one without
            ``identity`` whose weights cannot be read.
        LoraError: there is no such folder or file of LoRAs.
    """
    files = None if loras is None else LoraFiles(loras)
    if isinstance(pipeline, SoartPipeline):
        files = files or pipeline._loras
        inputs = {**pipeline._inputs, **inputs}
        identity = pipeline._identity if identity is None else identity
        batch_size = pipeline._batch_size if batch_size is None else batch_size
        pipeline = pipeline.pipeline
    expect("the identity as text", identity, str, type(None))
    return SoartPipeline(pipeline, identity, batch_size, inputs, files)


class SoartScoreBlock(ModularPipelineBlocks):
    """Scores the pictures of a modular pipeline; insert it after the decode block.

        blocks.sub_blocks.insert("soart_score", SoartScoreBlock(), len(blocks.sub_blocks))

    Args:
        by: a judge of pictures alone, a taste or a name; several of them, or weights by judge or name. The overall score
            by default.

    Raises:
        JudgeError: a judge that cannot be found, loaded or used, or that needs a prompt.
        TasteError: a taste that cannot be used.
    """

    def __init__(self, by: By = None) -> None:
        super().__init__()
        self._judges = judges_of_pictures(by)

    @property
    def description(self) -> str:
        """The text that diffusers shows."""
        return "Scores the decoded pictures: scores, and the numbers of the pictures, best first."

    @property
    def inputs(self) -> list[InputParam]:
        """The inputs of the block."""
        return [InputParam("images", required=True, description="The decoded pictures: PIL, NumPy or PyTorch.")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """The outputs of the block."""
        return [
            OutputParam(
                "scores",
                type_hint=list[float],
                description="A score for each picture, higher is better; NaN without one.",
            ),
            OutputParam(
                "ranking", type_hint=list[int], description="Numbers of the pictures with a score, best first."
            ),
        ]

    def __call__(self, components: Any, state: PipelineState) -> tuple[Any, PipelineState]:
        """Score the pictures.

        Raises:
            ImageError: something other than pictures, such as latents.
        """
        block = self.get_block_state(state)
        block.scores, block.ranking = scores_and_ranking(PicturesInMemory(as_pictures(block.images)), self._judges)
        self.set_block_state(state, block)
        return components, state
