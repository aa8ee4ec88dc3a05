"""Counts suspected against true damage, on sources new to the detectors.

    python benchmarks/damage_modes.py [--cache DIR]

Pictures are two crops, of 128 or 256 pixels, of each source in the half of sources.py that no detector was learnt from
(build_detectors.py). Each is undamaged, and has each damage at strengths 0.2–1. The rule is that of ``soart evaluate``:
the suspected damage is the one whose detector is furthest beyond its limit, if any is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from damage import DAMAGES, damage
from sources import crop, default_cache, unseen_sources

from soart.metrics.damage.scorer import DETECTORS, TechnicalScorer
from soart.metrics.image import read_image
from soart.metrics.items.combined import taste_extractor

SEED = 5


def main() -> None:
    """Damage, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of unpacked packages")
    arguments = parser.parse_args()
    rng, extractor = np.random.default_rng(SEED), taste_extractor()
    items, truth = [], []
    unseen = unseen_sources(arguments.cache)
    for source in unseen:
        pixels = read_image(source.path).pixels
        for _ in range(2):
            patch = crop(pixels, rng, side=int(rng.choice([128, 256])))
            for kind in ("none", *DAMAGES):
                picture = patch if kind == "none" else damage(patch, kind, float(rng.uniform(0.2, 1)), rng)
                items.append(extractor.extract((picture * 255 + 0.5).astype(np.uint8))[0])
                truth.append(kind)
    detectors = [TechnicalScorer.detector(name) for name in DETECTORS]
    matrix, kinds = np.stack(items).astype(np.float32).astype(float), np.array(truth)
    suspicion = np.stack([d.suspicion(d.score(matrix)) for d in detectors])
    found = np.where(suspicion.max(axis=0) > 1, np.array(DETECTORS)[suspicion.argmax(axis=0)], "none")
    names = ("none", *DETECTORS)
    print(f"{len(unseen)} sources, {len(items)} pictures; share by what is suspected")
    print(f"{'':10}" + "".join(f"{name:>10}" for name in names))
    for kind in names:
        print(f"{kind:10}" + "".join(f"{np.mean(found[kinds == kind] == name):10.2f}" for name in names))


if __name__ == "__main__":
    main()
