"""Base of soart's ComfyUI nodes: mistakes, progress, judges.

A mistake ends the run with an error that the front end and API clients see. With the switch ``keep_going`` of a node it is
text in the node instead, which blocks the nodes downstream; all other branches of the graph run on.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import folder_paths
from comfy.cli_args import LatentPreviewMethod, args
from comfy.utils import ProgressBar
from comfy_api.latest import io, ui
from PIL import Image

from ...errors import ModelError, SoartError, TasteError
from ...pipelines.models.backends.address import backend_address
from ...pipelines.support.file_stamps import file_stamp, model_stamp

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...metrics.protocols import ItemJudge, Judge
    from ...pipelines.judges.guarded import GuardedJudge
    from ...pipelines.models.generator import ImageGenerator
    from ...pipelines.models.steps import StepReport

CATEGORY = "SOART"
#: A taste from SOART Taste, and a choice from SOART Prompt Choice.
TasteType = io.Custom("SOART_TASTE")
ChoiceType = io.Custom("SOART_CHOICE")
#: Tooltip of every input of pictures.
IMAGES = "One picture or a batch. Transparent parts become white. Damaged pictures, whose values are not numbers, are left out."
#: The judge of a new node. Its name is written out, because the nodes load without the packages that judges need.
OVERALL = "overall"
#: The first choice in a list of checkpoints.
NO_CHECKPOINT = "none"
#: Least seconds between two updates of the progress bar.
UPDATE_SECONDS = 0.05
#: Largest whole number that the front end's JavaScript holds exactly.
MOST_SEED = 2**53 - 1


class SoartNode(io.ComfyNode):
    """Base of the nodes: subclasses define ``define_schema`` and ``run``."""

    run: ClassVar[Callable[..., io.NodeOutput]]  # the node's own work
    shows_images: ClassVar[bool] = False  # True if the node shows pictures without scores

    @classmethod
    def execute(cls, keep_going: bool | list[bool] = False, **inputs: Any) -> io.NodeOutput:  # noqa: ANN401
        """Run; with ``keep_going`` (a list of one for nodes that take lists) show a mistake as text."""
        try:
            return cls.run(**inputs)
        except SoartError as error:
            mistake = error
        except ModuleNotFoundError as error:
            package = str(error.name).split(".")[0]
            mistake = SoartError(
                f"SOART needs the package {package!r}, which is not installed: run pip install -r requirements.txt "
                "in the folder of this node pack, with ComfyUI's Python."
            )
        except OSError as error:
            mistake = SoartError(f"A file cannot be read or written: {error.strerror or error} (is the disk full?).")
        if keep_going in (False, [False]):
            raise mistake
        return cls.refuse(str(mistake))

    @classmethod
    def refuse(cls, sentence: str, **shown: Any) -> io.NodeOutput:  # noqa: ANN401
        """Show a sentence, and what else ``show`` takes, and block the outputs."""
        outputs = cls.define_schema().outputs or []
        # ComfyUI blocks nothing if there are no values to block.
        return io.NodeOutput(*[None] * len(outputs), ui=cls.show([sentence], **shown), block_execution=sentence)

    @classmethod
    def show(
        cls,
        texts: Sequence[str],
        table: dict[str, Any] | None = None,
        *,
        cards: Sequence[dict[str, Any]] = (),
        chart: dict[str, Any] | None = None,
        loop: dict[str, Any] | None = None,
        liked: Sequence[dict[str, str]] = (),
        images: torch.Tensor | None = None,
    ) -> dict[str, Any]:
        """The contents to show in the node: texts, a table, pictures with scores, a chart, and more.

        The keys are always the same, because ComfyUI merges the runs of a list by the keys of the first.
        """
        shown = {
            "text": list(texts),
            "soart_table": [] if table is None else [table],
            "soart_cards": list(cards),
            "soart_chart": [] if chart is None else [chart],
            "soart_loop": [] if loop is None else [loop],
            "soart_liked": list(liked),
        }
        # Texts become plain ones: ComfyUI keeps the content, and other packs may look at it.
        content: dict[str, Any] = json.loads(json.dumps(shown))
        if cls.shows_images:
            empty = {"images": [], "animated": (False,)}
            content |= empty if images is None else ui.PreviewImage(images, cls=cls).as_dict()
        return content


def folded(one: io.Input) -> io.Input:
    """Let front ends fold an input until it is asked for; older ones show it."""
    # Every version sends this entry, but as an argument inputs with a widget take it from ComfyUI 0.7 on alone.
    one.extra_dict["advanced"] = True
    return one


def node_schema(*, inputs: Sequence[io.Input], later: Sequence[io.Input] = (), **others: Any) -> io.Schema:  # noqa: ANN401
    """The schema of a node, with the switch ``keep_going`` before ``later`` inputs: workflows hold values by place."""
    switch = io.Boolean.Input(
        "keep_going", default=False, optional=True,
        tooltip="On: an error is shown in this node and stops only the nodes after it. Off: an error ends the whole run.",
    )  # fmt: skip
    return io.Schema(category=CATEGORY, inputs=[*inputs, folded(switch), *later], **others)


def place_of(cls: type[io.ComfyNode]) -> dict[str, str]:
    """Where a node that runs now stands: ids of its ``workflow`` (empty if no page has queued the run) and ``node``."""
    sent = (cls.hidden.extra_pnginfo or {}).get("workflow")
    return {"workflow": str(sent.get("id") or "") if isinstance(sent, dict) else "", "node": str(cls.hidden.unique_id)}


class NodeProgress:
    """The node's progress bar; the host raises from its updates if the user interrupts the run."""

    def __init__(self, total: int) -> None:
        self._bar = ProgressBar(max(total, 1))
        self._done, self._last = 0, 0.0

    def __call__(self, count: int = 1) -> None:
        """Advance by a number of updates."""
        self.show(self._done + count, self._bar.total)

    def show(self, done: int, total: int, preview: np.ndarray | None = None) -> None:
        """Show how much is done, and the preview (h, w, 3) uint8 of a picture."""
        self._done, now = done, time.monotonic()
        # Every update is a message to the browser, and pictures that are already measured pass in no time.
        if preview is not None or now - self._last >= UPDATE_SECONDS or done >= total:
            self._last = now
            picture = None if preview is None else ("JPEG", Image.fromarray(preview), args.preview_size)
            self._bar.update_absolute(done, total, picture)

    def steps(self, pictures: int) -> StepReport:
        """A report that shows the steps of drawing a number of pictures, with previews if ComfyUI shows any."""
        from ...pipelines.models.steps import Step, StepReport

        def after(step: Step) -> None:
            done = step.drawn * step.total + step.pictures * step.number
            self.show(done, pictures * step.total, step.preview)

        return StepReport(after, previews=args.preview_method != LatentPreviewMethod.NoPreviews)


def output_folder(name: str) -> Path:
    """The folder of the collection of this name, below ComfyUI's output folder."""
    from ...pipelines.collection.address import folder_inside

    return folder_inside(Path(folder_paths.get_output_directory()), name, "ComfyUI")


def judge_choices() -> list[str]:
    """Names of the judges that need no argument: soart's own, the user's tastes, and those of other packages."""
    try:
        from ...pipelines.scoring.taste_store import TasteStore
        from ...pipelines.support.judge_names import names_alone
    except ModuleNotFoundError:
        # The nodes must load to show which package is missing.
        return [OVERALL]
    return names_alone(TasteStore().names())


def judge_inputs() -> list[io.Input]:
    """A list of judges to choose from, and a taste learnt in the same graph."""
    return [
        io.Combo.Input(
            "by",
            options=judge_choices(),
            default=OVERALL,
            tooltip="What scores the pictures: the overall score, one of your tastes, a detector of one fault, or another judge.",
        ),
        TasteType.Input(
            "taste", optional=True, tooltip="A taste from SOART Taste; it scores instead of the judge named above."
        ),
    ]


def judge_of(by: str, taste: ItemJudge | None) -> GuardedJudge:
    """The linked taste, or else the judge of this name, guarded."""
    from ...pipelines.judges.finding import guarded
    from ...pipelines.judges.guarded import GuardedJudge

    if taste is not None:
        return guarded(taste)
    return GuardedJudge(_judge(by.strip(), taste_stamp(by.strip())), named=by.strip())


@lru_cache(maxsize=4)
def _judge(by: str, _taste: str) -> Judge:
    """The judge of a name; it is loaded again when the file of a taste changes."""
    from ...pipelines.judges.catalogue import Allow, Catalogue
    from ...pipelines.scoring.taste_store import TasteStore

    # Workflows come from others, and over the network.
    return Catalogue(TasteStore()).judge(by, Allow.NO_CODE)


def title_of(judge: GuardedJudge) -> str:
    """The title of a judge, for tables."""
    from ...metrics.damage.titles import stored_title

    return stored_title(judge.stored_name)


def taste_stamp(name: object) -> str:
    """A text that changes when the file of a taste does; empty for a name that no taste can have."""
    from ...pipelines.scoring.taste_store import TasteStore

    try:
        return file_stamp(TasteStore().path(str(name)))
    except TasteError:
        return ""


class UncachedNode(SoartNode):
    """Base of nodes that run anew every time."""

    @classmethod
    def fingerprint_inputs(cls, **_inputs: Any) -> int:  # noqa: ANN401
        """Never the same."""
        return time.time_ns()


#: The latest generator by the names of its model and device, and the stamp of the model's files.
_loaded: dict[tuple[str, str, str], ImageGenerator] = {}


def generator_of(model: str, device: str) -> ImageGenerator:
    """The generator of a model, cached until another model is named or its files change."""
    if not model.strip():
        raise ModelError("Expected a model: 'embedded', a diffusers folder, a .safetensors file, or a hub id.")
    if backend_address(model.strip()) is not None:
        # Whoever may queue a graph must not make this machine send requests to any address.
        raise ModelError("A node draws in this ComfyUI and not with another program: name a model, not a backend.")
    from ...pipelines.models.opening import open_generator
    from ...pipelines.models.options import GeneratorOptions

    key = model.strip(), device, model_stamp(model)
    generator = _loaded.get(key)
    if generator is None:
        # Memory may not hold the earlier model beside the next.
        _loaded.clear()
        import torch

        # Tensors made in ComfyUI's inference mode have no gradients, which SOART Optimize needs.
        with torch.inference_mode(mode=False):
            generator = open_generator(GeneratorOptions(key[0], device=None if device == "auto" else device))
        _loaded[key] = generator
    return generator


def checkpoint_choices() -> list[str]:
    """ComfyUI's checkpoints, after the choice of none."""
    return [NO_CHECKPOINT, *folder_paths.get_filename_list("checkpoints")]


def checkpoint_path(name: str) -> str:
    """The file of a checkpoint."""
    path = folder_paths.get_full_path("checkpoints", name)
    if path is None:
        raise ModelError(f"There is no checkpoint {name!r} in ComfyUI's folder of checkpoints.")
    return str(path)


#: Number of failures caused from outside the graph, by name of the cause.
_failures: Counter[str] = Counter()


@contextmanager
def counting_failures(cause: str) -> Iterator[None]:
    """Change ``failures`` if the block fails; otherwise ComfyUI would cache the failure even when its cause is gone."""
    try:
        yield
    except SoartError:
        _failures[cause] += 1
        raise


def failures(cause: str) -> str:
    """Part of the fingerprint of a node that uses ``counting_failures``."""
    return str(_failures[cause])
