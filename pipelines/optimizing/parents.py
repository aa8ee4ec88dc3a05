"""Parents: pictures whose noise a run begins with, or that it draws on, so that it makes more like them.

The noise of a picture is that of its seed. Of an optimized picture it is kept in a file of the collection, because no seed
gives it. A picture that is drawn on needs no noise, so that it may come from anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save

from ...errors import ModelError, first_line
from ...files import write_whole
from ...metrics.formats.tensors import parse_json, read_tensors
from ...prompts.space.rendering import RenderedChoice
from ...prompts.space.space import PromptSpace
from ..collection.collection import Collection
from ..collection.provenance import SOART, Provenance, provenance_of
from ..collection.queries import rows_by_hash
from ..collection.studies import choices_by_space
from ..collection.tables import ImageRow
from ..ingest.lookup import look_up
from ..models.drawing_on import check_strength, drawing_on
from ..models.generator import ImageGenerator
from ..models.limits import SEED_LIMIT
from ..models.request import loras_beside
from .records import is_optimized, parents_in, strength_of
from .ways import Noise, tensor_in

#: Folder of a collection that holds the noise of optimized pictures.
NOISES = "optimizing/noise"
#: Most parents of a picture: a mixture of more is like none of them.
MOST = 3


@dataclass(frozen=True)
class Parent:
    """A picture to make more like, by its noise or, without a tensor, by its seed; or one that is drawn on."""

    sha256: str
    noise: Noise
    way: int  # seed of noise that some samplers add on the way
    prompt: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    drawn_on: np.ndarray | None = field(default=None, repr=False)  # (h, w, 3) uint8
    strength: float = 1.0
    size: tuple[int, int] | None = None  # to draw with, None for its own

    @property
    def record(self) -> dict[str, Any]:
        """Facts of it for a record."""
        seed = None if self.noise.noise is not None else self.noise.seed
        facts: dict[str, Any] = {"sha256": self.sha256, "seed": seed, "way": self.way}
        if self.drawn_on is None:
            return facts
        return facts | {"strength": self.strength, "size": None if self.size is None else [*self.size]}


def drawn_on(
    pixels: np.ndarray,
    strength: float,
    sha256: str = "",
    size: tuple[int, int] | None = None,
    **facts: Any,  # noqa: ANN401
) -> Parent:
    """Pixels (h, w, 3) uint8 to draw on, as a parent; ``facts`` are ``prompt`` and ``settings``.

    ``strength`` is the share of the steps that are made, see ``models.drawing_on``. ``sha256`` is by default that of
    the pixels; ``size`` is width and height, None for its own.
    """
    named = sha256 or hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    return Parent(named, Noise(None, 0), 0, drawn_on=pixels, strength=check_strength(strength), size=size, **facts)


def generator_for(generator: ImageGenerator, parents: Sequence[Parent]) -> ImageGenerator:
    """The generator that draws a run: ``generator``, or one that draws on the only parent."""
    pictures = [one for one in parents if one.drawn_on is not None]
    if not pictures:
        return generator
    if len(parents) > 1:
        raise ModelError(f"Expected one picture to draw on, got {len(parents)}: name one, or leave the strength out.")
    [one] = pictures
    assert one.drawn_on is not None
    return drawing_on(generator, one.drawn_on, one.strength, one.size)


def noise_file(collection: Collection, sha256: str) -> Path:
    """The file of a picture's noise."""
    return collection.file(f"{NOISES}/{sha256[:20]}.safetensors")


def keep_noise(collection: Collection, row: ImageRow, noise: Noise, way: int) -> None:
    """Keep the noise of an optimized picture, and the seed ``way`` of the noise on the way."""
    path = noise_file(collection, row.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"seed": noise.seed, "way": way}
    arrays = {} if noise.noise is None else {"noise": noise.noise.contiguous()}
    write_whole(path, save(arrays, metadata={"facts": json.dumps(facts)}))


def _kept(path: Path) -> tuple[Noise, int]:
    """A noise that was kept, and the seed of the noise on the way."""
    try:
        metadata, arrays = read_tensors(path)
        facts = parse_json(metadata["facts"])
        return Noise(tensor_in(arrays, "noise"), int(facts["seed"])), int(facts["way"])
    except (OSError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"The noise {str(path)!r} cannot be read ({first_line(error)}): remove it.") from error


def parent_of(
    collection: Collection, generator: ImageGenerator, row: ImageRow, strength: float | None = None
) -> Parent:
    """A picture of a collection as a parent: drawn by this model from noise that is kept here, unless it is drawn on."""
    path, origin = collection.locate(row), provenance_of(collection, [row]).get(row.id)
    name, own = path.name, generator.model.identity
    same = origin is not None and bool(origin.model) and loras_beside(own, origin.model or "") is not None
    if strength is not None:
        known = {} if origin is None or not same else _settings(generator, origin)
        known = {setting: value for setting, value in known.items() if setting not in ("width", "height")}
        prompt = "" if origin is None else origin.prompt or ""
        return drawn_on(collection.pixels(row), strength, row.sha256, prompt=prompt, settings=known)
    if origin is None or origin.prompt is None or origin.seed is None or not origin.model:
        raise ModelError(
            f"Nothing says how {name!r} was drawn: choose a picture whose prompt, seed and model are known, such as one drawn here."
        )
    if not same:
        raise ModelError(f"{name!r} was drawn by {origin.model!r}, and this is {own!r}: load the same model.")
    way = _seed(name, origin.seed)
    noise = Noise(None, way)
    if strength_of(path) is not None:
        raise ModelError(
            f"{name!r} was drawn on another picture, so that no noise alone makes it: give a strength to draw on it."
        )
    if (kept := noise_file(collection, row.sha256)).is_file():
        noise, way = _kept(kept)
    elif is_optimized(path):
        raise ModelError(
            f"{name!r} was optimized, and its noise is not in this collection: name the collection that it was made in."
        )
    return Parent(row.sha256, noise, way, origin.prompt, _settings(generator, origin))


def _settings(generator: ImageGenerator, origin: Provenance) -> dict[str, Any]:
    """The settings that a picture of the same model was drawn with, as far as they are known."""
    sampler = origin.sampler or ""
    known = {"negative": origin.negative, "steps": origin.steps, "guidance": origin.guidance}
    if origin.tool == SOART and sampler not in ("", generator.model.sampler):
        # Samplers of diffusers are stored without the end of their names, those of other programs as they are.
        known["scheduler"] = f"{sampler}Scheduler" if generator.model.pipeline is not None else sampler
    if {"width", "height"} <= generator.model.accepts:
        known |= dict(zip(("width", "height"), origin.size, strict=True))
    return {name: value for name, value in known.items() if value is not None}


def _seed(name: str, text: str) -> int:
    seed = int(text)
    if not 0 <= seed < SEED_LIMIT:
        raise ModelError(f"{name!r} has the seed {text}, which is too long for soart: choose another picture.")
    return seed


def parents_named(
    collection: Collection, generator: ImageGenerator, files: Sequence[Path], strength: float | None = None
) -> list[Parent]:
    """At most ``MOST`` picture files of one size as parents; new ones are added to the collection, where they lie."""
    if len(files) > MOST:
        raise ModelError(f"Expected at most {MOST} pictures to begin with, got {len(files)}: name fewer.")
    found = look_up(collection, files, ())
    for problem in found.problems.values():
        raise ModelError(problem)
    return [parent_of(collection, generator, found.pictures[file], strength) for file in files]


def beginning(
    collection: Collection,
    generator: ImageGenerator,
    files: Sequence[Path],
    prompt: str | None,
    seed: int,
    settings: Mapping[str, Any],
    strength: float | None = None,
) -> tuple[str, dict[str, Any], list[Parent]]:
    """Prompt, settings and parents of a run that begins with pictures.

    The prompt is by default that of the first picture; of several that were tuned in one space, one whose options come
    from all, as ``seed`` decides. Settings are those of the first picture where they are not given, or None. With
    ``strength`` the only picture is drawn on, in the size of the settings if they have one.
    """
    parents = parents_named(collection, generator, files, strength)
    own = dict(parents[0].settings) if parents else {}
    given = {name: value for name, value in settings.items() if value is not None}
    if strength is not None:
        if not parents:
            raise ModelError("A strength is for a picture to draw on: name one (like).")
        if prompt is None and not parents[0].prompt:
            raise ModelError(f"Nothing says what {files[0].name!r} shows: name a prompt too.")
        width, height = (given.pop(side, None) for side in ("width", "height"))
        if width and height:
            parents[0] = replace(parents[0], size=(width, height))
        # Before anything is drawn.
        generator_for(generator, parents)
    if prompt is None and parents:
        prompt = parents[0].prompt
        if len(parents) > 1 and (mixture := crossed(collection, generator, parents, seed)) is not None:
            prompt, own = mixture.prompt, own | mixture.settings
            own |= {} if mixture.negative is None else {"negative": mixture.negative}
    return prompt or "", {**own, **given}, parents


def crossed(
    collection: Collection, generator: ImageGenerator, parents: Sequence[Parent], seed: int
) -> RenderedChoice | None:
    """A choice of a tuned space that takes each option from one of several of its pictures (uniform crossover)."""
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
    """The parents in the record of a picture; refused where the noise of one is not kept in the collection."""
    parents = []
    for one in parents_in(record):
        if one.get("strength") is not None:
            row = rows_by_hash(collection, [one["sha256"][:16]]).get(one["sha256"][:16])
            if row is None:
                raise ModelError(
                    "The picture that was drawn on is not in this collection: name the collection that it was made in."
                )
            size = None if one.get("size") is None else (one["size"][0], one["size"][1])
            parents.append(drawn_on(collection.pixels(row), one["strength"], one["sha256"], size))
            continue
        if one.get("seed") is not None:
            parents.append(Parent(one["sha256"], Noise(None, one["seed"]), one["way"]))
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
    facts = [one.sha256 if one.drawn_on is None else one.record for one in parents]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest() if parents else ""
