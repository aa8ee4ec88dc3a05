"""Learns the damage detectors, and measures them on left-out sources.

    python benchmarks/build_detectors.py [--cache DIR] [--write]

Learning sources are every other picture of sources.py, and those of the technical profile: photographs that come with
scikit-image and scikit-learn, and renderings by the embedded model's renderer. Every undamaged patch has a version with
each damage. Undamaged patches and the detector's own damage have full weight. Other damages have a little weight as
undamaged, so that noise is not mistaken for saturated colour. The printed rates are on left-out sources (grouped
cross-validation); damage_modes.py measures on the other half of sources.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from build_technical import SEED, fit, patches, with_limits
from damage import DAMAGES, damage
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sources import crop, default_cache, learning_sources

import soart.metrics.damage.scorer as technical
from soart.metrics.damage.scorer import TechnicalScorer
from soart.metrics.image import read_image
from soart.metrics.items.combined import taste_extractor

#: Weight of a picture with another damage as an undamaged one.
OTHERS = 0.03
SIDES = (64, 96, 128, 192, 256)


def learnt(items: np.ndarray, kinds: np.ndarray, groups: np.ndarray, kind: str) -> TechnicalScorer:
    """The detector of one damage."""
    good = (kinds != kind).astype(float)
    weights = np.where(np.isin(kinds, ("none", kind)), 1.0, OTHERS)
    profile = fit(items, good, groups, taste_extractor(), f"{kind}-2", weights)
    return with_limits(profile, items, good, groups, weights)


def measure_sound(cache: Path, per_source: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Items (n, p), kind of damage (n,) and source (n,) of the learning pictures."""
    rng, extractor = np.random.default_rng(SEED + 2), taste_extractor()
    pictures = [(f"built-in {number}", patch) for number, patch in patches(2 * per_source, 2 * per_source)]
    for source in learning_sources(cache):
        pixels = read_image(source.path).pixels
        pictures += [(source.name, crop(pixels, rng, side=int(rng.choice(SIDES)))) for _ in range(per_source)]
    items, kinds, groups = [], [], []
    for source, patch in pictures:
        for kind in ("none", *DAMAGES):
            picture = patch if kind == "none" else damage(patch, kind, float(rng.uniform()), rng)
            # In 8 bits, like real pictures; in float32, like stored items.
            items.append(extractor.extract((picture * 255 + 0.5).astype(np.uint8))[0].astype(np.float32))
            kinds.append(kind)
            groups.append(source)
    return np.stack(items).astype(float), np.array(kinds), np.array(groups)


def main() -> None:
    """Build, measure, print, and with --write store the detectors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of unpacked packages")
    parser.add_argument("--write", action="store_true", help="store the detectors in the package")
    parser.add_argument("--per-source", type=int, default=8)
    arguments = parser.parse_args()
    items, kinds, groups = measure_sound(arguments.cache, arguments.per_source)
    suspicion, scores = np.zeros((2, len(DAMAGES), len(kinds)))
    for learn, test in GroupKFold(5).split(items, kinds, groups):
        for row, kind in enumerate(DAMAGES):
            detector = learnt(items[learn], kinds[learn], groups[learn], kind)
            scores[row, test] = detector.score(items[test])
            suspicion[row, test] = detector.suspicion(scores[row, test])
    found = np.where(suspicion.max(axis=0) > 1, np.array(list(DAMAGES))[suspicion.argmax(axis=0)], "none")
    clean = kinds == "none"
    print(f"{len(kinds)} pictures, {len(set(groups))} sources; left-out sources:")
    print(f"{'damage':10} {'AUC':>6} {'pairs right':>12} {'suspected':>10} {'rightly':>8}")
    for row, kind in enumerate(DAMAGES):
        bad = kinds == kind
        auc = roc_auc_score(
            np.r_[np.ones(clean.sum()), np.zeros(bad.sum())], np.r_[scores[row, clean], scores[row, bad]]
        )
        pairs = np.mean(scores[row, clean] > scores[row, bad])
        print(
            f"{kind:10} {auc:6.3f} {pairs:12.3f} {np.mean(found[bad] != 'none'):10.2f} {np.mean(found[bad] == kind):8.2f}"
        )
    print(f"undamaged pictures of which damage is suspected: {np.mean(found[clean] != 'none'):.2f}")
    if arguments.write:
        for kind in DAMAGES:
            path = Path(technical.__file__).with_name(f"technical-{kind}.safetensors")
            learnt(items, kinds, groups, kind).save(path)
            print(f"written: {path.name}, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
