"""Versions of pictures of which the better one is known without ratings.

They are for build_rated_quality.py. A damaged version is worse than the picture that it was made from; the same picture,
sound and reduced or saved as a light JPEG, is about as good. Sources are those of the technical score (of
sources.py, and an eighth of those of published.py), sound drawings of the embedded model, and photographs of
rated_photographs.py that people rate high.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache as once
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from soart.benchmarks.common import key_of, progress, stored_arrays
from soart.benchmarks.data.damage import FAULTS, as_jpeg, damage
from soart.benchmarks.data.published import published_sources
from soart.benchmarks.data.quality_pictures import EMBEDDED, GOOD_WORDS, SIZES, drawings_of, drawn, in_bytes, seeded
from soart.benchmarks.data.rated_photographs import rated_photographs
from soart.benchmarks.data.sources import CONTRAST, DRAWING, PHOTOGRAPH, WEB, learning_sources
from soart.metrics.image import read_image
from soart.metrics.items.combined import CombinedExtractor, default_network, taste_extractor

SEED = 53
#: Ranges of the longest side: all but the largest, in which measuring takes longest.
SIDES = SIZES[1:]
#: Sound pictures of each source at most, in different sizes; fewer of published and rated ones, of which there are many.
MOST, FEW = 3, 2
#: Faults of each sound picture, chosen at random.
SOME_FAULTS = 5
#: One in so many published pictures, number of rated photographs, and the least rating of these, and number of drawings.
EVERY, RATED, HIGH, DRAWINGS = 8, 200, 0.7, 100


@dataclass(frozen=True)
class Versions:
    """Versions as arrays, all (n,) and in one order; ``items`` is (n, p)."""

    items: np.ndarray  # of each version, the network's among them
    source: np.ndarray  # name of its source
    kind: np.ndarray  # of its source
    side: np.ndarray  # pixels of the longest side
    fault: np.ndarray  # one of FAULTS, or "none"
    base: np.ndarray  # row of the sound version of the same size; its own row for those
    larger: np.ndarray  # row of the sound version of the next larger size; −1 for all others

    @property
    def is_sound(self) -> np.ndarray:
        """(n,) bool: the sound version of its size, as it is."""
        return self.base == np.arange(len(self.base))


@dataclass(frozen=True)
class _Picture:
    """The picture of a source, a file or (h, w, 3) uint8, and in how many sizes it is wanted at most."""

    source: str
    kind: str
    pixels: Path | np.ndarray
    most: int


@once
def _extractor() -> CombinedExtractor:
    import torch

    torch.set_num_threads(1)
    return taste_extractor(default_network())


def _sizes(picture: Image.Image, most: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The picture in up to ``most`` sizes by Lanczos, the largest first, (h, w, 3) float32 in 0…1."""
    longest = max(picture.size)
    sides = [int(rng.integers(low, min(high, longest) + 1)) for low, high in SIDES if low <= longest]
    for side in sorted(rng.choice(sides, min(most, len(sides)), replace=False), reverse=True):
        size = tuple(max(1, round(n * side / longest)) for n in picture.size)
        yield np.asarray(picture.resize(size, Image.Resampling.LANCZOS), dtype=np.float32) / 255


def _versions_of(picture: _Picture) -> list[tuple[Any, ...]]:
    """Rows of a Versions, in its order of columns, with ``base`` and ``larger`` counted from the first of them."""
    rng, rows, larger = seeded(picture.source, SEED), [], -1
    given = picture.pixels
    image = Image.fromarray(read_image(given).pixels if isinstance(given, Path) else given)
    if picture.kind in (PHOTOGRAPH, DRAWING):
        # Averages away what a camera or an earlier saving left in the pixels.
        image = image.resize(tuple(max(1, round(n / 1.3)) for n in image.size), Image.Resampling.LANCZOS)
    for sound in _sizes(image, picture.most, rng):
        if sound.mean(axis=2).std() < CONTRAST:
            continue
        base = len(rows)
        made = [("none", sound), ("none", as_jpeg(sound, int(rng.integers(85, 96))))]
        faults = map(str, rng.choice(list(FAULTS), SOME_FAULTS, replace=False))
        made += [(fault, damage(sound, fault, float(rng.uniform()), rng, FAULTS)) for fault in faults]
        for fault, version in made:
            items = _extractor().extract(in_bytes(version))[0].astype(np.float32)
            above = larger if len(rows) == base else -1
            rows.append((items, picture.source, picture.kind, max(sound.shape[:2]), fault, base, above))
        larger = base
    return rows


def source_of(photograph: Path) -> str:
    """Name of the source that a rated photograph is."""
    return f"rated/{photograph.stem}"


def _pictures(cache: Path) -> list[_Picture]:
    """The picture of every source."""
    found = [_Picture(s.name, s.kind, s.path, MOST) for s in learning_sources(cache)]
    found += [_Picture(s.name, s.kind, s.path, FEW) for s in published_sources(cache, learning=True)[::EVERY]]
    photographs, rng = rated_photographs(cache, learning=True), np.random.default_rng(SEED)
    for n in rng.choice(np.flatnonzero(photographs.opinions >= HIGH), RATED, replace=False):
        found.append(_Picture(source_of(photographs.files[n]), WEB, photographs.files[n], FEW))
    drawings = [drawing for drawing in drawings_of(SEED)[0] if drawing[1] in GOOD_WORDS]
    some = [drawings[n] for n in rng.choice(len(drawings), DRAWINGS, replace=False)]
    for n, ((name, *_), pixels) in enumerate(zip(some, drawn(some), strict=True)):
        found.append(_Picture(f"{name}/{n}", EMBEDDED, pixels, 1))
    return found


def versions(cache: Path, workers: int = 2) -> Versions:
    """All versions; measured once, in some half an hour, and kept in the cache."""

    def measure() -> dict[str, np.ndarray]:
        rows: list[tuple[Any, ...]] = []
        pictures = _pictures(cache)
        with get_context("spawn").Pool(workers) as pool:
            for number, found in enumerate(pool.imap(_versions_of, pictures), start=1):
                start = len(rows)
                rows += [(*facts, base + start, -1 if above < 0 else above + start) for *facts, base, above in found]
                progress(number, len(pictures), "measuring versions of sources")
        columns = map(np.array, zip(*rows, strict=True))
        return dict(zip(Versions.__dataclass_fields__, columns, strict=True))

    key = key_of(taste_extractor(default_network()).version)
    return Versions(**stored_arrays(cache / f"rated-versions-{SEED}-{key}.npz", measure))
