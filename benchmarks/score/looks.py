"""Measures false alarms: sound pictures with looks that could be taken for damage, by source and look.

Pictures are those of the sources that the score was not learnt from, and of gcompris, a package that it never saw: at 512
to 800 pixels, and smaller drawings at 256 to 450. If FOLDER holds the clones that benchmarks/data/ai_pictures.py names,
there are pictures by generators of 2023 to 2025, too. Each is measured as it is, and once with each look of
benchmarks/data/styles.py. Printed are the shares that are suspected of damage with exact binomial intervals of 95 %
(Clopper & Pearson 1934), and of what. Nobody has checked the pictures of generators for damage; --sheet draws what is
suspected, to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from soart.benchmarks.common import command, key_of, progress, sheet, stored_arrays
from soart.benchmarks.data.ai_pictures import ai_pictures
from soart.benchmarks.data.contents import GCOMPRIS_DRAWINGS, GCOMPRIS_PHOTOGRAPHS, gcompris
from soart.benchmarks.data.quality_pictures import in_bytes, reduced, seeded, undamaged
from soart.benchmarks.data.sources import DRAWING, PHOTOGRAPH, Source, unseen_sources
from soart.benchmarks.data.styles import LOOKS, with_look
from soart.benchmarks.score.kinds import middle_size
from soart.metrics.damage.names import DETECTORS
from soart.metrics.damage.reasons import SUSPECT
from soart.metrics.damage.technical import quality_model
from soart.metrics.image import read_image
from soart.metrics.items.quality import QualityExtractor

SEED = 47
AS_IT_IS = "as it is"
#: Most pictures of each set by generators that is measured, and opinions from which those of AGIQA-3K are.
GENERATED, WELL_RATED = {"four models": 100, "three models": 100, "Stable Diffusion": 100, "AGIQA-3K": 500}, 3.2
#: Range of the longest sides of pictures, and of smaller drawings.
USUAL, SMALLER = (512, 800), (256, 450)
#: Name and (h, w, 3) pixels in 0…1 of a picture.
Named = tuple[str, np.ndarray]


def of_size(pictures: Iterator[np.ndarray], sides: tuple[int, int]) -> np.ndarray | None:
    """The first picture whose longest side is in a range."""
    return next((picture for picture in pictures if sides[0] <= max(picture.shape[:2]) <= sides[1]), None)


def packages(cache: Path) -> dict[str, list[Named]]:
    """Pictures of packages, by set."""
    sources = unseen_sources(cache)
    found: dict[str, list[Named]] = {PHOTOGRAPH: [], DRAWING: [], "smaller drawing": []}
    for source in sources:
        if (picture := middle_size(source)) is not None:
            found[source.kind].append((source.name, picture))
        elif source.kind == DRAWING and (picture := smaller(source)) is not None:
            found["smaller drawing"].append((source.name, picture))
    found["gcompris photograph"] = [
        (f"{file}/{name}", picture)
        for file in GCOMPRIS_PHOTOGRAPHS
        for name, pixels in gcompris(cache, file)
        if (picture := of_size(reduced(pixels, seeded(f"{file}/{name}", SEED)), USUAL)) is not None
    ]
    found["gcompris drawing"] = [(name, in_floats(pixels)) for name, pixels in gcompris(cache, GCOMPRIS_DRAWINGS)]
    return found


def smaller(source: Source) -> np.ndarray | None:
    """An undamaged picture of a source that is too small for the usual sizes."""
    return of_size(undamaged(source, seeded(source.name, SEED)), SMALLER)


def generated(folder: Path, cache: Path) -> dict[str, list[Named]]:
    """Pictures by generators, by set."""
    found = {}
    for pictures in ai_pictures(folder, cache, [*GENERATED]):
        rated = zip(pictures.files, pictures.opinions, strict=True)
        files = [file for file, said in rated if said >= WELL_RATED or pictures.name != "AGIQA-3K"]
        chosen = files[:: max(1, len(files) // GENERATED[pictures.name])]
        found[pictures.name] = [(str(file.relative_to(folder)), in_floats(read_image(file).pixels)) for file in chosen]
    return found


def in_floats(pixels: np.ndarray) -> np.ndarray:
    """8-bit pixels in 0…1."""
    return pixels.astype(np.float32) / 255


def looked(name: str, picture: np.ndarray) -> dict[str, np.ndarray]:
    """The picture as it is and with each look, uint8, by look."""
    rng = seeded(name, SEED)
    shown = {AS_IT_IS: picture} | {look: with_look(picture, look, rng) for look in LOOKS}
    return {look: in_bytes(pixels) for look, pixels in shown.items()}


def measured(title: str, pictures: Sequence[Named], cache: Path) -> np.ndarray:
    """(n, looks, p) quality items of a set of pictures; kept in the cache."""
    extractor = QualityExtractor()

    def measure() -> dict[str, np.ndarray]:
        rows = []
        for number, (name, picture) in enumerate(pictures, start=1):
            shown = looked(name, picture).values()
            rows.append(np.concatenate([extractor.extract(pixels) for pixels in shown]).astype(np.float32))
            progress(number, len(pictures), f"measuring looks of {title}")
        return {"items": np.stack(rows)}

    key = key_of(f"{extractor.version} {SEED} {', '.join(LOOKS)} {', '.join(name for name, _ in pictures)}")
    return stored_arrays(cache / f"looks-{key}.npz", measure)["items"].astype(float)


def suspected(items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the detector that suspects each of (n, looks, p) items, −1 for none, and its evidence: (n, looks) each."""
    evidence = quality_model().evidence(items.reshape(-1, items.shape[2])) / SUSPECT[:, None]
    strongest = evidence.max(axis=0).reshape(items.shape[:2])
    return np.where(strongest > 1, evidence.argmax(axis=0).reshape(items.shape[:2]), -1), strongest


def report(title: str, found: np.ndarray) -> None:
    """Print the shares of pictures that are suspected, by look."""
    print(f"\n{title}")
    for look, column in zip((AS_IT_IS, *LOOKS), found.T, strict=True):
        count = int((column >= 0).sum())
        low, high = binomtest(count, len(column)).proportion_ci(method="exact")
        faults = Counter(DETECTORS[k] for k in column[column >= 0])
        kinds = ", ".join(f"{fault} {times}" for fault, times in faults.most_common(4))
        print(f"{look:21} {count:3} of {len(column):4}: {count / len(column):6.1%} ({low:.1%} … {high:.1%})  {kinds}")


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, "folder", cache=True, sheet=None).parse_args()
    sets = packages(arguments.cache) | generated(arguments.folder, arguments.cache)
    found, strongest = {}, {}
    for title, pictures in sets.items():
        found[title], strongest[title] = suspected(measured(title, pictures, arguments.cache))
        report(f"{title}s" if title.endswith((PHOTOGRAPH, DRAWING)) else title, found[title])
    for kind in (PHOTOGRAPH, DRAWING):
        report(f"all {kind}s", np.concatenate([rows for title, rows in found.items() if title.endswith(kind)]))
    if arguments.sheet:
        tiles = []
        for title, pictures in sets.items():
            for n, column in zip(*np.nonzero(found[title] >= 0), strict=True):
                look, (name, picture) = (AS_IT_IS, *LOOKS)[column], pictures[n]
                fault = DETECTORS[found[title][n, column]]
                words = f"{name[-20:]}, {look}: {fault} {strongest[title][n, column]:.2f}"
                tiles.append((looked(name, picture)[look], words))
        sheet(tiles, arguments.sheet, side=360, columns=5)


if __name__ == "__main__":
    main()
