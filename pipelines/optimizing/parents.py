"""Parents: pictures whose noise a run begins with, so that it makes more like them.

The noise of a picture is that of its seed. Of an optimized picture it is kept in a file of the collection, because no seed
gives it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...errors import ModelError, first_line
from ...files import write_whole
from ...prompts.space.rendering import RenderedChoice
from ...prompts.space.space import PromptSpace
from ..collection.collection import Collection
from ..collection.provenance import SOART, provenance_of
from ..collection.queries import rows_by_hash
from ..collection.studies import choices_by_space
from ..collection.tables import ImageRow
from ..ingest.lookup import look_up
from ..models.generator import ImageGenerator
from ..models.limits import SEED_LIMIT
from ..models.request import loras_beside
from .ways import Noise

#: Folder of a collection that holds the noise of optimized pictures.
NOISES = "optimizing/noise"
#: Keyword of the text of a PNG file that holds the record of an optimized picture.
KEYWORD = "soart_optimized"
#: Most parents of a picture: a mixture of more is like none of them.
MOST = 3


@dataclass(frozen=True)
class Parent:
    """A picture to make more like.

    Attributes:
        sha256: of the picture.
        noise: that it was drawn from; without a tensor it is that of the seed.
        way: seed of the noise that some samplers add on the way.
        judge: stored name of the judge that guided it; empty for none.
        prompt: its prompt.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height``, ``scheduler``, as far as they are known.
    """

    sha256: str
    noise: Noise
    way: int
    judge: str = ""
    prompt: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def record(self) -> dict[str, Any]:
        """Facts of it for a record."""
        seed = None if self.noise.noise is not None else self.noise.seed
        return {"sha256": self.sha256, "seed": seed, "way": self.way}


def noise_file(collection: Collection, sha256: str) -> Path:
    """The file of a picture's noise."""
    return collection.file(f"{NOISES}/{sha256[:20]}.safetensors")


def keep_noise(collection: Collection, row: ImageRow, noise: Noise, way: int, judge: str) -> None:
    """Keep the noise of an optimized picture.

    Args:
        collection: the collection.
        row: the picture.
        noise: that it was drawn from.
        way: seed of the noise on the way.
        judge: stored name of the judge that it was optimized for.
    """
    path = noise_file(collection, row.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"strength": noise.strength, "seed": noise.seed, "way": way, "judge": judge}
    arrays = {} if noise.noise is None else {"noise": noise.noise.contiguous()}
    write_whole(path, save(arrays, metadata={"facts": json.dumps(facts)}))


def _kept(path: Path) -> tuple[Noise, int, str]:
    """A noise that was kept, the seed of the noise on the way, and the judge that the picture was optimized for.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            # A copy, because the file may be replaced.
            tensor = file.get_tensor("noise").clone() if "noise" in {*file.keys()} else None
        return Noise(tensor, float(facts["strength"]), int(facts["seed"])), int(facts["way"]), str(facts["judge"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The noise {str(path)!r} cannot be read ({first_line(error)}): remove it.") from error


def parent_of(collection: Collection, generator: ImageGenerator, row: ImageRow) -> Parent:
    """A picture of a collection as a parent.

    Args:
        collection: the collection.
        generator: the model, which must be the one that drew the picture.
        row: the picture.

    Raises:
        ModelError: prompt, seed or model of the picture are not known, another model drew it, or its noise is not kept here.
    """
    name, origin = collection.locate(row).name, provenance_of(collection, [row]).get(row.id)
    if origin is None or origin.prompt is None or origin.seed is None or not origin.model:
        raise ModelError(
            f"Nothing says how {name!r} was drawn: choose a picture whose prompt, seed and model are known, such as one drawn here."
        )
    own = generator.model.identity
    if loras_beside(own, origin.model) is None:
        raise ModelError(
            "%(name)s was drawn by %(model)s, and this is %(own)s: load the same model.",
            name=repr(name),
            model=repr(origin.model),
            own=repr(own),
        )
    way = _seed(name, origin.seed)
    noise, judge = Noise(None, 0.0, way), ""
    if (path := noise_file(collection, row.sha256)).is_file():
        noise, way, judge = _kept(path)
    elif _is_optimized(collection.locate(row)):
        raise ModelError(
            "%(name)s was optimized, and its noise is not in this collection: name the collection that it was made in.",
            name=repr(name),
        )
    sampler = origin.sampler or ""
    known = {"negative": origin.negative, "steps": origin.steps, "guidance": origin.guidance}
    if origin.tool == SOART and sampler not in ("", generator.model.sampler):
        # Samplers of diffusers are stored without the end of their names, those of other programs as they are.
        known["scheduler"] = f"{sampler}Scheduler" if generator.model.pipeline is not None else sampler
    if {"width", "height"} <= generator.model.accepts:
        known |= dict(zip(("width", "height"), origin.size, strict=True))
    return Parent(
        row.sha256,
        noise,
        way,
        judge,
        origin.prompt,
        {name: value for name, value in known.items() if value is not None},
    )


def _seed(name: str, text: str) -> int:
    seed = int(text)
    if not 0 <= seed < SEED_LIMIT:
        raise ModelError(f"{name!r} has the seed {text}, which is too long for soart: choose another picture.")
    return seed


def _is_optimized(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return KEYWORD in image.info
    except (OSError, ValueError, SyntaxError):
        return False


def parents_named(collection: Collection, generator: ImageGenerator, files: Sequence[Path]) -> list[Parent]:
    """Picture files as parents; those that are not in the collection yet are added to it, where they lie.

    Args:
        collection: the collection.
        generator: the model that drew them.
        files: at most ``MOST`` of one size.

    Raises:
        ModelError: as for ``parent_of``; too many files, or a file that is no picture.
    """
    if len(files) > MOST:
        raise ModelError(f"Expected at most {MOST} pictures to begin with, got {len(files)}: name fewer.")
    found = look_up(collection, files, ())
    for problem in found.problems.values():
        raise ModelError(problem)
    return [parent_of(collection, generator, found.pictures[file]) for file in files]


def beginning(
    collection: Collection,
    generator: ImageGenerator,
    files: Sequence[Path],
    prompt: str | None,
    seed: int,
    settings: Mapping[str, Any],
) -> tuple[str, dict[str, Any], list[Parent]]:
    """Prompt, settings and parents of a run that begins with pictures.

    Args:
        collection: the collection.
        generator: the model that drew them.
        files: of the pictures.
        prompt: None for that of the first; of several that were tuned in one space, for one whose options come from all.
        seed: decides which option comes from which.
        settings: those of the first picture unless they are given here; None is not given.

    Raises:
        ModelError: as for ``parents_named``.
    """
    parents = parents_named(collection, generator, files)
    own = dict(parents[0].settings) if parents else {}
    if prompt is None and parents:
        prompt = parents[0].prompt
        if len(parents) > 1 and (mixture := crossed(collection, generator, parents, seed)) is not None:
            prompt, own = mixture.prompt, own | mixture.settings
            own |= {} if mixture.negative is None else {"negative": mixture.negative}
    given = {name: value for name, value in settings.items() if value is not None}
    return prompt or "", {**own, **given}, parents


def crossed(
    collection: Collection, generator: ImageGenerator, parents: Sequence[Parent], seed: int
) -> RenderedChoice | None:
    """A choice of a tuned space that takes each option from one of several of its pictures (uniform crossover).

    Args:
        collection: holds the tune.
        generator: the model.
        parents: the pictures.
        seed: of the crossover.

    Returns:
        prompt and settings; None for pictures that were not tuned, or not in one space.
    """
    wanted = [one.sha256 for one in parents]
    for tuned in choices_by_space(collection, generator.model.identity):
        known = {image.sha256: row for row, image in tuned.choices if image is not None}
        if not known.keys() >= {*wanted}:
            continue
        rng, space = np.random.default_rng(seed), PromptSpace.parse_yaml(tuned.text, f"space {tuned.fingerprint}")
        options = np.array([json.loads(known[one].options) for one in wanted])
        choice = options[rng.integers(len(wanted), size=options.shape[1]), np.arange(options.shape[1])]
        # Options that two parents may have apart may be forbidden together.
        return space.render_with(space.nearest(choice), known[wanted[int(rng.integers(len(wanted)))]].context)
    return None


def parents_again(collection: Collection, record: Mapping[str, Any]) -> list[Parent]:
    """The parents in the record of a picture.

    Raises:
        ModelError: the noise of one is not kept in the collection, or the record is damaged.
    """
    parents = []
    for one in record.get("parents", ()):
        if one["seed"] is not None:
            parents.append(Parent(one["sha256"], Noise(None, 0.0, one["seed"]), one["way"]))
            continue
        path = noise_file(collection, one["sha256"])
        if not path.is_file():
            known = rows_by_hash(collection, [one["sha256"][:16]])
            named = repr(collection.locate(next(iter(known.values()))).name) if known else one["sha256"][:12]
            raise ModelError(f"The noise of the parent {named} is not kept here: name the collection of the picture.")
        parents.append(Parent(one["sha256"], *_kept(path)))
    return parents


def family(parents: Sequence[Parent]) -> str:
    """A text that is equal for equal parents; empty without any."""
    return hashlib.sha256(json.dumps([one.sha256 for one in parents]).encode()).hexdigest() if parents else ""
