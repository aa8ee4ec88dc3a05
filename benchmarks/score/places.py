"""Measures how often the place of a fault is named, and named rightly.

Pictures are unseen sources at 768 pixels. Each fault is laid over all of a picture, where it has no place, and over a
third of it around one of nine points. Only faults that the whole picture shows are looked for, as in reasons.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import torch
from PIL import Image

from soart.benchmarks.common import command, default_cache, print_table
from soart.benchmarks.data.damage import FAULTS, damage
from soart.benchmarks.data.quality_pictures import in_bytes
from soart.benchmarks.data.sources import unseen_sources
from soart.metrics.damage.places import PARTS, fault_places
from soart.metrics.damage.reasons import SLIGHT
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.image import read_image

LAID = ("blur", "noise", "jpeg", "fade", "saturate", "pixelate")
SIDE = 768
#: Words of the nine points in order; those of the middle row and column have one word.
WORDS = ("upper left", "top", "upper right", "left", "middle", "right", "lower left", "bottom", "lower right")


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, pictures=60).parse_args()
    torch.set_num_threads(1)
    rng, judge = np.random.default_rng(9), TechnicalJudge.load()
    sources = unseen_sources(default_cache())
    counts: Counter[tuple[str, str]] = Counter()
    for number in rng.permutation(len(sources))[: arguments.pictures]:
        image = Image.fromarray(read_image(sources[number].path).pixels)
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        picture = np.asarray(image, dtype=np.float32) / 255
        height, width = picture.shape[:2]
        y, x = (np.arange(height)[:, None] + 0.5) / height, (np.arange(width)[None] + 0.5) / width
        for fault in LAID:
            damaged = damage(picture, fault, float(rng.uniform(0.4, 1)), rng, FAULTS)
            point = int(rng.integers(PARTS**2))
            distance = np.hypot(y - (point // PARTS + 0.5) / PARTS, x - (point % PARTS + 0.5) / PARTS)
            # A soft edge, so that the seam is no fault of its own.
            share = (1 / (1 + np.exp((distance - 0.33) / 0.03))).astype(np.float32)[..., None]
            for where, pixels in (("all", damaged), ("part", picture * (1 - share) + damaged * share)):
                shown = in_bytes(pixels)
                evidence = judge.model.evidence(judge.extractor.extract(shown)[:, judge.columns])[:, 0]
                if evidence[judge.model.detectors.index(fault)] <= SLIGHT:
                    continue
                place = fault_places(judge.model, shown, [fault]).get(fault, "")
                counts[fault, f"{where} seen"] += 1
                counts[fault, f"{where} placed"] += bool(place)
                counts[fault, f"{where} right"] += where == "part" and place.split(" ", 3)[-1] == WORDS[point]
    print(f"{min(arguments.pictures, len(sources))} unseen sources at {SIDE} pixels")
    columns = ("all seen", "all placed", "part seen", "part placed", "part right")
    table = pd.DataFrame([{column: counts[fault, column] for column in columns} for fault in LAID], LAID)
    table.loc["sum"] = table.sum()
    print_table("faults over all of a picture, and over a part", table)


if __name__ == "__main__":
    main()
