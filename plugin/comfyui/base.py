"""What all of soart's ComfyUI nodes share: mistakes become sentences in the node, and a run shows its progress.

A node that meets an expected mistake says it in its own text and blocks what hangs on it; all other branches of the graph run on.
"""

from __future__ import annotations

import hashlib
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
from .pictures import folder_inside, stamp

if TYPE_CHECKING:
    import torch

    from ...metrics.protocols import Scorer
    from ...pipelines.models.generator import ImageGenerator

CATEGORY = "SOART"
#: A profile that was found or learnt, and a choice that was asked for.
ProfileType = io.Custom("SOART_PROFILE")
ChoiceType = io.Custom("SOART_CHOICE")
#: What every node says of its pictures.
IMAGES = (
    "Pictures, one or a batch. Transparency is laid over white; pictures whose values are not numbers are left out."
)
#: Seconds between two signs of progress, at least.
BETWEEN = 0.05
#: What a model folder is made of, and how many such files are looked at.
MODEL_FILES = {".json", ".txt", ".model", ".safetensors", ".ckpt", ".bin"}
MOST_FILES = 1000
#: Largest whole number that the front end's JavaScript holds exactly.
MOST_SEED = 2**53 - 1


class NotLoadedError(ModelError):
    """A model that cannot be loaded: the run ends as in any loader, for ComfyUI would remember the node's silence and not try again."""


class SoartNode(io.ComfyNode):
    """Base of the nodes: subclasses define ``define_schema`` and ``run``.

    Attributes:
        run: the node's own work.
        shows_images: whether the node shows pictures.
    """

    run: ClassVar[Callable[..., io.NodeOutput]]
    shows_images: ClassVar[bool] = False

    @classmethod
    def execute(cls, **inputs: Any) -> io.NodeOutput:  # noqa: ANN401
        """Run, or say why not."""
        try:
            return cls.run(**inputs)
        except NotLoadedError:
            raise
        except SoartError as error:
            return cls.refuse(str(error))
        except ModuleNotFoundError as error:
            return cls.refuse(
                f"SOART needs the package {str(error.name).split('.')[0]!r}, which is not installed: run pip install -r requirements.txt in the "
                "folder of this node pack, with ComfyUI's Python."
            )

    @classmethod
    def refuse(cls, sentence: str) -> io.NodeOutput:
        """Say a sentence and block the outputs."""
        outputs = cls.define_schema().outputs or []
        # ComfyUI blocks nothing where there are no values to block.
        return io.NodeOutput(*[None] * len(outputs), ui=cls.show([sentence]), block_execution=sentence)

    @classmethod
    def show(
        cls,
        texts: Sequence[str],
        table: dict[str, Any] | None = None,
        images: torch.Tensor | None = None,
    ) -> dict[str, Any]:
        """What the node shows: always the same keys, for ComfyUI lays the runs of a list over each other by the keys of the first."""
        shown: dict[str, Any] = {"text": list(texts), "soart_table": [] if table is None else [table]}
        if cls.shows_images:
            empty = {"images": [], "animated": (False,)}
            shown |= empty if images is None else ui.PreviewImage(images, cls=cls).as_dict()
        return shown


def progress(total: int) -> Callable[..., None]:
    """A function that moves the node's progress bar on by one or as many as it is told; it also ends the run when the user says so."""
    bar = ProgressBar(max(total, 1))
    waiting, told, since = 0, 0, 0.0

    def step(count: int = 1) -> None:
        nonlocal waiting, told, since
        waiting, now = waiting + count, time.monotonic()
        # Every update is a message to the browser; pictures that were measured before go by in no time.
        if now - since >= BETWEEN or told + waiting >= total:
            told, waiting, since, new = told + waiting, 0, now, waiting
            bar.update(new)

    return step


def output_folder(name: str) -> Path:
    """Where the collection of this name lies: below ComfyUI's output folder."""
    return folder_inside(Path(folder_paths.get_output_directory()), name)


def profile_names() -> list[str]:
    """The built-in profiles and the user's tastes."""
    try:
        from ...metrics.damage.scorer import DETECTORS
        from ...pipelines.scoring.profile_store import ProfileStore
    except ModuleNotFoundError:
        # The nodes must be there to say what is missing.
        return ["technical"]
    built_in = ("technical", *DETECTORS)
    return [*built_in, *(name for name in ProfileStore().names() if name not in built_in)]


def profile_inputs() -> list[io.Input]:
    """The profile as a list to choose from, and as something learnt in the same graph."""
    return [
        io.Combo.Input(
            "profile",
            options=profile_names(),
            default="technical",
            tooltip="Who judges: the built-in technical score, a detector of one kind of damage, or a taste of yours.",
        ),
        ProfileType.Input(
            "taste", optional=True, tooltip="A profile from SOART Taste; counts in place of the one named above."
        ),
    ]


def scorer_of(profile: str, taste: Scorer | None) -> Scorer:
    """The profile that a node is to judge by.

    Raises:
        ProfileError: there is none of that name, or its file is damaged.
    """
    from ...pipelines.scoring.profile_store import ProfileStore, scorer_named

    return scorer_named(profile, ProfileStore()) if taste is None else taste


def title_of(scorer: Scorer) -> str:
    """What people call what judges."""
    from ...metrics.damage.titles import stored_title

    return stored_title(scorer.stored_name)


def warnings_of(scorer: Scorer) -> list[str]:
    """What must be said beside the scores of a profile."""
    warning = getattr(scorer, "warning", None)
    return [warning] if warning else []


def profile_stamp(profile: object) -> str:
    """Changes when the file of a taste does."""
    from ...pipelines.scoring.profile_store import ProfileStore

    try:
        return stamp(ProfileStore().path(str(profile)))
    except ProfileError:
        return ""


def always() -> int:
    """A fingerprint that never comes again: the node runs every time."""
    return time.time_ns()


@lru_cache(maxsize=1)
def _loaded(model: str, device: str, changed: str) -> ImageGenerator:
    from ...pipelines.models.generator import ImageGenerator
    from ...pipelines.models.loading import load_model

    return ImageGenerator(load_model(model, device=None if device == "auto" else device))


def generator_of(model: str, device: str) -> ImageGenerator:
    """The model, loaded once and kept until another one is named or its files change.

    Raises:
        NotLoadedError: it cannot be loaded.
    """
    if not model.strip():
        raise NotLoadedError("Expected a model: 'embedded', a diffusers folder, a .safetensors file, or a hub id.")
    try:
        return _loaded(model.strip(), device, model_stamp(model))
    except ModelError as error:
        raise NotLoadedError(str(error)) from error


#: How often something outside of the graph was in the way, by what it was.
_obstacles: Counter[str] = Counter()


@contextmanager
def retried(what: str) -> Iterator[None]:
    """If this fails, ``obstacles`` changes: else ComfyUI would answer with the failure for good, even when its cause is gone."""
    try:
        yield
    except SoartError:
        _obstacles[what] += 1
        raise


def obstacles(what: str) -> str:
    """Belongs in the fingerprint of a node that uses ``retried``."""
    return str(_obstacles[what])


def model_stamp(model: object) -> str:
    """Changes when a local model does: a file that is overwritten leaves the times of the folders above it as they were."""
    path = Path(str(model).strip()).expanduser()
    try:
        parts = [*path.glob("*"), *path.glob("*/*")] if (path / "model_index.json").is_file() else []
    except (OSError, ValueError):
        parts = []
    files = sorted(part for part in parts if part.suffix in MODEL_FILES)[:MOST_FILES]
    found = f"{[str(file) for file in files]} {stamp(path, *files)}"
    return hashlib.sha256(found.encode()).hexdigest()
