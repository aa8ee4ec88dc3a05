"""Times measuring a picture on one core, beside decoding and other measures.

    python benchmarks/speed.py [--rounds 15]

Pictures are 512×512 crops of scikit-image photographs, stored as PNG. Each figure is the median over rounds of the mean
over the pictures, with the range of the rounds. All measures run in turn within a round, so a busy machine affects them
equally. The last table shows the growth of the cost with picture size, items and learning pictures.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import skimage
import torch
from brisque import brisque_features
from cleanvision.issue_managers.image_property import BlurrinessProperty, BrightnessProperty, EntropyProperty
from PIL import Image
from threadpoolctl import threadpool_limits

from soart.metrics.attention.version_d import AttentionD
from soart.metrics.attention.versions_abc import AttentionC
from soart.metrics.image import check_pixels, read_image
from soart.metrics.items.parts import items_of
from soart.metrics.items.planes import direct_statistics, halve, normalise, to_channels
from soart.metrics.items.soart import SoartExtractor

PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg", "ihc.png")


def direct_items(pixels: np.ndarray, extractor: SoartExtractor) -> np.ndarray:
    """The same items by convolution with every pattern."""
    plane = to_channels(torch.from_numpy(check_pixels(pixels)).permute(2, 0, 1)[None])
    found: dict[str, list[np.ndarray]] = {name: [] for name in extractor.representations}
    for scale in range(extractor.scales):
        plane = halve(plane) if scale else plane
        for name in extractor.representations:
            found[name].append(items_of(direct_statistics(plane if name == "raw" else normalise(plane)))[0])
    return np.stack([np.stack(found[name], axis=1) for name in extractor.representations]).ravel()


def cleanvision_passes(image: Image.Image) -> None:
    """Cleanvision's light, dark, information and blur checks."""
    for check in (BrightnessProperty("light"), EntropyProperty(), BlurrinessProperty()):
        check.calculate(image)


def photographs(folder: Path, side: int = 512) -> list[Path]:
    """PNG files of square crops; smaller photographs are enlarged to fill them."""
    files = []
    for name in PHOTOGRAPHS:
        pixels = read_image(Path(skimage.__file__).parent / "data" / name).pixels
        size = min(pixels.shape[:2])
        image = Image.fromarray(pixels[:size, :size]).resize((side, side), Image.Resampling.LANCZOS)
        files.append(folder / f"{Path(name).stem}.png")
        image.save(files[-1])
    return files


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    extractor = SoartExtractor()
    with tempfile.TemporaryDirectory() as folder:
        files = photographs(Path(folder))
        decoded = [read_image(file).pixels for file in files]
        images = [Image.fromarray(pixels) for pixels in decoded]
        worst = max(np.abs(direct_items(p, extractor) - extractor.extract(p)[0]).max() for p in decoded)
        measures: dict[str, Callable[[int], object]] = {
            "decode PNG (read_image)": lambda i: read_image(files[i]),
            "SOART, 576 items": lambda i: extractor.extract(decoded[i]),
            "decode + SOART": lambda i: extractor.extract(read_image(files[i]).pixels),
            "direct convolution": lambda i: direct_items(decoded[i], extractor),
            "BRISQUE, 36 features": lambda i: brisque_features(decoded[i]),
            "cleanvision, 3 checks": lambda i: cleanvision_passes(images[i]),
            "imagehash, phash": lambda i: imagehash.phash(images[i]),
        }
        rounds: dict[str, list[float]] = {name: [] for name in measures}
        for number in range(arguments.rounds + 1):
            for name, measure in measures.items():
                mean = np.mean([seconds(lambda i=i, m=measure: m(i)) for i in range(len(files))])
                # The first round warms up.
                if number:
                    rounds[name].append(1000 * float(mean))
    middle = {name: float(np.median(values)) for name, values in rounds.items()}
    print(
        f"{len(files)} pictures of 512×512, one core of {platform.processor() or platform.machine()}, torch {torch.__version__}"
    )
    print(f"{'measure':26} {'ms a picture':>12} {'range':>17}")
    for name, values in rounds.items():
        print(f"{name:26} {middle[name]:12.2f} {min(values):8.2f} … {max(values):6.2f}")
    items = middle["SOART, 576 items"]
    print(
        f"direct / SOART {middle['direct convolution'] / items:.1f} (bar 10); largest difference of an item {worst:.1e}"
    )
    print(f"(decode + SOART) / decode {middle['decode + SOART'] / middle['decode PNG (read_image)']:.2f} (bar 2)")
    print(f"BRISQUE / SOART {middle['BRISQUE, 36 features'] / items:.1f} (bar 10)")
    rng = np.random.default_rng(0)
    print("\nside of the picture   ms")
    for side in (64, 128, 256, 512, 1024, 2048):
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        print(f"{side:19} {1000 * min(seconds(lambda p=pixels: extractor.extract(p)) for _ in range(3)):8.2f}")
    print("\nitems p  learning n   fit C ms   fit D ms   measure a picture D ms")
    for p, n in ((36, 140), (144, 140), (576, 140), (576, 560), (576, 1120), (1152, 140)):
        x, modes = rng.normal(size=(n, p)), np.tile([str(k) for k in range(7)], n // 7)
        model = AttentionD()
        fits = [1000 * seconds(lambda m=m, x=x, y=modes: m.fit(x, y)) for m in (AttentionC(), model)]
        one = min(seconds(lambda m=model, x=x: m.predict(x[:1])) for _ in range(5))
        print(f"{p:7} {n:11} {fits[0]:10.1f} {fits[1]:10.1f} {1000 * one:24.2f}")


if __name__ == "__main__":
    main()
