"""Soart inside diffusers: a callback that stops hopeless pictures, a wrapper of any loaded pipeline, and a block for modular pipelines.

For example:

    pipe = soart.wrap(StableDiffusionPipeline.from_pretrained(...))
    best = pipe.best_of("a lighthouse at dusk", n=16)
    best[0].image.save("best.png")
    found = pipe.tune("a lighthouse at dusk", budget=60, collection="lighthouse")
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from diffusers.callbacks import PipelineCallback
from diffusers.modular_pipelines import InputParam, ModularPipelineBlocks, OutputParam, PipelineState

from ..metrics.damage.scorer import TechnicalScorer
from ..metrics.protocols import Scorer
from ..pipelines.best_of import Candidate, best_of
from ..pipelines.collection.collection import Collection
from ..pipelines.models.adopting import adopt
from ..pipelines.models.generator import ImageGenerator
from ..pipelines.models.step_preview import StepPreview, interruptible
from ..pipelines.scoring.in_memory import as_pictures, score_batch
from ..pipelines.scoring.profile_store import ProfileStore, scorer_named
from ..pipelines.tuning.findings import StudyFindings, findings_of
from ..pipelines.tuning.loop import tune
from ..pipelines.tuning.panel import Panel
from ..pipelines.tuning.tuner import Tuner
from ..prompts.space.space import PromptSpace
from ..prompts.space.yaml_file import space_of_text

log = logging.getLogger(__name__)

#: Settings by the names that diffusers has for them.
_NAMES = {"num_inference_steps": "steps", "guidance_scale": "guidance", "negative_prompt": "negative"}
#: Folders for ``DiffusionPipeline.from_pretrained(..., custom_pipeline=FOLDER)``, by family.
CUSTOM_PIPELINES = {
    path.parent.name: path.parent for path in sorted(Path(__file__).parent.glob("custom_pipelines/*/pipeline.py"))
}


def scorer_for(taste: Scorer | str | None) -> Scorer:
    """A profile by name, or as it is; by default the technical score.

    Raises:
        ProfileError: there is none of that name.
    """
    if taste is None:
        return TechnicalScorer.load()
    return scorer_named(taste, ProfileStore()) if isinstance(taste, str) else taste


class SoartCallback(PipelineCallback):
    """Judges what a picture will look like part of the way, and stops the call where that is hopeless.

        callback = SoartCallback(below=40)
        image = pipe("a fox", callback_on_step_end=callback).images[0]
        if callback.stopped: ...  # the picture is unfinished

    A batch is stopped only where all of its pictures are hopeless. A call of fewer than two steps is never judged. Pipelines that diffusers
    cannot interrupt (LatentConsistencyModelPipeline, AuraFlowPipeline, …) are judged too, but draw to the end.

    Args:
        below: pictures under this score are hopeless.
        taste: who judges; the technical score by default.
        share: of the steps after which to look, in (0, 1).
        width: in pixels, of models whose latents do not tell it (Flux), where the picture is not square.
        height: likewise.

    Attributes:
        scores: (k,) of the last look; None before it, NaN for pictures of values that are not numbers.
        pictures: (k, h, w, 3) float32 0…1, as they were foreseen.
        stopped: whether the last call was stopped.

    Raises:
        ModelError: a share that is none; when called, a pipeline whose pictures cannot be decoded early.
        ProfileError: there is no taste of that name.
    """

    tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        below: float,
        taste: Scorer | str | None = None,
        share: float = 0.35,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        super().__init__(cutoff_step_ratio=float(share), cutoff_step_index=None)
        size = (width, height) if width and height else None
        self._look = StepPreview(scorer_for(taste), share, size)
        self.below, self.stopped = below, False

    @property
    def scores(self) -> np.ndarray | None:
        """Scores of the last look."""
        return self._look.scores

    @property
    def pictures(self) -> np.ndarray | None:
        """Pictures of the last look."""
        return self._look.pictures

    def callback_fn(
        self,
        pipeline: Any,
        step_index: int,
        timestep: Any,
        callback_kwargs: dict[str, Any],
    ) -> dict[str, Any]:
        """Called by the pipeline after every step."""
        if step_index == 0:
            self.stopped = False
        if self._look.after(pipeline, step_index, callback_kwargs["latents"]):
            assert self.scores is not None
            # NaN is hopeless too.
            hopeless = not bool((self.scores >= self.below).any())
            self.stopped = hopeless and interruptible(pipeline)
            if self.stopped:
                pipeline._interrupt = True
            elif hopeless:
                log.warning("Hopeless, but drawn to the end: a %s cannot be interrupted.", type(pipeline).__name__)
        return callback_kwargs


class BestOf:
    """Adds ``best_of`` and ``tune`` to a pipeline class; see ``SoartPipeline``."""

    def best_of(self, prompt: str, n: int = 16, **options: Any) -> list[Candidate]:
        """See ``SoartPipeline.best_of``."""
        return wrap(self).best_of(prompt, n, **options)

    def tune(self, space: PromptSpace | str, **options: Any) -> StudyFindings:
        """See ``SoartPipeline.tune``."""
        return wrap(self).tune(space, **options)


class SoartPipeline:
    """A loaded pipeline that can choose; made by ``wrap``.

    Whatever else is asked of it, the pipeline itself answers; what is set on it (``pipe.scheduler = …``) is set on the pipeline.

    Attributes:
        pipeline: as it was given.
        generator: draws with it.
    """

    pipeline: Any
    generator: ImageGenerator

    def __init__(self, pipeline: Any, identity: str | None = None, batch_size: int | None = None) -> None:
        # Attributes that are set are set on the pipeline.
        self.__dict__.update(pipeline=pipeline, _identity=identity, _batch_size=batch_size)
        self._adopt()

    def _adopt(self) -> None:
        model = adopt(self.pipeline, identity=self._identity, batch_size=self._batch_size)
        self.__dict__["generator"] = ImageGenerator(model)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Call the pipeline."""
        return self.pipeline(*inputs, **options)

    def __getattr__(self, name: str) -> Any:
        # Copies and unpickled ones are asked before they have a pipeline, and are not to answer with its methods.
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
        self,
        prompt: str,
        n: int = 16,
        *,
        taste: Scorer | str | None = None,
        **options: Any,
    ) -> list[Candidate]:
        """Draw ``n`` pictures of a prompt or template; best first.

        Args:
            prompt: a prompt or a dynamic-prompts template.
            n: how many to draw.
            taste: who judges.
            options: as of ``best_of``; settings by their names in diffusers too.

        Raises:
            ModelError: settings that there are not or out of range, or pictures that all failed.
            PromptError: a template that cannot be expanded.
        """
        named = {_NAMES.get(name, name): value for name, value in options.items()}
        return best_of(self.generator, prompt, n, scorer=scorer_for(taste), **named)

    def tune(
        self,
        space: PromptSpace | str,
        *,
        collection: Path | str = "soart-tuning",
        taste: Scorer | str | None = None,
        raters: Sequence[str] = (),
        budget: int = 120,
        batch: int = 8,
        seed: int = 0,
        prune: bool = True,
        vocabulary: str = "general",
        progress: Callable[[int], None] = lambda done: None,
    ) -> StudyFindings:
        """Tune the prompts of a space; the same call goes on after an interruption.

        Args:
            space: a space, or YAML, a template or a plain prompt.
            collection: folder that keeps pictures, choices and ratings.
            taste: who judges; the technical score by default.
            raters: people whose ratings in the collection count.
            budget: pictures in all, those of earlier calls included.
            batch: pictures between two decisions.
            seed: of the search and of the first picture.
            prune: drop poor candidates after an early look.
            vocabulary: put around a plain prompt.
            progress: called with the number of pictures drawn.

        Raises:
            SoartError: a space of one choice, numbers out of range, or pictures that all failed.
            CollectionError: the collection cannot be opened or written.
        """
        space = space_of_text(space, vocabulary) if isinstance(space, str) else space
        # Its weights may be others by now, such as with a LoRA.
        self._adopt()
        with Collection(collection) as store:
            panel = Panel([scorer_for(taste)], raters)
            tuner = Tuner(store, self.generator, space, panel, seed=seed, batch=batch, budget=budget, prune=prune)
            tune(tuner, progress=progress)
            return findings_of(tuner)


def wrap(pipeline: Any, *, identity: str | None = None, batch_size: int | None = None) -> SoartPipeline:
    """Give a loaded text-to-image pipeline ``best_of`` and ``tune``.

    Args:
        pipeline: of any family; nothing about it is changed.
        identity: names its weights in collections; by default a digest of them, as they are at every ``SoartPipeline.tune``. Another
            scheduler, or other settings of it, draw other pictures under either.
        batch_size: pictures drawn together; by default 1 on a CPU, else 4, halved when memory runs out.

    Raises:
        ModelError: it does not draw pictures from text alone, or has weights that cannot be read and no ``identity``.
    """
    return SoartPipeline(pipeline, identity, batch_size)


class SoartScoreBlock(ModularPipelineBlocks):
    """Scores the pictures of a modular pipeline; to be put after its decode block.

        blocks.sub_blocks.insert("soart_score", SoartScoreBlock(), len(blocks.sub_blocks))

    Args:
        taste: who judges; the technical score by default.
    """

    def __init__(self, taste: Scorer | str | None = None) -> None:
        super().__init__()
        self._scorer = scorer_for(taste)

    @property
    def description(self) -> str:
        """For the documentation that diffusers makes."""
        return "Scores the decoded pictures: scores, and their numbers best first."

    @property
    def inputs(self) -> list[InputParam]:
        """What it takes."""
        return [InputParam("images", required=True, description="The decoded pictures: PIL, NumPy or PyTorch.")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        """What it adds."""
        return [
            OutputParam("scores", type_hint=list[float], description="A score for each picture, higher is better."),
            OutputParam("ranking", type_hint=list[int], description="Numbers of the pictures, best first."),
        ]

    def __call__(self, components: Any, state: PipelineState) -> tuple[Any, PipelineState]:
        """Score.

        Raises:
            ImageError: no pictures, such as latents.
        """
        block = self.get_block_state(state)
        judged, problems = score_batch(as_pictures(block.images), self._scorer)
        scores = {one.number: one.score for one in judged}
        block.scores = [scores.get(number, float("nan")) for number in range(len(judged) + len(problems))]
        block.ranking = sorted(scores, key=lambda number: -scores[number])
        self.set_block_state(state, block)
        return components, state
