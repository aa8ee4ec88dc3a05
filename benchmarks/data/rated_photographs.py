"""Photographs whose quality people rated, for build_rated_quality.py, look_alikes.py and rated_versions.py.

12,000 photographs of 512 × 512 pixels (BIQ2021: N. Ahmed & S. Asif, "BIQ2021: a large-scale blind image quality
assessment database", *Journal of Electronic Imaging* 31, 2022), each rated by 30 people in a laboratory in five steps
from very bad to excellent, the means scaled to 0 … 1 (in each table one photograph has 0, and one has 1): 2,000 of a private gallery (``gallery``), 2,000 taken with the faults of a camera on
purpose (``faults``), and 8,000 of a site of good photographs (``site``). None was made by a generator. The authors
divide them into 10,000 to learn from and 2,000 to report on.

The data come neither with soart nor with a package: the folder ``biq2021`` in the cache needs ``Images`` and the two
tables ``Train (Images and MOS).csv`` and ``Test (Images and MOS).csv`` of nisarahmedrana/BIQ2021 on GitHub.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.common import key_of, progress, stored_array
from soart.benchmarks.data.opinions import folder_of, measured
from soart.metrics.items.combined import default_network, taste_extractor

#: Kinds of photographs by how their file names begin.
KINDS = {"ss01": "gallery", "ss02": "faults", "ss03": "site"}
#: Longest sides of reduced photographs, and their number in all, so many of each.
REDUCED_TO, REDUCED = (256, 128, 64), 3600
_TABLES = {True: "Train (Images and MOS).csv", False: "Test (Images and MOS).csv"}


@dataclass(frozen=True)
class RatedPhotographs:
    """Photographs of one part, and what people say of their quality."""

    files: list[Path]  # of the photographs
    kind: np.ndarray  # (n,) ``gallery``, ``faults`` or ``site``
    opinions: np.ndarray  # (n,) mean opinion scores, 0 to 1


def rated_photographs(cache: Path, *, learning: bool) -> RatedPhotographs:
    """The photographs to learn from, or those to report on; the one whose file is not there is left out."""
    folder = folder_of(cache, "biq2021")
    with (folder / _TABLES[learning]).open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if (folder / "Images" / row["Image Name"]).is_file()]
    names = [row["Image Name"] for row in rows]
    return RatedPhotographs(
        [folder / "Images" / name for name in names],
        np.array([KINDS[name[:4]] for name in names]),
        np.array([float(row["MOS"]) for row in rows]),
    )


def items_of(photographs: RatedPhotographs, cache: Path) -> np.ndarray:
    """(n, p) items, the network's among them; measured once, some 0.1 s each."""
    return measured(photographs.files, f"biq2021-{len(photographs.files)}", cache)


def reduced(photographs: RatedPhotographs, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """(m,) numbers of some photographs, and their (m, p) items in a smaller size (Lanczos); measured once."""
    extractor = taste_extractor(default_network())
    chosen = np.random.default_rng(3).permutation(len(photographs.files))[:REDUCED]

    def measure() -> np.ndarray:
        rows = []
        for number, file in enumerate(photographs.files[n] for n in chosen):
            image, side = Image.open(file).convert("RGB"), REDUCED_TO[number % len(REDUCED_TO)]
            size = tuple(max(1, round(n * side / max(image.size))) for n in image.size)
            pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
            rows.append(extractor.extract(pixels)[0].astype(np.float32))
            progress(number + 1, len(chosen), "measuring reduced photographs")
        return np.stack(rows)

    path = cache / f"biq2021-reduced-{key_of(extractor.version)}.npy"
    return chosen, stored_array(path, measure).astype(float)
