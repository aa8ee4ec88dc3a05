"""Pictures that the technical score is learnt from and measured on: undamaged ones, and damaged versions of each.

Sources are the photographs and drawings of sources.py, each reduced to several sizes (so that noise and JPEG of the
source are averaged away), those of published.py as they are and reduced, and drawings of the embedded model. Every
undamaged picture comes as it is, after light JPEG and without colours, which the score must not mind; and with each fault
of damage.py, or some of them, at a random strength, 40 % of them saved as JPEG afterwards. Some sources also come as a
decoder of latents shows them, which is undamaged, and after several passes through latents (autoencoders.py).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.common import key_of, stored_arrays
from soart.benchmarks.data.autoencoders import decoded_often, decoded_once, folder_of_weights
from soart.benchmarks.data.damage import FAULTS, as_jpeg, damage
from soart.benchmarks.data.drawing import drawn as pictures_of
from soart.benchmarks.data.sources import ART, CONTRAST, DRAWING, PHOTOGRAPH, WEB, Source
from soart.metrics.image import read_image
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.quality import QualityExtractor
from soart.metrics.protocols import Extractor

#: Ranges of the longest side; each source gives a picture in every one that it is large enough for.
SIZES = ((900, 1400), (512, 800), (256, 450), (128, 250), (64, 125))
EMBEDDED = "embedded"
#: Number of faults, chosen by chance, that each published picture is given.
SOME_FAULTS = 6
#: Beginnings of the names of packages whose drawings are painted, by the artists of two games; other drawings are mostly flat.
PAINTED = ("wesnoth", "naev")
#: Light versions of an undamaged picture, all undamaged.
LIGHT = ("as it is", "JPEG", "grey")
#: Faults after which a picture is not saved as JPEG, because that would hide or add what is looked for.
_AS_PNG = ("jpeg", "grid", "band", "resaved")
#: Quality words of the embedded model's undamaged drawings, and of the damaged ones with their fault.
GOOD_WORDS = ("sharp", "vivid", "")
BAD_WORDS = {"blurry": "blur", "noisy": "noise", "faded": "fade"}
#: A fault that only the embedded model can show here, and its numbers of steps, the mildest first.
UNFINISHED, FEW_STEPS = "unfinished", (3, 2, 1)
#: Shown once by a decoder of latents; and the fault of several passes, which no detector looks for.
DECODED, SMEARED = "decoded", "smear"
#: All pictures of a source below the first pass through decoders, and one from there to the second; larger ones take long.
EVERY_DECODED, LARGEST_DECODED = 256, 800
#: One of so many published pictures passes.
SOME_DECODED = 8


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a picture."""

    source: str  # name of its source
    kind: str  # one of those of sources.py, or embedded
    side: int  # pixels of the longest side
    picture: int  # number of the undamaged picture among those of the source
    fault: str  # "none", one of FAULTS, SMEARED or UNFINISHED
    how: str  # one of LIGHT, DECODED, or "drawn" if the embedded model drew the fault itself
    strength: float  # of the fault, 0…1
    items: np.ndarray  # (p,) float32


def seeded(name: str, seed: int) -> np.random.Generator:
    """A generator for a source, the same on every machine."""
    return np.random.default_rng([seed, int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)])


def undamaged(source: Source, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Undamaged pictures of a source, one in each of SIZES that fits, (h, w, 3) float32 in 0…1."""
    return reduced(read_image(source.path).pixels, rng)


def reduced(pixels: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Parts of an (h, w, 3) uint8 picture, one reduced to each of SIZES that fits, (h, w, 3) float32 in 0…1."""
    longest = max(pixels.shape[:2])
    for low, high in SIZES:
        side = min(int(rng.integers(low, high + 1)), int(longest / 1.3))
        share = rng.uniform(0.8, 1.0)
        if side < low:
            continue
        height, width = (int(n * share) for n in pixels.shape[:2])
        if max(height, width) < 1.3 * side:
            height, width = pixels.shape[:2]
        top, left = (int(rng.integers(0, n - m + 1)) for n, m in zip(pixels.shape[:2], (height, width), strict=True))
        scale = side / max(height, width)
        if min(height, width) * scale < 40:
            continue
        part = Image.fromarray(pixels[top : top + height, left : left + width])
        size = (round(width * scale), round(height * scale))
        picture = np.asarray(part.resize(size, Image.Resampling.LANCZOS), dtype=np.float32) / 255
        if picture.mean(axis=2).std() >= CONTRAST:
            yield picture


def as_published(source: Source, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """A published picture as it is, unless it is larger than all of SIZES, and in one smaller size."""
    pixels = Image.fromarray(read_image(source.path).pixels)
    sides = [max(pixels.size)] if max(pixels.size) <= SIZES[0][1] else [int(rng.integers(*SIZES[0]))]
    low, high = SIZES[int(rng.choice([k for k, (_, high) in enumerate(SIZES) if high * 1.3 <= sides[0]]))]
    sides.append(int(rng.integers(low, high + 1)))
    for side in sides:
        size = tuple(max(1, round(n * side / max(pixels.size))) for n in pixels.size)
        yield np.asarray(pixels.resize(size, Image.Resampling.LANCZOS), dtype=np.float32) / 255


def in_bytes(picture: np.ndarray) -> np.ndarray:
    """A float picture in 8 bits, like real ones."""
    return (picture * 255 + 0.5).astype(np.uint8)


def versions(
    picture: np.ndarray,
    name: str,
    kind: str,
    number: int,
    rng: np.random.Generator,
    faults: Sequence[str],
    extractor: Extractor,
) -> Iterator[Version]:
    """The versions of an undamaged picture, (h, w, 3) float32 in 0…1."""

    def version(pixels: np.ndarray, fault: str, how: str, strength: float) -> Version:
        return measured_version(in_bytes(pixels), name, kind, number, fault, how, strength, extractor)

    grey = np.repeat(picture @ np.array([0.299, 0.587, 0.114], dtype=np.float32), 3).reshape(picture.shape)
    for how, pixels in zip(LIGHT, (picture, as_jpeg(picture, int(rng.integers(85, 96))), grey), strict=True):
        yield version(pixels, "none", how, 0.0)
    for fault in faults:
        strength = float(rng.uniform())
        pixels, how = damage(picture, fault, strength, rng, FAULTS), "as it is"
        if fault not in _AS_PNG and rng.random() < 0.4:
            pixels, how = as_jpeg(pixels, int(rng.integers(85, 96))), "JPEG"
        yield version(pixels, fault, how, strength)


def measured_version(
    pixels: np.ndarray, name: str, kind: str, number: int, fault: str, how: str, strength: float, extractor: Extractor
) -> Version:
    """The version that (h, w, 3) uint8 pixels are."""
    items = extractor.extract(pixels)[0].astype(np.float32)
    return Version(name, kind, max(pixels.shape[:2]), number, fault, how, strength, items)


def damaged_each(picture: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The undamaged picture, and with each of FAULTS at a random strength, in 8 bits."""
    return [in_bytes(picture), *(in_bytes(damage(picture, f, float(rng.uniform()), rng, FAULTS)) for f in FAULTS)]


@functools.cache
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _versions_of(source: Source, seed: int, extractor: Extractor) -> list[Version]:
    _one_thread()
    rng = seeded(source.name, seed)
    found, published = [], source.kind in (WEB, ART)
    for number, picture in enumerate((as_published if published else undamaged)(source, rng)):
        faults = rng.choice(list(FAULTS), SOME_FAULTS, replace=False) if published else tuple(FAULTS)
        found += versions(picture, source.name, source.kind, number, rng, faults, extractor)
    return found


def of_sources(sources: Sequence[Source], seed: int, extractor: Extractor, workers: int = 2) -> list[Version]:
    """Versions of all pictures of some sources."""
    tasks = [(source, seed, extractor) for source in sources]
    with get_context("spawn").Pool(workers) as pool:
        return [version for found in pool.starmap(_versions_of, tasks, 1) for version in found]


def _decoded_versions_of(source: Source, seed: int, extractor: Extractor, cache: Path) -> list[Version]:
    _one_thread()
    rng = seeded(source.name, seed + 1)
    pictures = list((as_published if source.kind in (WEB, ART) else undamaged)(source, rng))
    larger = [n for n, picture in enumerate(pictures) if EVERY_DECODED <= max(picture.shape[:2]) <= LARGEST_DECODED]
    chosen = [n for n, picture in enumerate(pictures) if max(picture.shape[:2]) < EVERY_DECODED]
    chosen += [int(rng.choice(larger))] if larger else []
    found = []
    for number in chosen:
        picture, strength = pictures[number], float(rng.uniform())
        for pixels, fault, how, s in (
            (picture, "none", LIGHT[0], 0.0),
            (decoded_once(picture, rng, cache), "none", DECODED, 0.0),
            (decoded_often(picture, strength, rng, cache), SMEARED, LIGHT[0], strength),
        ):
            found.append(measured_version(in_bytes(pixels), source.name, source.kind, number, fault, how, s, extractor))
    return found


def of_decoded(sources: Sequence[Source], seed: int, extractor: Extractor, cache: Path) -> list[Version]:
    """Pictures of some sources as they are, as a decoder shows them, and after several passes; weights from the cache."""
    # Here, because a worker that ends is replaced and waited for.
    folder_of_weights(cache)
    with get_context("spawn").Pool(2) as pool:
        tasks = [(source, seed, extractor, cache) for source in sources]
        return [version for found in pool.starmap(_decoded_versions_of, tasks, 1) for version in found]


def drawings_of(seed: int) -> tuple[list[tuple[str, str, str, int]], np.random.Generator]:
    """Drawings of each subject in each style and quality word, and the generator after choosing them."""
    from soart.pipelines.tiny.words import PALETTES, STYLES, SUBJECTS

    rng = np.random.default_rng(seed)
    drawings = []
    for subject in SUBJECTS:
        for style in STYLES.values():
            for word in (*GOOD_WORDS, *BAD_WORDS):
                palette = PALETTES[str(rng.choice(list(PALETTES)))]
                prompt = ", ".join(part for part in (subject, palette[0], style[0], word) if part)
                drawings.append((f"{EMBEDDED}/{subject}", word, prompt, int(rng.integers(2**31))))
    return drawings, rng


def drawn(drawings: Sequence[tuple[str, str, str, int]], **settings: int) -> list[np.ndarray]:
    """The drawings by the embedded model, (h, w, 3) uint8 each."""
    from soart.pipelines.models.generator import ImageGenerator
    from soart.pipelines.models.loading import load_model

    generator = ImageGenerator(load_model(device="cpu"))
    requests = [generator.request(prompt, seed, **settings) for _, _, prompt, seed in drawings]
    return list(pictures_of(generator, requests))


def of_embedded_model(seed: int, extractor: Extractor) -> list[Version]:
    """Versions of drawings of the embedded model: each subject, which is the source, in each style and quality word."""
    drawings, rng = drawings_of(seed)
    found: list[Version] = []
    for number, ((name, word, _, _), pixels) in enumerate(zip(drawings, drawn(drawings), strict=True)):
        if word in GOOD_WORDS:
            found += versions(pixels.astype(np.float32) / 255, name, EMBEDDED, number, rng, tuple(FAULTS), extractor)
        else:
            found.append(measured_version(pixels, name, EMBEDDED, number, BAD_WORDS[word], "drawn", 0.5, extractor))
    return found


def of_too_few_steps(seed: int, extractor: Extractor) -> list[Version]:
    """The undamaged drawings of ``of_embedded_model`` as the model leaves them after 3, 2 or 1 steps."""
    drawings = [(number, drawing) for number, drawing in enumerate(drawings_of(seed)[0]) if drawing[1] in GOOD_WORDS]
    found = []
    for steps in FEW_STEPS:
        pictures = drawn([drawing for _, drawing in drawings], steps=steps)
        for (number, (name, *_)), pixels in zip(drawings, pictures, strict=True):
            strength = (FEW_STEPS[0] - steps) / (FEW_STEPS[0] - 1)
            found.append(measured_version(pixels, name, EMBEDDED, number, UNFINISHED, LIGHT[0], strength, extractor))
    return found


def of_renderer(seed: int, extractor: Extractor, scenes: int = 160) -> list[Version]:
    """Versions of scenes of the embedded model's renderer: flat colours, pixel art and hard edges, all undamaged."""
    from soart.training.captions import random_scene
    from soart.training.render import render

    rng = np.random.default_rng([seed, 1])
    found: list[Version] = []
    for number in range(scenes):
        scene = replace(random_scene(rng), quality="sharp")
        picture = render(scene, rng).astype(np.float32) / 255
        name = f"{EMBEDDED}/{scene.subject}"
        found += versions(picture, name, EMBEDDED, 10_000 + number, rng, tuple(FAULTS), extractor)
    return found


@dataclass(frozen=True)
class Table:
    """Versions as arrays, all (n,) and in one order."""

    source: np.ndarray
    kind: np.ndarray
    side: np.ndarray
    fault: np.ndarray
    how: np.ndarray
    strength: np.ndarray
    items: np.ndarray
    base: np.ndarray

    @classmethod
    def of(cls, found: Sequence[Version]) -> Table:
        """The table of some versions."""
        first = {(v.source, v.picture): row for row, v in enumerate(found) if v.fault == "none" and v.how == LIGHT[0]}
        columns = ("source", "kind", "side", "fault", "how", "strength")
        return cls(
            *(np.array([getattr(v, column) for v in found]) for column in columns),
            items=np.stack([v.items for v in found]).astype(np.float64),
            base=np.array([first.get((v.source, v.picture), -1) for v in found]),
        )

    @classmethod
    def joined(cls, *tables: Table) -> Table:
        """Several tables as one."""
        starts = np.cumsum([0] + [len(table.kind) for table in tables])
        columns = {name: np.concatenate([table.__dict__[name] for table in tables]) for name in tables[0].__dict__}
        bases = [
            np.where(table.base >= 0, table.base + start, -1) for table, start in zip(tables, starts, strict=False)
        ]
        return cls(**columns | {"base": np.concatenate(bases)})

    @property
    def clean(self) -> np.ndarray:
        """(n,) bool: undamaged."""
        return np.asarray(self.fault == "none")

    @property
    def styles(self) -> dict[str, np.ndarray]:
        """(n,) bool of each style: the kinds, and both parts of drawings."""
        drawn = self.kind == DRAWING
        painted = drawn & np.array([source.startswith(PAINTED) for source in self.source])
        return {
            PHOTOGRAPH: self.kind == PHOTOGRAPH, DRAWING: drawn, "painted drawing": painted,
            "other drawing": drawn & ~painted, **{kind: self.kind == kind for kind in (EMBEDDED, WEB, ART)},
        }  # fmt: skip

    def drawings_by_word(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the embedded model's drawings, (subjects, styles, words): with GOOD_WORDS, and with BAD_WORDS."""
        from soart.pipelines.tiny.words import STYLES, SUBJECTS

        # Scenes of the renderer come after its drawings.
        shape = (len(SUBJECTS), len(STYLES))
        good = np.flatnonzero((self.kind == EMBEDDED) & self.clean & (self.how == LIGHT[0]))
        return (
            good[: shape[0] * shape[1] * len(GOOD_WORDS)].reshape(*shape, len(GOOD_WORDS)),
            np.flatnonzero(self.how == "drawn").reshape(*shape, len(BAD_WORDS)),
        )

    @property
    def chroma(self) -> np.ndarray:
        """(n,) colourfulness; the items must be quality items alone."""
        return self.items[:, QualityExtractor().names.index("quality/chroma/mean")]

    @property
    def undamaged_by_style(self) -> dict[str, np.ndarray]:
        """Numbers of the undamaged pictures, as they are, of each style that has some."""
        undamaged = self.clean & (self.how == LIGHT[0])
        return {
            style: np.flatnonzero(undamaged & rows) for style, rows in self.styles.items() if (undamaged & rows).any()
        }

    def of_quality(self) -> Table:
        """The table with quality items alone, of one that has all items of ``taste_extractor``."""
        every = taste_extractor().names
        return replace(self, items=self.items[:, [every.index(name) for name in QualityExtractor().names]])

    def part(self, rows: np.ndarray) -> Table:
        """Some rows; of pictures whose undamaged picture is not among them, ``base`` is −1."""
        place = np.full(len(self.base) + 1, -1)
        place[rows] = np.arange(len(rows))
        columns = {name: column[rows] for name, column in self.__dict__.items()}
        return Table(**columns | {"base": place[self.base[rows]]})

    @classmethod
    def stored(cls, title: str, seed: int, cache: Path, measure: Callable[[Extractor], list[Version]]) -> Table:
        """The table of a title in the cache, of pictures that are measured if it is not there."""
        extractor = taste_extractor()
        key = key_of(" ".join((extractor.version, *FAULTS)))
        return cls(**stored_arrays(cache / f"{title}-{seed}-{key}.npz", lambda: cls.of(measure(extractor)).__dict__))
