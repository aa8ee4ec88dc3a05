"""Measures false alarms: sound pictures with looks that could be taken for damage, by source and look.

    python benchmarks/score/looks.py [FOLDER] [--learning] [--cache DIR]

Pictures are those of the sources that the score was not learnt from, at 512 to 800 pixels, and, if FOLDER holds the clones
that benchmarks/data/ai_pictures.py names, pictures by generators of 2023 to 2025. Each is measured as it is, and once with each
look of benchmarks/data/styles.py. With --learning they are those of the sources that the score was learnt from, to choose by. Printed are the shares that are suspected of damage, and of what. Nobody has checked
the pictures of generators for damage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from soart.benchmarks.common import command, key_of, progress, stored_arrays
from soart.benchmarks.data.ai_pictures import ai_pictures
from soart.benchmarks.data.quality_pictures import in_bytes, seeded
from soart.benchmarks.data.sources import learning_sources, unseen_sources
from soart.benchmarks.data.styles import LOOKS, with_look
from soart.benchmarks.score.kinds import middle_size
from soart.metrics.damage.names import DETECTORS
from soart.metrics.damage.technical import quality_model
from soart.metrics.image import read_image
from soart.metrics.items.quality import QualityExtractor

SEED = 47
AS_IT_IS = "as it is"
#: Sets of pictures by generators that are measured, and most pictures of each.
GENERATED, MOST = ("four models", "three models", "Stable Diffusion"), 100


def pictures(folder: Path | None, learning: bool, cache: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Kind or set, name, and (h, w, 3) pixels in 0…1 of each picture."""
    for source in learning_sources(cache) if learning else unseen_sources(cache):
        if (picture := middle_size(source)) is not None:
            yield source.kind, source.name, picture
    if folder is None:
        return
    for found in ai_pictures(folder, cache, GENERATED):
        step = max(1, len(found.files) // MOST)
        for file in found.files[::step]:
            yield found.name, str(file.relative_to(folder)), read_image(file).pixels.astype(np.float32) / 255


def measured(folder: Path | None, learning: bool, cache: Path) -> dict[str, np.ndarray]:
    """Quality items (n, p) of all pictures with all looks, their kinds, and their looks; kept in the cache."""
    extractor = QualityExtractor()

    def measure() -> dict[str, np.ndarray]:
        rows: list[tuple[str, str, np.ndarray]] = []
        every = list(pictures(folder, learning, cache))
        for number, (kind, name, picture) in enumerate(every, start=1):
            rng = seeded(name, SEED)
            looks = {AS_IT_IS: picture} | {look: with_look(picture, look, rng) for look in LOOKS}
            rows += [(kind, look, extractor.extract(in_bytes(shown))[0]) for look, shown in looks.items()]
            progress(number, len(every), "measuring looks")
        kinds, looked, items = zip(*rows, strict=True)
        return {"kind": np.array(kinds), "look": np.array(looked), "items": np.array(items, dtype=np.float32)}

    key = key_of(f"{extractor.version} {SEED} {MOST} {folder is None} {learning} {', '.join(LOOKS)}")
    return stored_arrays(cache / f"looks-{key}.npz", measure)


def main() -> None:
    """Measure and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("folder", type=Path, nargs="?", help="folder of the clones of pictures by generators")
    parser.add_argument("--learning", action="store_true", help="the sources that the score was learnt from")
    arguments = parser.parse_args()
    data = measured(arguments.folder, arguments.learning, arguments.cache)
    evidence = quality_model().evidence(data["items"].astype(float))
    found = np.where(evidence.max(axis=0) > 1, evidence.argmax(axis=0), -1)
    for kind in (*dict.fromkeys(data["kind"].tolist()), ""):
        print(f"\n{kind or 'all'}")
        for look in (AS_IT_IS, *LOOKS):
            rows = (data["look"] == look) & ((data["kind"] == kind) | (kind == ""))
            faults = Counter(DETECTORS[k] for k in found[rows & (found >= 0)])
            kinds = ", ".join(f"{fault} {times}" for fault, times in faults.most_common(4))
            print(f"{look:21} {np.mean(found[rows] >= 0):6.1%} of {rows.sum():4}  {kinds}", flush=True)


if __name__ == "__main__":
    main()
