"""Learns the technical profile, and measures it on left-out sources.

    python benchmarks/build_technical.py [--write]

Sources: eleven photographs that scikit-image and scikit-learn ship, and renderings by the embedded model's renderer
(ten subjects, each a source). Every undamaged patch has damaged versions of known kind and strength. All choices are
made within the learning sources; the printed rates are on left-out sources (grouped cross-validation).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from damage import DAMAGES, damage
from PIL import Image
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

import soart.metrics.damage.scorer as technical
from soart.metrics.damage.scorer import CLEAN, TechnicalScorer
from soart.metrics.image import read_image
from soart.metrics.items.soart import SoartExtractor
from soart.metrics.protocols import Extractor
from soart.pipelines.tiny.drawings import role_map
from soart.pipelines.tiny.render import PAINTERS, palette_colors
from soart.pipelines.tiny.words import random_scene

SEED = 31
PHOTOGRAPHS = ("coffee.png", "astronaut.png", "motorcycle_left.png", "rocket.jpg", "chelsea.png", "hubble_deep_field.jpg",
               "retina.jpg", "ihc.png", "camera.png")  # fmt: skip
ALPHAS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


def photographs() -> list[np.ndarray]:
    """Source photographs as uint8 RGB."""
    import skimage
    import sklearn

    folder = Path(skimage.__file__).parent / "data"
    files = [folder / name for name in PHOTOGRAPHS]
    files += sorted((Path(sklearn.__file__).parent / "datasets" / "images").glob("*.jpg"))
    return [read_image(file).pixels for file in files]


def patches(per_photograph: int, per_subject: int) -> list[tuple[int, np.ndarray]]:
    """Undamaged patches of several sizes with the number of their source."""
    rng = np.random.default_rng(SEED)
    found = []
    sources = photographs()
    for source, pixels in enumerate(sources):
        for _ in range(per_photograph):
            side = int(rng.choice([64, 64, 96, 128, 192, 256]))
            # Reduced by at least 1.3, to average away artefacts of the camera and its JPEG.
            crop = int(min(min(pixels.shape[:2]), side * rng.uniform(1.3, 3.0)))
            y, x = (rng.integers(0, n - crop + 1) for n in pixels.shape[:2])
            image = Image.fromarray(pixels[y : y + crop, x : x + crop])
            side = min(side, int(crop / 1.3))
            image = image.resize((side, side), Image.Resampling.BOX)
            found.append((source, np.asarray(image, dtype=np.float32) / 255))
    for i in range(10 * per_subject):
        scene = random_scene(rng)
        roles = role_map(scene.subject, scene.framing, rng)
        image = PAINTERS[scene.style](roles, palette_colors(scene.palette, rng), rng)
        found.append((len(sources) + i % 10, np.clip(image, 0, 1).astype(np.float32)))
    return found


def ridge(x: np.ndarray, y: np.ndarray, weights: np.ndarray, alpha: float) -> np.ndarray:
    """Coefficients of ridge regression on centred data, with a weight for each row."""
    x, y = x - np.average(x, axis=0, weights=weights), y - np.average(y, weights=weights)
    return np.linalg.solve(x.T @ (weights[:, None] * x) + alpha * np.eye(x.shape[1]), x.T @ (weights * y))


def fit(
    items: np.ndarray,
    good: np.ndarray,
    groups: np.ndarray,
    extractor: Extractor,
    name: str,
    weights: np.ndarray | None = None,
) -> TechnicalScorer:
    """A profile from items; the ridge penalty is chosen by grouped cross-validation inside them.

    Args:
        items: (n, p).
        good: (n,) 1 for pictures that this profile regards as undamaged, 0 for damaged ones.
        groups: (n,) source of each picture.
        extractor: that measured the items.
        name: of the profile.
        weights: (n,) weight of each picture; good pictures of full weight are the clean ones.
    """
    weights = np.ones(len(good)) if weights is None else weights
    pure = (good == 1) & (weights == 1)
    centre, scale = items[pure].mean(0), np.maximum(items[pure].std(0), 1e-3)
    z = np.clip((items - centre) / scale, -6, 6)
    held_out = {alpha: np.zeros(len(z)) for alpha in ALPHAS}
    for learn, test in GroupKFold(5).split(z, good, groups):
        for alpha in ALPHAS:
            held_out[alpha][test] = z[test] @ ridge(z[learn], good[learn], weights[learn], alpha)
    best = max(ALPHAS, key=lambda alpha: roc_auc_score(good, held_out[alpha], sample_weight=weights))
    coefficients = ridge(z, good, weights, best)
    # Anchors 100 and 0 on left-out predictions: in-sample ones would be too far apart.
    gap = held_out[best][pure].mean() - held_out[best][good == 0].mean()
    return TechnicalScorer(extractor.names, centre, scale, coefficients * 100 / gap, extractor, name)


def with_limits(
    profile: TechnicalScorer, items: np.ndarray, good: np.ndarray, groups: np.ndarray, weights: np.ndarray
) -> TechnicalScorer:
    """The profile, with the scores of clean pictures whose sources were left out of learning."""
    left_out = np.zeros(len(good))
    for learn, test in GroupKFold(7).split(items, good, groups):
        fold = fit(items[learn], good[learn], groups[learn], profile.extractor, profile.stored_name, weights[learn])
        left_out[test] = CLEAN + fold.evidence(items[test])
    low, usual, high = np.quantile(left_out[(good == 1) & (weights == 1)], [0.02, 0.5, 0.75])
    # About half of the clean pictures score within this range: a higher score means no less damage.
    return replace(profile, usual=float(usual), limit=float(low), headroom=float(high - usual))


def main() -> None:
    """Build, measure, print, and with --write store the profile."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="store the profile in the package")
    parser.add_argument("--per-photograph", type=int, default=80)
    parser.add_argument("--per-subject", type=int, default=80)
    arguments = parser.parse_args()
    rng = np.random.default_rng(SEED + 1)
    extractor = SoartExtractor()
    rows, good, groups, kinds, strengths = [], [], [], [], []
    for source, image in patches(arguments.per_photograph, arguments.per_subject):
        kind, strength = str(rng.choice(list(DAMAGES))), float(rng.uniform())
        for picture, label, what, how in (
            (image, 1, "none", -1.0),
            (damage(image, kind, strength, rng), 0, kind, strength),
        ):
            # In 8 bits, like real pictures.
            rows.append(extractor.extract((picture * 255 + 0.5).astype(np.uint8))[0])
            good.append(label)
            groups.append(source)
            kinds.append(what)
            strengths.append(how)
    items, y, g = np.stack(rows).astype(np.float32).astype(float), np.array(good, float), np.array(groups)
    kind_of, strength_of = np.array(kinds), np.array(strengths)
    scores = np.zeros(len(y))
    for learn, test in GroupKFold(7).split(items, y, g):
        scores[test] = fit(items[learn], y[learn], g[learn], extractor, "fold").evidence(items[test]) + CLEAN
    photo = g < len(PHOTOGRAPHS) + 2
    pair = scores[0::2] > scores[1::2]
    print(f"{len(y)} pictures, {len(set(groups))} sources; left-out sources:")
    print(f"{'damage':10} {'AUC':>6} {'pairs right':>12} {'mean mild':>10} {'mean strong':>12}")
    for name in ["all", *DAMAGES]:
        bad = (y == 0) & ((kind_of == name) | (name == "all"))
        auc = roc_auc_score(np.r_[y[y == 1], y[bad]], np.r_[scores[y == 1], scores[bad]])
        mild, strong = (scores[bad & cut].mean() for cut in (strength_of < 0.33, strength_of > 0.67))
        print(f"{name:10} {auc:6.3f} {pair[bad[1::2]].mean():12.3f} {mild:10.1f} {strong:12.1f}")
    for name, part in (("photographs", photo), ("renderings", ~photo)):
        print(f"AUC on {name}: {roc_auc_score(y[part], scores[part]):.3f}")
    if arguments.write:
        path = Path(technical.__file__).with_name("technical.safetensors")
        with_limits(fit(items, y, g, extractor, "technical-2"), items, y, g, np.ones(len(y))).save(path)
        print(f"written: {path.name}, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
