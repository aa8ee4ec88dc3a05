"""Base of soart's ComfyUI nodes: errors as text in the node, progress, profiles.

A node that meets an expected error shows it as text and blocks its downstream nodes; all other branches of the
graph run on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import folder_paths
from comfy.utils import ProgressBar
from comfy_api.latest import io, ui

from ...errors import ModelError, ProfileError, SoartError
from ...pipelines.support.file_stamps import file_stamp, model_stamp

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import Scorer
    from ...pipelines.models.generator import ImageGenerator

CATEGORY = "SOART"
#: A profile from SOART Taste, and a choice from SOART Prompt Choice.
ProfileType = io.Custom("SOART_PROFILE")
ChoiceType = io.Custom("SOART_CHOICE")
#: Tooltip of every input of pictures.
IMAGES = "One picture or a batch. Transparency is laid over white; pictures whose values are not numbers are left out."
#: The profile of a new node.
DEFAULT_PROFILE = "technical"
#: Least seconds between two updates of the progress bar.
UPDATE_SECONDS = 0.05
#: Largest whole number that the front end's JavaScript holds exactly.
MOST_SEED = 2**53 - 1


class NotLoadedError(ModelError):
    """A model that cannot be loaded.

    It ends the run, as in any loader: if the node showed it as text, ComfyUI would cache that and not try again.
    """


class SoartNode(io.ComfyNode):
    """Base of the nodes: subclasses define ``define_schema`` and ``run``.

    Attributes:
        run: the node's own work.
        shows_images: True if the node shows pictures.
    """

    run: ClassVar[Callable[..., io.NodeOutput]]
    shows_images: ClassVar[bool] = False

    @classmethod
    def execute(cls, **inputs: Any) -> io.NodeOutput:  # noqa: ANN401
        """Run; show an expected error as text."""
        try:
            return cls.run(**inputs)
        except NotLoadedError:
            raise
        except SoartError as error:
            return cls.refuse(str(error))
        except ModuleNotFoundError as error:
            package = str(error.name).split(".")[0]
            return cls.refuse(
                f"SOART needs the package {package!r}, which is not installed: run pip install -r requirements.txt "
                "in the folder of this node pack, with ComfyUI's Python."
            )

    @classmethod
    def refuse(cls, sentence: str) -> io.NodeOutput:
        """Show a sentence and block the outputs."""
        outputs = cls.define_schema().outputs or []
        # ComfyUI blocks nothing if there are no values to block.
        return io.NodeOutput(*[None] * len(outputs), ui=cls.show([sentence]), block_execution=sentence)

    @classmethod
    def show(
        cls,
        texts: Sequence[str],
        table: dict[str, Any] | None = None,
        images: torch.Tensor | None = None,
    ) -> dict[str, Any]:
        """The texts, table and pictures to show in the node.

        The keys are always the same, because ComfyUI merges the runs of a list by the keys of the first.
        """
        content: dict[str, Any] = {"text": list(texts), "soart_table": [] if table is None else [table]}
        if cls.shows_images:
            empty = {"images": [], "animated": (False,)}
            content |= empty if images is None else ui.PreviewImage(images, cls=cls).as_dict()
        return content


def progress(total: int) -> Callable[..., None]:
    """A function that advances the node's progress bar, by default by one, and ends the run if the user interrupts it."""
    bar = ProgressBar(max(total, 1))
    waiting, done, last = 0, 0, 0.0

    def step(count: int = 1) -> None:
        nonlocal waiting, done, last
        waiting, now = waiting + count, time.monotonic()
        # Every update is a message to the browser, and pictures that are already measured pass in no time.
        if now - last >= UPDATE_SECONDS or done + waiting >= total:
            done, waiting, last, new = done + waiting, 0, now, waiting
            bar.update(new)

    return step


def output_folder(name: str) -> Path:
    """The folder of the collection of this name, below ComfyUI's output folder.

    Raises:
        CollectionError: as for ``folder_inside``.
    """
    from ...pipelines.collection.host_folder import folder_inside

    return folder_inside(Path(folder_paths.get_output_directory()), name, "ComfyUI")


def profile_choices() -> list[str]:
    """The built-in profiles and the user's tastes."""
    try:
        from ...pipelines.scoring.profile_store import ProfileStore, profile_names
    except ModuleNotFoundError:
        # The nodes must load to show which package is missing.
        return [DEFAULT_PROFILE]
    return profile_names(ProfileStore())


def profile_inputs() -> list[io.Input]:
    """A list of profiles to choose from, and a profile learnt in the same graph."""
    return [
        io.Combo.Input(
            "profile",
            options=profile_choices(),
            default=DEFAULT_PROFILE,
            tooltip="The built-in technical score, a detector of one kind of damage, or one of your tastes.",
        ),
        ProfileType.Input(
            "taste", optional=True, tooltip="A profile from SOART Taste, used instead of the one named above."
        ),
    ]


def scorer_of(profile: str, taste: Scorer | None) -> Scorer:
    """The linked taste, or else the profile of this name.

    Raises:
        ProfileError: there is no profile of this name, or its file is damaged.
    """
    from ...pipelines.scoring.profile_store import ProfileStore, scorer_named

    return scorer_named(profile, ProfileStore()) if taste is None else taste


def title_of(scorer: Scorer) -> str:
    """The title of a profile, for tables."""
    from ...metrics.damage.titles import stored_title

    return stored_title(scorer.stored_name)


def profile_stamp(profile: object) -> str:
    """A text that changes when the file of a taste does."""
    from ...pipelines.scoring.profile_store import ProfileStore

    try:
        return file_stamp(ProfileStore().path(str(profile)))
    except ProfileError:
        return ""


def always() -> int:
    """A unique fingerprint: the node runs every time."""
    return time.time_ns()


@lru_cache(maxsize=1)
def _loaded(model: str, device: str, changed: str) -> ImageGenerator:
    from ...pipelines.models.opening import open_generator
    from ...pipelines.models.options import GeneratorOptions

    return open_generator(GeneratorOptions(model, device=None if device == "auto" else device))


def generator_of(model: str, device: str) -> ImageGenerator:
    """The generator of a model, cached until another model is named or its files change.

    Raises:
        NotLoadedError: the model cannot be loaded.
    """
    if not model.strip():
        raise NotLoadedError("Expected a model: 'embedded', a diffusers folder, a .safetensors file, or a hub id.")
    try:
        return _loaded(model.strip(), device, model_stamp(model))
    except ModelError as error:
        raise NotLoadedError(str(error)) from error


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
